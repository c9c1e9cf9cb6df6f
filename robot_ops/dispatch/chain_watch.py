"""Keeps the fleet's copy of the robots' chains of custody."""

from dataclasses import replace
from typing import Final

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import RobotId
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.robots import RobotState
from robot_ops.tasks.custody import GENESIS, ChainHead, CustodyEvent, link
from robot_ops.tasks.events import EventKind, custody_payload

_BEHIND_S: Final = 5.0
"""Seconds for which a robot's log must lack what the fleet has."""


class ChainWatch:
    """Records custody events and raises an alarm about chains that do not hold."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._behind_ns: dict[RobotId, int] = {}
        self._heads: dict[RobotId, tuple[dict[int, CustodyEvent], int, CustodyEvent]] = {}

    def take(self, event: CustodyEvent) -> None:
        """Record an event; one that is known already changes nothing.

        Raises:
            LedgerError: it could not be recorded; call again.
        """
        archived = self._context.book.archived.custody.get(event.robot)
        if archived is not None and event.seq <= archived.seq:
            return  # robots repeat their last events; these are in an archive
        chain = self._context.book.custody.get(event.robot, {})
        known = chain.get(event.seq)
        if known == event:
            self._look_for_gap(event.robot)
            return
        before, after = chain.get(event.seq - 1), chain.get(event.seq + 1)
        is_whole = (
            known is None
            and _is_authentic(event)
            and (before is None or before.digest == event.previous)
            and (archived is None or archived.seq != event.seq - 1 or archived.digest == event.previous)
            and (after is None or after.previous == event.digest)
        )
        if not is_whole:
            text = f"custody event {event.seq} of {event.robot} does not fit its chain: compare with the robot's log"
            self._context.alarms.put(f"custody/{event.robot}", text, robot=event.robot, is_error=True)
            return
        self._context.journal.write(EventKind.CUSTODY, event.task_id or event.robot, custody_payload(event))
        self._look_for_gap(event.robot)

    def compare(self, state: RobotState, head: ChainHead) -> None:
        """Raise an alarm while a robot's log ends before what the fleet has of it, or with another event.

        What it tells may be older than an event that has come already, so that only counts which lasts a while.
        """
        robot, now_ns = state.robot.id, self._context.time.now_ns
        last_seq, digest = self._known_head(robot)
        is_behind = head.count <= last_seq or (head.count == last_seq + 1 and head.digest != digest)
        if not is_behind:
            self._behind_ns.pop(robot, None)
        since_ns = self._behind_ns.setdefault(robot, now_ns) if is_behind else now_ns
        state.is_chain_cut = seconds_between(since_ns, now_ns) >= _BEHIND_S
        has = "is empty" if head.count == 0 else f"ends at event {head.count - 1}"
        known = "another one" if head.count == last_seq + 1 else f"event {last_seq}"
        text = (
            f"the custody log of {robot} {has} and the fleet has {known}: it was cut, or replaced by an older copy. "
            f"Stop its process, keep the log as evidence, and put the newest one back or make it anew from the ledger: "
            f"robot-ops ledger custody {robot}"
        )
        self._context.alarms.set(f"custody_cut/{robot}", state.is_chain_cut, text, robot=robot, is_error=True)

    def _known_head(self, robot: RobotId) -> tuple[int, str]:
        """Return number and digest of the last event that the fleet has; -1 for none."""
        chain = self._context.book.custody.get(robot)
        if not chain:
            archived = self._context.book.archived.custody.get(robot)
            return (-1, GENESIS) if archived is None else (archived.seq, archived.digest)
        known = self._heads.get(robot)
        if known is None or known[0] is not chain or known[1] != len(chain):
            known = self._heads[robot] = (chain, len(chain), chain[max(chain)])
        return known[2].seq, known[2].digest

    def _look_for_gap(self, robot: RobotId) -> None:
        """Raise an alarm while events are missing between those known; a late subscriber hears only the last ones."""
        chain = self._context.book.custody[robot]
        missing = max(chain) - min(chain) + 1 - len(chain)
        text = f"{missing} custody events of {robot} have not arrived: compare with the robot's log"
        self._context.alarms.set(f"custody_gap/{robot}", missing > 0, text, robot=robot, is_error=True)


def _is_authentic(event: CustodyEvent) -> bool:
    """Return whether the event's digest fits its fields."""
    if event.seq < 0:
        return False
    before = None if event.seq == 0 else replace(event, seq=event.seq - 1, digest=event.previous)
    expected = link(
        before,
        robot=event.robot,
        kind=event.kind,
        task_id=event.task_id,
        person=event.person,
        compartment=event.compartment,
        stamp_ns=event.stamp_ns,
    )
    return expected == event

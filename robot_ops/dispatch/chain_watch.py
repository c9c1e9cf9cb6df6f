"""Keeps the fleet's copy of the robots' chains of custody."""

from dataclasses import replace

from robot_ops.core.ids import RobotId
from robot_ops.dispatch.context import Context
from robot_ops.tasks.custody import CustodyEvent, link
from robot_ops.tasks.events import EventKind, custody_payload


class ChainWatch:
    """Records custody events and raises an alarm about chains that do not hold."""

    def __init__(self, context: Context) -> None:
        self._context = context

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

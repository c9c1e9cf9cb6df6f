"""Chains of custody are whole, and the fleet's copy is the robots' own."""

import hashlib
import json

from robot_ops.core.ids import RobotId
from robot_ops.simulation.invariants.base import Broken, Invariant, World
from robot_ops.tasks.custody import CustodyEvent
from robot_ops.tasks.ledger import LedgerEvent

_GENESIS = "0" * 64


class Custody(Invariant):
    """Computes every digest by itself."""

    name = "custody"
    says = "every robot's chain of custody is whole, and all of it that the fleet has is the same"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._last: dict[RobotId, CustodyEvent] = {}
        self._copied: dict[RobotId, dict[int, str]] = {}

    def recorded(self, event: CustodyEvent) -> None:
        """Look whether the event continues its chain."""
        last, self._last[event.robot] = self._last.get(event.robot), event
        seq, previous = (0, _GENESIS) if last is None else (last.seq + 1, last.digest)
        if (event.seq, event.previous) != (seq, previous) or event.digest != _digest(event):
            raise Broken(f"event {event.seq} of {event.robot} does not continue its chain")
        if last is not None and event.stamp_ns < last.stamp_ns:
            raise Broken(f"event {event.seq} of {event.robot} is older than the one before")

    def written(self, event: LedgerEvent) -> None:
        """Look whether the fleet writes what the robot wrote."""
        if event.kind != "custody.recorded":
            return
        robot, seq = RobotId(str(event.payload["robot"])), int(str(event.payload["seq"]))
        chain = self.world.robots[robot].chain()
        if seq >= len(chain) or chain[seq].digest != event.payload["digest"]:
            raise Broken(f"the fleet's event {seq} of {robot} is not the robot's")
        copied = self._copied.setdefault(robot, {})
        if seq in copied:
            raise Broken(f"the fleet has event {seq} of {robot} twice")
        copied[seq] = str(event.payload["digest"])

    def end(self) -> None:
        """Look whether the fleet has everything."""
        for robot, view in self.world.robots.items():
            missing = [event.seq for event in view.chain() if event.seq not in self._copied.get(robot, {})]
            if missing:
                raise Broken(f"the fleet has not got event {missing[0]} of {robot} ({len(missing)} are missing)")


def _digest(event: CustodyEvent) -> str:
    fields = [
        event.robot,
        event.seq,
        event.stamp_ns,
        event.kind.value,
        event.task_id,
        event.person,
        event.compartment,
        event.previous,
    ]
    return hashlib.sha256(json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()

"""How long robots have to wait before lanes lately, so that plans reckon with it."""

from typing import Final

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import NodeId, RobotId
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.robots import RobotState
from robot_ops.tasks.routes import Clearance
from robot_ops.traffic.control import TrafficControl

HALF_LIFE_S: Final = 600.0
"""What was seen that long ago counts half."""
_RENEW_S: Final = 60.0
_LONGEST_LOOK_S: Final = 5.0
_MOST_S: Final = 60.0
_LEAST_S: Final = 3.0
"""Shorter delays are in `TRAFFIC_FACTOR` already; and a change of less is no news."""

Way = tuple[NodeId, NodeId]


class Congestion:
    """Counts seconds of waiting and passages per way from a node to the next; both fade."""

    def __init__(self) -> None:
        self._waited: dict[Way, float] = {}
        self._passed: dict[Way, float] = {}
        self._at: dict[RobotId, NodeId] = {}
        self._looked_ns: int | None = None
        self._renewed_ns: int | None = None
        self._delays: dict[Way, float] = {}

    @property
    def delays(self) -> dict[Way, float]:
        """Return the seconds that a robot waits, on average, before it may drive a way; only where that is long."""
        return dict(self._delays)

    def watch(self, context: Context, traffic: TrafficControl, *, is_moved: bool) -> bool:
        """Look at all robots, where any has moved or waits; return whether the delays have changed."""
        now_ns = context.time.now_ns
        elapsed = self.begin(now_ns)
        if is_moved:
            waiting = {wait.robot for wait in traffic.waits() if wait.waits_for}
            for robot, state in context.robots.items():
                self.look(state, traffic.clearance(robot), is_waiting=robot in waiting, elapsed=elapsed)
        return self.renew(now_ns)

    def look(self, state: RobotState, clearance: Clearance | None, *, is_waiting: bool, elapsed: float) -> None:
        """Take one robot's place over.

        Args:
            is_waiting: it cannot go on; elapsed: seconds since the last look.
        """
        held = () if state.progress is None else state.progress.held
        if held:
            before, here = self._at.get(state.robot.id), held[0]
            if before is not None and before != here:
                self._passed[before, here] = self._passed.get((before, here), 0.0) + 1.0
            self._at[state.robot.id] = here
        if is_waiting and clearance is not None and clearance.cleared + 1 < len(clearance.waypoints):
            first, second = clearance.waypoints[clearance.cleared : clearance.cleared + 2]
            way = first.node, second.node
            self._waited[way] = self._waited.get(way, 0.0) + elapsed

    def begin(self, now_ns: int) -> float:
        """Begin a round of looks; return the seconds since the last one, little after a pause."""
        elapsed = 0.0 if self._looked_ns is None else seconds_between(self._looked_ns, now_ns)
        self._looked_ns = now_ns
        return min(max(0.0, elapsed), _LONGEST_LOOK_S)

    def renew(self, now_ns: int) -> bool:
        """Once a minute let what was seen fade and work the delays out anew; return whether they have changed."""
        if self._renewed_ns is None:
            self._renewed_ns = now_ns
        passed = seconds_between(self._renewed_ns, now_ns)
        if 0.0 <= passed < _RENEW_S:
            return False
        self._renewed_ns = now_ns
        kept = 0.5 ** (max(0.0, passed) / HALF_LIFE_S)
        self._waited = {way: seconds * kept for way, seconds in self._waited.items() if seconds * kept > 0.5}
        self._passed = {way: count * kept for way, count in self._passed.items() if count * kept > 0.01}
        # one passage more than was seen, so that a single long wait is not taken for what always happens
        found = {way: seconds / (self._passed.get(way, 0.0) + 1.0) for way, seconds in sorted(self._waited.items())}
        delays = {way: min(_MOST_S, round(seconds)) for way, seconds in found.items() if seconds >= _LEAST_S}
        ways = delays.keys() | self._delays.keys()
        if all(abs(delays.get(way, 0.0) - self._delays.get(way, 0.0)) < _LEAST_S for way in ways):
            return False
        self._delays = delays
        return True

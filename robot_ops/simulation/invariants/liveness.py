"""Somebody can always go on: robots that wait for each other do not wait in a ring."""

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import RobotId
from robot_ops.simulation.invariants.base import Broken, Invariant, World

_PATIENCE = 240.0  # s that a ring may last: what is late is ordered anew within seconds


class Liveness(Invariant):
    """Looks for rings of waiting robots that last."""

    name = "liveness"
    says = "robots never wait for each other in a ring that lasts"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._rings: dict[frozenset[RobotId], int] = {}

    def minute(self) -> None:
        """Look for rings, and for those that have lasted too long."""
        dispatcher, now_ns = self.world.dispatcher, self.world.now_ns()
        if dispatcher is None:
            self._rings.clear()
            return
        waits = {wait.robot: wait.waits_for for wait in dispatcher.waits()}
        rings = {ring for robot in waits if (ring := _ring_from(robot, waits))}
        self._rings = {ring: self._rings.get(ring, now_ns) for ring in rings}
        for ring, since_ns in self._rings.items():
            if seconds_between(since_ns, now_ns) >= _PATIENCE:
                raise Broken(f"{', '.join(sorted(ring))} wait for each other")


def _ring_from(start: RobotId, waits: dict[RobotId, tuple[RobotId, ...]]) -> frozenset[RobotId]:
    """Return the robots that all wait, directly or not, for each other with this one; empty for none."""
    after = _reachable(start, waits)
    return frozenset(robot for robot in after if start in _reachable(robot, waits)) if start in after else frozenset()


def _reachable(start: RobotId, waits: dict[RobotId, tuple[RobotId, ...]]) -> set[RobotId]:
    found: set[RobotId] = set()
    queue = list(waits.get(start, ()))
    while queue:
        robot = queue.pop()
        if robot not in found:
            found.add(robot)
            queue += waits.get(robot, ())
    return found

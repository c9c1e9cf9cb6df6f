"""What robots may take up, as it is kept for the next process."""

from collections.abc import Mapping

from robot_ops.core.ids import RobotId, RouteId
from robot_ops.tasks.routes import RouteProgress
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.restrictions import Bubbles
from robot_ops.traffic.track import NEVER_NS, Track


class HoldingBook:
    """Renews it where robots may have moved; what is the same is the same object."""

    def __init__(self, graph: LaneGraph, bubbles: Bubbles) -> None:
        self._names = graph.nodes
        self._bubbles = bubbles
        self._held: dict[RobotId, RouteProgress] = {}
        self._touched: set[RobotId] = set()

    def touch(self, robot: RobotId) -> None:
        """Note that the robot may have moved, or may go on."""
        self._touched.add(robot)

    def renew(self, tracks: Mapping[RobotId, Track]) -> tuple[RouteProgress, ...]:
        """Return what each robot may take up now."""
        held, touched = self._held, self._touched
        self._held = {
            robot: held[robot] if robot in held and robot not in touched else self._holding(track, held.get(robot))
            for robot, track in tracks.items()
        }
        touched.clear()
        return tuple(self._held.values())

    def _holding(self, track: Track, known: RouteProgress | None) -> RouteProgress:
        held = tuple([self._names[node] for node in track.held_nodes()])
        radius = self._bubbles.radius(track.robot)
        if known is not None and (known.held, known.tail, known.free, known.free_radius) == (
            held,
            track.tail,
            track.free,
            radius,
        ):
            return known
        return RouteProgress(
            robot=track.robot,
            stamp_ns=NEVER_NS,
            route_id=RouteId(""),
            reached=0,
            held=held,
            tail=track.tail,
            free=track.free,
            free_radius=radius,
        )

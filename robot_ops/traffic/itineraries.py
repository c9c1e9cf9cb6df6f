"""What robots are told: routes as waypoints, and how far along them they may drive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from robot_ops.core.ids import RobotId
from robot_ops.tasks.routes import Clearance, Waypoint
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.track import Route, Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What a clearance says besides the way."""

    waiting_for: str = ""
    is_recall: bool = False
    is_emergency: bool = False


@dataclass(slots=True)
class ItineraryBook:
    """The robots' clearances; one that says the same as before keeps its stamp and route id."""

    graph: LaneGraph
    _clearances: dict[RobotId, Clearance] = field(default_factory=dict)
    _waypoints: dict[RobotId, tuple[Route, LaneGraph, tuple[Waypoint, ...]]] = field(default_factory=dict)

    def all(self) -> tuple[Clearance, ...]:
        """Return all clearances in the order of the robots' ids."""
        return tuple(self._clearances.values())

    def of(self, robot: RobotId) -> Clearance | None:
        """Return the robot's clearance, None where it has none."""
        return self._clearances.get(robot)

    def drop(self, robot: RobotId) -> None:
        """Forget the robot's clearance: it answers nothing that the robot asks now."""
        self._clearances.pop(robot, None)

    def forget(self, robot: RobotId) -> None:
        """Forget everything about a robot."""
        self._clearances.pop(robot, None)
        self._waypoints.pop(robot, None)

    def renew(
        self, told: Mapping[RobotId, tuple[Track, Sequence[Arc], Telling] | None], now_ns: int
    ) -> tuple[Clearance, ...]:
        """Replace all clearances.

        Args:
            told: per robot that gets one, its track, its moves beyond what it is cleared for, and what else it says;
                None where nothing has changed.
        """
        known, self._clearances = self._clearances, {}
        for robot, one in told.items():
            if one is not None:
                track, arcs, telling = one
                route = track.plan(arcs, now_ns)
                self._clearances[robot] = self._renewed(known.get(robot), track, route, telling, now_ns)
            elif robot in known:
                self._clearances[robot] = known[robot]
        return self.all()

    def _renewed(self, known: Clearance | None, track: Track, route: Route, telling: Telling, now_ns: int) -> Clearance:
        waypoints, cleared = self._waypoints_of(track.robot, route), len(track.path) - 1 - route.first
        if (
            known is not None
            and (known.route_id, known.goal_seq, known.cleared) == (route.id, track.goal_seq, cleared)
            and (known.waiting_for, known.is_recall, known.is_emergency)
            == (telling.waiting_for, telling.is_recall, telling.is_emergency)
            and known.waypoints == waypoints
        ):
            return known
        return Clearance(
            robot=track.robot,
            stamp_ns=now_ns,
            route_id=route.id,
            goal_seq=track.goal_seq,
            waypoints=waypoints,
            cleared=cleared,
            waiting_for=telling.waiting_for,
            is_recall=telling.is_recall,
            is_emergency=telling.is_emergency,
        )

    def _waypoints_of(self, robot: RobotId, route: Route) -> tuple[Waypoint, ...]:
        known = self._waypoints.get(robot)
        if known is not None and known[0] is route and known[1] is self.graph:
            return known[2]
        arcs = self.graph.arcs_along(route.nodes) or []
        waypoints = [self._waypoint(route.nodes[0], speed_limit=arcs[0].speed if arcs else 1.0)]
        for arc in arcs:
            waypoint = self._waypoint(arc.end, speed_limit=arc.speed)
            waypoints.append(replace(waypoint, door=arc.door, lift=arc.lift))
        self._waypoints[robot] = (route, self.graph, tuple(waypoints))
        return tuple(waypoints)

    def _waypoint(self, number: int, *, speed_limit: float) -> Waypoint:
        node = self.graph.site.nodes[self.graph.nodes[number]]
        return Waypoint(node=node.id, level=node.level, x=node.x, y=node.y, speed_limit=speed_limit)

"""What operators' rules and robots off their lanes mean for the lane graph."""

from typing import Final

import shapely

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import RobotId
from robot_ops.core.poses import LevelPose
from robot_ops.site.model import Site, Zone
from robot_ops.tasks.routes import RouteProgress
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.conflicts import MARGIN, ConflictMap
from robot_ops.traffic.graph import LaneGraph, Restrictions

BUBBLE_SLACK: Final = 0.5
"""Meters that a robot off its lanes may move before the room around it is found anew."""
FIRE_LANE: Final = "fire_lane"
"""Kind of the zones that everybody leaves in an emergency."""


def check_rules(site: Site, rules: TrafficRules) -> None:
    """Check that the rules are about this site.

    Raises:
        RequestError: it has not such a lane, zone or robot.
    """
    for what, where, unknown in (
        ("lane", "closed_lanes", rules.closed_lanes - site.lanes.keys()),
        ("zone", "speed_limits", rules.speed_limits.keys() - site.zones.keys()),
        ("robot", "absent_robots", rules.absent_robots - site.robots.keys()),
    ):
        if unknown:
            names = ", ".join(repr(name) for name in sorted(unknown))
            raise RequestError(f"the site has no {what} {names}", where=where, mend=f"Name {what}s of the site")


def known_rules(site: Site, rules: TrafficRules) -> TrafficRules:
    """Return the rules without what the site has not (it may have changed since they were set)."""
    return TrafficRules(
        closed_lanes=rules.closed_lanes & site.lanes.keys(),
        speed_limits={zone: limit for zone, limit in rules.speed_limits.items() if zone in site.zones},
        is_emergency=rules.is_emergency,
        absent_robots=rules.absent_robots & site.robots.keys(),
    )


def closed_lanes(graph: LaneGraph, rules: TrafficRules) -> frozenset[tuple[int, bool]]:
    """Return (cell, is_forward) of the closed lanes and, in an emergency, of all ways into lifts and their rides."""
    cells = {graph.lane_cell0 + k for k, lane in enumerate(graph.lanes) if lane.id in rules.closed_lanes}
    return frozenset(
        (arc.cell, arc.is_forward)
        for arc in graph.all_arcs
        if arc.cell in cells or (rules.is_emergency and (arc.lift is not None or arc.end in graph.cabins))
    )


def zone_speeds(graph: LaneGraph, rules: TrafficRules) -> dict[int, float]:
    """Return, per lane cell with an end or a part in a zone with a limit, the least such limit in m/s."""
    speeds: dict[int, float] = {}
    site = graph.site
    for zone_id, limit in rules.speed_limits.items():
        zone = site.zones[zone_id]
        outline = shapely.Polygon(zone.corners)
        for number, lane in enumerate(graph.lanes):
            start, end = site.nodes[lane.start], site.nodes[lane.end]
            if start.level == zone.level and outline.intersects(
                shapely.LineString([(start.x, start.y), (end.x, end.y)])
            ):
                cell = graph.lane_cell0 + number
                speeds[cell] = min(limit, speeds.get(cell, limit))
    return speeds


def restrictions_of(graph: LaneGraph, rules: TrafficRules) -> Restrictions:
    """Return what the rules mean for the graph."""
    return Restrictions(closed=closed_lanes(graph, rules), speeds=zone_speeds(graph, rules))


def zones_of_kind(site: Site, kind: str) -> list[Zone]:
    """Return the site's zones of a kind."""
    return [zone for zone in site.zones.values() if zone.kind == kind]


class Bubbles:
    """Robots off their lanes, and what nobody else may enter because of them."""

    def __init__(self, graph: LaneGraph, conflicts: ConflictMap) -> None:
        self._graph = graph
        self._conflicts = conflicts
        self._closed: dict[RobotId, tuple[LevelPose, float, frozenset[tuple[int, bool]]]] = {}

    def update(self, progress: RouteProgress) -> bool:
        """Take in a robot's report; return whether it changes what is closed."""
        known = self._closed.get(progress.robot)
        if progress.free is None:
            return self.remove(progress.robot)
        at, radius = progress.free, progress.free_radius
        is_same_place = known is not None and known[0].level == at.level and known[1] == radius
        if known is not None and is_same_place and known[0].pose.distance_to(at.pose) <= BUBBLE_SLACK:
            return False
        closed = self._around(at, radius)
        self._closed[progress.robot] = (at, radius, closed)
        return known is None or known[2] != closed

    def remove(self, robot: RobotId) -> bool:
        """Forget a robot; return whether that changes what is closed."""
        known = self._closed.pop(robot, None)
        return known is not None and bool(known[2])

    def radius(self, robot: RobotId) -> float:
        """Return the radius of the robot's circle in meters, 0 where it keeps to the lanes."""
        known = self._closed.get(robot)
        return 0.0 if known is None else known[1]

    def is_in_way(self, robot: RobotId, at: LevelPose, end: tuple[float, float]) -> bool:
        """Return whether a robot that drives straight from where it is to a point comes closer to another's middle."""
        way = shapely.LineString([(at.pose.x, at.pose.y), end])
        for other, (place, radius, _) in self._closed.items():
            if other == robot or place.level != at.level:
                continue
            nearest = way.distance(shapely.Point(place.pose.x, place.pose.y))
            is_inside = nearest < radius + self._graph.largest_radius + MARGIN
            if is_inside and nearest < at.pose.distance_to(place.pose) - 0.05:
                return True
        return False

    def closed(self) -> frozenset[tuple[int, bool]]:
        """Return (cell, is_forward) of everything that nobody may enter now."""
        return frozenset().union(*(closed for _, _, closed in self._closed.values()))

    def closing(self, cell: int, *, is_forward: bool) -> list[RobotId]:
        """Return the robots whose bubbles close the lane, in the order of their ids."""
        return sorted(robot for robot, (_, _, closed) in self._closed.items() if (cell, is_forward) in closed)

    def _around(self, at: LevelPose, radius: float) -> frozenset[tuple[int, bool]]:
        """Return the lanes that lead into the circle; one that leads straight away from the robot stays open."""
        reach = radius + self._graph.largest_radius + MARGIN + BUBBLE_SLACK
        near = self._conflicts.around(at.level, (at.pose.x, at.pose.y), reach)
        closed = set()
        for arc in self._graph.all_arcs:
            if arc.cell not in near and arc.end not in near:
                continue
            leaves = arc.end not in near and arc.start in near and near.get(arc.cell, 0.0) >= near[arc.start] - 1e-9
            if not leaves:
                closed.add((arc.cell, arc.is_forward))
        return frozenset(closed)

"""Checks how the parts of a site fit each other.

What is an error would make robots collide, block each other for good or wait forever; a warning costs time.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import shapely

from robot_ops.core.ids import LevelId, NodeId
from robot_ops.site.model import Lane, Node, Place, PlaceKind, Robot, RobotKind, RobotModel, Site

NODE_MARGIN: Final = 0.2
"""Meters that must stay between two robots standing on neighboring nodes."""
DEFAULT_RADIUS: Final = 0.35
SHAFT_TOLERANCE: Final = 0.01
"""Meters by which the stops of one lift may differ."""


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong with a site.

    Attributes:
        path: the part it is about ("lanes.a-b").
        text: what is wrong; mend: what to do about it; both without a full stop.
        level, x, y: where on the map, meters; None where it is about no point.
    """

    severity: Severity
    path: str
    text: str
    mend: str
    level: LevelId | None = None
    x: float | None = None
    y: float | None = None


def check_site(site: Site, *, radius: float = DEFAULT_RADIUS) -> list[Finding]:
    """Return all findings, errors first.

    Args:
        radius: of the robots, meters, where the site names none.
    """
    findings = [*_levels(site), *_lanes(site), *_lifts(site)]
    if not findings:
        widest = _radius(site, radius)
        findings += [*_spacing(site, widest), *_crossings(site, widest), *_doors(site)]
    findings += [*_places(site), *_reachability(site), *_zones(site), *_robots(site), *_staff(site), *_world(site)]
    return sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR)


def _error(path: str, text: str, mend: str, node: Node | None = None) -> Finding:
    if node is None:
        return Finding(severity=Severity.ERROR, path=path, text=text, mend=mend)
    return Finding(severity=Severity.ERROR, path=path, text=text, mend=mend, level=node.level, x=node.x, y=node.y)


def _warning(path: str, text: str, mend: str, node: Node | None = None) -> Finding:
    if node is None:
        return Finding(severity=Severity.WARNING, path=path, text=text, mend=mend)
    return Finding(severity=Severity.WARNING, path=path, text=text, mend=mend, level=node.level, x=node.x, y=node.y)


def _radius(site: Site, default: float) -> float:
    return max((robot.model.radius for robot in site.robots.values()), default=default)


def _neighbors(site: Site) -> dict[NodeId, set[NodeId]]:
    neighbors: dict[NodeId, set[NodeId]] = {node: set() for node in site.nodes}
    for lane in site.lanes.values():
        neighbors[lane.start].add(lane.end)
        neighbors[lane.end].add(lane.start)
    return neighbors


def _levels(site: Site) -> Iterator[Finding]:
    for elevation, count in Counter(level.elevation for level in site.levels.values()).items():
        if count > 1:
            yield _error("levels", f"{count} levels have the elevation {elevation:g} m", "Correct the elevations")


def _lanes(site: Site) -> Iterator[Finding]:
    for lane in site.lanes.values():
        start, end = site.nodes[lane.start], site.nodes[lane.end]
        if start.level != end.level:
            text = f"the lane joins level '{start.level}' with level '{end.level}'"
            yield _error(f"lanes.{lane.id}", text, "Only lifts join levels", start)
        elif math.hypot(end.x - start.x, end.y - start.y) <= 0:
            yield _error(f"lanes.{lane.id}", "the lane has no length", "Move one of its nodes", start)
    for node, neighbors in _neighbors(site).items():
        if not neighbors:
            yield _warning(f"nodes.{node}", "no lane leads to the node", "Join or remove it", site.nodes[node])


def _lifts(site: Site) -> Iterator[Finding]:
    neighbors = _neighbors(site)
    used: Counter[NodeId] = Counter(node for lift in site.lifts.values() for node in lift.stops.values())
    for lift in site.lifts.values():
        path = f"lifts.{lift.id}"
        if len(lift.stops) < 2 or lift.stops.keys() != lift.lobbies.keys():
            yield _error(path, "a lift needs a stop and a lobby on each of two levels or more", "Add what is missing")
            continue
        first = site.nodes[next(iter(lift.stops.values()))]
        for level, stop in lift.stops.items():
            node, lobby = site.nodes[stop], site.nodes[lift.lobbies[level]]
            if node.level != level or lobby.level != level:
                yield _error(path, f"stop or lobby of '{level}' is a node of another level", "Correct the node", node)
            if math.hypot(node.x - first.x, node.y - first.y) > SHAFT_TOLERANCE:
                text = f"stops '{first.id}' and '{stop}' are not above each other"
                yield _error(path, text, "Give them the same x and y", node)
            if neighbors[stop] != {lobby.id}:
                yield _error(path, f"'{stop}' must be joined with '{lobby.id}' only", "Correct the lanes", node)
            if used[stop] > 1:
                yield _error(path, f"two lifts stop at '{stop}'", "Give each lift nodes of its own", node)


def _spacing(site: Site, radius: float) -> Iterator[Finding]:
    gap = 2 * radius + NODE_MARGIN
    for level in site.levels:
        nodes = [node for node in site.nodes.values() if node.level == level]
        points = shapely.points([[node.x, node.y] for node in nodes])
        pairs = shapely.STRtree(points).query(points, predicate="dwithin", distance=gap - 1e-9)
        for first, second in pairs.T:
            if first < second:
                a, b = nodes[first], nodes[second]
                distance = math.hypot(a.x - b.x, a.y - b.y)
                text = f"nodes '{a.id}' and '{b.id}' are {distance:.2f} m apart; robots on both would touch"
                yield _error(f"nodes.{a.id}", text, f"Move them to at least {gap:.2f} m", a)


def _crossings(site: Site, radius: float) -> Iterator[Finding]:
    for level in site.levels:
        lanes = [lane for lane in site.lanes.values() if site.nodes[lane.start].level == level]
        segments = shapely.linestrings([_segment(site, lane) for lane in lanes]) if lanes else np.array([])
        tree = shapely.STRtree(segments)
        for first, second in tree.query(segments, predicate="dwithin", distance=2 * radius).T:
            a, b = lanes[first], lanes[second]
            if first >= second or {a.start, a.end} & {b.start, b.end}:
                continue
            distance = shapely.distance(segments[first], segments[second])
            node = site.nodes[a.start]
            if distance <= 0:
                text = f"the lane crosses lane '{b.id}' where no node is"
                yield _error(f"lanes.{a.id}", text, "Put a node on the crossing and split both lanes", node)
            else:
                text = f"the lane passes lane '{b.id}' at {distance:.2f} m; two robots cannot pass each other"
                yield _warning(f"lanes.{a.id}", text, f"Keep {2 * radius:.2f} m or more", node)
        nodes = [node for node in site.nodes.values() if node.level == level]
        points = shapely.points([[node.x, node.y] for node in nodes])
        for index, on in tree.query(points, predicate="dwithin", distance=max(radius, 1e-6)).T:
            node, lane = nodes[index], lanes[on]
            if node.id not in (lane.start, lane.end):
                text = f"the lane runs over node '{node.id}' without stopping there"
                yield _error(f"lanes.{lane.id}", text, "Split the lane at the node or move the node", node)


def _segment(site: Site, lane: Lane) -> list[tuple[float, float]]:
    start, end = site.nodes[lane.start], site.nodes[lane.end]
    return [(start.x, start.y), (end.x, end.y)]


def _doors(site: Site) -> Iterator[Finding]:
    for door in site.doors.values():
        leaf = shapely.LineString([door.start, door.end])
        through = [lane for lane in site.lanes.values() if lane.door == door.id]
        if not through:
            yield _warning(f"doors.{door.id}", "no lane passes through the door", "Name it in a lane")
        for lane in site.lanes.values():
            node = site.nodes[lane.start]
            is_crossing = node.level == door.level and leaf.intersects(shapely.LineString(_segment(site, lane)))
            if is_crossing and lane.door != door.id:
                text = f"the lane passes through '{door.id}' without naming it"
                yield _error(f"lanes.{lane.id}", text, f"Write 'door: {door.id}'", node)
            if lane.door == door.id and not is_crossing:
                text = f"the lane names '{door.id}' but does not pass through it"
                yield _error(f"lanes.{lane.id}", text, "Correct the door's ends or the lane", node)


def _places(site: Site) -> Iterator[Finding]:
    neighbors = _neighbors(site)
    by_node: dict[NodeId, Place] = {}
    tags: dict[int, Place] = {}
    stays = (PlaceKind.CHARGER, PlaceKind.WAITING)
    cabins = {node for lift in site.lifts.values() for node in (*lift.stops.values(), *lift.lobbies.values())}
    for place in site.places.values():
        path, node = f"places.{place.id}", site.nodes[place.node]
        report = _error if place.kind in stays else _warning
        if place.node in by_node:
            text = f"node '{place.node}' also serves place '{by_node[place.node].id}'"
            yield report(path, text, "Give each place a node of its own", node)
        by_node[place.node] = place
        if len(neighbors[place.node]) > 1:
            text = "the place is on a through route; a robot that stands there blocks the others"
            yield report(path, text, "Put it on a dead-end node beside the route", node)
        if place.node in cabins:
            yield _error(path, "the place is in a lift or its lobby", "Move it to a node of its own", node)
        if place.kind is PlaceKind.CHARGER and place.tag is None:
            yield _warning(path, "robots dock to this charger without a tag", "Add 'tag' and 'dock'", node)
        if place.tag is not None:
            if place.tag in tags:
                text = f"tag {place.tag} is also at '{tags[place.tag].id}'"
                yield _error(path, text, "Tags must differ within a site", node)
            tags[place.tag] = place


def _reach(edges: dict[NodeId, set[NodeId]], start: NodeId) -> set[NodeId]:
    seen, open_nodes = {start}, [start]
    while open_nodes:
        for node in edges[open_nodes.pop()] - seen:
            seen.add(node)
            open_nodes.append(node)
    return seen


def _reachability(site: Site) -> Iterator[Finding]:
    forward: dict[NodeId, set[NodeId]] = {node: set() for node in site.nodes}
    for lane in site.lanes.values():
        forward[lane.start].add(lane.end)
        if not lane.is_one_way:
            forward[lane.end].add(lane.start)
    for lift in site.lifts.values():
        for stop in lift.stops.values():
            forward[stop] |= set(lift.stops.values()) - {stop}
    backward: dict[NodeId, set[NodeId]] = {node: set() for node in site.nodes}
    for start, ends in forward.items():
        for end in ends:
            backward[end].add(start)
    home = _home(site)
    if home is None:
        return
    reached, reaching = _reach(forward, home.node), _reach(backward, home.node)
    for place in site.places.values():
        node = site.nodes[place.node]
        if place.node not in reached:
            yield _error(f"places.{place.id}", f"no way leads there from '{home.id}'", "Add or turn lanes", node)
        elif place.node not in reaching:
            yield _error(f"places.{place.id}", f"no way leads from there to '{home.id}'", "Add or turn lanes", node)


def _home(site: Site) -> Place | None:
    chargers: Iterable[Place] = (site.places[robot.charger] for robot in site.robots.values())
    return next(iter(chargers), None) or next(iter(site.places.values()), None)


def _zones(site: Site) -> Iterator[Finding]:
    for zone in site.zones.values():
        polygon = shapely.Polygon(zone.corners)
        if not polygon.is_valid or polygon.area <= 0:
            yield _error(f"zones.{zone.id}", "the outline crosses itself or is flat", "Go around the zone once")


def _robots(site: Site) -> Iterator[Finding]:
    chargers: dict[str, Robot] = {}
    parks: dict[str, Robot] = {}
    for robot in site.robots.values():
        path = f"robots.{robot.id}"
        charger, park = site.places[robot.charger], site.places[robot.park]
        if charger.kind is not PlaceKind.CHARGER:
            yield _error(path, f"'{charger.id}' is a {charger.kind.value}, no charger", "Name a charger")
        if park.kind is not PlaceKind.WAITING:
            yield _error(path, f"'{park.id}' is a {park.kind.value}, no waiting spot", "Name a waiting spot")
        if charger.id in chargers:
            text = f"charger '{charger.id}' also belongs to '{chargers[charger.id].id}'"
            yield _error(path, text, "Give each robot a charger of its own")
        if park.id in parks:
            text = f"waiting spot '{park.id}' also belongs to '{parks[park.id].id}'"
            yield _error(path, text, "Give each robot a waiting spot of its own")
        chargers[charger.id], parks[park.id] = robot, robot
        if robot.model.kind is RobotKind.GUIDE and not robot.languages:
            yield _warning(path, "the guide speaks no language", "Add 'languages: [en]'")
    for model in {robot.model.id: robot.model for robot in site.robots.values()}.values():
        yield from _model(model)


def _model(model: RobotModel) -> Iterator[Finding]:
    path = f"robot_models.{model.id}"
    if not 0.1 <= model.radius <= 1.5:
        yield _error(path, f"a radius of {model.radius:g} m is no service robot's", "Give meters")
    if model.max_speed > 3:
        yield _error(path, f"{model.max_speed:g} m/s is too fast among people", "Give meters per second")
    if model.charge_w <= model.idle_w:
        text = f"the charger gives {model.charge_w:g} W, resting takes {model.idle_w:g} W: it never fills the battery"
        yield _error(path, text, "Correct charge_w or idle_w")
    hours = model.battery_wh / (model.idle_w + model.drive_w)
    if hours < 0.5:
        yield _error(
            path, f"the battery lasts for {hours * 60:.0f} minutes of driving", "Correct the battery's numbers"
        )
    elif hours < 2:
        yield _warning(path, f"the battery lasts for {hours:.1f} hours of driving", "Plan for many charges")
    if model.kind is RobotKind.COURIER and not model.compartments:
        yield _error(path, "a courier needs a compartment", "Add 'compartments: [compartment_1]'")
    if model.kind is RobotKind.GUIDE and model.compartments:
        yield _error(path, "a guide carries nothing", "Remove 'compartments' or make it a courier")


def _staff(site: Site) -> Iterator[Finding]:
    for member in site.staff.values():
        place = site.places[member.place]
        if place.kind not in (PlaceKind.COUNTER, PlaceKind.DESK, PlaceKind.ARCHIVE):
            text = f"nobody works at a {place.kind.value} ('{place.id}')"
            yield _error(f"staff.{member.id}", text, "Name a counter, desk or archive")


def _world(site: Site) -> Iterator[Finding]:
    if site.world_file is not None and not site.world_file.is_file():
        yield _warning(
            "world", f"there is no file {site.world_file.name}", "Correct the path; without it no simulation"
        )

"""Checks levels, lanes, lifts and doors: whether robots that follow them would touch, or could not follow them."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely

from robot_ops.core.ids import NodeId
from robot_ops.site.findings import Finding, Severity, error, warning
from robot_ops.site.model import Lane, Site
from robot_ops.site.ways import neighbors

NODE_MARGIN: Final = 0.2
"""Meters that must stay between two robots standing on neighboring nodes."""
SHAFT_TOLERANCE: Final = 0.01
"""Meters by which the stops of one lift may differ."""
SHORTEST_LANE: Final = 0.01
"""Meters; a shorter lane has no direction that a robot could take."""


def clear_distance(radius: float) -> float:
    """Return the distance in meters between the centers of two robots of this radius that are clear of each other."""
    return 2 * radius + NODE_MARGIN


def check_lanes(site: Site, radius: float) -> Iterator[Finding]:
    """Yield what is wrong with levels, lanes, lifts and doors; how they lie to each other only where each is sound."""
    basics = [*_levels(site), *_lanes(site), *_lifts(site)]
    yield from basics
    if all(found.severity is not Severity.ERROR for found in basics):
        yield from _spacing(site, radius)
        yield from _crossings(site, radius)
        yield from _doors(site)


def _levels(site: Site) -> Iterator[Finding]:
    for elevation, count in Counter(level.elevation for level in site.levels.values()).items():
        if count > 1:
            yield error("levels", f"{count} levels have the elevation {elevation:g} m", "Correct the elevations")


def _lanes(site: Site) -> Iterator[Finding]:
    for lane in site.lanes.values():
        start, end = site.nodes[lane.start], site.nodes[lane.end]
        if start.level != end.level:
            text = f"the lane joins level '{start.level}' with level '{end.level}'"
            yield error(f"lanes.{lane.id}", text, "Only lifts join levels", start)
            continue
        length = math.hypot(end.x - start.x, end.y - start.y)
        if length < SHORTEST_LANE:
            text = f"the lane has no length ({length * 1000:.0f} mm)"
            yield error(f"lanes.{lane.id}", text, "Move one of its nodes, or make them one", start)
    for node, joined in neighbors(site).items():
        if not joined:
            yield warning(f"nodes.{node}", "no lane leads to the node", "Join or remove it", site.nodes[node])


def _lifts(site: Site) -> Iterator[Finding]:
    joined = neighbors(site)
    used: Counter[NodeId] = Counter(node for lift in site.lifts.values() for node in lift.stops.values())
    for lift in site.lifts.values():
        path = f"lifts.{lift.id}"
        if len(lift.stops) < 2 or lift.stops.keys() != lift.lobbies.keys():
            yield error(path, "a lift needs a stop and a lobby on each of two levels or more", "Add what is missing")
            continue
        first = site.nodes[next(iter(lift.stops.values()))]
        for level, stop in lift.stops.items():
            node, lobby = site.nodes[stop], site.nodes[lift.lobbies[level]]
            if node.level != level or lobby.level != level:
                yield error(path, f"stop or lobby of '{level}' is a node of another level", "Correct the node", node)
            if math.hypot(node.x - first.x, node.y - first.y) > SHAFT_TOLERANCE:
                text = f"stops '{first.id}' and '{stop}' are not above each other"
                yield error(path, text, "Give them the same x and y", node)
            if joined[stop] != {lobby.id}:
                yield error(path, f"'{stop}' must be joined with '{lobby.id}' only", "Correct the lanes", node)
            if used[stop] > 1:
                yield error(path, f"two lifts stop at '{stop}'", "Give each lift nodes of its own", node)


def _spacing(site: Site, radius: float) -> Iterator[Finding]:
    gap = clear_distance(radius)
    for level in site.levels:
        nodes = [node for node in site.nodes.values() if node.level == level]
        points = shapely.points([[node.x, node.y] for node in nodes])
        pairs = shapely.STRtree(points).query(points, predicate="dwithin", distance=gap - 1e-9)
        for first, second in pairs.T:
            if first < second:
                a, b = nodes[first], nodes[second]
                distance = math.hypot(a.x - b.x, a.y - b.y)
                text = f"nodes '{a.id}' and '{b.id}' are {distance:.2f} m apart; robots on both would touch"
                yield error(f"nodes.{a.id}", text, f"Move them to at least {gap:.2f} m", a)


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
                yield error(f"lanes.{a.id}", text, "Put a node on the crossing and split both lanes", node)
            else:
                text = f"the lane passes lane '{b.id}' at {distance:.2f} m; two robots cannot pass each other"
                yield warning(f"lanes.{a.id}", text, f"Keep {2 * radius:.2f} m or more", node)
        nodes = [node for node in site.nodes.values() if node.level == level]
        points = shapely.points([[node.x, node.y] for node in nodes])
        for index, on in tree.query(points, predicate="dwithin", distance=max(radius, 1e-6)).T:
            node, lane = nodes[index], lanes[on]
            if node.id not in (lane.start, lane.end):
                text = f"the lane runs over node '{node.id}' without stopping there"
                yield error(f"lanes.{lane.id}", text, "Split the lane at the node or move the node", node)


def _segment(site: Site, lane: Lane) -> list[tuple[float, float]]:
    start, end = site.nodes[lane.start], site.nodes[lane.end]
    return [(start.x, start.y), (end.x, end.y)]


def _doors(site: Site) -> Iterator[Finding]:
    for door in site.doors.values():
        leaf = shapely.LineString([door.start, door.end])
        through = [lane for lane in site.lanes.values() if lane.door == door.id]
        if not through:
            yield warning(f"doors.{door.id}", "no lane passes through the door", "Name it in a lane")
        for lane in site.lanes.values():
            node = site.nodes[lane.start]
            is_crossing = node.level == door.level and leaf.intersects(shapely.LineString(_segment(site, lane)))
            if is_crossing and lane.door != door.id:
                text = f"the lane passes through '{door.id}' without naming it"
                yield error(f"lanes.{lane.id}", text, f"Write 'door: {door.id}'", node)
            if lane.door == door.id and not is_crossing:
                text = f"the lane names '{door.id}' but does not pass through it"
                yield error(f"lanes.{lane.id}", text, "Correct the door's ends or the lane", node)

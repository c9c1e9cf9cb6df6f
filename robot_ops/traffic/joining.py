"""Whether a robot that comes on to the lanes - switched on there, back on its own, left by a person - may take part.

A robot in the middle of a lane claims the lane through its end. Nobody has cleared that for it: others may hold the
lane's end, or be on their way across it. Until they are gone, and while not all have been heard, the robot counts as
off the lanes; it stands, for it drives on only when it gets a clearance. A claim bears no route: what was cleared, by
this process or one before, does.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from robot_ops.core.ids import RobotId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.tasks.routes import RouteProgress
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.restrictions import Bubbles
from robot_ops.traffic.track import Track

BESIDE_LANE: Final = 0.5
BESIDE_NODE: Final = 1.0
"""Meters beside a lane's middle, and from a node, at which a robot may still claim it."""
WAITING: Final = "is back on a lane and waits until the others have left it"
"""What follows the name of such a robot in a sentence."""


def claimed_at(progress: RouteProgress, graph: LaneGraph) -> LevelPose | None:
    """Return about where a robot is that claims a lane or node, None where it claims none."""
    if progress.route_id or not progress.held or any(node not in graph.number for node in progress.held):
        return None
    start, end = (graph.site.nodes[node] for node in (*progress.held, progress.held[0])[:2])
    length = math.hypot(end.x - start.x, end.y - start.y)
    part = min(progress.travelled / length, 1.0) if length > 0.0 else 0.0
    x, y = start.x + part * (end.x - start.x), start.y + part * (end.y - start.y)
    return LevelPose(level=start.level, pose=Pose(x=x, y=y))


def held_back(progress: RouteProgress, at: LevelPose, graph: LaneGraph, radius: float) -> RouteProgress:
    """Return the report of a robot that may not take part yet, as one from beside the lanes.

    Args:
        radius: of the circle that it had there, meters; 0 for none.
    """
    robot = graph.site.robots.get(progress.robot)
    size = graph.largest_radius if robot is None else robot.model.radius
    beside = BESIDE_LANE if len(progress.held) > 1 else BESIDE_NODE
    radius = radius or size + progress.tail + beside
    return replace(progress, held=(), free=progress.free or at, free_radius=radius)


def is_taken(
    progress: RouteProgress,
    at: LevelPose,
    *,
    graph: LaneGraph,
    conflicts: ConflictMap,
    tracks: Mapping[RobotId, Track],
    bubbles: Bubbles,
) -> bool:
    """Return whether others are in the way of what a robot says that it holds.

    Args:
        progress: its report; at: where it is.
        tracks: of all robots; bubbles: of those that are off the lanes.
    """
    end = graph.site.nodes.get(progress.held[-1]) if progress.held else None
    if end is None:
        return False
    if bubbles.is_in_way(progress.robot, at, (end.x, end.y)):
        return True
    return bool(who_is_ahead(progress, graph=graph, conflicts=conflicts, tracks=tracks))


def who_is_ahead(
    progress: RouteProgress, *, graph: LaneGraph, conflicts: ConflictMap, tracks: Mapping[RobotId, Track]
) -> list[RobotId]:
    """Return the robots that take up anything of the way from where a robot is through the end of what it claims."""
    arcs, node = _arcs(progress, graph), graph.number.get(progress.held[0])
    others = {robot: track for robot, track in tracks.items() if robot != progress.robot}
    if arcs:
        return [robot for robot, track in others.items() if _is_ahead(track, arcs, progress, conflicts)]
    return [robot for robot, track in others.items() if node is not None and _is_at(track, node, conflicts)]


def claimed_cells(progress: RouteProgress, graph: LaneGraph, conflicts: ConflictMap) -> frozenset[int]:
    """Return the cells that nobody else may take up while the robot drives what it claims."""
    node = graph.number.get(progress.held[0])
    at = frozenset() if node is None else conflicts.of[node]
    return at.union(*(conflicts.zone(arc) for arc in _arcs(progress, graph)))


def _arcs(progress: RouteProgress, graph: LaneGraph) -> list[Arc]:
    return graph.arcs_along([graph.number[node] for node in progress.held if node in graph.number]) or []


def _is_ahead(other: Track, arcs: list[Arc], progress: RouteProgress, conflicts: ConflictMap) -> bool:
    """Return whether another robot takes up anything that conflicts with the way from here on."""
    for number, arc in enumerate(arcs):
        if not other.is_near(arc, conflicts, progress.stamp_ns):
            continue
        driven = progress.travelled if number == 0 else 0.0
        cells = [*other.standing_on, *(held.cell for held in other.held_arcs()), *other.taken]
        is_behind = other.tail <= 0.0 and all(
            cell not in conflicts.of[arc.end] and conflicts.exit(arc, cell) <= driven for cell in cells
        )
        if not is_behind:
            return True
    return False


def _is_at(other: Track, node: int, conflicts: ConflictMap) -> bool:
    """Return whether another robot takes up anything that conflicts with a node; not a lane by which it leaves."""
    near = conflicts.of[node]
    if not near.isdisjoint((*other.standing_on, *other.taken)):
        return True
    return any(
        arc.cell in near and (number > 0 or conflicts.exit(arc, node) > other.travelled)
        for number, arc in enumerate(other.held_arcs())
    )

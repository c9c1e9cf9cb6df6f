"""Whether a robot that comes back to the lanes, on its own or left there by a person, may take part again.

A robot in the middle of a lane says that it holds the lane through its end. Nobody has cleared that for it: others may
hold the lane's end, or be on their way across it. Until they are gone the robot counts as off the lanes; it stands, for
it drives on only when it gets a clearance.
"""

from collections.abc import Mapping
from typing import Final

from robot_ops.core.ids import RobotId
from robot_ops.core.poses import LevelPose
from robot_ops.tasks.routes import RouteProgress
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.restrictions import Bubbles
from robot_ops.traffic.track import Track

WAITING: Final = "is back on a lane and waits until the others have left it"
"""What follows the name of such a robot in a sentence."""


def is_taken(
    progress: RouteProgress,
    at: LevelPose,
    *,
    graph: LaneGraph,
    conflicts: ConflictMap,
    tracks: Mapping[RobotId, Track],
    bubbles: Bubbles,
) -> bool:
    """Return whether others are in the way of what a robot says that it holds; never where that is a single node.

    Args:
        progress: its report; at: where it is.
        tracks: of all robots; bubbles: of those that are off the lanes.
    """
    nodes = [graph.number[node] for node in progress.held if node in graph.number]
    arcs = graph.arcs_along(nodes) or []
    end = graph.site.nodes[graph.nodes[nodes[-1]]] if nodes else None
    if not arcs or end is None:
        return False
    others = [track for robot, track in tracks.items() if robot != progress.robot]
    if bubbles.is_in_way(progress.robot, at, (end.x, end.y)):
        return True
    return any(_is_ahead(other, arcs, progress, conflicts) for other in others)


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

"""Where idle robots go that stand in the way of one that comes on to the lanes."""

import heapq
import math
from collections.abc import Mapping

from robot_ops.core.ids import RobotId
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.track import Track


def find_spots(
    graph: LaneGraph,
    conflicts: ConflictMap,
    tracks: Mapping[RobotId, Track],
    barred: Mapping[RobotId, frozenset[int]],
    former: Mapping[RobotId, int],
) -> dict[RobotId, int]:
    """Return, per robot that can make way, the nearest node where it is in nobody's way; its former one if that serves.

    Args:
        graph: with what is closed now.
        barred: per robot that is to make way, the cells that it is to leave.
        former: what was returned before.
    """
    spots: dict[RobotId, int] = {}
    for robot, cells in sorted(barred.items()):
        others = [track.held_nodes() for other, track in tracks.items() if other != robot]
        taken = cells.union(*(conflicts.of[cell] for held in [*others, list(spots.values())] for cell in held))
        spot = former.get(robot)
        if spot is None or spot in taken:
            spot = _nearest(graph, robot, tracks[robot].node, taken)
        if spot is not None:
            spots[robot] = spot
    return spots


def _nearest(graph: LaneGraph, robot: RobotId, start: int, taken: frozenset[int]) -> int | None:
    """Return the node that is not taken and that the robot gets to first; nobody waits in a lift."""
    best = {start: 0.0}
    queue = [(0.0, start)]
    while queue:
        seconds, node = heapq.heappop(queue)
        if seconds > best[node]:
            continue
        if node not in taken and node not in graph.cabins:
            return node
        for arc in graph.leaving[node]:
            there = seconds + graph.seconds(robot, arc)
            if there < best.get(arc.end, math.inf):
                best[arc.end] = there
                heapq.heappush(queue, (there, arc.end))
    return None

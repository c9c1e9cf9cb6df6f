"""Orders of moves in compiled form: whether they can be driven one at a time, and when each move starts then.

`robot_ops.traffic.schedule.fault` says in plain words what `first_fault` computes.
"""

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Floats, Ints
from robot_ops.traffic.kernels.claims import Fleet, Paths


@kernel
def previous_moves(robots: int, robot: Ints) -> Ints:
    """Return, per move of an order, the same robot's move before it, -1 for none."""
    last = np.full(robots, -1, dtype=np.int32)
    previous = np.empty(len(robot), dtype=np.int32)
    for k in range(len(robot)):
        previous[k] = last[robot[k]]
        last[robot[k]] = k
    return previous


@kernel
def first_fault(graph: ArrayGraph, fleet: Fleet, robot: Ints, arc: Ints) -> int:
    """Drive the moves one at a time; return the first that finds its robot elsewhere or another in its way, else -1.

    Args:
        robot, arc: (moves,).
    """
    robots = len(fleet.node)
    held = np.zeros(len(graph.first_conflict), dtype=np.int32)
    at = fleet.node.copy()
    for r in range(robots):
        if at[r] >= 0:
            held[at[r]] += 1
        _hold_fixed(fleet, held, r, 1)
        for k in range(fleet.first_trail[r], fleet.first_trail[r + 1]):
            held[fleet.trail_cell[k]] += 1
    previous = previous_moves(robots, robot)
    for k in range(len(robot)):
        r, a = robot[k], arc[k]
        if at[r] != graph.arc_start[a]:
            return k
        held[at[r]] -= 1
        _hold_fixed(fleet, held, r, -1)
        _hold_trail(graph, fleet, held, arc, previous, r, previous[k], -1)
        for index in range(graph.first_blocker[a], graph.first_blocker[a + 1]):
            if held[graph.blocker[index]] > 0:
                return k
        at[r] = graph.arc_end[a]
        held[at[r]] += 1
        _hold_fixed(fleet, held, r, 1)
        _hold_trail(graph, fleet, held, arc, previous, r, k, 1)
    return -1


@kernel
def _hold_fixed(fleet: Fleet, held: Ints, robot: int, change: int) -> None:
    for k in range(fleet.first_extra[robot], fleet.first_extra[robot + 1]):
        if fleet.extra_until[k] == np.inf:
            held[fleet.extra_cell[k]] += change


@kernel
def _hold_trail(
    graph: ArrayGraph, fleet: Fleet, held: Ints, arc: Ints, previous: Ints, robot: int, move: int, change: int
) -> None:
    """Add to the holds of the lanes under the robot's party after this move (-1: at the beginning)."""
    tail, length = fleet.tail[robot], 0.0
    is_first = move >= 0
    while move >= 0 and length < tail:
        held[graph.arc_cell[arc[move]]] += change
        length += graph.arc_length[arc[move]]
        move = previous[move]
    if is_first and tail <= 0.0:
        return
    for k in range(fleet.first_trail[robot], fleet.first_trail[robot + 1]):
        if is_first and length >= tail:
            return
        held[fleet.trail_cell[k]] += change
        length += fleet.trail_length[k]


@kernel
def time_order(graph: ArrayGraph, fleet: Fleet, robot: Ints, arc: Ints, start: Floats, arrival: Floats) -> None:
    """Time an order: each move starts as soon as its robot is there and all earlier moves are out of its way.

    Args:
        robot, arc: (moves,); start: (moves,) is written; arrival: (robots,) is written, at the end of the last move.
    """
    robots = len(fleet.node)
    free = np.zeros(len(graph.first_conflict))
    previous = previous_moves(robots, robot)
    for r in range(robots):
        arrival[r] = fleet.ready[r]
        for k in range(fleet.first_extra[r], fleet.first_extra[r + 1]):
            if fleet.extra_until[k] < np.inf:
                free[fleet.extra_cell[k]] = max(free[fleet.extra_cell[k]], fleet.extra_until[k])
    for k in range(len(robot)):
        r, a = robot[k], arc[k]
        begin = arrival[r]
        for index in range(graph.first_zone[a], graph.first_zone[a + 1]):
            begin = max(begin, free[graph.zone[index]])
        start[k] = begin
        end = begin + fleet.seconds[fleet.pace[r], a]
        node, lane = graph.arc_start[a], graph.arc_cell[a]
        free[node] = max(free[node], begin + fleet.leaving[fleet.pace[r], a])
        arrival[r] = end
        if fleet.tail[r] <= 0.0:
            free[lane] = max(free[lane], end)
        _leave_trail(graph, fleet, free, arc, previous, r, k, end)


@kernel
def _leave_trail(
    graph: ArrayGraph, fleet: Fleet, free: Floats, arc: Ints, previous: Ints, robot: int, move: int, end: float
) -> None:
    """Free the lanes that the robot's party leaves with this move."""
    tail, before = fleet.tail[robot], 0.0
    if tail <= 0.0 and fleet.first_trail[robot] == fleet.first_trail[robot + 1]:
        return
    last = graph.arc_length[arc[move]]
    at = previous[move]
    while at >= 0:
        if before >= tail:
            return
        if before + last >= tail:
            free[graph.arc_cell[arc[at]]] = max(free[graph.arc_cell[arc[at]]], end)
        before += graph.arc_length[arc[at]]
        at = previous[at]
    for k in range(fleet.first_trail[robot], fleet.first_trail[robot + 1]):
        if before >= tail and previous[move] >= 0:
            return
        if before + last >= tail:
            free[fleet.trail_cell[k]] = max(free[fleet.trail_cell[k]], end)
        before += fleet.trail_length[k]


@kernel
def split_order(fleet: Fleet, robot: Ints, arc: Ints, start: Floats, arrival: Floats, paths: Paths) -> int:
    """Copy a timed order into the ways; return the length of the longest, copying none where that is too long."""
    paths.length[:] = 0
    longest = 0
    for k in range(len(robot)):
        paths.length[robot[k]] += 1
        longest = max(longest, paths.length[robot[k]])
    if longest > paths.arc.shape[1]:
        return longest
    paths.length[:] = 0
    for k in range(len(robot)):
        r = robot[k]
        at = paths.length[r]
        paths.arc[r, at], paths.start[r, at] = arc[k], start[k]
        paths.length[r] = at + 1
    for r in range(len(fleet.node)):
        paths.arrival[r] = arrival[r]
    return longest


@kernel
def cost_paths(graph: ArrayGraph, fleet: Fleet, paths: Paths) -> float:
    """Write what every way costs; return the sum."""
    total = 0.0
    for r in range(len(fleet.node)):
        cost = paths.arrival[r]
        if fleet.goal[r] < 0 and paths.length[r] > 0:
            cost += fleet.bound[fleet.row[r], graph.arc_end[paths.arc[r, paths.length[r] - 1]]]
        paths.cost[r] = cost * fleet.weight[r]
        total += paths.cost[r]
    return total

"""Takes moves out of an order that nobody needs: a robot that comes back where it was, and could have stayed there."""

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints

_MOST_ROUNDS = 50


@kernel
def needed_moves(graph: ArrayGraph, tails: Floats, robots: Ints, arcs: Ints) -> Bools:
    """Return (moves,) which of the moves must stay.

    The others are loops of robots without a party, during which nobody drives where the loop begins. What is left can
    be driven in its order, ends at the same nodes, and its moves find at most as much in their way as before.

    Args:
        tails: (robots,) meters of the parties.
        robots, arcs: (moves,) an order of moves that can be driven one at a time.
    """
    moves = len(robots)
    is_needed = np.ones(moves, dtype=np.bool_)
    following = np.full(moves, -1, dtype=np.int32)  # the same robot's next move
    preceding = np.full(moves, -1, dtype=np.int32)
    last = np.full(len(tails), -1, dtype=np.int32)
    for index in range(moves):
        if last[robots[index]] >= 0:
            following[last[robots[index]]] = index
            preceding[index] = last[robots[index]]
        last[robots[index]] = index
    first, drives = _drives_by_cell(graph, arcs)
    is_changed, rounds = True, 0
    while is_changed and rounds < _MOST_ROUNDS:
        is_changed = False
        rounds += 1
        for index in range(moves):
            if is_needed[index] and tails[robots[index]] <= 0.0:
                end = _loop_end(graph, robots, arcs, following, is_needed, first, drives, index)
                if end >= 0:
                    is_changed = True
                    _leave_out(following, preceding, is_needed, index, end)
    return is_needed


@kernel
def _drives_by_cell(graph: ArrayGraph, arcs: Ints) -> tuple[Ints, Ints]:
    """Return the moves that need each cell free, in compressed rows: (cells + 1,), flat and ascending."""
    first = np.zeros(len(graph.first_conflict), dtype=np.int32)
    for index in range(len(arcs)):
        for at in range(graph.first_blocker[arcs[index]], graph.first_blocker[arcs[index] + 1]):
            first[graph.blocker[at] + 1] += 1
    for cell in range(len(first) - 1):
        first[cell + 1] += first[cell]
    drives = np.empty(first[-1], dtype=np.int32)
    free = first[:-1].copy()
    for index in range(len(arcs)):
        for at in range(graph.first_blocker[arcs[index]], graph.first_blocker[arcs[index] + 1]):
            cell = graph.blocker[at]
            drives[free[cell]] = index
            free[cell] += 1
    return first, drives


@kernel
def _loop_end(
    graph: ArrayGraph,
    robots: Ints,
    arcs: Ints,
    following: Ints,
    is_needed: Bools,
    first: Ints,
    drives: Ints,
    index: int,
) -> int:
    """Return the last move of the longest loop that begins with this one and is not needed, -1 for none."""
    node, robot = graph.arc_start[arcs[index]], robots[index]
    found, at = -1, index
    low, high = first[node], first[node + 1]
    while low < high:  # the first drive after this move
        middle = (low + high) // 2
        if drives[middle] > index:
            high = middle
        else:
            low = middle + 1
    until = len(arcs)
    for entry in range(low, first[node + 1]):
        if is_needed[drives[entry]] and robots[drives[entry]] != robot:
            until = drives[entry]
            break
    while 0 <= at < until:
        if graph.arc_end[arcs[at]] == node:
            found = at
        at = following[at]
    return found


@kernel
def _leave_out(following: Ints, preceding: Ints, is_needed: Bools, index: int, end: int) -> None:
    before, after = preceding[index], following[end]
    if before >= 0:
        following[before] = after
    if after >= 0:
        preceding[after] = before
    at = index
    while at != end:
        is_needed[at] = False
        at = following[at]
    is_needed[end] = False

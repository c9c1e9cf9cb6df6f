"""Which robots a large-neighborhood search plans anew together (MAPF-LNS; Li et al. 2021), and its memory."""

from typing import Final, NamedTuple

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints
from robot_ops.traffic.kernels.claims import Claims, Fleet, Longs, Paths

EPSILON: Final = 1e-9
_WALKS: Final = 10


class Repair(NamedTuple):
    """Room and memory of the large-neighborhood search.

    Attributes:
        movable: (robots,) whose ways may change; lower: (robots,) what each costs at least.
        chosen: (robots,) the neighborhood, first `counts[0]`; is_chosen, is_tabu: (robots,).
        kept: the ways before, row k of chosen robot k; best: all ways at their best, where those now are not.
        costs: [cost now, least cost; both compared with the beginning, mean of what a try may cost more].
        score: (arms,) gain per work lately; random: [state].
        queue, seen: (nodes,) of a breadth-first search.
        counts: [chosen, last arm, tries, kept tries, searches of nodes].
    """

    movable: Bools
    lower: Floats
    chosen: Ints
    is_chosen: Bools
    is_tabu: Bools
    kept: Paths
    best: Paths
    costs: Floats
    score: Floats
    random: Longs
    queue: Ints
    seen: Longs
    counts: Longs


@kernel
def draw(random: Longs, below: int) -> int:
    """Return a random number in 0 .. below - 1 (xorshift, Marsaglia 2003, 32 bits)."""
    state = random[0]
    state ^= (state << 13) & 0xFFFFFFFF
    state ^= state >> 17
    state ^= (state << 5) & 0xFFFFFFFF
    random[0] = state
    return int(state % below)


@kernel
def _add(repair: Repair, robot: int, size: int) -> None:
    if repair.movable[robot] and not repair.is_chosen[robot] and repair.counts[0] < size:
        repair.chosen[repair.counts[0]] = robot
        repair.is_chosen[robot] = True
        repair.counts[0] += 1


@kernel
def choose_any(repair: Repair, size: int) -> None:
    """Choose robots by chance."""
    for _ in range(2 * size):
        _add(repair, draw(repair.random, len(repair.movable)), size)


@kernel
def choose_delayed(graph: ArrayGraph, fleet: Fleet, claims: Claims, paths: Paths, repair: Repair, size: int) -> None:
    """Choose the most delayed robot that was not chosen lately, and those that keep it from being quicker."""
    robots = len(paths.cost)
    worst, greatest = -1, EPSILON
    for robot in range(robots):
        delay = paths.cost[robot] - repair.lower[robot]
        if repair.movable[robot] and not repair.is_tabu[robot] and delay > greatest:
            worst, greatest = robot, delay
    if worst < 0:
        repair.is_tabu[:] = False
        choose_any(repair, size)
        return
    repair.is_tabu[worst] = True
    _add(repair, worst, size)
    robot, at = worst, 0
    for _ in range(_WALKS):
        _walk(graph, fleet, claims, paths, repair, robot, at, size)
        if repair.counts[0] >= size:
            return
        robot = repair.chosen[draw(repair.random, repair.counts[0])]
        at = draw(repair.random, max(1, paths.length[robot]))


@kernel
def choose_against(graph: ArrayGraph, fleet: Fleet, claims: Claims, paths: Paths, repair: Repair, size: int) -> None:
    """Choose a delayed robot and those in its way on a shortest way without stops: it goes first, they make way."""
    robot, worst = -1, EPSILON
    for _ in range(_WALKS):
        other = draw(repair.random, len(paths.cost))
        delay = paths.cost[other] - repair.lower[other]
        if repair.movable[other] and fleet.goal[other] >= 0 and delay > worst:
            robot, worst = other, delay
    if robot < 0:
        choose_any(repair, size)
        return
    _add(repair, robot, size)
    row, pace = fleet.row[robot], fleet.pace[robot]
    node, time = fleet.node[robot], fleet.ready[robot]
    while node != fleet.goal[robot] and repair.counts[0] < size:
        taken, ties, least = -1, 0, np.inf
        for arc in range(graph.first_arc[node], graph.first_arc[node + 1]):
            left = fleet.seconds[pace, arc] + fleet.bound[row, graph.arc_end[arc]]
            ties = ties + 1 if left <= least + EPSILON else 0
            if left < least - EPSILON or (left <= least + EPSILON and draw(repair.random, ties) == 0):
                ties = max(ties, 1)
                taken, least = arc, min(left, least)
        if taken < 0:
            return
        until = time + fleet.seconds[pace, taken]
        _meet(claims, repair, graph.arc_cell[taken], time, until, size)
        node = graph.arc_end[taken]
        _meet(claims, repair, node, time, until, size)
        time = until
    _meet(claims, repair, node, time, np.inf, size)


@kernel
def _walk(
    graph: ArrayGraph,
    fleet: Fleet,
    claims: Claims,
    paths: Paths,
    repair: Repair,
    robot: int,
    step: int,
    size: int,
) -> None:
    """Walk at random from a step of a robot's way, as long as it could still arrive earlier, and choose who is met."""
    if fleet.goal[robot] < 0 or paths.length[robot] == 0:
        return
    row, pace = fleet.row[robot], fleet.pace[robot]
    node, time = fleet.node[robot], fleet.ready[robot]
    if step > 0:
        arc = paths.arc[robot, step - 1]
        node, time = graph.arc_end[arc], paths.start[robot, step - 1] + fleet.seconds[pace, arc]
    for _ in range(paths.arc.shape[1]):
        first, count = graph.first_arc[node], graph.first_arc[node + 1] - graph.first_arc[node]
        taken = -1
        offset = draw(repair.random, count + 1)
        for k in range(count):
            arc = first + (offset + k) % count
            arrival = time + fleet.seconds[pace, arc]
            if arrival + fleet.bound[row, graph.arc_end[arc]] < paths.arrival[robot] - EPSILON:
                taken = arc
                break
        if taken < 0:
            return
        until = time + fleet.seconds[pace, taken]
        _meet(claims, repair, graph.arc_end[taken], time, until, size)
        _meet(claims, repair, graph.arc_cell[taken], time, until, size)
        if repair.counts[0] >= size:
            return
        if offset < count or count == 0:
            node = graph.arc_end[taken]
        time = until


@kernel
def _meet(claims: Claims, repair: Repair, cell: int, since: float, until: float, size: int) -> None:
    slot = claims.head[cell]
    while slot >= 0 and claims.start[slot] < until:
        if claims.end[slot] > since:
            _add(repair, claims.robot[slot], size)
        slot = claims.next[slot]


@kernel
def choose_around(graph: ArrayGraph, claims: Claims, repair: Repair, size: int) -> None:
    """Choose robots that pass a crossing at about the same time, and those that pass near it."""
    nodes = len(graph.first_arc) - 1
    node = draw(repair.random, nodes)
    for _ in range(_WALKS):
        if graph.first_arc[node + 1] - graph.first_arc[node] > 2 and claims.head[node] >= 0:
            break
        node = draw(repair.random, nodes)
    repair.counts[4] += 1
    epoch = repair.counts[4]
    repair.queue[0] = node
    repair.seen[node] = epoch
    front, end = 0, 1
    while front < end and repair.counts[0] < size:
        node = repair.queue[front]
        front += 1
        _pick(claims, repair, node, size)
        for arc in range(graph.first_arc[node], graph.first_arc[node + 1]):
            other = graph.arc_end[arc]
            if repair.seen[other] != epoch:
                repair.seen[other] = epoch
                repair.queue[end] = other
                end += 1


@kernel
def _pick(claims: Claims, repair: Repair, cell: int, size: int) -> None:
    """Choose from a claim of the cell on, in the order of time away from it."""
    length, slot = 0, claims.head[cell]
    while slot >= 0:
        length += 1
        slot = claims.next[slot]
    if length == 0:
        return
    late = claims.head[cell]
    for _ in range(draw(repair.random, length)):
        late = claims.next[late]
    early = claims.previous[late]
    while (late >= 0 or early >= 0) and repair.counts[0] < size:
        if late >= 0:
            _add(repair, claims.robot[late], size)
            late = claims.next[late]
        if early >= 0:
            _add(repair, claims.robot[early], size)
            early = claims.previous[early]

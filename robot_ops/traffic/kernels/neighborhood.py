"""Prioritized planning, and large-neighborhood search over it (MAPF-LNS; Li et al. 2021, 2022).

Some robots that may gain together are taken out and planned anew one after another, in random order; the new ways are
kept where they cost no more. Which kind of neighborhood of which size is tried follows from what each has gained.
"""

from typing import Final, NamedTuple

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints
from robot_ops.traffic.kernels.claims import Claims, Fleet, Longs, Paths, remove_robot, write_robot
from robot_ops.traffic.kernels.timed import NO_ROOM, NO_WAY, WRITTEN, Search, plan_robot

LARGEST: Final = 16
"""Robots in a neighborhood at most."""
_KINDS: Final = 3
_SIZES: Final = 4  # 2, 4, 8, 16
ARMS: Final = _KINDS * _SIZES
_MEMORY: Final = 0.98
"""How much of an arm's score stays after a try."""
_LEAST_CHANCE: Final = 0.15
"""Of all tries so many go to all arms alike."""
_FIXED_WORK: Final = 100.0
"""What a try costs besides its expansions, in expansions."""
_WALKS: Final = 10
_EPSILON: Final = 1e-9


class Repair(NamedTuple):
    """Room and memory of the large-neighborhood search.

    Attributes:
        movable: (robots,) whose ways may change; lower: (robots,) what each costs at least.
        chosen: (robots,) the neighborhood, first `counts[0]`; is_chosen, is_tabu: (robots,).
        kept: the ways before, row k of chosen robot k.
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
def prioritize(graph: ArrayGraph, fleet: Fleet, claims: Claims, search: Search, paths: Paths, order: Ints) -> int:
    """Plan robots one after another, each around those before it.

    Returns:
        how many were planned; less than all where the next finds no way, -1 where arrays are too small.
    """
    for k in range(len(order)):
        result = plan_robot(graph, fleet, claims, search, paths, order[k], False, np.inf)
        if result == NO_ROOM:
            return -1
        if result == NO_WAY:
            return k
    return len(order)


@kernel
def improve(
    graph: ArrayGraph,
    fleet: Fleet,
    claims: Claims,
    search: Search,
    paths: Paths,
    repair: Repair,
    iterations: int,
) -> int:
    """Try so many neighborhoods; all ways stand in the table of claims before and after.

    Returns:
        the tries left, where arrays became too small for one; 0 else.
    """
    for k in range(iterations):
        arm = _choose_arm(repair)
        size = 2 << (arm % _SIZES)
        kind = arm // _SIZES
        repair.counts[0] = 0
        repair.counts[1] = arm
        if kind == 0:
            _choose_delayed(graph, fleet, claims, paths, repair, size)
        elif kind == 1:
            _choose_around(graph, claims, repair, size)
        else:
            _choose_any(repair, size)
        work = search.counts[1]
        gain, result = 0.0, WRITTEN
        if repair.counts[0] > 0:
            gain, result = _replan(graph, fleet, claims, search, paths, repair)
        for i in range(repair.counts[0]):
            repair.is_chosen[repair.chosen[i]] = False
        if result == NO_ROOM:
            return iterations - k
        rate = gain / (_FIXED_WORK + search.counts[1] - work)
        repair.score[arm] = _MEMORY * repair.score[arm] + (1.0 - _MEMORY) * rate
        repair.counts[2] += 1
    return 0


@kernel
def _choose_arm(repair: Repair) -> int:
    if draw(repair.random, 1000) < 1000 * _LEAST_CHANCE:
        return draw(repair.random, ARMS)
    total = 0.0
    for arm in range(ARMS):
        total += repair.score[arm]
    at = draw(repair.random, 1 << 30) / (1 << 30) * total
    for arm in range(ARMS):
        at -= repair.score[arm]
        if at < 0.0:
            return arm
    return draw(repair.random, ARMS)


@kernel
def _replan(
    graph: ArrayGraph, fleet: Fleet, claims: Claims, search: Search, paths: Paths, repair: Repair
) -> tuple[float, int]:
    """Plan the chosen robots anew; return what was gained, and NO_ROOM where arrays became too small."""
    count, kept = repair.counts[0], repair.kept
    for k in range(count - 1, 0, -1):
        other = draw(repair.random, k + 1)
        repair.chosen[k], repair.chosen[other] = repair.chosen[other], repair.chosen[k]
    old, least = 0.0, 0.0
    for k in range(count):
        robot = repair.chosen[k]
        _copy_path(paths, robot, kept, k)
        old += paths.cost[robot]
        least += repair.lower[robot]
        remove_robot(claims, robot)
    if old - least <= _EPSILON:
        for k in range(count):
            write_robot(graph, fleet, claims, paths, repair.chosen[k])
        return 0.0, WRITTEN
    result, spent, planned = WRITTEN, 0.0, 0
    for k in range(count):
        robot = repair.chosen[k]
        least -= repair.lower[robot]
        weight = fleet.weight[robot]
        limit = (old + _EPSILON - spent - least) / weight if weight > 0.0 else np.inf
        result = plan_robot(graph, fleet, claims, search, paths, robot, False, limit)
        if result != WRITTEN:
            break
        planned = k + 1
        spent += paths.cost[robot]
    if result == WRITTEN and spent <= old + _EPSILON:
        repair.counts[3] += 1
        return max(old - spent, 0.0), WRITTEN
    for k in range(planned):
        remove_robot(claims, repair.chosen[k])
    for k in range(count):
        _copy_path(kept, k, paths, repair.chosen[k])
    for k in range(count):
        write_robot(graph, fleet, claims, paths, repair.chosen[k])
    return 0.0, NO_ROOM if result == NO_ROOM else WRITTEN


@kernel
def _copy_path(source: Paths, row: int, target: Paths, to: int) -> None:
    length = source.length[row]
    for k in range(length):
        target.arc[to, k], target.start[to, k] = source.arc[row, k], source.start[row, k]
    target.length[to], target.arrival[to], target.cost[to] = length, source.arrival[row], source.cost[row]


@kernel
def _add(repair: Repair, robot: int, size: int) -> None:
    if repair.movable[robot] and not repair.is_chosen[robot] and repair.counts[0] < size:
        repair.chosen[repair.counts[0]] = robot
        repair.is_chosen[robot] = True
        repair.counts[0] += 1


@kernel
def _choose_any(repair: Repair, size: int) -> None:
    for _ in range(2 * size):
        _add(repair, draw(repair.random, len(repair.movable)), size)


@kernel
def _choose_delayed(graph: ArrayGraph, fleet: Fleet, claims: Claims, paths: Paths, repair: Repair, size: int) -> None:
    """Choose the most delayed robot that was not chosen lately, and those that keep it from being quicker."""
    robots = len(paths.cost)
    worst, greatest = -1, _EPSILON
    for robot in range(robots):
        delay = paths.cost[robot] - repair.lower[robot]
        if repair.movable[robot] and not repair.is_tabu[robot] and delay > greatest:
            worst, greatest = robot, delay
    if worst < 0:
        repair.is_tabu[:] = False
        _choose_any(repair, size)
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
            if arrival + fleet.bound[row, graph.arc_end[arc]] < paths.arrival[robot] - _EPSILON:
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
def _choose_around(graph: ArrayGraph, claims: Claims, repair: Repair, size: int) -> None:
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

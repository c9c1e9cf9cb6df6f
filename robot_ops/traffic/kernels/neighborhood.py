"""Prioritized planning, and large-neighborhood search over it (MAPF-LNS; Li et al. 2021, 2022).

Some robots that may gain together are taken out and planned anew one after another; the new ways are kept where they
cost no more, or a little more (as in simulated annealing), so that the search leaves places where no neighborhood gains
anything; the best ways are put aside before. Which kind of neighborhood of which size is tried follows from what each
has gained.
"""

from typing import Final

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Ints
from robot_ops.traffic.kernels.choosing import (
    EPSILON,
    Repair,
    choose_against,
    choose_any,
    choose_around,
    choose_delayed,
    draw,
)
from robot_ops.traffic.kernels.claims import Claims, Fleet, Paths, clear_claims, remove_robot, write_robot
from robot_ops.traffic.kernels.timed import NO_ROOM, NO_WAY, WRITTEN, Search, plan_robot

LARGEST: Final = 16
"""Robots in a neighborhood at most."""
_KINDS: Final = 4
_SIZES: Final = 4  # 2, 4, 8, 16
ARMS: Final = _KINDS * _SIZES
_MEMORY: Final = 0.95
"""How much of an arm's score stays after a try."""
_LEAST_CHANCE: Final = 0.15
"""Of all tries so many go to all arms alike."""
_FIXED_WORK: Final = 100.0
"""What a try costs besides its expansions, in expansions."""
_FINE: Final = 1 << 30


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
    """Try so many neighborhoods; all ways stand in the table of claims before and after. `settle` must follow.

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
            choose_delayed(graph, fleet, claims, paths, repair, size)
        elif kind == 1:
            choose_around(graph, claims, repair, size)
        elif kind == 2:
            choose_any(repair, size)
        else:
            choose_against(graph, fleet, claims, paths, repair, size)
        work = search.counts[1]
        gain, result = 0.0, WRITTEN
        if repair.counts[0] > 0:
            gain, result = _replan(graph, fleet, claims, search, paths, repair, 1 if kind == 3 else 0)
        for i in range(repair.counts[0]):
            repair.is_chosen[repair.chosen[i]] = False
        if result == NO_ROOM:
            return iterations - k
        rate = gain / (_FIXED_WORK + search.counts[1] - work)
        repair.score[arm] = _MEMORY * repair.score[arm] + (1.0 - _MEMORY) * rate
        repair.counts[2] += 1
    return 0


@kernel
def settle(graph: ArrayGraph, fleet: Fleet, claims: Claims, paths: Paths, repair: Repair) -> bool:
    """Go back to the best ways; return False, to be called again, where there is no room for their claims."""
    if repair.costs[0] > repair.costs[1] + EPSILON:
        clear_claims(claims)
        for robot in range(len(paths.cost)):
            _copy_path(repair.best, robot, paths, robot)
        for robot in range(len(paths.cost)):
            if not write_robot(graph, fleet, claims, paths, robot):
                return False
    repair.costs[0] = repair.costs[1] = 0.0
    return True


@kernel
def _choose_arm(repair: Repair) -> int:
    if draw(repair.random, 1000) < 1000 * _LEAST_CHANCE:
        return draw(repair.random, ARMS)
    total = 0.0
    for arm in range(ARMS):
        total += repair.score[arm]
    at = draw(repair.random, _FINE) / _FINE * total
    for arm in range(ARMS):
        at -= repair.score[arm]
        if at < 0.0:
            return arm
    return draw(repair.random, ARMS)


@kernel
def _replan(
    graph: ArrayGraph, fleet: Fleet, claims: Claims, search: Search, paths: Paths, repair: Repair, led: int
) -> tuple[float, int]:
    """Plan the chosen robots anew; return what was gained, and NO_ROOM where arrays became too small.

    Args:
        led: how many of the chosen are planned before all others, in the order in which they were chosen.
    """
    count, kept = repair.counts[0], repair.kept
    for k in range(count - 1, led, -1):
        other = led + draw(repair.random, k + 1 - led)
        repair.chosen[k], repair.chosen[other] = repair.chosen[other], repair.chosen[k]
    old, least = 0.0, 0.0
    for k in range(count):
        robot = repair.chosen[k]
        _copy_path(paths, robot, kept, k)
        old += paths.cost[robot]
        least += repair.lower[robot]
        remove_robot(claims, robot)
    if old - least <= EPSILON:
        for k in range(count):
            write_robot(graph, fleet, claims, paths, repair.chosen[k])
        return 0.0, WRITTEN
    slack = -repair.costs[2] * np.log((1.0 + draw(repair.random, _FINE)) / _FINE)
    result, spent, planned = WRITTEN, 0.0, 0
    for k in range(count):
        robot = repair.chosen[k]
        least -= repair.lower[robot]
        weight = fleet.weight[robot]
        limit = (old + slack + EPSILON - spent - least) / weight if weight > 0.0 else np.inf
        result = plan_robot(graph, fleet, claims, search, paths, robot, False, limit)
        if result != WRITTEN:
            break
        planned = k + 1
        spent += paths.cost[robot]
    if result == WRITTEN and spent <= old + slack + EPSILON:
        repair.counts[3] += 1
        _note_cost(paths, repair, spent - old)
        return max(old - spent, 0.0), WRITTEN
    for k in range(planned):
        remove_robot(claims, repair.chosen[k])
    for k in range(count):
        _copy_path(kept, k, paths, repair.chosen[k])
    for k in range(count):
        write_robot(graph, fleet, claims, paths, repair.chosen[k])
    return 0.0, NO_ROOM if result == NO_ROOM else WRITTEN


@kernel
def _note_cost(paths: Paths, repair: Repair, change: float) -> None:
    """Note what the chosen robots' new ways cost more than those kept; put the best ways aside when they are left."""
    if change > EPSILON and repair.costs[0] <= repair.costs[1] + EPSILON:
        for robot in range(len(paths.cost)):
            _copy_path(paths, robot, repair.best, robot)
        for k in range(repair.counts[0]):
            _copy_path(repair.kept, k, repair.best, repair.chosen[k])
    repair.costs[0] += change
    repair.costs[1] = min(repair.costs[1], repair.costs[0])


@kernel
def _copy_path(source: Paths, row: int, target: Paths, to: int) -> None:
    length = source.length[row]
    for k in range(length):
        target.arc[to, k], target.start[to, k] = source.arc[row, k], source.start[row, k]
    target.length[to], target.arrival[to], target.cost[to] = length, source.arrival[row], source.cost[row]

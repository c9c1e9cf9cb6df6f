"""The best two places in a route for a job with two stops, by the way alone.

Bounds are of whole grains, since most of the time would go into fetching ways from memory (`Search.coarse`).
"""

from typing import Any, Final

import numpy as np

from robot_ops.allocation.kernels.arrays import NONE, Floats, Grains, Records
from robot_ops.allocation.kernels.pairs import insert_second
from robot_ops.core.compiler import inlined

_LOWER: Final = np.uint32(0xFFFF)
_UPPER: Final = np.uint32(16)
"""See `Search.coarse`."""
_FAR: Final = 1 << 40  # grains
_LEAST_WEIGHT: Final = 1e-300


@inlined
def pair_by_way(
    stops: Records,
    first: int,
    second: int,
    robot: Any,
    rule: Any,
    effort: Records,
    travel: Floats,
    toward: Floats,
    coarse: Grains,
    grain: float,
    edges: Records,
    at: Records,
    length: int,
    limit: float,
) -> tuple[float, int, int]:
    """Look at positions for the first stop from the last on: so it is known what the second adds at best after each.

    By the triangle inequality both stops add the way of each alone at least, or that of both one after another.
    """
    pickup, delivery = stops[first], stops[second]
    room, weight = robot["capacity"] - pickup["load"], max(rule["travel_weight"] * grain, _LEAST_WEIGHT)
    to_first, to_second = coarse[pickup["enter"]], coarse[delivery["enter"]]
    from_first, from_second = coarse[pickup["leave"]], coarse[delivery["leave"]]
    direct = int(np.int64(from_first[delivery["enter"]] & _LOWER))  # `int` alone would leave it without a sign
    best, best_first, best_second = limit, NONE, 0
    missed, nearest, least_far = np.inf, _FAR, _FAR
    most = int(min(limit / weight, _FAR))
    for first_at in range(length, -1, -1):
        edge = edges[first_at]
        if edge["carried"] > room:
            least_far = _FAR  # the second must be done before that
            continue
        before, after, way = edge["before"], edge["after"], int(edge["way"])
        approach, far = int(np.int64(to_first[before] >> _UPPER)), int(np.int64(to_second[before] >> _UPPER))
        onward, far_onward = int(np.int64(from_first[after] & _LOWER)), int(np.int64(from_second[after] & _LOWER))
        least = approach - way + min(direct + far_onward, onward + least_far)
        least_far = min(least_far, far + far_onward - way)
        if least > most:
            nearest = min(nearest, least)
            continue
        cost, second_at = insert_second(
            stops,
            first,
            second,
            robot,
            rule,
            effort,
            travel,
            toward,
            at,
            length,
            first_at,
            toward[pickup["enter"], before],
            best,
        )
        if second_at == NONE:
            missed = min(missed, cost)
        else:
            best, best_first, best_second = cost, first_at, second_at
            most = int(min(best / weight, _FAR))
    if best_first == NONE:
        return min(missed, weight * nearest if nearest < _FAR else np.inf), NONE, NONE
    return best, best_first, best_second


@inlined
def pair_freely(
    stops: Records,
    first: int,
    second: int,
    robot: Any,
    rule: Any,
    travel: Floats,
    coarse: Grains,
    grain: float,
    edges: Records,
    length: int,
    limit: float,
) -> tuple[float, int, int]:
    """Look at positions from the last on, where only loads bind: what the second adds at best after each is known then.

    Positions are compared by whole grains; the cost is exact.
    """
    pickup, delivery = stops[first], stops[second]
    room, weight = robot["capacity"] - pickup["load"], max(rule["travel_weight"] * grain, _LEAST_WEIGHT)
    to_first, to_second = coarse[pickup["enter"]], coarse[delivery["enter"]]
    from_first, from_second = coarse[pickup["leave"]], coarse[delivery["leave"]]
    direct = int(np.int64(from_first[delivery["enter"]] & _LOWER))  # `int` alone would leave it without a sign
    nearest, best_first, best_second = _FAR, NONE, NONE
    least_far, far_at = _FAR, NONE
    for index in range(length, -1, -1):
        edge = edges[index]
        if edge["carried"] > room:
            least_far = _FAR  # the second must be done before that
            continue
        before, after, way = edge["before"], edge["after"], int(edge["way"])
        approach, far = int(np.int64(to_first[before] >> _UPPER)), int(np.int64(to_second[before] >> _UPPER))
        onward, far_onward = int(np.int64(from_first[after] & _LOWER)), int(np.int64(from_second[after] & _LOWER))
        together, apart = direct + far_onward, onward + least_far
        least = approach - way + min(together, apart)
        if least < nearest:
            nearest, best_first, best_second = least, index, index if together <= apart else far_at
        far += far_onward - way
        if far < least_far:
            least_far, far_at = far, index
    if best_first == NONE:
        return np.inf, NONE, NONE
    if weight * nearest >= limit:
        return weight * nearest, NONE, NONE
    cost = _exact(travel, pickup, delivery, edges[best_first], edges[best_second], best_first == best_second, length)
    cost *= rule["travel_weight"]
    if cost >= limit:
        return cost, NONE, NONE
    return cost, best_first, best_second


@inlined
def _exact(
    travel: Floats, pickup: Any, delivery: Any, edge: Any, far_edge: Any, is_together: bool, length: int
) -> float:
    """Return the seconds of travel that a pair adds on these edges of a route."""
    nowhere = len(travel)
    way = travel[edge["before"], pickup["enter"]]
    if is_together:
        way += travel[pickup["leave"], delivery["enter"]]
    else:
        way += travel[pickup["leave"], edge["after"]] - travel[edge["before"], edge["after"]]
        way += travel[far_edge["before"], delivery["enter"]]
    if far_edge["after"] != nowhere:
        way += travel[delivery["leave"], far_edge["after"]]
        if length > 0:
            way -= travel[far_edge["before"], far_edge["after"]]
    return float(way)

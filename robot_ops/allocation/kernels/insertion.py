"""The best place for a job in a route."""

from typing import Any

import numpy as np

from robot_ops.allocation.kernels.arrays import NONE, Floats, Grains, Records
from robot_ops.allocation.kernels.pairs import pair_by_time
from robot_ops.allocation.kernels.pairs_by_way import pair_by_way, pair_freely
from robot_ops.allocation.kernels.routes import delay_cost
from robot_ops.core.compiler import inlined, lean


@inlined
def best_insertion(
    stops: Records,
    job: Any,
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
    """Return the cost that a job adds at its best place in a route, and before which positions its stops go.

    What moving it away from another robot costs is not in it. Few arrays are handed in, since compiled calls cost time
    by their number.

    Args:
        stops: `Work.stop`; job, robot, rule: records of `Work`.
        effort: (stops,), travel: (places, places) of the robot's group; toward: the same by goal and start.
        coarse: (places + 1, places + 1) both in grains, see `Search`; grain: seconds.
        edges: (positions + 1,) of the route; both are looked at for work without times alone.
        at: (positions,) of the route; length: its stops.
        limit: where the cost is not below it a lower bound of the cost is returned, and NONE for the positions.
    """
    if job["second"] == NONE:
        return _whole(stops, job["first"], robot, rule, effort, travel, toward, at, length, limit)
    if rule["is_timed"]:
        return pair_by_time(stops, job["first"], job["second"], robot, rule, effort, travel, toward, at, length, limit)
    if rule["is_free"]:
        return pair_freely(stops, job["first"], job["second"], robot, rule, travel, coarse, grain, edges, length, limit)
    return pair_by_way(
        stops, job["first"], job["second"], robot, rule, effort, travel, toward, coarse, grain, edges, at, length, limit
    )


@inlined
def _whole(
    stops: Records,
    first: int,
    robot: Any,
    rule: Any,
    effort: Records,
    travel: Floats,
    toward: Floats,
    at: Records,
    length: int,
    limit: float,
) -> tuple[float, int, int]:
    stop, end = stops[first], robot["end"]
    enter, leave = stop["enter"], stop["leave"]
    opens, closes, due, weight = stop["opens"], stop["closes"], stop["due"], stop["weight"]
    travel_weight, is_timed = rule["travel_weight"], rule["is_timed"]
    duration = effort[first]["duration"]
    best, best_at = limit, NONE
    place, time = robot["start"], robot["free"]
    if stop["load"] > robot["capacity"]:
        return np.inf, NONE, NONE
    missed = np.inf
    for index in range(length + 1):
        approach = toward[enter, place]
        begin = max(opens, time + approach)
        if begin > closes:
            break
        finish = begin + duration
        cost, least, next_begin = 0.0, 0.0, 0.0
        if is_timed:
            cost = weight * finish
            if finish > due:
                cost += stop["late"] * (finish - due)
            if cost >= best:
                # farther on it is finished later, by the triangle inequality
                missed = min(missed, cost)
                break
        if index < length:
            after = at[index]
            onward = travel[leave, after["enter"]]
            next_begin = max(stops[after["stop"]]["opens"], finish + onward)
            extra = approach + onward - after["way"]
            is_possible = next_begin <= after["latest"]
            least = (next_begin - after["begin"]) * after["pressure"]
        else:
            extra, back = approach, 0.0
            if end != NONE:
                back = travel[leave, end]
                extra += back
                if length > 0:
                    extra -= travel[place, end]
            is_possible = finish + back <= robot["until"]
        cost += travel_weight * extra
        if is_possible and cost + least >= best:
            missed = min(missed, cost + least)
        elif is_possible:
            if rule["has_energy"] and not _lasts(stops, first, robot, effort, travel, at, length, index, extra):
                is_possible = False
            elif is_timed and index < length:
                cost += delay_cost(stops, effort, at, length, index, next_begin)
            if is_possible and cost < best:
                best, best_at = cost, index
            elif is_possible:
                missed = min(missed, cost)
        if index < length:
            place, time = at[index]["leave"], at[index]["finish"]
    if best_at == NONE:
        return missed, NONE, NONE
    return best, best_at, best_at


@lean
def _lasts(
    stops: Records,
    first: int,
    robot: Any,
    effort: Records,
    travel: Floats,
    at: Records,
    length: int,
    index: int,
    extra: float,
) -> bool:
    """Return whether the battery lasts for a whole job before the index, `extra` travel, and all after it."""
    own, power, place, used = effort[first]["energy"], robot["power"], robot["start"], 0.0
    if index > 0:
        place, used = at[index - 1]["leave"], at[index - 1]["used"]
    used += power * travel[place, stops[first]["enter"]] + own
    if robot["charger"] != NONE:
        used += power * travel[stops[first]["leave"], robot["charger"]]
    if used > robot["energy"]:
        return False
    return bool(index >= length or power * extra + own <= at[index]["spare"])

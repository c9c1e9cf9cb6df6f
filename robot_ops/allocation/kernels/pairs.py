"""The best two places in a route for a job with two stops, by the times at which stops are finished."""

from typing import Any

import numpy as np

from robot_ops.allocation.kernels.arrays import NONE, Floats, Records
from robot_ops.allocation.kernels.routes import delay_cost
from robot_ops.core.compiler import inlined, lean


@inlined
def pair_by_time(
    stops: Records,
    first: int,
    second: int,
    robot: Any,
    rule: Any,
    effort: Records,
    travel: Floats,
    toward: Floats,
    at: Records,
    length: int,
    limit: float,
) -> tuple[float, int, int]:
    """Look at positions for the first stop from the beginning on, until the second would be finished too late."""
    pickup, delivery, travel_weight = stops[first], stops[second], rule["travel_weight"]
    enter, leave = pickup["enter"], pickup["leave"]
    direct, room = travel[leave, delivery["enter"]], robot["capacity"] - pickup["load"]
    duration, far_duration = effort[first]["duration"], effort[second]["duration"]
    best, best_first, best_second = limit, NONE, 0
    missed = np.inf
    before, free, carried = robot["start"], robot["free"], 0.0
    for first_at in range(length + 1):
        approach = toward[enter, before]
        begin = max(pickup["opens"], free + approach)
        if begin > pickup["closes"]:
            break
        finish = begin + duration
        far_finish = max(delivery["opens"], finish + direct) + far_duration
        # by the triangle inequality it is not finished earlier than that, wherever the second goes
        least = pickup["weight"] * finish + pickup["late"] * max(0.0, finish - pickup["due"])
        least += delivery["weight"] * far_finish + delivery["late"] * max(0.0, far_finish - delivery["due"])
        if least >= best:
            missed = min(missed, least)
            break
        is_possible = carried <= room
        if first_at < length:
            after = at[first_at]
            onward = travel[leave, after["enter"]]
            next_begin = max(stops[after["stop"]]["opens"], finish + onward)
            least += travel_weight * (approach + onward - after["way"])
            least += max(0.0, next_begin - after["begin"]) * after["pressure"]
            is_possible = is_possible and next_begin <= after["latest"]
        if is_possible and least >= best:
            missed = min(missed, least)
        elif is_possible:
            cost, second_at = insert_second(
                stops, first, second, robot, rule, effort, travel, toward, at, length, first_at, approach, best
            )
            if second_at == NONE:
                missed = min(missed, cost)
            else:
                best, best_first, best_second = cost, first_at, second_at
        if first_at < length:
            before, free, carried = at[first_at]["leave"], at[first_at]["finish"], at[first_at]["carried"]
    if best_first == NONE:
        return missed, NONE, NONE
    return best, best_first, best_second


@lean
def insert_second(
    stops: Records,
    first: int,
    second: int,
    robot: Any,
    rule: Any,
    effort: Records,
    travel: Floats,
    toward: Floats,
    at: Records,
    length: int,
    first_at: int,
    approach: float,
    limit: float,
) -> tuple[float, int]:
    """Return what a pair adds with its first stop before a position, and where the second goes at best.

    Args:
        approach: seconds of travel to the first stop; the others: see `best_insertion`, of the cost and NONE too.
    """
    end = robot["end"]
    travel_weight, is_timed, has_energy = rule["travel_weight"], rule["is_timed"], rule["has_energy"]
    pickup, delivery = stops[first], stops[second]
    far_enter, far_leave, far_duration = delivery["enter"], delivery["leave"], effort[second]["duration"]
    load, capacity = pickup["load"], robot["capacity"]
    old_place, free, carried = robot["start"], robot["free"], 0.0
    if first_at > 0:
        before = at[first_at - 1]
        old_place, free, carried = before["leave"], before["finish"], before["carried"]
    best, best_at, missed = limit, NONE, np.inf
    begin = max(pickup["opens"], free + approach)
    if begin > pickup["closes"] or carried + load > capacity:
        return np.inf, NONE
    # the way so far costs so much more than the old one to the stop before the index
    place, time, extra, cost = pickup["leave"], begin + effort[first]["duration"], approach, 0.0
    if is_timed:
        cost = pickup["weight"] * time + pickup["late"] * max(0.0, time - pickup["due"])
    for index in range(first_at, length + 1):
        far_approach = toward[far_enter, place]
        begin = max(delivery["opens"], time + far_approach)
        if begin > delivery["closes"]:
            break
        finish = begin + far_duration
        total, least, next_begin = cost, 0.0, 0.0
        if is_timed:
            total += delivery["weight"] * finish
            if finish > delivery["due"]:
                total += delivery["late"] * (finish - delivery["due"])
            if total >= best:
                # later it is finished later
                missed = min(missed, total)
                break
        if index < length:
            after = at[index]
            onward = travel[far_leave, after["enter"]]
            next_begin = max(stops[after["stop"]]["opens"], finish + onward)
            total_extra = extra + far_approach + onward - after["way"]
            is_possible = next_begin <= after["latest"]
            least = (next_begin - after["begin"]) * after["pressure"]
        else:
            total_extra, back = extra + far_approach, 0.0
            if end != NONE:
                back = travel[far_leave, end]
                total_extra += back
                if length > 0:
                    total_extra -= travel[old_place, end]
            is_possible = finish + back <= robot["until"]
        total += travel_weight * total_extra
        if is_possible and total + least >= best:
            missed = min(missed, total + least)
        elif is_possible:
            if is_timed and index < length:
                total += delay_cost(stops, effort, at, length, index, next_begin)
            if total >= best:
                missed = min(missed, total)
            elif not has_energy or _pair_lasts(
                stops, first, second, robot, effort, travel, at, length, first_at, index
            ):
                best, best_at = total, index
        if index == length:
            break
        # the stop at the index goes before the delivery
        after = at[index]
        way = travel[place, after["enter"]]
        next_begin = max(stops[after["stop"]]["opens"], time + way)
        if next_begin > after["latest"] or after["carried"] + load > capacity:
            break
        extra += way - after["way"]
        time = next_begin + effort[after["stop"]]["duration"]
        if is_timed:
            stop = stops[after["stop"]]
            cost += stop["weight"] * (time - after["finish"])
            if time > stop["due"]:
                cost += stop["late"] * (time - max(after["finish"], stop["due"]))
        if cost + travel_weight * extra >= best:
            missed = min(missed, cost + travel_weight * extra)
            break
        place = after["leave"]
        old_place = place
    if best_at == NONE:
        return missed, NONE
    return best, best_at


@lean
def _pair_lasts(
    stops: Records,
    first: int,
    second: int,
    robot: Any,
    effort: Records,
    travel: Floats,
    at: Records,
    length: int,
    first_at: int,
    second_at: int,
) -> bool:
    """Return whether the battery lasts with both stops, driven stop by stop."""
    place, used = robot["start"], 0.0
    for step in range(length + 2):
        if step == first_at:
            stop = first
        elif step == second_at + 1:
            stop = second
        else:
            stop = at[step - (step > first_at) - (step > second_at + 1)]["stop"]
        used += robot["power"] * travel[place, stops[stop]["enter"]] + effort[stop]["energy"]
        place = stops[stop]["leave"]
        home = 0.0
        if robot["charger"] != NONE:
            home = robot["power"] * travel[place, robot["charger"]]
        if used + home > robot["energy"]:
            return False
    return True

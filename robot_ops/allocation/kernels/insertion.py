"""The best place for a job in a route."""

from typing import Any

import numpy as np

from robot_ops.allocation.kernels.arrays import NONE, Floats, Records
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
        at: (positions,) of the route; length: its stops.
        limit: where the cost is not below it a lower bound of the cost is returned, and NONE for the positions.
    """
    if job["second"] == NONE:
        return _whole(stops, job["first"], robot, rule, effort, travel, toward, at, length, limit)
    if rule["is_timed"]:
        return _pair_by_time(stops, job["first"], job["second"], robot, rule, effort, travel, toward, at, length, limit)
    return _pair_by_way(stops, job["first"], job["second"], robot, rule, effort, travel, toward, at, length, limit)


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


@inlined
def _pair_by_way(
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
    """Look at positions for the first stop from the last on: so it is known what the second adds at best after each.

    By the triangle inequality both stops add the way of each alone at least, or that of both one after another.
    """
    pickup, delivery, end, travel_weight = stops[first], stops[second], robot["end"], rule["travel_weight"]
    enter, leave, far_enter, far_leave = pickup["enter"], pickup["leave"], delivery["enter"], delivery["leave"]
    direct, room = travel[leave, far_enter], robot["capacity"] - pickup["load"]
    best, best_first, best_second = limit, NONE, 0
    missed, least_far = np.inf, np.inf
    for first_at in range(length, -1, -1):
        before, carried = robot["start"], 0.0
        if first_at > 0:
            before, carried = at[first_at - 1]["leave"], at[first_at - 1]["carried"]
        onward, far_onward, way = 0.0, 0.0, 0.0
        if first_at < length:
            after = at[first_at]["enter"]
            onward, far_onward, way = travel[leave, after], travel[far_leave, after], at[first_at]["way"]
            if at[first_at]["carried"] > room:
                least_far = np.inf  # the second must be done before that
        elif end != NONE:
            onward, far_onward = travel[leave, end], travel[far_leave, end]
            way = travel[before, end] if length > 0 else 0.0
        approach = toward[enter, before]
        least = travel_weight * (min(approach + direct + far_onward, approach + onward + least_far) - way)
        least_far = min(least_far, toward[far_enter, before] + far_onward - way)
        if carried > room:
            continue
        if least >= best:
            missed = min(missed, least)
            continue
        cost, second_at = _second(
            stops, first, second, robot, rule, effort, travel, toward, at, length, first_at, approach, best
        )
        if second_at == NONE:
            missed = min(missed, cost)
        else:
            best, best_first, best_second = cost, first_at, second_at
    if best_first == NONE:
        return missed, NONE, NONE
    return best, best_first, best_second


@inlined
def _pair_by_time(
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
            cost, second_at = _second(
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
def _second(
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

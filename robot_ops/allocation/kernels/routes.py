"""Routes: what follows from an order of stops, and taking jobs out and in."""

import numpy as np

from robot_ops.allocation.kernels.arrays import NONE, Records, Routes, Work
from robot_ops.core.compiler import inlined, lean

_SLACK = 1e-9
_MOST_GRAINS = 2e9


@lean
def refresh(work: Work, routes: Routes, number: int, since: int) -> bool:
    """Work out everything that follows from a robot's stops; return whether the route is possible.

    Args:
        since: what is before that position is the same as when the route was last worked out, and was possible.
    """
    if work.rule[0]["is_free"]:
        return _refresh_freely(work, routes, number, since)
    robot, route, at = work.robot[number], routes.route[number], routes.at[number]
    travel, effort = work.travel[robot["group"]], work.effort[robot["group"]]
    travel_weight = work.rule[0]["travel_weight"]
    place, time, load, used, cost, aboard = robot["start"], robot["free"], 0.0, 0.0, 0.0, 0
    if since > 0:
        before = at[since - 1]
        place, time, load, used = before["leave"], before["finish"], before["carried"], before["used"]
        cost, aboard = before["spent"], before["aboard"]
    length, edges = route["length"], routes.edge[number]
    has_edges, grains = len(edges) > 0, 1.0 / routes.grain[robot["group"]]
    is_possible = True
    for index in range(since, length):
        here = at[index]
        stop = work.stop[here["stop"]]
        job = work.job[stop["job"]]
        way = travel[place, stop["enter"]]
        if has_edges:
            edge = edges[index]
            edge["before"], edge["after"], edge["carried"] = place, stop["enter"], load
            edge["way"] = int(min(way * grains, _MOST_GRAINS)) + 1
        begin = max(time + way, stop["opens"])
        finish = begin + effort[here["stop"]]["duration"]
        load += stop["load"]
        used += robot["power"] * way + effort[here["stop"]]["energy"]
        if not finish < np.inf or begin > stop["closes"] + _SLACK or load > robot["capacity"] + _SLACK:
            is_possible = False
        cost += travel_weight * way + stop["weight"] * finish
        if finish > stop["due"]:
            cost += stop["late"] * (finish - stop["due"])
        if here["stop"] == job["first"] and job["planned"] != NONE and job["planned"] != number:
            cost += job["move"]
        here["begin"], here["finish"], here["carried"], here["used"], here["way"] = begin, finish, load, used, way
        if job["second"] != NONE:
            aboard += 1 if here["stop"] == job["first"] else -1
        here["enter"], here["leave"], here["aboard"] = stop["enter"], stop["leave"], aboard
        here["spent"] = cost
        routes.position[here["stop"]] = index
        routes.robot_of[stop["job"]] = number
        place, time = stop["leave"], finish
    back = 0.0
    if length > 0 and robot["end"] != NONE:
        back = travel[place, robot["end"]]
    if has_edges:
        edge = edges[length]
        edge["before"], edge["carried"] = place, load
        edge["after"] = robot["end"] if robot["end"] != NONE else len(travel)
        edge["way"] = int(min(back * grains, _MOST_GRAINS)) + 1 if back > 0.0 else 0
    if length > 0 and time + back > robot["until"] + _SLACK:
        is_possible = False
    route["cost"] = cost + travel_weight * back
    # and backward what depends on later stops
    latest_finish = robot["until"] - back
    has_energy = work.rule[0]["has_energy"]
    pressure, spare = 0.0, np.inf
    for index in range(length - 1, -1, -1):
        here = at[index]
        stop = work.stop[here["stop"]]
        if index + 1 < length:
            after = at[index + 1]
            latest_finish = after["latest"] - after["way"]
            if after["begin"] > here["finish"] + after["way"]:
                pressure = 0.0  # it waits there, which takes up a first delay
        latest = min(stop["closes"], latest_finish - effort[here["stop"]]["duration"])
        latest = max(here["begin"], latest)  # rounding
        pressure += stop["weight"]
        if here["finish"] > stop["due"]:
            pressure += stop["late"]
        if has_energy:
            left = robot["energy"] - here["used"]
            if robot["charger"] != NONE:
                left -= robot["power"] * travel[stop["leave"], robot["charger"]]
            spare = min(spare, left)
        if index < since and latest == here["latest"] and pressure == here["pressure"] and spare == here["spare"]:
            spare = at[0]["spare"]
            break  # what is before it stays as it is, too
        here["latest"], here["pressure"], here["spare"] = latest, pressure, spare
    return is_possible and bool(spare >= -_SLACK)


@inlined
def _refresh_freely(work: Work, routes: Routes, number: int, since: int) -> bool:
    """Work out what counts where the way alone does."""
    robot, route, at, edges = work.robot[number], routes.route[number], routes.at[number], routes.edge[number]
    travel, effort = work.travel[robot["group"]], work.effort[robot["group"]]
    travel_weight, grains = work.rule[0]["travel_weight"], 1.0 / routes.grain[robot["group"]]
    place, time, load, cost, aboard = robot["start"], robot["free"], 0.0, 0.0, 0
    if since > 0:
        before = at[since - 1]
        place, time, load = before["leave"], before["finish"], before["carried"]
        cost, aboard = before["spent"], before["aboard"]
    length, is_possible = route["length"], True
    for index in range(since, length):
        here = at[index]
        stop = work.stop[here["stop"]]
        way = travel[place, stop["enter"]]
        edge = edges[index]
        edge["before"], edge["after"], edge["carried"] = place, stop["enter"], load
        edge["way"] = int(min(way * grains, _MOST_GRAINS)) + 1
        load += stop["load"]
        if load > robot["capacity"] + _SLACK:
            is_possible = False
        cost += travel_weight * way
        if here["stop"] == work.job[stop["job"]]["first"]:
            aboard += 1
            if work.job[stop["job"]]["planned"] != NONE and work.job[stop["job"]]["planned"] != number:
                cost += work.job[stop["job"]]["move"]
        else:
            aboard -= 1
        here["begin"] = time + way
        time = here["begin"] + effort[here["stop"]]["duration"]
        here["way"], here["carried"], here["finish"], here["spent"] = way, load, time, cost
        here["enter"], here["leave"], here["aboard"] = stop["enter"], stop["leave"], aboard
        routes.position[here["stop"]] = index
        routes.robot_of[stop["job"]] = number
        place = stop["leave"]
    edge, back = edges[length], 0.0
    edge["before"], edge["after"], edge["way"], edge["carried"] = place, len(travel), 0, load
    if robot["end"] != NONE:
        edge["after"] = robot["end"]
        if length > 0:
            back = travel[place, robot["end"]]
            edge["way"] = int(min(back * grains, _MOST_GRAINS)) + 1
    route["cost"] = cost + travel_weight * back
    return is_possible


@lean
def insert(at: Records, length: int, first: int, second: int, first_at: int, second_at: int) -> int:
    """Put stops before these positions of a route as it is, and return its new length.

    Args:
        at: (positions,) of the route; length: its stops.
        second: NONE for a job that is done as a whole.
    """
    shift_below = length
    if second != NONE:
        for index in range(length - 1, second_at - 1, -1):
            at[index + 2]["stop"] = at[index]["stop"]
        at[second_at + 1]["stop"] = second
        shift_below = second_at
        length += 1
    for index in range(shift_below - 1, first_at - 1, -1):
        at[index + 1]["stop"] = at[index]["stop"]
    at[first_at]["stop"] = first
    return length + 1


@lean
def delay_cost(stops: Records, effort: Records, at: Records, length: int, index: int, begin: float) -> float:
    """Return what it costs that the stop at the index begins only then, with all that this delays.

    Args:
        stops: `Work.stop`; effort: (stops,) of the robot's group; at: (positions,) of its route.
    """
    cost = 0.0
    while begin != at[index]["begin"]:
        here = at[index]
        stop = stops[here["stop"]]
        finish, before, due = begin + effort[here["stop"]]["duration"], here["finish"], stop["due"]
        cost += stop["weight"] * (finish - before)
        if finish > due or before > due:
            cost += stop["late"] * (max(0.0, finish - due) - max(0.0, before - due))
        index += 1
        if index >= length:
            break
        begin = max(stops[at[index]["stop"]]["opens"], finish + at[index]["way"])
    return cost

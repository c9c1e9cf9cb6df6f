"""Routes: what follows from an order of stops, and taking jobs out and in."""

import numpy as np

from robot_ops.allocation.kernels.arrays import NONE, Records, Routes, Work
from robot_ops.core.compiler import lean

_SLACK = 1e-9


@lean
def refresh(work: Work, routes: Routes, number: int) -> bool:
    """Work out everything that follows from a robot's stops; return whether the route is possible."""
    robot, route, at = work.robot[number], routes.route[number], routes.at[number]
    travel, effort = work.travel[robot["group"]], work.effort[robot["group"]]
    place, time, load, used, driven, cost = robot["start"], robot["free"], 0.0, 0.0, 0.0, 0.0
    length = route["length"]
    is_possible, aboard = True, 0
    for index in range(length):
        here = at[index]
        stop = work.stop[here["stop"]]
        job = work.job[stop["job"]]
        way = travel[place, stop["enter"]]
        begin = max(time + way, stop["opens"])
        finish = begin + effort[here["stop"]]["duration"]
        load += stop["load"]
        used += robot["power"] * way + effort[here["stop"]]["energy"]
        driven += way
        if not finish < np.inf or begin > stop["closes"] + _SLACK or load > robot["capacity"] + _SLACK:
            is_possible = False
        cost += stop["weight"] * finish
        if finish > stop["due"]:
            cost += stop["late"] * (finish - stop["due"])
        if here["stop"] == job["first"] and job["planned"] != NONE and job["planned"] != number:
            cost += job["move"]
        here["begin"], here["finish"], here["carried"], here["used"], here["way"] = begin, finish, load, used, way
        if job["second"] != NONE:
            aboard += 1 if here["stop"] == job["first"] else -1
        here["enter"], here["leave"], here["aboard"] = stop["enter"], stop["leave"], aboard
        routes.position[here["stop"]] = index
        routes.robot_of[stop["job"]] = number
        place, time = stop["leave"], finish
    back = 0.0
    if length > 0 and robot["end"] != NONE:
        back = travel[place, robot["end"]]
    if length > 0 and time + back > robot["until"] + _SLACK:
        is_possible = False
    route["cost"] = cost + work.rule[0]["travel_weight"] * (driven + back)
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
        here["latest"] = max(here["begin"], latest)  # rounding
        pressure += stop["weight"]
        if here["finish"] > stop["due"]:
            pressure += stop["late"]
        here["pressure"] = pressure
        if has_energy:
            left = robot["energy"] - here["used"]
            if robot["charger"] != NONE:
                left -= robot["power"] * travel[stop["leave"], robot["charger"]]
            spare = min(spare, left)
        here["spare"] = spare
    return is_possible and bool(spare >= -_SLACK)


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

"""Drives routes stop by stop in plain Python, without the kernels: what they cost, or what is wrong with them."""

import math
from collections.abc import Sequence

from robot_ops.allocation.kernels.arrays import NONE, Work

_SLACK = 1e-6


def cost_of(work: Work, routes: Sequence[Sequence[int]]) -> float:
    """Return what the routes cost, jobs left out included.

    Raises:
        ValueError: with what is wrong with them.
    """
    done: dict[int, int] = {}
    total = 0.0
    for number, stops in enumerate(routes):
        total += _route_cost(work, number, stops)
        for stop in stops:
            if stop in done:
                raise ValueError(f"stop {stop} is in the routes of {done[stop]} and {number}")
            done[stop] = number
    for job, record in enumerate(work.job):
        stops = [int(record["first"]), *([int(record["second"])] if record["second"] != NONE else [])]
        robots = {done.get(stop) for stop in stops}
        if robots == {None}:
            total += float(record["drop"])
        elif len(robots) > 1:
            raise ValueError(f"job {job} is split between {robots}")
        else:
            robot = next(iter(robots))
            if not work.is_allowed[job, robot]:
                raise ValueError(f"robot {robot} is not able to do job {job}")
            if record["planned"] not in (NONE, robot):
                total += float(record["move"])
    return total


def _route_cost(work: Work, number: int, stops: Sequence[int]) -> float:
    if not stops:
        return 0.0
    robot, group = work.robot[number], int(work.robot[number]["group"])
    travel, weight = work.travel[group], float(work.rule[0]["travel_weight"])
    place, time, load, used, cost = int(robot["start"]), float(robot["free"]), 0.0, 0.0, 0.0
    on_board: set[int] = set()
    for number_of_stop in stops:
        stop, effort = work.stop[number_of_stop], work.effort[group, number_of_stop]
        job = work.job[stop["job"]]
        if number_of_stop == job["second"] and int(stop["job"]) not in on_board:
            raise ValueError(f"job {stop['job']} is delivered before it is picked up")
        on_board.add(int(stop["job"]))
        way = float(travel[place, stop["enter"]])
        begin = max(time + way, float(stop["opens"]))
        time = begin + float(effort["duration"])
        load += float(stop["load"])
        used += float(robot["power"]) * way + float(effort["energy"])
        place = int(stop["leave"])
        home = 0.0 if robot["charger"] == NONE else float(robot["power"]) * float(travel[place, robot["charger"]])
        if begin > stop["closes"] + _SLACK:
            raise ValueError(f"stop {number_of_stop} begins at {begin}, it closes at {stop['closes']}")
        if load > robot["capacity"] + _SLACK:
            raise ValueError(f"robot {number} carries {load} after stop {number_of_stop}")
        if work.rule[0]["has_energy"] and used + home > robot["energy"] + _SLACK:
            raise ValueError(f"robot {number} runs out of energy after stop {number_of_stop}")
        if not math.isfinite(time):
            raise ValueError(f"robot {number} cannot do stop {number_of_stop}")
        cost += weight * way + float(stop["weight"]) * time
        if time > stop["due"]:
            cost += float(stop["late"]) * (time - float(stop["due"]))
    back = 0.0 if robot["end"] == NONE else float(travel[place, robot["end"]])
    if time + back > robot["until"] + _SLACK:
        raise ValueError(f"robot {number} is back at {time + back}, its shift ends at {robot['until']}")
    return cost + weight * back

"""Puts jobs that are left out back into routes: greedily with blinks, or by regret."""

from typing import Any, Final

import numpy as np

from robot_ops.allocation.kernels.arrays import NONE, Floats, Ints, Routes, Search, Work
from robot_ops.allocation.kernels.chance import draw, pick
from robot_ops.allocation.kernels.insertion import best_insertion
from robot_ops.allocation.kernels.routes import insert, refresh
from robot_ops.core.compiler import inlined, kernel, lean

_HOPELESS: Final = 1.5
"""A route in which a job has cost so many times the least is overlooked when it has changed since, mostly."""


@inlined
def touch(routes: Routes, search: Search, number: int) -> None:
    """Keep a route as it is before it is changed on trial."""
    route = routes.route[number]
    if route["is_saved"]:
        return
    state = search.state[0]
    search.saved_route[number] = route
    for index in range(route["length"]):
        search.saved_at[number, index] = routes.at[number, index]
    if len(routes.edge[number]) > 0:
        for index in range(route["length"] + 1):
            search.saved_edge[number, index] = routes.edge[number, index]
    route["is_saved"] = 1
    search.saved_robots[state["saved"]] = number
    state["saved"] += 1


@inlined
def renew(work: Work, routes: Routes, search: Search, number: int, since: int) -> None:
    """Work out a route that has changed from a position on, and number it."""
    search.state[0]["version"] += 1
    routes.route[number]["version"] = search.state[0]["version"]
    refresh(work, routes, number, since)


@lean
def is_known(offer: Any, version: int, limit: float) -> bool:
    """Return whether the offer holds for that version of the route, or that it is not below the limit."""
    return bool(offer["version"] == version and (offer["first_at"] != NONE or offer["cost"] >= limit))


@lean
def make_offer(work: Work, routes: Routes, search: Search, number: int, job: int, limit: float) -> None:
    """Find the job's best place in the route and remember it for as long as the route is the same.

    Args:
        limit: from here on only that the cost is so high is of interest.
    """
    record, robot, route = work.job[job], work.robot[number], routes.route[number]
    move = 0.0
    if record["planned"] != NONE and record["planned"] != number:
        move = record["move"]
    group = robot["group"]
    cost, first_at, second_at = best_insertion(
        work.stop,
        record,
        robot,
        work.rule[0],
        work.effort[group],
        work.travel[group],
        search.toward[group],
        search.coarse[group],
        routes.grain[group],
        routes.edge[number],
        routes.at[number],
        route["length"],
        limit - move,
    )
    offer = search.offer[job, number]
    offer["version"], offer["first_at"], offer["second_at"] = route["version"], first_at, second_at
    offer["cost"] = cost + move


@inlined
def take(work: Work, routes: Routes, search: Search, number: int, job: int, first_at: int, second_at: int) -> None:
    """Insert a job, its stops before these positions."""
    record, route = work.job[job], routes.route[number]
    if not route["is_saved"]:
        touch(routes, search, number)
    route["length"] = insert(
        routes.at[number],
        route["length"],
        record["first"],
        record["second"],
        first_at,
        second_at,
    )
    search.state[0]["version"] += 1
    route["version"] = search.state[0]["version"]
    refresh(work, routes, number, first_at)


@lean
def sort_absent(work: Work, search: Search) -> None:
    """Put the jobs left out in an order: by chance, or half of the time by one of the given keys."""
    count, keys, memory = search.state[0]["absent"], work.order.shape[1], search.memory
    column = pick(search.state, 2 * keys) - keys
    for index in range(count):
        job = search.absent[index]
        memory[job]["key"] = draw(search.state) if column < 0 else work.order[job, column]
    for index in range(1, count):
        job, at = search.absent[index], index
        while at > 0 and memory[search.absent[at - 1]]["key"] > memory[job]["key"]:
            search.absent[at] = search.absent[at - 1]
            at -= 1
        search.absent[at] = job


@inlined
def _nearest_idle(work: Work, routes: Routes, search: Search, job: int) -> int:
    """Return the robot without work that is nearest to the job, NONE where all have some."""
    for entry in range(search.nearest.shape[1]):
        number = search.nearest[job, entry]
        route = routes.route[number]
        if route["length"] == 0 and not route["is_closed"] and work.is_allowed[job, number]:
            return int(number)
    return NONE


@lean
def recreate(work: Work, routes: Routes, search: Search, blink: float) -> None:
    """Insert each job left out where it costs least, one after another; routes are overlooked with chance `blink`."""
    kept, state, rule = 0, search.state[0], work.rule[0]
    for index in range(state["absent"]):
        job = search.absent[index]
        record = work.job[job]
        best, chosen, best_first, best_second = np.inf, NONE, 0, 0
        idle = _nearest_idle(work, routes, search, job) if rule["is_free"] else NONE
        # what is known comes first: it tells how good the others must be
        for number in range(len(routes.route)):
            route, offer = routes.route[number], search.offer[job, number]
            if rule["is_free"] and route["length"] == 0 and number not in (idle, record["planned"]):
                continue
            if offer["cost"] < best and offer["version"] == route["version"] and offer["first_at"] != NONE:
                if route["is_closed"] or (blink > 0.0 and draw(search.state) < blink):
                    continue
                best, chosen = offer["cost"], number
                best_first, best_second = offer["first_at"], offer["second_at"]
        # then routes on trial, where there is room, then all others
        for turn in range(2):
            for number in range(len(routes.route)):
                route, offer, robot = routes.route[number], search.offer[job, number], work.robot[number]
                if route["is_saved"] != 1 - turn or route["is_closed"] or not work.is_allowed[job, number]:
                    continue
                if rule["is_free"] and route["length"] == 0 and number not in (idle, record["planned"]):
                    continue
                if is_known(offer, route["version"], best):
                    continue
                is_hopeless = turn == 1 and best < np.inf and offer["cost"] >= _HOPELESS * best
                if is_hopeless and 0.0 < blink < draw(search.state):
                    continue
                # as in make_offer, without the cost of a call
                move = 0.0
                if record["planned"] != NONE and record["planned"] != number:
                    move = record["move"]
                group, at, length = robot["group"], routes.at[number], route["length"]
                cost, first_at, second_at = best_insertion(
                    work.stop,
                    record,
                    robot,
                    rule,
                    work.effort[group],
                    work.travel[group],
                    search.toward[group],
                    search.coarse[group],
                    routes.grain[group],
                    routes.edge[number],
                    at,
                    length,
                    best - move,
                )
                cost += move
                if not route["is_saved"]:
                    # of a route on trial it would be worth nothing later, and would replace what is known of it
                    offer["version"], offer["first_at"], offer["second_at"] = route["version"], first_at, second_at
                    offer["cost"] = cost
                if first_at != NONE and cost < best and (blink <= 0.0 or draw(search.state) >= blink):
                    best, chosen, best_first, best_second = cost, number, first_at, second_at
        if chosen == NONE:
            search.absent[kept] = job
            kept += 1
        else:
            take(work, routes, search, chosen, job, best_first, best_second)
    state["absent"] = kept


@lean
def insert_planned(work: Work, routes: Routes, search: Search) -> None:
    """Insert each job left out into the route of the robot that it was planned for, where that is possible."""
    kept, state = 0, search.state[0]
    for index in range(state["absent"]):
        job = search.absent[index]
        number = work.job[job]["planned"]
        if number != NONE and work.is_allowed[job, number]:
            make_offer(work, routes, search, number, job, np.inf)
            offer = search.offer[job, number]
            if offer["cost"] < np.inf:
                take(work, routes, search, number, job, offer["first_at"], offer["second_at"])
                continue
        search.absent[kept] = job
        kept += 1
    state["absent"] = kept


@kernel
def recreate_by_regret(work: Work, routes: Routes, search: Search) -> None:
    """Insert the job first that loses most if it does not get its best route (regret-2, Ropke and Pisinger 2006)."""
    state = search.state[0]
    count = state["absent"]
    best, second = np.full(count, np.inf), np.full(count, np.inf)
    first_robot, second_robot = np.full(count, NONE, dtype=np.int64), np.full(count, NONE, dtype=np.int64)
    changed = NONE
    while count > 0:
        chosen, most = NONE, -np.inf
        for index in range(count):
            job = search.absent[index]
            if changed == NONE or changed == first_robot[index] or changed == second_robot[index]:
                _best_two(work, routes, search, index, best, second, first_robot, second_robot)
            elif work.is_allowed[job, changed] and not routes.route[changed]["is_closed"]:
                make_offer(work, routes, search, changed, job, second[index])
                _rank(index, changed, search.offer[job, changed]["cost"], best, second, first_robot, second_robot)
            if first_robot[index] == NONE:
                continue
            regret = second[index] - best[index]
            if second_robot[index] == NONE:
                regret = 1e12 - best[index]
            if regret > most:
                chosen, most = index, regret
        if chosen == NONE:
            break
        changed = first_robot[chosen]
        job = search.absent[chosen]
        offer = search.offer[job, changed]
        take(work, routes, search, changed, job, offer["first_at"], offer["second_at"])
        count -= 1
        search.absent[chosen] = search.absent[count]
        best[chosen], second[chosen] = best[count], second[count]
        first_robot[chosen], second_robot[chosen] = first_robot[count], second_robot[count]
    state["absent"] = count


@lean
def _best_two(
    work: Work,
    routes: Routes,
    search: Search,
    index: int,
    best: Floats,
    second: Floats,
    first_robot: Ints,
    second_robot: Ints,
) -> None:
    """Find the two best routes for a job left out."""
    job = search.absent[index]
    best[index], second[index] = np.inf, np.inf
    first_robot[index], second_robot[index] = NONE, NONE
    for number in range(len(routes.route)):
        if routes.route[number]["is_closed"] or not work.is_allowed[job, number]:
            continue
        offer = search.offer[job, number]
        if not is_known(offer, routes.route[number]["version"], second[index]):
            make_offer(work, routes, search, number, job, second[index])
        if offer["cost"] < second[index]:
            _rank(index, number, offer["cost"], best, second, first_robot, second_robot)


@lean
def _rank(
    index: int, number: int, cost: float, best: Floats, second: Floats, first_robot: Ints, second_robot: Ints
) -> None:
    if cost < best[index]:
        second[index], second_robot[index] = best[index], first_robot[index]
        best[index], first_robot[index] = cost, number
    elif cost < second[index]:
        second[index], second_robot[index] = cost, number

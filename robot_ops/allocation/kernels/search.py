"""Ruin and recreate under simulated annealing, in chunks that the caller counts."""

import math

from robot_ops.allocation.kernels.arrays import NONE, Routes, Search, Work
from robot_ops.allocation.kernels.chance import draw
from robot_ops.allocation.kernels.recreate import (
    insert_planned,
    recreate,
    recreate_by_regret,
    renew,
    sort_absent,
    touch,
)
from robot_ops.allocation.kernels.routes import refresh
from robot_ops.allocation.kernels.ruin import ruin
from robot_ops.allocation.kernels.tails import exchange_tails
from robot_ops.core.compiler import kernel, lean


@lean
def total_cost(work: Work, routes: Routes, search: Search) -> float:
    """Return what all routes and the jobs left out cost."""
    total = 0.0
    for number in range(len(routes.route)):
        total += routes.route[number]["cost"]
    for index in range(search.state[0]["absent"]):
        total += work.job[search.absent[index]]["drop"]
    return total


@lean
def begin_trial(search: Search) -> None:
    """Keep who is left out; routes are kept as they are touched."""
    state = search.state[0]
    state["saved"], state["saved_absent"] = 0, state["absent"]
    for index in range(state["absent"]):
        search.saved_absent[index] = search.absent[index]


@lean
def accept_trial(routes: Routes, search: Search) -> None:
    """Forget the routes as they were."""
    state = search.state[0]
    for index in range(state["saved"]):
        routes.route[search.saved_robots[index]]["is_saved"] = 0
    state["saved"] = 0


@lean
def reject_trial(work: Work, routes: Routes, search: Search) -> None:
    """Put the routes back as they were."""
    state = search.state[0]
    for entry in range(state["saved"]):
        number = search.saved_robots[entry]
        routes.route[number] = search.saved_route[number]
        if len(routes.edge[number]) > 0:
            for index in range(routes.route[number]["length"] + 1):
                routes.edge[number, index] = search.saved_edge[number, index]
        for index in range(routes.route[number]["length"]):
            routes.at[number, index] = search.saved_at[number, index]
            stop = routes.at[number, index]["stop"]
            routes.position[stop] = index
            routes.robot_of[work.stop[stop]["job"]] = number
    state["saved"], state["absent"] = 0, state["saved_absent"]
    for index in range(state["absent"]):
        search.absent[index] = search.saved_absent[index]
        routes.robot_of[search.absent[index]] = NONE


@lean
def trial_change(work: Work, routes: Routes, search: Search) -> float:
    """Return what the trial adds to the cost."""
    state, change = search.state[0], 0.0
    for entry in range(state["saved"]):
        number = search.saved_robots[entry]
        change += routes.route[number]["cost"] - search.saved_route[number]["cost"]
    for index in range(state["saved_absent"]):
        change -= work.job[search.saved_absent[index]]["drop"]
    for index in range(state["absent"]):
        change += work.job[search.absent[index]]["drop"]
    return change


@lean
def keep_best(routes: Routes, search: Search) -> None:
    """Remember the routes as the best so far."""
    for number in range(len(routes.route)):
        if search.best_route[number]["version"] != routes.route[number]["version"]:
            search.best_route[number] = routes.route[number]
            for index in range(routes.route[number]["length"]):
                search.best_stops[number, index] = routes.at[number, index]["stop"]
    state = search.state[0]
    state["best"], state["best_absent"] = state["current"], state["absent"]
    for index in range(state["absent"]):
        search.best_absent[index] = search.absent[index]


@lean
def restore_best(work: Work, routes: Routes, search: Search) -> None:
    """Go back to the best routes."""
    state = search.state[0]
    for job in range(len(work.job)):
        routes.robot_of[job] = NONE
    for number in range(len(routes.route)):
        routes.route[number] = search.best_route[number]
        routes.route[number]["is_saved"] = 0
        for index in range(routes.route[number]["length"]):
            routes.at[number, index]["stop"] = search.best_stops[number, index]
        refresh(work, routes, number, 0)
    state["saved"], state["absent"] = 0, state["best_absent"]
    for index in range(state["absent"]):
        search.absent[index] = search.best_absent[index]
    state["current"] = total_cost(work, routes, search)


@kernel
def construct(work: Work, routes: Routes, search: Search, few: int, some: int) -> None:
    """Give every job left out to a robot, and take the result as the best.

    Args:
        few: up to so many are inserted by regret alone; of more, those that were planned begin where they were.
        some: of more than so many that are then left, each is inserted in the order they are in.
    """
    for number in range(len(routes.route)):
        renew(work, routes, search, number, 0)
    begin_trial(search)
    if search.state[0]["absent"] > few:
        insert_planned(work, routes, search)
    if search.state[0]["absent"] <= some:
        recreate_by_regret(work, routes, search)
    else:
        recreate(work, routes, search, 0.0)
    accept_trial(routes, search)
    search.state[0]["current"] = total_cost(work, routes, search)
    keep_best(routes, search)


@lean
def improve(
    work: Work,
    routes: Routes,
    search: Search,
    iterations: int,
    hot: float,
    cold: float,
    mean_removed: float,
    max_string: float,
    blink: float,
) -> None:
    """Ruin and recreate; the best routes are kept in `search`.

    Args:
        hot, cold: temperature (unit of cost) at the first and last iteration.
        mean_removed, max_string: see `ruin`.
        blink: chance that a route is overlooked.
    """
    state = search.state[0]
    factor = 1.0 if iterations < 2 or hot <= 0.0 else (cold / hot) ** (1.0 / (iterations - 1))
    temperature = hot
    for _ in range(iterations):
        begin_trial(search)
        ruin(work, routes, search, mean_removed, max_string)
        sort_absent(work, search)
        recreate(work, routes, search, blink)
        change = trial_change(work, routes, search)
        if change < -temperature * math.log(max(draw(search.state), 1e-300)):
            if not work.rule[0]["is_timed"]:
                change += exchange_tails(work, routes, search)
            accept_trial(routes, search)
            state["current"] += change
            if state["current"] < state["best"] - 1e-7:
                keep_best(routes, search)
        else:
            reject_trial(work, routes, search)
        temperature *= factor


@lean
def reduce_fleet(
    work: Work,
    routes: Routes,
    search: Search,
    iterations: int,
    temperature: float,
    mean_removed: float,
    max_string: float,
    blink: float,
) -> bool:
    """Look for routes of the robots in use that leave nothing out; return whether they were found (and kept as best).

    Jobs that were often left out count most (the fleet minimization of SISR).
    """
    state, memory = search.state[0], search.memory
    for _ in range(iterations):
        if state["absent"] == 0:
            state["current"] = total_cost(work, routes, search)
            keep_best(routes, search)
            return True
        begin_trial(search)
        ruin(work, routes, search, mean_removed, max_string)
        sort_absent(work, search)
        recreate(work, routes, search, blink)
        before, after, change = 0, 0, 0.0
        for index in range(state["saved_absent"]):
            before += memory[search.saved_absent[index]]["absences"]
        for index in range(state["absent"]):
            after += memory[search.absent[index]]["absences"]
        for entry in range(state["saved"]):
            number = search.saved_robots[entry]
            change += routes.route[number]["cost"] - search.saved_route[number]["cost"]
        is_better = state["absent"] < state["saved_absent"] or after < before
        is_equal = state["absent"] == state["saved_absent"] and after <= before
        for index in range(state["absent"]):
            memory[search.absent[index]]["absences"] += 1
        if is_better or (is_equal and change < -temperature * math.log(max(draw(search.state), 1e-300))):
            accept_trial(routes, search)
        else:
            reject_trial(work, routes, search)
    return False


@lean
def close_route(work: Work, routes: Routes, search: Search) -> int:
    """Take the route whose jobs were left out least often out of use; return its robot, NONE where none is used."""
    chosen, least = NONE, 0
    for number in range(len(routes.route)):
        if routes.route[number]["is_closed"]:
            continue
        absences = 0
        for index in range(routes.route[number]["length"]):
            absences += search.memory[work.stop[routes.at[number, index]["stop"]]["job"]]["absences"]
        if chosen == NONE or absences < least:
            chosen, least = number, absences
    if chosen == NONE:
        return chosen
    begin_trial(search)
    touch(routes, search, chosen)
    state = search.state[0]
    for index in range(routes.route[chosen]["length"]):
        job = work.stop[routes.at[chosen, index]["stop"]]["job"]
        if routes.robot_of[job] == chosen:
            routes.robot_of[job] = NONE
            search.absent[state["absent"]] = job
            state["absent"] += 1
    routes.route[chosen]["length"] = 0
    renew(work, routes, search, chosen, 0)
    accept_trial(routes, search)
    routes.route[chosen]["is_closed"] = 1
    return chosen

"""Exchanges what two routes do from some position on, as removing and inserting a few jobs hardly ever does (2-opt*).

It makes two routes of one, one of two, or gives a route to a robot that is nearer.
"""

from typing import Any

from robot_ops.allocation.kernels.arrays import NONE, Floats, Records, Routes, Search, Work
from robot_ops.allocation.kernels.recreate import touch
from robot_ops.allocation.kernels.routes import refresh
from robot_ops.core.compiler import inlined, lean

_SLACK = 1e-7


@lean
def exchange_tails(work: Work, routes: Routes, search: Search) -> float:
    """Exchange tails of routes on trial with those of any others while that makes the way shorter; return the change.

    Only for work without times: these would be another matter to all that follows.
    """
    state, total = search.state[0], 0.0
    entry = 0
    while entry < state["saved"]:  # routes that are changed here come after them
        change = _exchange(work, routes, search, search.saved_robots[entry])
        total += change
        if change == 0.0:
            entry += 1
    return total


@lean
def _exchange(work: Work, routes: Routes, search: Search, number: int) -> float:
    """Exchange a route's tail for the one that makes the way shortest; return the change of cost, 0 without one."""
    robot, at, length = work.robot[number], routes.at[number], routes.route[number]["length"]
    travel, toward = work.travel[robot["group"]], search.toward[robot["group"]]
    best, partner, cut, far_cut = -_SLACK, NONE, 0, 0
    for index in range(length + 1):
        if index > 0 and at[index - 1]["aboard"] > 0:
            continue
        for other in range(len(routes.route)):
            if other == number or routes.route[other]["is_closed"]:
                continue
            row, count, start = routes.at[other], routes.route[other]["length"], work.robot[other]["start"]
            for far in range(count + 1):
                if far > 0 and row[far - 1]["aboard"] > 0:
                    continue
                change = _legs(travel, toward, at, robot["start"], length, index, row, start, count, far)
                if change < best:
                    best, partner, cut, far_cut = change, other, index, far
    if partner == NONE:
        return 0.0
    return _try_exchange(work, routes, search, number, cut, partner, far_cut)


@inlined
def _legs(
    travel: Floats,
    toward: Floats,
    one: Records,
    one_start: int,
    one_length: int,
    one_cut: int,
    other: Records,
    other_start: int,
    other_length: int,
    other_cut: int,
) -> float:
    """Return how much longer the ways to the two tails are once these are exchanged."""
    one_before = one[one_cut - 1]["leave"] if one_cut > 0 else one_start
    other_before = other[other_cut - 1]["leave"] if other_cut > 0 else other_start
    change = 0.0
    if one_cut < one_length:
        change += toward[one[one_cut]["enter"], other_before] - one[one_cut]["way"]
    if other_cut < other_length:
        change += travel[one_before, other[other_cut]["enter"]] - other[other_cut]["way"]
    return change


@lean
def _try_exchange(
    work: Work, routes: Routes, search: Search, number: int, cut: int, other: int, other_cut: int
) -> float:
    """Exchange these tails where that is possible and costs less; return the change, 0 where it is left as it was."""
    one_route, other_route = routes.route[number], routes.route[other]
    if not _may_take(work, routes, number, cut, other) or not _may_take(work, routes, other, other_cut, number):
        return 0.0
    touch(routes, search, number)
    touch(routes, search, other)
    before = one_route["cost"] + other_route["cost"]
    _swap(routes.at[number], one_route, cut, routes.at[other], other_route, other_cut)
    is_possible = refresh(work, routes, number, cut)
    is_possible = refresh(work, routes, other, other_cut) and is_possible
    change = one_route["cost"] + other_route["cost"] - before
    if is_possible and change < -_SLACK:
        search.state[0]["version"] += 2
        one_route["version"], other_route["version"] = search.state[0]["version"] - 1, search.state[0]["version"]
        return float(change)
    _swap(routes.at[number], one_route, cut, routes.at[other], other_route, other_cut)
    refresh(work, routes, number, cut)
    refresh(work, routes, other, other_cut)
    return 0.0


@lean
def _may_take(work: Work, routes: Routes, number: int, cut: int, other: int) -> bool:
    """Return whether the other robot is able to do all jobs of a route from a position on."""
    for index in range(cut, routes.route[number]["length"]):
        if not work.is_allowed[work.stop[routes.at[number, index]["stop"]]["job"], other]:
            return False
    return True


@lean
def _swap(one: Records, one_route: Any, one_cut: int, other: Records, other_route: Any, other_cut: int) -> None:
    """Exchange the stops from these positions on; a second time puts them back."""
    one_tail, other_tail = one_route["length"] - one_cut, other_route["length"] - other_cut
    for step in range(max(one_tail, other_tail)):
        stop = one[one_cut + step]["stop"] if step < one_tail else NONE
        if step < other_tail:
            one[one_cut + step]["stop"] = other[other_cut + step]["stop"]
        if step < one_tail:
            other[other_cut + step]["stop"] = stop
    one_route["length"], other_route["length"] = one_cut + other_tail, other_cut + one_tail

"""Takes strings of neighboring jobs out of routes (SISR; Christiaens and Vanden Berghe 2020)."""

from typing import Any, Final

from robot_ops.allocation.kernels.arrays import NONE, Ints, Records, Routes, Search, Work
from robot_ops.allocation.kernels.chance import draw, pick
from robot_ops.allocation.kernels.recreate import renew, touch
from robot_ops.core.compiler import inlined, lean

_SPLIT: Final = 0.5
"""Chance that a string keeps some in its middle."""
_LONGER: Final = 0.5
"""Chance that these are one more, each time."""


@lean
def near_stops(work: Work, search: Search, stop: int) -> int:
    """Return how many of the stops near this one are in `search.near`, which is filled at first use."""
    if search.near_count[stop] != NONE:
        return int(search.near_count[stop])
    travel, row = work.travel[0], search.near[stop]
    width, distance = len(row), search.near_away
    count = 0
    enter, leave = work.stop[stop]["enter"], work.stop[stop]["leave"]
    for other in range(len(work.stop)):
        if other == stop:
            continue
        away = min(travel[leave, work.stop[other]["enter"]], travel[work.stop[other]["leave"], enter])
        if count == width and away >= distance[count - 1]:
            continue
        at = count if count < width else width - 1
        while at > 0 and distance[at - 1] > away:
            distance[at], row[at] = distance[at - 1], row[at - 1]
            at -= 1
        distance[at], row[at] = away, other
        count = min(width, count + 1)
    search.near_count[stop] = count
    return count


@inlined
def leave_out(stops: Records, at: Records, route: Any, robot_of: Ints) -> int:
    """Take the stops of all jobs that have no robot any more out of a route; `renew` is the caller's.

    Return the first position that has changed.

    Args:
        stops: `Work.stop`; at, route: of the robot.
    """
    kept, since = 0, route["length"]
    for index in range(route["length"]):
        stop = at[index]["stop"]
        if robot_of[stops[stop]["job"]] != NONE:
            at[kept]["stop"] = stop
            kept += 1
        elif index == kept:
            since = index
    route["length"] = kept
    return int(since)


@lean
def ruin(work: Work, routes: Routes, search: Search, mean_removed: float, max_string: float) -> None:
    """Take strings of stops, with the other stops of their jobs, out of some routes around a random stop.

    Args:
        mean_removed: how many stops to take out on average; max_string: at most so many of one route.
    """
    stops, used = 0, 0
    for number in range(len(routes.route)):
        stops += routes.route[number]["length"]
        used += routes.route[number]["length"] > 0
    if stops == 0:
        return
    longest = min(max_string, stops / used)
    most_strings = 4.0 * mean_removed / (1.0 + longest) - 1.0
    strings = int(1.0 + draw(search.state) * most_strings)
    seed = pick(search.state, len(work.stop))
    ruined = 0
    for index in range(-1, near_stops(work, search, seed)):
        if ruined >= strings:
            break
        stop = seed if index < 0 else search.near[seed, index]
        number = routes.robot_of[work.stop[stop]["job"]]
        if number == NONE:
            continue
        touch(routes, search, number)
        since = _remove_string(work, routes, search, number, stop, longest)
        renew(work, routes, search, number, since)
        ruined += 1


@inlined
def _remove_string(work: Work, routes: Routes, search: Search, number: int, stop: int, longest: float) -> int:
    """Take out some stops in a row with the one given; return the first position that has changed."""
    length = routes.route[number]["length"]
    most = min(float(length), longest)
    size = min(length, int(1.0 + draw(search.state) * most))
    gap, gap_from = 0, 0
    if 1 < size < length and draw(search.state) < _SPLIT:
        gap = 1
        while size + gap < length and draw(search.state) < _LONGER:
            gap += 1
        gap_from = 1 + pick(search.state, size - 1)
    span = size + gap
    at = routes.position[stop]
    low, high = max(0, at - span + 1), min(at, length - span)
    start = low + pick(search.state, high - low + 1)
    state, row = search.state[0], routes.at[number]
    for index in range(start, start + span):
        if gap_from <= index - start < gap_from + gap:
            continue
        job = work.stop[row[index]["stop"]]["job"]
        if routes.robot_of[job] == number:
            routes.robot_of[job] = NONE
            search.absent[state["absent"]] = job
            state["absent"] += 1
    return int(leave_out(work.stop, row, routes.route[number], routes.robot_of))

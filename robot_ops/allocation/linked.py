"""The search where tasks change robots: a second leg begins when its first is finished and the exchange took its time.

The compiled search takes the instant from which on a second leg can begin as given. So after a search all routes are
driven at once to see when first legs are finished, and it is searched again with that, from the routes as they are.
What is returned has been driven so, whatever the search had believed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from robot_ops.allocation.fleet_work import work_of
from robot_ops.allocation.kernels.arrays import NONE, Work
from robot_ops.allocation.model import Candidate, OpenTask
from robot_ops.allocation.routing import Routing, Tuning
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import TaskId

_ROUNDS: Final = 6
_MANY: Final = 300
_ROUNDS_OF_MANY: Final = 2
_SLACK: Final = 1e-6
_LATE_S: Final = 600.0
"""Second legs that wait for each other are thought to begin so much later in the next round."""

Routes = list[list[int]]


class Link(NamedTuple):
    """Two legs of a task, as numbers of jobs; gap: seconds that the exchange takes."""

    first: int
    second: int
    gap: float


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of the search.

    Attributes:
        tasks: as they are now that it is known when second legs are ready.
        routing: with these routes; left: jobs that no robot does.
    """

    tasks: list[OpenTask]
    routing: Routing
    left: list[int]


def links_of(tasks: Sequence[OpenTask], gaps: Mapping[TaskId, float]) -> list[Link]:
    """Return the pairs of legs among the tasks; what an exchange takes is given per task that changes robots."""
    firsts = {task.task_id: job for job, task in enumerate(tasks) if task.task_id in gaps and not task.is_underway}
    return [
        Link(firsts[task.task_id], job, gaps[task.task_id])
        for job, task in enumerate(tasks)
        if task.is_underway and task.task_id in firsts
    ]


def search_linked(
    tasks: Sequence[OpenTask],
    robots: Sequence[Candidate],
    travel: TravelMatrix,
    links: Sequence[Link],
    *,
    begin: Mapping[int, list[int]],
    iterations: int,
    tuning: Tuning,
) -> Found:
    """Return routes in which every second leg comes after its first.

    Args:
        begin: routes to begin with, per robot.
    """
    work = work_of(tasks, robots, travel)
    opens = work.stop["opens"]
    _press_first_legs(work, links)
    routes: Routes = [list(begin.get(number, [])) for number in range(len(robots))]
    _open(work, links, _earliest(work, links))
    routes, finish = _possible(work, routes, links)
    _open(work, links, finish)
    best: tuple[float, Routes, list[float]] | None = None
    for _ in range(_ROUNDS if len(tasks) <= _MANY else _ROUNDS_OF_MANY):
        routing = Routing(work, tuning=tuning)
        _keep(routing, routes)
        routing.construct()
        routing.improve(iterations)
        wanted = routing.best()
        routes, finish = _possible(work, wanted, links)
        cost = _cost(work, routes, finish, links)
        believed = opens.tolist()
        _open(work, links, finish)
        if best is None or cost < best[0] - _SLACK:
            best = cost, routes, opens.tolist()
        lost = {job for stops in wanted for job in stops} - {job for stops in routes for job in stops}
        for link in links:
            if link.second in lost and routes != wanted:
                opens[link.second] = believed[link.second] + _LATE_S
                _forbid_both(work, wanted, link)
        if np.allclose(believed, opens, atol=1.0):
            break
    if best is None:
        raise ValueError("a search takes one round at least")
    _, routes, exact = best
    opens[:] = exact
    routing = Routing(work, tuning=tuning)
    _keep(routing, routes)
    routing.construct(order=[])
    done = {job for stops in routes for job in stops}
    known = list(tasks)
    for link in links:
        known[link.second] = replace(tasks[link.second], ready=exact[link.second])
    return Found(known, routing, [job for job in range(len(tasks)) if job not in done])


def _keep(routing: Routing, routes: Routes) -> None:
    for number, stops in enumerate(routes):
        if stops:
            routing.keep(number, list(stops))


def drive(work: Work, routes: Routes, links: Sequence[Link]) -> dict[int, float]:
    """Return when each job is finished, all routes driven at once; those that wait for each other are missing."""
    link_of = {link.second: link for link in links}
    finish: dict[int, float] = {}
    now, place = work.robot["free"].tolist(), work.robot["start"].tolist()
    ready, enter, leave = work.stop["opens"].tolist(), work.stop["enter"].tolist(), work.stop["leave"].tolist()
    group = work.robot["group"].tolist()
    duration = work.effort["duration"].tolist()
    waiting: dict[int, int] = {}
    done = [0] * len(routes)
    todo = [number for number, stops in enumerate(routes) if stops]
    while todo:
        number = todo.pop()
        stops, travel = routes[number], work.travel[group[number]]
        while done[number] < len(stops):
            job = stops[done[number]]
            link = link_of.get(job)
            opens = ready[job]
            if link is not None:
                if link.first not in finish:
                    waiting[link.first] = number
                    break
                opens = finish[link.first] + link.gap
            begin = max(now[number] + float(travel[place[number], enter[job]]), opens)
            finish[job] = now[number] = begin + duration[group[number]][job]
            place[number] = leave[job]
            done[number] += 1
            if job in waiting:
                todo.append(waiting.pop(job))
    return finish


def _possible(work: Work, wanted: Routes, links: Sequence[Link]) -> tuple[Routes, dict[int, float]]:
    """Return the routes without what is not possible in them, and when each job is finished."""
    routes = [list(stops) for stops in wanted]
    while True:
        doer = {job: number for number, stops in enumerate(routes) for job in stops}
        out = {link.second for link in links if link.second in doer and link.first not in doer}
        out |= {link.second for link in links if link.first in doer and doer.get(link.second) == doer[link.first]}
        finish: dict[int, float] = {}
        if not out:
            finish = drive(work, routes, links)
            stuck = [link.second for link in links if link.second in doer and link.second not in finish]
            if stuck:
                out = {min(stuck, key=lambda job: (float(work.stop[job]["weight"]), -job))}
            else:
                out = _after_hours(work, routes, finish)
        if not out:
            return routes, finish
        # without its second leg nobody begins the first
        out |= {link.first for link in links if link.second in out}
        routes = [[job for job in stops if job not in out] for stops in routes]


def _after_hours(work: Work, routes: Routes, finish: Mapping[int, float]) -> set[int]:
    """Return the last jobs of robots that would be back after the end of their shifts."""
    out = set()
    for robot, stops in zip(work.robot, routes, strict=True):
        if stops and robot["end"] != NONE:
            back = work.travel[robot["group"], work.stop[stops[-1]]["leave"], robot["end"]]
            if finish[stops[-1]] + back > robot["until"] + _SLACK:
                out.add(stops[-1])
    return out


def _cost(work: Work, routes: Routes, finish: Mapping[int, float], links: Sequence[Link]) -> float:
    """Return what the routes cost; of a task that changes robots, only its end counts."""
    counts = np.ones(len(work.job), dtype=np.bool_)
    counts[[link.first for link in links]] = False
    ends = np.full(len(work.job), np.inf)
    doer = np.full(len(work.job), NONE)
    for number, stops in enumerate(routes):
        doer[stops] = number
        ends[stops] = [finish[job] for job in stops]
    done, job, stop = doer != NONE, work.job, work.stop
    moved = done & (job["planned"] != NONE) & (job["planned"] != doer)
    cost = float(job["drop"][~done & counts].sum() + job["move"][moved].sum())
    end, of = ends[done & counts], stop[done & counts]
    return cost + float((of["weight"] * end + of["late"] * np.maximum(0.0, end - of["due"])).sum())


def _open(work: Work, links: Sequence[Link], finish: Mapping[int, float]) -> None:
    """Have second legs begin after the first ones' finish, where that is known."""
    for link in links:
        if link.first in finish:
            work.stop[link.second]["opens"] = finish[link.first] + link.gap


def _earliest(work: Work, links: Sequence[Link]) -> dict[int, float]:
    """Return when first legs are finished at the earliest, if nothing else were to be done."""
    found = {}
    for link in links:
        stop = work.stop[link.first]
        able = np.flatnonzero(work.is_allowed[link.first])
        if len(able):
            robots = work.robot[able]
            arrival = robots["free"] + work.travel[robots["group"], robots["start"], stop["enter"]]
            arrival = np.maximum(arrival, stop["opens"])
            found[link.first] = float((arrival + work.effort[robots["group"], link.first]["duration"]).min())
    return {first: end for first, end in found.items() if np.isfinite(end)}


def _press_first_legs(work: Work, links: Sequence[Link]) -> None:
    """Have first legs be in time for the second."""
    for link in links:
        least = float(work.effort["duration"][:, link.second].min())
        if np.isfinite(least):
            work.stop[link.first]["due"] -= link.gap + least


def _forbid_both(work: Work, routes: Routes, link: Link) -> None:
    """Keep the robot that does the first leg from doing the second."""
    for number, stops in enumerate(routes):
        if link.first in stops and link.second in stops and work.is_allowed[link.second].sum() > 1:
            work.is_allowed[link.second, number] = False

"""The plan in stages: what robots do now, what after their next stop at the charger or in their next shift, ..."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from robot_ops.allocation.estimates import (
    FULL_SOC,
    TRAFFIC_FACTOR,
    WORKING_SOC,
    charged_soc,
    charging_time,
    effort_of,
    energy,
)
from robot_ops.allocation.fleet_work import is_able, work_of
from robot_ops.allocation.legs import is_first_leg
from robot_ops.allocation.linked import links_of, search_linked
from robot_ops.allocation.model import Candidate, Charge, OpenTask
from robot_ops.allocation.routing import Routing, Tuning
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import TaskId

_ITERATIONS_PER_TASK: Final = 10
_MAX_ITERATIONS: Final = 400
_TUNING: Final = Tuning(mean_removed=8.0, hot=0.03, cold=0.003)
_MAX_STAGES: Final = 5
_WORK_SOC: Final = 0.3
"""A stop at the charger gains at least that, where the battery takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One search; job k is task k, robot k is robot k of every stage.

    Attributes:
        robots: as they begin it; routes: per robot its stops, and begin and finish of each, in seconds from now.
        left: jobs that nobody does in it.
    """

    tasks: Sequence[OpenTask]
    robots: Sequence[Candidate]
    routing: Routing
    routes: Sequence[tuple[list[int], list[float], list[float]]]
    left: Sequence[int]


def plan_stages(
    tasks: Sequence[OpenTask], robots: Sequence[Candidate], travel: TravelMatrix, gaps: Mapping[TaskId, float]
) -> list[Stage]:
    """Return the stages, one at least; what a stage leaves out is planned in the next, as long as that helps.

    Args:
        gaps: seconds between both legs, of tasks that change robots.
    """
    stages = [_stage(tasks, robots, travel, gaps)]
    while len(stages) < _MAX_STAGES:
        last = stages[-1]
        left = _left_tasks(last, gaps)
        left = [task for task in left if any(is_able(task, robot) for robot in robots)]
        if not left:
            break
        begins = [
            _next_begin(robot, route, last.tasks, travel) for robot, route in zip(last.robots, last.routes, strict=True)
        ]
        stages.append(_stage(left, begins, travel, gaps))
        if not any(stops for stops, _, _ in stages[-1].routes) and not any(robot.next_shift for robot in begins):
            stages.pop()
            break
    return stages


def later_tasks(stages: Sequence[Stage]) -> list[OpenTask]:
    """Return the tasks that stages after the last might do: there are as many as are planned, and it did some."""
    last = stages[-1]
    if len(stages) < _MAX_STAGES or not any(stops for stops, _, _ in last.routes):
        return []
    left = [last.tasks[job] for job in last.left]
    return [task for task in left if any(is_able(task, robot) for robot in last.robots)]


def charge_before(stages: Sequence[Stage], number: int, position: int) -> Charge:
    """Return a robot's time at the charger before its first task of the last of the stages."""
    later, earlier = stages[-1].robots[number], list(stages[:-1])
    while len(earlier) > 1 and not earlier[-1].routes[number][0]:
        earlier.pop()  # it charges once for both
    robot, (_, _, finishes) = earlier[-1].robots[number], earlier[-1].routes[number]
    return Charge(
        robot=robot.robot,
        position=position,
        start=finishes[-1] if finishes else robot.free_in,
        finish=later.free_in,
        soc=later.soc,
    )


def _left_tasks(stage: Stage, gaps: Mapping[TaskId, float]) -> list[OpenTask]:
    """Return what a stage leaves out; second legs as they follow from the first ones that it does."""
    left = [stage.tasks[job] for job in stage.left]
    if not gaps:
        return left
    ends = {
        stage.tasks[job].task_id: finish
        for stops, _, finishes in stage.routes
        for job, finish in zip(stops, finishes, strict=True)
        if is_first_leg(stage.tasks[job])
    }
    return [
        replace(task, ready=ends[task.task_id] + gaps[task.task_id])
        if task.is_underway and task.task_id in ends
        else task
        for task in left
    ]


def _stage(
    tasks: Sequence[OpenTask], robots: Sequence[Candidate], travel: TravelMatrix, gaps: Mapping[TaskId, float]
) -> Stage:
    iterations = min(_MAX_ITERATIONS, _ITERATIONS_PER_TASK * len(tasks))
    begin = _planned_routes(tasks, robots)
    links = links_of(tasks, gaps) if gaps else ()
    if links:
        found = search_linked(tasks, robots, travel, links, begin=begin, iterations=iterations, tuning=_TUNING)
        routing, left, tasks = found.routing, found.left, found.tasks
    else:
        routing = Routing(work_of(tasks, robots, travel), tuning=_TUNING)
        for number, stops in begin.items():
            routing.keep(number, stops)  # so that whatever changes has been found to be better
        routing.construct()
        routing.improve(iterations)
        routing.settle()
        left = routing.left_out
    routes = [routing.times(number) for number in range(len(robots))]
    return Stage(tasks=tasks, robots=robots, routing=routing, routes=routes, left=left)


def _planned_routes(tasks: Sequence[OpenTask], robots: Sequence[Candidate]) -> dict[int, list[int]]:
    """Return per robot the tasks that were planned for it, in their order."""
    numbers = {robot.robot: number for number, robot in enumerate(robots)}
    routes: dict[int, list[int]] = {}
    for job, task in enumerate(tasks):
        number = None if task.planned is None else numbers.get(task.planned)
        if number is not None and is_able(task, robots[number]):
            routes.setdefault(number, []).append(job)
    for stops in routes.values():
        stops.sort(key=lambda job: (tasks[job].planned_position, job))
    return routes


def _next_begin(
    robot: Candidate,
    route: tuple[list[int], list[float], list[float]],
    tasks: Sequence[OpenTask],
    travel: TravelMatrix,
) -> Candidate:
    """Return the robot as it goes on after charging, or in its next shift; one that does not has no time left."""
    stops, _, finishes = route
    model, node, soc = robot.model, robot.node, robot.soc
    for job in stops:
        soc -= effort_of(tasks[job], model, node, travel).energy_wh / model.battery_wh
        node = tasks[job].destination
    way = TRAFFIC_FACTOR * travel(node, robot.charger, model.max_speed)
    arrival = (finishes[-1] if finishes else robot.free_in) + way
    if not math.isfinite(arrival):
        return replace(robot, until=-math.inf, next_shift=None)
    soc = max(0.0, soc - energy(model, way, 0.0) / model.battery_wh)
    target = min(FULL_SOC, max(WORKING_SOC, soc + _WORK_SOC))
    ready = arrival + charging_time(model, soc, target)
    if ready < robot.until and (robot.next_shift is None or soc < target):
        return replace(robot, node=robot.charger, free_in=ready, soc=max(soc, target))
    if robot.next_shift is None:
        return replace(robot, until=-math.inf)
    begin, end = robot.next_shift
    begin = max(begin, arrival)
    soc = charged_soc(model, soc, begin - arrival)
    return replace(robot, node=robot.charger, free_in=begin, soc=soc, until=end, next_shift=None)

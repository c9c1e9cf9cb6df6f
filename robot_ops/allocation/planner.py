"""Earliest-finish insertion of all open tasks into the routes of all robots.

Tasks are taken by urgency; each goes where it adds least to the weighted sum of finish times and tardiness of all. The
answer depends on the arguments alone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from robot_ops.allocation.estimates import Effort, can_return, effort_of
from robot_ops.allocation.model import Assignment, Candidate, OpenTask, Plan, Travel
from robot_ops.core.ids import NodeId, RobotId, TaskId
from robot_ops.site.model import RobotKind
from robot_ops.tasks.requests import TaskKind

MOVE_GAIN_S: Final = 15.0
"""Seconds that moving a planned task to another robot must win."""
MAX_PLANNED: Final = 200
"""Tasks planned one by one; those after them get a rough estimate, so that thousands at once do no harm."""
_MAX_INSERTION: Final = 8
_PRIORITY_BASE: Final = 1.5
_TARDINESS: Final = 3.0
_PATIENCE_S: Final = 300.0
"""A task that has waited this long weighs twice as much; bounds starvation."""


@dataclass(frozen=True, slots=True)
class _Stop:
    """A task in a robot's route; start and finish in seconds from now, soc when it is done."""

    task: OpenTask
    start: float
    finish: float
    soc: float
    effort: Effort


@dataclass(slots=True)
class _Route:
    candidate: Candidate
    stops: list[_Stop] = field(default_factory=list)
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class _Option:
    cost: float
    finish: float
    stops: list[_Stop]
    route: _Route


def allocate(tasks: Iterable[OpenTask], candidates: Sequence[Candidate], travel: Travel) -> Plan:
    """Return which robot does which task.

    Args:
        tasks: those that wait for a robot, in the order they were accepted.
        candidates: robots in service, in a fixed order; ties go to the first.
        travel: seconds between nodes.
    """
    ordered = sorted(tasks, key=_urgency)
    routes = [_Route(candidate) for candidate in candidates]
    choices: dict[TaskId, str] = {}
    unassigned: dict[TaskId, str] = {}
    short: set[RobotId] = set()
    for task in ordered[:MAX_PLANNED]:
        able = [route for route in routes if is_able(task, route.candidate)]
        options = [option for route in able if (option := _best_option(task, route, travel)) is not None]
        if not options:
            unassigned[task.task_id] = _refusal(task, able)
            short |= {route.candidate.robot for route in able}
            continue
        best = min(options, key=lambda option: option.cost)
        best.route.stops, best.route.cost = best.stops, _cost(best.stops)
        choices[task.task_id] = _alternative(best, options)
    assignments = {assignment.task_id: assignment for route in routes for assignment in _assignments(route, choices)}
    finish = {task_id: assignment.finish for task_id, assignment in assignments.items()}
    finish |= _rough_estimates(ordered[MAX_PLANNED:], routes, travel)
    return Plan(assignments=assignments, finish=finish, unassigned=unassigned, short_of_energy=frozenset(short))


def is_able(task: OpenTask, candidate: Candidate) -> bool:
    """Return whether the robot is built for the task, whatever its battery holds."""
    match task.kind:
        case TaskKind.GUIDE:
            return candidate.model.kind is RobotKind.GUIDE and task.language in candidate.languages
        case TaskKind.DELIVER:
            return candidate.model.kind is RobotKind.COURIER and bool(candidate.model.compartments)


def _urgency(task: OpenTask) -> tuple[float, float, float, TaskId]:
    due = math.inf if task.due is None else task.due
    return (-(task.priority + task.waited / _PATIENCE_S), due, -task.waited, task.task_id)


def _weight(task: OpenTask) -> float:
    return float(_PRIORITY_BASE**task.priority) * (1.0 + task.waited / _PATIENCE_S)


def _best_option(task: OpenTask, route: _Route, travel: Travel) -> _Option | None:
    length = len(route.stops)
    positions = range(length, -1, -1) if length < _MAX_INSERTION else range(length, length + 1)
    penalty = 0.0 if task.planned in (None, route.candidate.robot) else MOVE_GAIN_S * _weight(task)
    best: _Option | None = None
    for position in positions:
        kept = route.stops[:position]
        stops = _extend(kept, [task, *(stop.task for stop in route.stops[position:])], route.candidate, travel)
        if stops is None:
            continue
        cost = _cost(stops) - route.cost + penalty
        if best is None or cost < best.cost:
            best = _Option(cost, stops[position].finish, stops, route)
    return best


def _extend(kept: list[_Stop], tasks: Sequence[OpenTask], candidate: Candidate, travel: Travel) -> list[_Stop] | None:
    """Return the route with the tasks driven after the kept stops, None where the battery or the way does not allow."""
    stops = list(kept)
    node, time, soc = _end_of(candidate, kept)
    for task in tasks:
        effort = effort_of(task, candidate.model, node, travel)
        start, time = time, time + effort.duration
        soc -= effort.energy_wh / candidate.model.battery_wh
        if not math.isfinite(time) or not can_return(candidate, task.destination, soc, travel):
            return None
        stops.append(_Stop(task, start, time, soc, effort))
        node = task.destination
    return stops


def _end_of(candidate: Candidate, stops: Sequence[_Stop]) -> tuple[NodeId, float, float]:
    if stops:
        return stops[-1].task.destination, stops[-1].finish, stops[-1].soc
    return candidate.node, candidate.free_in, candidate.soc


def _cost(stops: Iterable[_Stop]) -> float:
    total = 0.0
    for stop in stops:
        late = 0.0 if stop.task.due is None else max(0.0, stop.finish - stop.task.due)
        total += _weight(stop.task) * (stop.finish + _TARDINESS * late)
    return total


def _assignments(route: _Route, choices: dict[TaskId, str]) -> Iterable[Assignment]:
    for position, stop in enumerate(route.stops):
        yield Assignment(
            task_id=stop.task.task_id,
            robot=route.candidate.robot,
            position=position,
            start=stop.start,
            finish=stop.finish,
            reason=f"{route.candidate.robot} is done in {stop.finish:.0f} s; {choices[stop.task.task_id]}",
        )


def _alternative(best: _Option, options: Sequence[_Option]) -> str:
    others = sorted((option for option in options if option is not best), key=lambda option: option.cost)
    if not others:
        return "no other robot can do it"
    return f"next best was {others[0].route.candidate.robot} in {others[0].finish:.0f} s"


def _refusal(task: OpenTask, able: Sequence[_Route]) -> str:
    if able:
        return f"battery too low or no way: {', '.join(route.candidate.robot for route in able)}"
    if task.kind is TaskKind.GUIDE:
        return f"no guide that speaks {task.language} is in service"
    return "no courier is in service"


def _rough_estimates(tasks: Sequence[OpenTask], routes: Sequence[_Route], travel: Travel) -> dict[TaskId, float]:
    """Return finish times as if the tasks went round robin to the robots after all that is planned."""
    estimates: dict[TaskId, float] = {}
    ends: dict[TaskKind, float] = {}
    for task in tasks:
        able = [route for route in routes if is_able(task, route.candidate)]
        if not able:
            continue
        if task.kind not in ends:
            ends[task.kind] = sum(_end_of(route.candidate, route.stops)[1] for route in able) / len(able)
        duration = effort_of(task, able[0].candidate.model, task.destination, travel).duration
        ends[task.kind] += duration / len(able)
        estimates[task.task_id] = ends[task.kind] + duration
    return estimates

"""Which robot does which task, and in which order: earliest finish of all, by the compiled search.

What is least is the weighted sum of finish times and tardiness; a task that has waited, or has a priority, weighs more.
Tasks begin where they were planned, the others are inserted by regret, then ruin and recreate improves all for a number
of iterations that depends on the number of tasks. The answer depends on the arguments alone.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from robot_ops.allocation.estimates import effort_of
from robot_ops.allocation.fleet_work import MOVE_GAIN_S, PATIENCE_S, inability, is_able, weight, work_of
from robot_ops.allocation.kernels.arrays import Floats
from robot_ops.allocation.model import Alternative, Assignment, Candidate, OpenTask, Plan, Travel
from robot_ops.allocation.routing import Routing, Tuning
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import RobotId, TaskId
from robot_ops.tasks.requests import TaskKind

__all__ = ["MAX_PLANNED", "MOVE_GAIN_S", "allocate", "explain", "is_able"]

MAX_PLANNED: Final = 2000
"""Tasks planned one by one; those after them get a rough estimate, so that ten thousands at once do no harm."""
_ITERATIONS_PER_TASK: Final = 10
_MAX_ITERATIONS: Final = 120
_TUNING: Final = Tuning(mean_removed=8.0, hot=0.03, cold=0.003)


def allocate(tasks: Iterable[OpenTask], candidates: Sequence[Candidate], travel: Travel) -> Plan:
    """Return which robot does which task.

    Args:
        tasks: those that wait for a robot, in the order they were accepted.
        candidates: robots in service, in a fixed order; ties go to the first.
        travel: seconds between nodes; a `TravelMatrix` keeps them from call to call.
    """
    ordered = sorted(tasks, key=_urgency)
    planned, rest = ordered[:MAX_PLANNED], ordered[MAX_PLANNED:]
    matrix = travel if isinstance(travel, TravelMatrix) else TravelMatrix(travel)
    if not planned or not candidates:
        refusals = {task.task_id: _refusal(task, []) for task in ordered}
        return Plan(assignments={}, finish={}, unassigned=refusals, short_of_energy=frozenset())
    routing = _search(planned, candidates, matrix)
    assignments = _assignments(planned, candidates, routing)
    unassigned: dict[TaskId, str] = {}
    short: set[RobotId] = set()
    for task in planned:
        if task.task_id not in assignments:
            able = [candidate.robot for candidate in candidates if is_able(task, candidate)]
            unassigned[task.task_id] = _refusal(task, able)
            short.update(able)
    finish = {task_id: assignment.finish for task_id, assignment in assignments.items()}
    finish |= _rough_estimates(rest, candidates, assignments, matrix)
    for task in rest:
        if task.task_id not in finish:
            unassigned[task.task_id] = _refusal(task, [])
    return Plan(assignments=assignments, finish=finish, unassigned=unassigned, short_of_energy=frozenset(short))


def explain(
    task_id: TaskId, tasks: Iterable[OpenTask], candidates: Sequence[Candidate], travel: Travel
) -> tuple[Alternative, ...]:
    """Return what each robot would make of a task in the plan of `allocate`: the choice, then the best first.

    Nothing is returned for a task that is not among those planned one by one.
    """
    planned = sorted(tasks, key=_urgency)[:MAX_PLANNED]
    numbers = [number for number, task in enumerate(planned) if task.task_id == task_id]
    if not numbers or not candidates:
        return ()
    task = planned[numbers[0]]
    matrix = travel if isinstance(travel, TravelMatrix) else TravelMatrix(travel)
    routing = _search(planned, candidates, matrix)
    routes = [routing.times(number) for number in range(len(candidates))]
    served = _first_come_first_served(planned, routes)
    place = next((job for job, other in served.items() if other is task), numbers[0])
    costs, finishes = routing.alternatives([place])
    chosen = next((number for number, (stops, _, _) in enumerate(routes) if place in stops), None)
    found = [
        _alternative(task, candidate, float(cost), float(finish), matrix, is_chosen=number == chosen)
        for number, (candidate, cost, finish) in enumerate(zip(candidates, costs[0], finishes[0], strict=True))
    ]
    return tuple(sorted(found, key=lambda each: (not each.is_chosen, each.cost)))


def _alternative(
    task: OpenTask, candidate: Candidate, cost: float, finish: float, travel: TravelMatrix, *, is_chosen: bool
) -> Alternative:
    effort = effort_of(task, candidate.model, candidate.node, travel)
    obstacle = inability(task, candidate)
    if not obstacle and cost == math.inf:
        has_way = math.isfinite(effort.duration)
        obstacle = f"battery too low for it at {candidate.soc:.0%}" if has_way else "finds no way"
    return Alternative(
        robot=candidate.robot,
        cost=cost,
        arrival=finish - effort.trip - effort.service if cost < math.inf else math.inf,
        finish=finish,
        late=0.0 if task.due is None else max(0.0, finish - task.due),
        is_chosen=is_chosen,
        obstacle=obstacle,
    )


def _search(tasks: Sequence[OpenTask], candidates: Sequence[Candidate], travel: TravelMatrix) -> Routing:
    """Return the routes as they shall be driven; job k is task k, robot k is candidate k."""
    routing = Routing(work_of(tasks, candidates, travel), tuning=_TUNING)
    routing.construct(sorted(range(len(tasks)), key=lambda job: (tasks[job].planned_position, job)))
    if len(tasks) > 1:
        routing.improve(min(_MAX_ITERATIONS, _ITERATIONS_PER_TASK * len(tasks)))
        routing.settle()
    return routing


def _urgency(task: OpenTask) -> tuple[float, float, float, TaskId]:
    due = math.inf if task.due is None else task.due
    return (-(task.priority + task.waited / PATIENCE_S), due, -task.waited, task.task_id)


def _assignments(
    tasks: Sequence[OpenTask], candidates: Sequence[Candidate], routing: Routing
) -> dict[TaskId, Assignment]:
    routes = [routing.times(number) for number in range(len(candidates))]
    # the others are planned anew before a robot gets them
    ready = [stops[0] for number, (stops, _, _) in enumerate(routes) if stops and candidates[number].free_in <= 0.0]
    costs, finishes = routing.alternatives(ready, is_next_best=True)
    rows = {job: row for row, job in enumerate(ready)}
    served = _first_come_first_served(tasks, routes)
    assignments = {}
    for number, (stops, _, finishes_of_route) in enumerate(routes):
        candidate, start = candidates[number], candidates[number].free_in
        for position, (job, finish) in enumerate(zip(stops, finishes_of_route, strict=True)):
            if job in rows:
                why = _next_best(candidates, number, costs[rows[job]], finishes[rows[job]])
            elif position == 0:
                why = f"as soon as it is free, in {start:.0f} s"
            else:
                why = f"after {position} other task{'s' if position > 1 else ''}"
            task = served.get(job, tasks[job])
            assignments[task.task_id] = Assignment(
                task_id=task.task_id,
                robot=candidate.robot,
                position=position,
                start=start,
                finish=finish,
                reason=f"{candidate.robot} is done in {finish:.0f} s; {why}",
            )
            start = finish
    return assignments


def _first_come_first_served(
    tasks: Sequence[OpenTask], routes: Iterable[tuple[list[int], list[float], list[float]]]
) -> dict[int, OpenTask]:
    """Return which of equal tasks is done where the search has put a job: what weighs most, then the first, first."""
    finish_of = {job: finish for stops, _, finishes in routes for job, finish in zip(stops, finishes, strict=True)}
    alike: dict[tuple[object, ...], list[int]] = {}
    for job in finish_of:
        task = tasks[job]
        key = (task.pickup, task.destination, task.kind, task.language, task.due, task.planned)
        alike.setdefault(key, []).append(job)
    served = {}
    for jobs in alike.values():
        if len(jobs) > 1:
            places = sorted(jobs, key=lambda job: (finish_of[job], job))
            first = sorted(jobs, key=lambda job: (-weight(tasks[job]), job))
            served.update({place: tasks[job] for place, job in zip(places, first, strict=True)})
    return served


def _next_best(candidates: Sequence[Candidate], chosen: int, costs: Floats, finishes: Floats) -> str:
    others = costs.copy()
    others[chosen] = math.inf
    best = int(others.argmin())
    if others[best] == math.inf:
        return "no other robot can do it"
    return f"next best was {candidates[best].robot} in {finishes[best]:.0f} s"


def _refusal(task: OpenTask, able: Sequence[RobotId]) -> str:
    if able:
        return f"battery too low or no way: {', '.join(able)}"
    if task.kind is TaskKind.GUIDE:
        return f"no guide that speaks {task.language} is in service"
    return "no courier is in service"


def _rough_estimates(
    tasks: Sequence[OpenTask],
    candidates: Sequence[Candidate],
    assignments: Mapping[TaskId, Assignment],
    travel: TravelMatrix,
) -> dict[TaskId, float]:
    """Return finish times as if the tasks went round robin to the robots after all that is planned."""
    free = {candidate.robot: candidate.free_in for candidate in candidates}
    for assignment in assignments.values():
        free[assignment.robot] = max(free[assignment.robot], assignment.finish)
    able_of: dict[tuple[TaskKind, str], list[Candidate]] = {}
    ends: dict[TaskKind, float] = {}
    estimates: dict[TaskId, float] = {}
    for task in tasks:
        key = (task.kind, task.language)
        if key not in able_of:
            able_of[key] = [candidate for candidate in candidates if is_able(task, candidate)]
        able = able_of[key]
        if not able:
            continue
        if task.kind not in ends:
            ends[task.kind] = sum(free[candidate.robot] for candidate in able) / len(able)
        duration = effort_of(task, able[0].model, task.destination, travel).duration
        ends[task.kind] += duration / len(able)
        estimates[task.task_id] = ends[task.kind] + duration
    return estimates

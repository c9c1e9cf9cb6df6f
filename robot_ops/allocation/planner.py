"""Which robot does which task, and in which order: earliest finish of all, by the compiled search.

What is least is the weighted sum of finish times and tardiness; a task that has waited, or has a priority, weighs more.
Tasks begin where they were planned, the others are inserted by regret, then ruin and recreate improves all for a number
of iterations that depends on the number of tasks. The answer depends on the arguments alone.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from robot_ops.allocation.estimates import can_return, effort_of
from robot_ops.allocation.fairness import Forced, force_pressing
from robot_ops.allocation.fleet_work import MOVE_GAIN_S, PATIENCE_S, TARDINESS, inability, is_able, weight
from robot_ops.allocation.kernels.arrays import Floats
from robot_ops.allocation.model import Alternative, Assignment, Candidate, Charge, OpenTask, Plan, Travel
from robot_ops.allocation.stages import Stage, charge_before, later_tasks, plan_stages
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import RobotId, TaskId
from robot_ops.tasks.requests import TaskKind

__all__ = ["MAX_PLANNED", "MOVE_GAIN_S", "allocate", "explain", "is_able"]

MAX_PLANNED: Final = 2000
"""Tasks planned one by one; those after them get a rough estimate, so that ten thousands at once do no harm."""


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
    outline = _outline(planned, candidates, matrix)
    assignments, charges = _assignments(candidates, outline)
    unassigned: dict[TaskId, str] = {}
    short = {charge.robot for charge in charges if charge.position == 0}
    # what another stop at the charger may do is only too far away to be planned
    rest = [*later_tasks(outline.stages), *rest]
    far = {task.task_id for task in rest}
    for task in planned:
        if task.task_id not in assignments and task.task_id not in far:
            able = [candidate.robot for candidate in candidates if is_able(task, candidate)]
            unassigned[task.task_id] = _refusal(task, able)
            short.update(able)
    finish = {task_id: assignment.finish for task_id, assignment in assignments.items()}
    finish |= _rough_estimates(rest, candidates, assignments, matrix)
    for task in rest:
        if task.task_id not in finish:
            unassigned[task.task_id] = _refusal(task, [])
    return Plan(
        assignments=assignments,
        finish=finish,
        unassigned=unassigned,
        short_of_energy=frozenset(short),
        charges=tuple(charges),
    )


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
    outline = _outline(planned, candidates, matrix)
    found = _forced_alternatives(task, candidates, outline, matrix) or _searched_alternatives(task, outline, matrix)
    return tuple(sorted(found, key=lambda each: (not each.is_chosen, each.cost)))


@dataclass(frozen=True, slots=True)
class _Outline:
    """Pressing tasks that go first, then the stages of the search; number k is candidate k throughout."""

    forced: Sequence[Forced]
    stages: Sequence[Stage]


def _outline(tasks: Sequence[OpenTask], candidates: Sequence[Candidate], travel: TravelMatrix) -> _Outline:
    forced, robots = force_pressing(tasks, candidates, travel)
    first = {each.task.task_id for each in forced}
    return _Outline(forced, plan_stages([task for task in tasks if task.task_id not in first], robots, travel))


def _forced_alternatives(
    task: OpenTask, candidates: Sequence[Candidate], outline: _Outline, travel: TravelMatrix
) -> list[Alternative]:
    """Return what each robot would make of a task that goes first, empty where this one does not."""
    chosen = next((each for each in outline.forced if each.task is task), None)
    if chosen is None:
        return []
    found = []
    for number, candidate in enumerate(candidates):
        # as it would be had those before it been done
        before = [each for each in outline.forced[: outline.forced.index(chosen)] if each.number == number]
        robot = replace(candidate, free_in=before[-1].finish, node=before[-1].task.destination) if before else candidate
        effort = effort_of(task, robot.model, robot.node, travel)
        left = robot.soc - effort.energy_wh / robot.model.battery_wh
        can = is_able(task, robot) and can_return(robot, task.destination, left, travel)
        finish = robot.free_in + effort.duration if can else math.inf
        late = 0.0 if task.due is None else max(0.0, finish - task.due)
        cost = weight(task) * (finish + TARDINESS * late)
        found.append(_alternative(task, candidate, cost, finish, travel, is_chosen=number == chosen.number))
    return found


def _searched_alternatives(task: OpenTask, outline: _Outline, travel: TravelMatrix) -> list[Alternative]:
    """Return what each robot would make of a task in the stage that does it, in the first where none does."""
    stages = [stage for stage in outline.stages if any(each is task for each in stage.tasks)]
    stage = stages[-1]
    if not any(task is stage.tasks[job] for stops, _, _ in stage.routes for job in stops):
        stage = stages[0]
    number_of = next(job for job, each in enumerate(stage.tasks) if each is task)
    served = _first_come_first_served(stage.tasks, stage.routes)
    place = next((job for job, other in served.items() if other is task), number_of)
    costs, finishes = stage.routing.alternatives([place])
    chosen = next((number for number, (stops, _, _) in enumerate(stage.routes) if place in stops), None)
    return [
        _alternative(task, candidate, float(cost), float(finish), travel, is_chosen=number == chosen)
        for number, (candidate, cost, finish) in enumerate(zip(stage.robots, costs[0], finishes[0], strict=True))
    ]


def _alternative(
    task: OpenTask, candidate: Candidate, cost: float, finish: float, travel: TravelMatrix, *, is_chosen: bool
) -> Alternative:
    effort = effort_of(task, candidate.model, candidate.node, travel)
    obstacle = inability(task, candidate)
    if not obstacle and cost == math.inf:
        left = candidate.soc - effort.energy_wh / candidate.model.battery_wh
        if not math.isfinite(effort.duration):
            obstacle = "finds no way"
        elif can_return(candidate, task.destination, left, travel) and candidate.until < math.inf:
            obstacle = "its shift ends too early"
        else:
            obstacle = f"battery too low for it at {candidate.soc:.0%}"
    return Alternative(
        robot=candidate.robot,
        cost=cost,
        arrival=finish - effort.trip - effort.service if cost < math.inf else math.inf,
        finish=finish,
        late=0.0 if task.due is None else max(0.0, finish - task.due),
        is_chosen=is_chosen,
        obstacle=obstacle,
    )


def _urgency(task: OpenTask) -> tuple[float, float, float, TaskId]:
    due = math.inf if task.due is None else task.due
    return (-(task.priority + task.waited / PATIENCE_S), due, -task.waited, task.task_id)


def _assignments(candidates: Sequence[Candidate], outline: _Outline) -> tuple[dict[TaskId, Assignment], list[Charge]]:
    assignments: dict[TaskId, Assignment] = {}
    positions = [0] * len(candidates)
    for each in outline.forced:
        _add(assignments, positions, candidates, each.number, each.task, each.start, each.finish, "it has waited long")
    charges = []
    for index, stage in enumerate(outline.stages):
        reasons = _first_reasons(candidates, stage) if index == 0 else {}
        served = _first_come_first_served(stage.tasks, stage.routes)
        for number, (stops, _, finishes) in enumerate(stage.routes):
            start = stage.robots[number].free_in
            is_first = True
            for job, finish in zip(stops, finishes, strict=True):
                if index > 0 and is_first:
                    charges.append(charge_before(outline.stages[: index + 1], number, positions[number]))
                task, why = served.get(job, stage.tasks[job]), "after it has charged" if index > 0 and is_first else ""
                why = why or (reasons.get(job, "") if positions[number] == 0 else "")
                _add(assignments, positions, candidates, number, task, start, finish, why)
                start, is_first = finish, False
    return assignments, charges


def _add(
    assignments: dict[TaskId, Assignment],
    positions: list[int],
    candidates: Sequence[Candidate],
    number: int,
    task: OpenTask,
    start: float,
    finish: float,
    why: str,
) -> None:
    robot, position = candidates[number].robot, positions[number]
    if not why and position == 0:
        why = f"as soon as it is free, in {start:.0f} s"
    elif not why:
        why = f"after {position} other task{'s' if position > 1 else ''}"
    assignments[task.task_id] = Assignment(
        task_id=task.task_id,
        robot=robot,
        position=position,
        start=start,
        finish=finish,
        reason=f"{robot} is done in {finish:.0f} s; {why}",
    )
    positions[number] += 1


def _first_reasons(candidates: Sequence[Candidate], stage: Stage) -> dict[int, str]:
    """Return why the jobs that begin now go where they go; the others are planned anew before a robot gets them."""
    ready = {
        stops[0]: number
        for number, (stops, _, _) in enumerate(stage.routes)
        if stops and stage.robots[number].free_in <= 0.0
    }
    costs, finishes = stage.routing.alternatives(list(ready), is_next_best=True)
    return {
        job: _next_best(candidates, number, costs[row], finishes[row])
        for row, (job, number) in enumerate(ready.items())
    }


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

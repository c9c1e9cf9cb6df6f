"""Which robot does which task, and in which order: earliest finish of all, by the compiled search.

What is least is the weighted sum of finish times and tardiness; a task that has waited, or has a priority, weighs more.
Tasks begin where they were planned, the others are inserted by regret, then ruin and recreate improves all for a number
of iterations that depends on the number of tasks. The answer depends on the arguments alone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from robot_ops.allocation.estimates import effort_of
from robot_ops.allocation.fleet_work import MOVE_GAIN_S, PATIENCE_S, inability, is_able, weight
from robot_ops.allocation.kernels.arrays import Floats
from robot_ops.allocation.legs import Reach, is_first_leg
from robot_ops.allocation.model import Assignment, Candidate, Charge, OpenTask, Plan, Transfer, Travel
from robot_ops.allocation.outline import Outline, outline_of
from robot_ops.allocation.relays import outline_with_relays
from robot_ops.allocation.stages import Stage, charge_before, later_tasks
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import RobotId, TaskId
from robot_ops.tasks.requests import TaskKind

__all__ = ["MAX_PLANNED", "MOVE_GAIN_S", "allocate", "is_able"]

MAX_PLANNED: Final = 2000
"""Tasks planned one by one; those after them get a rough estimate, so that ten thousands at once do no harm."""
_TOO_FAR: Final = "two robots could do it, but the battery or shift of one does not last"


def allocate(
    tasks: Iterable[OpenTask], candidates: Sequence[Candidate], travel: Travel, exchanges: Sequence[Transfer] = ()
) -> Plan:
    """Return which robot does which task.

    Args:
        tasks: those that wait for a robot, in the order they were accepted, and those that another one brings.
        candidates: robots in service, in a fixed order; ties go to the first.
        travel: seconds between nodes; a `TravelMatrix` keeps them from call to call.
        exchanges: where tasks may change robots.
    """
    ordered = sorted(tasks, key=urgency)
    planned, rest = ordered[:MAX_PLANNED], ordered[MAX_PLANNED:]
    matrix = travel if isinstance(travel, TravelMatrix) else TravelMatrix(travel)
    if not planned or not candidates:
        refusals = {task.task_id: _refusal(task, [], candidates) for task in ordered}
        return Plan(assignments={}, finish={}, unassigned=refusals, short_of_energy=frozenset())
    reach = Reach(candidates, exchanges, matrix)
    outline, held = best_outline(planned, candidates, matrix, reach)
    agenda = _agenda(candidates, outline, matrix)
    done = agenda.assignments | agenda.onward
    # what another stop at the charger may do is only too far away to be planned
    later = {task.task_id for task in later_tasks(outline.stages)}
    rest = [
        *(task for task in planned if task.task_id in later and task.task_id not in done and task.task_id not in held),
        *rest,
    ]
    far = {task.task_id for task in rest}
    unassigned: dict[TaskId, str] = {}
    short = {charge.robot for charge in agenda.charges if charge.position == 0}
    for task in planned:
        if task.task_id not in done and task.task_id not in far and task.task_id not in held:
            able = [candidate.robot for candidate in candidates if is_able(task, candidate)]
            is_too_far = not able and bool(reach.relays(task))
            unassigned[task.task_id] = _TOO_FAR if is_too_far else _refusal(task, able, candidates)
            short.update(able)
    finish = held | {task_id: assignment.finish for task_id, assignment in done.items()}
    finish |= _rough_estimates(rest, candidates, [*agenda.assignments.values(), *agenda.onward.values()], matrix, reach)
    for task in rest:
        if task.task_id not in finish:
            unassigned[task.task_id] = _refusal(task, [], candidates)
    return Plan(
        assignments=agenda.assignments,
        finish=finish,
        unassigned=unassigned,
        short_of_energy=frozenset(short),
        charges=tuple(agenda.charges),
        onward=agenda.onward,
    )


def best_outline(
    tasks: Sequence[OpenTask], candidates: Sequence[Candidate], travel: TravelMatrix, reach: Reach
) -> tuple[Outline, dict[TaskId, float]]:
    """Return who does what when, of tasks in the order of `urgency`, and the finish of those that begin later."""
    if reach.exchanges:
        return outline_with_relays(tasks, candidates, travel, reach)
    return outline_of(tasks, candidates, travel), {}


def urgency(task: OpenTask) -> tuple[float, float, float, TaskId]:
    """Return what tasks are sorted by: those that weigh most first, then those due first."""
    due = math.inf if task.due is None else task.due
    return (-(task.priority + task.waited / PATIENCE_S), due, -task.waited, task.task_id)


@dataclass(slots=True)
class _Agenda:
    """What robots do, put down in order."""

    candidates: Sequence[Candidate]
    assignments: dict[TaskId, Assignment] = field(default_factory=dict)
    onward: dict[TaskId, Assignment] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)
    positions: dict[int, int] = field(default_factory=dict)

    def add(self, number: int, task: OpenTask, start: float, finish: float, why: str) -> None:
        robot, position = self.candidates[number].robot, self.position(number)
        if not why and position == 0:
            why = f"as soon as it is free, in {start:.0f} s"
        elif not why:
            why = f"after {position} other task{'s' if position > 1 else ''}"
        if is_first_leg(task):
            what = f"brings it to {task.exchange} in"
        else:
            what = "goes on with it and is done in" if task.is_underway else "is done in"
        done = self.onward if task.is_underway else self.assignments
        done[task.task_id] = Assignment(
            task_id=task.task_id,
            robot=robot,
            position=position,
            start=start,
            finish=finish,
            reason=f"{robot} {what} {finish:.0f} s; {why}",
            exchange=task.exchange if is_first_leg(task) else None,
        )
        self.positions[number] = position + 1

    def position(self, number: int) -> int:
        return self.positions.get(number, 0)


def _agenda(candidates: Sequence[Candidate], outline: Outline, travel: TravelMatrix) -> _Agenda:
    agenda = _Agenda(candidates)
    for each in outline.forced:
        agenda.add(each.number, each.task, each.start, each.finish, "it has waited long")
    for index, stage in enumerate(outline.stages):
        reasons = _first_reasons(candidates, stage) if index == 0 else {}
        served = first_come_first_served(stage.tasks, stage.routes)
        for number, (stops, begins, finishes) in enumerate(stage.routes):
            free, place, is_first = stage.robots[number].free_in, stage.robots[number].node, True
            for job, begin, finish in zip(stops, begins, finishes, strict=True):
                if index > 0 and is_first:
                    agenda.charges.append(charge_before(outline.stages[: index + 1], number, agenda.position(number)))
                task, why = served.get(job, stage.tasks[job]), "after it has charged" if index > 0 and is_first else ""
                why = why or (reasons.get(job, "") if agenda.position(number) == 0 else "")
                start = free
                if task.ready > 0.0:  # it leaves so that it need not wait there
                    start = max(free, begin - effort_of(task, candidates[number].model, place, travel).approach)
                agenda.add(number, task, start, finish, why)
                free, place, is_first = finish, task.destination, False
    return agenda


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


def first_come_first_served(
    tasks: Sequence[OpenTask], routes: Iterable[tuple[list[int], list[float], list[float]]]
) -> dict[int, OpenTask]:
    """Return which of equal tasks is done where the search has put a job: what weighs most, then the first, first."""
    finish_of = {job: finish for stops, _, finishes in routes for job, finish in zip(stops, finishes, strict=True)}
    alike: dict[tuple[object, ...], list[int]] = {}
    for job in finish_of:
        task = tasks[job]
        if task.ready > 0.0 or task.exchange is not None or task.is_underway:
            continue  # it belongs to what another robot does before
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


def _refusal(task: OpenTask, able: Sequence[RobotId], candidates: Sequence[Candidate]) -> str:
    if able:
        return f"battery too low or no way: {', '.join(able)}"
    robot = f"guide that speaks {task.language}" if task.kind is TaskKind.GUIDE else "courier"
    if any(inability(task, candidate).startswith("stays on") for candidate in candidates):
        return f"no {robot} in service goes from {task.pickup_level} to {task.destination_level}, alone or with another"
    return f"no {robot} is in service"


def _rough_estimates(
    tasks: Sequence[OpenTask],
    candidates: Sequence[Candidate],
    assignments: Iterable[Assignment],
    travel: TravelMatrix,
    reach: Reach,
) -> dict[TaskId, float]:
    """Return finish times as if the tasks went round robin to the robots after all that is planned."""
    free = {candidate.robot: candidate.free_in for candidate in candidates}
    for assignment in assignments:
        free[assignment.robot] = max(free[assignment.robot], assignment.finish)
    able_of: dict[tuple[object, ...], list[Candidate]] = {}
    ends: dict[TaskKind, float] = {}
    estimates: dict[TaskId, float] = {}
    for task in tasks:
        key = (task.kind, task.language, task.pickup_level, task.destination_level)
        if key not in able_of:
            able_of[key] = [candidate for candidate in candidates if is_able(task, candidate)]
        able = able_of[key]
        duration, together = math.inf, 1
        if able:
            duration = effort_of(task, able[0].model, task.destination, travel).duration
        elif relays := reach.relays(task):
            duration, able, together = relays[0][0], reach.beginners(task, relays[0][1]), 2
        if not able:
            continue
        if task.kind not in ends:
            ends[task.kind] = sum(free[candidate.robot] for candidate in able) / len(able)
        ends[task.kind] += duration / (together * len(able))
        estimates[task.task_id] = ends[task.kind] + duration
    return estimates

"""What each robot would make of a task, against the plan as it is."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from robot_ops.allocation.estimates import can_return, effort_of
from robot_ops.allocation.fleet_work import TARDINESS, inability, is_able, weight
from robot_ops.allocation.legs import Reach
from robot_ops.allocation.model import Alternative, Candidate, OpenTask, Transfer, Travel
from robot_ops.allocation.outline import Outline
from robot_ops.allocation.planner import MAX_PLANNED, best_outline, first_come_first_served, urgency
from robot_ops.allocation.prices import Prices
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import TaskId


def explain(
    task_id: TaskId,
    tasks: Iterable[OpenTask],
    candidates: Sequence[Candidate],
    travel: Travel,
    exchanges: Sequence[Transfer] = (),
) -> tuple[Alternative, ...]:
    """Return what each robot would make of a task in the plan of `allocate`: the choice, then the best first.

    The choice is two robots where it changes robots. Nothing is returned for a task that is not among those planned one
    by one.
    """
    planned = sorted(tasks, key=urgency)[:MAX_PLANNED]
    task = next((task for task in planned if task.task_id == task_id), None)
    if task is None or not candidates:
        return ()
    matrix = travel if isinstance(travel, TravelMatrix) else TravelMatrix(travel)
    outline, _ = best_outline(planned, candidates, matrix, Reach(candidates, exchanges, matrix))
    if task_id in outline.relays:
        return tuple(_relay_alternatives(task, candidates, outline, matrix))
    found = _forced_alternatives(task, candidates, outline, matrix) or _searched_alternatives(task, outline, matrix)
    return tuple(sorted(found, key=lambda each: (not each.is_chosen, each.cost)))


def _relay_alternatives(
    task: OpenTask, candidates: Sequence[Candidate], outline: Outline, travel: TravelMatrix
) -> list[Alternative]:
    """Return both robots that do it, then what each robot would make of it alone."""
    transfer = outline.relays[task.task_id]
    prices = Prices(outline.stages[0], [(task, [transfer])], travel)
    cost = prices.relay(task.task_id, transfer).cost
    legs = [each for each in outline.done() if each[0].task_id == task.task_id]
    if cost == math.inf:  # one of the robots has to charge first, so that the first stage cannot tell
        cost = weight(task) * max(finish for _, _, finish in legs)
    chosen = []
    for leg, number, finish in legs:
        choice = _alternative(leg, candidates[number], cost, finish, travel, is_chosen=True)
        chosen.append(replace(choice, exchange=transfer.id, is_onward=leg.is_underway))
    names = {each.robot for each in chosen}
    costs, finishes = prices.direct(task.task_id)
    alone = [
        _alternative(task, candidate, float(costs[number]), float(finishes[number]), travel, is_chosen=False)
        for number, candidate in enumerate(candidates)
        if candidate.robot not in names or math.isfinite(costs[number])
    ]
    return [*sorted(chosen, key=lambda each: each.is_onward), *sorted(alone, key=lambda each: each.cost)]


def _forced_alternatives(
    task: OpenTask, candidates: Sequence[Candidate], outline: Outline, travel: TravelMatrix
) -> list[Alternative]:
    """Return what each robot would make of a task that goes first, empty where this one does not."""
    chosen = next((each for each in outline.forced if each.task.task_id == task.task_id), None)
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


def _searched_alternatives(task: OpenTask, outline: Outline, travel: TravelMatrix) -> list[Alternative]:
    """Return what each robot would make of a task in the stage that does it, in the first where none does."""
    name = task.task_id
    stages = [stage for stage in outline.stages if any(each.task_id == name for each in stage.tasks)]
    if not stages:
        return []
    stage = stages[-1]
    if not any(stage.tasks[job].task_id == name for stops, _, _ in stage.routes for job in stops):
        stage = stages[0]
    number_of = next(job for job, each in enumerate(stage.tasks) if each.task_id == name)
    served = first_come_first_served(stage.tasks, stage.routes)
    place = next((job for job, other in served.items() if other.task_id == name), number_of)
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

"""Why a task has its robot, or when it will get one, and what each other robot would make of it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from robot_ops.allocation.explanation import explain
from robot_ops.allocation.fleet_work import TARDINESS, weight
from robot_ops.allocation.model import Alternative, OpenTask
from robot_ops.core.durations import about
from robot_ops.core.ids import RobotId
from robot_ops.dispatch.assigner import Assigner
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.forecast import as_open_task, candidates, leg_underway, out_of_service, remaining_time
from robot_ops.dispatch.ports import TaskView
from robot_ops.dispatch.views import task_view
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.requests import TaskKind
from robot_ops.tasks.status import TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotOption:
    """What it would mean if a robot did the task. Seconds from now; NaN where it cannot or nobody knows.

    Attributes:
        late: beyond the due time, 0 without one.
        cost: what it costs more than the choice, in weighted seconds of all tasks' waiting; the choice has 0.
        obstacle: why it cannot, empty where it can.
        leg: which part of the task it does where it changes robots, for people; empty for all of it.
    """

    robot: RobotId
    is_chosen: bool
    arrival: float = math.nan
    finish: float = math.nan
    late: float = 0.0
    cost: float = math.nan
    obstacle: str = ""
    leg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer to why.

    Attributes:
        options: the choice first (two robots where it changes robots), then the best, then those that cannot; empty for
            a task that has ended.
        lines: the same for people.
    """

    task: TaskView
    options: tuple[RobotOption, ...]
    lines: tuple[str, ...]


def explain_task(context: Context, assigner: Assigner, task: TaskRecord, now_ns: int) -> Explanation:
    """Return why the task has its robot, or when it will get one, and what the others would make of it."""
    view = task_view(context, assigner, task, now_ns)
    if task.status.is_final:
        return _explain_ended(task, view)
    waiting = [*assigner.waiting(now_ns), *assigner.underway(now_ns)]
    if task.status is TaskStatus.QUEUED:
        return _explain_queued(context, assigner, task, view, waiting, now_ns)
    return _explain_assigned(context, assigner, task, view, waiting, now_ns)


def _explain_queued(
    context: Context, assigner: Assigner, task: TaskRecord, view: TaskView, waiting: Sequence[OpenTask], now_ns: int
) -> Explanation:
    found = explain(task.task_id, waiting, candidates(context, now_ns), context.travel, assigner.exchanges)
    options = _options(context, found, now_ns)
    return Explanation(task=view, options=options, lines=(_prospect(assigner, task, options), *_option_lines(options)))


def _explain_assigned(
    context: Context, assigner: Assigner, task: TaskRecord, view: TaskView, waiting: Sequence[OpenTask], now_ns: int
) -> Explanation:
    own = as_open_task(context, task.request, task=task, planned=None, now_ns=now_ns)
    state = context.robots.get(task.robot) if task.robot is not None else None
    choice = f"{task.robot} has it: {task.choice or 'nobody wrote down why'}"
    if state is None or task.mission_id is None:
        return Explanation(task=view, options=(), lines=(choice,))
    phase = state.phase_of(task.mission_id)
    finish = remaining_time(context, state, task, phase)
    late = 0.0 if own.due is None else max(0.0, finish - own.due)
    others = [each for each in candidates(context, now_ns) if each.robot != task.robot]
    rest = [each for each in waiting if each.task_id != own.task_id]
    found = [replace(each, is_chosen=False) for each in explain(own.task_id, [*rest, own], others, context.travel)]
    if task.has_cargo:
        what = "visitor" if own.kind is TaskKind.GUIDE else "document"
        found = [replace(each, cost=math.inf, obstacle=f"{task.robot} has the {what}") for each in found]
    chosen = Alternative(
        robot=state.robot.id,
        cost=weight(own) * (finish + TARDINESS * late),
        arrival=math.nan,
        finish=finish,
        late=late,
        is_chosen=True,
    )
    options = _options(context, [chosen, *sorted(found, key=lambda each: each.cost)], now_ns)
    expected = _expected(context, assigner, task, finish)
    return Explanation(task=view, options=options, lines=(choice, expected, *_option_lines(options)))


def _expected(context: Context, assigner: Assigner, task: TaskRecord, finish: float) -> str:
    """Return when its robot is done with it, and who goes on with it then."""
    leg = leg_underway(context, task)
    if leg is None:
        return f"It is expected to be done in {about(finish)}"
    there = (
        f"It is expected at {context.site.places[leg.destination].label} in {about(finish)}, where it changes robots"
    )
    onward = assigner.plan.onward.get(task.task_id)
    if onward is None:
        return f"{there}; nobody is planned to go on with it yet"
    return f"{there}; {onward.robot} goes on with it, expected to be done in {about(onward.finish)}"


def _explain_ended(task: TaskRecord, view: TaskView) -> Explanation:
    ending = f"{task.task_id} was {task.status.value}" if task.status is not TaskStatus.FAILED else "It failed"
    reason = f": {task.reason}" if task.reason else ""
    choice = f"{task.robot} had it: {task.choice}" if task.choice else "No robot had it at the end"
    return Explanation(task=view, options=(), lines=(f"{ending}{reason}", choice))


def _options(context: Context, found: Iterable[Alternative], now_ns: int) -> tuple[RobotOption, ...]:
    """Return those of the plan, then the robots that no plan reckons with."""
    options = []
    least: float | None = None
    for each in found:
        least = each.cost if least is None else least
        can = math.isfinite(each.cost)
        options.append(
            RobotOption(
                robot=each.robot,
                is_chosen=each.is_chosen,
                arrival=each.arrival if can else math.nan,
                finish=each.finish if can else math.nan,
                late=each.late if can else 0.0,
                cost=each.cost - least if can else math.nan,
                obstacle=each.obstacle,
                leg=_leg_text(context, each),
            )
        )
    known = {option.robot for option in options}
    for robot, state in context.robots.items():
        if robot not in known:
            why = out_of_service(context, state, now_ns) or "is not planned with yet"
            options.append(RobotOption(robot=robot, is_chosen=False, obstacle=why))
    return tuple(options)


def _leg_text(context: Context, option: Alternative) -> str:
    if option.exchange is None:
        return ""
    exchange = context.site.exchanges[option.exchange]
    place = exchange.pickup if option.is_onward else exchange.drop
    return f"{'goes on with it from' if option.is_onward else 'brings it to'} {context.site.places[place].label}"


def _prospect(assigner: Assigner, task: TaskRecord, options: Sequence[RobotOption]) -> str:
    plan = assigner.plan
    assignment = plan.assignments.get(task.task_id)
    if assignment is None:
        finish = assigner.finish(task)
        if finish is not None:
            return f"Many tasks go first; it is expected to be done in {about(finish)}"
        return f"It waits: {plan.unassigned.get(task.task_id, 'it is not planned yet')}"
    chosen = [option for option in options if option.is_chosen]
    finish = chosen[-1].finish if chosen else assignment.finish
    done = f"expected to be done in {about(finish)}"
    if len(chosen) > 1:
        done = f"{chosen[1].robot} {chosen[1].leg}; {done}"
    if assignment.position > 0:
        every = (*plan.assignments.values(), *plan.onward.values())
        first = [each for each in every if each.robot == assignment.robot]
        names = [each.task_id for each in sorted(first, key=lambda each: each.position)[: assignment.position]]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        return f"{assignment.robot} does it after {shown}; {done}"
    if assignment.start > 0.0:
        return f"{assignment.robot} does it next, when it is free in {about(assignment.start)}; {done}"
    return f"{assignment.robot} does it next; {done}"


def _option_lines(options: Iterable[RobotOption]) -> list[str]:
    return [f"{option.robot}: {_option_text(option)}" for option in options]


def _option_text(option: RobotOption) -> str:
    if option.obstacle:
        return option.obstacle
    arrival = f"at the pickup in {option.arrival:.0f} s, " if math.isfinite(option.arrival) else ""
    late = f", {option.late:.0f} s late" if option.late > 0.0 else ""
    if option.leg:
        return f"{option.leg}, done in {option.finish:.0f} s{late} (the choice)"
    cost = " (the choice)" if option.is_chosen else f", costs {option.cost:+.0f} s of waiting"
    return f"{arrival}done in {option.finish:.0f} s{late}{cost}"

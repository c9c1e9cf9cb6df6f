"""Tasks and robots as people see them."""

import math
from dataclasses import replace

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import PersonId
from robot_ops.dispatch.assigner import Assigner
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.forecast import leg_underway, remaining_time, time_after_exchange
from robot_ops.dispatch.key_openings import key_robot
from robot_ops.dispatch.ports import RobotView, TaskView
from robot_ops.dispatch.robots import RobotState
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.orders import MissionPhase
from robot_ops.tasks.routes import Clearance
from robot_ops.tasks.status import TaskStatus


def task_view(context: Context, assigner: Assigner, task: TaskRecord, now_ns: int) -> TaskView:
    """Return the task with its robot's phase, its estimate and the reason of both."""
    return replace(
        plain_view(task),
        phase=_phase(context, task),
        reason=_reason(assigner, task),
        estimated_finish_ns=_estimate(context, assigner, task, now_ns),
        keeper=_keeper(context, task),
        is_stranded=task.stranded_ns is not None and not task.status.is_final,
        key_robot=key_robot(context, task, now_ns),
    )


def plain_view(task: TaskRecord) -> TaskView:
    """Return the task with nothing but what its record tells."""
    return TaskView(
        task_id=task.task_id,
        request=task.request,
        status=task.status,
        robot=task.robot,
        phase=None,
        reason=task.reason,
        submitted_ns=task.submitted_ns,
        started_ns=task.started_ns,
        finished_ns=task.finished_ns,
        estimated_finish_ns=task.finished_ns or task.promised_ns,
        promised_ns=task.promised_ns,
    )


def robot_view(context: Context, state: RobotState, clearance: Clearance | None, now_ns: int) -> RobotView:
    """Return the robot with what it does."""
    mission = context.book.mission_of(state.robot.id)
    return RobotView(
        robot=state.robot.id,
        kind=state.robot.model.kind,
        is_online=state.is_online(now_ns),
        status=state.status,
        phase=None if mission is None else state.phase_of(mission.mission_id),
        task_id=None if mission is None else mission.task_id,
        clearance=clearance,
        is_by_hand=state.is_by_hand,
    )


def _keeper(context: Context, task: TaskRecord) -> PersonId | None:
    if task.status.is_final:
        return None
    mission = None if task.mission_id is None else context.book.missions[task.mission_id]
    if mission is not None and mission.is_open and mission.keeper is not None:
        return mission.keeper
    return None if task.is_picked_up else task.custodian


def _phase(context: Context, task: TaskRecord) -> MissionPhase | None:
    if task.status.is_final or task.robot is None or task.mission_id is None or task.robot not in context.robots:
        return None
    return context.robots[task.robot].phase_of(task.mission_id)


def _reason(assigner: Assigner, task: TaskRecord) -> str:
    if task.status is not TaskStatus.QUEUED:
        return task.reason or ("" if task.status.is_final else task.choice)
    planned = assigner.plan.assignments.get(task.task_id)
    if planned is not None:
        return f"planned: {planned.reason}"
    return assigner.plan.unassigned.get(task.task_id, task.reason)


def _estimate(context: Context, assigner: Assigner, task: TaskRecord, now_ns: int) -> int | None:
    if task.status.is_final:
        return task.finished_ns
    is_queued = task.status is TaskStatus.QUEUED
    planned = assigner.finish(task) if is_queued or leg_underway(context, task) is not None else None
    if planned is not None:
        return max(now_ns, assigner.planned_ns + to_ns(planned))
    if is_queued:
        return task.promised_ns
    if task.robot not in context.robots or task.robot is None:
        return task.promised_ns
    state = context.robots[task.robot]
    seconds = remaining_time(context, state, task, _phase(context, task)) + time_after_exchange(context, state, task)
    return now_ns + to_ns(seconds) if math.isfinite(seconds) else task.promised_ns

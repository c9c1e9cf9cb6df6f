"""Between the fleet's views and the messages of /fleet/*, and what the answers to calls mean."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from robot_ops_interfaces.msg import Alarm as AlarmMsg
from robot_ops_interfaces.msg import AlarmArray, TaskArray
from robot_ops_interfaces.msg import DispatchOption as DispatchOptionMsg
from robot_ops_interfaces.msg import Task as TaskMsg
from robot_ops_interfaces.srv import (
    ExplainDispatch,
    HandOver,
    ListRobots,
    ListTasks,
    ReportTakenOut,
    SetStop,
    SubmitTask,
)

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import RobotId, TaskId
from robot_ops.dispatch.explanation import Explanation, RobotOption
from robot_ops.dispatch.ports import Alarm, RobotStatus, RobotView, TaskPage, TaskView
from robot_ops.ros_nodes.conversions import from_time, to_time
from robot_ops.ros_nodes.vocabulary import from_status, from_task, to_status, to_task
from robot_ops.tasks.requests import Accepted

_SEVERITY: Final = {"warning": AlarmMsg.SEVERITY_WARNING, "error": AlarmMsg.SEVERITY_ERROR}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRobot:
    """One robot of the fleet, heard of lately or not.

    Attributes:
        status: the latest, None while the robot is not online.
        silent_for: seconds since its latest status, NaN where there never was one.
    """

    robot: RobotId
    status: RobotStatus | None
    silent_for: float


def to_alarms(alarms: Iterable[Alarm], stamp_ns: int) -> AlarmArray:
    """Return the alarms as a message."""
    return AlarmArray(
        stamp=to_time(stamp_ns),
        alarms=[
            AlarmMsg(
                alarm_id=alarm.alarm_id,
                severity=_SEVERITY[alarm.severity],
                text=alarm.text,
                robot=str(alarm.robot or ""),
                since=to_time(alarm.since_ns),
            )
            for alarm in alarms
        ],
    )


def from_alarms(message: AlarmArray) -> tuple[Alarm, ...]:
    """Return the message's alarms; an unknown severity counts as an error."""
    return tuple(
        Alarm(
            alarm_id=alarm.alarm_id,
            severity="warning" if alarm.severity == AlarmMsg.SEVERITY_WARNING else "error",
            text=alarm.text,
            robot=RobotId(alarm.robot) if alarm.robot else None,
            since_ns=from_time(alarm.since),
        )
        for alarm in message.alarms
    )


def to_tasks(tasks: Iterable[TaskView], open_count: int, stamp_ns: int) -> TaskArray:
    """Return the tasks as a message for everybody, and how many are open in all.

    Their request ids are not told, the task ids stand in: who repeats a request id is told the codes again.
    """
    public = [_to_public_task(task) for task in tasks]
    return TaskArray(stamp=to_time(stamp_ns), tasks=public, open_count=open_count)


def _to_public_task(task: TaskView) -> TaskMsg:
    message = to_task(task)
    message.request.request_id = message.task_id
    return message


def to_explanation(explanation: Explanation) -> ExplainDispatch.Response:
    """Return the explanation as the answer to who asks for it; its task as `to_tasks` tells it."""
    options = [
        DispatchOptionMsg(
            robot=str(option.robot),
            is_chosen=option.is_chosen,
            arrival=option.arrival,
            finish=option.finish,
            late=option.late,
            cost=option.cost,
            obstacle=option.obstacle,
        )
        for option in explanation.options
    ]
    return ExplainDispatch.Response(
        task=_to_public_task(explanation.task), options=options, lines=list(explanation.lines)
    )


def from_explanation(answer: ExplainDispatch.Response) -> Explanation:
    """Return the answer's explanation.

    Raises:
        RequestError: there is no such task.
        ValueError: the answer is malformed.
    """
    if answer.error:
        raise RequestError(answer.error)
    options = [
        RobotOption(
            robot=RobotId(option.robot),
            is_chosen=bool(option.is_chosen),
            arrival=option.arrival,
            finish=option.finish,
            late=option.late,
            cost=option.cost,
            obstacle=option.obstacle,
        )
        for option in answer.options
    ]
    return Explanation(task=from_task(answer.task), options=tuple(options), lines=tuple(answer.lines))


def from_task_page(answer: ListTasks.Response) -> TaskPage:
    """Return the page.

    Raises:
        RequestError: it was refused.
    """
    if answer.error:
        raise RequestError(answer.error)
    return TaskPage(
        tasks=tuple(from_task(task) for task in answer.tasks), next=TaskId(answer.next) if answer.next else None
    )


def to_robot_list(robots: Iterable[RobotView], now_ns: int) -> ListRobots.Response:
    """Return the fleet's robots as the answer to who asks for them."""
    answer = ListRobots.Response()
    for view in robots:
        status = view.status
        answer.robots.append(str(view.robot))
        answer.silent_for.append(math.nan if status is None else max(0.0, seconds_between(status.stamp_ns, now_ns)))
        if status is not None and view.is_online:
            answer.statuses.append(to_status(status))
    return answer


def from_robot_list(answer: ListRobots.Response) -> tuple[ListedRobot, ...]:
    """Return the fleet's robots in the site's order.

    Raises:
        ValueError: a status is malformed.
    """
    statuses = {status.robot: from_status(status) for status in answer.statuses}
    return tuple(
        ListedRobot(robot=RobotId(robot), status=statuses.get(RobotId(robot)), silent_for=silent_for)
        for robot, silent_for in zip(answer.robots, answer.silent_for, strict=True)
    )


def from_hand_over_answer(answer: HandOver.Response | ReportTakenOut.Response) -> str:
    """Return the code for who has the document then, empty where no robot comes for it.

    Raises:
        RequestError: it was refused.
    """
    if not answer.is_accepted:
        raise RequestError(answer.error)
    return str(answer.code)


def from_submit_answer(answer: SubmitTask.Response) -> Accepted:
    """Return what the fleet has promised.

    Raises:
        RequestError: it has refused the request.
    """
    if not answer.is_accepted:
        raise RequestError(answer.error)
    return Accepted(
        task_id=TaskId(answer.task_id),
        estimated_finish_ns=from_time(answer.estimated_finish),
        sender_code=answer.sender_code,
        recipient_code=answer.recipient_code,
        promise=answer.promise,
    )


def check_stop_answer(robot: RobotId, answer: SetStop.Response, *, is_engaged: bool) -> None:
    """Check that a robot's stop stands as it was asked for.

    Raises:
        RequestError: it does not; the text tells why.
    """
    if bool(answer.is_stopped) != is_engaged:
        raise RequestError(f"{robot}: {answer.text}")

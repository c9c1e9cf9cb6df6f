"""Canceling a task at every status; docs/tasks.md has the table."""

import pytest

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.tasks.orders import MissionPhase
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand

COURIERS = (RobotId("courier_1"), RobotId("courier_2"))
GUIDES = (RobotId("guide_1"), RobotId("guide_2"))
WHY = "not needed"


@pytest.fixture
def stand() -> FleetStand:
    made = FleetStand()
    made.run(2.0)
    return made


def bring_to(stand: FleetStand, status: TaskStatus) -> TaskId:
    """Return a guidance that has the status."""
    match status:
        case TaskStatus.QUEUED:
            return stand.guide().task_id
        case TaskStatus.STANDBY:
            task_id = stand.guide().task_id
            stand.fleet.step()
        case TaskStatus.UNDERWAY:
            task_id = stand.guide().task_id
            stand.run(5.0)
        case TaskStatus.DELAYED:
            task_id = stand.guide().task_id
            stand.run(3.0)
            for robot in GUIDES:
                stand.robots.robots[robot].phase_ends_ns += 600_000_000_000
            stand.run(300.0)
        case TaskStatus.BLOCKED:
            task_id = stand.guide().task_id
            for robot in GUIDES:
                stand.robots.robots[robot].remark = "blocked: a trolley"
            stand.run(10.0)
        case TaskStatus.CANCELED:
            task_id = stand.guide().task_id
            stand.fleet.cancel(task_id, "before")
        case TaskStatus.FAILED:
            for robot in GUIDES:
                stand.robots.robots[robot].fail_in = MissionPhase.MEETING
            task_id = stand.guide().task_id
            stand.run(30.0)
        case TaskStatus.COMPLETED:
            task_id = stand.guide().task_id
            stand.run(40.0)
    return task_id


@pytest.mark.parametrize("status", list(TaskStatus), ids=lambda status: status.value)
def test_cancel_at_every_status(stand: FleetStand, status: TaskStatus) -> None:
    task_id = bring_to(stand, status)
    assert stand.task(task_id).status is status
    if status in (TaskStatus.FAILED, TaskStatus.COMPLETED):
        with pytest.raises(RequestError, match="already"):
            stand.fleet.cancel(task_id, WHY)
        assert stand.task(task_id).status is status
        return
    for _ in range(3):
        stand.fleet.cancel(task_id, WHY)
    stand.restart_fleet()
    stand.fleet.cancel(task_id, WHY)
    stand.run(10.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.CANCELED
    assert task.reason == ("before" if status is TaskStatus.CANCELED else WHY)
    assert stand.robots.served == []


def carried(stand: FleetStand) -> tuple[TaskId, RobotId]:
    task_id = stand.deliver().task_id
    stand.run(20.0)
    robot = stand.task(task_id).robot
    assert robot is not None
    assert stand.robots.robots[robot].loaded
    return task_id, robot


def test_a_restarted_robot_with_a_document_resumes_before_it_is_told_to_bring_it_back(stand: FleetStand) -> None:
    task_id, robot = carried(stand)
    stand.robots.restart(robot)
    stand.fleet.cancel(task_id, WHY)
    before = len(stand.robots.orders)
    stand.run(4.0)
    again, *_ = stand.robots.orders[before:]
    assert (again.task_id, again.has_cargo) == (task_id, True)
    assert [mission for _, mission, _ in stand.robots.cancelations] == [again.mission_id]
    assert stand.task(task_id).status is TaskStatus.CANCELED


def test_canceled_with_a_silent_robot_it_ends_and_the_robot_is_stopped_later(stand: FleetStand) -> None:
    task_id, robot = carried(stand)
    silent = stand.robots.robots[robot]
    silent.is_silent = True
    silent.phase_ends_ns += 10**15
    stand.fleet.cancel(task_id, WHY)
    stand.run(50.0)
    assert stand.task(task_id).status is TaskStatus.UNDERWAY
    stand.run(20.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.CANCELED
    assert task.reason == f"{WHY} ({robot} has been silent for a minute)"
    assert f"document/{robot}" in [alarm.alarm_id for alarm in stand.fleet.alarms()]
    silent.is_silent = False
    stand.run(5.0)
    assert silent.order is None or silent.order.task_id is None
    assert stand.robots.served == []


def test_a_document_that_does_not_come_back_is_blocked_until_a_custodian_has_it(stand: FleetStand) -> None:
    for robot in COURIERS:
        stand.robots.robots[robot].fail_in = MissionPhase.CARRYING
    task_id = stand.deliver().task_id
    stand.run(30.0)
    robot = stand.task(task_id).robot
    stand.fleet.cancel(task_id, WHY)
    stand.run(30.0)
    assert stand.task(task_id).status is TaskStatus.BLOCKED
    stand.fleet.hand_over(task_id, PersonId("mona"))
    stand.run(15.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.CANCELED
    assert task.reason == f"{WHY}; mona has the document"
    assert task.robot == robot
    assert stand.fleet.alarms() == ()


def test_canceled_without_a_custodian_it_ends_after_half_an_hour(stand: FleetStand) -> None:
    for robot in COURIERS:
        stand.robots.robots[robot].fail_in = MissionPhase.CARRYING
    task_id = stand.deliver().task_id
    stand.run(30.0)
    robot = stand.task(task_id).robot
    stand.fleet.cancel(task_id, WHY)
    stand.run(1830.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.CANCELED
    assert task.reason == f"{WHY}; document in {robot}: the way is blocked; nobody took it over"
    assert f"document/{robot}" in [alarm.alarm_id for alarm in stand.fleet.alarms()]


def test_canceled_while_a_custodian_keeps_the_document(stand: FleetStand) -> None:
    for robot in COURIERS:
        stand.robots.robots[robot].fail_in = MissionPhase.CARRYING
    task_id = stand.deliver().task_id
    stand.run(30.0)
    stand.fleet.hand_over(task_id, PersonId("mona"))
    for robot in COURIERS:
        stand.robots.robots[robot].is_deaf = robot != stand.task(task_id).robot
        stand.robots.robots[robot].fail_in = None
    stand.run(12.0)
    assert stand.task(task_id).status in (TaskStatus.QUEUED, TaskStatus.STANDBY)
    stand.fleet.cancel(task_id, WHY)
    stand.run(10.0)
    assert stand.task(task_id).status is TaskStatus.CANCELED
    assert stand.task(task_id).reason == f"{WHY}; mona has the document"

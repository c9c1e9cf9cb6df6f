"""No task stays open unseen: a quarter of an hour after what was promised an operator is told."""

from robot_ops.core.ids import RobotId
from robot_ops.dispatch.overdue import OVERDUE_S
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand

COURIERS = (RobotId("courier_1"), RobotId("courier_2"))


def late(stand: FleetStand) -> list[str]:
    return [alarm.text for alarm in stand.fleet.alarms() if alarm.alarm_id == "late_tasks"]


def go_past_the_promises(stand: FleetStand) -> None:
    promises = sorted(task.promised_ns for task in stand.fleet.tasks(with_finished=True))
    while stand.clock.now_ns() < promises[-1] + OVERDUE_S * 1e9:
        if stand.clock.now_ns() < promises[0] + OVERDUE_S * 1e9:
            assert late(stand) == []
        stand.run(20.0)
    stand.run(20.0)


def test_tasks_that_wait_long_after_their_promise_are_an_alarm_until_they_are_done():
    stand = FleetStand()
    stand.run(2.0)
    for courier in COURIERS:
        stand.robots.robots[courier].is_stopped = True
    first, second = stand.deliver("d1").task_id, stand.deliver("d2").task_id
    go_past_the_promises(stand)
    (text,) = late(stand)
    assert text.startswith(f"2 tasks are more than 15 minutes later than promised ({first} is queued")
    for courier in COURIERS:
        stand.robots.robots[courier].is_stopped = False
    stand.run(60.0)
    assert [stand.task(task_id).status for task_id in (first, second)] == [TaskStatus.COMPLETED] * 2
    assert late(stand) == []


def test_a_mission_that_never_ends_is_an_alarm_though_its_robot_works():
    stand = FleetStand()
    stand.run(2.0)
    task_id = stand.deliver().task_id
    stand.run(10.0)
    robot = stand.task(task_id).robot
    assert robot is not None
    stand.robots.robots[robot].phase_ends_ns += 10**15
    go_past_the_promises(stand)
    (text,) = late(stand)
    assert text == (f"1 task is more than 15 minutes later than promised ({task_id} is delayed: later than promised)")

"""The fleet's clock is set, or the fleet stands still: nobody is given up for it, and nothing waits for an hour."""

from dataclasses import replace

import pytest

from robot_ops.core.clock import ManualClock
from robot_ops.core.ids import RobotId
from robot_ops.dispatch.steady_time import SteadyTime
from robot_ops.tasks.orders import MissionPhase
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand

HOUR = 3_600_000_000_000


class SetClock(ManualClock):
    """A clock that can be set."""

    def set_by(self, ns: int) -> None:
        self._offset = getattr(self, "_offset", 0) + ns

    def now_ns(self) -> int:
        return super().now_ns() + getattr(self, "_offset", 0)


def stand_with_clock() -> tuple[FleetStand, SetClock]:
    clock = SetClock(10 * HOUR)
    stand = FleetStand(clock=clock)
    stand.run(2.0)
    return stand, clock


def test_steady_time_leaves_jumps_out() -> None:
    clock = SetClock(10 * HOUR)
    time = SteadyTime(clock)
    assert time.notice() == 0
    seen = [time.now_ns]
    for jump in (HOUR, -HOUR, -HOUR, 5 * HOUR):
        clock.advance(1.0)
        assert time.notice() == 0
        clock.set_by(jump)
        assert time.notice() == jump
        seen.append(time.now_ns)
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] == 4_000_000_000


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
@pytest.mark.parametrize("seconds", [0.5, 3.0, 20.0, 34.0])
def test_tasks_go_on_when_the_clock_is_set(jump: int, seconds: float) -> None:
    stand, clock = stand_with_clock()
    ids = [stand.guide().task_id, stand.deliver().task_id]
    stand.run(seconds)
    clock.set_by(jump)
    # scripted robots follow the same clock: what they do next is due as before
    for robot in stand.robots.robots.values():
        robot.phase_ends_ns += jump
    stand.run(45.0)
    assert {stand.task(task_id).status for task_id in ids} == {TaskStatus.COMPLETED}
    assert not [alarm for alarm in stand.fleet.alarms() if alarm.alarm_id.startswith("offline")]
    assert len(stand.robots.served) == 2
    assert len({order.mission_id for order in stand.robots.orders if order.task_id is not None}) == 2


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_silence_is_noticed_as_before_when_the_clock_was_set(jump: int) -> None:
    stand, clock = stand_with_clock()
    task_id = stand.guide().task_id
    stand.run(3.0)
    robot = stand.task(task_id).robot
    assert robot is not None
    clock.set_by(jump)
    stand.robots.robots[robot].is_silent = True
    stand.run(50.0)
    assert stand.task(task_id).robot == robot
    assert f"offline/{robot}" in [alarm.alarm_id for alarm in stand.fleet.alarms()]
    stand.run(15.0)
    assert stand.task(task_id).robot not in (robot, None)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_an_order_that_nobody_takes_goes_elsewhere_when_the_clock_was_set(jump: int) -> None:
    stand, clock = stand_with_clock()
    for robot in ("guide_1", "guide_2"):
        stand.robots.robots[RobotId(robot)].is_deaf = True
    task_id = stand.guide().task_id
    stand.run(5.0)
    clock.set_by(jump)
    stand.run(70.0)
    assert len({order.mission_id for order in stand.robots.orders if order.task_id == task_id}) >= 2


def test_a_fleet_that_stood_still_for_minutes_gives_nobody_up() -> None:
    stand, clock = stand_with_clock()
    task_id = stand.guide().task_id
    stand.run(10.0)
    clock.advance(600.0)  # suspended, or the process was stopped
    stand.fleet.step()
    assert stand.task(task_id).robot is not None
    stand.run(60.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert len({order.mission_id for order in stand.robots.orders if order.task_id is not None}) == 1


def test_a_robot_whose_clock_was_set_back_is_heard_again() -> None:
    stand, clock = stand_with_clock()
    robot = stand.robots.robots[RobotId("guide_1")]
    robot.is_silent = True
    for _ in range(40):
        stand.run(0.5)
        robot.soc = 0.42
        late = replace(stand.robots.status(robot), stamp_ns=clock.now_ns() - HOUR)
        stand.fleet.on_status(late)
    (view,) = [view for view in stand.fleet.robots() if view.robot == robot.robot]
    assert view.status is not None
    assert view.status.battery_soc == 0.42


def test_old_news_between_new_ones_stays_old() -> None:
    stand, clock = stand_with_clock()
    robot = stand.robots.robots[RobotId("guide_1")]
    for _ in range(60):
        old = replace(stand.robots.status(robot), stamp_ns=clock.now_ns() - HOUR, battery_soc=0.01)
        stand.run(0.5)
        stand.fleet.on_status(old)
    (view,) = [view for view in stand.fleet.robots() if view.robot == robot.robot]
    assert view.status is not None
    assert view.status.battery_soc == robot.soc
    assert robot.order is None or robot.order.kind.value != MissionPhase.CHARGING.value

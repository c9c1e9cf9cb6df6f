"""Robots that do not keep to the lanes, or are not in the hall: what operators are told, and what robots get to do."""

from dataclasses import replace

import pytest

from robot_ops.core.ids import RobotId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.tasks.status import TaskStatus
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.scripted_robots import ScriptedRobot

GUIDE, OTHER = RobotId("guide_1"), RobotId("guide_2")
ABSENT = TrafficRules(absent_robots=frozenset({GUIDE}))


def alarms(stand: FleetStand) -> set[str]:
    return {alarm.text for alarm in stand.fleet.alarms()}


def test_a_robot_off_the_lanes_is_an_alarm_unless_somebody_drives_it() -> None:
    stand = FleetStand()
    stand.run(10.0)
    robot = stand.robots.robots[GUIDE]
    text = "guide_1 is not on the lane graph: drive it to a lane"
    assert text not in alarms(stand)
    status, progress = stand.robots.status(robot), stand.robots.progress(robot)
    level = status.at.level
    astray = replace(progress, held=(), free=LevelPose(level=level, pose=Pose(x=1.0, y=1.0)), free_radius=0.6)
    for is_by_hand in (True, False):
        stand.clock.advance(0.5)
        report = replace(astray, stamp_ns=stand.clock.now_ns(), is_by_hand=is_by_hand)
        stand.fleet.on_progress(report)
        stand.fleet.step()
        assert (text in alarms(stand)) is not is_by_hand
    stand.run(1.0)
    assert text not in alarms(stand)


def put_off_lanes(stand: FleetStand, *, is_by_hand: bool) -> ScriptedRobot:
    robot = stand.robots.robots[GUIDE]
    at = stand.robots.status(robot).at
    assert at is not None
    robot.free, robot.is_by_hand = at, is_by_hand
    return robot


@pytest.mark.parametrize("is_by_hand", [True, False])
def test_a_robot_that_does_not_keep_to_the_lanes_gets_nothing_to_do(is_by_hand: bool) -> None:
    stand = FleetStand()
    stand.run(2.0)
    robot = put_off_lanes(stand, is_by_hand=is_by_hand)
    robot.place, robot.soc = stand.site.robots[GUIDE].park, 0.25  # else it would be sent to charge
    stand.run(1.0)
    tasks = [stand.guide(f"g{number}").task_id for number in range(3)]
    stand.run(300.0)
    assert {stand.task(task).robot for task in tasks} == {OTHER}
    assert all(order.robot != GUIDE for order in stand.robots.orders)
    robot.free, robot.is_by_hand = None, False
    stand.run(30.0)
    assert any(order.robot == GUIDE for order in stand.robots.orders)


def test_what_a_robot_has_begun_it_keeps_while_a_person_drives_it() -> None:
    stand = FleetStand()
    stand.run(2.0)
    task = stand.guide().task_id
    stand.run(2.0)
    name = stand.task(task).robot
    assert name is not None
    robot = stand.robots.robots[name]
    at = stand.robots.status(robot).at
    robot.phase_ends_ns += 10**12
    robot.free, robot.is_by_hand = at, True
    stand.run(100.0)
    robot.free, robot.is_by_hand, robot.phase_ends_ns = None, False, stand.clock.now_ns()
    stand.run(60.0)
    assert stand.task(task).robot == name
    assert stand.task(task).status is TaskStatus.COMPLETED


def test_a_robot_that_was_taken_out_gets_no_task_though_it_speaks_and_is_not_missed_when_silent() -> None:
    stand = FleetStand()
    stand.run(2.0)
    stand.fleet.set_traffic_rules(ABSENT)
    tasks = [stand.guide(f"g{number}").task_id for number in range(3)]
    stand.run(200.0)
    assert {stand.task(task).robot for task in tasks} == {OTHER}
    silence = "guide_1 is silent: is it switched on?"
    stand.robots.robots[GUIDE].is_silent = True
    stand.run(60.0)
    assert silence not in alarms(stand)
    stand.fleet.set_traffic_rules(TrafficRules())
    stand.run(1.0)
    assert silence in alarms(stand)


def test_nobody_is_promised_a_robot_that_was_taken_out() -> None:
    stand = FleetStand()
    stand.run(2.0)
    for robot in stand.robots.robots.values():
        robot.is_silent = robot.robot != GUIDE
    stand.run(10.0)
    soon = stand.guide("g1").estimated_finish_ns
    stand.fleet.set_traffic_rules(ABSENT)
    assert stand.guide("g2").estimated_finish_ns > soon

"""What operators are told of robots that do not keep to the lanes."""

from dataclasses import replace

from robot_ops.core.ids import RobotId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.testing.fleet_stand import FleetStand

GUIDE = RobotId("guide_1")


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

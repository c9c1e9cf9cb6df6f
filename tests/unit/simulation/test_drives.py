import math

import numpy as np
import pytest

from robot_ops.core.clock import to_ns
from robot_ops.core.poses import Twist
from robot_ops.simulation.drives import Drives
from robot_ops.site.model import RobotKind, RobotModel

MODEL = RobotModel(
    id="m",
    kind=RobotKind.GUIDE,
    radius=0.3,
    max_speed=1.0,
    max_acceleration=0.5,
    max_yaw_rate=1.0,
    compartments=(),
    battery_wh=100.0,
    idle_w=40.0,
    drive_w=60.0,
    charge_w=300.0,
)


def drive(drives: Drives, twist: Twist, start: float, duration: float) -> float:
    now = start
    for _ in range(round(duration / 0.02)):
        drives.command(0, twist, to_ns(now))
        drives.advance(to_ns(now), 0.02)
        now += 0.02
    return now


def test_speed_ramps_up_to_the_limit_and_stops_when_commands_stop() -> None:
    drives = Drives([MODEL, MODEL], np.random.default_rng(1))
    now = drive(drives, Twist(linear=5.0), 0.0, 1.0)
    assert drives.speeds[0, 0] == pytest.approx(0.5)
    now = drive(drives, Twist(linear=5.0), now, 2.0)
    assert drives.speeds[0, 0] == pytest.approx(1.0)
    for _ in range(150):
        drives.advance(to_ns(now), 0.02)
        now += 0.02
    assert drives.speeds[0, 0] == 0.0
    assert not drives.speeds[1].any()


def test_odometry_starts_at_zero_and_drifts_a_little() -> None:
    ends = []
    for seed in range(5):
        drives = Drives([MODEL], np.random.default_rng(seed))
        assert drives.odometry(0, 0).pose.distance_to(drives.odometry(0, 0).pose) == 0.0
        drive(drives, Twist(linear=0.5), 0.0, 40.0)
        pose = drives.odometry(0, 0).pose
        assert math.hypot(pose.x - drives.distances[0], pose.y) < 1.0
        ends.append((pose.x, pose.y))
    assert len(set(ends)) == 5


def test_standing_still_does_not_drift() -> None:
    drives = Drives([MODEL], np.random.default_rng(1))
    drive(drives, Twist(), 0.0, 10.0)
    pose = drives.odometry(0, 0).pose
    assert (pose.x, pose.y, pose.yaw) == (0.0, 0.0, 0.0)

"""A body without physics comes by every point of its way."""

import numpy as np
import pytest

from robot_ops.core.ids import NodeId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.simulation.kinematic import KinematicRobot
from robot_ops.tasks.routes import Waypoint
from robot_ops.testing.small_site import LEVEL, small_site


def waypoint(x: float) -> Waypoint:
    return Waypoint(node=NodeId(f"n{x}"), level=LEVEL, x=x, y=0.0, speed_limit=1.0, door=None, lift=None)


@pytest.mark.parametrize("x", [-0.4, 0.0, 0.3, 3.9])
def test_a_way_that_is_told_anew_goes_on_with_the_next_point(x: float) -> None:
    site = small_site()
    robot = next(iter(site.robots.values()))
    at = LevelPose(level=LEVEL, pose=Pose(x=x, y=0.0))
    body = KinematicRobot(robot, site, start=at, soc=0.9, rng=np.random.default_rng(1))
    body.follow([waypoint(0.0), waypoint(4.0), waypoint(8.0)], final_yaw=None, speed_limit=1.0)
    ahead = -x if x < 0.0 else 4.0 - x
    assert body.time_to_change - body._pause == pytest.approx(ahead, abs=0.01)

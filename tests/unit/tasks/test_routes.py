import math
from dataclasses import replace

import pytest

from robot_ops.core.ids import LevelId, NodeId, RobotId, RouteId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.tasks.routes import Clearance, RouteProgress, Waypoint

WAYPOINT = Waypoint(node=NodeId("a"), level=LevelId("hall"), x=1.0, y=-2.0, speed_limit=1.0)
PROGRESS = RouteProgress(robot=RobotId("guide_1"), stamp_ns=0, route_id=RouteId(""), reached=0, held=(NodeId("a"),))


@pytest.mark.parametrize("change", [{"x": math.nan}, {"y": math.inf}, {"speed_limit": math.nan}, {"speed_limit": 0.0}])
def test_a_waypoint_that_nobody_can_drive_to_is_refused(change):
    with pytest.raises(ValueError, match="waypoint a"):
        replace(WAYPOINT, **change)


@pytest.mark.parametrize("change", [{"travelled": math.nan}, {"travelled": -1.0}, {"tail": math.inf}, {"reached": -1}])
def test_progress_that_cannot_be_is_refused(change):
    with pytest.raises(ValueError, match="progress of guide_1"):
        replace(PROGRESS, **change)


@pytest.mark.parametrize("cleared", [-1, 1])
def test_a_clearance_ends_at_one_of_its_waypoints(cleared):
    with pytest.raises(ValueError, match="1 waypoints"):
        Clearance(
            robot=RobotId("guide_1"),
            stamp_ns=0,
            route_id=RouteId("r"),
            goal_seq=1,
            waypoints=(WAYPOINT,),
            cleared=cleared,
        )


@pytest.mark.parametrize("radius", [0.0, -1.0, math.inf, math.nan])
def test_a_robot_off_its_lanes_says_how_much_room_it_needs(radius: float):
    at = LevelPose(level=LevelId("hall"), pose=Pose(x=1.0, y=2.0))
    replace(PROGRESS, held=(), free=at, free_radius=1.0)
    with pytest.raises(ValueError, match="guide_1 cannot drive freely"):
        replace(PROGRESS, held=(), free=at, free_radius=radius)

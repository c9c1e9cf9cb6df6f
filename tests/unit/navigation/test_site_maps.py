"""The committed sites: their maps leave the lanes free, and a robot finds itself on them."""

import math
from pathlib import Path

import numpy as np
import pytest

from robot_ops.core.ids import LevelId
from robot_ops.core.poses import LevelPose, Pose, Twist, wrap_angle
from robot_ops.core.sensors import LaserScan, Odometry
from robot_ops.navigation.grid import LevelMap
from robot_ops.navigation.localization import Localizer
from robot_ops.navigation.maps import load_maps
from robot_ops.navigation.navigator_state import NavigatorSettings
from robot_ops.navigation.polyline import Polyline
from robot_ops.site.files import load_site
from robot_ops.site.model import Site
from robot_ops.testing.map_lidar import map_ranges

SITES = Path(__file__).parents[3] / "sites"


@pytest.fixture(scope="module", params=["immigration_hall", "airport_crossing", "two_floors"])
def site(request: pytest.FixtureRequest) -> Site:
    return load_site(SITES / f"{request.param}.yaml")


@pytest.fixture(scope="module")
def maps(site: Site) -> dict[LevelId, LevelMap]:
    return load_maps(site.levels.values())


def test_every_lane_leaves_room_for_every_robot(site: Site, maps: dict[LevelId, LevelMap]) -> None:
    radius = max(robot.model.radius for robot in site.robots.values())
    needed = radius + NavigatorSettings(radius=radius, max_speed=1.0).map_margin
    narrow = []
    for lane in site.lanes.values():
        start, end = site.nodes[lane.start], site.nodes[lane.end]
        line = Polyline(np.array([[start.x, start.y], [end.x, end.y]]))
        room = maps[start.level].distances(line.at(np.arange(0.0, line.length + 0.05, 0.05))).min()
        if room < needed:
            narrow.append((lane.id, round(float(room), 2)))
    assert narrow == []


def test_a_robot_finds_itself_at_every_node(site: Site, maps: dict[LevelId, LevelMap]) -> None:
    rng = np.random.default_rng(4)
    lost = []
    for node in site.nodes.values():
        true = Pose(x=node.x, y=node.y, yaw=float(rng.uniform(-3, 3)))
        side = rng.uniform(0, math.tau)
        guess = Pose(
            x=true.x + 0.3 * math.cos(side),
            y=true.y + 0.3 * math.sin(side),
            yaw=true.yaw + math.radians(float(rng.choice([-10, 10]))),
        )
        localizer = Localizer(maps)
        localizer.set_pose(LevelPose(level=node.level, pose=guess))
        ranges = map_ranges(maps[node.level], true) + rng.normal(0.0, 0.01, 360)
        for stamp in range(1, 6):
            localizer.add_odometry(Odometry(stamp_ns=stamp * 10**8, pose=Pose(x=0.0, y=0.0), twist=Twist()))
            scan = LaserScan(
                stamp_ns=stamp * 10**8,
                pose_in_base=Pose(x=0.0, y=0.0),
                angle_min=0.0,
                angle_increment=math.tau / 360,
                range_min=0.1,
                range_max=12.0,
                ranges=ranges.astype(np.float32),
            )
            localizer.add_scan(scan)
        assert localizer.pose is not None
        found = localizer.pose.pose
        if found.distance_to(true) > 0.1 or abs(wrap_angle(found.yaw - true.yaw)) > math.radians(1):
            lost.append((node.id, round(found.distance_to(true), 2), localizer.is_localized))
    assert lost == []

import math

import numpy as np
import pytest

from robot_ops.core.errors import StateError
from robot_ops.core.ids import LevelId
from robot_ops.core.poses import STANDSTILL, LevelPose, Pose, Twist, wrap_angle
from robot_ops.navigation.grid import LevelMap
from robot_ops.navigation.localization import Localizer
from robot_ops.testing.planar_drive import HALL
from robot_ops.testing.planar_world import PlanarRobot, PlanarWorld

TOUR = [
    *((20, 2), (20, 10), (25, 10), (25, 16), (25, 10), (20, 10)),
    *((20, 16.5), (15, 16), (15, 10), (9, 9.5), (4, 12), (4, 7), (3, 2)),
]


def sense(robot: PlanarRobot, localizer: Localizer, command: Twist = STANDSTILL, count: int = 1) -> None:
    for _ in range(count):
        for _ in range(2):
            robot.advance(command, 0.05)
            localizer.add_odometry(robot.odometry())
        localizer.add_scan(robot.scan())


def errors(robot: PlanarRobot, localizer: Localizer) -> tuple[float, float]:
    assert localizer.pose is not None
    pose = localizer.pose.pose
    return pose.distance_to(robot.pose), abs(wrap_angle(pose.yaw - robot.pose.yaw))


@pytest.mark.parametrize("seed", range(12))
def test_it_converges_from_a_wrong_start(world: PlanarWorld, hall_map: LevelMap, seed: int) -> None:
    rng = np.random.default_rng(seed)
    while True:
        x, y = rng.uniform(1, 29), rng.uniform(1, 19)
        if hall_map.distances(np.array([[x, y]]))[0] > 0.5:
            break
    true = Pose(x=x, y=y, yaw=rng.uniform(-3, 3))
    side = rng.uniform(0, math.tau)
    guess = Pose(
        x=x + 0.3 * math.cos(side), y=y + 0.3 * math.sin(side), yaw=true.yaw + math.radians(rng.choice([-10, 10]))
    )
    robot, localizer = PlanarRobot(world, true, rng), Localizer({HALL: hall_map})
    localizer.set_pose(LevelPose(level=HALL, pose=guess))
    sense(robot, localizer, count=5)
    distance, turn = errors(robot, localizer)
    assert distance < 0.03
    assert turn < math.radians(0.5)
    assert localizer.is_localized


def test_it_follows_drifting_odometry_for_ten_minutes_among_people(world: PlanarWorld, hall_map: LevelMap) -> None:
    robot = PlanarRobot(world, Pose(x=3, y=2), np.random.default_rng(1))
    localizer = Localizer({HALL: hall_map})
    localizer.set_pose(LevelPose(level=HALL, pose=robot.pose))
    goal, worst, drift = 0, 0.0, 0.0
    for step in range(6000):
        x, y = TOUR[goal]
        bearing = wrap_angle(math.atan2(y - robot.pose.y, x - robot.pose.x) - robot.pose.yaw)
        if math.hypot(x - robot.pose.x, y - robot.pose.y) < 0.3:
            goal = (goal + 1) % len(TOUR)
        angles = np.arange(6) + 0.01 * step
        world.discs = np.column_stack(
            (robot.pose.x + 1.2 * np.cos(angles), robot.pose.y + 1.2 * np.sin(angles), np.full(6, 0.2))
        )
        command = Twist(linear=1.1 if abs(bearing) < 0.5 else 0.0, angular=max(-1.5, min(1.5, 3 * bearing)))
        sense(robot, localizer, command)
        worst = max(worst, errors(robot, localizer)[0])
        assert localizer.is_localized
        drift = max(drift, robot.odometry_pose.distance_to(Pose(x=robot.pose.x - 3, y=robot.pose.y - 2)))
    assert drift > 1.0
    assert worst < 0.1


def test_a_robot_that_was_pushed_finds_itself_again(world: PlanarWorld, hall_map: LevelMap) -> None:
    robot, localizer = PlanarRobot(world, Pose(x=9, y=9), np.random.default_rng(2)), Localizer({HALL: hall_map})
    localizer.set_pose(LevelPose(level=HALL, pose=robot.pose))
    sense(robot, localizer, count=5)
    robot.pose = robot.pose.compose(Pose(x=0.9, y=0.7, yaw=0.4))
    sense(robot, localizer, count=100)
    assert localizer.is_localized
    assert errors(robot, localizer)[0] < 0.05


def test_a_robot_that_sees_only_what_the_map_does_not_know_is_not_localized(
    world: PlanarWorld, hall_map: LevelMap
) -> None:
    robot, localizer = PlanarRobot(world, Pose(x=9, y=9), np.random.default_rng(2)), Localizer({HALL: hall_map})
    localizer.set_pose(LevelPose(level=HALL, pose=robot.pose))
    sense(robot, localizer, count=5)
    angles = np.arange(24) * math.tau / 24
    world.discs = np.column_stack((9 + np.cos(angles), 9 + np.sin(angles), np.full(24, 0.2)))
    sense(robot, localizer, count=60)
    assert not localizer.is_localized
    world.discs = np.empty((0, 3))
    sense(robot, localizer, count=30)
    assert localizer.is_localized


def test_entering_a_level_keeps_the_pose_and_changes_the_map(world: PlanarWorld, hall_map: LevelMap) -> None:
    office = LevelId("office")
    localizer = Localizer({HALL: hall_map, office: hall_map})
    with pytest.raises(StateError):
        localizer.enter_level(office)
    robot = PlanarRobot(world, Pose(x=9, y=9, yaw=1.0), np.random.default_rng(3))
    localizer.set_pose(LevelPose(level=HALL, pose=robot.pose))
    sense(robot, localizer, count=5)
    localizer.enter_level(office)
    sense(robot, localizer, count=5)
    assert localizer.pose is not None
    assert localizer.pose.level == office
    assert localizer.is_localized
    assert errors(robot, localizer)[0] < 0.05
    with pytest.raises(StateError, match="cellar"):
        localizer.enter_level(LevelId("cellar"))


def test_poses_between_odometries_are_interpolated(world: PlanarWorld, hall_map: LevelMap) -> None:
    robot, localizer = PlanarRobot(world, Pose(x=9, y=9), np.random.default_rng(3)), Localizer({HALL: hall_map})
    localizer.set_pose(LevelPose(level=HALL, pose=robot.pose))
    sense(robot, localizer, Twist(linear=1.0), count=20)
    first, middle, last = (localizer.odometry_at(robot.now_ns - back) for back in (50_000_000, 25_000_000, 0))
    assert first is not None
    assert middle is not None
    assert last is not None
    assert middle.x == pytest.approx((first.x + last.x) / 2)
    assert localizer.odometry_at(robot.now_ns + 10**9) is None
    assert localizer.odometry_at(robot.now_ns - 10**10) is None

import math
from collections.abc import Callable

import numpy as np
import pytest

from robot_ops.core.errors import StateError
from robot_ops.core.poses import LevelPose, Pose, Twist, wrap_angle
from robot_ops.navigation.navigator_state import TRANSITIONS, Failure, NavigatorState
from robot_ops.navigation.polyline import Polyline
from robot_ops.testing.planar_drive import HALL, PlanarDrive
from robot_ops.testing.planar_world import Box

RADIUS = 0.35
DriveFrom = Callable[..., PlanarDrive]


def go(
    drive: PlanarDrive, points: list[tuple[float, float]], *, yaw: float | None = None, within: float = 90.0
) -> None:
    drive.pilot.follow(np.array(points, dtype=float), final_yaw=yaw)
    drive.run(within, until=lambda: has_ended(drive))


def has_ended(drive: PlanarDrive) -> bool:
    return drive.pilot.navigator.state in {NavigatorState.SUCCEEDED, NavigatorState.FAILED}


def assert_arrived(drive: PlanarDrive, x: float, y: float, yaw: float | None = None) -> None:
    assert drive.pilot.navigator.state is NavigatorState.SUCCEEDED, drive.pilot.navigator.reason
    assert drive.robot.pose.distance_to(Pose(x=x, y=y)) < 0.13
    if yaw is not None:
        assert abs(wrap_angle(drive.robot.pose.yaw - yaw)) < 0.13


def least_clearance(drive: PlanarDrive) -> float:
    return min(sample.clearance for sample in drive.samples)


def test_it_reaches_its_goal_on_the_lanes_through_a_door(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=3, y=2, yaw=2.0))
    lanes = [(3.0, 2.0), (15.0, 2.0), (15.0, 10.0), (20.0, 10.0), (25.0, 10.0), (25.0, 3.0)]
    go(drive, lanes, yaw=1.57)
    assert_arrived(drive, 25.0, 3.0, 1.57)
    assert least_clearance(drive) > RADIUS
    positions = np.array([[sample.pose.x, sample.pose.y] for sample in drive.samples])
    assert Polyline(np.array(lanes)).distances(positions).max() < 0.35
    assert drive.time < 45.0
    assert drive.pilot.navigator.passed == len(lanes)
    assert drive.pilot.navigator.remaining == 0.0


@pytest.mark.parametrize("offset", [-0.25, 0.0, 0.1, 0.25])
def test_it_passes_a_box_on_its_lane_inside_the_corridor(drive_from: DriveFrom, offset: float) -> None:
    drive = drive_from(Pose(x=3, y=2))
    drive.world.boxes = [Box(x=10, y=2.0 + offset, width=0.4, depth=0.4)]
    go(drive, [(3, 2), (9, 2), (15, 2), (15, 8)])
    assert_arrived(drive, 15, 8)
    assert least_clearance(drive) > RADIUS + 0.02
    assert max(abs(sample.pose.y - 2.0) for sample in drive.samples if sample.pose.x < 14) < 0.8


def test_it_waits_for_a_person_who_crosses(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=3, y=2))
    drive.pilot.follow(np.array([(3.0, 2.0), (15.0, 2.0)]))
    while not has_ended(drive) and drive.time < 60:
        drive.world.discs = np.array([[9.0, 4.4 - 0.4 * drive.time, 0.2]])
        drive.step()
    assert_arrived(drive, 15, 2)
    assert min(sample.speed for sample in drive.samples if 6.0 < sample.pose.x < 9.0) < 0.3
    assert least_clearance(drive) > RADIUS + 0.05
    assert max(abs(sample.pose.y - 2.0) for sample in drive.samples) < 0.8


def test_it_stands_while_the_lane_is_full_and_goes_on_after(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=3, y=2))
    drive.world.boxes = [Box(x=9, y=y, width=0.3, depth=1.0) for y in (1.0, 3.0)]
    drive.world.discs = np.array([[9.0, 2.0, 0.2]])
    drive.pilot.follow(np.array([(3.0, 2.0), (15.0, 2.0)]))
    drive.run(12)
    assert drive.pilot.navigator.state is NavigatorState.WAITING
    assert "in the way" in drive.pilot.navigator.reason
    assert drive.samples[-1].speed == pytest.approx(0.0, abs=0.01)
    drive.world.discs = np.empty((0, 3))
    drive.run(20, until=lambda: has_ended(drive))
    assert_arrived(drive, 15, 2)
    assert least_clearance(drive) > RADIUS


def test_it_gives_up_where_nothing_moves_after_backing_up(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=18, y=10))
    drive.world.boxes = [Box(x=22, y=10, width=0.3, depth=1.0)]
    go(drive, [(18, 10), (25, 10)])
    navigator = drive.pilot.navigator
    assert (navigator.state, navigator.failure) == (NavigatorState.FAILED, Failure.BLOCKED)
    assert "in the way" in navigator.reason
    assert min(sample.speed for sample in drive.samples) < -0.1
    assert least_clearance(drive) > RADIUS
    drive.world.boxes = []
    go(drive, [(25, 10)])
    assert_arrived(drive, 25, 10)


def test_a_path_that_is_extended_in_time_does_not_slow_the_robot(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=3.5, y=10.8))
    nodes = [(4.0 + 3.0 * index, 10.8) for index in range(6)]
    drive.pilot.follow(np.array(nodes[:2]))
    drive.run(2.5)
    for reached in range(1, 5):
        # As a robot gets it from traffic: from the node it left last to one beyond the next.
        drive.pilot.follow(np.array(nodes[reached - 1 : reached + 2]))
        drive.run(2.5)
    cruise = [sample.speed for sample in drive.samples if 6.0 < sample.pose.x < 17.0]
    assert min(cruise) > 0.6 * 1.2
    drive.run(20, until=lambda: has_ended(drive))
    assert_arrived(drive, *nodes[5])


def test_a_new_goal_behind_turns_the_robot_round(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=4, y=10.8))
    drive.pilot.follow(np.array([(4.0, 10.8), (15.0, 10.8)]))
    drive.run(5)
    go(drive, [(4, 10.8), (4, 7.5)])
    assert_arrived(drive, 4, 7.5)


def test_a_lane_there_and_back_is_driven_to_its_end(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=4, y=10.8))
    go(drive, [(4, 10.8), (8, 10.8), (5, 10.8)])
    assert_arrived(drive, 5, 10.8)
    assert max(sample.pose.x for sample in drive.samples) > 7.8


def test_lane_speed_limits_hold(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=3, y=2))
    drive.pilot.follow(np.array([(3.0, 2.0), (8.0, 2.0), (14.0, 2.0)]), speed_limits=np.array([1.2, 1.2, 0.4]))
    drive.run(40, until=lambda: has_ended(drive))
    assert max(sample.speed for sample in drive.samples if sample.pose.x < 7) > 1.1
    assert max(sample.speed for sample in drive.samples if sample.pose.x > 8.1) < 0.45
    drive.pilot.navigator.set_speed_limit(0.2)
    go(drive, [(12, 2)])
    assert max(sample.speed for sample in drive.samples[-60:]) < 0.22


def test_cancel_brakes_and_speed_changes_stay_within_the_limits(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=3, y=2))
    drive.pilot.follow(np.array([(3.0, 2.0), (14.0, 2.0)]))
    drive.run(6)
    drive.pilot.cancel()
    drive.run(3)
    assert drive.pilot.navigator.state is NavigatorState.IDLE
    assert drive.samples[-1].speed == pytest.approx(0.0, abs=1e-3)
    assert np.abs(np.diff([sample.speed for sample in drive.samples])).max() < 0.085
    assert drive.pilot.step(drive.robot.now_ns).source is None


def test_a_latched_stop_is_waited_for_with_zeros(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=3, y=2))
    drive.pilot.follow(np.array([(3.0, 2.0), (14.0, 2.0)]))
    drive.run(4)
    drive.is_held = True
    commands = [drive.step() for _ in range(100)]
    assert drive.pilot.navigator.state is NavigatorState.WAITING
    assert Twist() in commands[60:]
    drive.is_held = False
    drive.run(30, until=lambda: has_ended(drive))
    assert_arrived(drive, 14, 2)


def test_silent_sensors_stop_the_robot_and_fail_the_path_in_the_end(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=3, y=2))
    drive.pilot.follow(np.array([(3.0, 2.0), (14.0, 2.0)]))
    drive.run(4)
    now = drive.robot.now_ns
    for step in range(400):
        twist = drive.pilot.step(now + step * 10**8).twist
        if step == 30:
            assert twist == Twist()
            assert drive.pilot.navigator.state is NavigatorState.WAITING
    assert drive.pilot.navigator.failure is Failure.NOT_LOCALIZED


def test_paths_are_checked(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=3, y=2))
    for points in (np.empty((0, 2)), np.array([[math.nan, 1.0]])):
        with pytest.raises(StateError):
            drive.pilot.follow(points)
    with pytest.raises(StateError, match="speed limit"):
        drive.pilot.follow(np.array([[1.0, 1.0]]), speed_limits=np.array([0.0]))
    assert drive.pilot.navigator.state is NavigatorState.IDLE


def test_every_state_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(NavigatorState)


@pytest.mark.parametrize("seed", range(8))
def test_it_never_touches_anything_wherever_people_stand(drive_from: DriveFrom, seed: int) -> None:
    rng = np.random.default_rng(seed)
    drive = drive_from(Pose(x=3.6, y=9.5), seed=seed)
    people = np.column_stack((rng.uniform(5, 20, 6), rng.uniform(6.5, 12.5, 6), np.full(6, 0.2)))
    drive.world.discs = people
    middle = (float(rng.uniform(5, 18)), float(rng.uniform(7.0, 11.5)))
    drive.pilot.follow(np.array([(3.6, 9.5), middle, (20.0, 10.0)]), final_yaw=float(rng.uniform(-3, 3)))
    drive.run(40, until=lambda: has_ended(drive))
    assert least_clearance(drive) > RADIUS


def test_a_robot_that_was_carried_away_does_not_go_on_with_its_old_way(drive_from: DriveFrom) -> None:
    drive = drive_from(Pose(x=3, y=2))
    go(drive, [(3, 2), (9, 2)])
    drive.robot.pose = Pose(x=15, y=9, yaw=0.0)
    drive.pilot.set_pose(LevelPose(level=HALL, pose=drive.robot.pose))
    drive.run(1.5)
    go(drive, [(9, 2), (12, 2)])
    assert_arrived(drive, 12, 2)
    assert least_clearance(drive) > RADIUS

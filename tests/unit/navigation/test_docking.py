import math
from collections.abc import Callable

import numpy as np
import pytest

from robot_ops.core.errors import StateError
from robot_ops.core.poses import Pose, wrap_angle
from robot_ops.navigation.docking import TRANSITIONS, DockState
from robot_ops.navigation.pilot import MotionSource
from robot_ops.testing.planar_drive import PlanarDrive, PlanarTags

DriveFrom = Callable[..., PlanarDrive]
NODE = Pose(x=8.0, y=16.0, yaw=math.pi / 2)
DOCK = Pose(x=8.0, y=16.55, yaw=math.pi / 2)


def docked(drive_from: DriveFrom, start: Pose, tags: PlanarTags, seed: int = 0) -> PlanarDrive:
    drive = drive_from(start, seed=seed, tags=tags)
    tags.robot = drive.robot
    drive.pilot.dock(tag=7, dock=DOCK)
    drive.run(60, until=lambda: not drive.pilot.docking.is_active)
    return drive


def misses(pose: Pose, dock: Pose) -> tuple[float, float]:
    return pose.distance_to(dock), abs(wrap_angle(pose.yaw - dock.yaw))


@pytest.mark.parametrize("start", [(0.0, 0.0, 0.0), (0.1, -0.05, 0.2), (-0.12, 0.05, -0.3), (0.05, 0.0, 2.0)])
def test_it_docks_by_the_tag(drive_from: DriveFrom, start: tuple[float, float, float]) -> None:
    dx, dy, turn = start
    tags = PlanarTags({7: Pose(x=8.0, y=17.2, yaw=math.pi / 2)})
    drive = docked(drive_from, Pose(x=NODE.x + dx, y=NODE.y + dy, yaw=NODE.yaw + turn), tags)
    assert drive.pilot.docking.state is DockState.SUCCEEDED, drive.pilot.docking.reason
    assert drive.pilot.docking.used_tag
    distance, yaw = misses(drive.robot.pose, DOCK)
    assert distance < 0.04
    assert yaw < math.radians(2.5)
    assert max(sample.speed for sample in drive.samples) < 0.21


def test_the_tag_counts_more_than_the_map(drive_from: DriveFrom) -> None:
    tags = PlanarTags({7: Pose(x=8.12, y=17.2, yaw=math.pi / 2 - 0.05)})
    drive = docked(drive_from, NODE, tags)
    assert drive.pilot.docking.state is DockState.SUCCEEDED
    seen = drive.robot.pose.inverse().compose(Pose(x=8.12, y=17.2, yaw=math.pi / 2 - 0.05))
    assert abs(seen.y) < 0.03
    assert abs(seen.yaw) < math.radians(2.2)


@pytest.mark.parametrize("plates", [{}, {9: Pose(x=8.0, y=17.2, yaw=math.pi / 2)}, {7: Pose(x=9.0, y=17.2, yaw=1.57)}])
def test_without_a_credible_tag_the_map_has_to_do(drive_from: DriveFrom, plates: dict[int, Pose]) -> None:
    drive = docked(drive_from, NODE, PlanarTags(plates))
    assert drive.pilot.docking.state is DockState.SUCCEEDED
    assert not drive.pilot.docking.used_tag
    assert misses(drive.robot.pose, DOCK)[0] < 0.06


def test_it_undocks_backwards_to_the_node(drive_from: DriveFrom) -> None:
    drive = drive_from(DOCK)
    drive.pilot.undock(node=NODE, dock=DOCK)
    drive.run(30, until=lambda: not drive.pilot.docking.is_active)
    assert drive.pilot.docking.state is DockState.SUCCEEDED
    assert misses(drive.robot.pose, NODE)[0] < 0.06
    assert max(sample.speed for sample in drive.samples) < 0.01
    assert drive.pilot.step(drive.robot.now_ns).source is None


def test_somebody_at_the_dock_is_waited_for(drive_from: DriveFrom) -> None:
    tags = PlanarTags({7: Pose(x=8.0, y=17.2, yaw=math.pi / 2)})
    drive = drive_from(NODE, tags=tags)
    tags.robot = drive.robot
    drive.world.discs = np.array([[8.0, 16.75, 0.15]])
    drive.run(0.5)
    drive.pilot.dock(tag=7, dock=DOCK)
    drive.run(10)
    assert drive.pilot.docking.is_active
    assert drive.robot.pose.y < 16.2
    assert drive.pilot.step(drive.robot.now_ns).source is MotionSource.DOCK
    drive.world.discs = np.empty((0, 3))
    drive.run(30, until=lambda: not drive.pilot.docking.is_active)
    assert drive.pilot.docking.state is DockState.SUCCEEDED


def test_docking_fails_with_a_reason_when_the_way_stays_blocked(drive_from: DriveFrom) -> None:
    drive = drive_from(NODE)
    drive.world.discs = np.array([[8.0, 16.75, 0.15]])
    drive.run(0.5)
    drive.pilot.dock(tag=7, dock=DOCK)
    drive.run(100, until=lambda: not drive.pilot.docking.is_active)
    assert drive.pilot.docking.state is DockState.FAILED
    assert "in the way" in drive.pilot.docking.reason


def test_a_second_command_is_refused_and_a_new_path_ends_docking(drive_from: DriveFrom) -> None:
    drive = drive_from(NODE)
    drive.pilot.dock(tag=7, dock=DOCK)
    with pytest.raises(StateError):
        drive.pilot.dock(tag=7, dock=DOCK)
    drive.pilot.follow(np.array([[8.0, 15.0]]))
    assert drive.pilot.docking.state is DockState.IDLE


def test_every_state_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(DockState)

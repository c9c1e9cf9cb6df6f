from collections.abc import Callable

import numpy as np
import pytest

from robot_ops.core.poses import Pose
from robot_ops.navigation.docking import TagSource
from robot_ops.navigation.grid import LevelMap
from robot_ops.navigation.navigator_state import NavigatorSettings
from robot_ops.navigation.pilot import Pilot, PilotSettings
from robot_ops.testing.planar_drive import HALL, PlanarDrive
from robot_ops.testing.planar_world import PlanarRobot, PlanarWorld, hall

RADIUS = 0.35


@pytest.fixture(scope="package")
def hall_map() -> LevelMap:
    return LevelMap.of(hall().grid())


@pytest.fixture
def world() -> PlanarWorld:
    return hall()


@pytest.fixture
def drive_from(world: PlanarWorld, hall_map: LevelMap) -> Callable[..., PlanarDrive]:
    def make(pose: Pose, *, seed: int = 0, tags: TagSource | None = None) -> PlanarDrive:
        robot = PlanarRobot(world, pose, np.random.default_rng(seed))
        settings = PilotSettings(navigator=NavigatorSettings(radius=RADIUS, max_speed=1.2))
        return PlanarDrive(world, robot, Pilot(settings, {HALL: hall_map}, tags))

    return make

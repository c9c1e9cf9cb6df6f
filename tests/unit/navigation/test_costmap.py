import math

import numpy as np
import pytest

from robot_ops.core.poses import Pose, Twist
from robot_ops.navigation.costmap import LocalCostmap
from robot_ops.navigation.grid import LevelMap
from robot_ops.testing.planar_world import Box, PlanarRobot, PlanarWorld


@pytest.fixture
def robot(world: PlanarWorld) -> PlanarRobot:
    return PlanarRobot(world, Pose(x=9, y=9), np.random.default_rng(0))


def look(costmap: LocalCostmap, robot: PlanarRobot, count: int = 1) -> None:
    for _ in range(count):
        robot.advance(Twist(), 0.1)
        costmap.add_scan(robot.scan(), robot.pose)


def test_the_map_alone_makes_no_marks(hall_map: LevelMap, world: PlanarWorld) -> None:
    costmap = LocalCostmap(hall_map)
    for x, y in ((9, 9), (2, 2), (21, 10), (25, 5)):
        robot = PlanarRobot(world, Pose(x=x, y=y), np.random.default_rng(0))
        look(costmap, robot)
        assert len(costmap.obstacles) == 0


def test_a_person_is_marked_and_what_they_left_is_cleared(
    hall_map: LevelMap, world: PlanarWorld, robot: PlanarRobot
) -> None:
    costmap = LocalCostmap(hall_map)
    for step in range(30):
        x, y = 11.0, 8.0 + 0.1 * step
        world.discs = np.array([[x, y, 0.2]])
        look(costmap, robot)
        distance = np.hypot(costmap.obstacles[:, 0] - x, costmap.obstacles[:, 1] - y)
        assert distance.min() < 0.25
        # Marks in the shadow of the person stay until they are seen through.
        assert distance.max() < 0.8
    assert not costmap.looks_static(np.array([[11.0, 10.9]]), 0.4)
    world.discs = np.empty((0, 3))
    look(costmap, robot)
    assert len(costmap.obstacles) == 0


def test_a_box_looks_static_after_two_seconds(hall_map: LevelMap, world: PlanarWorld, robot: PlanarRobot) -> None:
    costmap = LocalCostmap(hall_map)
    world.boxes = [Box(x=11, y=9, width=0.5, depth=0.5)]
    look(costmap, robot, count=10)
    face = np.array([[10.7, 9.0]])
    assert not costmap.looks_static(face, 0.3)
    near = costmap.clearances(face)[1][0]
    look(costmap, robot, count=15)
    assert costmap.looks_static(face, 0.3)
    assert costmap.clearances(face)[1][0] == pytest.approx(0.05, abs=0.04)
    assert near < costmap.clearances(face)[1][0]


def test_marks_that_no_ray_reaches_are_forgotten(hall_map: LevelMap, world: PlanarWorld, robot: PlanarRobot) -> None:
    costmap = LocalCostmap(hall_map)
    world.discs = np.array([[11.5, 9.0, 0.2]])
    look(costmap, robot, count=3)
    world.discs = np.array([[10.0, 9.0, 0.4]])
    look(costmap, robot, count=40)
    assert costmap.obstacles[:, 0].max() < 10.5


def test_far_marks_are_dropped_and_a_new_level_starts_clean(
    hall_map: LevelMap, world: PlanarWorld, robot: PlanarRobot
) -> None:
    costmap = LocalCostmap(hall_map)
    world.discs = np.array([[11.5, 9.0, 0.2], [9.0, 9.0 + 6.0, 0.2]])
    look(costmap, robot)
    assert len(costmap.obstacles) > 0
    assert np.hypot(costmap.obstacles[:, 0] - 9, costmap.obstacles[:, 1] - 9).max() < 4.6
    costmap.set_map(hall_map)
    assert len(costmap.obstacles) == 0


def test_the_published_grid_shows_walls_people_and_margins(
    hall_map: LevelMap, world: PlanarWorld, robot: PlanarRobot
) -> None:
    costmap = LocalCostmap(hall_map)
    world.discs = np.array([[10.5, 9.0, 0.2]])
    look(costmap, robot)
    grid = costmap.grid(robot.pose, half_size=3.0, radius=0.35)
    assert grid.cells.shape == (120, 120)
    assert math.isclose(grid.origin_x, 6.0, abs_tol=0.06)

    def cost(x: float, y: float) -> int:
        row, column = grid.cells_at(np.array([[x, y]]))[0]
        return int(grid.cells[row, column])

    assert cost(10.3, 9.0) >= 99
    assert 0 < cost(9.8, 9.0) < 99
    assert cost(9.0, 9.0) == 0


def test_rays_without_an_answer_neither_mark_nor_fail(hall_map: LevelMap, robot: PlanarRobot) -> None:
    costmap = LocalCostmap(hall_map)
    robot.advance(Twist(), 0.1)
    scan = robot.scan()
    scan.ranges[:] = np.array([np.nan, np.inf, -np.inf] * 120, dtype=np.float32)
    costmap.add_scan(scan, robot.pose)
    assert len(costmap.obstacles) == 0

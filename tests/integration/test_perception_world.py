"""Perception with the simulated world's lidar and cameras: a visitor is followed, told from others and seen."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from robot_ops.core.ids import LevelId, RobotId
from robot_ops.core.poses import FloatArray, LevelPose, Pose
from robot_ops.core.resources import shared_folder
from robot_ops.core.world import PersonPose
from robot_ops.navigation.grid import LevelMap
from robot_ops.navigation.maps import load_maps
from robot_ops.perception.camera_people import HogPersonDetector, place_on_floor
from robot_ops.perception.follower import FollowerMonitor, FollowStatus
from robot_ops.perception.people import PeopleTracker
from robot_ops.simulation.mapping import write_maps
from robot_ops.simulation.world import World
from robot_ops.site.files import load_site
from robot_ops.site.model import Site

GUIDE, HALL = RobotId("guide_1"), LevelId("hall")


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(shared_folder("sites") / "immigration_hall.yaml")


@pytest.fixture(scope="module")
def hall(site: Site, tmp_path_factory: pytest.TempPathFactory) -> LevelMap:
    written: dict[LevelId, Path] = write_maps(site, tmp_path_factory.mktemp("maps"))
    return load_maps([replace(level, map_file=written[level.id]) for level in site.levels.values()])[HALL]


@pytest.fixture
def world(site: Site) -> Iterator[World]:
    with World(site, robots=[GUIDE], rng=np.random.default_rng(1), people_capacity=4) as world:
        yield world


def person(number: int, robot: Pose, x: float, y: float, yaw: float = 0.0) -> PersonPose:
    """Return a person at x, y from the robot, in axes parallel to the map's."""
    at = LevelPose(level=HALL, pose=Pose(x=robot.x + x, y=robot.y + y, yaw=yaw))
    return PersonPose(person=f"person_{number}", number=number, at=at)


def test_a_visitor_is_told_from_passers_by(world: World, hall: LevelMap) -> None:
    def is_static(points: FloatArray) -> NDArray[np.bool_]:
        return hall.distances(points) < 0.15

    robot = world.truth(GUIDE).pose
    away = Pose(x=0.0, y=0.0, yaw=robot.yaw)  # the robot stands at its charger, the visitor behind it
    people, monitor = PeopleTracker(), FollowerMonitor()
    for step in range(50):
        t = step * 0.2
        behind = away.transform(np.array([[-1.5 - 0.4 * math.sin(0.5 * t), 0.3 * math.sin(t)]]))[0]
        passing = away.transform(np.array([[-2.8, -4.0 + 0.8 * t]]))[0]
        world.set_people([person(0, robot, behind[0], behind[1]), person(1, robot, passing[0], passing[1], 1.0)])
        world.step(0.2)
        people.update_scan(world.scan(GUIDE), robot, is_static)
        if step == 10:
            assert monitor.lock(world.now_ns, robot, people.tracks)
            first_id = monitor.update(world.now_ns, robot, people.tracks).track_id
        if step > 10:
            state = monitor.update(world.now_ns, robot, people.tracks)
            assert state.status is FollowStatus.FOLLOWING
            assert state.track_id == first_id
            assert math.hypot(state.x - robot.x - behind[0], state.y - robot.y - behind[1]) < 0.3
    assert len(people.tracks) <= 3


def test_the_hog_detector_sees_who_follows(world: World) -> None:
    robot = world.truth(GUIDE).pose
    camera = world.camera_model(GUIDE, "rear")
    detector = HogPersonDetector()
    found = 0
    for distance in (1.6, 2.0, 2.5, 3.0):
        for yaw in (-0.3, 0.3):
            offset = Pose(x=0.0, y=0.0, yaw=robot.yaw).transform(np.array([[-distance, 0.2 * yaw]]))[0]
            world.set_people([person(0, robot, offset[0], offset[1], robot.yaw + yaw)])
            world.step(0.02)
            placed = [place_on_floor(box, camera) for box in detector.detect(world.image(GUIDE, "rear"))]
            at = np.array([-distance, 0.2 * yaw])
            found += any(one is not None and np.hypot(*(one.position_in_base - at)) < 0.8 for one in placed)
    assert found >= 5

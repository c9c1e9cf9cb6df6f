"""The embedded simulator: MuJoCo with the immigration hall, and with a small world of its own."""

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pupil_apriltags
import pytest

from robot_ops.core.errors import StateError, WorldError
from robot_ops.core.ids import DoorId, LevelId, LiftId, RobotId
from robot_ops.core.poses import LevelPose, Pose, Twist
from robot_ops.core.resources import shared_folder
from robot_ops.core.world import DoorPosition, PersonPose
from robot_ops.simulation.world import World
from robot_ops.site.files import load_site
from robot_ops.site.model import Site

GUIDE, OTHER, COURIER = RobotId("guide_1"), RobotId("guide_2"), RobotId("courier_1")
HALL, OFFICE = LevelId("hall"), LevelId("office")


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(shared_folder("sites") / "immigration_hall.yaml")


@pytest.fixture
def world(site: Site) -> Iterator[World]:
    with World(site, robots=[GUIDE, OTHER, COURIER], rng=np.random.default_rng(1), people_capacity=4) as world:
        yield world


def person(name: str, x: float, y: float, level: LevelId = HALL) -> PersonPose:
    return PersonPose(person=name, number=1, at=LevelPose(level=level, pose=Pose(x=x, y=y)))


def place(world: World, robot: RobotId, at: LevelPose) -> None:
    """Put a robot somewhere, which nobody but a test may do."""
    state = world._robots[robot]
    world._data.qpos[state.parts.q : state.parts.q + 3] = at.pose.x, at.pose.y, at.pose.yaw
    world._data.mocap_pos[state.parts.carrier, 2] = world._elevations[at.level]
    state.level = at.level
    world._is_settled = False


def drive(world: World, robot: RobotId, twist: Twist, duration: float) -> None:
    for _ in range(round(duration / 0.1)):
        world.set_velocity(robot, twist)
        world.step(0.1)


def test_robots_start_docked_and_charging(world: World, site: Site) -> None:
    world.step(0.1)
    for robot in world.robots:
        assert world.truth(robot).pose.distance_to(world.spawn(robot).pose) < 0.01
        assert world.battery(robot).is_charging
        assert world.odometry(robot).pose == Pose(x=0.0, y=0.0, yaw=0.0)


def test_driving_keeps_to_the_acceleration_limit_and_the_watchdog_stops_it(world: World, site: Site) -> None:
    model = site.robots[GUIDE].model
    start = LevelPose(level=HALL, pose=Pose(x=10.0, y=20.0, yaw=0.5))
    place(world, GUIDE, start)
    speeds, before = [], world.truth(GUIDE).pose
    for _ in range(20):
        drive(world, GUIDE, Twist(linear=9.0), 0.1)
        now = world.truth(GUIDE).pose
        speeds.append(before.distance_to(now) / 0.1)
        before = now
    assert np.diff([0.0, *speeds]).max() < model.max_acceleration * 0.1 * 1.3
    assert max(speeds) < model.max_speed * 1.05
    offset = start.pose.inverse().compose(world.truth(GUIDE).pose)
    assert abs(offset.y) < 0.01
    world.step(4.0)
    still = world.truth(GUIDE).pose
    world.step(1.0)
    assert world.truth(GUIDE).pose.distance_to(still) < 1e-3
    driven = world.statistics().distances[GUIDE]
    assert driven == pytest.approx(still.distance_to(start.pose), abs=0.05)


def test_walls_stop_robots_and_collisions_are_counted_once(world: World) -> None:
    place(world, GUIDE, LevelPose(level=HALL, pose=Pose(x=2.0, y=15.0, yaw=math.pi)))
    drive(world, GUIDE, Twist(linear=0.8), 6.0)
    assert world.truth(GUIDE).pose.x > 0.25
    assert world.statistics().robot_world_collisions == 1


def test_people_and_robots_collide(world: World) -> None:
    place(world, GUIDE, LevelPose(level=HALL, pose=Pose(x=10.0, y=20.0)))
    place(world, OTHER, LevelPose(level=HALL, pose=Pose(x=12.0, y=22.0, yaw=-math.pi / 2)))
    world.set_people([person("p", 12.0, 20.0)])
    drive(world, GUIDE, Twist(linear=0.8), 4.0)
    assert world.truth(GUIDE).pose.x < 12.0
    drive(world, OTHER, Twist(linear=0.8), 3.0)
    statistics = world.statistics()
    assert statistics.robot_person_collisions >= 1
    assert statistics.least_robot_person < 0.1
    world.set_people([])
    place(world, OTHER, LevelPose(level=HALL, pose=Pose(x=12.5, y=20.0, yaw=math.pi)))
    place(world, GUIDE, LevelPose(level=HALL, pose=Pose(x=11.0, y=20.0)))
    drive(world, OTHER, Twist(linear=0.8), 3.0)
    assert world.statistics().robot_robot_collisions == 1
    assert world.statistics().least_robot_robot < 0.05


def test_the_lidar_sees_walls_and_people_but_not_its_robot(world: World) -> None:
    place(world, GUIDE, LevelPose(level=HALL, pose=Pose(x=8.0, y=20.0)))
    scan = world.scan(GUIDE)
    assert scan.ranges.shape == (360,)
    assert scan.range_max == 12.0
    assert scan.ranges.min() > 0.5
    angles = scan.angle_min + scan.angle_increment * np.arange(360)
    ahead = int(np.argmin(np.abs(angles)))
    before = float(scan.ranges[ahead])
    behind = int(np.argmin(np.abs(np.abs(angles) - math.pi)))
    assert scan.ranges[behind] == pytest.approx(8.0 + scan.pose_in_base.x, abs=0.2)
    world.set_people([person("p", 8.0 + scan.pose_in_base.x + 3.0, 20.0)])
    seen = float(world.scan(GUIDE).ranges[ahead])
    assert 2.5 < seen < 3.0 < before
    world.set_people([])
    assert world.scan(GUIDE).ranges[ahead] > 3.0 or math.isinf(before)


def test_people_have_a_place_and_an_end(world: World) -> None:
    with pytest.raises(StateError, match="made for 4"):
        world.set_people([person(str(i), float(i), 20.0) for i in range(5)])
    with pytest.raises(StateError, match="no level"):
        world.set_people([person("p", 1.0, 1.0, LevelId("cellar"))])
    assert world.people == ()


def test_an_unknown_robot_or_camera_is_refused(world: World, site: Site) -> None:
    with pytest.raises(StateError, match="no robot"):
        world.truth(RobotId("guide_3"))
    with pytest.raises(StateError, match="no camera"):
        world.image(GUIDE, "periscope")
    with pytest.raises(StateError, match="no door"):
        world.request_door(DoorId("trapdoor"), "x", True)
    with pytest.raises(StateError, match="has no robot"):
        World(site, robots=[RobotId("r2d2")], rng=np.random.default_rng(1))


def test_a_world_without_the_sites_door_is_refused(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "empty.sdf"
    file.write_text('<sdf version="1.9"><world name="w"/></sdf>', encoding="utf-8")
    with (
        pytest.raises(WorldError, match="no model for the robot"),
        World(replace(site, world_file=file), robots=[GUIDE], rng=np.random.default_rng(1)),
    ):
        pass


def test_a_camera_reads_the_tag_of_a_counter_where_it_is(world: World, site: Site) -> None:
    """Renders, detects, and compares with where the camera model says that the tag must appear."""
    place_at = next(p for p in site.places.values() if p.tag is not None and p.id == "counter_2")
    assert place_at.dock is not None
    place(world, COURIER, site.pose_at(place_at.id))
    image = world.image(COURIER, "front")
    assert image.pixels.shape == (240, 320, 3)
    gray = np.ascontiguousarray(image.pixels.mean(axis=2).astype(np.uint8))
    tags = pupil_apriltags.Detector(families="tag36h11", quad_decimate=1.0).detect(gray)
    assert place_at.tag in [tag.tag_id for tag in tags]
    tag = next(t for t in tags if t.tag_id == place_at.tag)
    model = world.camera_model(COURIER, "front")
    # the tag is on the ray from the node along the place's yaw
    assert tag.center[0] - 0.5 == pytest.approx(model.cx - model.fx * math.tan(-model.yaw), abs=2.0)


def test_people_appear_in_pictures_only_while_they_are_there(world: World) -> None:
    place(world, GUIDE, LevelPose(level=HALL, pose=Pose(x=8.0, y=20.0)))
    empty = world.image(GUIDE, "front").pixels.astype(int)
    world.set_people([person("p", 11.0, 20.0)])
    with_person = world.image(GUIDE, "front").pixels.astype(int)
    assert (np.abs(with_person - empty).sum(axis=2) > 30).mean() > 0.01
    world.set_people([])
    assert np.array_equal(world.image(GUIDE, "front").pixels, empty)


def test_doors_open_for_requests_and_stay_open_for_a_robot_in_them(world: World, site: Site) -> None:
    door = DoorId("back_office_door")
    middle = Pose(
        x=(site.doors[door].start[0] + site.doors[door].end[0]) / 2,
        y=(site.doors[door].start[1] + site.doors[door].end[1]) / 2,
        yaw=math.pi / 2,
    )
    assert world.door_state(door) is DoorPosition.CLOSED
    outside = LevelPose(level=HALL, pose=Pose(x=middle.x, y=middle.y - 1.5, yaw=middle.yaw))
    place(world, GUIDE, outside)
    ahead = 180
    closed_range = float(world.scan(GUIDE).ranges[ahead])
    world.request_door(door, "guide_1", True)
    world.step(2.5)
    assert world.door_state(door) is DoorPosition.OPEN
    assert world.scan(GUIDE).ranges[ahead] > closed_range + 1.0
    place(world, GUIDE, LevelPose(level=HALL, pose=middle))
    world.step(15.0)
    assert world.door_state(door) is DoorPosition.OPEN
    place(world, GUIDE, outside)
    world.step(8.0)
    assert world.door_state(door) is DoorPosition.CLOSED
    assert world.statistics().robot_world_collisions == 0


def test_the_lift_carries_a_robot_to_the_office_and_back(world: World, site: Site) -> None:
    lift = LiftId("lift_1")
    node = site.nodes[site.lifts[lift].stops[HALL]]
    place(world, COURIER, LevelPose(level=HALL, pose=Pose(x=node.x, y=node.y, yaw=0.0)))
    for level in (OFFICE, HALL):
        for _ in range(40):
            world.request_lift(lift, "courier_1", level, True)
            world.step(0.5)
        state = world.lift_state(lift)
        assert (state.level, state.is_open, state.session) == (level, True, "courier_1")
        assert world.truth(COURIER).level == level
        floor = float(world._data.mocap_pos[world._robots[COURIER].parts.carrier, 2])
        assert floor == pytest.approx(site.levels[level].elevation)
    assert world.statistics().robot_world_collisions == 0


def test_locks_lids_and_hands(world: World) -> None:
    first = world._site.robots[COURIER].model.compartments[0]
    closed = world.image(COURIER, "compartment").pixels.astype(int)
    assert not world.put_document(COURIER, first, "passport")
    world.set_lock(COURIER, first, is_locked=False)
    world.step(1.0)
    opened = world.image(COURIER, "compartment").pixels.astype(int)
    assert (np.abs(opened - closed).sum(axis=2) > 30).mean() > 0.01
    assert world.open_compartments(COURIER) == (first,)
    assert world.put_document(COURIER, first, "passport")
    world.step(0.1)
    loaded = world.image(COURIER, "compartment").pixels.astype(int)
    assert (np.abs(loaded - opened).sum(axis=2) > 30).mean() > 0.002
    world.close_lid(COURIER, first)
    world.set_lock(COURIER, first, is_locked=True)
    reading = world.compartments(COURIER)[first]
    assert (reading.is_locked, reading.is_closed, reading.is_occupied) == (True, True, True)
    assert world.compartments(GUIDE) == {}


def test_the_same_seed_gives_the_same_run(site: Site) -> None:
    def run(seed: int) -> tuple[object, ...]:
        with World(site, robots=[GUIDE], rng=np.random.default_rng(seed), people_capacity=0) as world:
            drive(world, GUIDE, Twist(linear=-0.3, angular=0.1), 3.0)
            return world.odometry(GUIDE).pose, world.truth(GUIDE), world.scan(GUIDE).ranges.tobytes()

    assert run(5) == run(5)
    assert run(5)[0] != run(6)[0]


def test_time_is_cut_into_whole_steps(world: World) -> None:
    for _ in range(10):
        world.step(0.001)
    assert world.now_ns == 8_000_000
    world.step(0.002)
    assert world.now_ns == 12_000_000


def test_without_opengl_pictures_fail_with_the_packages_to_install(tmp_path: Path) -> None:
    program = """
import numpy as np
from robot_ops.core.errors import SetupError
from robot_ops.core.resources import shared_folder
from robot_ops.simulation.world import World
from robot_ops.site.files import load_site
site = load_site(shared_folder("sites") / "immigration_hall.yaml")
with World(site, robots=["guide_1"], rng=np.random.default_rng(1), people_capacity=0) as world:
    world.step(0.1)
    try:
        world.image("guide_1", "front")
    except SetupError as error:
        print(error)
"""
    environment = {**os.environ, "PYOPENGL_PLATFORM": "glx", "MUJOCO_GL": "disabled"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, env=environment, check=True
    )
    assert "apt-get install libegl1" in done.stdout

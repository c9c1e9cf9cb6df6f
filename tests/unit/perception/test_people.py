import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from robot_ops.core.clock import to_ns
from robot_ops.core.poses import FloatArray, Pose
from robot_ops.core.sensors import CameraModel, LaserScan
from robot_ops.perception.camera_people import PersonBox, PersonSighting, place_on_floor, suppress
from robot_ops.perception.lidar_people import Candidates, find_people
from robot_ops.perception.people import PeopleTracker
from robot_ops.perception.tracks import Track, Tracker

RAYS = np.arange(360) * math.tau / 360 - math.pi
Circle = tuple[float, float, float]


def scan_of(robot: Pose, circles: list[Circle], stamp_ns: int, seed: int = 0) -> LaserScan:
    """Look from the robot at circles (x, y, radius) of the map, with 1 cm of noise."""
    ranges = np.full(360, np.inf)
    ux, uy = np.cos(RAYS + robot.yaw), np.sin(RAYS + robot.yaw)
    for x, y, radius in circles:
        dx, dy = x - robot.x, y - robot.y
        along = dx * ux + dy * uy
        inside = radius**2 - (dx**2 + dy**2 - along**2)
        is_hit = (inside > 0) & (along > 0)
        ranges = np.where(is_hit, np.minimum(ranges, along - np.sqrt(np.maximum(inside, 0.0))), ranges)
    ranges = ranges + np.random.default_rng(seed).normal(0.0, 0.01, 360)
    return LaserScan(
        stamp_ns=stamp_ns,
        pose_in_base=Pose(x=0, y=0),
        angle_min=-math.pi,
        angle_increment=math.tau / 360,
        range_min=0.05,
        range_max=12.0,
        ranges=ranges.astype(np.float32),
    )


def legs(x: float, y: float, heading: float, phase: float = 1.0) -> list[Circle]:
    """Return the shins of a person; phase in [-1, 1] is which foot is ahead."""
    at = Pose(x=x, y=y, yaw=heading)
    points = at.transform(np.array([[0.18 * phase, 0.09], [-0.18 * phase, -0.09]]))
    return [(float(px), float(py), 0.055) for px, py in points]


def nothing_static(points: FloatArray) -> NDArray[np.bool_]:
    return np.zeros(len(points), dtype=np.bool_)


@settings(max_examples=100, deadline=None)
@given(
    distance=st.floats(0.6, 5.0),
    bearing=st.floats(-math.pi, math.pi),
    heading=st.floats(-math.pi, math.pi),
    robot_yaw=st.floats(-math.pi, math.pi),
    seed=st.integers(0, 99),
)
def test_a_person_is_found_where_they_stand(
    distance: float, bearing: float, heading: float, robot_yaw: float, seed: int
) -> None:
    robot = Pose(x=3.0, y=-2.0, yaw=robot_yaw)
    x, y = 3.0 + distance * math.cos(bearing), -2.0 + distance * math.sin(bearing)
    found = find_people(scan_of(robot, legs(x, y, heading), 0, seed), robot, nothing_static)
    assert 1 <= len(found) <= 2
    assert np.hypot(*(found.positions - (x, y)).T).min() < 0.26


@pytest.mark.parametrize("bearing", [0.0, 3.0, math.pi, -3.1, -1.0])
def test_a_body_is_found_at_its_axis_wherever_the_turn_begins(bearing: float) -> None:
    robot = Pose(x=0, y=0, yaw=0.0)
    body = (2.0 * math.cos(bearing), 2.0 * math.sin(bearing), 0.2)
    found = find_people(scan_of(robot, [body], 0), robot, nothing_static)
    assert found.positions == pytest.approx(np.array([body[:2]]), abs=0.06)


def test_robots_walls_and_the_map_are_no_people() -> None:
    robot = Pose(x=0, y=0)
    assert len(find_people(scan_of(robot, [(2.0, 0.0, 0.35)], 0), robot, nothing_static)) == 0
    assert len(find_people(scan_of(robot, [(0.0, 0.0, 3.0)], 0), robot, nothing_static)) == 0
    wall_of_legs = scan_of(robot, legs(2.0, 0.0, 0.0), 0)
    assert len(find_people(wall_of_legs, robot, lambda points: points[:, 0] > 1.0)) == 0
    assert len(find_people(scan_of(robot, [], 0), robot, nothing_static)) == 0


def test_two_people_side_by_side_are_two() -> None:
    robot = Pose(x=0, y=0)
    circles = [*legs(2.0, 0.4, 0.0, 0.3), *legs(2.0, -0.4, 0.0, -0.3)]
    found = find_people(scan_of(robot, circles, 0), robot, nothing_static)
    assert sorted(found.positions[:, 1]) == pytest.approx([-0.4, 0.4], abs=0.1)


@dataclass
class Walker:
    x: float
    y: float
    vx: float
    vy: float
    is_visible: bool = True

    def at(self, t: float) -> list[Circle]:
        if not self.is_visible:
            return []
        heading = math.atan2(self.vy, self.vx) if (self.vx, self.vy) != (0, 0) else 0.0
        return legs(self.x + self.vx * t, self.y + self.vy * t, heading, math.sin(t * 6.0))


class Scene:
    """A robot that drives along x and people who walk, looked at 5 times a second."""

    def __init__(self, *walkers: Walker, robot_speed: float = 0.0) -> None:
        self.walkers = walkers
        self.people = PeopleTracker()
        self.robot_speed = robot_speed
        self.t = 0.0

    @property
    def robot(self) -> Pose:
        return Pose(x=self.robot_speed * self.t, y=0.0)

    @property
    def now_ns(self) -> int:
        return to_ns(self.t)

    def run(self, seconds: float) -> tuple[Track, ...]:
        for _ in range(round(seconds * 5)):
            self.t += 0.2
            circles = [circle for walker in self.walkers for circle in walker.at(self.t)]
            self.people.update_scan(
                scan_of(self.robot, circles, self.now_ns, seed=round(self.t * 5)), self.robot, nothing_static
            )
        return self.people.tracks


def test_a_walking_person_keeps_one_id_and_is_confirmed() -> None:
    scene = Scene(Walker(-1.5, 0.2, 0.9, 0.0), robot_speed=0.9)
    ids = {track.track_id for _ in range(60) for track in scene.run(0.2)}
    (track,) = scene.people.tracks
    assert ids == {track.track_id}
    assert track.is_confirmed
    assert track.stamp_ns == scene.now_ns
    assert (track.x, track.y) == pytest.approx((-1.5 + 0.9 * scene.t, 0.2), abs=0.25)
    assert (track.vx, track.vy) == pytest.approx((0.9, 0.0), abs=0.4)


def test_who_never_moves_is_told_but_not_confirmed() -> None:
    (track,) = Scene(Walker(2.0, 0.5, 0.0, 0.0)).run(10.0)
    assert not track.is_confirmed


def test_people_who_cross_keep_their_ids() -> None:
    scene = Scene(Walker(3.0, -3.0, 0.0, 1.0), Walker(2.0, 3.0, 0.0, -1.0))
    before = {track.track_id: track for track in scene.run(1.6)}
    after = {track.track_id: track for track in scene.run(3.0)}
    assert len(before) == 2
    for track_id, track in before.items():
        assert after[track_id].y * track.y < 0.0


def test_a_short_occlusion_is_bridged_and_a_long_one_ends_the_track() -> None:
    walker = Walker(2.0, -2.0, 0.0, 0.8)
    scene = Scene(walker)
    (track,) = scene.run(3.0)
    walker.is_visible = False
    (coasting,) = scene.run(1.0)
    assert coasting.stamp_ns == track.stamp_ns
    walker.is_visible = True
    (again,) = scene.run(0.6)
    assert again.track_id == track.track_id
    walker.is_visible = False
    assert scene.run(3.0) == ()


def test_tracks_are_forgotten_on_another_level() -> None:
    scene = Scene(Walker(2.0, -2.0, 0.0, 0.8))
    scene.run(2.0)
    scene.people.clear()
    assert scene.people.tracks == ()


def sighting(x: float, y: float, along: float = 0.4) -> PersonSighting:
    away = np.array([x, y]) / math.hypot(x, y)
    aside = np.array([-away[1], away[0]])
    covariance = np.outer(away, away) * along**2 + np.outer(aside, aside) * 0.2**2
    return PersonSighting(
        position_in_base=np.array([x, y]), covariance=covariance, camera_in_base=np.zeros(2), score=0.8
    )


def test_a_camera_confirms_who_stands_in_its_bearing() -> None:
    scene = Scene(Walker(2.0, 0.5, 0.0, 0.0), Walker(2.0, -1.5, 0.0, 0.0))
    scene.run(2.0)
    scene.people.update_camera([sighting(2.5, 0.6)], scene.robot, scene.now_ns)
    assert [track.is_confirmed for track in sorted(scene.people.tracks, key=lambda one: -one.y)] == [True, False]


def test_a_camera_alone_begins_no_track_but_keeps_one() -> None:
    walker = Walker(2.0, 0.5, 0.0, 0.0)
    scene = Scene(walker)
    scene.people.update_camera([sighting(2.0, 0.5)], scene.robot, scene.now_ns)
    assert list(scene.people.tracks) == []
    scene.run(2.0)
    scene.people.update_camera([sighting(2.0, 0.5)], scene.robot, scene.now_ns)
    walker.is_visible = False
    for _ in range(8):
        scene.run(0.6)
        scene.people.update_camera([sighting(2.0, 0.5)], scene.robot, scene.now_ns)
    (track,) = scene.people.tracks
    assert track.stamp_ns == scene.now_ns
    assert (track.x, track.y) == pytest.approx((2.0, 0.5), abs=0.3)


@settings(max_examples=40, deadline=None)
@given(
    frames=st.lists(
        st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.sampled_from([0.5, 0.9])), max_size=6), max_size=20
    )
)
def test_ids_are_unique_and_never_used_again(frames: list[list[tuple[float, float, float]]]) -> None:
    tracker = Tracker()
    gone: set[int] = set()
    present: set[int] = set()
    for number, frame in enumerate(frames):
        values = np.array(frame).reshape(-1, 3)
        tracker.update(
            Candidates(positions=values[:, :2], sigmas=np.full(len(values), 0.1), scores=values[:, 2]),
            to_ns(number * 0.2),
        )
        ids = [track.track_id for track in tracker.tracks]
        assert len(set(ids)) == len(ids)
        assert not gone & set(ids)
        gone |= present - set(ids)
        present = set(ids)


CAMERA = CameraModel(
    width_px=320, height_px=240, fx=228.5, fy=228.5, cx=159.5, cy=119.5, x=-0.2, y=0.0, z=1.1, yaw=math.pi, pitch=0.0
)


def test_boxes_stand_where_their_feet_are() -> None:
    # 4 m behind the camera and 1 m to the robot's right, which is left in the rear camera's picture.
    depth, aside = 4.0, 1.0
    u = 159.5 - 228.5 * aside / depth
    bottom = 119.5 + 228.5 * 1.1 / depth
    top = 119.5 - 228.5 * (1.72 - 1.1) / depth
    placed = place_on_floor(PersonBox(left=u - 10, right=u + 10, top=top, bottom=bottom, score=0.9), CAMERA)
    assert placed is not None
    assert placed.position_in_base == pytest.approx(np.array([-4.2, -1.0]), abs=0.02)
    away = placed.position_in_base - placed.camera_in_base
    away /= np.linalg.norm(away)
    aside_axis = np.array([-away[1], away[0]])
    assert away @ placed.covariance @ away > aside_axis @ placed.covariance @ aside_axis


def test_boxes_without_feet_are_placed_by_their_head() -> None:
    top = 119.5 - 228.5 * (1.72 - 1.1) / 1.8
    placed = place_on_floor(PersonBox(left=140, right=180, top=top, bottom=240, score=0.9), CAMERA)
    assert placed is not None
    assert placed.position_in_base == pytest.approx(np.array([-2.0, 0.0]), abs=0.05)


def test_only_the_best_of_overlapping_boxes_stays() -> None:
    good = PersonBox(left=0, top=0, right=10, bottom=20, score=0.9)
    worse = PersonBox(left=1, top=1, right=11, bottom=21, score=0.5)
    apart = PersonBox(left=20, top=0, right=30, bottom=20, score=0.4)
    assert suppress([worse, apart, good]) == (good, apart)

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.poses import FloatArray, Pose
from robot_ops.core.sensors import CameraModel, Image
from robot_ops.perception.cameras import base_from_optical, camera_matrix, ray_in_base
from robot_ops.perception.tags import TagDetector

TEXTURES = Path(__file__).parents[3] / "sim" / "models" / "april_tags" / "materials" / "textures"
SIZE = 0.18
CAMERA = CameraModel(
    width_px=320, height_px=240, fx=228.5, fy=228.5, cx=159.5, cy=119.5, x=0.33, y=0.0, z=0.9, yaw=0.0, pitch=0.0
)


def render(camera: CameraModel, at: Pose, height: float, *, tag: int = 11, seed: int = 0, turn: int = 0) -> Image:
    """Draw a tag whose center is at a pose in base_link (yaw into the plate), upright but for quarter turns."""
    texture = np.asarray(cv2.imread(str(TEXTURES / f"tag36h11_{tag:05d}.png"), cv2.IMREAD_GRAYSCALE))
    texture = np.rot90(texture, turn)
    edge = SIZE * 10 / 8  # the white rim is one of ten cells wide
    # A viewer looks along the yaw, so the tag's right is to the right of that.
    right = np.array([math.sin(at.yaw), -math.cos(at.yaw), 0.0])
    corners = [
        np.array([at.x, at.y, height]) + right * sx * edge / 2 + np.array([0, 0, sz * edge / 2])
        for sx, sz in ((-1, 1), (1, 1), (1, -1), (-1, -1))
    ]
    eye = np.array([camera.x, camera.y, camera.z])
    seen: list[FloatArray] = []
    for corner in corners:
        ray = camera_matrix(camera) @ (base_from_optical(camera).T @ (corner - eye))
        seen.append(ray[:2] / ray[2])
    supersampling = 4
    target = (np.array(seen) + 0.5) * supersampling - 0.5
    n = float(texture.shape[0])
    source = np.array([[0, 0], [n, 0], [n, n], [0, n]]) - 0.5
    warp = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    size = (camera.width_px * supersampling, camera.height_px * supersampling)
    big = cv2.warpPerspective(np.ascontiguousarray(texture), warp, size, borderValue=150)
    gray = cv2.resize(big, (camera.width_px, camera.height_px), interpolation=cv2.INTER_AREA).astype(np.float64)
    gray += np.random.default_rng(seed).normal(0.0, 2.0, gray.shape)
    pixels = np.repeat(np.clip(gray, 0, 255).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
    return Image(stamp_ns=7, pixels=pixels)


def test_rays_point_where_the_camera_looks() -> None:
    assert ray_in_base(CAMERA, 159.5, 119.5) == pytest.approx([1.0, 0.0, 0.0])
    assert ray_in_base(CAMERA, 300.0, 119.5)[1] < 0.0  # the right of the picture is to the robot's right
    assert ray_in_base(CAMERA, 159.5, 230.0)[2] < 0.0
    down = CameraModel(
        width_px=320, height_px=240, fx=228.5, fy=228.5, cx=159.5, cy=119.5, x=0, y=0, z=1, yaw=math.pi / 2, pitch=0.5
    )
    assert ray_in_base(down, 159.5, 119.5) == pytest.approx([0.0, math.cos(0.5), -math.sin(0.5)], abs=1e-12)


@pytest.mark.parametrize("tag", [1, 11, 31])
def test_golden_ids_and_place(tag: int) -> None:
    detector = TagDetector(CAMERA, size=SIZE)
    (seen,) = detector.detect(render(CAMERA, Pose(x=1.53, y=0.1, yaw=0.3), 0.9, tag=tag))
    assert (seen.tag, seen.stamp_ns) == (tag, 7)
    assert (seen.pose_in_base.x, seen.pose_in_base.y) == pytest.approx((1.53, 0.1), abs=0.02)
    assert seen.height == pytest.approx(0.9, abs=0.02)
    assert min(abs(seen.pose_in_base.yaw - 0.3), abs(seen.other_in_base.yaw - 0.3)) < 0.06


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_orientation_in_the_plane_does_not_matter_to_the_floor_plan(turn: int) -> None:
    (seen,) = TagDetector(CAMERA, size=SIZE).detect(render(CAMERA, Pose(x=1.2, y=0.0, yaw=-0.5), 0.9, turn=turn))
    assert seen.pose_in_base.yaw == pytest.approx(-0.5, abs=0.06)
    assert not seen.is_ambiguous


def test_turned_and_pitched_cameras() -> None:
    camera = CameraModel(
        width_px=320,
        height_px=240,
        fx=228.5,
        fy=228.5,
        cx=159.5,
        cy=119.5,
        x=-0.2,
        y=0.1,
        z=1.1,
        yaw=math.pi,
        pitch=0.2,
    )
    (seen,) = TagDetector(camera, size=SIZE).detect(render(camera, Pose(x=-1.5, y=0.2, yaw=math.pi - 0.4), 0.8))
    assert (seen.pose_in_base.x, seen.pose_in_base.y) == pytest.approx((-1.5, 0.2), abs=0.02)
    assert seen.height == pytest.approx(0.8, abs=0.02)
    assert seen.pose_in_base.yaw == pytest.approx(math.pi - 0.4, abs=0.06)


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(1.0, 2.0),
    y=st.floats(-0.2, 0.2),
    yaw=st.floats(-0.7, 0.7),
    height=st.sampled_from([0.9, 1.1]),
    seed=st.integers(0, 999),
)
def test_what_is_told_for_certain_is_right(x: float, y: float, yaw: float, height: float, seed: int) -> None:
    sightings = TagDetector(CAMERA, size=SIZE).detect(render(CAMERA, Pose(x=x, y=y, yaw=yaw), height, seed=seed))
    assert len(sightings) == 1
    seen = sightings[0]
    assert math.hypot(seen.pose_in_base.x - x, seen.pose_in_base.y - y) < 0.03 * x
    errors = [abs(seen.pose_in_base.yaw - yaw), abs(seen.other_in_base.yaw - yaw)]
    assert min(errors) < 0.25
    if not seen.is_ambiguous:
        assert errors[0] < 0.25


def test_nothing_is_seen_in_noise_and_wrong_sizes_are_refused() -> None:
    detector = TagDetector(CAMERA, size=SIZE)
    noise = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    assert detector.detect(Image(stamp_ns=0, pixels=noise)) == ()
    with pytest.raises(ValueError, match="640 x 480"):
        detector.detect(Image(stamp_ns=0, pixels=np.zeros((480, 640, 3), np.uint8)))
    with pytest.raises(ValueError, match="size"):
        TagDetector(CAMERA, size=0.0)

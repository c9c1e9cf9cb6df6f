"""The tag pictures carry the right id the right way up, as AprilRobotics' own detector sees them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from pupil_apriltags import Detector

from robot_ops.site.files import load_site

ROOT = Path(__file__).parents[3]
SITES = [load_site(path) for path in sorted((ROOT / "sites").glob("*.yaml"))]
TAGS = sorted({place.tag for site in SITES for place in site.places.values() if place.tag is not None})
PICTURES = ROOT / "sim" / "models" / "april_tags" / "materials" / "textures"


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(families="tag36h11")


@pytest.mark.parametrize("tag", TAGS)
def test_a_picture_shows_its_tag_upright(tag: int, detector: Detector) -> None:
    picture = cv2.imread(str(PICTURES / f"tag36h11_{tag:05d}.png"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    (found,) = detector.detect(np.pad(picture, 40, constant_values=255))
    assert (found.tag_id, found.hamming) == (tag, 0)
    assert found.corners.tolist() == [
        pytest.approx(corner, abs=1.0) for corner in ([60, 220], [220, 220], [220, 60], [60, 60])
    ]


def test_the_plate_lays_the_picture_upright_for_who_looks_along_x() -> None:
    lines = (ROOT / "sim" / "models" / "april_tags" / "meshes" / "plate.obj").read_text(encoding="utf-8").splitlines()
    points = [tuple(map(float, line.split()[1:])) for line in lines if line.startswith("v ")]
    texture = [tuple(map(float, line.split()[1:])) for line in lines if line.startswith("vt ")]
    for (_, y, z), (u, v) in zip(points, texture, strict=True):
        assert (u, v) == (0.5 - y, 0.5 + z)

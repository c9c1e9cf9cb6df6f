"""Writes the AprilTag pictures of all sites and the plate that worlds lay them on.

    python tools/make_tags.py

The pictures are those of the 36h11 family as AprilRobotics publishes them. OpenCV 4.14 and 5.0 draw them turned by half
a turn, so they are turned back here; tests/unit/sim/test_tags.py holds the result against AprilRobotics' own detector.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from robot_ops.site.files import read_site  # noqa: E402  (the tools run from a checkout, without being installed)

MODULE_PX = 20
FOLDER = ROOT / "sim" / "models" / "april_tags"
PLATE = """# A square of edge 1 m in the y-z plane, seen from -x: the picture's left is +y, its top +z.
v 0 0.5 -0.5
v 0 -0.5 -0.5
v 0 -0.5 0.5
v 0 0.5 0.5
vt 0 0
vt 1 0
vt 1 1
vt 0 1
vn -1 0 0
f 1/1/1 2/2/1 3/3/1
f 1/1/1 3/3/1 4/4/1
"""


def tag_picture(tag: int) -> NDArray[np.uint8]:
    """Return a tag with its white border, upright, (200, 200) uint8."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_36h11)
    turned = cv2.aruco.generateImageMarker(dictionary, tag, 8 * MODULE_PX)
    upright = np.asarray(cv2.rotate(turned, cv2.ROTATE_180), dtype=np.uint8)
    return np.pad(upright, MODULE_PX, constant_values=255)


def main() -> None:
    """Write the plate and a picture for each tag of the sites."""
    (FOLDER / "meshes").mkdir(parents=True, exist_ok=True)
    (FOLDER / "meshes" / "plate.obj").write_text(PLATE, encoding="utf-8")
    pictures = FOLDER / "materials" / "textures"
    pictures.mkdir(parents=True, exist_ok=True)
    sites = [read_site(path).site for path in sorted((ROOT / "sites").glob("*.yaml"))]
    for tag in sorted({place.tag for site in sites for place in site.places.values() if place.tag is not None}):
        cv2.imwrite(str(pictures / f"tag36h11_{tag:05d}.png"), tag_picture(tag))


if __name__ == "__main__":
    main()

"""People in pictures: boxes from a detector, placed on the floor through the camera's geometry."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np

from robot_ops.core.poses import FloatArray
from robot_ops.core.sensors import CameraModel, Image
from robot_ops.perception.cameras import ray_in_base


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonBox:
    """A person in a picture, from head to feet.

    Attributes:
        left, top, right, bottom: in pixels of the picture; beyond its edges for who is cut off there.
        score: 0-1.
    """

    left: float
    top: float
    right: float
    bottom: float
    score: float


class PersonDetector(Protocol):
    """Finds people in pictures."""

    def detect(self, image: Image) -> tuple[PersonBox, ...]:
        """Return a tight box around every person; it may be called from a worker thread, one picture at a time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSighting:
    """A person seen by a camera.

    Attributes:
        position_in_base: (2,), meters.
        covariance: (2, 2), m²; long in the direction of sight.
        camera_in_base: (2,), where it was seen from.
        score: 0-1, of the detector.
    """

    position_in_base: FloatArray
    covariance: FloatArray
    camera_in_base: FloatArray
    score: float


_HEIGHT: Final = 1.72  # m, mean of adults; its spread makes 7 % of distance
_CUT_PX: Final = 3.0  # a box that ends nearer to the picture's edge is cut off there
_MIN_DOWNWARD: Final = 0.03  # of a unit ray; flatter ones meet the floor nowhere near


def place_on_floor(box: PersonBox, camera: CameraModel) -> PersonSighting | None:
    """Return where the person of a box stands, None where the box cannot be one.

    The foot point counts where it is in the picture; with the feet below it (nearer than about 2.3 m for a camera at
    1.2 m) the distance follows from the head's height.
    """
    middle = (box.left + box.right) / 2.0
    foot = ray_in_base(camera, middle, box.bottom)
    head = ray_in_base(camera, middle, box.top)
    if box.bottom < camera.height_px - _CUT_PX and foot[2] < -_MIN_DOWNWARD:
        distance, share = camera.z / -float(foot[2]) * math.hypot(foot[0], foot[1]), 0.12
    elif box.top > _CUT_PX:
        # Between the slopes to head and feet lies the body; a cut box shows only the head's.
        rise = float(head[2]) / math.hypot(head[0], head[1])
        if abs(rise) < _MIN_DOWNWARD or (_HEIGHT - camera.z) / rise <= 0.0:
            return None
        distance, share = (_HEIGHT - camera.z) / rise, 0.35
    else:
        distance, share = camera.fy * _HEIGHT / max(box.bottom - box.top, 1.0), 0.5
    if not 0.2 < distance < 20.0:
        return None
    bearing = math.atan2(foot[1], foot[0])
    away = np.array([math.cos(bearing), math.sin(bearing)])
    aside = np.array([-away[1], away[0]])
    eye = np.array([camera.x, camera.y])
    along_sigma, aside_sigma = share * distance + 0.1, 0.04 * distance + 0.1
    covariance = np.outer(away, away) * along_sigma**2 + np.outer(aside, aside) * aside_sigma**2
    return PersonSighting(
        position_in_base=eye + away * distance, covariance=covariance, camera_in_base=eye, score=box.score
    )


class HogPersonDetector:
    """OpenCV's HOG pedestrian detector (Dalal and Triggs, CVPR 2005): the last resort where no network is at hand.

    It knows whole people only, but a visitor who follows closely is cut off by the picture's edges. So the edges are
    drawn out first: legs go on downward much as the last row shows them. On 320 x 240 pictures rendered from 1.1 m
    height it then finds 4, 8, 9, 9 and 10 of 10 people at 1.2, 1.6, 2, 2.5 and 3 m, and 0 of 10 without that up to
    1.6 m.

    Args:
        scale: pictures are resized by this first; people of 96 px and more are found then. 0.75 is for people within
            about 3 m in 240 rows, 1.5 for up to 5 m at four times the cost.
        min_score: weaker detections are left out, 0-1.
    """

    def __init__(self, *, scale: float = 0.75, min_score: float = 0.5) -> None:
        self._scale = scale
        self._min_score = min_score
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.array(cv2.HOGDescriptor.getDefaultPeopleDetector(), dtype=np.float32))

    def detect(self, image: Image) -> tuple[PersonBox, ...]:
        """See PersonDetector."""
        gray = cv2.cvtColor(np.ascontiguousarray(image.pixels), cv2.COLOR_RGB2GRAY)
        gray = cv2.resize(gray, None, fx=self._scale, fy=self._scale, interpolation=cv2.INTER_AREA)
        above, below = gray.shape[0] // 8, gray.shape[0] * 2 // 3
        gray = cv2.copyMakeBorder(gray, above, below, 0, 0, cv2.BORDER_REPLICATE)
        found, weights = self._hog.detectMultiScale(gray, winStride=(8, 8), padding=(8, 8), scale=1.1)
        boxes = []
        for (left, top, width, height), weight in zip(np.reshape(found, (-1, 4)), np.ravel(weights), strict=True):
            score = 1.0 / (1.0 + math.exp(-2.0 * float(weight)))
            if score >= self._min_score:
                # The detector's window of 64 x 128 holds a person of 96 px with a margin of 16 px around.
                boxes.append(
                    PersonBox(
                        left=float(left + width / 4) / self._scale,
                        top=float(top + height / 8 - above) / self._scale,
                        right=float(left + width * 3 / 4) / self._scale,
                        bottom=float(top + height * 7 / 8 - above) / self._scale,
                        score=score,
                    )
                )
        return suppress(boxes)


def suppress(boxes: Sequence[PersonBox], *, max_overlap: float = 0.45) -> tuple[PersonBox, ...]:
    """Return the boxes without those that overlap a better one by more than so much (intersection over union)."""
    kept: list[PersonBox] = []
    for box in sorted(boxes, key=lambda one: -one.score):
        if all(_overlap(box, other) <= max_overlap for other in kept):
            kept.append(box)
    return tuple(kept)


def _overlap(a: PersonBox, b: PersonBox) -> float:
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    if width <= 0.0 or height <= 0.0:
        return 0.0
    shared = width * height
    area = (a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top)
    return shared / (area - shared)

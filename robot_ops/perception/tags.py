"""AprilTags (family 36h11) in pictures, as poses on the floor plan of the robot.

pupil-apriltags finds the corners, IPPE (Collins and Bartoli, IJCV 2014) gives both poses that a flat square can have.
The better one is taken when its error is clearly smaller; else a tag that hangs upright decides, where the two differ
in that; else the sighting is ambiguous, and several frames or the map must tell.

Frames: pupil's corners begin bottom left and run counter-clockwise as the tag is read, with pixel centers at +0.5; this
module's are at integer coordinates, and the tag's own frame has x to its right, y up, z out of the plate.
"""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from pupil_apriltags import Detector

from robot_ops.core.poses import FloatArray, Pose
from robot_ops.core.sensors import CameraModel, Image
from robot_ops.perception.cameras import base_from_optical, camera_matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSighting:
    """A tag measured in one picture.

    Attributes:
        tag: its id.
        stamp_ns: capture instant, nanoseconds.
        pose_in_base: center of the tag in base_link; yaw is the direction into its plate, so a robot that faces it
            squarely sees it at yaw 0.
        height: of the center above the floor, meters.
        is_ambiguous: `other_in_base` is as likely.
        other_in_base: the mirrored solution.
    """

    tag: int
    stamp_ns: int
    pose_in_base: Pose
    height: float
    is_ambiguous: bool
    other_in_base: Pose


_MIN_ERROR_RATIO: Final = 2.0  # of the two solutions' reprojection errors
_UPRIGHT: Final = 0.12  # sine of the tilt (7 degrees) by which two solutions must differ to be told by it
_MAX_HAMMING: Final = 1  # repaired bits; with 2 of 36h11's 11 false tags appear in ordinary pictures
_MIN_MARGIN: Final = 20.0  # of pupil's decision margin


class _LastingDetector(Detector):  # type: ignore[misc]  # the library is not typed
    """A detector that is never destroyed: the library's destructor now and then crashes the process."""

    def __del__(self) -> None:
        """Leave the memory to the end of the process; a process needs one detector per camera."""


class TagDetector:
    """Measures the tags in pictures of one camera; made once per camera and kept, for its memory is never given back.

    Args:
        camera: intrinsics and place of the camera.
        size: edge of the tags' black square, meters.
        decimate: pictures are searched at 1 / decimate of their size; 2 for 640 x 480 and more.
    """

    def __init__(self, camera: CameraModel, *, size: float, decimate: float = 1.0) -> None:
        if not size > 0.0:
            raise ValueError(f"size must be greater than 0 m, not {size}")
        self._camera = camera
        self._matrix = camera_matrix(camera)
        self._rotation = base_from_optical(camera)
        self._eye = np.array([camera.x, camera.y, camera.z])
        half = size / 2.0
        # The order that cv2.SOLVEPNP_IPPE_SQUARE demands: top left, top right, bottom right, bottom left.
        self._corners = np.array([[-half, half, 0.0], [half, half, 0.0], [half, -half, 0.0], [-half, -half, 0.0]])
        self._detector = _LastingDetector(families="tag36h11", nthreads=1, quad_decimate=decimate)

    def detect(self, image: Image) -> tuple[TagSighting, ...]:
        """Return the tags in a picture, in order of their ids.

        Raises:
            ValueError: the picture's size is not the camera's.
        """
        if image.pixels.shape[:2] != (self._camera.height_px, self._camera.width_px):
            raise ValueError(
                f"the picture is {image.pixels.shape[1]} x {image.pixels.shape[0]} px, "
                f"the camera has {self._camera.width_px} x {self._camera.height_px}"
            )
        gray = cv2.cvtColor(np.ascontiguousarray(image.pixels), cv2.COLOR_RGB2GRAY)
        sightings = [
            self._measure(found.tag_id, np.asarray(found.corners, dtype=np.float64), image.stamp_ns)
            for found in self._detector.detect(gray)
            if found.hamming <= _MAX_HAMMING and found.decision_margin >= _MIN_MARGIN
        ]
        return tuple(sorted((one for one in sightings if one is not None), key=lambda one: one.tag))

    def _measure(self, tag: int, corners: FloatArray, stamp_ns: int) -> TagSighting | None:
        pixels = corners[::-1] - 0.5
        _, rotations, translations, errors = cv2.solvePnPGeneric(
            self._corners, pixels, self._matrix, None, flags=cv2.SOLVEPNP_IPPE_SQUARE
        )
        if len(rotations) < 2 or not np.all(np.isfinite(errors)):
            return None
        first, second = (
            self._place(np.asarray(r, np.float64), np.asarray(t, np.float64))
            for r, t in zip(rotations[:2], translations[:2], strict=True)
        )
        best, worse = float(errors[0][0]), float(errors[1][0])
        is_ambiguous = worse < _MIN_ERROR_RATIO * best
        if is_ambiguous and abs(abs(first.tilt) - abs(second.tilt)) > _UPRIGHT:
            is_ambiguous = False
            if abs(second.tilt) < abs(first.tilt):
                first, second = second, first
        return TagSighting(
            tag=tag,
            stamp_ns=stamp_ns,
            pose_in_base=first.pose,
            height=first.height,
            is_ambiguous=is_ambiguous,
            other_in_base=second.pose,
        )

    def _place(self, rotation: FloatArray, translation: FloatArray) -> "_Solution":
        matrix, _ = cv2.Rodrigues(rotation)
        center = self._eye + self._rotation @ np.ravel(translation)
        into_plate = -(self._rotation @ np.asarray(matrix)[:, 2])
        return _Solution(
            pose=Pose(x=float(center[0]), y=float(center[1]), yaw=math.atan2(into_plate[1], into_plate[0])),
            height=float(center[2]),
            tilt=float(into_plate[2]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solution:
    pose: Pose
    height: float
    tilt: float

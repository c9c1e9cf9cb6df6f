"""What sensors measure, without any middleware's types."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.poses import Pose, Twist


@dataclass(frozen=True, slots=True, kw_only=True)
class Odometry:
    """Wheel odometry: pose of base_link in the robot's odom frame (drifts), and its velocity."""

    stamp_ns: int
    pose: Pose
    twist: Twist


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LaserScan:
    """A planar scan in the lidar's frame.

    Attributes:
        pose_in_base: of the lidar, in base_link.
        ranges: (N,) float32, meters; +inf nothing seen, -inf too close, NaN error (REP-117). Ray i points at
            `angle_min + i * angle_increment` radians.
    """

    stamp_ns: int
    pose_in_base: Pose
    angle_min: float
    angle_increment: float
    range_min: float
    range_max: float
    ranges: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraModel:
    """A pinhole camera without distortion and where it sits.

    Attributes:
        fx, fy, cx, cy: in pixels.
        x, y, z: optical center in base_link, meters.
        yaw, pitch: of the viewing direction in base_link, radians; pitch is positive downward.
    """

    width_px: int
    height_px: int
    fx: float
    fy: float
    cx: float
    cy: float
    x: float
    y: float
    z: float
    yaw: float
    pitch: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Image:
    """A picture; `pixels` is (H, W, 3) uint8, RGB."""

    stamp_ns: int
    pixels: NDArray[np.uint8]

"""Planar poses and twists (REP-103: meters, radians, yaw counter-clockwise from +x)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.ids import LevelId

FloatArray = NDArray[np.float64]


def wrap_angle(angle: float) -> float:
    """Return the angle in (-pi, pi]."""
    wrapped = math.remainder(angle, math.tau)
    return math.pi if wrapped == -math.pi else wrapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Position and heading in some planar frame; x, y in meters, yaw in radians."""

    x: float
    y: float
    yaw: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y) and math.isfinite(self.yaw)):
            raise ValueError(f"pose is not finite: x={self.x}, y={self.y}, yaw={self.yaw}")

    def compose(self, child: "Pose") -> "Pose":
        """Return the pose of `child`, given in this pose's frame, in this pose's parent frame."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return Pose(
            x=self.x + cos * child.x - sin * child.y,
            y=self.y + sin * child.x + cos * child.y,
            yaw=wrap_angle(self.yaw + child.yaw),
        )

    def inverse(self) -> "Pose":
        """Return the parent frame's pose as seen from this pose."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return Pose(x=-cos * self.x - sin * self.y, y=sin * self.x - cos * self.y, yaw=wrap_angle(-self.yaw))

    def transform(self, points: FloatArray) -> FloatArray:
        """Return points (N, 2), given in this pose's frame, in this pose's parent frame."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        rotation = np.array([[cos, -sin], [sin, cos]])
        return np.asarray(points @ rotation.T + np.array([self.x, self.y]), dtype=np.float64)

    def distance_to(self, other: "Pose") -> float:
        """Return the distance between the two positions in meters."""
        return math.hypot(other.x - self.x, other.y - self.y)


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPose:
    """A pose in the map frame of one level."""

    level: LevelId
    pose: Pose


@dataclass(frozen=True, slots=True, kw_only=True)
class Twist:
    """Velocity of a differential-drive base in its own frame: m/s forward and rad/s counter-clockwise."""

    linear: float = 0.0
    angular: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.linear) and math.isfinite(self.angular)):
            raise ValueError(f"twist is not finite: linear={self.linear}, angular={self.angular}")


STANDSTILL = Twist()

"""Rigid transforms in three dimensions: positions in meters, unit quaternions as (w, x, y, z)."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from robot_ops.core.poses import FloatArray, Pose, wrap_angle


@dataclass(frozen=True)
class Transform:
    """The pose of a child frame in its parent frame.

    Attributes:
        position: of the child's origin, (x, y, z) in meters.
        quaternion: (w, x, y, z), unit length.
    """

    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    quaternion: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        norm = math.sqrt(sum(q * q for q in self.quaternion))
        if not math.isfinite(norm) or norm < 1e-9 or not all(math.isfinite(p) for p in self.position):
            raise ValueError(f"no rigid transform: {self.position}, {self.quaternion}")
        if abs(norm - 1.0) > 1e-12:
            w, x, y, z = (q / norm for q in self.quaternion)
            object.__setattr__(self, "quaternion", (w, x, y, z))

    @classmethod
    def from_rpy(cls, x: float, y: float, z: float, roll: float, pitch: float, yaw: float) -> Self:
        """Return the transform of an SDF pose: fixed-axis roll, pitch, yaw in radians."""
        cr, sr = math.cos(roll / 2), math.sin(roll / 2)
        cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
        cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
        return cls(
            (x, y, z),
            (
                cr * cp * cy + sr * sp * sy,
                sr * cp * cy - cr * sp * sy,
                cr * sp * cy + sr * cp * sy,
                cr * cp * sy - sr * sp * cy,
            ),
        )

    @classmethod
    def from_axis_angle(cls, axis: tuple[float, float, float], angle: float) -> Self:
        """Return the rotation about a unit axis by an angle in radians."""
        s = math.sin(angle / 2)
        return cls((0.0, 0.0, 0.0), (math.cos(angle / 2), axis[0] * s, axis[1] * s, axis[2] * s))

    @classmethod
    def from_planar(cls, pose: Pose, z: float = 0.0) -> Self:
        """Return a planar pose lifted to height z."""
        return cls.from_rpy(pose.x, pose.y, z, 0.0, 0.0, pose.yaw)

    @cached_property
    def rotation(self) -> FloatArray:
        """Return the rotation matrix, (3, 3)."""
        w, x, y, z = self.quaternion
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
            ]
        )

    @property
    def yaw(self) -> float:
        """Return the heading of the child's x axis in the parent's xy plane, in radians."""
        return wrap_angle(math.atan2(self.rotation[1, 0], self.rotation[0, 0]))

    @property
    def pitch(self) -> float:
        """Return by how much the child's x axis points down, in radians."""
        return math.asin(max(-1.0, min(1.0, -float(self.rotation[2, 0]))))

    def compose(self, child: "Transform") -> "Transform":
        """Return the pose of `child`, given in this frame, in this frame's parent."""
        w1, x1, y1, z1 = self.quaternion
        w2, x2, y2, z2 = child.quaternion
        x, y, z = self.apply(child.position)
        return Transform(
            (x, y, z),
            (
                w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
                w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
                w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
                w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
            ),
        )

    def apply(self, point: tuple[float, float, float]) -> tuple[float, float, float]:
        """Return a point of this frame in this frame's parent."""
        x, y, z = (float(v) for v in self.rotation @ np.asarray(point))
        return (x + self.position[0], y + self.position[1], z + self.position[2])

    def rotate(self, vector: tuple[float, float, float]) -> tuple[float, float, float]:
        """Return a direction of this frame in this frame's parent."""
        x, y, z = (float(v) for v in self.rotation @ np.asarray(vector))
        return (x, y, z)

    def inverse(self) -> "Transform":
        """Return the parent's pose in this frame."""
        w, x, y, z = self.quaternion
        back = Transform((0.0, 0.0, 0.0), (w, -x, -y, -z))
        px, py, pz = back.rotate(self.position)
        return Transform((-px, -py, -pz), back.quaternion)


IDENTITY = Transform()

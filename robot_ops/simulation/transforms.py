"""Rigid transforms in three dimensions: positions in meters, unit quaternions as (w, x, y, z)."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from transforms3d.euler import euler2quat
from transforms3d.quaternions import axangle2quat, qconjugate, qmult, quat2mat

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
        return cls((x, y, z), _quaternion(euler2quat(roll, pitch, yaw, axes="sxyz")))

    @classmethod
    def from_axis_angle(cls, axis: tuple[float, float, float], angle: float) -> Self:
        """Return the rotation about a unit axis by an angle in radians."""
        return cls((0.0, 0.0, 0.0), _quaternion(axangle2quat(axis, angle, is_normalized=True)))

    @classmethod
    def from_planar(cls, pose: Pose, z: float = 0.0) -> Self:
        """Return a planar pose lifted to height z."""
        return cls.from_rpy(pose.x, pose.y, z, 0.0, 0.0, pose.yaw)

    @cached_property
    def rotation(self) -> FloatArray:
        """Return the rotation matrix, (3, 3)."""
        return np.asarray(quat2mat(self.quaternion), dtype=np.float64)

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
        return Transform(self.apply(child.position), _quaternion(qmult(self.quaternion, child.quaternion)))

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
        back = Transform((0.0, 0.0, 0.0), _quaternion(qconjugate(self.quaternion)))
        px, py, pz = back.rotate(self.position)
        return Transform((-px, -py, -pz), back.quaternion)


def _quaternion(wxyz: FloatArray) -> tuple[float, float, float, float]:
    w, x, y, z = (float(q) for q in wxyz)
    return (w, x, y, z)


IDENTITY = Transform()

"""Geometry of a pinhole camera on a robot (base_link: x ahead, y left, z up; REP-103)."""

import math

import numpy as np

from robot_ops.core.poses import FloatArray
from robot_ops.core.sensors import CameraModel


def base_from_optical(camera: CameraModel) -> FloatArray:
    """Return the rotation (3, 3) from the optical frame (x right, y down, z ahead) to base_link."""
    cos_yaw, sin_yaw = math.cos(camera.yaw), math.sin(camera.yaw)
    cos_pitch, sin_pitch = math.cos(camera.pitch), math.sin(camera.pitch)
    ahead = np.array([cos_pitch * cos_yaw, cos_pitch * sin_yaw, -sin_pitch])
    right = np.array([sin_yaw, -cos_yaw, 0.0])
    return np.column_stack((right, np.cross(ahead, right), ahead))


def camera_matrix(camera: CameraModel) -> FloatArray:
    """Return the matrix (3, 3) of the pinhole; integer coordinates are pixel centers."""
    return np.array([[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]])


def ray_in_base(camera: CameraModel, u: float, v: float) -> FloatArray:
    """Return the unit direction (3,) in base_link of the pixel at (u, v)."""
    ray = base_from_optical(camera) @ np.array([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, 1.0])
    return np.asarray(ray / np.linalg.norm(ray), dtype=np.float64)

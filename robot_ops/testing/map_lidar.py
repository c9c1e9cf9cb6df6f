"""A lidar in the world that a map shows."""

import math

import numpy as np

from robot_ops.core.poses import FloatArray, Pose
from robot_ops.navigation.grid import LevelMap


def map_ranges(level_map: LevelMap, pose: Pose, *, count: int = 360, range_max: float = 12.0) -> FloatArray:
    """Return (count,) distances around a pose to what the map shows, inf beyond `range_max` (sphere tracing)."""
    angles = pose.yaw + np.arange(count) * (math.tau / count)
    direction = np.column_stack((np.cos(angles), np.sin(angles)))
    distance = np.full(count, 0.05)
    for _ in range(300):
        points = np.array([pose.x, pose.y]) + distance[:, np.newaxis] * direction
        room, _, _ = level_map.distances_and_gradients(points)
        distance = np.where(room > 0.005, distance + 0.7 * room, distance)
        if (room < 0.005).all() or (distance[room > 0.005] > range_max).all():
            break
    return np.where(distance > range_max, np.inf, distance)

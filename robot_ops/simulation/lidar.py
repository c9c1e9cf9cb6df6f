"""Planar lidars by ray casting."""

from typing import Any, Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_ops.core.poses import Pose
from robot_ops.core.sensors import LaserScan
from robot_ops.simulation import sdf
from robot_ops.simulation.layout import PlacedSensor
from robot_ops.simulation.scene import GROUP_MASKED, GROUP_PEOPLE, GROUP_ROBOTS, GROUP_SOLID

_NOISE: Final = 0.01  # m, standard deviation where the model file sets none
_SEEN: Final = np.isin(np.arange(6), [GROUP_SOLID, GROUP_PEOPLE, GROUP_ROBOTS]).astype(np.uint8)


class RayLidar:
    """One robot's lidar.

    Args:
        sensor: with a lidar as its device.
        own_geoms: the robot's own collision shapes, which it does not see.
    """

    def __init__(self, sensor: PlacedSensor, lidar: sdf.Lidar, own_geoms: NDArray[np.int32]) -> None:
        self._lidar = lidar
        self._own_geoms = own_geoms
        x, y, self.height = sensor.pose_in_base.position
        self.pose_in_base = Pose(x=x, y=y, yaw=sensor.pose_in_base.yaw)
        self._increment = (lidar.max_angle - lidar.min_angle) / (lidar.samples - 1)
        self._angles = lidar.min_angle + np.arange(lidar.samples) * self._increment
        self._hits = np.empty(lidar.samples, dtype=np.int32)
        self._distances = np.empty(lidar.samples)

    def scan(
        self, model: Any, data: Any, base: Pose, floor: float, rng: np.random.Generator, stamp_ns: int
    ) -> LaserScan:
        """Return what the lidar sees from a base pose in the world.

        Args:
            model: MuJoCo's, whose geom groups are changed during the call.
            data: with current kinematics.
            base: pose of base_link.
            floor: height that the robot stands at, in meters.
            rng: for the noise.
            stamp_ns: instant of the scan.
        """
        at = base.compose(self.pose_in_base)
        angles = self._angles + at.yaw
        rays = np.zeros((self._lidar.samples, 3))
        np.cos(angles, out=rays[:, 0])
        np.sin(angles, out=rays[:, 1])
        origin = np.array([at.x, at.y, floor + self.height])
        groups = model.geom_group[self._own_geoms].copy()
        model.geom_group[self._own_geoms] = GROUP_MASKED
        try:
            mujoco.mj_multiRay(
                model,
                data,
                origin,
                rays.ravel(),
                _SEEN,
                True,
                -1,
                self._hits,
                self._distances,
                None,
                self._lidar.samples,
                self._lidar.range_max,
            )
        finally:
            model.geom_group[self._own_geoms] = groups
        is_seen = (self._hits >= 0) & (self._distances <= self._lidar.range_max)
        ranges = self._distances + rng.normal(0.0, self._lidar.noise or _NOISE, self._lidar.samples)
        ranges = np.where(is_seen, np.where(ranges < self._lidar.range_min, -np.inf, ranges), np.inf)
        return LaserScan(
            stamp_ns=stamp_ns,
            pose_in_base=self.pose_in_base,
            angle_min=self._lidar.min_angle,
            angle_increment=self._increment,
            range_min=self._lidar.range_min,
            range_max=self._lidar.range_max,
            ranges=ranges.astype(np.float32),
        )

"""Where the robot is on its map: odometry corrected by matching lidar scans with the map's distance field.

Each scan is matched by Gauss-Newton on the signed distances of its points, as Hector SLAM does on occupancy
(Kohlbrecher et al. 2011), with the prediction of the odometry as a prior, so that directions which the scan does not
see stay with the odometry. A correlative search over a small window (Olson 2009) starts it and finds the way back when
it is lost.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import StateError
from robot_ops.core.ids import LevelId
from robot_ops.core.poses import FloatArray, LevelPose, Pose, wrap_angle
from robot_ops.core.sensors import LaserScan, Odometry
from robot_ops.navigation.grid import LevelMap
from robot_ops.navigation.scans import hit_points


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalizationSettings:
    """How scans are matched.

    Attributes:
        max_rays: at most so many rays of a scan are used.
        min_hits: fewer hits than this say nothing.
        sigma: standard deviation of a hit's distance to the map, in meters; independent_rays: how many of a scan's rays
            count as independent, as neighbors err alike.
        inlier_distance: a hit this near to the map's surface, in meters, is explained by the map.
        min_quality: share of explained hits (0-1) below which the robot may be lost.
        lost_after: seconds below it until the robot counts as lost.
        max_std: standard deviation of the position, in meters, above which the robot is not localized.
        drift_per_meter, drift_per_radian, turn_drift_per_meter: growth of the standard deviations by driving:
            m/m, rad/rad, rad/m.
        still_period: a robot that stands is matched once in so many seconds.
    """

    max_rays: int = 180
    min_hits: int = 20
    sigma: float = 0.05
    independent_rays: float = 40.0
    inlier_distance: float = 0.15
    min_quality: float = 0.3
    lost_after: float = 3.0
    max_std: float = 0.5
    drift_per_meter: float = 0.05
    drift_per_radian: float = 0.05
    turn_drift_per_meter: float = 0.03
    still_period: float = 1.0


@dataclass(frozen=True, slots=True)
class _Window:
    """Half widths of a correlative search, in meters and radians, and its steps."""

    half: float
    step: float
    half_yaw: float
    step_yaw: float


_FIRST_WINDOW = _Window(0.6, 0.1, math.radians(16.0), math.radians(2.0))
_LOST_WINDOW = _Window(1.5, 0.15, math.radians(40.0), math.radians(4.0))
_SEARCH_RAYS = 60


class Localizer:
    """Keeps map_from_odom up to date.

    Args:
        maps: of every level the robot may be on.
    """

    def __init__(self, maps: Mapping[LevelId, LevelMap], settings: LocalizationSettings | None = None) -> None:
        self._maps = maps
        self._settings = settings or LocalizationSettings()
        self._level: LevelId | None = None
        self._map_from_odom: Pose | None = None
        self._pending: Pose | None = None
        self._odometry: deque[Odometry] = deque(maxlen=40)
        self._covariance = np.diag([0.04, 0.04, 0.01])
        self._quality = 0.0
        self._good_ns: int | None = None
        self._matched: Odometry | None = None
        self._search: _Window | None = None
        self._searched_ns: int | None = None

    @property
    def level(self) -> LevelId | None:
        """Return the level the robot is on, None before the first `set_pose`."""
        return self._level

    @property
    def map_from_odom(self) -> Pose | None:
        """Return the pose of the odom frame in the map, None before it is known."""
        return self._map_from_odom

    @property
    def pose(self) -> LevelPose | None:
        """Return the pose of base_link in the map at the latest odometry, None before it is known."""
        if self._level is None or self._map_from_odom is None or not self._odometry:
            return None
        return LevelPose(level=self._level, pose=self._map_from_odom.compose(self._odometry[-1].pose))

    @property
    def covariance(self) -> FloatArray:
        """Return the (3, 3) covariance of x, y and yaw."""
        return self._covariance.copy()

    @property
    def quality(self) -> float:
        """Return the smoothed share of hits that the map explains, 0-1."""
        return self._quality

    @property
    def is_localized(self) -> bool:
        """Return whether the pose may be driven by."""
        if self._map_from_odom is None or self._good_ns is None or not self._odometry or self._search is not None:
            return False
        if seconds_between(self._good_ns, self._odometry[-1].stamp_ns) > self._settings.lost_after:
            return False
        return float(self._covariance[0, 0] + self._covariance[1, 1]) < self._settings.max_std**2

    def set_pose(self, at: LevelPose, *, std: float = 0.2, std_yaw: float = 0.1) -> None:
        """Tell where the robot is; the next scan refines it.

        Args:
            at: pose of base_link now.
            std, std_yaw: standard deviations in meters and radians.

        Raises:
            StateError: there is no map of that level.
        """
        if at.level not in self._maps:
            raise StateError(f"there is no map of level {at.level!r}")
        self._level = at.level
        self._covariance = np.diag([std**2, std**2, std_yaw**2])
        self._pending = at.pose
        self._map_from_odom = None
        self._matched = None
        self._good_ns = None
        self._search = _FIRST_WINDOW
        self._searched_ns = None
        if self._odometry:
            self._anchor(self._odometry[-1])

    def enter_level(self, level: LevelId) -> None:
        """Switch to the map of another level, keeping x, y and yaw.

        Raises:
            StateError: there is no map of that level, or no pose yet.
        """
        if level not in self._maps:
            raise StateError(f"there is no map of level {level!r}")
        if self._level is None:
            raise StateError("the robot does not know where it is")
        self._level = level
        self._covariance = self._covariance + np.diag([0.01, 0.01, 0.0025])
        self._matched = None
        if self._odometry:
            self._good_ns = self._odometry[-1].stamp_ns

    def add_odometry(self, odometry: Odometry) -> None:
        """Take the next odometry; one that is not newer than the last is ignored."""
        if self._odometry and odometry.stamp_ns <= self._odometry[-1].stamp_ns:
            return
        self._odometry.append(odometry)
        if self._pending is not None:
            self._anchor(odometry)

    def pose_at(self, stamp_ns: int) -> Pose | None:
        """Return the pose in the map at an instant of the last two seconds, None when it is not known."""
        odometry = self.odometry_at(stamp_ns)
        if odometry is None or self._map_from_odom is None:
            return None
        return self._map_from_odom.compose(odometry)

    def odometry_at(self, stamp_ns: int) -> Pose | None:
        """Return the pose in the odom frame at an instant: between two odometries, or at most 0.2 s past them."""
        if not self._odometry:
            return None
        later: Odometry | None = None
        for odometry in reversed(self._odometry):
            if odometry.stamp_ns <= stamp_ns:
                if later is None:
                    return _extrapolated(odometry, stamp_ns)
                return _between(odometry, later, stamp_ns)
            later = odometry
        if later is not None and seconds_between(stamp_ns, later.stamp_ns) < 0.2:
            return later.pose
        return None

    def add_scan(self, scan: LaserScan) -> None:
        """Match a scan with the map and correct map_from_odom."""
        odom_pose = self.odometry_at(scan.stamp_ns)
        if odom_pose is None or self._map_from_odom is None or self._level is None:
            return
        now = Odometry(stamp_ns=scan.stamp_ns, pose=odom_pose, twist=self._odometry[-1].twist)
        if self._search is None and not self._is_due(now):
            return
        points = hit_points(scan, max_rays=self._settings.max_rays)
        predicted = self._map_from_odom.compose(odom_pose)
        self._predict(now, predicted)
        if len(points) < self._settings.min_hits:
            return
        level_map = self._maps[self._level]
        if self._search is not None:
            self._find(level_map, points, predicted, now)
            return
        estimate, covariance, quality = self._match(level_map, points, predicted, self._covariance, iterations=5)
        self._quality += 0.3 * (quality - self._quality)
        if quality >= self._settings.min_quality:
            self._good_ns = scan.stamp_ns
            self._covariance = covariance
            self._map_from_odom = estimate.compose(odom_pose.inverse())
        elif self._good_ns is None or seconds_between(self._good_ns, scan.stamp_ns) > self._settings.lost_after:
            self._search = _LOST_WINDOW

    def _anchor(self, odometry: Odometry) -> None:
        if self._pending is not None:
            self._map_from_odom = self._pending.compose(odometry.pose.inverse())
            self._pending = None

    def _is_due(self, now: Odometry) -> bool:
        last = self._matched
        if last is None or seconds_between(last.stamp_ns, now.stamp_ns) >= self._settings.still_period:
            return True
        return now.pose.distance_to(last.pose) > 0.02 or abs(wrap_angle(now.pose.yaw - last.pose.yaw)) > 0.01

    def _predict(self, now: Odometry, predicted: Pose) -> None:
        """Let the covariance grow by what was driven since the last match."""
        last, self._matched = self._matched, now
        if last is None or self._map_from_odom is None:
            return
        settings = self._settings
        moved = now.pose.distance_to(last.pose)
        turned = abs(wrap_angle(now.pose.yaw - last.pose.yaw))
        before = self._map_from_odom.compose(last.pose)
        jacobian = np.eye(3)
        jacobian[0, 2] = before.y - predicted.y
        jacobian[1, 2] = predicted.x - before.x
        # Deviations add up along the way as a random walk with steps of one meter or radian.
        noise = settings.drift_per_meter**2 * moved + 1e-7
        noise_yaw = settings.drift_per_radian**2 * turned + settings.turn_drift_per_meter**2 * moved + 1e-7
        self._covariance = jacobian @ self._covariance @ jacobian.T + np.diag([noise, noise, noise_yaw])

    def _match(
        self, level_map: LevelMap, points: FloatArray, predicted: Pose, covariance: FloatArray, *, iterations: int
    ) -> tuple[Pose, FloatArray, float]:
        """Return the pose, its covariance and the share of explained hits."""
        settings = self._settings
        prior = np.linalg.inv(covariance)
        sigma2 = settings.sigma**2 * max(1.0, len(points) / settings.independent_rays)
        start = np.array([predicted.x, predicted.y, predicted.yaw])
        state = start.copy()
        information = prior
        jacobian = np.empty((len(points), 3))
        for iteration in range(iterations):
            cos, sin = math.cos(state[2]), math.sin(state[2])
            turned = points @ np.array([[cos, sin], [-sin, cos]])
            residual, slope_x, slope_y = level_map.distances_and_gradients(turned + state[:2])
            jacobian[:, 0], jacobian[:, 1] = slope_x, slope_y
            jacobian[:, 2] = slope_y * turned[:, 0] - slope_x * turned[:, 1]
            scale = max(0.12, 0.3 * 0.7**iteration)
            weight = 1.0 / (1.0 + (residual / scale) ** 2) ** 2  # Geman-McClure
            # Rays end at surfaces that face the lidar; this tells a wall's near side from its far side.
            weight *= slope_x * turned[:, 0] + slope_y * turned[:, 1] < 0.0
            weighted = jacobian.T * (weight / sigma2)
            information = weighted @ jacobian + prior
            step = np.linalg.solve(information, weighted @ residual + prior @ (state - start))
            state -= step
            if float(np.abs(step).max()) < 5e-4:
                break
        pose = Pose(x=float(state[0]), y=float(state[1]), yaw=wrap_angle(float(state[2])))
        explained = np.abs(level_map.distances(pose.transform(points))) < settings.inlier_distance
        return pose, np.linalg.inv(information), float(explained.mean())

    def _find(self, level_map: LevelMap, points: FloatArray, predicted: Pose, now: Odometry) -> None:
        """Search for the pose around the prediction; at most twice a second, as it costs."""
        if self._searched_ns is not None and seconds_between(self._searched_ns, now.stamp_ns) < 0.5:
            return
        self._searched_ns = now.stamp_ns
        window = self._search or _LOST_WINDOW
        found = search(level_map, points, predicted, window)
        wide = np.diag([window.step**2, window.step**2, window.step_yaw**2])
        estimate, covariance, quality = self._match(level_map, points, found, wide, iterations=10)
        self._quality = quality
        if quality >= max(0.5, self._settings.min_quality) or (
            window is _FIRST_WINDOW and quality >= self._settings.min_quality
        ):
            self._search = None
            self._good_ns = now.stamp_ns
            self._covariance = covariance
            self._map_from_odom = estimate.compose(now.pose.inverse())


def search(level_map: LevelMap, points: FloatArray, around: Pose, window: _Window) -> Pose:
    """Return the pose on a lattice around another that explains the points (N, 2 in base_link) best."""
    stride = max(1, math.ceil(len(points) / _SEARCH_RAYS))
    points = points[::stride]
    offsets = np.arange(-window.half, window.half + 1e-9, window.step)
    shift_x, shift_y = (axis.ravel() for axis in np.meshgrid(offsets, offsets))
    best_score, best = -math.inf, around
    near = (0.1 / np.maximum(np.hypot(points[:, 0], points[:, 1]), 0.2))[:, np.newaxis]
    for yaw_offset in np.arange(-window.half_yaw, window.half_yaw + 1e-9, window.step_yaw):
        turned = Pose(x=around.x, y=around.y, yaw=around.yaw + float(yaw_offset)).transform(points)
        at_hits = level_map.distances(_shifted(turned, shift_x, shift_y))
        ahead_of_hits = level_map.distances(_shifted(turned - near * (turned - (around.x, around.y)), shift_x, shift_y))
        # A hit on the far side of a wall is none: just ahead of it there must be free space.
        scores = np.where(ahead_of_hits > 0.0, 1.0 / (1.0 + (at_hits / 0.15) ** 2), 0.0)
        scores = scores.reshape(len(shift_x), -1).mean(axis=1)
        # A slight pull to the prediction breaks ties in corridors.
        scores = scores - 0.003 * ((shift_x**2 + shift_y**2) / window.half**2 + (yaw_offset / window.half_yaw) ** 2)
        index = int(np.argmax(scores))
        if scores[index] > best_score:
            best_score = float(scores[index])
            best = Pose(
                x=around.x + float(shift_x[index]),
                y=around.y + float(shift_y[index]),
                yaw=wrap_angle(around.yaw + float(yaw_offset)),
            )
    return best


def _shifted(points: FloatArray, shift_x: FloatArray, shift_y: FloatArray) -> FloatArray:
    """Return all points (N, 2) moved by each of the M shifts as (M * N, 2)."""
    moved = np.empty((len(shift_x), len(points), 2))
    moved[..., 0] = shift_x[:, np.newaxis] + points[:, 0]
    moved[..., 1] = shift_y[:, np.newaxis] + points[:, 1]
    return moved.reshape(-1, 2)


def _between(earlier: Odometry, later: Odometry, stamp_ns: int) -> Pose:
    ratio = (stamp_ns - earlier.stamp_ns) / (later.stamp_ns - earlier.stamp_ns)
    return Pose(
        x=earlier.pose.x + ratio * (later.pose.x - earlier.pose.x),
        y=earlier.pose.y + ratio * (later.pose.y - earlier.pose.y),
        yaw=wrap_angle(earlier.pose.yaw + ratio * wrap_angle(later.pose.yaw - earlier.pose.yaw)),
    )


def _extrapolated(last: Odometry, stamp_ns: int) -> Pose | None:
    seconds = seconds_between(last.stamp_ns, stamp_ns)
    if seconds > 0.2:
        return None
    yaw = last.twist.angular * seconds
    step = Pose(
        x=last.twist.linear * seconds * math.cos(yaw / 2), y=last.twist.linear * seconds * math.sin(yaw / 2), yaw=yaw
    )
    return last.pose.compose(step)

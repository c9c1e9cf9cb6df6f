"""Lidar hits and the disk that a robot sweeps along an arc (base_link: x ahead, y left, meters)."""

import math
from typing import Final

import numpy as np

from robot_ops.core.poses import FloatArray, Twist
from robot_ops.core.sensors import LaserScan

_MIN_VALID_SHARE: Final = 0.5  # of a scan's rays; with fewer the lidar is taken for broken
_STEP_AHEAD: Final = 0.05  # m; how far ahead an escape must keep or gain distance
_LIDAR_NOISE: Final = 0.001  # m; a distance that shrinks by less is not shrinking


def obstacle_points(scan: LaserScan) -> FloatArray | None:
    """Return the scan's hits in base_link (N, 2), None when the scan is too broken to rely on.

    A ray that is too close (-inf, REP-117) counts as a hit at the scan's least range.
    """
    ranges = np.asarray(scan.ranges, dtype=np.float64)
    geometry = (scan.angle_min, scan.angle_increment, scan.range_min)
    if ranges.size == 0 or not all(math.isfinite(number) for number in geometry):
        return None
    is_error = np.isnan(ranges)
    if np.count_nonzero(is_error) > (1.0 - _MIN_VALID_SHARE) * ranges.size:
        return None
    is_hit = ~is_error & (ranges < np.inf)
    angles = scan.angle_min + scan.angle_increment * np.flatnonzero(is_hit)
    distances = np.maximum(ranges[is_hit], max(scan.range_min, 0.0))
    return scan.pose_in_base.transform(np.column_stack((distances * np.cos(angles), distances * np.sin(angles))))


def contact_distance(points: FloatArray, twist: Twist, radius: float) -> float:
    """Return how far a disk can drive along an arc before it touches one of the points.

    Args:
        points: (N, 2) in base_link, meters, all outside of the disk.
        twist: the arc; its linear part is not 0.
        radius: of the disk around base_link, meters.

    Returns:
        Length of the arc in meters, inf where nothing is touched within one turn.
    """
    if len(points) == 0:
        return math.inf
    linear, angular = twist.linear, twist.angular
    if abs(angular) * 1e3 < abs(linear):
        ahead, aside = points[:, 0] * math.copysign(1.0, linear), points[:, 1]
        is_hit = (np.abs(aside) < radius) & (ahead > 0.0)
        if not is_hit.any():
            return math.inf
        return float(np.min(ahead[is_hit] - np.sqrt(radius**2 - aside[is_hit] ** 2)))
    # The base circles around (0, turn); a point at distance q from there is touched where the triangle of turn, q
    # and the disk's radius closes.
    turn = linear / angular
    from_center = np.hypot(points[:, 0], points[:, 1] - turn)
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = (turn**2 + from_center**2 - radius**2) / (2.0 * abs(turn) * from_center)
    is_hit = cosine < 1.0
    if not is_hit.any():
        return math.inf
    hit = points[is_hit]
    bearing = np.arctan2(hit[:, 1] - turn, hit[:, 0]) - math.atan2(-turn, 0.0)
    travel = np.mod(bearing * math.copysign(1.0, angular), math.tau) - np.arccos(np.clip(cosine[is_hit], -1.0, 1.0))
    return max(0.0, float(np.min(travel)) * abs(turn))


def gains_distance(points: FloatArray, twist: Twist) -> bool:
    """Return whether a short move along the arc keeps or gains distance from the nearest of the points (N, 2).

    The linear part of `twist` is not 0.
    """
    length = math.copysign(_STEP_AHEAD, twist.linear)
    turned = float(np.clip(twist.angular / twist.linear * length, -math.pi, math.pi))
    step = np.array([length, 0.0])
    if abs(turned) > 1e-6:
        step = np.array([math.sin(turned), 1.0 - math.cos(turned)]) * (length / turned)
    before = np.min(np.hypot(points[:, 0], points[:, 1]))
    after = np.min(np.hypot(points[:, 0] - step[0], points[:, 1] - step[1]))
    return bool(after >= before - _LIDAR_NOISE)

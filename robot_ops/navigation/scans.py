"""Points of laser scans."""

import math

import numpy as np

from robot_ops.core.poses import FloatArray
from robot_ops.core.sensors import LaserScan


def hit_points(scan: LaserScan, *, max_rays: int | None = None, max_range: float = math.inf) -> FloatArray:
    """Return the points (N, 2), in base_link, where rays hit something within the sensor's limits.

    Args:
        max_rays: spread over the scan, at most so many rays are looked at.
        max_range: farther hits are left out, in meters.
    """
    stride = 1 if max_rays is None else max(1, math.ceil(len(scan.ranges) / max_rays))
    ranges = scan.ranges[::stride].astype(np.float64)
    # NaN and infinities (REP-117) fail these comparisons.
    is_hit = (ranges >= scan.range_min) & (ranges <= min(scan.range_max, max_range)) & np.isfinite(ranges)
    indices = np.flatnonzero(is_hit)
    angles = scan.angle_min + indices * (stride * scan.angle_increment)
    hits = ranges[indices]
    return scan.pose_in_base.transform(np.column_stack((hits * np.cos(angles), hits * np.sin(angles))))

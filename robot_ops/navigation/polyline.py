"""Polylines measured by arc length."""

import math

import numpy as np

from robot_ops.core.poses import FloatArray, wrap_angle


class Polyline:
    """A way through the plane. Consecutive vertices may coincide; there is at least one.

    Args:
        points: (N, 2) vertices in meters.
    """

    def __init__(self, points: FloatArray) -> None:
        self.points: FloatArray = np.atleast_2d(np.asarray(points, dtype=np.float64))
        if self.points.shape[0] < 1 or self.points.shape[1] != 2 or not np.isfinite(self.points).all():
            raise ValueError(f"a polyline needs finite points (N, 2), not {self.points.tolist()}")
        steps = np.diff(self.points, axis=0)
        self._lengths: FloatArray = np.hypot(steps[:, 0], steps[:, 1])
        self._steps = steps
        self.arc: FloatArray = np.concatenate(([0.0], np.cumsum(self._lengths)))

    @property
    def length(self) -> float:
        """Return the whole arc length in meters."""
        return float(self.arc[-1])

    def at(self, arc: FloatArray) -> FloatArray:
        """Return the points (N, 2) at arc lengths (N,); arc lengths outside are clamped."""
        return np.column_stack(
            (np.interp(arc, self.arc, self.points[:, 0]), np.interp(arc, self.arc, self.points[:, 1]))
        )

    def point(self, arc: float) -> tuple[float, float]:
        """Return the point at one arc length, clamped."""
        return float(np.interp(arc, self.arc, self.points[:, 0])), float(np.interp(arc, self.arc, self.points[:, 1]))

    def segment(self, arc: float) -> int:
        """Return the index of the segment that holds an arc length; the later one at a vertex."""
        index = int(np.searchsorted(self.arc, arc, side="right")) - 1
        return max(0, min(index, len(self.points) - 2))

    def heading(self, arc: float) -> float:
        """Return the direction of travel at an arc length, in radians; 0 for a single point."""
        index = self.segment(arc)
        while index > 0 and self._lengths[index] < 1e-9:
            index -= 1
        if len(self._lengths) == 0 or self._lengths[index] < 1e-9:
            return 0.0
        return math.atan2(self._steps[index, 1], self._steps[index, 0])

    def project(self, x: float, y: float, start: float, end: float) -> tuple[float, float]:
        """Return (arc length, distance in meters) of the nearest point between two arc lengths.

        Of equally near points the first counts.
        """
        start, end = max(0.0, start), min(self.length, end)
        if end <= start:
            px, py = self.point(start)
            return min(start, self.length), math.hypot(px - x, py - y)
        first, last = self.segment(start), self.segment(end)
        best_arc, best_distance = start, math.inf
        for index in range(first, last + 1):
            length = float(self._lengths[index])
            base = float(self.arc[index])
            dx, dy = x - float(self.points[index, 0]), y - float(self.points[index, 1])
            along = 0.0
            if length > 1e-9:
                along = (dx * float(self._steps[index, 0]) + dy * float(self._steps[index, 1])) / length
            along = min(max(along, start - base, 0.0), end - base, length)
            ratio = along / length if length > 1e-9 else 0.0
            distance = math.hypot(dx - ratio * float(self._steps[index, 0]), dy - ratio * float(self._steps[index, 1]))
            if distance < best_distance - 1e-6:
                best_arc, best_distance = base + along, distance
        return best_arc, best_distance

    def distances(self, points: FloatArray) -> FloatArray:
        """Return (M,) distances of points (M, 2) to the polyline, in meters."""
        if len(self._lengths) == 0:
            return np.asarray(np.hypot(*(points - self.points[0]).T), dtype=np.float64)
        best = np.full(len(points), np.inf)
        for index, length in enumerate(self._lengths):
            offset = points - self.points[index]
            if length > 1e-9:
                ratio = np.clip(offset @ self._steps[index] / length**2, 0.0, 1.0)
                offset = offset - ratio[:, np.newaxis] * self._steps[index]
            np.minimum(best, np.hypot(offset[:, 0], offset[:, 1]), out=best)
        return best

    def next_turn(self, arc: float, angle: float) -> float:
        """Return the arc length of the first vertex after `arc` that turns by more than `angle`, else the end."""
        for index in range(self.segment(arc) + 1, len(self.points) - 1):
            if self.arc[index] <= arc + 1e-6 or self._lengths[index] < 1e-9 or self._lengths[index - 1] < 1e-9:
                continue
            before = math.atan2(self._steps[index - 1, 1], self._steps[index - 1, 0])
            after = math.atan2(self._steps[index, 1], self._steps[index, 0])
            if abs(wrap_angle(after - before)) > angle:
                return float(self.arc[index])
        return self.length

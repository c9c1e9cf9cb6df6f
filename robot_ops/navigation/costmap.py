"""What is in the robot's way: the level's map and what the lidar saw lately.

The obstacle layer is sparse: one mark per 0.1 m cell that was hit and that the map does not explain, with the exact
point of its last hit. A mark goes when a ray passes through it, when it was not seen for a while, or when it is far.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.clock import to_ns
from robot_ops.core.poses import FloatArray, Pose
from robot_ops.core.sensors import LaserScan
from robot_ops.navigation.grid import FIELD_LIMIT, OCCUPIED, LevelMap, OccupancyGrid, distances_to
from robot_ops.navigation.scans import hit_points


@dataclass(frozen=True, slots=True, kw_only=True)
class CostmapSettings:
    """How the costmap remembers.

    Attributes:
        reach: marks farther from the robot than this are forgotten, in meters.
        cell: edge of the cells of marks, in meters.
        explained_distance: hits this near to something in the map belong to it, in meters.
        see_through: a ray that goes this much farther than a mark clears it, in meters.
        forget_after: a mark that no ray reached for so many seconds is forgotten.
        static_after: a mark seen for so many seconds looks static.
        same_body: a new mark this near to a static one looks static as well, in meters.
        moving_margin: what does not look static is kept off by so much more, in meters.
    """

    reach: float = 4.5
    cell: float = 0.1
    explained_distance: float = 0.15
    see_through: float = 0.15
    forget_after: float = 3.0
    static_after: float = 2.0
    same_body: float = 0.15
    moving_margin: float = 0.12


_KEY_STRIDE = 1 << 20
_OUTLINE_RESOLUTION = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Marks:
    """M marks in order of their cells' keys; `margins` is what each is kept off by beyond the usual, in meters."""

    keys: NDArray[np.int64]
    points: FloatArray
    first_ns: NDArray[np.int64]
    last_ns: NDArray[np.int64]
    is_static: NDArray[np.bool_]
    margins: FloatArray


def _no_marks() -> _Marks:
    none = np.empty(0, dtype=np.int64)
    return _Marks(
        keys=none,
        points=np.empty((0, 2)),
        first_ns=none,
        last_ns=none,
        is_static=np.empty(0, dtype=np.bool_),
        margins=np.empty(0),
    )


class LocalCostmap:
    """Obstacles around one robot, in the map frame of its level."""

    def __init__(self, level_map: LevelMap, settings: CostmapSettings | None = None) -> None:
        self._settings = settings or CostmapSettings()
        self._level_map = level_map
        self._marks = _no_marks()

    @property
    def level_map(self) -> LevelMap:
        """Return the map of the present level."""
        return self._level_map

    @property
    def obstacles(self) -> FloatArray:
        """Return (M, 2) points of what the map does not explain, map frame."""
        return self._marks.points

    def set_map(self, level_map: LevelMap) -> None:
        """Change to another level; all marks are forgotten."""
        self._level_map = level_map
        self._marks = _no_marks()

    def add_scan(self, scan: LaserScan, pose: Pose) -> None:
        """Take a scan.

        Args:
            pose: of base_link in the map when the scan was taken.
        """
        settings = self._settings
        hits = pose.transform(hit_points(scan, max_range=settings.reach))
        hits = hits[np.abs(self._level_map.distances(hits)) > settings.explained_distance]
        # Hits deep inside of what the map knows come from errors of the pose, never from something new.
        hits = hits[self._level_map.distances(hits) > 0.0]
        self._marks = self._merged(hits, scan.stamp_ns, ~self._is_outdated(scan, pose))

    def _merged(self, hits: FloatArray, stamp_ns: int, keep: NDArray[np.bool_]) -> _Marks:
        """Return the marks after hits (N, 2) at an instant; `keep` (M,) tells which of the present ones stay."""
        settings, old = self._settings, self._marks
        old_keys, old_points, is_static = old.keys[keep], old.points[keep], old.is_static[keep]
        old_first, old_last = old.first_ns[keep], old.last_ns[keep]
        keys, index = np.unique(self._keys(hits), return_index=True)
        points = hits[index]
        last = np.full(len(keys), stamp_ns, dtype=np.int64)
        first = last.copy()
        if len(keys) and is_static.any():
            # What comes into view right beside something static belongs to it.
            dx = points[:, 0, np.newaxis] - old_points[is_static, 0]
            dy = points[:, 1, np.newaxis] - old_points[is_static, 1]
            squared = dx * dx + dy * dy
            nearest = squared.argmin(axis=1)
            belongs = squared[np.arange(len(points)), nearest] < settings.same_body**2
            first[belongs] = old_first[is_static][nearest[belongs]]
        if len(old_keys):
            position = np.minimum(np.searchsorted(old_keys, keys), len(old_keys) - 1)
            is_known = old_keys[position] == keys
            first[is_known] = np.minimum(first[is_known], old_first[position[is_known]])
            unseen = np.ones(len(old_keys), dtype=np.bool_)
            unseen[position[is_known]] = False
            keys = np.concatenate((keys, old_keys[unseen]))
            order = np.argsort(keys)
            keys = keys[order]
            points = np.concatenate((points, old_points[unseen]))[order]
            first = np.concatenate((first, old_first[unseen]))[order]
            last = np.concatenate((last, old_last[unseen]))[order]
        looks_static = last - first >= to_ns(settings.static_after)
        return _Marks(
            keys=keys,
            points=points,
            first_ns=first,
            last_ns=last,
            is_static=looks_static,
            margins=np.where(looks_static, 0.0, settings.moving_margin),
        )

    def clearances(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (N,) distances of points (N, 2) to the map's surfaces and to the nearest mark, in meters.

        Marks that do not look static count as nearer by `moving_margin`. Beyond FIELD_LIMIT both distances are only
        known to be at least that.
        """
        to_map = self._level_map.distances(points)
        if not len(self._marks.points):
            return to_map, np.full(len(points), FIELD_LIMIT)
        dx = points[:, 0, np.newaxis] - self._marks.points[:, 0]
        dy = points[:, 1, np.newaxis] - self._marks.points[:, 1]
        to_marks = (np.sqrt(dx * dx + dy * dy) - self._marks.margins).min(axis=1)
        return to_map, np.minimum(to_marks, FIELD_LIMIT)

    def looks_static(self, points: FloatArray, distance: float) -> bool:
        """Return whether marks within `distance` meters of the points (N, 2) look static, at least most of them."""
        if not len(self._marks.points):
            return True
        dx = points[:, 0, np.newaxis] - self._marks.points[:, 0]
        dy = points[:, 1, np.newaxis] - self._marks.points[:, 1]
        is_near = (dx * dx + dy * dy).min(axis=0) <= distance * distance
        return not is_near.any() or float(self._marks.is_static[is_near].mean()) >= 0.6

    def grid(self, center: Pose, *, half_size: float, radius: float) -> OccupancyGrid:
        """Return the window around a pose as nav_msgs has it: 100 solid, 99 closer than `radius`, less farther off.

        Args:
            center: of the window; half_size: half of its edge, meters.
        """
        count = round(2.0 * half_size / _OUTLINE_RESOLUTION)
        origin_x = math.floor((center.x - half_size) / _OUTLINE_RESOLUTION) * _OUTLINE_RESOLUTION
        origin_y = math.floor((center.y - half_size) / _OUTLINE_RESOLUTION) * _OUTLINE_RESOLUTION
        axis = (np.arange(count) + 0.5) * _OUTLINE_RESOLUTION
        xs, ys = np.meshgrid(origin_x + axis, origin_y + axis)
        distance = self._level_map.distances(np.column_stack((xs.ravel(), ys.ravel()))).reshape(count, count)
        marked = np.zeros((count, count), dtype=np.bool_)
        columns = ((self._marks.points[:, 0] - origin_x) / _OUTLINE_RESOLUTION).astype(np.int64)
        rows = ((self._marks.points[:, 1] - origin_y) / _OUTLINE_RESOLUTION).astype(np.int64)
        is_inside = (columns >= 0) & (columns < count) & (rows >= 0) & (rows < count)
        marked[rows[is_inside], columns[is_inside]] = True
        reach = radius + 0.5
        to_marks = distances_to(marked, math.ceil(reach / _OUTLINE_RESOLUTION)) * _OUTLINE_RESOLUTION
        distance = np.minimum(distance, to_marks)
        cost = np.clip(98.0 * (1.0 - (distance - radius) / 0.5), 0.0, 98.0)
        cost[distance < radius] = 99.0
        cost[distance <= 0.0] = float(OCCUPIED)
        return OccupancyGrid(
            cells=cost.astype(np.int8), resolution=_OUTLINE_RESOLUTION, origin_x=origin_x, origin_y=origin_y
        )

    def _keys(self, points: FloatArray) -> NDArray[np.int64]:
        cells = np.floor(points / self._settings.cell).astype(np.int64)
        return np.asarray(cells[:, 1] * _KEY_STRIDE + cells[:, 0])

    def _is_outdated(self, scan: LaserScan, pose: Pose) -> NDArray[np.bool_]:
        """Return (M,) whether each mark is seen through, forgotten or far."""
        settings = self._settings
        if not len(self._marks.points):
            return np.empty(0, dtype=np.bool_)
        sensor = pose.compose(scan.pose_in_base)
        dx, dy = self._marks.points[:, 0] - sensor.x, self._marks.points[:, 1] - sensor.y
        distance = np.hypot(dx, dy)
        bearing = np.arctan2(dy, dx) - sensor.yaw - scan.angle_min
        count = len(scan.ranges)
        ray = np.rint(np.mod(bearing, math.tau) / scan.angle_increment).astype(np.int64)
        if abs(count * scan.angle_increment - math.tau) < 1.5 * abs(scan.angle_increment):
            ray %= count
        is_in_view = ray < count
        ranges = np.where(np.isnan(scan.ranges), -np.inf, scan.ranges)
        # The nearest of three rays: a mark at the edge of a body must not be cleared by the ray beside the body.
        nearest = np.minimum(np.minimum(ranges, np.roll(ranges, 1)), np.roll(ranges, -1))
        is_seen_through = is_in_view & (nearest[np.minimum(ray, count - 1)] > distance + settings.see_through)
        is_old = scan.stamp_ns - self._marks.last_ns > to_ns(settings.forget_after)
        return np.asarray(is_seen_through | is_old | (distance > settings.reach))

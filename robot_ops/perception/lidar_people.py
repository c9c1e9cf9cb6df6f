"""People's legs in laser scans: clusters of what is not on the map, joined to persons.

A lidar at 0.3 m height sees shins: one or two blobs of about 0.1 m, up to a stride apart, or one blob where a coat or a
wheelchair hides them. What is wider than a person (another robot, a trolley) is none.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.poses import FloatArray, Pose
from robot_ops.core.sensors import LaserScan

IsStatic = Callable[[FloatArray], NDArray[np.bool_]]
"""Tells which of the points (N, 2), map frame, belong to the map: (N,)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """What may be people, in the map frame.

    Attributes:
        positions: (N, 2), meters.
        sigmas: (N,), standard deviation of the positions along each axis, meters.
        scores: (N,), 0-1; how much each looks like a person.
    """

    positions: FloatArray
    sigmas: FloatArray
    scores: FloatArray

    def __len__(self) -> int:
        return len(self.positions)


NO_CANDIDATES: Final = Candidates(positions=np.empty((0, 2)), sigmas=np.empty(0), scores=np.empty(0))

_DEPTH: Final = 0.35  # of a blob's width: rays hit the front of something round, its axis is behind them
_LEAST_DEPTH: Final = 0.04  # m, for blobs of so few hits that they show no width
_GAP: Final = 0.12  # m between neighboring hits of one blob
_MAX_SKIPPED: Final = 3  # rays without a hit within one blob, and one
_MIN_WIDTH: Final = 0.02  # m, for blobs of several hits
_LEG_WIDTH: Final = 0.24  # m; a wider blob is no single leg
_BODY_WIDTH: Final = 0.56  # m; a wider blob is no person
_STRIDE: Final = 0.56  # m between the axes of one person's legs, at most
_PAIR_SCORE: Final = 0.9
_BODY_SCORE: Final = 0.7
_LEG_SCORE: Final = 0.5


def find_people(scan: LaserScan, robot_pose: Pose, is_static: IsStatic, *, max_range: float = 8.0) -> Candidates:
    """Return what may be people in a scan.

    Args:
        scan: a full or partial turn.
        robot_pose: base_link in the map frame at the scan's instant.
        is_static: tells what is on the map.
        max_range: legs are hit too rarely farther away, meters.
    """
    ranges = np.asarray(scan.ranges, dtype=np.float64)
    is_hit = np.isfinite(ranges) & (ranges >= scan.range_min) & (ranges <= min(max_range, scan.range_max))
    rays = np.flatnonzero(is_hit)
    if len(rays) == 0:
        return NO_CANDIDATES
    angles = scan.angle_min + scan.angle_increment * rays
    directions = np.column_stack((np.cos(angles), np.sin(angles)))
    map_from_lidar = robot_pose.compose(scan.pose_in_base)
    points = map_from_lidar.transform(directions * ranges[rays, np.newaxis])
    is_free = ~is_static(points)
    if not is_free.any():
        return NO_CANDIDATES
    rays, points = rays[is_free], points[is_free]
    lidar = np.array([map_from_lidar.x, map_from_lidar.y])
    is_turn = abs(scan.angle_increment) * len(ranges) > math.tau - 1.5 * abs(scan.angle_increment)
    centers, widths, distances, counts = _blobs(
        rays, points, lidar, abs(scan.angle_increment), len(ranges) if is_turn else None
    )
    # Blobs of one hit have no width; near the robot even a shin gets several, so those are noise there.
    spacing = distances * abs(scan.angle_increment)
    is_noise = (counts < 2) & (spacing < 0.04)
    is_person_like = (widths <= _BODY_WIDTH) & ~is_noise & ((counts < 2) | (widths >= _MIN_WIDTH))
    return _join(centers[is_person_like], widths[is_person_like])


def _blobs(
    rays: NDArray[np.intp], points: FloatArray, lidar: FloatArray, increment: float, turn: int | None
) -> tuple[FloatArray, FloatArray, FloatArray, NDArray[np.intp]]:
    """Return centers (N, 2), widths, distances and numbers of hits of blobs of neighboring hits.

    `turn` is the number of rays of a full turn, where the last ray's neighbor is the first; None for a sector.
    """
    after = np.roll(points, -1, axis=0)
    steps = np.hypot(*(after - points).T)
    reach = np.hypot(*(points - lidar).T)
    # Neighboring rays of one surface are a spacing apart, more where it falls away.
    allowed = _GAP + 1.5 * increment * np.minimum(reach, np.roll(reach, -1))
    skipped = np.roll(rays, -1) - rays
    skipped[-1] += turn or 0
    ends_here = (steps > allowed) | (skipped > _MAX_SKIPPED)
    if turn is None or not ends_here.any():
        ends_here[-1] = True
    elif not ends_here[-1]:
        # Somebody stands right where the turn begins: begin it behind them.
        shift = -(int(np.flatnonzero(ends_here)[0]) + 1)
        points, ends_here = np.roll(points, shift, axis=0), np.roll(ends_here, shift)
    starts = np.concatenate(([0], np.flatnonzero(ends_here)[:-1] + 1))
    counts = np.diff(np.append(starts, len(points)))
    ends = starts + counts - 1
    centers = np.add.reduceat(points, starts, axis=0) / counts[:, np.newaxis]
    widths = np.hypot(*(points[ends] - points[starts]).T)
    away = centers - lidar
    distances = np.maximum(np.hypot(away[:, 0], away[:, 1]), 1e-6)
    depths = np.maximum(_DEPTH * widths, _LEAST_DEPTH)
    centers = centers + away * (depths / distances)[:, np.newaxis]
    return centers, widths, distances, counts


def _join(centers: FloatArray, widths: FloatArray) -> Candidates:
    """Pair legs to persons, nearest first; what stays single is a weaker candidate."""
    is_leg = widths <= _LEG_WIDTH
    positions = [centers[~is_leg]]
    legs = centers[is_leg]
    scores = [np.full(len(positions[0]), _BODY_SCORE)]
    sigmas = [np.full(len(positions[0]), 0.12)]
    is_single = np.ones(len(legs), dtype=np.bool_)
    first, second = np.triu_indices(len(legs), 1)
    apart = np.hypot(*(legs[first] - legs[second]).T)
    near = np.flatnonzero(apart <= _STRIDE)
    pairs = []
    for index in near[np.argsort(apart[near], kind="stable")]:
        a, b = first[index], second[index]
        if is_single[a] and is_single[b]:
            is_single[[a, b]] = False
            pairs.append((legs[a] + legs[b]) / 2.0)
    positions += [np.array(pairs).reshape(-1, 2), legs[is_single]]
    scores += [np.full(len(pairs), _PAIR_SCORE), np.full(int(is_single.sum()), _LEG_SCORE)]
    # A lone leg is up to half a stride beside its person's middle.
    sigmas += [np.full(len(pairs), 0.08), np.full(int(is_single.sum()), 0.18)]
    return Candidates(positions=np.concatenate(positions), sigmas=np.concatenate(sigmas), scores=np.concatenate(scores))

"""How much room there is on the way ahead."""

import math
from dataclasses import dataclass

import numpy as np

from robot_ops.core.poses import FloatArray, Pose
from robot_ops.navigation.costmap import LocalCostmap
from robot_ops.navigation.navigator_state import NavigatorSettings
from robot_ops.navigation.polyline import Polyline

_SAMPLE_STEP = 0.1
_CLOSE_BY = 0.8
_AROUND = 0.4


@dataclass(frozen=True, slots=True)
class Room:
    """What is free ahead.

    Attributes:
        free: meters until the robot would come too near to something; inf when nothing is in the way.
        clearance: least free distance beside the next 0.8 m of the way, beyond footprint and margins, in meters.
        blocked_at: (1, 2) first point of the way where the robot would be too near to something.
    """

    free: float
    clearance: float
    blocked_at: FloatArray | None


def free_distances(
    costmap: LocalCostmap, settings: NavigatorSettings, points: FloatArray, here: FloatArray
) -> FloatArray:
    """Return (N,) free meters beyond footprint and margins around points (N, 2); negative where it is too narrow.

    Near to the robot at `here` (2,) what it has already got is enough, so that one which stands too close to something
    can drive away.
    """
    to_map, to_marks = costmap.clearances(np.vstack((here, points)))
    free = np.minimum(to_map - settings.map_margin, to_marks - settings.obstacle_margin) - settings.radius
    own, free = float(free[0]), free[1:]
    if own >= 0.02:
        return free
    is_near = np.hypot(points[:, 0] - here[0], points[:, 1] - here[1]) < _AROUND
    return np.where(is_near, np.maximum(free, free - own + 0.02), free)


def room_ahead(
    costmap: LocalCostmap,
    settings: NavigatorSettings,
    line: Polyline,
    pose: Pose,
    *,
    arc: float,
    carrot: float,
    stop_at: float,
) -> Room:
    """Look over the way that pursuit will take: straight to the carrot, then along the line.

    Args:
        arc, carrot, stop_at: arc lengths on the line of the robot, its carrot and where it shall stand.
    """
    end = min(arc + settings.horizon, stop_at)
    beyond = line.at(np.arange(carrot, end + 0.99 * _SAMPLE_STEP, _SAMPLE_STEP))
    reach = math.hypot(beyond[0, 0] - pose.x, beyond[0, 1] - pose.y)
    count = max(1, math.ceil(reach / _SAMPLE_STEP))
    here = np.array([pose.x, pose.y])
    straight = here + np.linspace(0.0, 1.0, count, endpoint=False)[:, np.newaxis] * (beyond[0] - here)
    samples = np.vstack((straight, beyond))
    ahead = np.concatenate((np.arange(count) * (reach / count), reach + _SAMPLE_STEP * np.arange(len(beyond))))
    free = free_distances(costmap, settings, samples, here)
    close_by = float(free[ahead < _CLOSE_BY].min())
    blocked = np.flatnonzero(free < 0.0)
    if not len(blocked):
        return Room(math.inf, close_by, None)
    first = int(blocked[0])
    return Room(float(ahead[first]), close_by, samples[first : first + 1])

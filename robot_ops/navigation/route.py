"""The commanded way of a robot: its waypoints, how far it got, and how a new way continues an old one."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.poses import FloatArray, Pose, wrap_angle
from robot_ops.navigation.polyline import Polyline

_SAME_POINT = 0.05
_LATERAL = 0.4
_REACHED = 0.25
_ASTRAY = 1.2


class Route:
    """A polyline through waypoints with the robot's progress on it.

    Args:
        lead: (K, 2) points before the first waypoint, K >= 0.
        waypoints: (N, 2), N >= 1, in meters.
        speed_limits: (N,) of the stretch that ends at each waypoint, in m/s.
        final_yaw: heading at the end in radians, None for any.
        progress: arc length where the robot is.
    """

    def __init__(
        self,
        *,
        lead: FloatArray,
        waypoints: FloatArray,
        speed_limits: FloatArray,
        final_yaw: float | None,
        progress: float,
    ) -> None:
        self.line = Polyline(np.vstack((lead.reshape(-1, 2), waypoints)))
        self.speed_limits = speed_limits
        self.final_yaw = final_yaw
        self.progress = progress
        self._first = len(lead.reshape(-1, 2))
        self.waypoint_arcs: NDArray[np.float64] = self.line.arc[self._first :]

    @property
    def passed(self) -> int:
        """Return how many waypoints the robot reached or passed; the last one never counts here."""
        reached = int(np.searchsorted(self.waypoint_arcs, self.progress + _REACHED, side="right"))
        return min(reached, len(self.waypoint_arcs) - 1)

    @property
    def remaining(self) -> float:
        """Return the way to the end in meters."""
        return max(0.0, self.line.length - self.progress)

    def speed_limit(self, arc: float) -> float:
        """Return the limit at an arc length in m/s."""
        index = int(np.searchsorted(self.waypoint_arcs, arc, side="left"))
        return float(self.speed_limits[min(index, len(self.speed_limits) - 1)])


@dataclass(frozen=True, slots=True)
class Detour:
    """A way around something: `line` leads to the end of the route.

    Attributes:
        rejoin_on_line: arc length on the line where it is back on the route; rejoin: the same on the route.
        progress: arc length of the robot on the line.
    """

    line: Polyline
    rejoin_on_line: float
    rejoin: float
    progress: float = 0.0

    @classmethod
    def of(cls, way: FloatArray, rejoin: float, route: Route) -> "Detour":
        """Return the detour that follows `way` (N, 2) to the route's arc length `rejoin` and the route from there."""
        rest = route.line.points[route.line.arc > rejoin + 1e-6]
        return cls(Polyline(np.vstack((way, rest))), Polyline(way).length, rejoin)

    def shifted(self, offset: float, route: Route) -> "Detour":
        """Return the detour for a route that continues the old one and starts at its arc length `offset`."""
        on_detour = self.line.points[self.line.arc < self.rejoin_on_line - 1e-6]
        way = np.vstack((on_detour, self.line.at(np.array([self.rejoin_on_line]))))
        return replace(Detour.of(way, self.rejoin - offset, route), progress=self.progress)


def continued(
    old: Route | None, pose: Pose, waypoints: FloatArray, speed_limits: FloatArray, final_yaw: float | None
) -> tuple[Route, float | None]:
    """Return the route for new waypoints, and by how much the old route's arc lengths exceed its own.

    Where the new way shares the stretch the robot is on with the old one, progress is kept and the second value is a
    number; else the way starts at the robot and the second value is None.

    Args:
        old: the route that the robot follows now, if any.
        pose: of the robot in the map.
        waypoints: (N, 2), N >= 1; may start with ones that the robot passed already.
    """
    nothing = np.empty((0, 2))
    if old is not None and _is_on(old, pose):
        joined = _joined(old, waypoints)
        if joined is not None:
            lead, offset = joined
            route = Route(
                lead=lead,
                waypoints=waypoints,
                speed_limits=speed_limits,
                final_yaw=final_yaw,
                progress=old.progress - offset,
            )
            return route, offset
    start = _start_on_first_stretch(pose, waypoints)
    lead = nothing if start is not None else np.array([[pose.x, pose.y]])
    route = Route(lead=lead, waypoints=waypoints, speed_limits=speed_limits, final_yaw=final_yaw, progress=start or 0.0)
    return route, None


def _is_on(route: Route, pose: Pose) -> bool:
    """Return whether the robot is still where its progress says: nobody carried it elsewhere since."""
    x, y = route.line.point(route.progress)
    return math.hypot(pose.x - x, pose.y - y) < _ASTRAY


def _joined(old: Route, waypoints: FloatArray) -> tuple[FloatArray, float] | None:
    """Return the part of the old way that leads to the new one, and the old arc length where it starts."""
    points, arc = old.line.points, old.line.arc
    if len(points) < 2:
        return None
    current = old.line.segment(old.progress)
    distances = np.hypot(points[:, 0] - waypoints[0, 0], points[:, 1] - waypoints[0, 1])
    matches = np.flatnonzero(distances < _SAME_POINT)
    ahead = matches[matches > current]
    if len(ahead):
        return points[current : int(ahead[0])], float(arc[current])
    behind = matches[matches <= current]
    if len(behind):
        # The new way starts behind: it continues the old one only if it repeats it up to the present stretch.
        first = int(behind[-1])
        shared = current + 1 - first
        if len(waypoints) > shared and np.allclose(
            waypoints[: shared + 1], points[first : current + 2], atol=_SAME_POINT
        ):
            return np.empty((0, 2)), float(arc[first])
    return None


def _start_on_first_stretch(pose: Pose, waypoints: FloatArray) -> float | None:
    """Return the arc length of a robot that stands on the new way's first stretch, else None."""
    if len(waypoints) < 2:
        return None
    line = Polyline(waypoints[:2])
    along, lateral = line.project(pose.x, pose.y, 0.0, line.length)
    if lateral > _LATERAL:
        return None
    to_first = math.hypot(pose.x - waypoints[0, 0], pose.y - waypoints[0, 1])
    is_heading_along = abs(wrap_angle(line.heading(0.0) - pose.yaw)) < math.pi / 3
    if to_first <= 2.0 * _SAME_POINT or (along > 0.0 and (to_first <= _LATERAL or is_heading_along)):
        return along
    return None

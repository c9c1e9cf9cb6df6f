"""What a robot holds of the lane graph: its route, how far it is on it and how far it is cleared.

Pure: no clock, no driving. Every change keeps these true:
- the robot holds the nodes from the last reached one through the end of its clearance, at least one;
- a clearance only ever adds to the end of what is held; only the robot itself gives nodes up, by reaching the next
  one, or by `shorten`.
"""

import itertools
import math
from typing import Final

from robot_ops.core.ids import NodeId, RouteId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.tasks.routes import Clearance, Waypoint

REACHED_RADIUS: Final = 0.3
"""m; a waypoint is reached when the robot's center is this close (see RouteProgress)."""
PASSED_RADIUS: Final = 0.8
"""m; so far beside a waypoint a robot that cuts the corner may pass it."""


class Itinerary:
    """Route, reached and cleared index.

    Args:
        waypoints: what the robot holds at first, from the node it stands on (or has left).
    """

    def __init__(self, waypoints: tuple[Waypoint, ...]) -> None:
        if not waypoints:
            raise ValueError("a robot on the lane graph holds at least one node")
        self.route_id = RouteId("")
        self.waypoints = waypoints
        self.reached = 0
        self.cleared = len(waypoints) - 1
        self.travelled = 0.0

    @property
    def held(self) -> tuple[NodeId, ...]:
        """Return the nodes from the last reached one through the end of the clearance."""
        return tuple(waypoint.node for waypoint in self.waypoints[self.reached : self.cleared + 1])

    @property
    def here(self) -> Waypoint:
        """Return the last reached waypoint."""
        return self.waypoints[self.reached]

    @property
    def last(self) -> Waypoint:
        """Return the waypoint at the end of the clearance."""
        return self.waypoints[self.cleared]

    def extend(self, clearance: Clearance) -> bool:
        """Take over a clearance that agrees with what is held; return whether anything changed.

        It agrees when its waypoints contain all held nodes in order, and it clears at least to the last of them. The
        caller has checked that it answers the present goal.
        """
        held = self.held
        nodes = [waypoint.node for waypoint in clearance.waypoints]
        start = next((i for i in range(len(nodes)) if tuple(nodes[i : i + len(held)]) == held), None)
        if start is None or clearance.cleared < start + len(held) - 1:
            return False
        before = (self.route_id, self.waypoints, self.cleared)
        self.route_id, self.waypoints, self.cleared = clearance.route_id, clearance.waypoints, clearance.cleared
        self.reached = start
        return before != (self.route_id, self.waypoints, self.cleared)

    def advance(self, at: LevelPose) -> bool:
        """Note which waypoints the robot has reached or passed; return whether it was any."""
        before = self.reached
        while self.reached < self.cleared and self._is_reached(self.reached + 1, at):
            self.reached += 1
        self.reached = self._standing_on(at)
        if self.reached > before:
            self.travelled = 0.0
        self.travelled = max(self.travelled, self._driven(at))
        return self.reached > before

    def ride(self) -> None:
        """Note that the lift has carried the robot to the next waypoint."""
        if self.reached == self.cleared or self.waypoints[self.reached + 1].lift is None:
            raise ValueError("the next waypoint is not reached by a lift")
        self.reached += 1
        self.travelled = 0.0

    def shorten(self, end: int) -> bool:
        """Give up what is held beyond the waypoint with this index; return whether that was anything."""
        if not self.reached <= end < self.cleared:
            return False
        self.cleared = end
        self.waypoints = self.waypoints[: end + 1]
        return True

    def distance_off(self, at: LevelPose) -> float:
        """Return how far the robot is from the held stretch in meters; infinite when that is on other levels."""
        held = self.waypoints[self.reached : self.cleared + 1]
        distances = [_distance(at.pose, w) for w in held if w.level == at.level]
        for start, end in itertools.pairwise(held):
            if start.level == end.level == at.level:
                along, beside = _project(at.pose, start, end)
                if 0.0 <= along <= _length(start, end):
                    distances.append(abs(beside))
        return min(distances, default=math.inf)

    def set_back(self, at: LevelPose) -> float:
        """Return how far behind where it has been on its way the robot is, in meters; somebody has moved it back.

        What lies behind it may be others' by now.
        """
        if self.reached == self.cleared or self.waypoints[self.reached + 1].lift is not None:
            return 0.0
        along, _ = _project(at.pose, self.here, self.waypoints[self.reached + 1])
        return max(self.travelled - along, 0.0) if self.here.level == at.level else 0.0

    def distance_to(self, index: int, at: LevelPose) -> float:
        """Return the way from the robot to a waypoint ahead in meters; lift rides count nothing."""
        ahead = self.waypoints[self.reached + 1 : index + 1]
        if not ahead:
            return _distance(at.pose, self.here) if at.level == self.here.level else 0.0
        first = _distance(at.pose, ahead[0]) if at.level == ahead[0].level else 0.0
        return first + sum(_length(start, end) for start, end in itertools.pairwise(ahead))

    def _standing_on(self, at: LevelPose) -> int:
        """Return the index of the cleared waypoint ahead that the robot stands on, else of the last reached one.

        A robot that drove around something may have missed the waypoints before it. Nodes lie so far apart that being
        at one tells that it came along the way, unless the way leads there twice.
        """
        index = self.reached
        seen = {self.here.node}
        for number in range(self.reached + 1, self.cleared + 1):
            waypoint = self.waypoints[number]
            if waypoint.lift is not None or waypoint.level != at.level:
                break
            if waypoint.node not in seen and _distance(at.pose, waypoint) <= REACHED_RADIUS:
                index = number
            seen.add(waypoint.node)
        return index

    def _is_reached(self, index: int, at: LevelPose) -> bool:
        waypoint, before = self.waypoints[index], self.waypoints[index - 1]
        if waypoint.lift is not None or waypoint.level != at.level:
            return False
        distance = _distance(at.pose, waypoint)
        if distance <= REACHED_RADIUS:
            return True
        if distance > PASSED_RADIUS or index == self.cleared:
            return False
        following = self.waypoints[index + 1]
        if following.level != at.level or following.lift is not None:
            return False
        along, _ = _project(at.pose, before, waypoint)
        beyond, beside = _project(at.pose, waypoint, following)
        return beyond > 0.0 and abs(beside) < distance and along > _length(before, waypoint) - PASSED_RADIUS

    def _driven(self, at: LevelPose) -> float:
        if self.reached == self.cleared:
            return 0.0
        start, end = self.here, self.waypoints[self.reached + 1]
        if end.lift is not None or start.level != at.level:
            return 0.0
        along, _ = _project(at.pose, start, end)
        return min(max(along, 0.0), _length(start, end))


def _distance(pose: Pose, waypoint: Waypoint) -> float:
    return math.hypot(pose.x - waypoint.x, pose.y - waypoint.y)


def _length(start: Waypoint, end: Waypoint) -> float:
    return math.hypot(end.x - start.x, end.y - start.y)


def _project(pose: Pose, start: Waypoint, end: Waypoint) -> tuple[float, float]:
    """Return how far along the line from start to end the position is, and how far beside it, in meters."""
    length = _length(start, end)
    if length == 0.0:
        return 0.0, _distance(pose, start)
    ux, uy = (end.x - start.x) / length, (end.y - start.y) / length
    dx, dy = pose.x - start.x, pose.y - start.y
    return dx * ux + dy * uy, dx * uy - dy * ux

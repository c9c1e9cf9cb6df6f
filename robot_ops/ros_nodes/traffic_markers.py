"""Traffic as RViz markers: lanes, itineraries, clearances, who waits for whom, who is off the lanes, rules."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from robot_ops.core.ids import LevelId, RobotId
from robot_ops.core.poses import LevelPose
from robot_ops.ros_nodes.traffic_messages import TrafficPicture
from robot_ops.site.model import Lane, RobotKind, Site, Zone
from robot_ops.tasks.routes import Waypoint
from robot_ops.traffic.waits import Wait

_Rgba = tuple[float, float, float, float]
_LANE: Final[_Rgba] = (0.55, 0.6, 0.65, 0.5)
_CLOSED: Final[_Rgba] = (0.94, 0.3, 0.32, 1.0)
_WAIT: Final[_Rgba] = (0.78, 0.6, 0.95, 1.0)
_LIMIT: Final[_Rgba] = (0.89, 0.64, 0.24, 1.0)
_NAME: Final[_Rgba] = (1.0, 1.0, 1.0, 1.0)
_KINDS: Final[Mapping[RobotKind, _Rgba]] = {
    RobotKind.GUIDE: (0.35, 0.65, 1.0, 0.9),
    RobotKind.COURIER: (0.94, 0.69, 0.29, 0.9),
}
_NAME_HEIGHT: Final = 1.6
_ARROW_HEIGHT: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """What the others keep off, around a robot that does not keep to the lanes; radius in meters."""

    at: LevelPose
    radius: float
    is_by_hand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is drawn.

    Attributes:
        poses: of the robots that wait or are waited for, and know where they are.
        circles: around the robots that do not keep to the lanes.
    """

    traffic: TrafficPicture
    poses: Mapping[RobotId, LevelPose] = field(default_factory=dict)
    circles: Mapping[RobotId, Circle] = field(default_factory=dict)


class MarkerPainter:
    """Turns scenes into markers in the frame `map`, each level at its elevation.

    A message holds all there is to see, and deletions of what the message before has shown and this one does not.

    Args:
        robots: whose names are shown, in the frames of the robots.
    """

    def __init__(self, site: Site, robots: Iterable[RobotId]) -> None:
        self._site = site
        self._numbers = {robot: number for number, robot in enumerate(robots)}
        self._shown: set[tuple[str, int]] = set()

    def paint(self, scene: Scene, stamp: Time) -> MarkerArray:
        """Return the scene as a message."""
        markers = [*self._rules(scene), *self._routes(scene), *self._waits(scene), *self._circles(scene)]
        markers += self._names()
        shown = {(marker.ns, marker.id) for marker in markers}
        for marker in markers:
            marker.header.stamp = Time() if marker.frame_locked else stamp
            marker.header.frame_id = marker.header.frame_id or "map"
        gone = [
            Marker(ns=namespace, id=number, action=Marker.DELETE) for namespace, number in sorted(self._shown - shown)
        ]
        self._shown = shown
        return MarkerArray(markers=[*gone, *markers])

    def _rules(self, scene: Scene) -> Iterator[Marker]:
        rules, site = scene.traffic.rules, self._site
        lanes = [lane for lane in site.lanes.values() if lane.id not in rules.closed_lanes]
        yield self._lines("lanes", 0, self._ends(lanes), width=0.04, color=_LANE)
        closed = [lane for lane in site.lanes.values() if lane.id in rules.closed_lanes]
        if closed:
            yield self._lines("closed_lanes", 0, self._ends(closed), width=0.15, color=_CLOSED)
        for number, zone in enumerate(site.zones.values()):
            if zone.id in rules.speed_limits:
                yield self._lines("slow_zones", number, self._outline(zone), width=0.06, color=_LIMIT)
                text = f"at most {rules.speed_limits[zone.id]:g} m/s"
                yield self._text("speed_limits", number, self._middle(zone), text, color=_LIMIT)
            if rules.is_emergency and zone.kind == "fire_lane":
                yield self._lines("fire_lanes", number, self._outline(zone), width=0.15, color=_CLOSED)

    def _routes(self, scene: Scene) -> Iterator[Marker]:
        for clearance in scene.traffic.clearances:
            number = self._numbers.get(clearance.robot)
            if number is None or len(clearance.waypoints) < 2:
                continue
            color = _KINDS[self._site.robots[clearance.robot].model.kind]
            cleared = clearance.waypoints[: clearance.cleared + 1]
            yield self._strip("itineraries", number, clearance.waypoints, width=0.05, color=color)
            if len(cleared) > 1:
                yield self._strip("clearances", number, cleared, width=0.18, color=color)

    def _waits(self, scene: Scene) -> Iterator[Marker]:
        for wait in scene.traffic.waits:
            number, at = self._numbers.get(wait.robot), scene.poses.get(wait.robot)
            if number is None or at is None:
                continue
            start = self._point(at.level, at.pose.x, at.pose.y, _ARROW_HEIGHT)
            others = [(other, scene.poses[other]) for other in wait.waits_for if other in scene.poses]
            middle = start
            for other, place in others:
                end = self._point(place.level, place.pose.x, place.pose.y, _ARROW_HEIGHT)
                arrow_number = number * len(self._numbers) + self._numbers.get(other, 0)
                yield self._arrow(arrow_number, start, end)
                middle = Point(x=(start.x + end.x) / 2, y=(start.y + end.y) / 2, z=(start.z + end.z) / 2)
            yield self._reason(number, wait, middle)

    def _reason(self, number: int, wait: Wait, at: Point) -> Marker:
        point = Point(x=at.x, y=at.y, z=at.z + 0.4)
        return self._text("wait_reasons", number, point, wait.text, color=_WAIT if wait.waits_for else _CLOSED)

    def _circles(self, scene: Scene) -> Iterator[Marker]:
        for robot, circle in scene.circles.items():
            number = self._numbers.get(robot)
            if number is None:
                continue
            pose, color = circle.at.pose, _LIMIT if circle.is_by_hand else _CLOSED
            disk = _marker("free_robots", number, Marker.CYLINDER, (*color[:3], 0.3))
            disk.scale.x = disk.scale.y = 2.0 * circle.radius
            disk.scale.z = 0.02
            disk.pose.position = self._point(circle.at.level, pose.x, pose.y, 0.03)
            yield disk
            at = self._point(circle.at.level, pose.x, pose.y - circle.radius, 0.5)
            yield self._text("free_reasons", number, at, _why_free(circle), color=color)

    def _names(self) -> Iterator[Marker]:
        for robot, number in self._numbers.items():
            marker = self._text("names", number, Point(z=_NAME_HEIGHT), robot, color=_NAME)
            marker.header.frame_id = f"{robot}/base_link"
            marker.frame_locked = True  # RViz moves it with the robot
            yield marker

    def _ends(self, lanes: Iterable[Lane]) -> Iterator[Point]:
        for lane in lanes:
            for name in (lane.start, lane.end):
                node = self._site.nodes[name]
                yield self._point(node.level, node.x, node.y, 0.02)

    def _outline(self, zone: Zone) -> Iterator[Point]:
        for start, end in itertools.pairwise([*zone.corners, zone.corners[0]]):
            yield self._point(zone.level, *start, 0.03)
            yield self._point(zone.level, *end, 0.03)

    def _middle(self, zone: Zone) -> Point:
        count = len(zone.corners)
        x, y = (sum(corner[axis] for corner in zone.corners) / count for axis in (0, 1))
        return self._point(zone.level, x, y, 0.5)

    def _point(self, level: LevelId, x: float, y: float, height: float) -> Point:
        known = self._site.levels.get(level)
        return Point(x=float(x), y=float(y), z=height + (known.elevation if known is not None else 0.0))

    def _strip(
        self, namespace: str, number: int, waypoints: Iterable[Waypoint], *, width: float, color: _Rgba
    ) -> Marker:
        marker = _marker(namespace, number, Marker.LINE_STRIP, color)
        marker.scale.x = width
        marker.points = [self._point(point.level, point.x, point.y, 0.05) for point in waypoints]
        return marker

    def _lines(self, namespace: str, number: int, points: Iterable[Point], *, width: float, color: _Rgba) -> Marker:
        marker = _marker(namespace, number, Marker.LINE_LIST, color)
        marker.scale.x = width
        marker.points = list(points)
        return marker

    def _arrow(self, number: int, start: Point, end: Point) -> Marker:
        marker = _marker("waits", number, Marker.ARROW, _WAIT)
        marker.scale.x, marker.scale.y, marker.scale.z = 0.08, 0.25, 0.4  # shaft, head, length of the head
        marker.points = [start, end]
        return marker

    def _text(self, namespace: str, number: int, at: Point, text: str, *, color: _Rgba) -> Marker:
        marker = _marker(namespace, number, Marker.TEXT_VIEW_FACING, color)
        marker.scale.z = 0.45
        marker.pose.position = at
        marker.text = text
        return marker


def _why_free(circle: Circle) -> str:
    return "driven by hand" if circle.is_by_hand else "off the lanes"


def _marker(namespace: str, number: int, kind: int, color: _Rgba) -> Marker:
    red, green, blue, alpha = color
    marker = Marker(ns=namespace, id=number, type=kind, action=Marker.ADD)
    marker.pose.orientation.w = 1.0
    marker.color = ColorRGBA(r=red, g=green, b=blue, a=alpha)
    return marker

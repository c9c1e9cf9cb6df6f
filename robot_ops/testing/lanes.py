"""Small lane graphs, and robots that drive them by clearances over a bad network; for tests of traffic control."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from robot_ops.core.clock import NS_PER_S, to_ns
from robot_ops.core.ids import LaneId, LevelId, LiftId, NodeId, PlaceId, RobotId, RouteId
from robot_ops.core.poses import LevelPose
from robot_ops.site.model import Lane, Level, Lift, Node, Place, PlaceKind, Robot, RobotKind, RobotModel, Site, Zone
from robot_ops.tasks.routes import Clearance, RouteProgress, Waypoint

RADIUS: Final = 0.35
_REPORT_SECONDS: Final = 0.5
_RIDE_SECONDS: Final = 8.0

MODEL: Final = RobotModel(
    id="courier",
    kind=RobotKind.COURIER,
    radius=RADIUS,
    max_speed=1.2,
    max_acceleration=0.8,
    max_yaw_rate=1.5,
    compartments=("compartment_1",),
    battery_wh=500.0,
    idle_w=40.0,
    drive_w=100.0,
    charge_w=300.0,
)


def lane_site(
    nodes: Mapping[str, tuple[float, float] | tuple[float, float, str]],
    lanes: Sequence[str],
    *,
    starts: Sequence[str],
    lifts: Mapping[str, Mapping[str, tuple[str, str]]] | None = None,
    zones: Sequence[Zone] = (),
    waiting: Collection[str] = (),
) -> Site:
    """Return a site with a place of the same name on every node, and robots r0, r1, ... that start on these nodes.

    Args:
        nodes: x, y in meters, and the level where it is not "ground".
        lanes: "a - b" for both directions, "a > b" for one.
        lifts: per lift and level the cabin's node and the lobby's.
        waiting: nodes whose places are waiting spots; the others are counters.
    """
    made = {
        NodeId(name): Node(id=NodeId(name), level=LevelId(at[2] if len(at) > 2 else "ground"), x=at[0], y=at[1])
        for name, at in nodes.items()
    }
    made_lanes: dict[LaneId, Lane] = {}
    for text in lanes:
        start, sign, end = text.split()
        lane = LaneId(f"{start}-{end}")
        made_lanes[lane] = Lane(id=lane, start=NodeId(start), end=NodeId(end), is_one_way=sign == ">")
    made_lifts = {
        LiftId(name): Lift(
            id=LiftId(name),
            stops={LevelId(level): NodeId(cabin) for level, (cabin, _) in levels.items()},
            lobbies={LevelId(level): NodeId(lobby) for level, (_, lobby) in levels.items()},
        )
        for name, levels in (lifts or {}).items()
    }
    places = {
        PlaceId(name): Place(
            id=PlaceId(name),
            kind=PlaceKind.WAITING if name in waiting else PlaceKind.COUNTER,
            node=NodeId(name),
            label=name,
            yaw=0.0,
        )
        for name in nodes
    }
    robots = {
        RobotId(f"r{index}"): Robot(id=RobotId(f"r{index}"), model=MODEL, charger=PlaceId(start), park=PlaceId(start))
        for index, start in enumerate(starts)
    }
    return Site(
        name="lanes",
        title="Lanes",
        world_file=None,
        levels={level: Level(id=level, elevation=0.0) for level in sorted({node.level for node in made.values()})},
        nodes=made,
        lanes=made_lanes,
        places=places,
        doors={},
        lifts=made_lifts,
        zones={zone.id: zone for zone in zones},
        robots=robots,
        staff={},
    )


@dataclass(slots=True)
class _Letter:
    due_ns: int
    deliver: Callable[[], None]


class BadNetwork:
    """Loses, delays, doubles and so reorders what is sent.

    Args:
        loss: 0-1; delay: seconds, each letter between 0 and this.
    """

    def __init__(self, rng: np.random.Generator, *, loss: float, delay: float) -> None:
        self._rng = rng
        self._loss = loss
        self._delay = delay
        self._letters: list[_Letter] = []

    def send(self, now_ns: int, deliver: Callable[[], None]) -> None:
        """Send; it arrives later, twice or never."""
        for _ in range(2 if self._rng.random() < 0.1 else 1):
            if self._rng.random() >= self._loss:
                self._letters.append(_Letter(now_ns + to_ns(float(self._rng.random()) * self._delay), deliver))

    def step(self, now_ns: int) -> None:
        """Deliver what is due."""
        due = [letter for letter in self._letters if letter.due_ns <= now_ns]
        self._letters = [letter for letter in self._letters if letter.due_ns > now_ns]
        for letter in sorted(due, key=lambda item: item.due_ns):
            letter.deliver()


class LaneRobot:
    """A robot that drives straight between the waypoints it is cleared for.

    Attributes:
        pace: m/s it drives at most just now, 0 to stand still.
        tail: meters of people who follow it where it has driven.
        by_hand: where somebody drives it instead, with the room it says that it needs (radius in meters), None for
            nobody; it holds nothing then. is_silent: its reports get lost.
    """

    def __init__(self, site: Site, robot: RobotId, start: NodeId) -> None:
        node = site.nodes[start]
        self.robot = robot
        self.pace = MODEL.max_speed
        self.tail = 0.0
        self.goal: PlaceId | None = None
        self.goal_seq = 1
        self.meters = 0.0
        self.by_hand: tuple[LevelPose, float] | None = None
        self.is_silent = False
        self._site = site
        self._cabins = {node for lift in site.lifts.values() for node in lift.stops.values()}
        self._way: tuple[Waypoint, ...] = (
            Waypoint(node=node.id, level=node.level, x=node.x, y=node.y, speed_limit=1.0),
        )
        self._route = RouteId("")
        self._reached = 0
        self._cleared = 0
        self._along = 0.0  # from the reached waypoint's center; may be negative, it counts as reached a little before
        self._ride = 0.0
        self._shift = 0  # waypoints that it keeps before the route's first
        self._trace = [(node.x, node.y)]  # where it was, the latest first
        self._heard_ns = -1
        self._sent_ns = -NS_PER_S
        self._sent: tuple[object, ...] = ()

    @property
    def held(self) -> tuple[Waypoint, ...]:
        """Return the waypoints from the last reached one through the end of its clearance."""
        return self._way[self._reached : self._cleared + 1]

    @property
    def level(self) -> LevelId:
        """Return the level it is on."""
        if self.by_hand is not None:
            return self.by_hand[0].level
        return self._way[self._reached].level

    @property
    def xy(self) -> tuple[float, float]:
        """Return its position in meters."""
        if self.by_hand is not None:
            return self.by_hand[0].pose.x, self.by_hand[0].pose.y
        index = self._reached if self._along >= 0.0 else self._reached - 1
        start = self._way[index]
        if index + 1 >= len(self._way):
            return start.x, start.y
        end = self._way[index + 1]
        length = math.hypot(end.x - start.x, end.y - start.y)
        along = self._along if self._along >= 0.0 else length + self._along
        part = along / length if length > 0.0 else 0.0
        return start.x + part * (end.x - start.x), start.y + part * (end.y - start.y)

    @property
    def has_arrived(self) -> bool:
        """Return whether it stands at its goal, or has none."""
        if self.goal is None:
            return True
        is_at_end = self._reached == self._cleared == len(self._way) - 1 and self._along >= 0.0
        return is_at_end and self._way[self._reached].node == self._site.places[self.goal].node

    @property
    def has_stopped(self) -> bool:
        """Return whether it stands on the node at the end of its clearance."""
        return self._reached == self._cleared and self._along == 0.0

    def want(self, goal: PlaceId | None, *, tail: float = 0.0) -> None:
        """Take a new goal; the followers gather around the robot first."""
        self.goal = goal
        self.goal_seq += 1
        self.tail = tail
        self._trace = [self.xy]

    def put_back(self, node: NodeId) -> None:
        """End driving by hand at a node; it holds that node and knows no route."""
        at = self._site.nodes[node]
        self.by_hand = None
        self._way = (Waypoint(node=at.id, level=at.level, x=at.x, y=at.y, speed_limit=1.0),)
        self._route, self._reached, self._cleared, self._along, self._shift = RouteId(""), 0, 0, 0.0, 0
        self._trace = [(at.x, at.y)]

    def on_clearance(self, clearance: Clearance) -> None:
        """Take a clearance over if it answers the present goal and agrees with what is held."""
        if clearance.goal_seq != self.goal_seq or clearance.stamp_ns < self._heard_ns or self.by_hand is not None:
            return
        if clearance.is_recall and self._give_back():
            self.goal_seq += 1
            return
        held = [waypoint.node for waypoint in self.held]
        nodes = [waypoint.node for waypoint in clearance.waypoints]
        start = next((k for k in range(len(nodes)) if nodes[k : k + len(held)] == held), None)
        if start is None or clearance.cleared < start + len(held) - 1:
            return
        self._heard_ns = clearance.stamp_ns
        before = self._way[: self._reached][-1:] if self._along < 0.0 and start == 0 else ()
        self._way = (*before, *clearance.waypoints)
        self._route, self._shift = clearance.route_id, len(before)
        self._reached, self._cleared = start + len(before), clearance.cleared + len(before)

    def _give_back(self) -> bool:
        end = self._reached + 1 if self._along > 0.0 else self._reached
        while end < self._cleared and self._way[end].node in self._cabins:
            end += 1
        if end >= self._cleared or self.held[0].node in self._cabins:
            return False
        self._cleared = end
        self._way = self._way[: end + 1]
        return True

    def drive(self, seconds: float) -> None:
        """Move for a while."""
        if self.by_hand is not None:
            return
        level = self.level
        self._drive(seconds)
        self._trace = [self.xy, *self._trace] if self.level == level else [self.xy]

    def _drive(self, seconds: float) -> None:
        way = self.pace * seconds
        while way > 0.0:
            if self._along < 0.0:
                step = min(way, -self._along)
                self._along, way = self._along + step, way - step
                self.meters += step
                continue
            if self._reached == self._cleared:
                return
            start, end = self._way[self._reached], self._way[self._reached + 1]
            if end.lift is not None:
                self._ride += seconds
                if self._ride < _RIDE_SECONDS:
                    return
                self._ride, self._along, way = 0.0, 0.0, 0.0
                self._reached += 1
                continue
            length = math.hypot(end.x - start.x, end.y - start.y)
            step = min(way, length - 0.3 - self._along)
            if step > 0.0:
                self._along, way = self._along + step, way - step
                self.meters += step
            if self._along >= length - 0.3 - 1e-9:
                self._reached += 1
                self._along -= length

    def report(self, now_ns: int) -> RouteProgress | None:
        """Return a report when it is due or there is news."""
        if self.is_silent:
            return None
        if self.by_hand is not None:
            return self._report_by_hand(now_ns, *self.by_hand)
        state = (self._route, self._reached, self._cleared, self.goal_seq, self.tail)
        if state == self._sent and now_ns - self._sent_ns < to_ns(_REPORT_SECONDS):
            return None
        self._sent, self._sent_ns = state, now_ns
        return RouteProgress(
            robot=self.robot,
            stamp_ns=now_ns,
            route_id=self._route,
            reached=self._reached - self._shift,
            held=tuple(waypoint.node for waypoint in self.held),
            travelled=max(self._along, 0.0) if self._reached < self._cleared else 0.0,
            goal=self.goal,
            goal_seq=self.goal_seq,
            tail=self.tail,
        )

    def _report_by_hand(self, now_ns: int, at: LevelPose, radius: float) -> RouteProgress | None:
        if now_ns - self._sent_ns < to_ns(_REPORT_SECONDS):
            return None
        self._sent, self._sent_ns = (), now_ns
        return RouteProgress(
            robot=self.robot,
            stamp_ns=now_ns,
            route_id=RouteId(""),
            reached=0,
            held=(),
            goal=self.goal,
            goal_seq=self.goal_seq,
            free=at,
            free_radius=radius,
            is_by_hand=True,
        )

    def held_shape(self) -> shapely.Geometry:
        """Return the line from the end of its tail through the end of its clearance on its level."""
        if self.by_hand is not None:
            return shapely.Point(self.xy)
        behind, length = [self.xy], 0.0
        for point in self._trace:
            length += math.dist(point, behind[-1])
            if length >= self.tail:
                break
            behind.append(point)
        self._trace = self._trace[: len(behind) + 1]
        points = behind[::-1]
        for waypoint in self.held[1 if self._along >= 0.0 else 0 :]:
            if waypoint.level != self.level:
                break
            points.append((waypoint.x, waypoint.y))
        return shapely.LineString(points) if len(set(points)) > 1 else shapely.Point(points[0])

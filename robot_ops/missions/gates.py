"""Doors and lifts on the way: what must be open before the robot may leave a waypoint.

A lane with a door: the door is open before the waypoint before it is left, and stays requested until the lane's end is
reached (and until a party behind the robot is through). A lane into or out of a cabin: the lift stands open at this
level and is held by this robot. A ride: the robot stands in the cabin, asks for the other level, and has arrived when
the lift is open there. The lift is released once the robot is outside.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from robot_ops.core.ids import DoorId, LevelId, LiftId, NodeId, RobotId
from robot_ops.core.poses import LevelPose
from robot_ops.missions.ports import Building
from robot_ops.site.model import Site
from robot_ops.tasks.routes import Waypoint

CABIN_RADIUS: Final = 1.5
"""m; a robot so close to a cabin's node may be in it, or in its door."""
LOOK_AHEAD: Final = 2
"""Lanes ahead whose doors and lifts are asked for already, so that the robot need not stop for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteState:
    """Where the robot is on its way, as the gates need it.

    Attributes:
        reached, cleared: indices into `waypoints`.
        has_left: the robot is on its way from the reached waypoint to the next.
        is_standing: the robot stands at the reached waypoint.
        travelled: meters since the reached waypoint; tail: meters of what follows the robot.
    """

    waypoints: Sequence[Waypoint]
    reached: int
    cleared: int
    has_left: bool
    is_standing: bool
    travelled: float
    tail: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What the gates allow.

    Attributes:
        end: index of the waypoint the robot may drive to without a stop.
        arrived_at: the level that the lift has carried the robot to just now, else None.
        waits_for: the door or lift that is not open yet, for people; empty for none.
    """

    end: int
    arrived_at: LevelId | None = None
    waits_for: str = ""


class Gates:
    """Requests doors and lifts through the building port and releases them again."""

    def __init__(self, *, site: Site, building: Building, robot: RobotId) -> None:
        self._building = building
        self._robot = robot
        self._cabins: dict[NodeId, LiftId] = {
            node: lift.id for lift in site.lifts.values() for node in lift.stops.values()
        }
        self._nodes = site.nodes
        self._doors: set[DoorId] = set()
        self._lifts: dict[LiftId, LevelId] = {}

    def is_cabin(self, node: NodeId) -> bool:
        """Return whether the node lies in a lift."""
        return node in self._cabins

    def update(self, state: RouteState) -> Passage:
        """Bring the requests up to date and return how far the robot may drive."""
        self._request(state)
        end, waits_for = state.reached, ""
        for index in range(state.reached + 1, state.cleared + 1):
            waypoint = state.waypoints[index]
            if waypoint.lift is not None:
                if index == state.reached + 1 and state.is_standing:
                    if self._is_lift_at(waypoint.lift, waypoint.level):
                        return Passage(end=index, arrived_at=waypoint.level)
                    waits_for = f"lift {waypoint.lift}"
                break
            is_leaving = index == state.reached + 1 and state.has_left
            closed = "" if is_leaving else self._closed(state.waypoints[index - 1], waypoint)
            if closed:
                waits_for = closed if index == state.reached + 1 else ""
                break
            end = index
        return Passage(end=end, waits_for=waits_for)

    def leave(self, at: LevelPose) -> None:
        """Give up everything that is requested, for the robot keeps to no lanes; not a lift that it is in."""
        self._apply(set(), {lift: level for lift, level in self._lifts.items() if self._is_in(lift, at)})

    def _is_in(self, lift: LiftId, at: LevelPose) -> bool:
        cabins = (self._nodes[node] for node, its_lift in self._cabins.items() if its_lift == lift)
        return any(
            node.level == at.level and math.hypot(node.x - at.pose.x, node.y - at.pose.y) <= CABIN_RADIUS
            for node in cabins
        )

    def _closed(self, before: Waypoint, waypoint: Waypoint) -> str:
        if waypoint.door is not None and not self._building.is_door_open(waypoint.door):
            return f"door {waypoint.door}"
        lift = self._cabins.get(before.node) or self._cabins.get(waypoint.node)
        if lift is not None and not self._is_lift_at(lift, waypoint.level):
            return f"lift {lift}"
        return ""

    def _is_lift_at(self, lift: LiftId, level: LevelId) -> bool:
        state = self._building.lift_state(lift)
        return state is not None and state.level == level and state.session == self._robot

    def _request(self, state: RouteState) -> None:
        doors: set[DoorId] = set()
        lifts: dict[LiftId, LevelId] = {}
        here = state.waypoints[state.reached]
        if here.door is not None and state.tail > 0.0 and state.travelled < state.tail:
            doors.add(here.door)
        for index in range(state.reached + 1, min(state.cleared, state.reached + LOOK_AHEAD) + 1):
            before, waypoint = state.waypoints[index - 1], state.waypoints[index]
            if waypoint.door is not None:
                doors.add(waypoint.door)
            if waypoint.lift is not None:
                if index == state.reached + 1 and state.is_standing:
                    lifts.setdefault(waypoint.lift, waypoint.level)
                break
            lift = self._cabins.get(before.node) or self._cabins.get(waypoint.node)
            if lift is not None:
                lifts.setdefault(lift, waypoint.level)
        cabin = self._cabins.get(here.node)
        if cabin is not None:  # inside, the hold goes on whatever comes next
            lifts.setdefault(cabin, self._lifts.get(cabin, here.level))
        self._apply(doors, lifts)

    def _apply(self, doors: set[DoorId], lifts: dict[LiftId, LevelId]) -> None:
        for door in sorted(self._doors - doors):
            self._building.release_door(door)
        for door in sorted(doors - self._doors):
            self._building.request_door(door)
        for lift in sorted(self._lifts.keys() - lifts.keys()):
            self._building.release_lift(lift)
        for lift, level in sorted(lifts.items()):
            if self._lifts.get(lift) != level:
                self._building.request_lift(lift, level)
        self._doors, self._lifts = doors, lifts

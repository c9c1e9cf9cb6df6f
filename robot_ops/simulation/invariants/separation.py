"""Robots keep apart: footprints never touch, and what two robots are cleared for never brings them to touch."""

import math
from collections.abc import Iterable

from robot_ops.core.ids import LevelId, LiftId, NodeId, RobotId
from robot_ops.core.poses import Pose
from robot_ops.simulation.invariants.base import Broken, Invariant, World
from robot_ops.simulation.invariants.geometry import Stretch, distance_of, way_of
from robot_ops.tasks.routes import RouteProgress

_TOLERANCE = 1e-6  # m
_NEAR = 10.0  # m beyond which two robots need not be compared: more than they drive between two looks at either
_BESIDE = 0.2  # m from its own way up to which a robot is taken to be on it: ways keep this margin

_ROOM = 1.5  # m, more than the radius of any robot and what it may drive before its box is made anew

Box = tuple[LevelId, float, float, float, float]
"""Level, least and greatest x, least and greatest y."""


class Footprints(Invariant):
    """The circles around two robots never overlap, except where a person pushes one of them."""

    name = "footprints"
    says = "the footprints of two robots never overlap"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.least = math.inf
        self.count = 0
        self._overlapping: set[tuple[RobotId, RobotId]] = set()
        self._seen: dict[RobotId, Pose] = {}

    def ticked(self, robot: RobotId) -> None:
        """Compare the robot with all others as they stand now, if it has moved."""
        world = self.world
        body = world.robots[robot].body
        here, level = body.position, body.level
        if self._seen.get(robot) is here or world.robots[robot].is_out:
            return
        self._seen[robot] = here
        radius = world.site.robots[robot].model.radius
        x, y = here.x, here.y
        for other, view in world.robots.items():
            there = view.body.position
            if not (-_NEAR < there.x - x < _NEAR and -_NEAR < there.y - y < _NEAR) or other == robot:
                continue
            view.advance()
            there = view.body.position
            if view.body.level != level or view.is_out:
                continue
            distance = math.hypot(there.x - here.x, there.y - here.y)
            distance -= radius + world.site.robots[other].model.radius
            if distance < self.least:
                self.least = distance
            self._note((robot, other) if robot < other else (other, robot), distance)

    def _note(self, pair: tuple[RobotId, RobotId], distance: float) -> None:
        if distance >= -_TOLERANCE:
            self._overlapping.discard(pair)
        elif pair not in self._overlapping:
            self._overlapping.add(pair)
            self.count += 1
            raise Broken(f"{pair[0]} and {pair[1]} overlap by {-distance:.2f} m")


class ClearedWays(Invariant):
    """What two robots hold of the lanes, from where they are, is farther apart than their radii; so are their lifts."""

    name = "cleared_ways"
    says = "no two robots are cleared into ways on which they would touch, nor into one lift"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._held: dict[RobotId, tuple[NodeId, ...]] = {}
        self._ahead: dict[RobotId, tuple[Stretch, ...]] = {}
        self._lifts: dict[RobotId, frozenset[LiftId]] = {}
        self._boxes: dict[RobotId, tuple[Box, ...]] = {}
        self._seen: dict[RobotId, Pose] = {}
        self._cabins = {node: lift.id for lift in world.site.lifts.values() for node in lift.stops.values()}

    def told(self, progress: RouteProgress) -> None:
        """Compare what the robot holds now with what all others hold."""
        robot, site = progress.robot, self.world.site
        self._held[robot] = progress.held
        self._ahead[robot] = way_of(site, progress.held[1:])
        self._lifts[robot] = frozenset(self._cabins[node] for node in progress.held if node in self._cabins)
        way = self._way(robot)
        self._boxes[robot] = boxes = _boxes(way)
        for other in self._held:
            if other != robot and (self._lifts[robot] & self._lifts[other] or _may_touch(boxes, self._boxes[other])):
                self._compare(robot, way, other)

    def ticked(self, robot: RobotId) -> None:
        """Compare where the robot stands with what others are cleared for, unless it is on its own way."""
        site, view = self.world.site, self.world.robots[robot]
        at, level = view.body.position, view.body.level
        if view.is_out:
            self._held.pop(robot, None)
            return
        if self._seen.get(robot) is at or view.is_by_hand:
            return
        self._seen[robot] = at
        if distance_of(self._way(robot), level, at.x, at.y) <= _BESIDE:
            return  # the ways have been compared
        radius = site.robots[robot].model.radius
        for other in self._held:
            room = radius + site.robots[other].model.radius
            if other != robot and distance_of(self._way(other), level, at.x, at.y) < room - _TOLERANCE:
                raise Broken(f"{other} is cleared into a way on which {robot} stands")

    def _compare(self, robot: RobotId, way: Iterable[Stretch], other: RobotId) -> None:
        site = self.world.site
        lifts = self._lifts[robot] & self._lifts[other]
        if lifts:
            raise Broken(f"{robot} and {other} are both cleared into lift {min(lifts)}")
        room = site.robots[robot].model.radius + site.robots[other].model.radius
        theirs = self._way(other)
        for mine in way:
            for their in theirs:
                if mine.is_far(their, room) or mine.distance_between(their) >= room - _TOLERANCE:
                    continue
                raise Broken(
                    f"{robot} ({' '.join(self._held[robot])}) and {other} ({' '.join(self._held[other])}) are cleared "
                    f"into ways {mine.distance_between(their):.2f} m apart, less than {room:.2f} m"
                )

    def _way(self, robot: RobotId) -> tuple[Stretch, ...]:
        """Return what is ahead of the robot: from where it is to the first node it has not reached, and on."""
        held = self._held[robot]
        if not held:
            return ()
        view = self.world.robots[robot]
        if view.is_by_hand:
            return self._ahead[robot]  # where a person has driven it is not where it was cleared
        view.advance()
        level, at = view.body.level, view.body.position
        end = self.world.site.nodes[held[1] if len(held) > 1 else held[0]]
        if end.level != level:
            return self._ahead[robot]
        return (Stretch(level, at.x, at.y, end.x, end.y), *self._ahead[robot])


def _boxes(way: Iterable[Stretch]) -> tuple[Box, ...]:
    """Return a box around all of the way on each level, with a robot's room around it."""
    boxes: dict[LevelId, Box] = {}
    for each in way:
        _, left, right, low, high = boxes.get(each.level, (each.level, math.inf, -math.inf, math.inf, -math.inf))
        boxes[each.level] = (
            each.level,
            min(left, each.x1 - _ROOM, each.x2 - _ROOM),
            max(right, each.x1 + _ROOM, each.x2 + _ROOM),
            min(low, each.y1 - _ROOM, each.y2 - _ROOM),
            max(high, each.y1 + _ROOM, each.y2 + _ROOM),
        )
    return tuple(boxes.values())


def _may_touch(some: Iterable[Box], others: Iterable[Box]) -> bool:
    for level, left, right, low, high in some:
        for other, its_left, its_right, its_low, its_high in others:
            is_beside = left <= its_right and its_left <= right
            if is_beside and low <= its_high and its_low <= high and level == other:
                return True
    return False

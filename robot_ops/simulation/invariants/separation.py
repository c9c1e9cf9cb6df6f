"""Robots keep apart: footprints never touch, and what two robots are cleared for never brings them to touch."""

import math
from collections.abc import Iterable

from robot_ops.core.ids import LiftId, NodeId, RobotId
from robot_ops.simulation.invariants.base import Broken, Invariant, World
from robot_ops.simulation.invariants.geometry import Stretch, distance_of, way_of
from robot_ops.tasks.routes import RouteProgress

_TOLERANCE = 1e-6  # m


class Footprints(Invariant):
    """The circles around two robots never overlap, except where a person pushes one of them."""

    name = "footprints"
    says = "the footprints of two robots never overlap"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.least = math.inf
        self.count = 0
        self._overlapping: set[tuple[RobotId, RobotId]] = set()

    def ticked(self, robot: RobotId) -> None:
        """Compare the robot with all others as they stand now."""
        world = self.world
        mine = world.robots[robot]
        at, radius = mine.body.true_pose, world.site.robots[robot].model.radius
        for other, view in world.robots.items():
            if other == robot:
                continue
            view.advance()
            there = view.body.true_pose
            if there.level != at.level:
                continue
            distance = math.hypot(there.pose.x - at.pose.x, there.pose.y - at.pose.y)
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
        self._cabins = {node: lift.id for lift in world.site.lifts.values() for node in lift.stops.values()}

    def told(self, progress: RouteProgress) -> None:
        """Compare what the robot holds now with what all others hold."""
        robot, site = progress.robot, self.world.site
        self._held[robot] = progress.held
        self._ahead[robot] = way_of(site, progress.held[1:])
        self._lifts[robot] = frozenset(self._cabins[node] for node in progress.held if node in self._cabins)
        way = self._way(robot)
        for other in self._held:
            if other != robot:
                self._compare(robot, way, other)

    def ticked(self, robot: RobotId) -> None:
        """Compare where the robot stands with what others are cleared for."""
        site, view = self.world.site, self.world.robots[robot]
        if view.is_by_hand:
            return
        at, radius = view.body.true_pose, site.robots[robot].model.radius
        for other in self._held:
            if other == robot or self.world.robots[other].body.true_pose.level != at.level:
                continue
            room = radius + site.robots[other].model.radius
            if distance_of(self._way(other), at.level, at.pose.x, at.pose.y) < room - _TOLERANCE:
                raise Broken(f"{other} is cleared into a way on which {robot} stands")

    def _compare(self, robot: RobotId, way: Iterable[Stretch], other: RobotId) -> None:
        site = self.world.site
        lifts = self._lifts[robot] & self._lifts[other]
        if lifts:
            raise Broken(f"{robot} and {other} are both cleared into lift {min(lifts)}")
        room = site.robots[robot].model.radius + site.robots[other].model.radius
        for mine in way:
            for their in self._way(other):
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
        self.world.robots[robot].advance()
        at = self.world.robots[robot].body.true_pose
        end = self.world.site.nodes[held[1] if len(held) > 1 else held[0]]
        if end.level != at.level:
            return self._ahead[robot]
        return (Stretch(at.level, at.pose.x, at.pose.y, end.x, end.y), *self._ahead[robot])

"""Many robots for a long time under every kind of trouble: they never meet, and all get where they want to."""

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely

from robot_ops.core.ids import LaneId, PlaceId, RobotId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.site.model import Site
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.testing.lane_world import LaneWorld, Trouble
from robot_ops.testing.lanes import LaneRobot, lane_site

PATIENCE = 400.0
"""Seconds in which everybody must reach a goal once trouble and new goals cease."""


def corridor_with_bays() -> Site:
    nodes = {f"c{i}": (3.0 * i, 0.0) for i in range(8)} | {"b2": (6.0, 2.0), "b5": (15.0, 2.0), "b6": (18.0, -2.0)}
    lanes = [f"c{i} - c{i + 1}" for i in range(7)] + ["c2 - b2", "c5 - b5", "c6 - b6"]
    return lane_site(nodes, lanes, starts=["c0", "c7", "b2"])


def one_way_ring_with_spurs() -> Site:
    turns = [i * math.tau / 8 for i in range(8)]
    nodes = {f"o{i}": (8 * math.cos(a), 8 * math.sin(a)) for i, a in enumerate(turns)}
    nodes |= {f"s{i}": (11 * math.cos(a), 11 * math.sin(a)) for i, a in enumerate(turns)}
    lanes = [f"o{i} > o{(i + 1) % 8}" for i in range(8)] + [f"o{i} - s{i}" for i in range(8)]
    return lane_site(nodes, lanes, starts=["s0", "s1", "s2", "s3"])


def grid() -> Site:
    nodes = {f"n{x}{y}": (2.5 * x, 2.5 * y) for x in range(5) for y in range(4)}
    lanes = [f"n{x}{y} - n{x + 1}{y}" for x in range(4) for y in range(4)]
    lanes += [f"n{x}{y} - n{x}{y + 1}" for x in range(5) for y in range(3)]
    return lane_site(nodes, lanes, starts=["n00", "n03", "n12", "n21", "n30", "n43"])


def two_levels() -> Site:
    nodes: dict[str, tuple[float, float] | tuple[float, float, str]] = {}
    lanes = []
    for level in "ab":
        nodes |= {f"{level}lobby": (0.0, 0.0, level), f"{level}cabin": (-2.0, 0.0, level)}
        nodes |= {f"{level}{i}": (2.5 * (i + 1), 0.0, level) for i in range(4)}
        nodes |= {f"{level}s{i}": (2.5 * (i + 1), 2.5, level) for i in range(4)}
        lanes += [f"{level}lobby - {level}cabin", f"{level}lobby - {level}0"]
        lanes += [f"{level}{i} - {level}{i + 1}" for i in range(3)] + [f"{level}{i} - {level}s{i}" for i in range(4)]
    lifts = {"lift": {level: (f"{level}cabin", f"{level}lobby") for level in "ab"}}
    return lane_site(nodes, lanes, starts=["as0", "bs1", "as2"], lifts=lifts)


SITES = {site.__name__: site for site in (corridor_with_bays, one_way_ring_with_spurs, grid, two_levels)}


def dead_ends(site: Site) -> list[PlaceId]:
    """Return places where robots are in nobody's way."""
    ends = [node for lane in site.lanes.values() for node in (lane.start, lane.end)]
    cabins = {node for lift in site.lifts.values() for node in lift.stops.values()}
    return [p.id for p in site.places.values() if ends.count(p.node) == 1 and p.node not in cabins]


@pytest.mark.parametrize("tails", [(0.0,), (0.0, 1.5)], ids=["alone", "parties"])
@pytest.mark.parametrize("name", SITES)
def test_fleet_under_trouble(name: str, tails: tuple[float, ...]):
    site = SITES[name]()
    cabins = {node for lift in site.lifts.values() for node in lift.stops.values()}
    goals = [PlaceId(place.id) for place in site.places.values() if place.node not in cabins]
    world = LaneWorld(site, seed=len(name) + len(tails), trouble=Trouble(tails=tails))
    while world.seconds < 300.0:
        world.roam(goals)
        world.run(1.0)
    free = iter([*dead_ends(site), *goals])
    for robot in world.robots.values():
        robot.want(next(free))
    robots = world.robots.values()
    is_done = world.run(PATIENCE, until=lambda: all(robot.has_arrived for robot in robots))
    assert is_done, world.control.waits()


class Operators:
    """Closes lanes, calls emergencies and drives robots by hand, at random but with care."""

    def __init__(self, world: LaneWorld, site: Site, seed: int) -> None:
        self.world = world
        self.site = site
        self.rng = np.random.default_rng(seed)
        self.until: dict[RobotId, float] = {}

    def act(self) -> None:
        draw, rules = self.rng.random(), self.world.control.rules
        if draw < 0.02:
            lanes = self.rng.choice(list(self.site.lanes), size=2)
            self.world.control.set_rules(replace(rules, closed_lanes=frozenset(map(LaneId, lanes))))
        elif draw < 0.04:
            self.world.control.set_rules(replace(rules, closed_lanes=frozenset()))
        elif draw < 0.05:
            self.world.control.set_rules(replace(rules, is_emergency=not rules.is_emergency))
        elif draw < 0.06 and not self.until:
            self.take(self.world.robots[self.rng.choice(sorted(self.world.robots))])
        for robot in list(self.until):
            self.drive(self.world.robots[robot])

    def finish(self) -> None:
        self.world.control.set_rules(TrafficRules())
        for robot in self.until:
            self.until[robot] = min(self.until[robot], self.world.seconds)
        while self.until:
            self.act_by_hand()
            self.world.run(0.5)

    def act_by_hand(self) -> None:
        for robot in list(self.until):
            self.drive(self.world.robots[robot])

    def take(self, robot: LaneRobot) -> None:
        """Take over a robot that stands at a node outside of a lift."""
        cabins = {node for lift in self.site.lifts.values() for node in lift.stops.values()}
        if len(robot.held) == 1 and robot.held[0].node not in cabins and robot.has_stopped:
            self.home = robot.held[0].node
            robot.tail = 0.0
            self.place(robot, *robot.xy)
            self.until[robot.robot] = self.world.seconds + 20.0

    def drive(self, robot: LaneRobot) -> None:
        """Wander about, keeping away from what others may drive; go home in the end and stay there a while."""
        x, y = robot.xy
        rest = self.until[robot.robot] - self.world.seconds
        at = self.site.nodes[self.home]
        if rest > 0.0:
            dx, dy = self.rng.uniform(-0.15, 0.15, 2)
        else:
            far = max(math.dist((x, y), (at.x, at.y)), 1e-9)
            dx, dy = (at.x - x) * min(1.0, 0.15 / far), (at.y - y) * min(1.0, 0.15 / far)
        spot = shapely.Point(x + dx, y + dy)
        others = [r for r in self.world.robots.values() if r is not robot and r.level == robot.level]
        if all(other.held_shape().distance(spot) > 0.9 for other in others):
            self.place(robot, x + dx, y + dy)
        is_home = math.dist(robot.xy, (at.x, at.y)) < 1e-6
        if not is_home:
            self.until[robot.robot] = max(self.until[robot.robot], self.world.seconds - 8.0)
        elif rest < -20.0:
            robot.put_back(self.home)
            del self.until[robot.robot]

    def place(self, robot: LaneRobot, x: float, y: float) -> None:
        robot.by_hand = (LevelPose(level=robot.level, pose=Pose(x=x, y=y)), 0.6)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", SITES)
def test_fleet_under_rules_and_driven_by_hand(name: str, seed: int):
    site = SITES[name]()
    cabins = {node for lift in site.lifts.values() for node in lift.stops.values()}
    goals = [PlaceId(place.id) for place in site.places.values() if place.node not in cabins]
    world = LaneWorld(site, seed=seed, trouble=Trouble(tails=(0.0, 1.5), loss=0.1))
    operators = Operators(world, site, seed)
    while world.seconds < 300.0:
        world.roam(goals)
        operators.act()
        world.run(1.0)
    operators.finish()
    free = iter([*dead_ends(site), *goals])
    for robot in world.robots.values():
        robot.want(next(free))
    robots = world.robots.values()
    is_done = world.run(PATIENCE, until=lambda: all(robot.has_arrived for robot in robots))
    assert is_done, world.control.explain()
    assert world.arrivals > 0

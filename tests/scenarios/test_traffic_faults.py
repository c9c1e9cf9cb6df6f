"""Many robots for a long time under every kind of trouble: they never meet, and all get where they want to."""

import math

import pytest

from robot_ops.core.ids import PlaceId
from robot_ops.site.model import Site
from robot_ops.testing.lane_world import LaneWorld, Trouble
from robot_ops.testing.lanes import lane_site

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
    free = iter([goal for goal in goals if "s" in goal or "b" in goal] + list(goals))
    for robot in world.robots.values():
        robot.want(next(free))
    robots = world.robots.values()
    is_done = world.run(PATIENCE, until=lambda: all(robot.has_arrived for robot in robots))
    assert is_done, world.control.waits()

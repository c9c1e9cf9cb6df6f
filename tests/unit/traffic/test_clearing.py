"""Clearing looks only at robots that are near, and clears the same as if it looked at all."""

import pytest

from robot_ops.testing.lane_world import LaneWorld, Trouble
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic import clearing


@pytest.mark.parametrize("tails", [(0.0,), (0.0, 2.0)])
def test_looking_at_robots_nearby_is_enough(monkeypatch, tails):
    def positions() -> list[tuple[float, float]]:
        nodes = {f"n{x}{y}": (1.5 * x, 2.0 * y) for x in range(7) for y in range(4)}
        lanes = [f"n{x}{y} - n{x + 1}{y}" for x in range(6) for y in range(4)]
        lanes += [f"n{x}{y} - n{x}{y + 1}" for x in range(0, 7, 2) for y in range(3)]
        site = lane_site(nodes, lanes, starts=["n00", "n20", "n40", "n02", "n22", "n42"])
        world = LaneWorld(site, seed=3, trouble=Trouble(tails=tails))
        seen = []
        while world.seconds < 60.0:
            world.roam([place.id for place in site.places.values()])
            world.run(1.0)
            seen += [robot.xy for robot in world.robots.values()]
        assert world.arrivals > 0
        return seen

    def near_all(users: clearing._Users, _zone: object) -> list[str]:
        return sorted(set().union(*users._at.values()))

    looked_nearby = positions()
    monkeypatch.setattr(clearing._Users, "near", near_all)
    assert positions() == looked_nearby

"""Generated cases are what they claim to be, and the same for the same seed."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.benchmarks import generated
from robot_ops.benchmarks.grids import steps_to
from robot_ops.core.errors import ParameterError
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph

SEEDS = st.integers(0, 10_000)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_an_airport_is_like_the_known_one(seed: int) -> None:
    site = generated.airport_site(seed)
    assert site == generated.airport_site(seed)
    assert (len(site.nodes), len(site.lanes)) == (126, 139)
    ends = Counter(node for lane in site.lanes.values() for node in (lane.start, lane.end))
    assert Counter(ends.values()) == {1: 36, 2: 36, 3: 46, 4: 8}
    graph = LaneGraph(site)
    conflicts = ConflictMap(graph)
    for cell in range(len(graph.nodes)):
        for other in conflicts.of[cell] - {cell}:
            assert other >= len(graph.nodes), "nodes stand apart"
            lane = graph.lanes[other - len(graph.nodes)]
            assert graph.nodes[cell] in (lane.start, lane.end), "only a node's own lanes are near it"


@pytest.mark.parametrize(("bays", "robots"), [(1, 2), (3, 4), (3, 6)])
def test_a_corridor_has_one_lane_and_bays(bays: int, robots: int) -> None:
    site = generated.corridor_site(bays=bays, robots=robots)
    assert len(site.robots) == robots
    assert len(site.lanes) == len(site.nodes) - 1
    goals = generated.corridor_goals(site)
    assert len(set(goals)) == robots
    ConflictMap(LaneGraph(site))


@pytest.mark.parametrize(("bays", "robots"), [(0, 4), (2, 3), (2, 0)])
def test_a_corridor_that_cannot_be_is_told(bays: int, robots: int) -> None:
    with pytest.raises(ParameterError):
        generated.corridor_site(bays=bays, robots=robots)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 60))
def test_pairs_stand_apart(seed: int, robots: int) -> None:
    site = generated.airport_site(seed % 5)
    for make in (generated.lane_pairs, generated.crossing_pairs):
        count = min(robots, 24) if make is generated.crossing_pairs else robots
        for nodes in make(site, count, seed, clearance=0.9):
            assert len(nodes) == count
            spots = [(site.nodes[node].x, site.nodes[node].y) for node in nodes]
            assert all(math.dist(a, b) >= 0.9 for i, a in enumerate(spots) for b in spots[:i])


def test_too_many_robots_are_told() -> None:
    with pytest.raises(ParameterError, match="do not fit"):
        generated.lane_pairs(generated.airport_site(1), 127, 0, clearance=0.9)
    with pytest.raises(ParameterError, match="do not fit"):
        generated.grid_case("", np.ones((2, 2), dtype=np.bool_), 5, 0)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_a_random_grid_is_connected(seed: int) -> None:
    is_free = generated.random_grid(seed)
    row, column = np.argwhere(is_free)[0].tolist()
    assert ((steps_to(is_free, (row, column)) >= 0) == is_free).all()
    case = generated.grid_case("", is_free, 100, seed)
    assert len({tuple(at) for at in case.starts.tolist()}) == 100
    assert len({tuple(at) for at in case.goals.tolist()}) == 100


def test_the_warehouse_is_the_benchmarks() -> None:
    is_free = generated.warehouse_grid()
    assert is_free.shape == (63, 161)
    assert is_free.sum() == 5699

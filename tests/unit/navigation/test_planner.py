import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from robot_ops.core.poses import FloatArray
from robot_ops.navigation.planner import DetourSettings, plan_detour
from robot_ops.navigation.polyline import Polyline

LANE = Polyline(np.array([[0.0, 0.0], [5.0, 0.0]]))


def around(discs: FloatArray, radius: float = 0.35):
    def free(points: FloatArray) -> FloatArray:
        distance = np.hypot(points[:, :1] - discs[:, 0], points[:, 1:] - discs[:, 1]) - discs[:, 2]
        return distance.min(axis=1) - radius

    return free


@given(st.lists(st.tuples(st.floats(1.0, 4.0), st.floats(-1.2, 1.2), st.floats(0.05, 0.25)), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_detours_are_free_and_stay_in_the_corridor(discs: list[tuple[float, float, float]]) -> None:
    free = around(np.array(discs))
    assume(free(np.array([[0.0, 0.0], [5.0, 0.0]])).min() > 0.1)
    way = plan_detour((0.0, 0.0), LANE, free)
    if way is None:
        return
    line = Polyline(way)
    samples = line.at(np.arange(0.0, line.length, 0.02))
    assert free(samples).min() > -0.05
    assert LANE.distances(samples).max() <= 0.7 + 0.2
    assert way[0].tolist() == [0.0, 0.0]
    assert way[-1].tolist() == [5.0, 0.0]


def test_a_free_lane_is_a_straight_line() -> None:
    way = plan_detour((0.0, 0.0), LANE, around(np.array([[2.0, 9.0, 0.2]])))
    assert way is not None
    assert way.tolist() == [[0.0, 0.0], [5.0, 0.0]]


def test_the_shorter_side_is_taken() -> None:
    way = plan_detour((0.0, 0.0), LANE, around(np.array([[2.5, 0.15, 0.2]])))
    assert way is not None
    assert way[:, 1].min() < -0.3
    assert way[:, 1].max() < 0.1


@pytest.mark.parametrize("discs", [[[2.5, 0.0, 0.6]], [[5.0, 0.0, 0.1]], [[2.5, -0.5, 0.2], [2.5, 0.5, 0.2]]])
def test_what_fills_the_corridor_or_the_goal_has_no_way_around(discs: list[list[float]]) -> None:
    assert plan_detour((0.0, 0.0), LANE, around(np.array(discs)), DetourSettings(corridor=0.7)) is None


def test_a_bent_lane_is_followed_in_its_corridor() -> None:
    lane = Polyline(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]]))
    way = plan_detour((0.0, 0.0), lane, around(np.array([[2.9, 1.2, 0.2]])))
    assert way is not None
    assert lane.distances(Polyline(way).at(np.linspace(0, 8, 100))).max() < 0.75
    assert math.dist(way[-1], (3.0, 3.0)) == 0.0

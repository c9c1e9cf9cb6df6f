import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.navigation.polyline import Polyline

coordinates = st.floats(-20, 20, allow_nan=False)
lines = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8).map(
    lambda points: Polyline(np.array(points))
)


@given(lines, st.floats(0, 1))
@settings(deadline=None)
def test_a_point_on_the_line_projects_onto_itself(line: Polyline, ratio: float) -> None:
    x, y = line.point(ratio * line.length)
    arc, distance = line.project(x, y, 0.0, line.length)
    assert distance == pytest.approx(0.0, abs=1e-5)
    assert 0.0 <= arc <= line.length + 1e-9
    assert math.dist(line.point(arc), (x, y)) < 1e-5


@given(lines, coordinates, coordinates)
@settings(deadline=None)
def test_projection_is_the_nearest_point(line: Polyline, x: float, y: float) -> None:
    _, distance = line.project(x, y, 0.0, line.length)
    assert distance == pytest.approx(float(line.distances(np.array([[x, y]]))[0]), abs=1e-5)


@given(lines, st.floats(0, 1), st.floats(0, 1), coordinates, coordinates)
@settings(deadline=None)
def test_projection_stays_in_its_window(line: Polyline, a: float, b: float, x: float, y: float) -> None:
    start, end = sorted((a * line.length, b * line.length))
    arc, _ = line.project(x, y, start, end)
    assert start - 1e-6 <= arc <= end + 1e-6


def test_turns_and_headings() -> None:
    line = Polyline(np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [2.0, 2.0], [2.0, 1.0]]))
    assert line.length == 5.0
    assert line.heading(1.0) == 0.0
    assert line.heading(3.0) == pytest.approx(math.pi / 2)
    assert line.next_turn(0.0, 1.0) == 2.0
    assert line.next_turn(2.1, 1.0) == 5.0


def test_wrong_points_are_refused() -> None:
    with pytest.raises(ValueError, match="polyline"):
        Polyline(np.array([[np.nan, 0.0]]))

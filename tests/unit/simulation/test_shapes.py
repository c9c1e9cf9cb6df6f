import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.simulation import sdf
from robot_ops.simulation.shapes import convex_hull, height_range, section
from robot_ops.simulation.transforms import Transform


def area(outline: np.ndarray) -> float:
    x, y = outline.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def test_sections_of_simple_shapes() -> None:
    box = sdf.Box(size=(2.0, 1.0, 1.0))
    turned = Transform.from_rpy(3, 4, 0.5, 0, 0, 0.7)
    assert area(section(box, turned, 0.3)) == pytest.approx(2.0)
    assert not len(section(box, turned, 1.1))
    cylinder = sdf.Cylinder(radius=0.5, length=2.0)
    assert area(section(cylinder, Transform(), 0.3)) == pytest.approx(math.pi / 4, rel=0.02)
    assert not len(section(sdf.Plane(normal=(0.0, 0.0, 1.0), size=(1.0, 1.0)), Transform(), 0.0))


def test_height_of_a_lying_cylinder_is_its_diameter() -> None:
    low, high = height_range(sdf.Cylinder(radius=0.1, length=2.0), Transform.from_rpy(0, 0, 1, math.pi / 2, 0, 0))
    assert (low, high) == (pytest.approx(0.9, abs=0.01), pytest.approx(1.1, abs=0.01))


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=3, max_size=30))
def test_hull_is_counter_clockwise_and_holds_all_points(points: list[tuple[float, float]]) -> None:
    cloud = np.array(points)
    hull = convex_hull(cloud)
    if len(hull) < 3:
        return
    assert area(hull) >= 0
    edges = np.roll(hull, -1, axis=0) - hull
    for point in cloud:
        offsets = point - hull
        cross = edges[:, 0] * offsets[:, 1] - edges[:, 1] * offsets[:, 0]
        assert (cross > -1e-6).all()

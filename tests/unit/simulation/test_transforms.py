import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.poses import Pose
from robot_ops.simulation.transforms import IDENTITY, Transform

_length = st.floats(-100, 100)
_angle = st.floats(-math.pi, math.pi)
transforms = st.builds(Transform.from_rpy, _length, _length, _length, _angle, _angle, _angle)


@given(transforms)
def test_inverse_undoes(transform: Transform) -> None:
    back = transform.compose(transform.inverse())
    np.testing.assert_allclose(back.position, IDENTITY.position, atol=1e-9)
    assert abs(back.quaternion[0]) > 1 - 1e-12


@given(transforms, transforms, transforms)
def test_composition_is_associative(a: Transform, b: Transform, c: Transform) -> None:
    left, right = a.compose(b).compose(c), a.compose(b.compose(c))
    np.testing.assert_allclose(left.position, right.position, atol=1e-9)
    assert abs(np.dot(left.quaternion, right.quaternion)) > 1 - 1e-9


@given(_length, _length, _angle, _length, _length, _angle)
def test_agrees_with_planar_poses(x: float, y: float, yaw: float, u: float, v: float, turn: float) -> None:
    parent, child = Pose(x=x, y=y, yaw=yaw), Pose(x=u, y=v, yaw=turn)
    planar = parent.compose(child)
    spatial = Transform.from_planar(parent).compose(Transform.from_planar(child))
    np.testing.assert_allclose(spatial.position, (planar.x, planar.y, 0.0), atol=1e-9)
    assert abs(math.remainder(spatial.yaw - planar.yaw, math.tau)) < 1e-9


def test_pitch_is_positive_downward() -> None:
    assert Transform.from_rpy(0, 0, 0, 0, 0.3, 1.0).pitch == pytest.approx(0.3)

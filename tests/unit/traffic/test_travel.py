import math

import pytest

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import NodeId
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.graph import LANE_SECONDS
from robot_ops.traffic.travel import TravelTimes

A, B, C, D = (NodeId(name) for name in "abcd")


@pytest.fixture
def times() -> TravelTimes:
    nodes = {"a": (0.0, 0.0), "b": (4.0, 0.0), "c": (4.0, 3.0), "d": (20.0, 20.0)}
    return TravelTimes(lane_site(nodes, ["a - b", "b - c", "c > a"], starts=["a"]))


def test_distance_follows_the_lanes(times: TravelTimes):
    assert times.meters(A, C) == pytest.approx(7.0)
    assert times.meters(C, A) == pytest.approx(5.0)
    assert times.meters(A, A) == 0.0
    assert times.meters(A, D) == math.inf


def test_time_depends_on_the_slower_of_lane_and_robot(times: TravelTimes):
    assert times.seconds(A, B, 0.5) == pytest.approx(8.0 + LANE_SECONDS)
    assert times.seconds(A, B, 2.0) == pytest.approx(4.0 + LANE_SECONDS)
    assert times.seconds(A, D, 1.0) == math.inf


def test_wrong_questions_are_refused(times: TravelTimes):
    with pytest.raises(RequestError, match="no node 'x'"):
        times.meters(A, NodeId("x"))
    with pytest.raises(RequestError, match="0 m/s"):
        times.seconds(A, B, 0.0)
    with pytest.raises(RequestError, match="nan m/s"):
        times.seconds(A, B, math.nan)

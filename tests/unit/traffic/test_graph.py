import math

import pytest

from robot_ops.core.errors import SiteError
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.graph import LIFT_SECONDS, LaneGraph


def test_arcs_of_lanes_and_lifts():
    nodes = {"a": (0.0, 0.0), "b": (3.0, 4.0), "c": (3.0, 4.0, "upper"), "d": (9.0, 4.0, "upper")}
    lifts = {"lift": {"ground": ("b", "a"), "upper": ("c", "d")}}
    graph = LaneGraph(lane_site(nodes, ["a > b", "c - d"], starts=["a"], lifts=lifts))
    ab, bc = graph.arc(0, 1), graph.arc(1, 2)
    assert ab is not None
    assert ab.length == 5.0
    assert graph.arc(1, 0) is None
    assert bc is not None
    assert bc.lift == "lift"
    assert bc.seconds(1.0) == LIFT_SECONDS
    assert graph.arcs_along([0, 1, 2, 3]) is not None
    assert graph.arcs_along([0, 2]) is None
    assert graph.cabins == {1, 2}


@pytest.mark.parametrize(
    ("nodes", "lane", "text"),
    [
        ({"a": (0.0, 0.0), "b": (0.0, 0.0)}, "a - b", "lanes.a-b: the lane has no length"),
        ({"a": (0.0, 0.0), "b": (1.0, 0.0)}, "a - c", "lanes.a-c: there is no node 'c'"),
        ({"a": (0.0, 0.0), "b": (math.nan, 0.0)}, "a - b", "nodes.b: the position is not a number"),
        ({"a": (0.0, 0.0), "b": (1.0, 0.0, "upper")}, "a - b", "lanes.a-b: the lane joins two levels"),
    ],
)
def test_broken_lanes_are_named(nodes, lane, text):
    with pytest.raises(SiteError, match=text):
        LaneGraph(lane_site(nodes, [lane], starts=["a"]))

import math

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph

coordinate = st.integers(-30, 30).map(lambda tenth: tenth / 10)
point = st.tuples(coordinate, coordinate)


def conflict_map(nodes, lanes, **more) -> tuple[LaneGraph, ConflictMap]:
    graph = LaneGraph(lane_site(nodes, lanes, starts=[next(iter(nodes))], **more))
    return graph, ConflictMap(graph)


@settings(max_examples=60, deadline=None)
@given(st.lists(point, min_size=4, max_size=4, unique=True))
def test_exits_agree_with_sampled_geometry(points):
    nodes = dict(zip("abcd", points, strict=True))
    graph, conflicts = conflict_map(nodes, ["a - b", "c - d"])
    lane, other = graph.lane_cell0, graph.lane_cell0 + 1
    line = shapely.LineString([nodes["c"], nodes["d"]])
    start, end = np.array(nodes["a"]), np.array(nodes["b"])
    for arc, first, last in ((graph.arc(0, 1), start, end), (graph.arc(1, 0), end, start)):
        assert arc is not None
        samples = np.linspace(0.0, 1.0, 401)
        distances = shapely.distance(shapely.points(first + samples[:, None] * (last - first)), line)
        near = samples[distances < conflicts.distance - 1e-6] * arc.length
        expected = near.max() if len(near) else 0.0
        found = conflicts.exit(arc, other)
        assert expected - 1e-6 <= found <= expected + arc.length / 200 + 0.02
    assert (other in conflicts.of[lane]) == (lane in conflicts.of[other])


def test_cells_close_to_each_other_conflict():
    nodes = {"a": (0.0, 0.0), "b": (4.0, 0.0), "c": (0.0, 0.8), "d": (4.0, 1.2), "e": (2.0, 0.85), "f": (2.0, 4.0)}
    graph, conflicts = conflict_map(nodes, ["a - b", "c - d", "e - f"])
    ab, cd = graph.lane_cell0, graph.lane_cell0 + 1
    assert cd in conflicts.of[ab]
    assert graph.number["e"] in conflicts.of[ab]
    assert graph.number["f"] not in conflicts.of[ab]
    assert graph.number["d"] not in conflicts.of[graph.number["b"]]
    assert graph.number["c"] in conflicts.of[graph.number["a"]]


def test_levels_do_not_conflict_but_a_lift_is_one_room():
    nodes = {f"{level}{i}": (3.0 * i, 0.0, level) for level in "ab" for i in range(3)}
    lanes = [f"{level}{i} - {level}{i + 1}" for level in "ab" for i in range(2)]
    graph, conflicts = conflict_map(nodes, lanes, lifts={"lift": {"a": ("a0", "a1"), "b": ("b0", "b1")}})
    cabin, other_cabin, lobby = graph.number["a0"], graph.number["b0"], graph.number["b1"]
    assert other_cabin in conflicts.of[cabin]
    assert graph.lift_cell0 in conflicts.of[cabin]
    assert graph.lane_cell0 + 2 in conflicts.of[cabin]  # the lane into the cabin on the other level
    assert lobby not in conflicts.of[cabin]
    assert graph.number["b2"] not in conflicts.of[graph.number["a2"]]


def test_a_robot_that_was_set_down_too_close_may_leave():
    nodes = {"a": (0.0, 0.0), "b": (0.5, 0.0), "c": (-3.0, 0.0)}
    graph, conflicts = conflict_map(nodes, ["a - c", "a - b"])
    away, closer = graph.arc(0, 2), graph.arc(0, 1)
    assert away is not None
    assert closer is not None
    assert not conflicts.is_blocked(away, graph.number["b"])
    assert conflicts.is_blocked(closer, graph.number["b"])
    assert math.isclose(conflicts.distance, 0.9)

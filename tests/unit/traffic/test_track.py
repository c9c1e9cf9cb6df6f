"""What traffic makes of reports that come late, doubled, in another order or from a robot that began anew."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import NodeId, PlaceId, RobotId, RouteId
from robot_ops.tasks.routes import RouteProgress
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.track import SILENT_SECONDS, Track

NODES = {f"n{i}": (3.0 * i, 0.0) for i in range(6)}


@pytest.fixture
def graph() -> LaneGraph:
    return LaneGraph(lane_site(NODES, [f"n{i} - n{i + 1}" for i in range(5)], starts=["n0"]))


def report(stamp: float, held: str, *, route: str = "", reached: int = 0, goal_seq: int = 1, **more) -> RouteProgress:
    return RouteProgress(
        robot=RobotId("r0"),
        stamp_ns=to_ns(stamp),
        route_id=RouteId(route),
        reached=reached,
        held=tuple(NodeId(f"n{digit}") for digit in held),
        goal=PlaceId("n5"),
        goal_seq=goal_seq,
        **more,
    )


def drive_to(graph: LaneGraph, track: Track, *nodes: int) -> str:
    """Clear the nodes and return the route's id."""
    for node in nodes:
        arc = graph.arc(track.node, node)
        assert arc is not None
        track.clear(arc)
    return track.plan([], 0).id


def test_reports_move_it_along_its_path(graph: LaneGraph):
    track = Track(graph, report(0, "0"))
    route = drive_to(graph, track, 1, 2, 3)
    assert track.update(report(1, "012", route=route, travelled=2.0)) == []
    assert (track.reached, track.travelled, track.node) == (0, 2.0, 3)
    assert track.update(report(2, "123", route=route, reached=1)) == []
    assert track.reached == 1


def test_a_report_about_an_older_route_still_tells_where_it_is(graph: LaneGraph):
    track = Track(graph, report(0, "0"))
    first = drive_to(graph, track, 1, 2)
    track.update(report(1, "12", route=first, reached=1))
    arc = graph.arc(2, 3)
    assert arc is not None
    second = track.plan([arc], 5).id
    assert second != first
    assert track.update(report(2, "2", route=first, reached=2)) == []
    assert track.reached == 2
    assert track.update(report(3, "2", route=second, reached=1)) == []
    assert track.reached == 2


def test_what_a_robot_with_a_new_goal_does_not_hold_comes_back(graph: LaneGraph):
    track = Track(graph, report(0, "0"))
    route = drive_to(graph, track, 1, 2, 3)
    assert track.update(report(1, "01", route=route)) == []  # the clearance may still be on its way
    assert track.node == 3
    surplus = track.update(report(2, "01", route=route, goal_seq=2))
    assert surplus is not None
    assert [graph.nodes[move.arc.end] for move in surplus] == ["n2", "n3"]
    assert track.node == 1


def test_a_robot_that_began_anew_is_believed(graph: LaneGraph):
    track = Track(graph, report(0, "0"))
    route = drive_to(graph, track, 1, 2)
    track.update(report(1, "12", route=route, reached=1))
    assert track.update(report(2, "4")) is None
    assert (track.path, track.lost) == ([4], "")
    assert track.update(report(3, "")) is None
    assert track.lost == "does not know where on the lanes it is"


def test_no_node_twice_on_the_cleared_part_of_a_route(graph: LaneGraph):
    track = Track(graph, report(0, "0"))
    route = drive_to(graph, track, 1)
    track.update(report(1, "1", route=route, reached=1))
    back = drive_to(graph, track, 0)
    assert back != route
    plan = track.plan([], 0)
    assert plan.nodes == (1, 0)


def test_its_body_tells_when_it_will_be_where(graph: LaneGraph):
    track = Track(graph, report(0, "0"))
    drive_to(graph, track, 1, 2)
    body = track.body(to_ns(1), 5, is_staying=False)
    assert (body.node, body.goal, body.is_firm) == (2, 5, False)
    assert body.ready == pytest.approx(6.0 + 0.8)
    late = track.body(to_ns(SILENT_SECONDS + 1), 5, is_staying=False)
    assert late.is_firm
    assert {0, 1} <= late.fixed
    assert track.body(to_ns(1), 2, is_staying=True).is_firm


def test_a_lane_is_free_as_soon_as_the_robot_and_its_party_are_past(graph: LaneGraph):
    nodes = NODES | {"s1": (3.0, 3.0), "s0": (0.0, 3.0)}
    graph = LaneGraph(lane_site(nodes, [*[f"n{i} - n{i + 1}" for i in range(5)], "n1 - s1", "n0 - s0"], starts=["n0"]))
    conflicts = ConflictMap(graph)
    crossing = graph.arc(graph.number["s1"], graph.number["n1"])
    assert crossing is not None

    def is_near(travelled: float, tail: float, now: float = 10.0) -> bool:
        track = Track(graph, report(0, "0"))
        route = drive_to(graph, track, 1, 2)
        track.update(report(1, "12", route=route, reached=1, travelled=travelled, tail=tail))
        return track.is_near(crossing, conflicts, to_ns(now))

    assert is_near(0.0, 0.0)
    assert is_near(0.8, 0.0)
    assert not is_near(1.1, 0.0)
    assert is_near(1.1, 1.5)
    assert not is_near(2.9, 1.5)


@given(st.lists(st.sampled_from(["clear", "drive", "reach", "goal", "tail", "again", "again"]), max_size=30))
def test_a_repeated_report_changes_nothing_but_its_stamp(acts: list[str]):
    graph = LaneGraph(lane_site(NODES, [f"n{i} - n{i + 1}" for i in range(5)], starts=["n0"]))
    last = report(0, "0")
    quick, plain = Track(graph, last), Track(graph, last)
    for stamp, act in enumerate(acts, start=1):
        if act == "clear" and plain.node < 5:
            drive_to(graph, quick, plain.node + 1)
            route = drive_to(graph, plain, plain.node + 1)
            at = plain.reached - (plain.route.first if plain.route else 0)
            held = tuple(graph.nodes[node] for node in plain.held_nodes())
            changed = replace(last, route_id=RouteId(route), reached=at, held=held)
        elif act == "drive" and len(last.held) > 1:
            changed = replace(last, travelled=min(last.travelled + 1.0, 2.5))
        elif act == "reach" and len(last.held) > 1:
            changed = replace(last, travelled=0.0, reached=last.reached + 1, held=last.held[1:])
        elif act == "goal":
            changed = replace(last, goal_seq=last.goal_seq + 1, held=last.held[:1], travelled=0.0)
        elif act == "tail":
            changed = replace(last, tail=1.2 - last.tail)
        else:
            changed = last
        last = replace(changed, stamp_ns=to_ns(stamp))
        if not quick.take_repeated(last):
            quick.update(last)
        plain.update(last)
        assert _state(quick) == _state(plain)


def _state(track: Track) -> tuple[object, ...]:
    whole = (track.path, track.reached, track.travelled, track.tail, track.goal, track.goal_seq, track.goal_stamp_ns)
    times = (track.stamp_ns, track.moved_ns, track.waited_ns, track.reached_ns)
    return (*whole, *times, track.lost, track.loose, track.route, track.body(track.stamp_ns, 5, is_staying=False).trail)

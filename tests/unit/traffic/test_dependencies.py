"""The dependency graph: whatever is turned, its orders can be driven, and nothing that is done is turned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.ids import RobotId
from robot_ops.testing.lanes import lane_site
from robot_ops.testing.reference_timed import Timetable
from robot_ops.traffic.array_graph import of_grid
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.dependencies import DependencyGraph, MoveOrder, walks_of_bodies, walks_of_order
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.lane_tables import LaneTables
from robot_ops.traffic.schedule import Body, Move, fault

SPEED = 1.0


def jittered_grid(seed: int, width: int = 5, height: int = 4) -> tuple[LaneGraph, ConflictMap]:
    rng = np.random.default_rng(seed)
    at = {f"n{x}{y}": (3.0 * x + rng.uniform(-0.8, 0.8), 3.0 * y) for x in range(width) for y in range(height)}
    lanes = [f"n{x}{y} - n{x + 1}{y}" for x in range(width - 1) for y in range(height)]
    lanes += [f"n{x}{y} - n{x}{y + 1}" for x in range(width) for y in range(height - 1)]
    graph = LaneGraph(lane_site(at, lanes, starts=["n00"]))
    return graph, ConflictMap(graph)


def random_fleet(
    graph: LaneGraph, conflicts: ConflictMap, seed: int, robots: int, tails: tuple[float, ...] = (0.0,)
) -> tuple[dict[RobotId, Body], list[Move]]:
    """Return robots that have wandered about one move at a time, each move free of the others."""
    rng = np.random.default_rng(seed)
    starts: list[int] = []
    for node in rng.permutation(len(graph.nodes)).tolist():
        if len(starts) < robots and not any(other in conflicts.of[node] for other in starts):
            starts.append(node)
    bodies = {
        RobotId(f"r{k}"): Body(
            robot=RobotId(f"r{k}"),
            node=node,
            max_speed=float(rng.uniform(0.5, 1.2)),
            priority=(k, ""),
            ready=float(rng.uniform(0.0, 20.0)),
            tail=float(rng.choice(tails)),
        )
        for k, node in enumerate(starts)
    }
    moves: list[Move] = []
    at = {robot: body.node for robot, body in bodies.items()}
    came = dict.fromkeys(bodies, -1)
    for _ in range(30 * robots):
        robot = RobotId(f"r{rng.integers(len(bodies))}")
        arcs = [arc for arc in graph.leaving[at[robot]] if arc.end != came[robot]] or list(graph.leaving[at[robot]])
        move = Move(robot=robot, arc=arcs[rng.integers(len(arcs))])
        if not fault(bodies, [*moves, move], conflicts):
            moves.append(move)
            came[robot], at[robot] = at[robot], move.arc.end
    return bodies, moves


def graph_of(graph: LaneGraph, conflicts: ConflictMap, bodies: dict[RobotId, Body], moves: list[Move]):
    tables = LaneTables(graph, conflicts)
    walks, ready = walks_of_bodies(bodies, moves, tables)
    made = DependencyGraph(tables.graph, walks)
    made.set_progress(np.zeros(len(bodies), dtype=np.int32), ready)
    return made


seeds = st.integers(0, 10_000)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, robots=st.integers(2, 6), tails=st.sampled_from([(0.0,), (0.0, 2.0)]))
def test_every_order_after_random_turns_can_be_driven(seed, robots, tails):
    graph, conflicts = jittered_grid(seed)
    bodies, moves = random_fleet(graph, conflicts, seed, robots, tails)
    made = graph_of(graph, conflicts, bodies, moves)
    rng = np.random.default_rng(seed)
    turned = 0
    for group in rng.integers(len(made.graph.is_fixed), size=20).tolist() if len(made.graph.is_fixed) else []:
        turned += made.switch(group)
        order = [moves[k] for k in made.order()]
        assert sorted(made.order().tolist()) == list(range(len(moves)))
        assert fault(bodies, order, conflicts) == ""
    made.improve(10_000)
    assert fault(bodies, [moves[k] for k in made.order()], conflicts) == ""


@settings(max_examples=40, deadline=None)
@given(seed=seeds, robots=st.integers(2, 6), tails=st.sampled_from([(0.0,), (0.0, 2.0)]))
def test_expected_times_are_those_of_the_timetable(seed, robots, tails):
    graph, conflicts = jittered_grid(seed)
    bodies, moves = random_fleet(graph, conflicts, seed, robots, tails)
    made = graph_of(graph, conflicts, bodies, moves)
    table = Timetable(bodies, moves, conflicts)
    starts = np.array(table.starts)
    assert starts[made._given] == pytest.approx(made.state.start)
    assert made.arrivals() == pytest.approx([table.arrivals[robot] for robot in bodies])


@settings(max_examples=40, deadline=None)
@given(seed=seeds, robots=st.integers(2, 6), progress=st.floats(0.0, 1.0))
def test_improving_lowers_the_cost_and_turns_nothing_that_is_done(seed, robots, progress):
    graph, conflicts = jittered_grid(seed)
    bodies, moves = random_fleet(graph, conflicts, seed, robots)
    made = graph_of(graph, conflicts, bodies, moves)
    count = int(progress * len(moves))
    names = list(bodies)
    done = np.bincount([names.index(move.robot) for move in moves[:count]], minlength=len(names)).astype(np.int32)
    made.set_progress(done, np.array([body.ready for body in bodies.values()]))
    before = made.cost
    gained = made.improve(10_000)
    assert gained >= 0.0
    assert made.cost == pytest.approx(before - gained)
    order = made.order().tolist()
    assert sorted(order[:count]) == list(range(count))
    assert fault(bodies, [*moves[:count], *(moves[k] for k in order[count:])], conflicts) == ""


@settings(max_examples=30, deadline=None)
@given(seed=seeds, robots=st.integers(2, 6))
def test_progress_that_is_noted_bit_by_bit_gives_the_times_of_a_fresh_graph(seed, robots):
    graph, conflicts = jittered_grid(seed)
    bodies, moves = random_fleet(graph, conflicts, seed, robots)
    slow, fresh = (graph_of(graph, conflicts, bodies, moves) for _ in range(2))
    rng = np.random.default_rng(seed)
    names = list(bodies)
    for count in sorted(rng.integers(len(moves) + 1, size=3).tolist()):
        done = np.bincount([names.index(move.robot) for move in moves[:count]], minlength=len(names)).astype(np.int32)
        ready = 100.0 + rng.uniform(0.0, 30.0, size=len(names))
        slow.set_progress(done, ready)
    fresh.set_progress(done, ready, np.ones(len(names)))
    assert slow.state.start == pytest.approx(fresh.state.start)


def corridor_order() -> tuple[np.ndarray, MoveOrder, np.ndarray]:
    """Return two robots that pass one crossing of a grid, the first one first."""
    arrays, numbers = of_grid(np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.bool_))
    arc = {(int(a), int(b)): k for k, (a, b) in enumerate(zip(arrays.arc_start, arrays.arc_end, strict=True))}
    top, left, middle, right, bottom = numbers[0, 1], numbers[1, 0], numbers[1, 1], numbers[1, 2], numbers[2, 1]
    arcs = [arc[top, middle], arc[middle, bottom], arc[left, middle], arc[middle, right]]
    order = MoveOrder(robot=np.array([0, 0, 1, 1], dtype=np.int32), arc=np.array(arcs, dtype=np.int32))
    return arrays, order, np.array([top, left], dtype=np.int32)


def test_who_is_late_lets_the_other_pass():
    arrays, order, starts = corridor_order()
    made = DependencyGraph(arrays, walks_of_order(order, starts))
    assert made.arrivals().tolist() == [2.0, 3.0]
    nothing = np.zeros(2, dtype=np.int32)
    made.set_progress(nothing, np.array([10.0, 0.0]))
    assert made.arrivals().tolist() == [12.0, 13.0]
    assert made.improve(100) == 11.0
    assert made.order().tolist() == [2, 3, 0, 1]
    assert made.arrivals().tolist() == [12.0, 2.0]


def test_a_slow_robot_counts_as_late():
    arrays, order, starts = corridor_order()
    made = DependencyGraph(arrays, walks_of_order(order, starts))
    made.set_progress(np.zeros(2, dtype=np.int32), np.zeros(2), np.array([5.0, 1.0]))
    assert made.arrivals().tolist() == [10.0, 7.0]
    made.improve(100)
    assert made.arrivals().tolist() == [11.0, 2.0]


def test_who_is_in_the_crossing_already_goes_first():
    arrays, order, starts = corridor_order()
    made = DependencyGraph(arrays, walks_of_order(order, starts))
    made.set_progress(np.array([1, 0], dtype=np.int32), np.array([10.0, 0.0]))
    assert made.improve(100) == 0.0
    assert not any(made.switch(group) for group in range(len(made.graph.is_fixed)))


def test_a_heavier_robot_goes_first():
    arrays, order, starts = corridor_order()
    made = DependencyGraph(arrays, walks_of_order(order, starts), weights=np.array([1.0, 5.0]))
    assert made.improve(100) == 4.0
    assert made.arrivals().tolist() == [3.0, 2.0]

"""Timed plans on grids are classical multi-agent plans, checked square by square and against breadth-first search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.benchmarks.planning import order_of
from robot_ops.core.errors import RequestError
from robot_ops.traffic.array_graph import of_grid
from robot_ops.traffic.timed_plan import TimedPlan


def random_grid(seed: int, *, side: int, robots: int):
    """Return the arrays of a grid with some squares missing, and starts and goals in one connected part of it."""
    rng = np.random.default_rng(seed)
    graph, _ = of_grid(rng.random((side, side)) > 0.15)
    nodes = len(graph.first_arc) - 1
    part = np.arange(nodes)
    for _ in range(nodes):
        np.minimum.at(part, graph.arc_end, part[graph.arc_start])
    members = np.flatnonzero(part == np.bincount(part).argmax())
    count = min(robots, len(members))
    return graph, rng.permutation(members)[:count], rng.permutation(members)[:count]


def positions(graph, plan: TimedPlan, starts, horizon: int = 0) -> np.ndarray:
    """Return (robots, steps) nodes, every robot's last one repeated; times must be whole."""
    robots, arcs, times = plan.moves()
    steps = max(int(times.max(initial=0.0)) + 2, horizon)
    at = np.repeat(np.asarray(starts)[:, None], steps, axis=1)
    for robot, arc, time in zip(robots, arcs, times, strict=True):
        assert time == int(time)
        assert at[robot, int(time)] == graph.arc_start[arc]
        at[robot, int(time) + 1 :] = graph.arc_end[arc]
    return at


def assert_classical(at: np.ndarray, goals) -> None:
    assert (at[:, -1] == goals).all()
    for step in range(at.shape[1]):
        assert len(set(at[:, step])) == len(at), f"two robots on one square at {step}"
        if step:
            driven = {(a, b) for a, b in zip(at[:, step - 1], at[:, step], strict=True) if a != b}
            assert not any((b, a) in driven for a, b in driven), f"two robots swap before {step}"


def sum_of_costs(at: np.ndarray, goals) -> int:
    return sum(
        max((t + 1 for t in range(at.shape[1]) if row[t] != goal), default=0)
        for row, goal in zip(at, goals, strict=True)
    )


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), robots=st.integers(1, 14))
def test_plans_on_grids_have_no_collisions_and_only_become_cheaper(seed, robots):
    graph, starts, goals = random_grid(seed, side=7, robots=robots)
    plan = TimedPlan(graph, starts, goals, [1.0] * len(starts), seed)
    if not plan.prioritize():
        return
    costs = [plan.cost]
    for _ in range(4):
        plan.improve(10)
        costs.append(plan.cost)
    assert costs == sorted(costs, reverse=True)
    at = positions(graph, plan, starts)
    assert_classical(at, goals)
    assert sum_of_costs(at, goals) == plan.cost >= plan.lower_bound


def earliest(graph, others: np.ndarray, start: int, goal: int) -> float:
    """Return when a robot can be at its goal for good among others that move so (breadth first over time)."""
    steps = others.shape[1]
    reached, limit = {start}, steps + 200
    for time in range(limit):
        now, then = others[:, min(time, steps - 1)], others[:, min(time + 1, steps - 1)]
        if goal in reached and not (others[:, min(time, steps - 1) :] == goal).any():
            return time
        swapped = set(zip(then, now, strict=True))
        after = {node for node in reached if node not in then}
        for node in reached:
            ends = graph.arc_end[graph.first_arc[node] : graph.first_arc[node + 1]]
            after |= {int(end) for end in ends if end not in then and (node, end) not in swapped}
        if not after:
            return np.inf
        reached = after
    return np.inf


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), robots=st.integers(2, 10))
def test_the_last_robot_of_an_order_arrives_as_early_as_can_be(seed, robots):
    graph, starts, goals = random_grid(seed, side=6, robots=robots)
    distinct = [int(s) for s in starts]
    plan = TimedPlan(graph, distinct, goals, [1.0] * len(distinct), seed)
    if not plan.prioritize():
        return
    at = positions(graph, plan, starts)
    order = plan.order
    last = int(order[-1])
    others = np.delete(at, last, axis=0)
    arrival = max((t + 1 for t in range(at.shape[1]) if at[last, t] != goals[last]), default=0)
    assert arrival == earliest(graph, others, int(starts[last]), int(goals[last]))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100_000), robots=st.integers(1, 10))
def test_an_order_of_moves_gets_the_times_it_can_be_driven_at(seed, robots):
    graph, starts, _ = random_grid(seed, side=6, robots=robots)
    rng = np.random.default_rng(seed)
    at = [int(s) for s in starts]
    movers, arcs = [], []
    for _ in range(60):
        robot = int(rng.integers(len(at)))
        arc = int(
            rng.integers(
                graph.first_arc[at[robot]], max(graph.first_arc[at[robot] + 1], graph.first_arc[at[robot]] + 1)
            )
        )
        if arc < graph.first_arc[at[robot] + 1] and graph.arc_end[arc] not in at:
            at[robot] = int(graph.arc_end[arc])
            movers.append(robot)
            arcs.append(arc)
    plan = TimedPlan(graph, starts, at, [1.0] * len(starts), seed)
    plan.load_order(np.array(movers, dtype=np.int32), np.array(arcs, dtype=np.int32))
    before = plan.cost
    assert_classical(positions(graph, plan, starts), at)
    plan.improve(20)
    assert plan.cost <= before
    assert_classical(positions(graph, plan, starts), at)


def test_the_same_seed_gives_the_same_plan():
    graph, starts, goals = random_grid(3, side=9, robots=20)
    plans = []
    for _ in range(2):
        plan = TimedPlan(graph, starts, goals, [1.0] * len(starts), 5)
        assert plan.prioritize()
        for chunk in (10, 20, 10):
            plan.improve(chunk)
        plans.append([values.tolist() for values in plan.moves()])
    assert plans[0] == plans[1]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 100_000), robots=st.integers(1, 14))
def test_a_plan_goes_on_from_where_robots_are_by_now(seed, robots):
    graph, starts, goals = random_grid(seed, side=7, robots=robots)
    plan = TimedPlan(graph, starts, goals, [1.0] * len(starts), seed)
    if not plan.prioritize():
        return
    at = positions(graph, plan, starts, horizon=4)
    movers, arcs, times = plan.moves()
    is_left = times >= 3.0
    ready = np.random.default_rng(seed).integers(0, 5, len(starts)).astype(np.float64)
    order = order_of(graph, (movers[is_left], arcs[is_left], times[is_left]))
    if order is None:
        return
    stay = np.setdiff1d(np.arange(len(starts)), order.robot)
    plan.resume(at[:, 3].astype(np.int32), ready, order.robot, order.arc)
    before = plan.cost
    plan.improve(30)
    assert plan.lower_bound <= plan.cost <= before
    after = positions(graph, plan, at[:, 3])
    assert_classical(after, goals)
    assert all((after[robot] == goals[robot]).all() for robot in stay)
    moved, _, starts_at = plan.moves()
    assert (starts_at >= ready[moved]).all()


def test_wrong_input_is_told():
    graph, starts, goals = random_grid(1, side=4, robots=2)
    with pytest.raises(RequestError, match="differ in number"):
        TimedPlan(graph, starts, goals[:1], [1.0, 1.0], 0)
    with pytest.raises(RequestError, match="no node 99"):
        TimedPlan(graph, [99], [0], [1.0], 0)
    with pytest.raises(RequestError, match="speed"):
        TimedPlan(graph, [0], [0], [0.0], 0)
    with pytest.raises(RequestError, match="share"):
        TimedPlan(graph, [0, 0], [0, 1], [1.0, 1.0], 0)

"""Joint planning that goes on after its first plan, against all joint steps that there are (tiny graphs)."""

import heapq
import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from robot_ops.core.ids import RobotId
from robot_ops.testing import reference_joint
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.array_graph import of_grid, of_lanes
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.joint import solve_arrays
from robot_ops.traffic.schedule import Body


def least_loss(graph, starts, goals):
    """Return what the best plan of joint steps loses (Dijkstra over everything), inf where there is none; 1 m/s."""
    seconds = graph.arc_length / np.minimum(graph.arc_speed, 1.0) + graph.arc_extra
    usual = float(seconds.mean())
    blockers = [
        frozenset(graph.blocker[graph.first_blocker[a] : graph.first_blocker[a + 1]].tolist())
        for a in range(len(seconds))
    ]

    def steps(at, moved, lost):
        """Yield where a joint step can lead, and what its moves cost: moves one at a time, each robot once at most."""
        yield at, moved, lost
        for robot in range(len(at)):
            if robot in moved:
                continue
            for arc in range(graph.first_arc[at[robot]], graph.first_arc[at[robot] + 1]):
                if not any(other in blockers[arc] for k, other in enumerate(at) if k != robot):
                    after = (*at[:robot], int(graph.arc_end[arc]), *at[robot + 1 :])
                    yield from steps(after, moved | {robot}, lost + max(seconds[arc], usual))

    first = tuple(int(node) for node in starts)
    best, heap = {first: 0.0}, [(0.0, first)]
    while heap:
        cost, at = heapq.heappop(heap)
        if cost > best[at] + 1e-9:
            continue
        if all(goal in (-1, node) for goal, node in zip(goals, at, strict=True)):
            return cost
        for after, moved, lost in steps(at, frozenset(), 0.0):
            waiting = sum(k not in moved and goals[k] not in (-1, node) for k, node in enumerate(at))
            total = cost + lost + usual * waiting
            if total < best.get(after, np.inf) - 1e-9:
                best[after] = total
                heapq.heappush(heap, (total, after))
    return np.inf


def team(nodes, count, seed, idle=0.1):
    rng = np.random.default_rng(seed)
    starts, goals = (rng.permutation(nodes)[:count].astype(np.int32) for _ in range(2))
    goals[rng.random(count) < idle] = -1
    return starts, goals


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 3), wide=st.integers(2, 4))
def test_on_small_grids_it_ends_with_the_best_plan(seed, count, wide):
    rng = np.random.default_rng(seed)
    is_free = rng.random((2, wide)) > 0.15
    is_free[0] = True
    graph, _ = of_grid(is_free)
    starts, goals = team(len(graph.first_arc) - 1, min(count, int(is_free.sum()) - 1), seed)
    plan = solve_arrays(graph, starts, goals, np.ones(len(starts)), 100_000, seed, more=10**7)
    wanted = least_loss(graph, starts, goals)
    if plan is None:
        assert wanted == np.inf
        return
    assert plan.is_best
    assert plan.loss == pytest.approx(wanted)


def lanes(seed):
    """Return lanes of different lengths: a tree, and some more."""
    rng = np.random.default_rng(seed)
    spots = [(float(x), float(y)) for x in (0.0, 4.0, 9.0) for y in (0.0, 5.0)]
    pairs = [
        (a, b)
        for a, b in itertools.combinations(range(6), 2)
        if (spots[a][0] == spots[b][0]) != (spots[a][1] == spots[b][1]) and abs(spots[a][0] - spots[b][0]) < 8.0
    ]
    kept, part = [], list(range(6))
    for index in rng.permutation(len(pairs)):
        a, b = pairs[index]
        if part[a] != part[b] or rng.random() < 0.3:
            part = [part[a] if each == part[b] else each for each in part]
            kept.append(f"n{a} - n{b}")
    graph = LaneGraph(lane_site({f"n{k}": spot for k, spot in enumerate(spots)}, kept, starts=["n0"]))
    return graph, ConflictMap(graph)


@settings(max_examples=20, deadline=None)
@example(seed=500, count=3)  # its best plan has somebody leave its goal and come back
@given(seed=st.integers(0, 10_000), count=st.integers(1, 3))
def test_on_small_lane_graphs_it_ends_with_the_best_plan_and_so_does_the_plain_search(seed, count):
    graph, conflicts = lanes(seed)
    arrays, _ = of_lanes(graph, conflicts)
    starts, goals = team(6, count, seed)
    plan = solve_arrays(arrays, starts, goals, np.ones(count), 100_000, seed, more=10**7)
    wanted = least_loss(arrays, starts, goals)
    bodies = [
        Body(robot=RobotId(f"r{k}"), node=int(node), max_speed=1.0, priority=(k, "")) for k, node in enumerate(starts)
    ]
    wishes = [None if goal < 0 else int(goal) for goal in goals]
    plain = reference_joint.JointSearch(graph=graph, conflicts=conflicts, bodies=bodies, goals=wishes, firm=[])
    moves = plain.solve(100_000, more=10**6)
    if plan is None:
        assert wanted == np.inf
        assert moves is None
        return
    assert plan.is_best
    assert plan.loss == pytest.approx(wanted)
    assert plain.loss == pytest.approx(wanted)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 12))
def test_the_more_it_may_try_the_better_is_the_plan(seed, count):
    graph, _ = of_grid(np.ones((4, 5), dtype=np.bool_))
    starts, goals = team(20, count, seed)
    before = np.inf
    for more in (0, 1, 10, 50, 200, 1000, 3000):
        plan = solve_arrays(graph, starts, goals, np.ones(count), 100_000, seed, more=more)
        assert plan is not None
        assert plan.loss <= before + 1e-9
        before = plan.loss


def test_who_drives_for_something_urgent_chooses_first():
    graph, numbers = of_grid(np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.bool_))
    starts = np.array([numbers[1, 0], numbers[0, 1]], dtype=np.int32)
    goals = np.array([numbers[1, 2], numbers[2, 1]], dtype=np.int32)
    far_first = solve_arrays(graph, starts, goals, np.ones(2), 1000, 0)
    assert far_first is not None
    urgent = solve_arrays(graph, starts, goals, np.ones(2), 1000, 0, urgency=np.array([0, 1], dtype=np.int32))
    assert urgent is not None
    assert [arrival(plan, 1) for plan in (far_first, urgent)] == [3, 2]


def arrival(plan, robot):
    return int(plan.steps[plan.robots == robot].max()) + 1

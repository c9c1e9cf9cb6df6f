"""The compiled joint search against the plain one, and every plan of it driven once more by code of its own."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.ids import RobotId
from robot_ops.testing import reference_joint
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.array_graph import of_grid, of_lanes
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.joint import JointSearch, luby, solve_arrays
from robot_ops.traffic.joint_step import JointStepper
from robot_ops.traffic.kernels.loops import needed_moves
from robot_ops.traffic.kernels.tables import times_to_all
from robot_ops.traffic.schedule import Body, fault, follow
from robot_ops.traffic.travel import distances_to


def random_lanes(seed, *, width, height, missing, spacing=3.0):
    """Return a connected jittered grid with some lanes missing, some of them one-way where a way around is left."""
    rng = np.random.default_rng(seed)
    at = {
        (x, y): (spacing * x + rng.uniform(-0.2, 0.2), spacing * y + rng.uniform(-0.2, 0.2))
        for x in range(width)
        for y in range(height)
    }
    pairs = [(a, b) for a, b in itertools.combinations(at, 2) if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1]
    part, kept = {spot: {spot} for spot in at}, []
    for index in rng.permutation(len(pairs)):
        a, b = pairs[index]
        is_joining = part[a] is not part[b]
        if is_joining:
            both = part[a] | part[b]
            part.update(dict.fromkeys(both, both))
        if is_joining or rng.random() > missing:
            sign = "-" if is_joining or rng.random() < 0.7 else ">"
            kept.append(f"n{a[0]}{a[1]} {sign} n{b[0]}{b[1]}")
    graph = LaneGraph(lane_site({f"n{x}{y}": xy for (x, y), xy in at.items()}, kept, starts=["n00"]))
    return graph, ConflictMap(graph)


def team(graph, conflicts, seed, count, *, tail=0.0, idle=0.2):
    """Return robots on nodes that do not conflict, and where they want to be."""
    rng = np.random.default_rng(seed)

    def apart():
        chosen = []
        for node in rng.permutation(len(graph.nodes)).tolist():
            if not any(other in conflicts.of[node] for other in chosen):
                chosen.append(node)
        return chosen[:count]

    starts = apart()
    goals = [goal if rng.random() >= idle else None for goal in apart()[: len(starts)]]
    bodies = [
        Body(
            robot=RobotId(f"r{k}"),
            node=start,
            max_speed=float(rng.choice([0.6, 1.2])),
            priority=(k, f"r{k}"),
            tail=tail if k % 2 == 0 else 0.0,
        )
        for k, start in enumerate(starts)
    ]
    return bodies, goals[: len(bodies)] + [None] * (len(bodies) - len(goals))


def assert_reaches(bodies, goals, moves, conflicts, fixed=()):
    assert fault({body.robot: body for body in [*bodies, *fixed]}, moves, conflicts) == ""
    at = {body.robot: body.node for body in bodies} | {move.robot: move.arc.end for move in moves}
    assert all(goal in (None, at[body.robot]) for body, goal in zip(bodies, goals, strict=True))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 5), tail=st.sampled_from([0.0, 0.0, 2.0, 4.0]))
def test_it_solves_what_the_plain_search_solves(seed, count, tail):
    graph, conflicts = random_lanes(seed, width=4, height=3, missing=0.6, spacing=2.0 + seed % 2)
    bodies, goals = team(graph, conflicts, seed + 1, count, tail=tail)
    plain = reference_joint.JointSearch(graph=graph, conflicts=conflicts, bodies=bodies, goals=goals, firm=[])
    wanted = plain.solve(400)
    search = JointSearch(
        graph=graph, conflicts=conflicts, bodies=bodies, goals=goals, firm=[], arrays=of_lanes(graph, conflicts)
    )
    moves = search.solve(50_000)
    if wanted is not None:
        assert moves is not None
    if moves is not None:
        assert_reaches(bodies, goals, moves, conflicts)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 4))
def test_robots_that_must_not_move_are_gone_around(seed, count):
    graph, conflicts = random_lanes(seed, width=4, height=3, missing=0.3)
    bodies, goals = team(graph, conflicts, seed + 1, count + 1)
    fixed, bodies, goals = bodies[-1:], bodies[:-1], goals[:-1]
    firm = [body.node for body in fixed]
    plain = reference_joint.JointSearch(graph=graph, conflicts=conflicts, bodies=bodies, goals=goals, firm=firm)
    wanted = plain.solve(400)
    moves = JointSearch(graph=graph, conflicts=conflicts, bodies=bodies, goals=goals, firm=firm).solve(50_000)
    if wanted is not None:
        assert moves is not None
    if moves is not None:
        assert_reaches(bodies, goals, moves, conflicts, fixed)


def test_what_cannot_be_is_known_to_be_impossible():
    nodes = {"a": (0.0, 0.0), "b": (3.0, 0.0), "c": (6.0, 0.0)}
    graph = LaneGraph(lane_site(nodes, ["a - b", "b - c"], starts=["a"]))
    bodies = [
        Body(robot=RobotId(f"r{k}"), node=node, max_speed=1.0, priority=(k, ""), tail=0.0)
        for k, node in enumerate((0, 2))
    ]
    assert (
        JointSearch(graph=graph, conflicts=ConflictMap(graph), bodies=bodies, goals=[2, 0], firm=[]).solve(10**6)
        is None
    )


def test_nobody_needs_no_moves():
    graph, conflicts = random_lanes(0, width=2, height=2, missing=0.0)
    assert JointSearch(graph=graph, conflicts=conflicts, bodies=[], goals=[], firm=[]).solve(1) == []


def corridor(robots):
    """Return a single-lane corridor with bays, half of the robots at each end, who want to the other end."""
    length = 2 * robots + 2
    nodes = {f"c{k}": (3.0 * k, 0.0) for k in range(length)}
    bays = range(robots // 2 + 1, length - robots // 2 - 1, 2)
    nodes |= {f"b{k}": (3.0 * k, 2.0) for k in bays}
    lanes = [f"c{k} - c{k + 1}" for k in range(length - 1)] + [f"c{k} - b{k}" for k in bays]
    graph = LaneGraph(lane_site(nodes, lanes, starts=["c0"]))
    left, right = robots // 2, robots - robots // 2
    spots = [graph.number[f"c{k}"] for k in [*range(left), *range(length - right, length)]]
    return graph, spots, [graph.number[f"c{length - 1 - k}"] for k in [*range(left), *range(length - right, length)]]


@pytest.mark.parametrize("robots", [2, 4, 5, 6, 8])
def test_robots_change_ends_of_a_corridor_with_bays(robots):
    graph, starts, goals = corridor(robots)
    conflicts = ConflictMap(graph)
    bodies = [Body(robot=RobotId(f"r{k}"), node=node, max_speed=1.0, priority=(k, "")) for k, node in enumerate(starts)]
    moves = JointSearch(graph=graph, conflicts=conflicts, bodies=bodies, goals=goals, firm=[]).solve(30_000)
    assert moves is not None
    assert_reaches(bodies, goals, moves, conflicts)


def replay(graph, starts, goals, plan):
    """Drive a plan on a grid one move at a time, and all moves of a step at once."""
    at, occupied = starts.tolist(), set(starts.tolist())
    last, moved = -1, set()
    for robot, arc, step in zip(plan.robots.tolist(), plan.arcs.tolist(), plan.steps.tolist(), strict=True):
        assert step >= last
        moved = set() if step > last else moved
        last = step
        assert robot not in moved
        moved.add(robot)
        start, end = int(graph.arc_start[arc]), int(graph.arc_end[arc])
        assert at[robot] == start
        assert end not in occupied
        occupied.remove(start)
        occupied.add(end)
        at[robot] = end
    assert all(goal in (-1, node) for goal, node in zip(goals.tolist(), at, strict=True))


def random_grid(seed, *, side, share):
    rng = np.random.default_rng(seed)
    is_free = rng.random((side, side)) > share
    graph, _ = of_grid(is_free)
    nodes = len(graph.first_arc) - 1
    table = times_to_all(
        graph, np.arange(nodes, dtype=np.int32), np.ones(nodes), np.zeros(len(graph.arc_start), np.bool_)
    )
    return graph, table, rng


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.6))
def test_grids_with_many_robots(seed, share):
    graph, table, rng = random_grid(seed, side=8, share=0.2)
    part = np.flatnonzero(np.isfinite(table[int(np.argmax(np.isfinite(table).sum(axis=1)))]))
    count = max(1, int(share * len(part)))
    starts, goals = (rng.permutation(part)[:count].astype(np.int32) for _ in range(2))
    plan = solve_arrays(graph, starts, goals, np.ones(count), 30_000, seed)
    if plan is not None:
        replay(graph, starts, goals, plan)
        again = solve_arrays(graph, starts, goals, np.ones(count), 30_000, seed)
        assert again is not None
        assert again.arcs.tolist() == plan.arcs.tolist()
    else:
        assert share > 0.3


@pytest.mark.parametrize("seed", range(6))
def test_a_grid_with_one_free_square_is_a_sliding_puzzle(seed):
    graph, _ = of_grid(np.ones((3, 3), dtype=np.bool_))
    rng = np.random.default_rng(seed)
    order = rng.permutation(9).astype(np.int32)
    goals = order[:8].copy()
    hole = int(order[8])
    for _ in range(200):  # slides from the goals, so that there is a way
        arc = int(rng.integers(graph.first_arc[hole], graph.first_arc[hole + 1]))
        end = int(graph.arc_end[arc])
        order[order == end], hole = hole, end
    plan = solve_arrays(graph, order[:8].copy(), goals, np.ones(8), 3_000_000, 1)
    assert plan is not None
    replay(graph, order[:8], goals, plan)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 30))
def test_steps_never_bring_two_robots_to_one_place(seed, count):
    graph, table, rng = random_grid(seed, side=7, share=0.2)
    nodes = len(graph.first_arc) - 1
    starts = rng.permutation(nodes)[:count].astype(np.int32)
    stepper = JointStepper(graph, starts, table, seed=seed)
    at, waits = starts.copy(), np.zeros(len(starts))
    goals = rng.integers(0, nodes, len(starts)).astype(np.int32)
    for _ in range(30):
        robots, arcs = stepper.take(goals, goals, waits)
        assert len(set(robots.tolist())) == len(robots)
        occupied = set(at.tolist())
        for robot, arc in zip(robots, arcs, strict=True):
            assert graph.arc_start[arc] == at[robot]
            assert int(graph.arc_end[arc]) not in occupied
            occupied.remove(int(at[robot]))
            at[robot] = graph.arc_end[arc]
            occupied.add(int(at[robot]))
        assert stepper.nodes.tolist() == at.tolist()
        waits = np.where(at == goals, 0.0, waits + 1.0)
        goals = np.where(at == goals, rng.integers(0, nodes, len(starts)), goals).astype(np.int32)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_tables_are_the_least_times(seed):
    graph, conflicts = random_lanes(seed, width=4, height=4, missing=0.5)
    arrays, _ = of_lanes(graph, conflicts)
    goals, speeds = np.array([0, 3, 7], dtype=np.int32), np.array([1.0, 0.5, 0.5])
    tables = times_to_all(arrays, goals, speeds, np.zeros(len(arrays.arc_start), np.bool_))
    for row, (goal, speed) in enumerate(zip(goals.tolist(), speeds.tolist(), strict=True)):
        plain = distances_to(graph, goal, lambda arc, speed=speed: arc.seconds(speed))
        assert tables[row] == pytest.approx(plain)


def test_the_trail_of_a_party_is_what_it_drives_over():
    nodes = {"a": (0.0, 0.0), "b": (3.0, 0.0), "c": (6.0, 0.0), "d": (9.0, 0.0), "bay": (6.0, 3.0)}
    graph = LaneGraph(lane_site(nodes, ["a - b", "b - c", "c - d", "c - bay"], starts=["a"]))
    conflicts = ConflictMap(graph)
    arc = graph.arc(0, 1)
    assert arc is not None
    leader = Body(robot=RobotId("l"), node=1, max_speed=1.0, priority=(0, ""), tail=4.0, trail=follow((), arc, 4.0))
    other = Body(robot=RobotId("o"), node=3, max_speed=1.0, priority=(1, ""))
    moves = JointSearch(graph=graph, conflicts=conflicts, bodies=[leader, other], goals=[3, 0], firm=[]).solve(10_000)
    plain = reference_joint.JointSearch(
        graph=graph, conflicts=conflicts, bodies=[leader, other], goals=[3, 0], firm=[]
    ).solve(10_000)
    assert (moves is None) == (plain is None)
    if moves is not None:
        assert_reaches([leader, other], [3, 0], moves, conflicts)


def test_loops_that_nobody_needs_are_left_out():
    graph, numbers = of_grid(np.ones((2, 3), dtype=np.bool_))
    between = {(int(a), int(b)): k for k, (a, b) in enumerate(zip(graph.arc_start, graph.arc_end, strict=True))}
    (a, b, c), (d, e, _) = numbers.tolist()
    drives = [(0, a, d), (1, b, a), (1, a, b), (0, d, a), (0, a, d), (0, d, e), (0, e, d), (0, d, a), (1, b, c)]
    robots = np.array([robot for robot, _, _ in drives], dtype=np.int32)
    arcs = np.array([between[start, end] for _, start, end in drives], dtype=np.int32)
    kept = needed_moves(graph, np.zeros(2), robots, arcs)
    assert np.flatnonzero(kept).tolist() == [8]
    until_a = needed_moves(graph, np.zeros(2), robots[:2], arcs[:2])
    assert until_a.all()
    through = [(0, b, e), (1, a, b), (1, b, c), (0, e, b)]
    robots = np.array([robot for robot, _, _ in through], dtype=np.int32)
    arcs = np.array([between[start, end] for _, start, end in through], dtype=np.int32)
    assert needed_moves(graph, np.zeros(2), robots, arcs).all()
    assert not needed_moves(graph, np.zeros(2), robots[[0, 3]], arcs[[0, 3]]).any()


def test_restarts_follow_the_sequence():
    assert [luby(number) for number in range(1, 16)] == [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8]

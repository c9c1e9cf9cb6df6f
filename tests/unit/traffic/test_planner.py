"""Properties of every plan on random graphs: it can be driven, has no cycle, and reaches all goals."""

import itertools
import math
from collections import deque
from graphlib import TopologicalSorter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.ids import RobotId
from robot_ops.testing.lanes import lane_site
from robot_ops.testing.reference_timed import Timetable
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.joint import JointSearch
from robot_ops.traffic.planner import Planner
from robot_ops.traffic.schedule import Body, Move, fault


def random_graph(seed: int, *, width: int, height: int, missing: float) -> tuple[LaneGraph, ConflictMap]:
    """Return a connected part of a jittered grid with some lanes missing."""
    rng = np.random.default_rng(seed)
    at = {
        (x, y): (3.0 * x + rng.uniform(-0.8, 0.8), 3.0 * y + rng.uniform(-0.8, 0.8))
        for x in range(width)
        for y in range(height)
    }
    pairs = [(a, b) for a, b in itertools.combinations(at, 2) if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1]
    names = {spot: f"n{spot[0]}{spot[1]}" for spot in at}
    parts = {spot: spot for spot in at}

    def root(spot):
        while parts[spot] != spot:
            spot = parts[spot]
        return spot

    kept = []
    for index in rng.permutation(len(pairs)):
        a, b = pairs[index]
        if root(a) != root(b) or rng.random() > missing:
            parts[root(a)] = root(b)
            kept.append(f"{names[a]} - {names[b]}")
    graph = LaneGraph(lane_site({names[s]: xy for s, xy in at.items()}, kept, starts=["n00"]))
    return graph, ConflictMap(graph)


def random_bodies(graph: LaneGraph, conflicts: ConflictMap, seed: int, count: int) -> dict[RobotId, Body]:
    rng = np.random.default_rng(seed)

    def apart(nodes: list[int]) -> list[int]:
        chosen: list[int] = []
        for node in nodes:
            if not any(other in conflicts.of[node] for other in chosen):
                chosen.append(node)
        return chosen

    starts = apart(list(rng.permutation(len(graph.nodes))))[:count]
    goals = apart(list(rng.permutation(len(graph.nodes))))[: len(starts)]
    goals += [None] * (len(starts) - len(goals))
    return {
        RobotId(f"r{k}"): Body(
            robot=RobotId(f"r{k}"),
            node=int(start),
            max_speed=float(rng.uniform(0.5, 1.2)),
            priority=(k, f"r{k}"),
            goal=None if goal is None or rng.random() < 0.2 else int(goal),
            ready=float(rng.uniform(0.0, 10.0)),
        )
        for k, (start, goal) in enumerate(zip(starts, goals, strict=True))
    }


def dependencies(moves: list[Move], conflicts: ConflictMap) -> dict[tuple[RobotId, int], set[tuple[RobotId, int]]]:
    """Return the action dependency graph of an order, made on its own from pairs of conflicting moves."""
    counts: dict[RobotId, int] = {}
    keys = []
    for move in moves:
        counts[move.robot] = counts.get(move.robot, 0) + 1
        keys.append((move.robot, counts[move.robot]))
    graph = {key: {(key[0], key[1] - 1)} if key[1] > 1 else set() for key in keys}
    for (early, first), (late, second) in itertools.combinations(zip(keys, moves, strict=True), 2):
        zone = conflicts.zone(second.arc)
        if early[0] != late[0] and (first.arc.cell in zone or first.arc.end in zone):
            left = (early[0], early[1] + 1) if first.arc.end in zone else early
            graph[late].add(left)
    return graph


def assert_good(bodies, moves, conflicts):
    assert fault(bodies, moves, conflicts) == ""
    TopologicalSorter(dependencies(moves, conflicts)).prepare()
    table = Timetable(bodies, moves, conflicts)
    assert all(math.isfinite(start) for start in table.starts)
    claims = [(cell, claim) for cell, held in table.claims.items() for claim in held]
    for (cell, one), (other, two) in itertools.combinations(claims, 2):
        if one.robot != two.robot and other in conflicts.of[cell]:
            assert min(one.end, two.end) <= max(one.start, two.start) + 1e-3, (cell, one, other, two)


def ends(bodies, moves):
    at = {robot: body.node for robot, body in bodies.items()}
    return at | {move.robot: move.arc.end for move in moves}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 6))
def test_arrangements_reach_the_goals_without_faults(seed, count):
    graph, conflicts = random_graph(seed, width=4, height=4, missing=0.5)
    bodies = random_bodies(graph, conflicts, seed + 1, count)
    planner = Planner(graph, conflicts)
    arrangement = planner.arrange(bodies, planner.obstacles(bodies))
    if arrangement is None:
        assert all(body.goal is None for body in bodies.values()) or count > 2
        return
    assert_good(bodies, arrangement.moves, conflicts)
    reached = ends(bodies, arrangement.moves)
    assert all(reached[robot] == bodies[robot].goal for robot in arrangement.planned)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 6))
def test_one_robot_after_the_other_is_put_into_the_order(seed, count):
    graph, conflicts = random_graph(seed, width=5, height=4, missing=0.3)
    bodies = random_bodies(graph, conflicts, seed + 1, count)
    planner = Planner(graph, conflicts)
    moves: list[Move] = []
    for robot in [*bodies, *bodies]:
        others = [move for move in moves if move.robot != robot]
        inserted = planner.insert(bodies, moves, robot, bodies[robot].goal)
        if inserted is not None:
            moves = inserted
            assert {id(move) for move in others} == {id(move) for move in moves if move.robot != robot}
            assert ends(bodies, moves)[robot] == bodies[robot].goal or bodies[robot].goal is None
        assert_good(bodies, moves, conflicts)


def is_solvable(graph: LaneGraph, conflicts: ConflictMap, bodies: list[Body]) -> bool:
    """Search all joint positions, one move at a time."""
    first = tuple(body.node for body in bodies)
    seen, queue = {first}, deque([first])
    while queue:
        nodes = queue.popleft()
        if all(body.goal in (None, node) for body, node in zip(bodies, nodes, strict=True)):
            return True
        for k, node in enumerate(nodes):
            for arc in graph.leaving[node]:
                if not any(conflicts.is_blocked(arc, other) for i, other in enumerate(nodes) if i != k):
                    after = (*nodes[:k], arc.end, *nodes[k + 1 :])
                    if after not in seen:
                        seen.add(after)
                        queue.append(after)
    return False


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 3))
def test_the_joint_search_solves_what_can_be_solved(seed, count):
    graph, conflicts = random_graph(seed, width=4, height=2, missing=0.9)
    bodies = list(random_bodies(graph, conflicts, seed + 1, count).values())
    goals = [body.goal for body in bodies]
    search = JointSearch(graph=graph, conflicts=conflicts, bodies=bodies, goals=goals, firm=[])
    moves = search.solve(100_000)
    assert (moves is not None) == is_solvable(graph, conflicts, bodies)
    if moves is not None:
        assert_good({body.robot: body for body in bodies}, moves, conflicts)


def test_a_goal_behind_a_robot_that_stays_is_told():
    nodes = {"a": (0.0, 0.0), "b": (3.0, 0.0), "c": (6.0, 0.0)}
    graph = LaneGraph(lane_site(nodes, ["a - b", "b - c"], starts=["a"]))
    conflicts = ConflictMap(graph)
    mover, stayer = RobotId("mover"), RobotId("stayer")
    bodies = {
        mover: Body(robot=mover, node=0, max_speed=1.0, priority=(0, ""), goal=2),
        stayer: Body(robot=stayer, node=1, max_speed=1.0, priority=(1, ""), goal=1, is_firm=True),
    }
    obstacle = Planner(graph, conflicts).obstacles(bodies)[mover]
    assert obstacle.robots == (stayer,)
    assert graph.nodes[obstacle.node] == "b"


def test_who_drives_for_something_urgent_is_planned_first() -> None:
    urgent, early = RobotId("urgent"), RobotId("early")

    bodies = [
        Body(robot=early, node=0, max_speed=1.0, priority=(0, ""), goal=2),
        Body(robot=urgent, node=1, max_speed=1.0, priority=(9, ""), goal=3, urgency=2),
    ]

    assert min(bodies, key=lambda body: body.rank).robot == urgent
    assert bodies[1].weight == pytest.approx(1.5**2)

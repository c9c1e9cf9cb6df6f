"""The compiled timetable, safe interval search and check of orders do what their plain twins do."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.ids import RobotId
from robot_ops.testing.lanes import lane_site
from robot_ops.testing.reference_timed import IntervalSearch, Timetable
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.kernels.orders import first_fault
from robot_ops.traffic.lane_tables import LaneTables
from robot_ops.traffic.planner import Planner
from robot_ops.traffic.schedule import Body, Move, cells_at, fault, follow
from robot_ops.traffic.timed_fleet import Room, TimedFleet


def random_lanes(seed: int) -> tuple[LaneGraph, ConflictMap]:
    """Return a jittered grid of lanes, some one-way, some missing, some close together."""
    rng = np.random.default_rng(seed)
    step = rng.uniform(1.2, 3.0)
    at = {
        (x, y): (step * x + rng.uniform(-0.3, 0.3), step * y + rng.uniform(-0.3, 0.3))
        for x in range(5)
        for y in range(3)
    }
    lanes = [
        f"n{a[0]}{a[1]} {'>' if rng.random() < 0.1 else '-'} n{b[0]}{b[1]}"
        for a, b in itertools.combinations(at, 2)
        if abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1 and rng.random() < 0.85
    ]
    graph = LaneGraph(lane_site({f"n{x}{y}": xy for (x, y), xy in at.items()}, lanes, starts=["n00"]))
    return graph, ConflictMap(graph)


def random_parties(graph: LaneGraph, conflicts: ConflictMap, seed: int, *, may_follow: bool) -> dict[RobotId, Body]:
    """Return robots apart from each other, some with parties behind them, still leaving what they drove or silent."""
    rng = np.random.default_rng(seed)
    bodies: dict[RobotId, Body] = {}
    taken: set[int] = set()
    for number in rng.permutation(len(graph.nodes)).tolist():
        tail = float(rng.choice([0.0, 0.0, 2.0, 5.0])) if may_follow else 0.0
        entering = [arc for arc in graph.entering[number] if taken.isdisjoint(conflicts.zone(arc))]
        trail = follow((), entering[0], tail) if entering else ()
        leaving = ((entering[-1].cell, 1.5),) if entering and rng.random() < 0.3 else ()
        cells = {*cells_at(number, trail), *(cell for cell, _ in leaving)}
        if len(bodies) == 5 or not all(taken.isdisjoint(conflicts.of[cell]) for cell in cells):
            continue
        taken |= cells
        robot = RobotId(f"r{len(bodies)}")
        fixed = frozenset({entering[0].cell}) if entering and rng.random() < 0.1 else frozenset()
        bodies[robot] = Body(
            robot=robot,
            node=number,
            max_speed=float(rng.choice([0.6, 1.0])),
            priority=(len(bodies), robot),
            goal=int(rng.integers(len(graph.nodes))),
            ready=1.5 + float(rng.integers(0, 4)),
            leaving=leaving,
            trail=trail,
            tail=tail if trail else 0.0,
            fixed=fixed,
        )
    return bodies


def random_moves(graph: LaneGraph, conflicts: ConflictMap, bodies, seed: int, count: int) -> list[Move]:
    """Return an order without faults."""
    rng = np.random.default_rng(seed)
    moves: list[Move] = []
    at = {robot: body.node for robot, body in bodies.items()}
    for _ in range(count):
        robot = RobotId(f"r{int(rng.integers(len(bodies)))}")
        arcs = graph.leaving[at[robot]]
        if arcs:
            move = Move(robot=robot, arc=arcs[int(rng.integers(len(arcs)))])
            if not fault(bodies, [*moves, move], conflicts):
                moves.append(move)
                at[robot] = move.arc.end
    return moves


def numbered(tables: LaneTables, bodies, moves):
    numbers = tables.numbers(moves, {robot: k for k, robot in enumerate(bodies)})
    assert numbers is not None
    return numbers


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_orders_are_timed_and_checked_as_by_the_plain_twin(seed):
    graph, conflicts = random_lanes(seed)
    bodies = random_parties(graph, conflicts, seed, may_follow=True)
    tables = LaneTables(graph, conflicts)
    moves = random_moves(graph, conflicts, bodies, seed, 25)
    timed = TimedFleet(tables, Room(tables), bodies, moves, {})
    plain = Timetable(bodies, moves, conflicts)
    assert [timed.arrival(robot) for robot in bodies] == pytest.approx([plain.arrivals[robot] for robot in bodies])
    assert not timed.has_fault()

    rng = np.random.default_rng(seed + 1)
    broken = [moves[k] for k in sorted(rng.permutation(len(moves))[: max(len(moves) - 2, 0)].tolist())]
    if rng.random() < 0.5 and len(broken) > 1:
        broken[0], broken[-1] = broken[-1], broken[0]
    fleet = tables.fleet(bodies, {})
    first = first_fault(tables.graph, fleet, *numbered(tables, bodies, broken))
    plain_first = next((k for k in range(len(broken)) if fault(bodies, broken[: k + 1], conflicts)), -1)
    assert first == plain_first


def planned_arrival(timed, robot):
    """When a robot planned anew is where it stays, a refuge's penalty added; inf where there is no way."""
    is_planned = timed.is_known and timed._plan(robot, may_improve=False)
    return float(timed._room.paths.cost[timed._index[robot]]) if is_planned else math.inf


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 100_000), may_follow=st.booleans())
def test_a_robot_arrives_as_early_as_by_the_plain_twin(seed, may_follow):
    graph, conflicts = random_lanes(seed)
    bodies = random_parties(graph, conflicts, seed, may_follow=may_follow)
    tables = LaneTables(graph, conflicts)
    robot = RobotId("r0")
    moves = random_moves(graph, conflicts, bodies, seed, 20)
    table = Timetable(bodies, moves, conflicts)
    search = IntervalSearch(graph=graph, conflicts=conflicts, timetable=table, body=bodies[robot])
    goal = bodies[robot].goal
    to_goal = tables.to_goal(goal, bodies[robot].max_speed)
    steps = search.way_to(goal, to_goal.tolist())
    timed = TimedFleet(tables, Room(tables), bodies, moves, {robot: (goal, to_goal)})
    arrival = planned_arrival(timed, robot)
    if steps is None:
        assert arrival == math.inf
    elif not steps:
        assert arrival == bodies[robot].ready
    else:
        plain = steps[-1].start + steps[-1].arc.seconds(bodies[robot].max_speed)
        assert arrival == pytest.approx(plain, abs=1e-3)
    order = timed.insert(robot)
    if not may_follow:
        assert (order is None) == (steps is None)
    if order is not None:
        assert fault(bodies, order, conflicts) == ""


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_a_refuge_is_as_near_as_by_the_plain_twin(seed):
    graph, conflicts = random_lanes(seed)
    bodies = random_parties(graph, conflicts, seed, may_follow=False)
    tables = LaneTables(graph, conflicts)
    robot = RobotId("r0")
    penalty = np.random.default_rng(seed).choice([0.0, 6.0, math.inf], len(graph.nodes))
    moves = random_moves(graph, conflicts, bodies, seed, 20)
    table = Timetable(bodies, moves, conflicts)
    search = IntervalSearch(graph=graph, conflicts=conflicts, timetable=table, body=bodies[robot])
    steps = search.refuge(penalty.tolist())
    arrival = planned_arrival(TimedFleet(tables, Room(tables), bodies, moves, {robot: (None, penalty)}), robot)
    if steps is None:
        assert arrival == math.inf
    elif not steps:
        assert arrival == bodies[robot].ready
    else:
        plain = steps[-1].start + steps[-1].arc.seconds(bodies[robot].max_speed) + penalty[steps[-1].arc.end]
        assert arrival == pytest.approx(plain, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000), may_follow=st.booleans())
def test_improving_keeps_the_goals_and_makes_nobody_wait_for_good(seed, may_follow):
    graph, conflicts = random_lanes(seed)
    bodies = random_parties(graph, conflicts, seed, may_follow=may_follow)
    moves = random_moves(graph, conflicts, bodies, seed, 25)
    ends = {robot: body.node for robot, body in bodies.items()} | {move.robot: move.arc.end for move in moves}
    improved = Planner(graph, conflicts).improve(bodies, moves, ends)
    assert fault(bodies, improved, conflicts) == ""
    reached = {robot: body.node for robot, body in bodies.items()} | {m.robot: m.arc.end for m in improved}
    assert reached == ends
    before, after = (Timetable(bodies, order, conflicts).arrivals for order in (moves, improved))
    assert sum(after.values()) <= sum(before.values()) + 1e-6

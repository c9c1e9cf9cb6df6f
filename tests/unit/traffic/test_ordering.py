"""The fleet's order in closed loop: always without faults, whatever is late, silent, wanted anew or fails."""

import logging
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from robot_ops.core.ids import PlaceId, RobotId
from robot_ops.site.model import Site
from robot_ops.testing.lane_world import LaneWorld, Trouble
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.ordering import FleetOrder
from robot_ops.traffic.planner import Planner
from robot_ops.traffic.schedule import Move, fault

R0, R1, R2 = RobotId("r0"), RobotId("r1"), RobotId("r2")


def crossing(*starts: str) -> Site:
    """Two long corridors that cross at m, and places to stand at their ends."""
    nodes = {"m": (0.0, 0.0)}
    for name, x, y in (("e", 1, 0), ("w", -1, 0), ("n", 0, 1), ("s", 0, -1)):
        nodes |= {f"{name}{k}": (2.5 * k * x, 2.5 * k * y) for k in range(1, 13)}
    lanes = [f"m - {name}1" for name in "ewns"]
    lanes += [f"{name}{k} - {name}{k + 1}" for name in "ewns" for k in range(1, 12)]
    return lane_site(nodes, lanes, starts=starts)


def grid(width: int, height: int, robots: int) -> Site:
    nodes = {f"n{x}{y}": (2.5 * x, 2.5 * y) for x in range(width) for y in range(height)}
    lanes = [f"n{x}{y} - n{x + 1}{y}" for x in range(width - 1) for y in range(height)]
    lanes += [f"n{x}{y} - n{x}{y + 1}" for x in range(width) for y in range(height - 1)]
    return lane_site(nodes, lanes, starts=list(nodes)[:: max(1, len(nodes) // robots)][:robots])


def order_of(world: LaneWorld) -> FleetOrder:
    return world.control._order


def fault_of(world: LaneWorld) -> str:
    control = world.control
    goals = dict.fromkeys(control._tracks) | control._goals
    bodies = control._order._bodies(control._tracks, goals, world.now_ns)
    return fault(bodies, control._order.moves, control._conflicts)


def go(world: LaneWorld, goals: dict[RobotId, str]) -> None:
    for robot, goal in goals.items():
        world.robots[robot].want(PlaceId(goal))


def test_who_is_late_at_a_crossing_lets_the_other_pass():
    world = LaneWorld(crossing("w8", "s12"))
    go(world, {R0: "e8", R1: "n8"})
    assert world.run(4.0, until=lambda: bool(order_of(world).moves))
    before = [move.robot for move in order_of(world).moves if move.arc.end == world.control._graph.number["m"]]
    assert before[0] == R0
    world.robots[R0].pace = 0.0
    assert world.run(90.0, until=lambda: world.robots[R1].has_arrived)
    world.robots[R0].pace = 1.0
    assert world.run(60.0, until=lambda: world.robots[R0].has_arrived)


def test_who_holds_the_crossing_is_not_made_to_wait():
    world = LaneWorld(crossing("w2", "s8"))
    go(world, {R0: "e8", R1: "n8"})
    crossing_node = world.control._graph.number["m"]
    assert world.run(20.0, until=lambda: crossing_node in world.control._tracks[R0].path)
    world.robots[R0].pace = 0.0
    assert not world.run(30.0, until=lambda: world.robots[R1].has_arrived)
    world.robots[R0].pace = 1.0
    assert world.run(60.0, until=lambda: all(robot.has_arrived for robot in world.robots.values()))


class Failing(Planner):
    """A planner that raises, or whose orders are wrong."""

    def __init__(self, planner: Planner, spoil: Callable[[list[Move]], list[Move]]) -> None:
        self.__dict__.update(planner.__dict__)
        self._spoil = spoil

    def insert(self, bodies, moves, robot, goal):
        made = super().insert(bodies, moves, robot, goal)
        return None if made is None else self._spoil(made)


def crash(moves: list[Move]) -> list[Move]:
    raise ZeroDivisionError("nobody has foreseen this")


def turn_round(moves: list[Move]) -> list[Move]:
    return list(reversed(moves))


@pytest.mark.parametrize("spoil", [crash, turn_round])
def test_a_planner_that_fails_leaves_the_valid_order(spoil, caplog):
    world = LaneWorld(crossing("w6", "s8", "e12"))
    go(world, {R0: "e8", R1: "n8"})
    world.run(4.0)
    order = order_of(world)
    assert order.moves
    planner, order._planner = order._planner, Failing(order._planner, spoil)
    go(world, {R2: "e10"})
    with caplog.at_level(logging.ERROR):
        assert world.run(80.0, until=lambda: world.robots[R0].has_arrived and world.robots[R1].has_arrived)
        assert fault_of(world) == ""
    assert order.alarm.startswith("planning fails and is tried again")
    assert len(caplog.records) == 1
    order._planner = planner
    assert world.run(80.0, until=lambda: all(robot.has_arrived for robot in world.robots.values()))
    assert order.alarm == ""


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 1000),
    shape=st.sampled_from([(5, 4, 6), (7, 2, 4), (4, 4, 5)]),
    tails=st.sampled_from([(0.0,), (0.0, 1.5)]),
)
@example(seed=115, shape=(4, 4, 5), tails=(0.0,))  # one robot is not heard at all before the others start
def test_the_order_never_has_a_fault_and_takes_nothing_back(seed, shape, tails):
    world = LaneWorld(grid(*shape), seed=seed, trouble=Trouble(restart=0.0, change_of_goal=0.01, tails=tails))
    goals = [place.id for place in world.control._graph.site.places.values()]
    rng = np.random.default_rng(seed)
    while world.seconds < 40.0:
        world.roam(goals)
        for robot in world.robots.values():
            robot.is_silent = bool(rng.random() < (0.98 if robot.is_silent else 0.01))
        before = {robot: (robot.goal_seq, [w.node for w in robot.held]) for robot in world.robots.values()}
        world.run(0.4)
        assert fault_of(world) == ""
        assert order_of(world).alarm == ""
        for robot, (goal_seq, held) in before.items():
            track = world.control._tracks.get(robot.robot)
            if track is not None and goal_seq == track.goal_seq == robot.goal_seq and robot.by_hand is None:
                nodes = [world.control._graph.nodes[number] for number in track.path]
                assert held[-1] in nodes


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_without_delays_somebody_always_moves(seed):
    world = LaneWorld(grid(5, 4, 6), seed=seed)
    rng = np.random.default_rng(seed)
    places = list(world.control._graph.site.places.values())
    for robot, index in zip(world.robots.values(), rng.permutation(len(places)), strict=False):
        robot.want(places[index].id)
    world.run(5.0)
    while not all(robot.has_arrived for robot in world.robots.values()):
        meters = sum(robot.meters for robot in world.robots.values())
        world.run(5.0)
        assert sum(robot.meters for robot in world.robots.values()) > meters
        assert world.seconds < 300.0

"""The action dependency graph of an order of moves, and better orders when somebody is late.

The graph (Hoenig et al. 2019) has one vertex per move; who passes first where two robots get in each other's way is
decided per group and can be switched (Berndt et al. 2020; "bidirectional" in Su, Veerapaneni and Li 2024; "switchable"
in Feng et al. 2024). Only acyclic results are kept, so that whatever is late, somebody can always go on.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from robot_ops.traffic.kernels import arrivals, switching
from robot_ops.traffic.kernels.arrays import ArrayGraph, Floats, Ints
from robot_ops.traffic.kernels.dependencies import Dependencies, Walks, build
from robot_ops.traffic.lane_tables import LaneTables
from robot_ops.traffic.schedule import Bodies, Move


class MoveOrder(NamedTuple):
    """Moves in an order in which they can be driven one at a time: (moves,) numbers of the robot and of the arc."""

    robot: Ints
    arc: Ints


class DependencyGraph:
    """A graph with its state: who goes first where, what is done, who is late.

    Args:
        graph: lanes or a grid.
        walks: the robots and their moves; their order must be one in which they can be driven one at a time.
        weights: (robots,) what a second of each robot's arrival counts; None for all the same.
    """

    def __init__(self, graph: ArrayGraph, walks: Walks, weights: Floats | None = None) -> None:
        robots, moves = len(walks.start), len(walks.arc)
        made, side = build(graph, walks)
        order = np.empty(moves, dtype=np.int32)
        order[walks.rank] = np.arange(moves, dtype=np.int32)
        self.graph: Dependencies = made
        self.state = arrivals.State(
            side=side,
            order=order,
            rank=walks.rank.copy(),
            start=np.zeros(moves),
            done=np.zeros(robots, dtype=np.int32),
            ready=np.zeros(robots),
            duration=np.empty(moves),
            lag=np.empty(len(made.source)),
            weight=np.ones(robots) if weights is None else np.asarray(weights, dtype=np.float64),
        )
        self._given = walks.rank
        self._work = switching.workspace(robots, moves, len(side))
        arrivals.set_pace(made, self.state, np.ones(robots))
        arrivals.schedule(made, self.state)

    @property
    def cost(self) -> float:
        """Return the weighted sum of all robots' expected arrivals, in seconds."""
        return arrivals.cost(self.graph, self.state)

    def arrivals(self) -> Floats:
        """Return (robots,) when each is expected at the end of its moves, in seconds."""
        return np.array([arrivals.arrival(self.graph, self.state, r) for r in range(len(self.state.done))])

    def set_progress(self, done: Ints, ready: Floats, pace: Floats | None = None) -> None:
        """Note what has happened and renew the expected times.

        Args:
            done: (robots,) how many of its moves each has ended; never switched any more.
            ready: (robots,) seconds until each can start its next move at the earliest, from one instant for good.
            pace: (robots,) factor on the durations of each robot's moves, 1 where it is as quick as planned.
        """
        switching.note_progress(self.graph, self.state, self._work, done, ready)
        if pace is not None:
            arrivals.set_pace(self.graph, self.state, pace)
            arrivals.schedule(self.graph, self.state)

    def is_switchable(self, group: int) -> bool:
        """Return whether who goes first in a group is still open."""
        return arrivals.is_switchable(self.graph, self.state, group)

    def switch(self, group: int) -> bool:
        """Turn a group to its other side; return False, and change nothing, where that cannot be."""
        if not self.is_switchable(group) or not switching.switch(self.graph, self.state, self._work, group):
            return False
        arrivals.schedule(self.graph, self.state)
        return True

    def improve(self, budget: int, least_gain: float = 1e-6) -> float:
        """Turn groups that lower the cost, those that cost the robots' arrivals most first.

        Args:
            budget: how often moves may be looked at; least_gain: seconds that each turn must gain.

        Returns:
            by how many seconds the cost is less.
        """
        return switching.improve(self.graph, self.state, self._work, budget, least_gain)

    def order(self) -> Ints:
        """Return (moves,) the places in the order given first of all moves, in their order now: by expected start."""
        order = self.state.order[np.argsort(self.state.start[self.state.order], kind="stable")]
        return self._given[order]


def walks_of_order(order: MoveOrder, starts: Ints, speeds: Floats | None = None) -> Walks:
    """Return robots without parties, and their moves.

    Args:
        starts: (robots,) nodes; speeds: (robots,) m/s, None where the arcs' speeds alone count.
    """
    robots = len(starts)
    by_robot = np.argsort(order.robot, kind="stable").astype(np.int32)
    nothing, rows = np.empty(0, dtype=np.int32), np.zeros(robots + 1, dtype=np.int32)
    return Walks(
        first_move=_firsts(np.bincount(order.robot, minlength=robots).tolist()),
        arc=np.ascontiguousarray(order.arc[by_robot], dtype=np.int32),
        robot=np.ascontiguousarray(order.robot[by_robot], dtype=np.int32),
        rank=by_robot,
        start=np.ascontiguousarray(starts, dtype=np.int32),
        speed=np.full(robots, np.inf) if speeds is None else speeds,
        tail=np.zeros(robots),
        first_trail=rows,
        trail_cell=nothing,
        trail_length=np.empty(0),
        first_held=rows,
        held_cell=nothing,
        held_until=np.empty(0),
    )


def walks_of_bodies(bodies: Bodies, moves: Sequence[Move], tables: LaneTables) -> tuple[Walks, Floats]:
    """Return the robots and their moves, robots in the order of `bodies`, and when each is ready in seconds.

    Args:
        tables: of the lanes that they drive on.

    Raises:
        ValueError: somebody else's move, or one along lanes that are closed.
    """
    numbers = tables.numbers(moves, {robot: k for k, robot in enumerate(bodies)})
    if numbers is None:
        raise ValueError("a move of a robot, or along a lane, that is not known")
    order = MoveOrder(*numbers)
    everybody = list(bodies.values())
    starts = np.array([body.node for body in everybody], dtype=np.int32)
    walks = walks_of_order(order, starts, np.array([body.max_speed for body in everybody]))
    trails = [lane for body in everybody for lane in body.trail]
    held = [part for body in everybody for part in body.leaving]
    made = walks._replace(
        tail=np.array([body.tail for body in everybody]),
        first_trail=_firsts([len(body.trail) for body in everybody]),
        trail_cell=np.array([cell for cell, _ in trails], dtype=np.int32),
        trail_length=np.array([length for _, length in trails], dtype=np.float64),
        first_held=_firsts([len(body.leaving) for body in everybody]),
        held_cell=np.array([cell for cell, _ in held], dtype=np.int32),
        held_until=np.array([until for _, until in held], dtype=np.float64),
    )
    return made, np.array([body.ready for body in everybody])


def _firsts(counts: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

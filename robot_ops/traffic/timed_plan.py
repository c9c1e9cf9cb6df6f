"""Timed plans of many robots on arrays: prioritized planning, the timing of orders, improvement as long as wanted.

A plan has seconds for every start; it is what benchmarks measure. `Planner` uses the same kernels for the live fleet.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from robot_ops.core.errors import RequestError
from robot_ops.traffic.kernels.arrays import ArrayGraph, Floats, Ints
from robot_ops.traffic.kernels.choosing import Repair
from robot_ops.traffic.kernels.claims import (
    Claims,
    Fleet,
    Paths,
    claims_for,
    clear_claims,
    grown,
    moves_of,
    paths_for,
    widened,
    write_robot,
)
from robot_ops.traffic.kernels.distances import reverse_arcs, times_to
from robot_ops.traffic.kernels.neighborhood import ARMS, LARGEST, improve, prioritize, settle
from robot_ops.traffic.kernels.orders import cost_paths, split_order, time_order
from robot_ops.traffic.kernels.timed import Search, search_for

_ATTEMPTS: Final = 20
"""Orders of priority that are tried before prioritized planning gives up."""
_FIRST_SCORE: Final = 1e-3
"""What each kind of neighborhood is thought to gain per work at first: some seconds in a thousand expansions."""
_RISE: Final = 0.7
"""What a try may cost more in the mean, of the time that an arc takes: by measurement on grids."""
_LEAVE_SECONDS: Final = 0.5
"""Until a robot that has left the node behind it by the clear distance is known to have."""


class TimedPlan:
    """Ways with times for robots that each have a node to start from and one to end at for good.

    Args:
        graph: lanes, or a grid.
        starts, goals: (robots,) nodes; max_speeds: (robots,) m/s.
        seed: of all randomness; the same seed gives the same plan.

    Attributes:
        has_plan: whether there is one, by `prioritize` or `load_order`.
        order: (robots,) priorities, the first planned first.

    Raises:
        RequestError: arrays of different lengths, an unknown node, robots that share one, or a speed that is not above
            0.
    """

    def __init__(
        self, graph: ArrayGraph, starts: Sequence[int], goals: Sequence[int], max_speeds: Sequence[float], seed: int
    ) -> None:
        self._graph = graph
        self._fleet = fleet_of_runs(graph, starts, goals, max_speeds)
        robots = len(self._fleet.node)
        least = self._fleet.bound[self._fleet.row, self._fleet.node]
        self._lower: Floats = least
        self._rng = np.random.default_rng(seed)
        arcs_at_least = int(
            np.nanmax(np.where(np.isfinite(least), least, 0.0) / self._fleet.seconds.min(), initial=0.0)
        )
        self._paths: Paths = paths_for(robots, 2 * arcs_at_least + 64)
        rows = len(graph.conflict) / max(len(graph.first_conflict) - 1, 1)
        self._claims: Claims = claims_for(
            len(graph.first_conflict) - 1, robots, int(rows * robots * (2 * arcs_at_least + 16)) + 64
        )
        self._search: Search = search_for(len(graph.first_arc) - 1, self._claims)
        self._repair: Repair = repair_for(graph, self._fleet, self._paths, self._lower, seed)
        self.order: Ints = np.argsort(least, kind="stable").astype(np.int32)
        self.has_plan = False

    @property
    def cost(self) -> float:
        """Return the sum of the arrival times in seconds, inf before there is a plan."""
        return float(self._paths.arrival.sum()) if self.has_plan else math.inf

    @property
    def lower_bound(self) -> float:
        """Return the sum of the robots' least times without any others, in seconds."""
        return float(self._lower.sum())

    @property
    def tries(self) -> int:
        """Return how many neighborhoods have been tried so far."""
        return int(self._repair.counts[2])

    def prioritize(self) -> bool:
        """Plan one robot after another, in several orders of priority; return whether one led to a plan."""
        robots = len(self._fleet.node)
        order = self.order
        for _ in range(_ATTEMPTS):
            clear_claims(self._claims)
            planned = prioritize(self._graph, self._fleet, self._claims, self._search, self._paths, order)
            if planned == robots:
                self.order, self.has_plan = order, True
                return True
            if planned < 0:
                self._grow()
            else:
                order = np.concatenate([order[planned : planned + 1], order[:planned], order[planned + 1 :]])
        return False

    def load_order(self, robots: Ints, arcs: Ints) -> None:
        """Take a joint plan over, in place of any other: each move starts as soon as nothing earlier is in its way.

        Args:
            robots, arcs: (moves,) in an order in which they can be driven one at a time, to all goals.
        """
        robots, arcs = robots.astype(np.int32), arcs.astype(np.int32)
        start = np.empty(len(robots))
        arrival = np.empty(len(self._fleet.node))
        time_order(self._graph, self._fleet, robots, arcs, start, arrival)
        longest = split_order(self._fleet, robots, arcs, start, arrival, self._paths)
        if longest > self._paths.arc.shape[1]:
            self._widen(longest + 16)
            split_order(self._fleet, robots, arcs, start, arrival, self._paths)
        cost_paths(self._graph, self._fleet, self._paths)
        clear_claims(self._claims)
        for robot in range(len(self._fleet.node)):
            while not write_robot(self._graph, self._fleet, self._claims, self._paths, robot):
                self._grow()
        self.has_plan = True

    def resume(self, nodes: Ints, ready: Floats, robots: Ints, arcs: Ints) -> None:
        """Go on from where everybody is by now.

        Who has no moves left stays where it is. Who is not ready keeps its way, others go around it: while it is taken
        out of the table, nothing there says that it stands where it is.

        Args:
            nodes: (robots,); ready: (robots,) seconds from now until each can start its next move.
            robots, arcs: (moves,) that are left, in an order in which they can be driven one at a time, to all goals.
        """
        self._fleet.node[:], self._fleet.ready[:] = nodes, ready
        self._lower[:] = ready + self._fleet.bound[self._fleet.row, nodes]
        self._repair.movable[:] = (np.bincount(robots, minlength=len(nodes)) > 0) & (ready <= 0.0)
        self.load_order(robots, arcs)

    def improve(self, iterations: int) -> None:
        """Try so many neighborhoods of robots; the cost never rises. Without a plan nothing is done."""
        left = iterations if self.has_plan and len(self._fleet.node) > 0 else 0
        while left > 0:
            left = improve(self._graph, self._fleet, self._claims, self._search, self._paths, self._repair, left)
            while not settle(self._graph, self._fleet, self._claims, self._paths, self._repair):
                self._grow()
            if left > 0:
                self._grow()

    def moves(self) -> tuple[Ints, Ints, Floats]:
        """Return the robots, arcs and starts (seconds) of all moves, in the order of their starts."""
        return moves_of(self._paths)

    def _grow(self) -> None:
        self._claims = grown(self._claims)
        self._search = search_for(len(self._graph.first_arc) - 1, self._claims)
        self._widen(2 * self._paths.arc.shape[1])

    def _widen(self, longest: int) -> None:
        self._paths = widened(self._paths, longest)
        self._repair = widened_repair(self._repair, longest)


def repair_for(graph: ArrayGraph, fleet: Fleet, paths: Paths, lower: Floats, seed: int) -> Repair:
    """Return the room and memory of a large-neighborhood search in which every robot may move."""
    robots, nodes = len(fleet.node), len(graph.first_arc) - 1
    return Repair(
        movable=np.ones(robots, dtype=np.bool_),
        lower=lower,
        chosen=np.zeros(max(robots, 1), dtype=np.int32),
        is_chosen=np.zeros(robots, dtype=np.bool_),
        is_tabu=np.zeros(robots, dtype=np.bool_),
        kept=paths_for(LARGEST, paths.arc.shape[1]),
        best=paths_for(robots, paths.arc.shape[1]),
        costs=np.array([0.0, 0.0, _mean_rise(fleet)]),
        score=np.full(ARMS, _FIRST_SCORE),
        random=np.array([(seed * 2654435761 + 88172645) % 0xFFFFFFFF + 1], dtype=np.int64),
        queue=np.zeros(nodes, dtype=np.int32),
        seen=np.zeros(nodes, dtype=np.int64),
        counts=np.zeros(5, dtype=np.int64),
    )


def widened_repair(repair: Repair, longest: int) -> Repair:
    """Return it with room for ways of so many arcs."""
    return repair._replace(kept=widened(repair.kept, longest), best=widened(repair.best, longest))


def _mean_rise(fleet: Fleet) -> float:
    """Return what a try may cost more in the mean, in weighted seconds."""
    seconds = fleet.seconds[np.isfinite(fleet.seconds)]
    if not len(seconds) or not len(fleet.weight):
        return 0.0
    return _RISE * float(np.median(seconds)) * float(fleet.weight.mean())


def paces(graph: ArrayGraph, max_speeds: Floats, has_tail: Sequence[bool] = ()) -> tuple[Floats, Floats]:
    """Return (speeds, arcs) how long arcs take, and how long after their start the node behind is free, seconds."""
    speed = np.minimum(graph.arc_speed[None, :], max_speeds[:, None])
    seconds = graph.arc_length[None, :] / speed + graph.arc_extra[None, :]
    if graph.leave_distance <= 0.0:
        return seconds, np.zeros_like(seconds)
    left = np.minimum(seconds, graph.leave_distance / speed + _LEAVE_SECONDS)
    is_short = graph.arc_length <= graph.leave_distance
    leaving = np.where(is_short[None, :], seconds, left)
    for row, is_party in enumerate(has_tail):
        if is_party:
            leaving[row] = seconds[row]
    return seconds, leaving


def fleet_of_runs(graph: ArrayGraph, starts: Sequence[int], goals: Sequence[int], max_speeds: Sequence[float]) -> Fleet:
    """Return robots that stand on nodes, alone, with all a goal.

    Raises:
        RequestError: arrays of different lengths, an unknown node, or a speed that is not above 0.
    """
    nodes = len(graph.first_arc) - 1
    node, goal = np.asarray(starts, dtype=np.int32), np.asarray(goals, dtype=np.int32)
    speeds = np.asarray(max_speeds, dtype=np.float64)
    if not len(node) == len(goal) == len(speeds):
        raise RequestError("starts, goals and speeds differ in number", mend="Give one of each per robot")
    for number in (*node, *goal):
        if not 0 <= number < nodes:
            raise RequestError(f"there is no node {number}", mend=f"Name nodes 0 to {nodes - 1}")
    for what, numbers in (("start", node), ("goal", goal)):
        shared = np.flatnonzero(np.bincount(numbers, minlength=nodes) > 1)
        if len(shared):
            raise RequestError(f"two robots share the {what} {shared[0]}", mend="Give every robot one of its own")
    if not (speeds > 0.0).all():
        raise RequestError("a robot's top speed is not above 0 m/s", mend="Give speeds above 0 m/s")
    kinds, pace = np.unique(speeds, return_inverse=True)
    seconds, leaving = paces(graph, kinds)
    first_entering, entering = reverse_arcs(graph)
    is_blocked = np.zeros(len(graph.first_conflict) - 1, dtype=np.bool_)
    keys = sorted({(int(g), int(p)) for g, p in zip(goal, pace, strict=True)})
    row_of = {key: row for row, key in enumerate(keys)}
    bound = np.empty((len(keys), nodes))
    for row, (g, p) in enumerate(keys):
        bound[row] = times_to(graph, first_entering, entering, seconds[p], g, is_blocked)
    robots = len(node)
    none = np.zeros(robots + 1, dtype=np.int32)
    return Fleet(
        node=node,
        ready=np.zeros(robots),
        goal=goal,
        weight=np.ones(robots),
        tail=np.zeros(robots),
        pace=pace.astype(np.int32),
        seconds=seconds,
        leaving=leaving,
        row=np.array([row_of[int(g), int(p)] for g, p in zip(goal, pace, strict=True)], dtype=np.int32),
        bound=bound,
        first_extra=none,
        extra_cell=np.zeros(0, dtype=np.int32),
        extra_until=np.zeros(0),
        first_trail=none,
        trail_cell=np.zeros(0, dtype=np.int32),
        trail_length=np.zeros(0),
    )

"""Joint planning of all robots: an order of moves that brings everybody to its goal (LaCAM* with PIBT, compiled).

Complete: where a solution exists it is found if the search may run long enough; and where it may go on long enough
after that, no plan of joint steps is better than its last. It gives an order of moves without times; robots whose moves
do not conflict drive them at the same time anyway.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from robot_ops.traffic.array_graph import of_grid, of_lanes
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.joint_memory import enlarged, make_board, make_team, make_tree
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints
from robot_ops.traffic.kernels.board import FREE_FORKS, ROOMY_FORKS, Board, Team
from robot_ops.traffic.kernels.joint import BEST, FULL, SOLVED, SPENT, plant, search
from robot_ops.traffic.kernels.joint_tree import EPSILON, moves_of
from robot_ops.traffic.kernels.loops import needed_moves
from robot_ops.traffic.schedule import Body, Move, Trail

_LEAST_STEPS: Final = 100
_STEPS_EACH: Final = 4
_SWAPS: Final = (ROOMY_FORKS, ROOMY_FORKS, FREE_FORKS)
"""What counts as a fork in the attempts one after another: which serves best differs from case to case."""
_NOISE: Final = 0.2
"""How much chance weighs in a choice, of the time that an arc takes on average."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointPlan:
    """Moves in an order in which they can be driven one at a time.

    Attributes:
        robots, arcs: (moves,) who drives what.
        steps: (moves,) ascending; the joint step that a move belongs to, from 0. In one step a robot moves at most
            once; on a grid all moves of a step can be made at the same time.
        loss: seconds of all moves, a usual arc's at least, and as much for every step in which a robot waits away from
            its goal.
        is_best: no plan of joint steps loses less.
    """

    robots: Ints
    arcs: Ints
    steps: Ints
    loss: float
    is_best: bool


class JointSearch:
    """Plans all movable robots together.

    Args:
        bodies: the movable robots, the most important first.
        goals: per robot the node it must end at, None where it may end anywhere.
        firm: cells taken up for good by robots that must not move.
        arrays: the graph as `of_lanes` gives it, where it is at hand already.
    """

    def __init__(
        self,
        *,
        graph: LaneGraph,
        conflicts: ConflictMap,
        bodies: Sequence[Body],
        goals: Sequence[int | None],
        firm: Sequence[int],
        arrays: tuple[ArrayGraph, tuple[Arc, ...]] | None = None,
    ) -> None:
        self._graph, self._arcs = arrays if arrays is not None else of_lanes(graph, conflicts)
        self._bodies = bodies
        self._goals = goals
        self._firm = firm

    def solve(self, limit: int) -> list[Move] | None:
        """Return the moves in an order in which they can be driven one at a time; None where none was found.

        Args:
            limit: how many joint steps may be tried.
        """
        plan = solve_arrays(
            self._graph,
            np.array([body.node for body in self._bodies], dtype=np.int32),
            np.array([-1 if goal is None else goal for goal in self._goals], dtype=np.int32),
            np.array([body.max_speed for body in self._bodies], dtype=np.float64),
            limit,
            0,
            tails=np.array([body.tail for body in self._bodies], dtype=np.float64),
            trails=[body.trail for body in self._bodies],
            urgency=np.array([body.urgency for body in self._bodies], dtype=np.int32),
            firm=np.array(self._firm, dtype=np.int32),
            barred=[body.barred for body in self._bodies],
        )
        if plan is None:
            return None
        return [
            Move(robot=self._bodies[robot].robot, arc=self._arcs[arc])
            for robot, arc in zip(plan.robots.tolist(), plan.arcs.tolist(), strict=True)
        ]


def solve_arrays(
    graph: ArrayGraph,
    starts: Ints,
    goals: Ints,
    max_speeds: Floats,
    limit: int,
    seed: int,
    *,
    tails: Floats | None = None,
    trails: Sequence[Trail] = (),
    urgency: Ints | None = None,
    firm: Ints | None = None,
    barred: Sequence[frozenset[int]] = (),
    more: int = 0,
) -> JointPlan | None:
    """Plan all robots from their starts to their goals.

    Args:
        starts, goals: (robots,) nodes, the most important robot first; goal -1 where a robot may end anywhere.
        max_speeds: (robots,) m/s.
        limit: how many joint steps may be tried.
        seed: of the choices between equals; the same seed gives the same plan.
        tails: (robots,) meters of the parties; trails: what they take up at the start.
        urgency: (robots,) of what they drive for, larger goes first; all alike by default.
        firm: cells taken up for good by robots that must not move.
        barred: per robot the nodes that it must never be sent to; none by default.
        more: how many joint steps may be tried after the first plan to find a better one; the more, the better is it.

    Returns:
        the plan, None where none was found.
    """
    if not len(starts):
        none = np.empty(0, np.int32)
        return JointPlan(robots=none, arcs=none, steps=none, loss=0.0, is_best=True)
    lengths = np.zeros(len(starts)) if tails is None else tails
    team = make_team(
        graph,
        goals=goals,
        max_speeds=max_speeds,
        tails=lengths,
        is_barred=None if firm is None else _barred(graph, firm),
        barred=barred,
    )
    degrees = np.zeros(len(starts), dtype=np.int32) if urgency is None else urgency
    return _Attempts(graph, team, starts, trails, degrees, seed).solve(limit, more)


class _Attempts:
    """Several searches for one plan, each with another order of robots and some chance in their choices.

    Urgent robots choose first in all of them; among equals, in the first search, who has the longest way.

    Most searches end soon or hardly ever, so many short ones find a plan sooner than a long one. What is left of the
    steps goes into the first, which is complete.
    """

    def __init__(
        self, graph: ArrayGraph, team: Team, starts: Ints, trails: Sequence[Trail], urgency: Ints, seed: int
    ) -> None:
        self._graph = graph
        self._team = team
        self._starts = starts
        self._trails = trails
        self._urgency = urgency
        self._seed = seed

    def solve(self, limit: int, more: int) -> JointPlan | None:
        search = self._solved(limit)
        return None if search is None else search.best_plan(more)

    def _solved(self, limit: int) -> "_Search | None":
        """Return a search that has found a plan."""
        first = self._begin(0)
        unit = self._unit()
        state = first.run(min(unit, limit))
        left = limit - first.steps
        attempt = 0
        while state == SPENT and left > max(unit, limit // 4):
            attempt += 1
            other = self._begin(attempt)
            state = other.run(min(unit * luby(attempt), left))
            left -= other.steps
            if state == SOLVED:
                return other
        if state == SPENT and left > 0:
            state = first.run(left)
        return first if state == SOLVED else None

    def _begin(self, attempt: int) -> "_Search":
        rng = np.random.default_rng((self._seed, attempt))
        robots = len(self._starts)
        luck = -self._times() if attempt == 0 else rng.permutation(robots)
        rank = np.argsort(np.lexsort((luck, -self._urgency)))
        board = make_board(
            self._graph,
            starts=self._starts,
            tails=self._team.tail,
            trails=self._trails,
            seed=int(rng.integers(2**31)),
        )
        noise = 0.0 if attempt == 0 else _NOISE * self._team.usual
        team = self._team._replace(noise=noise, swaps=_SWAPS[attempt % len(_SWAPS)])
        return _Search(self._graph, team, board, rank.astype(np.int32))

    def _unit(self) -> int:
        """Return how many steps a search needs that goes well."""
        return _LEAST_STEPS + _STEPS_EACH * math.ceil(float(self._times().max()) / self._team.usual)

    def _times(self) -> Floats:
        """Return (robots,) how long each would drive if it were alone; 0 without a goal or a way."""
        row = self._team.row
        if not len(self._team.to_goal):
            return np.zeros(len(row))
        times = self._team.to_goal[row, self._starts]
        return np.where((row >= 0) & np.isfinite(times), times, 0.0)


class _Search:
    """One search."""

    def __init__(self, graph: ArrayGraph, team: Team, board: Board, rank: Ints) -> None:
        self._graph = graph
        self._team = team
        self._board = board
        self._rank = rank
        self._tree = make_tree(board)
        plant(team, board, self._tree, rank)

    @property
    def steps(self) -> int:
        """Return how many joint steps were tried so far."""
        return int(self._tree.used[4])

    def run(self, steps: int) -> int:
        """Go on for so many joint steps; return SOLVED, BEST, IMPOSSIBLE or SPENT."""
        last = self.steps + steps
        while True:
            state = search(self._graph, self._team, self._board, self._tree, self._rank, last - self.steps)
            if state != FULL:
                return state
            self._tree = enlarged(self._tree)

    def best_plan(self, more: int) -> JointPlan:
        """Return the best plan after so many joint steps more; a plan must be known."""
        last = self.steps + more
        best = self._plan()
        while self.steps < last:
            state = self.run(last - self.steps)
            if state == SPENT:
                break
            plan = self._plan()
            best = plan if plan.loss < best.loss else best
            if state == BEST:
                return replace(best, is_best=True)
        return best

    def _plan(self) -> JointPlan:
        """Return the best plan known, without moves that nobody needs where it loses no more without them.

        It may lose more: who makes way at its goal and comes back is there for a while, and then does not wait.
        """
        robots, arcs, steps = moves_of(self._tree)
        kept = needed_moves(self._graph, self._team.tail, robots, arcs)
        whole, trimmed = self._as_plan(robots, arcs, steps), self._as_plan(robots[kept], arcs[kept], steps[kept])
        return trimmed if trimmed.loss <= whole.loss + EPSILON else whole

    def _as_plan(self, robots: Ints, arcs: Ints, steps: Ints) -> JointPlan:
        """Return the moves as a plan whose steps have no gaps."""
        dense = np.unique(steps, return_inverse=True)[1].astype(np.int32)
        return JointPlan(robots=robots, arcs=arcs, steps=dense, loss=self._loss(robots, arcs, dense), is_best=False)

    def _loss(self, robots: Ints, arcs: Ints, steps: Ints) -> float:
        """Return what a plan loses; see `JointPlan.loss`."""
        team, count = self._team, int(steps.max(initial=-1)) + 1
        seconds = float(np.maximum(team.arc_seconds[team.speed_row[robots], arcs], team.usual).sum())
        starts = self._tree.place[0]
        ends = np.tile(starts, (count + 1, 1))
        for robot, arc, step in zip(robots.tolist(), arcs.tolist(), steps.tolist(), strict=True):
            ends[step + 1 :, robot] = self._graph.arc_end[arc]
        is_moving = np.zeros((count, len(starts)), dtype=np.bool_)
        is_moving[steps, robots] = True
        is_waiting = ~is_moving & (team.goal >= 0) & (ends[:-1] != team.goal)
        return seconds + team.usual * float(is_waiting.sum())


def luby(number: int) -> int:
    """Return a term of the sequence 1, 1, 2, 1, 1, 2, 4, ... (Luby 1993), the best to restart by; from 1."""
    while True:
        power = number.bit_length()
        if number == (1 << power) - 1:
            return 1 << (power - 1)
        number -= (1 << (power - 1)) - 1


def compile_kernels() -> None:
    """Plan one step on a small grid, which has all kernels of joint planning compiled."""
    graph, _ = of_grid(np.ones((1, 2), dtype=np.bool_))
    solve_arrays(graph, np.zeros(1, np.int32), np.ones(1, np.int32), np.ones(1), 10, 0)


def _barred(graph: ArrayGraph, firm: Ints) -> Bools:
    """Return (arcs,) which arcs robots on these cells keep others from driving for good."""
    is_firm = np.zeros(len(graph.first_conflict) - 1, dtype=np.bool_)
    is_firm[firm] = True
    blocked = np.concatenate([[0], np.cumsum(is_firm[graph.blocker])])
    return np.asarray(blocked[graph.first_blocker[1:]] > blocked[graph.first_blocker[:-1]], dtype=np.bool_)

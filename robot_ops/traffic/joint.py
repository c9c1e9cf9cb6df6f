"""Joint planning of all robots: an order of moves that brings everybody to its goal (LaCAM with PIBT, compiled).

Complete: where a solution exists it is found if the search may run long enough. It gives an order of moves without
times; robots whose moves do not conflict drive them at the same time anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robot_ops.traffic.array_graph import of_lanes
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.joint_memory import enlarged, make_board, make_team, make_tree
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints
from robot_ops.traffic.kernels.board import Board, Team
from robot_ops.traffic.kernels.joint import FULL, SOLVED, moves_of, plant, search
from robot_ops.traffic.schedule import Body, Move, Trail


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointPlan:
    """Moves in an order in which they can be driven one at a time.

    Attributes:
        robots, arcs: (moves,) who drives what.
        steps: (moves,) ascending; the joint step that a move belongs to, from 0. In one step a robot moves at most
            once; on a grid all moves of a step can be made at the same time.
    """

    robots: Ints
    arcs: Ints
    steps: Ints


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
            firm=np.array(self._firm, dtype=np.int32),
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
    firm: Ints | None = None,
) -> JointPlan | None:
    """Plan all robots from their starts to their goals.

    Args:
        starts, goals: (robots,) nodes, the most important robot first; goal -1 where a robot may end anywhere.
        max_speeds: (robots,) m/s.
        limit: how many joint steps may be tried.
        seed: of the choices between equals; the same seed gives the same plan.
        tails: (robots,) meters of the parties; trails: what they take up at the start.
        firm: cells taken up for good by robots that must not move.

    Returns:
        the plan, None where none was found.
    """
    if not len(starts):
        return JointPlan(robots=np.empty(0, np.int32), arcs=np.empty(0, np.int32), steps=np.empty(0, np.int32))
    lengths = np.zeros(len(starts)) if tails is None else tails
    team = make_team(
        graph,
        goals=goals,
        max_speeds=max_speeds,
        tails=lengths,
        is_barred=None if firm is None else _barred(graph, firm),
    )
    board = make_board(graph, starts=starts, tails=lengths, trails=trails, seed=seed)
    return _search(graph, team, board, np.arange(len(starts), dtype=np.int32), limit)


def _search(graph: ArrayGraph, team: Team, board: Board, rank: Ints, limit: int) -> JointPlan | None:
    tree = make_tree(board)
    plant(team, board, tree, rank)
    while True:
        state = search(graph, team, board, tree, rank, limit - int(tree.used[4]))
        if state != FULL:
            break
        tree = enlarged(tree)
    if state != SOLVED:
        return None
    robots, arcs, steps = moves_of(tree)
    return JointPlan(robots=robots, arcs=arcs, steps=steps)


def _barred(graph: ArrayGraph, firm: Ints) -> Bools:
    """Return (arcs,) which arcs robots on these cells keep others from driving for good."""
    is_firm = np.zeros(len(graph.first_conflict) - 1, dtype=np.bool_)
    is_firm[firm] = True
    blocked = np.concatenate([[0], np.cumsum(is_firm[graph.blocker])])
    return np.asarray(blocked[graph.first_blocker[1:]] > blocked[graph.first_blocker[:-1]], dtype=np.bool_)

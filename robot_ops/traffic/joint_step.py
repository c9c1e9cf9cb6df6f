"""One step after another by PIBT alone: for lifelong traffic, where goals change all the time."""

import numpy as np

from robot_ops.traffic.joint_memory import make_board
from robot_ops.traffic.kernels.arrays import ArrayGraph, Floats, Ints
from robot_ops.traffic.kernels.board import FREE_FORKS, Team
from robot_ops.traffic.kernels.distances import arc_seconds
from robot_ops.traffic.kernels.pibt import take_step
from robot_ops.traffic.kernels.swaps import passing_arcs


class JointStepper:
    """Robots that make one joint step after another; nobody looks further ahead than its table of times.

    Args:
        starts: (robots,) nodes.
        to_goal: (rows, nodes) seconds to goals, as from `times_to_all`; rows may be changed in place between steps.
        max_speed: m/s of all robots.
        seed: of the choices between equals.
    """

    def __init__(
        self, graph: ArrayGraph, starts: Ints, to_goal: Floats, *, max_speed: float = 1.0, seed: int = 0
    ) -> None:
        robots, arcs = len(starts), len(graph.arc_start)
        self._graph = graph
        self._board = make_board(graph, starts=starts, tails=np.zeros(robots), seed=seed)
        self._team = Team(
            goal=np.full(robots, -1, dtype=np.int32),
            row=np.full(robots, -1, dtype=np.int32),
            to_goal=to_goal,
            speed_row=np.zeros(robots, dtype=np.int32),
            arc_seconds=arc_seconds(graph, max_speed)[None, :].copy(),
            tail=np.zeros(robots),
            is_barred=np.zeros(arcs, dtype=np.bool_),
            is_passing=passing_arcs(graph),
            usual=1.0,
            noise=0.0,
            swaps=FREE_FORKS,
        )

    @property
    def nodes(self) -> Ints:
        """Return (robots,) where everybody stands."""
        return self._board.cell.copy()

    def take(self, goals: Ints, rows: Ints, priorities: Floats) -> tuple[Ints, Ints]:
        """Make one step; return (moves,) robots and arcs, in an order in which they can be driven one at a time.

        Args:
            goals: (robots,) nodes, -1 for none; rows: (robots,) of these goals in `to_goal`, -1 for none.
            priorities: (robots,) who has the largest chooses first.
        """
        self._team.goal[:] = goals
        self._team.row[:] = rows
        order = np.argsort(-priorities, kind="stable").astype(np.int32)
        take_step(self._graph, self._team, self._board, order)
        count = int(self._board.moves[0])
        return self._board.mover[:count].copy(), self._board.arc[:count].copy()

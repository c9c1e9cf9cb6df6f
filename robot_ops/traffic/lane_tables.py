"""What compiled planning needs to know of one lane graph, and robots on it in arrays; tables are made once each."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from robot_ops.core.ids import RobotId
from robot_ops.traffic.array_graph import ends_in, of_lanes
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints
from robot_ops.traffic.kernels.claims import Fleet
from robot_ops.traffic.kernels.distances import reverse_arcs, times_to
from robot_ops.traffic.schedule import NO_CELLS, Bodies, Body, Move
from robot_ops.traffic.timed_plan import paces


class LaneTables:
    """Arrays of a lane graph and travel times on it.

    Attributes:
        graph, arcs: as `of_lanes` gives them.
    """

    def __init__(self, graph: LaneGraph, conflicts: ConflictMap) -> None:
        self.graph: ArrayGraph
        self.arcs: tuple[Arc, ...]
        self.graph, self.arcs = of_lanes(graph, conflicts)
        self._number = {(arc.start, arc.end): number for number, arc in enumerate(self.arcs)}
        self._entering = reverse_arcs(self.graph)
        self._paces: dict[tuple[float, bool, frozenset[int]], tuple[Floats, Floats]] = {}
        self._to_goal: dict[tuple[int, float, frozenset[int]], Floats] = {}
        self._is_open = np.zeros(graph.cell_count, dtype=np.bool_)

    def number(self, arc: Arc) -> int | None:
        """Return the arc's number, None where nobody may drive it."""
        return self._number.get((arc.start, arc.end))

    def numbers(self, moves: Sequence[Move], index: Mapping[RobotId, int]) -> tuple[Ints, Ints] | None:
        """Return (moves,) robots and arcs, None where one of them is unknown."""
        known = self._number
        robots = [index.get(move.robot, -1) for move in moves]
        arcs = [known.get((move.arc.start, move.arc.end), -1) for move in moves]
        if -1 in robots or -1 in arcs:
            return None
        return np.array(robots, dtype=np.int32), np.array(arcs, dtype=np.int32)

    def to_goal(self, goal: int, max_speed: float, barred: frozenset[int] = NO_CELLS) -> Floats:
        """Return (nodes,) the least seconds to the goal, inf where no way leads there; `barred` as for `pace`."""
        key = (goal, max_speed, barred)
        table = self._to_goal.get(key)
        if table is None:
            table = self._to_goal[key] = self.to_goal_around(goal, max_speed, self._is_open, barred)
        return table

    def to_goal_around(
        self, goal: int, max_speed: float, is_blocked: Bools, barred: frozenset[int] = NO_CELLS
    ) -> Floats:
        """Return the same where cells (cells,) must not be used; the goal itself may be."""
        seconds, _ = self.pace(max_speed, is_party=False, barred=barred)
        return times_to(self.graph, *self._entering, seconds, goal, is_blocked)

    def pace(self, max_speed: float, *, is_party: bool, barred: frozenset[int] = NO_CELLS) -> tuple[Floats, Floats]:
        """Return (arcs,) seconds, and seconds until the node behind is free; see `Fleet`.

        Args:
            barred: nodes that the robot is never sent to: arcs that end there take for ever.
        """
        key = (max_speed, is_party, barred)
        known = self._paces.get(key)
        if known is None:
            seconds, leaving = paces(self.graph, np.array([max_speed]), [is_party])
            seconds[0, ends_in(self.graph, barred)] = math.inf
            known = self._paces[key] = (seconds[0], leaving[0])
        return known

    def fleet(self, bodies: Bodies, bounds: Mapping[RobotId, tuple[int | None, Floats]]) -> Fleet:
        """Return the robots as arrays.

        Args:
            bounds: per robot that is planned its goal (None: any refuge) and its row of `Fleet.bound`.
        """
        rows = list(bodies.values())
        kinds: dict[tuple[float, bool, frozenset[int]], int] = {}
        pace = [kinds.setdefault((body.max_speed, body.tail > 0.0, body.barred), len(kinds)) for body in rows]
        tables = [self.pace(speed, is_party=is_party, barred=barred) for speed, is_party, barred in kinds]
        tables = tables or [self.pace(1.0, is_party=False)]
        nothing = np.zeros(len(self.graph.first_arc) - 1)
        wanted = [bounds.get(body.robot, (None, nothing)) for body in rows]
        different = {id(bound): bound for _, bound in wanted} or {0: nothing}
        row_of = {key: row for row, key in enumerate(different)}
        extras = [_extras(body) for body in rows]
        return Fleet(
            node=np.array([body.node for body in rows], dtype=np.int32),
            ready=np.array([body.ready for body in rows], dtype=np.float64),
            goal=np.array([-1 if goal is None else goal for goal, _ in wanted], dtype=np.int32),
            weight=np.array([body.weight for body in rows], dtype=np.float64),
            tail=np.array([body.tail for body in rows], dtype=np.float64),
            pace=np.array(pace, dtype=np.int32),
            seconds=np.stack([seconds for seconds, _ in tables]),
            leaving=np.stack([leaving for _, leaving in tables]),
            row=np.array([row_of[id(bound)] for _, bound in wanted], dtype=np.int32),
            bound=np.stack(list(different.values())),
            first_extra=_firsts(extras),
            extra_cell=np.array([cell for row in extras for cell, _ in row], dtype=np.int32),
            extra_until=np.array([until for row in extras for _, until in row], dtype=np.float64),
            first_trail=_firsts([body.trail for body in rows]),
            trail_cell=np.array([cell for body in rows for cell, _ in body.trail], dtype=np.int32),
            trail_length=np.array([length for body in rows for _, length in body.trail], dtype=np.float64),
        )


def _extras(body: Body) -> list[tuple[int, float]]:
    return [*body.leaving, *((cell, math.inf) for cell in sorted(body.fixed))]


def _firsts(rows: Sequence[Sequence[tuple[int, float]]]) -> Ints:
    return np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32)

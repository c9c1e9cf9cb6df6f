"""The live fleet's moves with their expected times, compiled: robots are put in singly, and all improved together."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from robot_ops.core.ids import RobotId
from robot_ops.traffic.kernels.arrays import Floats, Ints
from robot_ops.traffic.kernels.claims import (
    Claims,
    Paths,
    claims_for,
    clear_claims,
    grown,
    moves_of,
    paths_for,
    widened,
    write_all,
)
from robot_ops.traffic.kernels.neighborhood import improve, prioritize, settle
from robot_ops.traffic.kernels.orders import cost_paths, first_fault, split_order, time_order
from robot_ops.traffic.kernels.timed import NO_ROOM, WRITTEN, Search, plan_robot, search_for
from robot_ops.traffic.lane_tables import LaneTables
from robot_ops.traffic.schedule import Bodies, Move
from robot_ops.traffic.timed_plan import repair_for, widened_repair

_SLOTS: Final = 4096
_LONGEST: Final = 64


class Room:
    """Arrays that one planning after another uses; they grow where they are too small."""

    def __init__(self, tables: LaneTables) -> None:
        self._nodes = len(tables.graph.first_arc) - 1
        self._cells = len(tables.graph.first_conflict) - 1
        self.claims: Claims = claims_for(self._cells, 0, _SLOTS)
        self.search: Search = search_for(self._nodes, self.claims)
        self.paths: Paths = paths_for(0, _LONGEST)

    def fit(self, robots: int, longest: int = 0) -> None:
        """Empty the arrays, for so many robots and moves of one robot."""
        if len(self.claims.first_of) != robots:
            self.claims = self.claims._replace(first_of=np.full(robots, -1, dtype=np.int32))
        clear_claims(self.claims)
        width = max(longest, self.paths.arc.shape[1])
        if self.paths.arc.shape != (robots, width):
            self.paths = paths_for(robots, width)
        self.paths.length[:] = 0

    def grow(self) -> None:
        """Double what is there, keeping it."""
        self.claims = grown(self.claims)
        self.search = search_for(self._nodes, self.claims)
        self.paths = widened(self.paths, 2 * self.paths.arc.shape[1])


class TimedFleet:
    """Robots, an order of moves and its times.

    Args:
        bounds: per robot that may be planned its goal (None: any refuge) and its row of `Fleet.bound`.
        moves: in an order that can be driven.

    Attributes:
        is_known: False where moves name robots or arcs that there are not; then nothing can be planned.
        arrivals: (robots,) seconds from now, each at the end of its moves.
    """

    def __init__(
        self,
        tables: LaneTables,
        room: Room,
        bodies: Bodies,
        moves: Sequence[Move],
        bounds: Mapping[RobotId, tuple[int | None, Floats]],
    ) -> None:
        self._tables = tables
        self._room = room
        self._fleet = tables.fleet(bodies, bounds)
        self._robots = tuple(bodies)
        self._index = {robot: row for row, robot in enumerate(self._robots)}
        self._moves = moves
        numbers = tables.numbers(moves, self._index)
        self.is_known = numbers is not None
        none = np.empty(0, dtype=np.int32)
        self.arrivals: Floats = np.empty(len(bodies))
        self._movers: Ints
        self._arcs: Ints
        self._starts: Floats
        self._set(*(numbers if numbers is not None else (none, none)))

    def insert(self, robot: RobotId, *, may_improve: bool = False) -> list[Move] | None:
        """Plan a robot in place of its moves, the others' stand; return all moves in order, None where there is no way.

        Args:
            may_improve: leave a refuge for a better one; no such is no way then.
        """
        if not self.is_known or not self._plan(robot, may_improve=may_improve):
            return None
        room, row = self._room, self._index[robot]
        if may_improve and room.paths.length[row] == 0:
            return None
        length = int(room.paths.length[row])
        others = np.flatnonzero(self._movers != row)
        arcs = room.paths.arc[row, :length]
        starts = np.concatenate([self._starts[others], room.paths.start[row, :length]])
        movers = np.concatenate([self._movers[others], np.full(length, row, dtype=np.int32)])
        order = np.argsort(starts, kind="stable")
        numbers = np.concatenate([self._arcs[others], arcs])[order]
        if first_fault(self._tables.graph, self._fleet, movers[order], numbers) >= 0:
            return None
        merged = [self._moves[k] for k in others.tolist()]
        merged += [Move(robot=robot, arc=self._tables.arcs[arc]) for arc in arcs.tolist()]
        return [merged[k] for k in order.tolist()]

    def prioritize(self, order: Sequence[RobotId], firm: Sequence[RobotId]) -> RobotId | None:
        """Plan robots one after another among the firm ones, as if nobody else was there.

        Returns:
            None where all have ways, which take the place of all moves then; else who has none.
        """
        room = self._room
        rows = np.array([self._index[robot] for robot in order], dtype=np.int32)
        is_skipped = np.ones(len(self._robots), dtype=np.bool_)
        is_skipped[[self._index[robot] for robot in firm]] = False
        while True:
            room.fit(len(self._robots))
            room.paths.arrival[:] = self._fleet.ready
            if write_all(self._tables.graph, self._fleet, room.claims, room.paths, is_skipped):
                planned = prioritize(self._tables.graph, self._fleet, room.claims, room.search, room.paths, rows)
                if planned >= 0:
                    break
            room.grow()
        if planned < len(rows):
            return order[planned]
        return None if self._take() else order[-1]

    def improve(self, movable: Sequence[RobotId], tries: int, *, chunks: int = 1) -> None:
        """Plan neighborhoods of robots anew so that all arrive earlier together; what cannot be driven is not taken."""
        room, count = self._room, len(self._robots)
        if not movable or not self.is_known:
            return
        self._write(-1)
        cost_paths(self._tables.graph, self._fleet, room.paths)
        goals, nodes = self._fleet.goal, self._fleet.node
        least = np.where(goals >= 0, self._fleet.bound[self._fleet.row, np.maximum(nodes, 0)], 0.0)
        lower = (self._fleet.ready + least) * self._fleet.weight
        repair = repair_for(self._tables.graph, self._fleet, room.paths, lower, count)
        repair.movable[:] = False
        repair.movable[[self._index[robot] for robot in movable]] = True
        for _ in range(chunks):
            left = tries // chunks
            while left > 0:
                repair = widened_repair(repair, room.paths.arc.shape[1])
                left = improve(self._tables.graph, self._fleet, room.claims, room.search, room.paths, repair, left)
                while not settle(self._tables.graph, self._fleet, room.claims, room.paths, repair):
                    room.grow()
                    repair = widened_repair(repair, room.paths.arc.shape[1])
                if left > 0:
                    room.grow()
            if not self._take():
                return

    def moves(self) -> list[Move]:
        """Return all moves in order."""
        pairs = zip(self._movers.tolist(), self._arcs.tolist(), strict=True)
        return [Move(robot=self._robots[row], arc=self._tables.arcs[arc]) for row, arc in pairs]

    def has_fault(self) -> bool:
        """Return whether the order cannot be driven."""
        return not self.is_known or first_fault(self._tables.graph, self._fleet, self._movers, self._arcs) >= 0

    def arrival(self, robot: RobotId) -> float:
        """Return in how many seconds the robot is expected at the end of its moves."""
        return float(self.arrivals[self._index[robot]])

    def _plan(self, robot: RobotId, *, may_improve: bool) -> bool:
        """Write the way of a robot planned among the others' claims; return whether there is one."""
        room, row = self._room, self._index[robot]
        self._write(row)
        while True:
            result = plan_robot(
                self._tables.graph, self._fleet, room.claims, room.search, room.paths, row, may_improve, math.inf
            )
            if result != NO_ROOM:
                return result == WRITTEN
            room.grow()

    def _write(self, skipped: int) -> None:
        """Write the claims of all robots but one (-1: of all) by the times of their moves."""
        room, robots = self._room, len(self._robots)
        counts = np.bincount(self._movers, minlength=robots)
        room.fit(robots, int(counts.max(initial=0)))
        split_order(self._fleet, self._movers, self._arcs, self._starts, self.arrivals, room.paths)
        is_skipped = np.zeros(robots, dtype=np.bool_)
        if skipped >= 0:
            is_skipped[skipped] = True
        while not write_all(self._tables.graph, self._fleet, room.claims, room.paths, is_skipped):
            room.grow()
            clear_claims(room.claims)

    def without_detours(self) -> None:
        """Take out pairs of moves there and back that nobody needs."""
        graph, at = self._tables.graph, 0
        movers, arcs = self._movers, self._arcs
        while at < len(movers):
            later = np.flatnonzero(movers[at + 1 :] == movers[at])
            if len(later) and graph.arc_end[arcs[at + 1 + later[0]]] == graph.arc_start[arcs[at]]:
                pair = [at, at + 1 + int(later[0])]
                fewer, shorter = np.delete(movers, pair), np.delete(arcs, pair)
                if first_fault(graph, self._fleet, fewer, shorter) < 0:
                    movers, arcs, at = fewer, shorter, max(0, at - len(self._robots))
                    continue
            at += 1
        self._set(movers, arcs)

    def _take(self) -> bool:
        """Take the ways over as the order of moves if it can be driven; return whether it can."""
        movers, arcs, _ = moves_of(self._room.paths)
        if first_fault(self._tables.graph, self._fleet, movers, arcs) >= 0:
            return False
        self._set(movers, arcs)
        return True

    def _set(self, movers: Ints, arcs: Ints) -> None:
        """Take an order over and time it."""
        self._movers, self._arcs = movers, arcs
        self._starts = np.empty(len(movers))
        time_order(self._tables.graph, self._fleet, movers, arcs, self._starts, self.arrivals)

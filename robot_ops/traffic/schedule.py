"""The order of all moves, which is what keeps robots from colliding and from blocking each other for good.

All moves that are planned but not cleared yet stand in one list. Its meaning: driven one at a time in this order, every
move would find its lane and its end free of all the others (`fault` checks exactly that). Robots do not wait for their
turn in the list; a move waits only for those earlier moves that conflict with it. Those dependencies point backward in
the list, so there is no cycle among them, whatever the delays: the first move of the list can always be driven. The
list is the topological order of an action dependency graph (Hoenig et al. 2019), kept instead of its edges.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from robot_ops.core.ids import RobotId
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc

Trail = tuple[tuple[int, float], ...]
"""Lanes behind a robot that its party still stands on: (cell, length in meters), nearest first."""
NO_CELLS: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Body:
    """A robot as planning sees it: standing at the end of what it is cleared for.

    Attributes:
        node: where its clearance ends.
        ready: seconds from now until it is expected there.
        leaving: cells that it still holds on its way to `node`, with the seconds until it is expected to be gone.
        trail: what its party takes up while it stands at `node`; tail: length of the party in meters.
        fixed: further cells it takes up for good (a robot that is not heard of: everything it holds).
        is_firm: it must not be asked to move now.
        goal: the node it wants to be at, None for none; priority: smaller goes first.
    """

    robot: RobotId
    node: int
    max_speed: float
    priority: tuple[int, str]
    goal: int | None = None
    is_firm: bool = False
    ready: float = 0.0
    leaving: tuple[tuple[int, float], ...] = ()
    trail: Trail = ()
    tail: float = 0.0
    fixed: frozenset[int] = NO_CELLS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Move:
    """A robot drives one arc."""

    robot: RobotId
    arc: Arc


Bodies = Mapping[RobotId, Body]


def follow(trail: Trail, arc: Arc, tail: float) -> Trail:
    """Return the trail after driving an arc."""
    if tail <= 0.0:
        return ()
    kept, length = [(arc.cell, arc.length)], arc.length
    for cell, cell_length in trail:
        if length >= tail:
            break
        kept.append((cell, cell_length))
        length += cell_length
    return tuple(kept)


def cells_at(node: int, trail: Trail) -> tuple[int, ...]:
    """Return the cells that a robot standing at the node takes up with its party."""
    return (node, *(cell for cell, _ in trail)) if trail else (node,)


def fault(bodies: Bodies, moves: Sequence[Move], conflicts: ConflictMap) -> str:
    """Drive the moves one at a time; return what is wrong with the first that cannot be driven, or an empty text."""
    nodes = {body.robot: body.node for body in bodies.values()}
    trails = {body.robot: body.trail for body in bodies.values()}
    taken = {body.robot: (*cells_at(body.node, body.trail), *sorted(body.fixed)) for body in bodies.values()}
    for move in moves:
        if move.robot not in nodes:
            return f"{move.robot} has left"
        if nodes[move.robot] != move.arc.start:
            return f"{move.robot} is not where its next move starts"
        zone = conflicts.zone(move.arc)
        for other, cells in taken.items():
            if other != move.robot:
                for cell in cells:
                    if cell in zone and conflicts.is_blocked(move.arc, cell):
                        return f"{other} stands in the way of {move.robot}"
        body = bodies[move.robot]
        nodes[move.robot] = move.arc.end
        trails[move.robot] = follow(trails[move.robot], move.arc, body.tail)
        taken[move.robot] = (*cells_at(move.arc.end, trails[move.robot]), *sorted(body.fixed))
    return ""


@dataclass(slots=True)
class Claim:
    """A robot's hold of a cell, in seconds from now; `end` is inf while it does not leave."""

    robot: RobotId
    start: float
    end: float


@dataclass(slots=True)
class _Cursor:
    """Where a robot is while the timetable is made."""

    time: float
    trail: Trail
    node_claim: Claim
    trail_claims: dict[int, Claim] = field(default_factory=dict)


class Timetable:
    """When every move is expected to start and end, and the cells held meanwhile.

    Each move starts as soon as its robot is there and all earlier moves that conflict are out of its way.

    Attributes:
        starts: per move, seconds from now; arrivals: per robot, when it stands at the end of its last move.
        claims: per cell.
    """

    def __init__(self, bodies: Bodies, moves: Sequence[Move], conflicts: ConflictMap) -> None:
        self.claims: dict[int, list[Claim]] = {}
        self.starts: list[float] = []
        self._conflicts = conflicts
        cursors = {body.robot: self._place(body) for body in bodies.values()}
        for move in moves:
            self._drive(move.robot, bodies[move.robot], cursors[move.robot], move.arc)
        self.arrivals: dict[RobotId, float] = {robot: cursor.time for robot, cursor in cursors.items()}

    def free_intervals(self, cell: int, ignored: Collection[RobotId]) -> list[tuple[float, float]]:
        """Return when nobody but the ignored robots holds anything that conflicts with the cell."""
        held = [
            (claim.start, claim.end)
            for other in self._conflicts.of[cell]
            for claim in self.claims.get(other, ())
            if claim.robot not in ignored
        ]
        if not held:
            return [(0.0, math.inf)]
        free, since = [], 0.0
        for start, end in sorted(held):
            if start > since:
                free.append((since, start))
            since = max(since, end)
        if since < math.inf:
            free.append((since, math.inf))
        return free

    def _claim(self, cell: int, robot: RobotId, start: float, end: float) -> Claim:
        claim = Claim(robot, start, end)
        self.claims.setdefault(cell, []).append(claim)
        return claim

    def _place(self, body: Body) -> _Cursor:
        for cell, until in body.leaving:
            self._claim(cell, body.robot, 0.0, until)
        for cell in sorted(body.fixed):
            self._claim(cell, body.robot, 0.0, math.inf)
        cursor = _Cursor(body.ready, body.trail, self._claim(body.node, body.robot, 0.0, math.inf))
        for cell, _ in body.trail:
            cursor.trail_claims[cell] = self._claim(cell, body.robot, 0.0, math.inf)
        return cursor

    def _drive(self, robot: RobotId, body: Body, cursor: _Cursor, arc: Arc) -> None:
        start = cursor.time
        for cell in self._conflicts.zone(arc):
            for claim in self.claims.get(cell, ()):
                if claim.robot != robot and start < claim.end < math.inf:
                    start = claim.end
        seconds = arc.seconds(body.max_speed)
        end = start + seconds
        self.starts.append(start)
        cursor.node_claim.end = start + leaving_seconds(arc, body, self._conflicts.distance)
        lane_claim = self._claim(arc.cell, robot, start, end)
        cursor.node_claim = self._claim(arc.end, robot, start, math.inf)
        if body.tail > 0.0:
            cursor.trail = follow(cursor.trail, arc, body.tail)
            kept = {cell for cell, _ in cursor.trail}
            for cell in [cell for cell in cursor.trail_claims if cell not in kept]:
                cursor.trail_claims.pop(cell).end = end
            lane_claim.end = math.inf
            replaced = cursor.trail_claims.get(arc.cell)
            if replaced is not None:
                replaced.end = end
            cursor.trail_claims[arc.cell] = lane_claim
        cursor.time = end


def leaving_seconds(arc: Arc, body: Body, distance: float) -> float:
    """Return how long after starting on the arc the node behind is expected to be free."""
    seconds = arc.seconds(body.max_speed)
    if body.tail > 0.0 or arc.length <= distance:
        return seconds
    return min(seconds, distance / min(arc.speed, body.max_speed) + 0.5)

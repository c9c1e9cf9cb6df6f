"""The order of all moves, which is what keeps robots from colliding and from blocking each other for good.

All moves that are planned but not cleared yet stand in one list. Its meaning: driven one at a time in this order, every
move would find its lane and its end free of all the others (`fault` checks exactly that). Robots do not wait for their
turn in the list; a move waits only for those earlier moves that conflict with it. Those dependencies point backward in
the list, so there is no cycle among them, whatever the delays: the first move of the list can always be driven. The
list is the topological order of an action dependency graph (Hoenig et al. 2019), kept instead of its edges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from robot_ops.core.ids import RobotId
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc

Trail = tuple[tuple[int, float], ...]
"""Lanes behind a robot that its party still stands on: (cell, length in meters), nearest first."""
NO_CELLS: Final[frozenset[int]] = frozenset()
_URGENCY_BASE: Final = 1.5
"""How much more a robot counts than one that is one degree less urgent; as tasks do when robots are chosen."""


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
        goal: the node it wants to be at, None for none.
        urgency: of what it drives for, larger goes first; priority: among equally urgent ones, smaller goes first.
        barred: nodes that it must never be sent to.
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
    urgency: int = 0
    barred: frozenset[int] = NO_CELLS

    @property
    def rank(self) -> tuple[int, int, str]:
        """Return its place among the others: smaller goes first."""
        return (-self.urgency, *self.priority)

    @property
    def weight(self) -> float:
        """Return what a second of its travel counts; 1 for an ordinary robot."""
        return float(_URGENCY_BASE**self.urgency)


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

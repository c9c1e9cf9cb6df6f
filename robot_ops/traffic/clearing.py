"""Clears moves: each as soon as all earlier moves that conflict with it are out of its way."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from robot_ops.core.ids import RobotId
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.schedule import Move
from robot_ops.traffic.sections import Sections, Way, opposite
from robot_ops.traffic.track import REACH_SLACK, Track

AHEAD_NODES: Final = 6
AHEAD_METERS: Final = 15.0
"""How far a robot is cleared at most: enough to drive without stopping, little enough to leave others their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """What came of clearing.

    Attributes:
        moves: those still to be cleared, in order.
        blocked: per robot whose next move must wait, that move's arc and the robots it waits for.
    """

    moves: list[Move]
    blocked: dict[RobotId, tuple[Arc, tuple[RobotId, ...]]]


def clear_moves(
    tracks: Mapping[RobotId, Track], moves: Sequence[Move], *, graph: LaneGraph, conflicts: ConflictMap, now_ns: int
) -> Cleared:
    """Clear what can be cleared now, noting it in the tracks.

    A move is cleared when, of every other robot, neither what it takes up through the end of its clearance nor its
    earlier moves in the order conflict with it, nor lead the opposite way through the same narrow section. So what two
    robots are cleared for never conflicts, and a move waits only for what is cleared already or comes first.
    """
    if not _is_any_in_reach(tracks, moves, graph):
        return Cleared(moves=list(moves), blocked={})
    kept: list[Move] = []
    ahead: dict[RobotId, list[Arc]] = {}
    blocked: dict[RobotId, tuple[Arc, tuple[RobotId, ...]]] = {}
    users = _Users(tracks, graph)
    flow = _Flow(tracks, conflicts.sections)
    for move in moves:
        own = ahead.setdefault(move.robot, [])
        if not own and _is_in_reach(tracks[move.robot], move.arc, graph):
            others = {
                robot
                for robot in users.near(conflicts.zone(move.arc))
                if robot != move.robot and _is_in_way(tracks[robot], ahead.get(robot, ()), move.arc, conflicts, now_ns)
            }
            others |= flow.against(move)
            if not others:
                tracks[move.robot].clear(move.arc)
                users.add(move.robot, move.arc)
                flow.add(move.robot, move.arc)
                continue
            blocked[move.robot] = (move.arc, tuple(sorted(others)))
        own.append(move.arc)
        kept.append(move)
        users.add(move.robot, move.arc)
        flow.add(move.robot, move.arc)
    return Cleared(moves=kept, blocked=blocked)


class _Users:
    """Which robots may take up a cell, now, on the rest of their clearance or by their moves so far."""

    def __init__(self, tracks: Mapping[RobotId, Track], graph: LaneGraph) -> None:
        self._at: dict[int, set[RobotId]] = {}
        for robot, track in tracks.items():
            for cell in _cells(track, graph):
                self._at.setdefault(cell, set()).add(robot)

    def add(self, robot: RobotId, arc: Arc) -> None:
        """Note that a robot drives an arc."""
        self._at.setdefault(arc.cell, set()).add(robot)
        self._at.setdefault(arc.end, set()).add(robot)

    def near(self, zone: Collection[int]) -> list[RobotId]:
        """Return the robots that may take up any of these cells, in the order of their ids."""
        found: set[RobotId] = set()
        for cell in zone:
            found.update(self._at.get(cell, ()))
        return sorted(found)


class _Flow:
    """Who drives a narrow section which way, on the rest of its clearance or by its moves so far."""

    def __init__(self, tracks: Mapping[RobotId, Track], sections: Sections) -> None:
        self._sections = sections
        self._robots: dict[Way, set[RobotId]] = {}
        for robot, track in tracks.items():
            for arc in track.held_arcs():
                self.add(robot, arc)

    def add(self, robot: RobotId, arc: Arc) -> None:
        """Note that a robot drives an arc."""
        way = self._sections.way(arc)
        if way is not None:
            self._robots.setdefault(way, set()).add(robot)

    def against(self, move: Move) -> set[RobotId]:
        """Return the others who drive the section of a move the opposite way."""
        way = self._sections.way(move.arc)
        return set() if way is None else self._robots.get(opposite(way), set()) - {move.robot}


def _is_any_in_reach(tracks: Mapping[RobotId, Track], moves: Sequence[Move], graph: LaneGraph) -> bool:
    """Return whether any robot's next move is in its reach; without one nothing can be cleared, or be blocked."""
    seen: set[RobotId] = set()
    for move in moves:
        if move.robot not in seen:
            seen.add(move.robot)
            if _is_in_reach(tracks[move.robot], move.arc, graph):
                return True
    return False


def _is_in_reach(track: Track, arc: Arc, graph: LaneGraph) -> bool:
    held = track.path[track.reached :]
    if arc.end in held or len(held) > AHEAD_NODES:
        return False
    if len(held) == 1:
        return True
    lengths = sum(lane.length for lane in graph.arcs_along(held) or ())
    return lengths - track.travelled + arc.length <= AHEAD_METERS


def _is_in_way(track: Track, ahead: Sequence[Arc], arc: Arc, conflicts: ConflictMap, now_ns: int) -> bool:
    zone = conflicts.zone(arc)
    is_near = track.is_near(arc, conflicts, now_ns)
    if not is_near and not any(other.cell in zone or other.end in zone for other in ahead):
        return False
    if not is_near:
        return True
    # Two robots that were set down too close to each other may part: then only the end of the move counts.
    here, there = conflicts.of[arc.start], conflicts.of[arc.end]
    held = track.standing_on or sorted(track.taken)
    is_too_close = any(node in here for node in held)
    return not is_too_close or any(node in there for node in held) or any(other.end in there for other in ahead)


def _cells(track: Track, graph: LaneGraph) -> Iterator[int]:
    """Yield all cells that a robot may take up with its party, through the end of its clearance."""
    yield from track.taken
    yield from track.loose
    if not track.path:
        return
    behind, first = track.tail + REACH_SLACK, track.reached
    while first > 0 and behind > 0.0:
        first -= 1
        arc = graph.arc(track.path[first], track.path[first + 1])
        behind -= math.inf if arc is None else arc.length
    yield from track.path[first:]
    for index in range(first + 1, len(track.path)):
        arc = graph.arc(track.path[index - 1], track.path[index])
        if arc is not None:
            yield arc.cell

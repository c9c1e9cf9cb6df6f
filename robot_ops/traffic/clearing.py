"""Clears moves: each as soon as all earlier moves that conflict with it are out of its way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from robot_ops.core.ids import RobotId
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.schedule import Move
from robot_ops.traffic.track import Track

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
    earlier moves in the order conflict with it. So what two robots are cleared for never conflicts.
    """
    kept: list[Move] = []
    ahead: dict[RobotId, list[Arc]] = {}
    blocked: dict[RobotId, tuple[Arc, tuple[RobotId, ...]]] = {}
    for move in moves:
        own = ahead.setdefault(move.robot, [])
        if not own and _is_in_reach(tracks[move.robot], move.arc, graph):
            others = tuple(
                robot
                for robot, track in tracks.items()
                if robot != move.robot and _is_in_way(track, ahead.get(robot, ()), move.arc, conflicts, now_ns)
            )
            if not others:
                tracks[move.robot].clear(move.arc)
                continue
            blocked[move.robot] = (move.arc, others)
        own.append(move.arc)
        kept.append(move)
    return Cleared(moves=kept, blocked=blocked)


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

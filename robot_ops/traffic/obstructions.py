"""What makes lanes slow or keeps others off for a while, besides the operators' rules."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import RobotId
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LIFT_SECONDS, Arc, LaneGraph, Restrictions
from robot_ops.traffic.restrictions import Bubbles, restrictions_of
from robot_ops.traffic.track import SILENT_SECONDS, Track
from robot_ops.traffic.travel import distances_to

STUCK_SECONDS: Final = 30.0
"""A robot that comes no further for so long, though cleared (and beyond what a lift ride takes), cannot pass."""
STUCK_DELAY: Final = 60.0
"""What a lane on which somebody cannot pass is taken to cost more, in seconds: a detour up to this is better."""
STUCK_MEMORY: Final = 60.0
"""Seconds after which such a lane is tried again."""
_WAYS_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class _Stuck:
    robot: RobotId
    until_ns: int


class Obstructions:
    """All that holds besides the site, as one set of restrictions.

    Attributes:
        rules: of the operators; bubbles: of robots that do not keep to the lanes.
    """

    def __init__(self, graph: LaneGraph, conflicts: ConflictMap) -> None:
        self._graph = graph
        self.bubbles = Bubbles(graph, conflicts)
        self.rules = TrafficRules()
        self._imposed = restrictions_of(graph, self.rules)
        self._stuck: dict[int, _Stuck] = {}
        self._ways: dict[tuple[int, int], list[Arc]] = {}

    def set_rules(self, rules: TrafficRules) -> None:
        """Take over rules that were checked."""
        self.rules = rules
        self._imposed = restrictions_of(self._graph, rules)

    def note_stuck(self, tracks: Mapping[RobotId, Track], now_ns: int) -> None:
        """Find lanes on which robots cannot pass; forget them some time after."""
        self._stuck = {cell: stuck for cell, stuck in self._stuck.items() if stuck.until_ns > now_ns}
        for robot, track in tracks.items():
            arc = stuck_on(track, now_ns)
            if arc is not None:
                self._stuck[arc.cell] = _Stuck(robot, now_ns + to_ns(STUCK_MEMORY))

    @property
    def is_any_stuck(self) -> bool:
        """Return whether anybody could not pass on a lane lately."""
        return bool(self._stuck)

    def stuck_robot(self, cell: int) -> RobotId | None:
        """Return who could not pass on the lane, None where nobody."""
        stuck = self._stuck.get(cell)
        return None if stuck is None else stuck.robot

    def restrictions(self) -> Restrictions:
        """Return everything together."""
        return Restrictions(
            closed=self._imposed.closed | self.bubbles.closed(),
            speeds=self._imposed.speeds,
            delays=dict.fromkeys(sorted(self._stuck), STUCK_DELAY),
        )

    def way_as_built(self, start: int, goal: int) -> list[Arc]:
        """Return the shortest way if nothing were closed, empty where none leads there."""
        way = self._ways.get((start, goal))
        if way is None:
            if len(self._ways) >= _WAYS_KEPT:
                self._ways.clear()
            way = self._ways[start, goal] = _walk(self._graph, start, goal)
        return way

    def is_urgent(self, arc: Arc) -> bool:
        """Return whether even robots that are cleared for the arc should not enter it any more."""
        is_lift_closed = self.rules.is_emergency and (arc.lift is not None or arc.end in self._graph.cabins)
        return is_lift_closed or (arc.cell, arc.is_forward) in self.bubbles.closed()


def _walk(graph: LaneGraph, start: int, goal: int) -> list[Arc]:
    meters = distances_to(graph, goal, lambda arc: arc.length + arc.extra)
    way: list[Arc] = []
    while start != goal and meters[start] < math.inf:
        way.append(min(graph.leaving[start], key=lambda arc: (arc.length + arc.extra + meters[arc.end], arc.end)))
        start = way[-1].end
    return way


def stuck_on(track: Track, now_ns: int) -> Arc | None:
    """Return the lane or ride on which the robot cannot pass, None where it can or does not try."""
    seconds = track.stuck_seconds(now_ns)
    if seconds < STUCK_SECONDS:
        return None
    arcs = track.held_arcs()
    return arcs[0] if arcs and (arcs[0].lift is None or seconds >= STUCK_SECONDS + LIFT_SECONDS) else None


def next_change(track: Track) -> int:
    """Return the instant at which the robot is taken to be silent or stuck unless it is heard, nanoseconds."""
    silent_ns = track.stamp_ns + to_ns(SILENT_SECONDS)
    stands_ns = track.stands_since_ns
    return silent_ns if stands_ns is None else min(silent_ns, stands_ns + to_ns(STUCK_SECONDS))


def has_other_way(graph: LaneGraph, track: Track, goal: int, arc: Arc) -> bool:
    """Return whether the robot gets to the goal sooner by another lane than this one, which it has not entered."""
    robot = track.robot
    seconds = distances_to(graph, goal, lambda each: graph.seconds(robot, each))
    ways = {each.cell: graph.seconds(robot, each) + seconds[each.end] for each in graph.leaving[arc.start]}
    best = min(ways, key=lambda cell: ways[cell], default=arc.cell)
    return best != arc.cell and ways[best] < math.inf

"""Safe interval path planning (Phillips and Likhachev, 2011): one robot through the timetable of all the others."""

import heapq
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from robot_ops.core.ids import RobotId
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.schedule import Body, Timetable, leaving_seconds

_EXPANSIONS: Final = 20_000
_SLACK: Final = 1e-6
"""Seconds; starts that are equal in real numbers stay ordered."""


@dataclass(frozen=True, slots=True)
class Step:
    """An arc and when to start on it, in seconds from now."""

    arc: Arc
    start: float


@dataclass(frozen=True, slots=True)
class _State:
    node: int
    interval: int
    time: float
    until: float
    parent: "_State | None"
    step: Step | None


class IntervalSearch:
    """Searches for one robot; every other robot's claims stand.

    Args:
        ignored: robots whose claims do not count.
    """

    def __init__(
        self,
        *,
        graph: LaneGraph,
        conflicts: ConflictMap,
        timetable: Timetable,
        body: Body,
        ignored: Collection[RobotId] = (),
    ) -> None:
        self._graph = graph
        self._conflicts = conflicts
        self._timetable = timetable
        self._body = body
        self._ignored = frozenset((*ignored, body.robot))
        self._free: dict[int, list[tuple[float, float]]] = {}

    def way_to(self, goal: int, to_goal: Sequence[float]) -> list[Step] | None:
        """Return the earliest way to stay at the goal for good, None where there is none.

        Args:
            to_goal: per node a lower bound of the seconds to the goal.
        """
        return self._search(goal, to_goal)

    def refuge(self, penalty: Sequence[float], *, may_improve: bool = False) -> list[Step] | None:
        """Return a quick way to a node where the robot is in nobody's way.

        Args:
            penalty: per node the seconds that it is worse than others as a place to stand; inf for never.
            may_improve: leave a node where it is in nobody's way for a better one; without, the way is empty there.
        """
        return self._search(None, penalty, may_improve=may_improve)

    def _search(self, goal: int | None, bound: Sequence[float], *, may_improve: bool = False) -> list[Step] | None:
        start = self._start()
        if start is None or (goal is not None and bound[start.node] == math.inf):
            return None
        best: dict[tuple[int, int], float] = {(start.node, start.interval): start.time}
        count = 0
        rank = start.time + (bound[start.node] if goal is not None else 0.0)
        heap: list[tuple[float, int, bool, _State]] = [(rank, count, False, start)]
        for _ in range(_EXPANSIONS):
            if not heap:
                return None
            rank, _, is_end, state = heapq.heappop(heap)
            if is_end or (goal == state.node and state.until == math.inf):
                return _steps(state)
            if state.time > best[state.node, state.interval]:
                continue
            if goal is None and state.until == math.inf and bound[state.node] < math.inf:
                if state is start and not may_improve:
                    return []
                count += 1
                heapq.heappush(heap, (state.time + bound[state.node], count, True, state))
            for arc in self._graph.leaving[state.node]:
                remaining = bound[arc.end] if goal is not None else 0.0
                if remaining == math.inf or (goal is None and arc.end in self._graph.cabins):
                    continue
                for following in self._successors(state, arc):
                    key = (following.node, following.interval)
                    if following.time < best.get(key, math.inf):
                        best[key] = following.time
                        count += 1
                        heapq.heappush(heap, (following.time + remaining, count, False, following))
        return None

    def _start(self) -> _State | None:
        time = self._body.ready
        for index, (since, until) in enumerate(self._intervals(self._body.node)):
            if since <= time + _SLACK and time < until:
                return _State(self._body.node, index, time, until, None, None)
        return None

    def _successors(self, state: _State, arc: Arc) -> list[_State]:
        body = self._body
        seconds = arc.seconds(body.max_speed)
        latest = state.until - leaving_seconds(arc, body, self._conflicts.distance)
        found = []
        for lane_since, lane_until in self._intervals(arc.cell):
            if lane_since > latest:
                break
            if lane_until <= state.time + seconds:
                continue
            for index, (since, until) in enumerate(self._intervals(arc.end)):
                start = max(state.time, lane_since, since)
                if start > latest or start + seconds >= lane_until:
                    break
                if start + seconds >= until:
                    continue
                stay = min(until, lane_until) if body.tail > 0.0 else until
                found.append(_State(arc.end, index, start + seconds, stay, state, Step(arc, start + _SLACK)))
        return found

    def _intervals(self, cell: int) -> list[tuple[float, float]]:
        free = self._free.get(cell)
        if free is None:
            free = self._free[cell] = self._timetable.free_intervals(cell, self._ignored)
        return free


def _steps(state: _State) -> list[Step]:
    steps: list[Step] = []
    at: _State | None = state
    while at is not None and at.step is not None:
        steps.append(at.step)
        at = at.parent
    return steps[::-1]

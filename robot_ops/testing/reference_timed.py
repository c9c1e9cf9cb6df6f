"""The plain twin of compiled timed planning: a timetable and safe interval path planning, to be read and compared with.

Safe intervals: Phillips and Likhachev, 2011. One robot is planned through the timetable of all the others.
"""

import heapq
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from robot_ops.core.ids import RobotId
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.schedule import Bodies, Body, Move, Trail, follow

_EXPANSIONS: Final = 20_000
_SLACK: Final = 1e-6
"""Seconds; starts that are equal in real numbers stay ordered."""


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
            if lane_until < state.time + seconds:
                continue
            for index, (since, until) in enumerate(self._intervals(arc.end)):
                start = max(state.time, lane_since, since)
                if start > latest or start + seconds > lane_until:
                    break
                if start + seconds > until:
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

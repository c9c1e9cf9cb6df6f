"""Plans moves: one robot into the standing order, or all robots anew where that fails."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import shapely

from robot_ops.core.ids import RobotId
from robot_ops.site.model import PlaceKind
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.joint import JointSearch
from robot_ops.traffic.safe_intervals import IntervalSearch, Step
from robot_ops.traffic.schedule import Bodies, Body, Move, Timetable, cells_at, fault
from robot_ops.traffic.travel import distances_to

_JOINT_STEPS: Final = (400, 400, 200, 200)
"""Joint steps that each search of one arrangement may try, all robots' goals first; ten robots' step takes a fraction
of a millisecond, and a search that needs many more seldom ends."""
_LEADERS: Final = 3
"""How many robots are tried as the first to be planned before the joint search."""
_THROUGH_PENALTY: Final = 6.0
"""Seconds that a robot drives more to stand on a dead end or waiting spot instead of a through route."""
_CROWDED_ZONES: Final = ("queue", "no_wait")
"""Kinds of zones where standing costs as much more."""
_PLACE_PENALTY: Final = 3.0
"""Seconds that a robot drives more to stand on no other one's place."""
_APPROACH_WEIGHT: Final = 5.0
"""How much more the penalties above count for a robot that waits for its goal to become free: it stands for long."""
_GAIN: Final = 1.0
"""Seconds of all robots' travel together that make a new order worth it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a robot's goal cannot be reached now: others that stay there or want the same spot; and the node."""

    robots: tuple[RobotId, ...]
    node: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """A new order of moves for everybody.

    Attributes:
        moves: all moves; planned: the robots that get to their goals by them.
    """

    moves: list[Move]
    planned: frozenset[RobotId]


class Planner:
    """Finds orders of moves; every one it returns has passed `fault`."""

    def __init__(self, graph: LaneGraph, conflicts: ConflictMap) -> None:
        self._graph = graph
        self._conflicts = conflicts
        self._to_goal: dict[tuple[int, float], list[float]] = {}
        self._penalty = _penalties(graph)

    def insert(self, bodies: Bodies, moves: Sequence[Move], robot: RobotId, goal: int | None) -> list[Move] | None:
        """Plan one robot anew, in place of its moves; the others' moves and their predicted times stand.

        Args:
            goal: the node to end at, None for the nearest place where it is in nobody's way.

        Returns:
            all moves in their new order, None where there is no such way.
        """
        body = bodies[robot]
        table = Timetable(bodies, moves, self._conflicts)
        search = IntervalSearch(graph=self._graph, conflicts=self._conflicts, timetable=table, body=body)
        steps = search.refuge(self._penalty) if goal is None else search.way_to(goal, self._table(goal, body.max_speed))
        return self._ordered(bodies, moves, table, robot, steps)

    def approach(self, bodies: Bodies, moves: Sequence[Move], robot: RobotId, goal: int) -> list[Move] | None:
        """Plan one robot to a spot off the through routes to wait for its goal, near its way; the others' moves stand.

        Returns:
            all moves in their new order, None where no such spot is better than where the robot stands.
        """
        body = bodies[robot]
        remaining = self._table(goal, body.max_speed)
        bound = [
            seconds if penalty <= 0.0 else math.inf for penalty, seconds in zip(self._penalty, remaining, strict=True)
        ]
        bound[body.node] = remaining[body.node] + _APPROACH_WEIGHT * self._penalty[body.node]
        table = Timetable(bodies, moves, self._conflicts)
        search = IntervalSearch(graph=self._graph, conflicts=self._conflicts, timetable=table, body=body)
        steps = search.refuge(bound, may_improve=True)
        return self._ordered(bodies, moves, table, robot, steps) if steps else None

    def obstacles(self, bodies: Bodies) -> dict[RobotId, Obstacle]:
        """Return the robots whose goals cannot all be reached at once now, less important ones first to give way."""
        firm = [body for body in bodies.values() if body.is_firm]
        settled: list[tuple[RobotId, tuple[int, ...]]] = [(body.robot, _cells(body)) for body in firm]
        blocked = frozenset().union(*(self._conflicts.of[cell] for _, cells in settled for cell in cells))
        found: dict[RobotId, Obstacle] = {}
        for body in sorted(bodies.values(), key=lambda b: b.priority):
            goal = body.goal
            if goal is None or body.is_firm:
                continue
            rivals = tuple(r for r, cells in settled if not self._conflicts.of[goal].isdisjoint(cells))
            if rivals:
                found[body.robot] = Obstacle(robots=rivals, node=goal)
            elif self._is_cut_off(body, goal, blocked):
                found[body.robot] = self._in_between(body, goal, settled[: len(firm)])
            else:
                settled.append((body.robot, (goal,)))
        return found

    def arrange(self, bodies: Bodies, obstacles: Mapping[RobotId, Obstacle]) -> Arrangement | None:
        """Plan all robots anew; those with obstacles and idle ones only make way.

        Where not all can be brought to their goals, the less important half of them is left out until it works.
        """
        goals = {b.robot: None if b.robot in obstacles else b.goal for b in bodies.values() if not b.is_firm}
        wanted = sorted((r for r, goal in goals.items() if goal is not None), key=lambda r: bodies[r].priority)
        for limit in _JOINT_STEPS:
            if not wanted:
                break
            moves = self._one_by_one(bodies, goals, wanted)
            if moves is not None:
                return Arrangement(moves=moves, planned=frozenset(wanted))
            moves = self._together(bodies, goals, limit)
            if moves is not None:
                moves = self.improve(bodies, self._without_detours(bodies, moves), goals)
                return Arrangement(moves=moves, planned=frozenset(wanted))
            kept = len(wanted) // 2
            goals.update(dict.fromkeys(wanted[kept:]))
            wanted = wanted[:kept]
        return None

    def improve(self, bodies: Bodies, moves: list[Move], goals: Mapping[RobotId, int | None]) -> list[Move]:
        """Plan each robot once more among the others and keep what makes all arrive earlier together."""
        best = self._cost(bodies, moves)
        for robot in sorted(goals, key=lambda r: bodies[r].priority):
            candidate = self.insert(bodies, moves, robot, goals[robot])
            if candidate is not None:
                cost = self._cost(bodies, candidate)
                if cost < best - _GAIN:
                    moves, best = candidate, cost
        return moves

    def arrival(self, bodies: Bodies, moves: Sequence[Move], robot: RobotId) -> float:
        """Return in how many seconds the robot is expected at the end of its moves."""
        return Timetable(bodies, moves, self._conflicts).arrivals[robot]

    def is_reachable(self, max_speed: float, node: int, goal: int) -> bool:
        """Return whether any way leads from the node to the goal, others aside."""
        return self._table(goal, max_speed)[node] < math.inf

    def _ordered(
        self, bodies: Bodies, moves: Sequence[Move], table: Timetable, robot: RobotId, steps: Sequence[Step] | None
    ) -> list[Move] | None:
        """Return all moves by their times, the robot's steps in place of its old moves; None where that is a fault."""
        if steps is None:
            return None
        timed = [(start, move) for start, move in zip(table.starts, moves, strict=True) if move.robot != robot]
        timed += [(step.start, Move(robot=robot, arc=step.arc)) for step in steps]
        timed.sort(key=lambda item: item[0])
        order = [move for _, move in timed]
        return None if fault(bodies, order, self._conflicts) else order

    def _cost(self, bodies: Bodies, moves: Sequence[Move]) -> float:
        movers = {move.robot for move in moves}
        arrivals = Timetable(bodies, moves, self._conflicts).arrivals
        return sum(arrivals[robot] for robot in sorted(movers))

    def _one_by_one(
        self, bodies: Bodies, goals: Mapping[RobotId, int | None], wanted: Sequence[RobotId]
    ) -> list[Move] | None:
        """Prioritized planning: each robot around those planned before it, as if the others were not there."""
        idle = sorted((r for r, goal in goals.items() if goal is None), key=lambda r: bodies[r].priority)
        for leader in wanted[:_LEADERS]:
            order = [leader, *(r for r in wanted if r != leader), *idle]
            placed = {robot: body for robot, body in bodies.items() if body.is_firm}
            moves: list[Move] | None = []
            for robot in order:
                placed[robot] = bodies[robot]
                if moves is not None:
                    moves = self.insert(placed, moves, robot, goals[robot])
            if moves is not None:
                return moves
        return None

    def _together(self, bodies: Bodies, goals: Mapping[RobotId, int | None], limit: int) -> list[Move] | None:
        movable = sorted((body for body in bodies.values() if not body.is_firm), key=lambda b: b.priority)
        firm = [cell for body in bodies.values() if body.is_firm for cell in _cells(body)]
        search = JointSearch(
            graph=self._graph,
            conflicts=self._conflicts,
            bodies=movable,
            goals=[goals[body.robot] for body in movable],
            firm=firm,
        )
        moves = search.solve(limit)
        return None if moves is None or fault(bodies, moves, self._conflicts) else moves

    def _without_detours(self, bodies: Bodies, moves: list[Move]) -> list[Move]:
        """Take out pairs of moves there and back that nobody needs."""
        at = 0
        while at < len(moves):
            move = moves[at]
            back = next((k for k in range(at + 1, len(moves)) if moves[k].robot == move.robot), None)
            if back is not None and moves[back].arc.end == move.arc.start:
                shorter = [m for k, m in enumerate(moves) if k not in (at, back)]
                if not fault(bodies, shorter, self._conflicts):
                    moves, at = shorter, max(0, at - len(bodies))
                    continue
            at += 1
        return moves

    def _table(self, goal: int, max_speed: float) -> list[float]:
        key = (goal, max_speed)
        table = self._to_goal.get(key)
        if table is None:
            table = distances_to(self._graph, goal, lambda arc: arc.seconds(max_speed))
            self._to_goal[key] = table
        return table

    def _is_cut_off(self, body: Body, goal: int, blocked: frozenset[int]) -> bool:
        return distances_to(self._graph, goal, lambda arc: arc.length, blocked - {body.node})[body.node] == math.inf

    def _in_between(self, body: Body, goal: int, firm: Sequence[tuple[RobotId, tuple[int, ...]]]) -> Obstacle:
        """Walk the shortest way and name the first robot that stands on it for good."""
        table, node = self._table(goal, body.max_speed), body.node
        while node != goal and table[node] < math.inf:
            arc = min(self._graph.leaving[node], key=lambda a: (a.seconds(body.max_speed) + table[a.end], a.end))
            zone = self._conflicts.zone(arc)
            robots = tuple(robot for robot, cells in firm if not zone.isdisjoint(cells))
            if robots:
                return Obstacle(robots=robots, node=arc.end)
            node = arc.end
        return Obstacle(robots=(), node=goal)


def _cells(body: Body) -> tuple[int, ...]:
    return (*cells_at(body.node, body.trail), *sorted(body.fixed))


def _penalties(graph: LaneGraph) -> list[float]:
    """Return per node how many seconds worse than the best it is as a place to stand out of the way."""
    penalties = [0.0 if len(arcs) <= 1 else _THROUGH_PENALTY for arcs in graph.leaving]
    for place in graph.site.places.values():
        node = graph.number[place.node]
        penalties[node] = 0.0 if place.kind is PlaceKind.WAITING else penalties[node] + _PLACE_PENALTY
    site = graph.site
    for zone in site.zones.values():
        outline = shapely.Polygon(zone.corners)
        for spot in site.nodes.values():
            if (
                spot.level == zone.level
                and zone.kind in _CROWDED_ZONES
                and outline.covers(shapely.Point(spot.x, spot.y))
            ):
                penalties[graph.number[spot.id]] += _THROUGH_PENALTY
    for number in graph.cabins:
        penalties[number] = math.inf
    return penalties

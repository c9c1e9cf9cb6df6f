"""Plans moves: one robot into the standing order, or all robots anew where that fails."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from robot_ops.core.ids import RobotId
from robot_ops.site.model import PlaceKind
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.hopeless import Hopeless
from robot_ops.traffic.joint import JointSearch
from robot_ops.traffic.kernels.arrays import Floats
from robot_ops.traffic.lane_tables import LaneTables
from robot_ops.traffic.schedule import Bodies, Body, Move, cells_at
from robot_ops.traffic.timed_fleet import Room, TimedFleet

_JOINT_STEPS: Final = (4000, 1000, 500, 500)
"""Joint steps that each search of one arrangement may try, all robots' goals first; fifty robots' step takes some
0.1 ms, and crowded graphs may need thousands."""
_ORDERS: Final = 12
"""Orders of priority that are tried before the joint search."""
_THROUGH_PENALTY: Final = 6.0
"""Seconds that a robot drives more to stand on a dead end or waiting spot instead of a through route."""
_CROWDED_ZONES: Final = ("queue", "no_wait")
"""Kinds of zones where standing costs as much more."""
_PLACE_PENALTY: Final = 3.0
"""Seconds that a robot drives more to stand on no other one's place."""
_APPROACH_WEIGHT: Final = 5.0
"""How much more the penalties above count for a robot that waits for its goal to become free: it stands for long."""
_TRIES: Final = 400
"""Neighborhoods of robots that are planned anew to improve an arrangement; some 0.1 ms each."""
_CHUNKS: Final = 4
"""Parts of those tries after which the order is checked."""


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
    """Finds orders of moves; every one it returns has passed `fault`.

    Attributes:
        tables: the graph in arrays.
    """

    def __init__(self, graph: LaneGraph, conflicts: ConflictMap) -> None:
        self._graph = graph
        self._conflicts = conflicts
        self.tables = LaneTables(graph, conflicts)
        self._room = Room(self.tables)
        self._hopeless = Hopeless()
        self._penalty = np.array(_penalties(graph), dtype=np.float64)

    def insert(self, bodies: Bodies, moves: Sequence[Move], robot: RobotId, goal: int | None) -> list[Move] | None:
        """Plan one robot anew, in place of its moves; the others' moves and their predicted times stand.

        Args:
            goal: the node to end at, None for the nearest place where it is in nobody's way.

        Returns:
            all moves in their new order, None where there is no such way.
        """
        return self._timed(bodies, moves, {robot: goal}).insert(robot)

    def approach(self, bodies: Bodies, moves: Sequence[Move], robot: RobotId, goal: int) -> list[Move] | None:
        """Plan one robot to a spot off the through routes to wait for its goal, near its way; the others' moves stand.

        Returns:
            all moves in their new order, None where no such spot is better than where the robot stands.
        """
        body = bodies[robot]
        remaining = self._to_goal(body, goal)
        bound = np.where(self._penalty <= 0.0, remaining, math.inf)
        bound[body.node] = remaining[body.node] + _APPROACH_WEIGHT * self._penalty[body.node]
        timed = TimedFleet(self.tables, self._room, bodies, moves, {robot: (None, bound)})
        return timed.insert(robot, may_improve=True)

    def obstacles(self, bodies: Bodies) -> dict[RobotId, Obstacle]:
        """Return the robots whose goals cannot all be reached at once now, less important ones first to give way."""
        firm = [body for body in bodies.values() if body.is_firm]
        settled: list[tuple[RobotId, tuple[int, ...]]] = [(body.robot, _cells(body)) for body in firm]
        blocked = frozenset().union(*(self._conflicts.of[cell] for _, cells in settled for cell in cells))
        found: dict[RobotId, Obstacle] = {}
        for body in sorted(bodies.values(), key=lambda b: b.rank):
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

    def arrange(self, bodies: Bodies, obstacles: Mapping[RobotId, Obstacle], now_ns: int = 0) -> Arrangement | None:
        """Plan all robots anew; those with obstacles and idle ones only make way.

        Where not all can be brought to their goals, the less important half of them is left out until it works.

        Args:
            now_ns: what failed shortly before this instant is not tried again in full.
        """
        goals = {b.robot: None if b.robot in obstacles else b.goal for b in bodies.values() if not b.is_firm}
        wanted = _by_priority(bodies, [robot for robot, goal in goals.items() if goal is not None])
        for limit in _JOINT_STEPS:
            if not wanted:
                break
            timed = self._one_by_one(bodies, goals, wanted) or self._together(bodies, goals, limit, now_ns)
            if timed is not None:
                timed.improve(_by_priority(bodies, goals), _TRIES, chunks=_CHUNKS)
                return Arrangement(moves=timed.moves(), planned=frozenset(wanted))
            kept = len(wanted) // 2
            goals.update(dict.fromkeys(wanted[kept:]))
            wanted = wanted[:kept]
        return None

    def improve(
        self, bodies: Bodies, moves: list[Move], goals: Mapping[RobotId, int | None], *, gain: float = 0.0
    ) -> list[Move]:
        """Plan robots once more among the others; return the new order where all arrive earlier together by it.

        Args:
            goals: of the robots that may be planned, None for any place where it is in nobody's way.
            gain: weighted seconds, over all with a goal, by which they must.
        """
        timed = self._timed(bodies, moves, goals)
        if not timed.is_known:
            return moves
        weights = np.array([0.0 if goals.get(robot) is None else body.weight for robot, body in bodies.items()])
        before = float(weights @ timed.arrivals)
        timed.improve(_by_priority(bodies, goals), _TRIES, chunks=_CHUNKS)
        return timed.moves() if before - float(weights @ timed.arrivals) > gain else moves

    def arrival(self, bodies: Bodies, moves: Sequence[Move], robot: RobotId) -> float:
        """Return in how many seconds the robot is expected at the end of its moves."""
        return self._timed(bodies, moves, {}).arrival(robot)

    def is_reachable(self, robot: RobotId, node: int, goal: int) -> bool:
        """Return whether any way that the robot may take leads from the node to the goal, others aside."""
        graph = self._graph
        return bool(self.tables.to_goal(goal, graph.max_speed(robot), graph.barred(robot))[node] < math.inf)

    def _timed(self, bodies: Bodies, moves: Sequence[Move], goals: Mapping[RobotId, int | None]) -> TimedFleet:
        bounds: dict[RobotId, tuple[int | None, Floats]] = {
            robot: (goal, self._penalty if goal is None else self._to_goal(bodies[robot], goal))
            for robot, goal in goals.items()
        }
        return TimedFleet(self.tables, self._room, bodies, moves, bounds)

    def _to_goal(self, body: Body, goal: int) -> Floats:
        return self.tables.to_goal(goal, body.max_speed, body.barred)

    def _one_by_one(
        self, bodies: Bodies, goals: Mapping[RobotId, int | None], wanted: Sequence[RobotId]
    ) -> TimedFleet | None:
        """Prioritized planning: each robot around those planned before it, as if the others were not there.

        Who finds no way so goes first the next time.
        """
        idle = _by_priority(bodies, [robot for robot, goal in goals.items() if goal is None])
        firm = [body.robot for body in bodies.values() if body.is_firm]
        timed = self._timed(bodies, [], goals)
        order = [*wanted, *idle]
        for _ in range(_ORDERS):
            stuck = timed.prioritize(order, firm)
            if stuck is None:
                return timed
            order = [stuck, *(robot for robot in order if robot != stuck)]
        return None

    def _together(
        self, bodies: Bodies, goals: Mapping[RobotId, int | None], limit: int, now_ns: int
    ) -> TimedFleet | None:
        movable = [bodies[robot] for robot in _by_priority(bodies, goals)]
        firm = [cell for body in bodies.values() if body.is_firm for cell in _cells(body)]
        wanted = {robot: goal for robot, goal in goals.items() if goal is not None}
        if self._hopeless.is_hopeless(wanted, firm, limit, now_ns):
            return None
        search = JointSearch(
            graph=self._graph,
            conflicts=self._conflicts,
            bodies=movable,
            goals=[goals[body.robot] for body in movable],
            firm=firm,
            arrays=(self.tables.graph, self.tables.arcs),
        )
        moves = search.solve(limit)
        if moves is None:
            self._hopeless.note(wanted, firm, limit, now_ns)
            return None
        timed = self._timed(bodies, moves, goals)
        if timed.has_fault():
            return None
        timed.without_detours()
        return timed

    def _is_cut_off(self, body: Body, goal: int, blocked: frozenset[int]) -> bool:
        is_blocked = np.zeros(self._graph.cell_count, dtype=np.bool_)
        is_blocked[sorted(blocked - {body.node})] = True
        around = self.tables.to_goal_around(goal, body.max_speed, is_blocked, body.barred)
        return bool(around[body.node] == math.inf)

    def _in_between(self, body: Body, goal: int, firm: Sequence[tuple[RobotId, tuple[int, ...]]]) -> Obstacle:
        """Walk the shortest way and name the first robot that stands on it for good."""
        table, node = self._to_goal(body, goal), body.node
        while node != goal and table[node] < math.inf:
            ways = [arc for arc in self._graph.leaving[node] if arc.end not in body.barred]
            arc = min(ways, key=lambda a: (a.seconds(body.max_speed) + table[a.end], a.end))
            zone = self._conflicts.zone(arc)
            robots = tuple(robot for robot, cells in firm if not zone.isdisjoint(cells))
            if robots:
                return Obstacle(robots=robots, node=arc.end)
            node = arc.end
        return Obstacle(robots=(), node=goal)


def _by_priority(bodies: Bodies, robots: Iterable[RobotId]) -> list[RobotId]:
    return sorted(robots, key=lambda robot: bodies[robot].rank)


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

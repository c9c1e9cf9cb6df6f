"""Joint planning of all robots: LaCAM* with PIBT (Okumura 2023) on a lane graph with conflict zones.

Complete: where a solution exists it is found if the search may run long enough; and the best one if it may go on long
enough after that. It gives an order of moves without times; robots whose moves do not conflict drive them at the same
time anyway.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.schedule import Body, Move, Trail, cells_at, follow
from robot_ops.traffic.travel import distances_to

Choice = Arc | None
"""What a robot does in one step: an arc, or None to stay."""
_IDLE_REACH: Final = 1.0
_EPSILON: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Stance:
    """Where a robot stands, with what its party takes up."""

    node: int
    trail: Trail


Configuration = tuple[Stance, ...]


@dataclass(slots=True, eq=False)
class _Constraint:
    """The first `len(choices)` robots of a node's order must do these things."""

    choices: tuple[Choice, ...] = ()


@dataclass(slots=True, eq=False)
class _Node:
    configuration: Configuration
    waits: tuple[float, ...]
    order: tuple[int, ...]
    rest: float
    loss: float = math.inf
    parent: "_Node | None" = None
    following: dict[Configuration, "_Way"] = field(default_factory=dict)
    constraints: deque[_Constraint] = field(default_factory=lambda: deque([_Constraint()]))


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """A step to another node: what it costs in seconds, and its moves."""

    to: _Node
    seconds: float
    moves: tuple[tuple[int, Arc], ...]


class JointSearch:
    """Plans all movable robots together.

    Args:
        bodies: the movable robots, the most important first.
        goals: per robot the node it must end at, None where it may end anywhere.
        firm: cells taken up for good by robots that must not move.

    Attributes:
        loss: what the last plan costs: seconds of all moves, a usual arc's at least, and as much for every step in
            which a robot waits away from its goal.
    """

    def __init__(
        self,
        *,
        graph: LaneGraph,
        conflicts: ConflictMap,
        bodies: Sequence[Body],
        goals: Sequence[int | None],
        firm: Sequence[int],
    ) -> None:
        self._conflicts = conflicts
        self._bodies = bodies
        self._goals = goals
        self._arcs = [
            tuple(arc for arc in arcs if not any(conflicts.is_blocked(arc, cell) for cell in firm))
            for arcs in graph.leaving
        ]
        blocked = frozenset().union(*(conflicts.of[cell] for cell in firm)) if firm else frozenset()
        self._to_goal: list[list[float] | None] = [
            None if goal is None else distances_to(graph, goal, _seconds_at(body.max_speed), blocked)
            for body, goal in zip(bodies, goals, strict=True)
        ]
        self._cabins = graph.cabins
        arcs = [arc for leaving in graph.leaving for arc in leaving]
        slowest = min((body.max_speed for body in bodies), default=1.0)
        self._usual = sum(arc.seconds(slowest) for arc in arcs) / len(arcs) if arcs else 1.0
        self.loss = math.inf

    def solve(self, limit: int, more: int = 0) -> list[Move] | None:
        """Return the moves in an order in which they can be driven one at a time; None where none was found.

        Args:
            limit: how many joint steps may be tried; more: how many after the first plan, for a better one.
        """
        first = tuple(Stance(body.node, body.trail) for body in self._bodies)
        waits = tuple(0.0 for _ in self._bodies)
        root = _Node(first, waits, self._order(first, waits), self._rest(first), 0.0)
        stack, known, best = [root], {first: root}, None
        left = limit
        while stack and left > 0:
            left -= 1
            node = stack[-1]
            if best is not None and node.loss + node.rest >= best.loss - _EPSILON:
                stack.pop()
                continue
            if self._is_solved(node.configuration):
                left, best = left if best is not None else more, node
                stack.pop()
                continue
            if not node.constraints:
                stack.pop()
                continue
            constraint = node.constraints.popleft()
            self._branch(node, constraint)
            step = _Step(self, node.configuration, node.order, constraint.choices)
            if not step.take():
                continue
            reached = tuple(step.now)
            if reached == node.configuration:
                continue
            if reached not in known:
                waits = tuple(
                    0.0 if self._goals[i] in (None, s.node) else node.waits[i] + 1.0 for i, s in enumerate(reached)
                )
                known[reached] = _Node(reached, waits, self._order(reached, waits), self._rest(reached))
            child = known[reached]
            node.following.setdefault(reached, _Way(child, self._seconds(node, step.moves), tuple(step.moves)))
            lowered = _relax(node)
            if best is not None:
                stack += [each for each in lowered if each.loss + each.rest < best.loss - _EPSILON]
            stack.append(child)
        if best is None:
            return None
        self.loss = best.loss
        return self._collect(best)

    def _rest(self, configuration: Configuration) -> float:
        """Return what it costs at least to bring everybody to its goal."""
        pairs = zip(self._to_goal, configuration, strict=True)
        return sum(table[stance.node] for table, stance in pairs if table is not None)

    def _seconds(self, node: _Node, moves: Sequence[tuple[int, Arc]]) -> float:
        """Return what a step costs."""
        moving = {robot for robot, _ in moves}
        waiting = [
            robot
            for robot, stance in enumerate(node.configuration)
            if robot not in moving and self._goals[robot] not in (None, stance.node)
        ]
        driving = sum(max(arc.seconds(self._bodies[robot].max_speed), self._usual) for robot, arc in moves)
        return driving + self._usual * len(waiting)

    def choices(self, robot: int, stance: Stance, taken: frozenset[int]) -> list[Choice]:
        """Return what a robot may do, the best first; `taken` are cells that others take up."""
        table = self._to_goal[robot]
        here = stance.node
        ranked: list[tuple[float, bool, int, Choice]]
        if table is None:
            ranked = [(0.0, False, -1, None)]
            ranked += [
                (_IDLE_REACH, not taken.isdisjoint(self._conflicts.of[arc.end]), arc.end, arc)
                for arc in self._arcs[here]
                if arc.end not in self._cabins
            ]
        else:
            speed = self._bodies[robot].max_speed
            ranked = [(table[here] + _IDLE_REACH if table[here] > 0.0 else -1.0, False, -1, None)]
            ranked += [
                (
                    arc.seconds(speed) + table[arc.end],
                    not taken.isdisjoint(self._conflicts.of[arc.end]),
                    arc.end,
                    arc,
                )
                for arc in self._arcs[here]
                if table[arc.end] < math.inf
            ]
        ranked.sort(key=lambda item: item[:3])
        return [choice for _, _, _, choice in ranked]

    @property
    def conflicts(self) -> ConflictMap:
        """Return the conflict map it plans with."""
        return self._conflicts

    def tail(self, robot: int) -> float:
        """Return the length of the robot's party in meters."""
        return self._bodies[robot].tail

    def _branch(self, node: _Node, constraint: _Constraint) -> None:
        depth = len(constraint.choices)
        if depth < len(node.order):
            robot = node.order[depth]
            choices: list[Choice] = [None, *self._arcs[node.configuration[robot].node]]
            node.constraints.extend(_Constraint((*constraint.choices, choice)) for choice in choices)

    def _order(self, configuration: Configuration, waits: Sequence[float]) -> tuple[int, ...]:
        def rank(robot: int) -> tuple[bool, bool, float, int]:
            goal = self._goals[robot]
            return goal is None, goal == configuration[robot].node, -waits[robot], robot

        return tuple(sorted(range(len(configuration)), key=rank))

    def _is_solved(self, configuration: Configuration) -> bool:
        return all(goal in (None, stance.node) for goal, stance in zip(self._goals, configuration, strict=True))

    def _collect(self, node: _Node) -> list[Move]:
        parts: list[tuple[tuple[int, Arc], ...]] = []
        at = node
        while at.parent is not None:
            parts.append(at.parent.following[at.configuration].moves)
            at = at.parent
        return [Move(robot=self._bodies[i].robot, arc=arc) for part in reversed(parts) for i, arc in part]


def _relax(first: _Node) -> list[_Node]:
    """Lower what nodes behind this one cost where that is possible now; return those it was for."""
    queue, lowered = deque([first]), []
    while queue:
        node = queue.popleft()
        for way in node.following.values():
            if node.loss + way.seconds < way.to.loss - _EPSILON:
                way.to.loss, way.to.parent = node.loss + way.seconds, node
                queue.append(way.to)
                lowered.append(way.to)
    return lowered


def _seconds_at(max_speed: float) -> Callable[[Arc], float]:
    return lambda arc: arc.seconds(max_speed)


class _Step:
    """One joint step by PIBT: robots choose in order and push those in their way aside, who choose first then.

    Attributes:
        now: where everybody stands after the moves so far; moves: in the order they can be driven.
    """

    def __init__(
        self, search: JointSearch, configuration: Configuration, order: Sequence[int], forced: Sequence[Choice]
    ) -> None:
        self._search = search
        self._order = order
        self._forced = dict(zip(order, forced, strict=False))
        self._is_settled = [False] * len(configuration)
        self._pushing: list[tuple[int, Arc]] = []
        self._conflicts = search.conflicts
        self.now = list(configuration)
        self.moves: list[tuple[int, Arc]] = []

    def take(self) -> bool:
        """Let all choose; return False where what is forced on the first cannot be done."""
        for robot in self._order:
            if not self._is_settled[robot] and not self._decide(robot) and robot in self._forced:
                return False
            if robot in self._forced and not self._has_obeyed(robot):
                return False
        return True

    def _has_obeyed(self, robot: int) -> bool:
        choice = self._forced[robot]
        done = [arc for mover, arc in self.moves if mover == robot]
        return done == ([] if choice is None else [choice])

    def _decide(self, robot: int) -> bool:
        self._is_settled[robot] = True
        stance = self.now[robot]
        if robot in self._forced:
            choices = [self._forced[robot]]
        else:
            taken = frozenset(s.node for i, s in enumerate(self.now) if i != robot)
            choices = self._search.choices(robot, stance, taken)
        for choice in choices:
            if choice is None:
                if self._is_out_of_the_way(robot, stance):
                    return True
                continue
            after = Stance(choice.end, follow(stance.trail, choice, self._search.tail(robot)))
            if self._is_out_of_the_way(robot, after) and self._clear(robot, choice):
                self.now[robot] = after
                self.moves.append((robot, choice))
                return True
        return False

    def _is_out_of_the_way(self, robot: int, stance: Stance) -> bool:
        return not any(self._is_on(stance, arc) for pusher, arc in self._pushing if pusher != robot)

    def _clear(self, robot: int, arc: Arc) -> bool:
        """Push everybody aside who stands on the arc; return whether it is free now."""
        in_way = self._standing_on(robot, arc)
        if any(self._is_settled[other] for other in in_way):
            return False
        self._pushing.append((robot, arc))
        try:
            for other in in_way:
                if not self._is_settled[other] and not self._decide(other):
                    return False
        finally:
            self._pushing.pop()
        return not in_way or not self._standing_on(robot, arc)

    def _standing_on(self, robot: int, arc: Arc) -> list[int]:
        zone = self._conflicts.zone(arc)
        now = self.now
        return [
            other
            for other in self._order
            if (now[other].trail or now[other].node in zone) and other != robot and self._is_on(now[other], arc)
        ]

    def _is_on(self, stance: Stance, arc: Arc) -> bool:
        conflicts = self._conflicts
        if not stance.trail:
            return conflicts.is_blocked(arc, stance.node)
        return any(conflicts.is_blocked(arc, cell) for cell in cells_at(stance.node, stance.trail))

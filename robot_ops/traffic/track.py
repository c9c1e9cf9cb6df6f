"""What traffic knows of one robot: its path, how far it has come and how far it has been cleared.

The path is one growing list of nodes. Routes are windows on it: a route's id stands for the place on the path where its
first waypoint lies, so that a report about an older route still tells where the robot is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import RobotId, RouteId
from robot_ops.core.poses import LevelPose
from robot_ops.tasks.routes import RouteProgress
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.schedule import Body, Move, Trail, follow

REACH_SLACK: Final = 0.3
"""Meters before a node's center at which a robot already counts as there (see RouteProgress)."""
SETTLE_SECONDS: Final = 1.0
"""Time after which a robot that reached a node stands on it."""
NEVER_NS: Final = -(10**18)
"""Stamp of the report of a robot that has not been heard of yet: before every clock."""
SILENT_SECONDS: Final = 10.0
"""A robot not heard of for so long is not expected to move."""
_NOISE: Final = 0.1
"""Meters that a robot may have driven less along its lane than it says."""
_PATH_KEPT: Final = 24
"""Nodes behind the robot that are remembered, for the tail of its party."""


@dataclass(slots=True)
class Route:
    """A way that was sent to the robot; its first waypoint lies at index `first` of the path."""

    id: RouteId
    first: int
    nodes: tuple[int, ...]


class Track:
    """One robot on the lane graph.

    Attributes:
        path: node numbers, from long ago through the end of its clearance; reached: index of the last node it reached.
            The index of the clearance's end is always the last.
        goal_seq, goal: of the latest report; goal_stamp_ns: when that goal was first heard.
        lost: why it takes no part in traffic, for people; empty where it does. taken: what it takes up then.
        free: where it is while it does not keep to the lanes; is_by_hand: a person drives it.
        loose: cells on any of which its party may still stand, because it is not known which way the robot came.
        graph: with what is closed and slower now.
        urgency: of what it drives for; larger goes first.
    """

    def __init__(self, graph: LaneGraph, progress: RouteProgress) -> None:
        self.robot: RobotId = progress.robot
        self.path: list[int] = []
        self.reached = 0
        self.travelled = 0.0
        self.tail = 0.0
        self.goal = progress.goal
        self.goal_seq = progress.goal_seq
        self.goal_stamp_ns = progress.stamp_ns
        self.lost = ""
        self.taken: frozenset[int] = frozenset()
        self.stamp_ns = progress.stamp_ns
        self.moved_ns = progress.stamp_ns
        self.waited_ns = progress.stamp_ns
        self.reached_ns = progress.stamp_ns
        self.route: Route | None = None
        self.free: LevelPose | None = None
        self.is_by_hand = False
        self.loose: frozenset[int] = frozenset()
        self.graph = graph
        self.urgency = 0
        self._routes: list[Route] = []
        self._confirmed = -1
        self._serial = 0
        self._settled_at = 0
        self._latest = progress
        self._settle(progress)

    @property
    def node(self) -> int:
        """Return the node where the clearance ends."""
        return self.path[-1]

    @property
    def is_at_end(self) -> bool:
        """Return whether it stands at the end of its clearance."""
        return self.reached == len(self.path) - 1

    def update(self, progress: RouteProgress) -> list[Move] | None:
        """Take in a report that is not older than the last.

        Returns:
            moves that the robot was cleared for but does not hold (it has a new goal and will not take that clearance
            any more); None where the report does not continue what was known and everything began anew.
        """
        if progress.stamp_ns == self.stamp_ns and progress.goal_seq < self.goal_seq:
            return []
        self.stamp_ns, self._latest = progress.stamp_ns, progress
        had_tail, self.tail = self.tail > 0.0, max(progress.tail, 0.0)
        has_new_goal = progress.goal_seq != self.goal_seq
        if has_new_goal or progress.goal != self.goal:
            self.goal, self.goal_seq, self.goal_stamp_ns = progress.goal, progress.goal_seq, progress.stamp_ns
        was_free, self.free = self.free is not None, progress.free
        self.is_by_hand = progress.is_by_hand
        if was_free and not self.path and not progress.held and self.free is not None:
            self.lost = _why_free(progress)
            return []
        place = self._place(progress)
        if place is None:
            self._settle(progress)
            return None
        at, self._confirmed = place
        if at > self.reached or progress.travelled > self.travelled + 0.05:
            self.moved_ns = progress.stamp_ns
        if at > self.reached:
            self.reached, self.reached_ns, self.travelled = at, progress.stamp_ns, progress.travelled
        elif at == self.reached:
            self.travelled = max(self.travelled, progress.travelled)
        if self.tail > 0.0 and not had_tail:
            self._drop(self.reached)  # the party gathers around the robot: nobody stands on the way it came
            at = self.reached
        if self.loose and self._driven_since_settled() >= self._tail_length:
            self.loose = frozenset()
        return self._shorten(at + len(progress.held)) if has_new_goal else []

    def take_repeated(self, progress: RouteProgress) -> bool:
        """Take in a report that says what the latest said, in which case only its stamp counts; return whether it does.

        That of a robot that takes no part in traffic, or keeps to no lanes, is always looked at anew.
        """
        if not self.path or self.lost or progress.free is not None or _content(progress) != _content(self._latest):
            return False
        self.stamp_ns = progress.stamp_ns
        return True

    def goes_on(self, progress: RouteProgress) -> bool:
        """Return whether a report continues what is known of the robot."""
        return self._place(progress) is not None

    def clear(self, arc: Arc) -> None:
        """Note that the robot is cleared for one arc more."""
        self.path.append(arc.end)
        self._forget()

    def plan(self, arcs: Sequence[Arc], now_ns: int) -> Route:
        """Return the route for these moves beyond the clearance; a new one only where the way has changed.

        No node occurs twice on the cleared part of a route, so that robots can tell by what they hold where they are.
        """
        nodes = (*self.path, *(arc.end for arc in arcs))
        route = self.route
        if (
            route is None
            or nodes[max(route.first, 0) :] != route.nodes[max(-route.first, 0) :]
            or len(set(route.nodes[: len(self.path) - route.first])) < len(self.path) - route.first
        ):
            self._serial += 1
            identity = RouteId(f"{self.robot}-{now_ns}-{self._serial}")
            route = self.route = Route(identity, self.reached, tuple(nodes[self.reached :]))
            self._routes = [*self._routes[max(self._confirmed, 0) :], route]
            self._confirmed = min(self._confirmed, 0)
        return route

    def is_silent(self, now_ns: int) -> bool:
        """Return whether the robot has not been heard of for too long to be expected to move."""
        return seconds_between(self.stamp_ns, now_ns) > SILENT_SECONDS

    def held_nodes(self) -> list[int]:
        """Return the nodes from the last reached one through the end of its clearance; what it takes up without one."""
        return self.path[self.reached :] or sorted(self.taken)

    def held_arcs(self) -> list[Arc]:
        """Return the arcs from the last reached node through the end of its clearance."""
        return self.graph.arcs_along(self.path[self.reached :]) or []

    def arcs_ahead(self) -> list[Arc]:
        """Return those of the held arcs that it has not begun to drive."""
        return self.held_arcs()[1 if self._has_left else 0 :]

    def stuck_seconds(self, now_ns: int) -> float:
        """Return for how long it has not come further although it is cleared, 0 where it is not; seconds."""
        if not self.path or self.reached == len(self.path) - 1 or self.is_silent(now_ns):
            return 0.0
        return max(0.0, seconds_between(max(self.moved_ns, self.waited_ns), now_ns))

    @property
    def stands_since_ns(self) -> int | None:
        """Return the instant since which it has not come further although it is cleared, None where it is not."""
        return None if not self.path or self.is_at_end else max(self.moved_ns, self.waited_ns)

    def note_wait(self, now_ns: int) -> None:
        """Remember the instant if the robot stands at the end of its clearance and cannot be expected to move."""
        if self.path and self.reached == len(self.path) - 1:
            self.waited_ns = now_ns

    def body(self, now_ns: int, goal: int | None, *, is_staying: bool) -> Body:
        """Return the robot as planning sees it; `is_staying` where it has no moves beyond its clearance."""
        max_speed = self.graph.max_speed(self.robot)
        priority = (self.goal_stamp_ns, str(self.robot))
        is_silent = self.is_silent(now_ns)
        if not self.path:
            taken = min(self.taken, default=-1)
            return Body(
                robot=self.robot, node=taken, max_speed=max_speed, priority=priority, is_firm=True, fixed=self.taken
            )
        arcs = self.graph.arcs_along(self.path[self.reached :]) or []
        stalled = max(0.0, seconds_between(self.moved_ns, now_ns) - 2.0) if arcs else 0.0
        time, leaving = stalled, []
        for index, arc in enumerate(arcs):
            rest = max(arc.length - self.travelled, 0.0) / arc.length if index == 0 and arc.length > 0.0 else 1.0
            time += rest * arc.seconds(max_speed)
            leaving += [(arc.start, time), (arc.cell, time)]
        fixed = self.loose | (frozenset(cell for cell, _ in leaving) if is_silent else frozenset())
        return Body(
            robot=self.robot,
            node=self.node,
            max_speed=max_speed,
            priority=priority,
            urgency=self.urgency,
            goal=goal,
            is_firm=is_silent or self.free is not None or (is_staying and goal == self.node),
            ready=time,
            leaving=tuple(leaving),
            trail=self._trail(),
            tail=self._tail_length,
            fixed=fixed,
            barred=self.graph.barred(self.robot),
        )

    def is_near(self, driven: Arc, conflicts: ConflictMap, now_ns: int) -> bool:
        """Return whether anything the robot takes up, through the end of its clearance, conflicts with an arc."""
        zone = conflicts.zone(driven)
        if not self.path:
            return not zone.isdisjoint(self.taken)
        first = self.reached
        has_left = self._has_left
        behind = self._behind(now_ns) - (self.travelled - _NOISE if has_left else 0.0)
        if any(node in zone for node in self.standing_on):
            return True
        if any(cell in zone and conflicts.is_blocked(driven, cell) for cell in self.loose):
            return True
        for index in range(first + 1, len(self.path)):
            arc = self.graph.arc(self.path[index - 1], self.path[index])
            if arc is None or arc.cell not in zone:
                continue
            if index > first + 1 or not has_left or _is_still_near(arc, driven, -behind, conflicts):
                return True
        return behind > 0.0 and self._is_behind_near(driven, behind, conflicts)

    @property
    def standing_on(self) -> list[int]:
        """Return the nodes it takes up through the end of its clearance, without one that it has driven away from."""
        return self.path[self.reached + 1 :] if self._has_left else self.path[self.reached :]

    @property
    def _has_left(self) -> bool:
        return self.reached + 1 < len(self.path) and self.travelled > _NOISE

    @property
    def _tail_length(self) -> float:
        return self.tail + REACH_SLACK if self.tail > 0.0 else 0.0

    def _behind(self, now_ns: int) -> float:
        """Return how many meters behind its center the robot's party reaches, or the robot may be late."""
        if self.tail <= 0.0 and seconds_between(self.reached_ns, now_ns) < SETTLE_SECONDS:
            return REACH_SLACK
        return self._tail_length

    def _is_behind_near(self, driven: Arc, behind: float, conflicts: ConflictMap) -> bool:
        zone = conflicts.zone(driven)
        for index in range(self.reached, 0, -1):
            if self.path[index] in zone and index < self.reached:
                return True
            arc = self.graph.arc(self.path[index - 1], self.path[index])
            if arc is None:
                return False
            if arc.cell in zone and _is_still_near(arc, driven, arc.length - behind, conflicts):
                return True
            behind -= arc.length
            if behind <= 0.0:
                return False
        return False

    def _trail(self) -> Trail:
        trail: Trail = ()
        if self.tail > 0.0:
            for arc in self.graph.arcs_along(self.path) or []:
                trail = follow(trail, arc, self._tail_length)
        return trail

    def _settle(self, progress: RouteProgress) -> None:
        """Begin anew with what the robot says that it holds."""
        numbers = [self.graph.number.get(node) for node in progress.held]
        held = [number for number in numbers if number is not None]
        self.taken, self.loose, self.lost, self.path = frozenset(), frozenset(), "", []
        self.free, self.is_by_hand = progress.free, progress.is_by_hand
        self.reached, self.travelled, self.tail = 0, max(progress.travelled, 0.0), max(progress.tail, 0.0)
        self.moved_ns = self.reached_ns = progress.stamp_ns
        self.route, self._routes, self._confirmed = None, [], -1
        if not numbers and self.free is not None:
            self.lost = _why_free(progress)
        elif not held:
            self.lost = "does not know where on the lanes it is"
        elif len(held) < len(numbers) or self.graph.arcs_along(held) is None:
            self.lost = f"holds nodes that no lanes join: {', '.join(progress.held)}"
            self.taken = frozenset(held)
        else:
            self.path = held
            self._routes = [Route(progress.route_id, -progress.reached, ())]
            self._confirmed = 0
            self._settled_at = 0
            if self._driven_since_settled() < self._tail_length:
                self.loose = frozenset(_cells_behind(self.graph, held[0], self._tail_length))

    def _place(self, progress: RouteProgress) -> tuple[int, int] | None:
        """Return where on the path the robot's last reached node lies, and which of the routes the report is about.

        None where the report does not fit the path.
        """
        if not self.path or not progress.held:
            return None
        known = [k for k, route in enumerate(self._routes) if route.id == progress.route_id]
        if not known or known[-1] < self._confirmed:
            return None
        at = self._routes[known[-1]].first + progress.reached
        held = [self.graph.number.get(node) for node in progress.held]
        if not 0 <= at < len(self.path) or self.path[at : at + len(held)] != held:
            return None
        if at < self.reached:
            return None
        return at, known[-1]

    def _shorten(self, length: int) -> list[Move]:
        arcs = self.graph.arcs_along(self.path[length - 1 :]) or []
        if arcs:
            self.waited_ns = self.stamp_ns
        del self.path[length:]
        self.route = None
        return [Move(robot=self.robot, arc=arc) for arc in arcs]

    def _driven_since_settled(self) -> float:
        """Return how many meters the robot has driven since everything began anew, inf where that is forgotten."""
        if self._settled_at < 0:
            return math.inf
        arcs = self.graph.arcs_along(self.path[self._settled_at : self.reached + 1]) or []
        return sum(arc.length for arc in arcs) + self.travelled

    def _forget(self) -> None:
        surplus = self.reached - 2 * _PATH_KEPT
        if surplus <= 0:
            return
        self._drop(surplus + _PATH_KEPT)

    def _drop(self, dropped: int) -> None:
        """Forget the first nodes of the path."""
        del self.path[:dropped]
        self.reached -= dropped
        self._settled_at -= dropped
        for route in self._routes:
            route.first -= dropped


def _content(progress: RouteProgress) -> tuple[object, ...]:
    return (
        progress.route_id,
        progress.reached,
        progress.held,
        progress.travelled,
        progress.goal,
        progress.goal_seq,
        progress.tail,
        progress.free,
        progress.is_by_hand,
    )


def _why_free(progress: RouteProgress) -> str:
    why = "driven by hand" if progress.is_by_hand else "off the lanes: drive it to a lane"
    return f"is {why}; the others keep off"


def _cells_behind(graph: LaneGraph, node: int, meters: float) -> set[int]:
    """Return the lanes and nodes from which lanes lead to the node within so many meters."""
    cells: set[int] = set()
    best = {node: meters}
    queue = [node]
    while queue:
        at = queue.pop()
        for arc in graph.all_arcs:
            if arc.end != at or arc.lift is not None:
                continue
            cells.add(arc.cell)
            rest = best[at] - arc.length
            if rest > best.get(arc.start, 0.0):
                best[arc.start] = rest
                queue.append(arc.start)
    return cells | (best.keys() - {node})


def _is_still_near(arc: Arc, driven: Arc, along: float, conflicts: ConflictMap) -> bool:
    """Return whether a robot that is so far along its arc (meters) is still in the way of one on the other arc."""
    return max(conflicts.exit(arc, driven.cell), conflicts.exit(arc, driven.end)) > max(along, 0.0)

"""Traffic control: the one object the fleet process talks to about driving."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import RobotId
from robot_ops.site.model import Site
from robot_ops.tasks.routes import Clearance, RouteProgress, Waypoint
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.ordering import FleetOrder
from robot_ops.traffic.track import Route, Track
from robot_ops.traffic.waits import Wait, WaitBook, listed

COLLECT_SECONDS: Final = 2.0
"""A fresh process hears all robots out for so long before it clears anything."""
COLLECT_MISSING_SECONDS: Final = 4.0
"""The same while robots of the site have not been heard of."""


class TrafficControl:
    """Plans the ways of all robots on the lane graph and clears them piece by piece.

    Robots send `RouteProgress`, whole state, which may be lost, late, doubled or reordered; `step` answers with
    `Clearance`, whole state too. No two robots are ever cleared into conflicting parts of the graph, and there is
    always one whose next move can be cleared, whatever the delays. What a robot holds is never taken from it. A
    process that starts anew carries on from what the robots report.

    A robot without a goal, or one whose goal cannot be reached now, may be asked to make way: it gets a clearance for
    its present `goal_seq` whose last waypoint is a refuge, not the goal's node. Robots follow it like any other (one
    that serves a place keeps that place as its goal and is never asked); it has arrived only at its goal's node.

    Args:
        site: as checked by `robot_ops.site.check`.
        robots: those to be heard before anything is cleared at the start; None for all of the site.

    Raises:
        SiteError: the lanes are wrong.
    """

    def __init__(self, site: Site, robots: Collection[RobotId] | None = None) -> None:
        self._graph = LaneGraph(site)
        self._conflicts = ConflictMap(self._graph)
        self._order = FleetOrder(self._graph, self._conflicts)
        self._expected = frozenset(site.robots if robots is None else robots)
        self._tracks: dict[RobotId, Track] = {}
        self._waits = WaitBook()
        self._start_ns: int | None = None
        self._has_collected = False
        self._waypoints: dict[RobotId, tuple[Route, tuple[Waypoint, ...]]] = {}
        self._clearances: dict[RobotId, Clearance] = {}

    def update(self, progress: RouteProgress) -> None:
        """Take in a robot's report; one that is older than the last from this robot is ignored."""
        robot = progress.robot
        track = self._tracks.get(robot)
        if track is None:
            self._tracks[robot] = Track(self._graph, progress)
            self._tracks = dict(sorted(self._tracks.items()))
            self._order.disturb(robot)
            return
        if progress.stamp_ns < track.stamp_ns:
            return
        tail, goal_seq, goal = track.tail, track.goal_seq, track.goal
        surplus = track.update(progress)
        if surplus is None:
            self._order.disturb(robot)
            self._clearances.pop(robot, None)
            return
        self._order.give_back(surplus)
        if track.tail != tail:
            self._order.check()
        if (track.goal_seq, track.goal) != (goal_seq, goal):
            self._clearances.pop(robot, None)
            self._order.want(robot)

    def remove(self, robot: RobotId) -> None:
        """Forget a robot that is carried away; what it held is free at once."""
        if self._tracks.pop(robot, None) is not None:
            self._order.drop(robot)
            self._order.unplanned.discard(robot)
            self._order.check()
            self._clearances.pop(robot, None)
            self._waypoints.pop(robot, None)

    def step(self, now_ns: int) -> tuple[Clearance, ...]:
        """Plan where needed and clear what can be cleared.

        Returns:
            the clearances of all robots that have one, in the order of their ids, each stamped with the instant of its
            last change; to be sent again and again.
        """
        if self._is_collecting(now_ns):
            return ()
        goals = {robot: self._goal(track) for robot, track in self._tracks.items()}
        self._order.plan(self._tracks, goals, now_ns)
        self._order.clear(self._tracks, now_ns)
        self._waits.renew(self._find_waits(goals, now_ns), now_ns)
        self._clearances = self._make_clearances(goals, now_ns)
        return tuple(self._clearances.values())

    def clearance(self, robot: RobotId) -> Clearance | None:
        """Return the robot's clearance as of the last step, None where it has none."""
        return self._clearances.get(robot)

    def waits(self) -> tuple[Wait, ...]:
        """Return which robots cannot go on and why, in the order of their ids."""
        return self._waits.all()

    def _is_collecting(self, now_ns: int) -> bool:
        if self._has_collected:
            return False
        if self._start_ns is None:
            self._start_ns = now_ns
        seconds = seconds_between(self._start_ns, now_ns)
        is_complete = self._expected <= self._tracks.keys()
        self._has_collected = seconds >= (COLLECT_SECONDS if is_complete else COLLECT_MISSING_SECONDS)
        return not self._has_collected

    def _goal(self, track: Track) -> int | None:
        """Return the node of the robot's goal, None where it has none or no lanes lead there."""
        if track.goal is None or not track.path:
            return None
        goal = self._graph.goal_of.get(track.goal)
        if goal is None or not self._order.is_reachable(track, goal):
            return None
        return goal

    def _make_clearances(self, goals: dict[RobotId, int | None], now_ns: int) -> dict[RobotId, Clearance]:
        moves = self._order.moves_by_robot()
        made: dict[RobotId, Clearance] = {}
        for robot, track in self._tracks.items():
            arcs = moves.get(robot, [])
            last = arcs[-1].end if arcs else track.path[-1] if track.path else None
            is_driving = bool(arcs) or track.reached < len(track.path) - 1
            if last is None or not (is_driving or (goals[robot] is not None and last == goals[robot])):
                continue
            route = track.plan(arcs, now_ns)
            made[robot] = self._renew(track, route, now_ns)
        return made

    def _renew(self, track: Track, route: Route, now_ns: int) -> Clearance:
        wait = self._waits.of(track.robot)
        waiting_for = listed(wait.waits_for) if wait is not None else ""
        cleared = len(track.path) - 1 - route.first
        known = self._clearances.get(track.robot)
        if known is not None and known.route_id == route.id and known.goal_seq == track.goal_seq:
            if (known.cleared, known.waiting_for) == (cleared, waiting_for):
                return known
            return replace(known, stamp_ns=now_ns, cleared=cleared, waiting_for=waiting_for)
        return Clearance(
            robot=track.robot,
            stamp_ns=now_ns,
            route_id=route.id,
            goal_seq=track.goal_seq,
            waypoints=self._waypoints_of(track.robot, route),
            cleared=cleared,
            waiting_for=waiting_for,
        )

    def _waypoints_of(self, robot: RobotId, route: Route) -> tuple[Waypoint, ...]:
        known = self._waypoints.get(robot)
        if known is not None and known[0] is route:
            return known[1]
        arcs = self._graph.arcs_along(route.nodes) or []
        waypoints = [self._waypoint(route.nodes[0], speed_limit=arcs[0].speed if arcs else 1.0)]
        for arc in arcs:
            waypoint = self._waypoint(arc.end, speed_limit=arc.speed)
            waypoints.append(replace(waypoint, door=arc.door, lift=arc.lift))
        self._waypoints[robot] = (route, tuple(waypoints))
        return self._waypoints[robot][1]

    def _waypoint(self, number: int, *, speed_limit: float) -> Waypoint:
        node = self._graph.site.nodes[self._graph.nodes[number]]
        return Waypoint(node=node.id, level=node.level, x=node.x, y=node.y, speed_limit=speed_limit)

    def _find_waits(
        self, goals: dict[RobotId, int | None], now_ns: int
    ) -> dict[RobotId, tuple[tuple[RobotId, ...], str]]:
        found: dict[RobotId, tuple[tuple[RobotId, ...], str]] = {}
        nodes = self._graph.nodes
        for robot, track in self._tracks.items():
            blocked, obstacle = self._order.blocked.get(robot), self._order.obstacles.get(robot)
            if track.is_silent(now_ns):
                found[robot] = ((), "has not been heard of; the others keep off what it holds")
            elif track.lost:
                found[robot] = ((), track.lost)
            elif track.goal is not None and goals[robot] is None:
                found[robot] = ((), self._explain_goal(track))
            elif blocked is not None and track.reached == len(track.path) - 1:
                found[robot] = (blocked[1], f"waits for {listed(blocked[1])} at {nodes[blocked[0].end]}")
            elif robot in self._order.unplanned and obstacle is not None and obstacle.robots:
                left = f"waits until {nodes[obstacle.node]} is left by {listed(obstacle.robots)}"
                found[robot] = (obstacle.robots, left)
            elif robot in self._order.unplanned and goals[robot] is not None:
                found[robot] = ((), f"finds no way between the others to '{track.goal}' yet")
        return found

    def _explain_goal(self, track: Track) -> str:
        if track.goal not in self._graph.goal_of:
            return f"wants to go to '{track.goal}', which is no place of the site"
        return f"cannot go to '{track.goal}': no lanes lead there from {self._graph.nodes[track.node]}"

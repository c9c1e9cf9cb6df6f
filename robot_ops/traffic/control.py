"""Traffic control: the one object the fleet process talks to about driving."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from robot_ops.core.clock import END_OF_TIME_NS, seconds_between
from robot_ops.core.ids import RobotId, RouteId
from robot_ops.core.poses import LevelPose
from robot_ops.site.model import Site
from robot_ops.tasks.routes import Clearance, RouteProgress
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.explanation import Explainer
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.holdings import HoldingBook
from robot_ops.traffic.itineraries import ItineraryBook
from robot_ops.traffic.joining import WAITING, claimed_at, claimed_cells, held_back, is_taken, who_is_ahead
from robot_ops.traffic.making_way import find_spots
from robot_ops.traffic.obstructions import Obstructions, next_change
from robot_ops.traffic.ordering import FleetOrder
from robot_ops.traffic.reasons import Picture, find_waits
from robot_ops.traffic.refuges import Refuges
from robot_ops.traffic.restrictions import check_rules
from robot_ops.traffic.schedule import Move
from robot_ops.traffic.telling import what_to_tell
from robot_ops.traffic.track import NEVER_NS, Track
from robot_ops.traffic.waits import Wait, WaitBook

COLLECT_SECONDS: Final = 2.0
"""A fresh process hears all robots out for so long before it clears anything."""
COLLECT_MISSING_SECONDS: Final = 4.0
"""The same while robots of the site have not been heard of; those count as standing at their chargers then."""


class TrafficControl:
    """Plans the ways of all robots on the lane graph and clears them piece by piece.

    Robots send `RouteProgress`, whole state, which may be lost, late, doubled or reordered; `step` answers with
    `Clearance`, whole state too. No two robots are ever cleared into conflicting parts of the graph, and there is
    always one whose next move can be cleared, whatever the delays. What a robot holds is never taken from it. A
    process that starts anew carries on from what the robots report.

    A robot without a goal, or one whose goal cannot be reached now, may be asked to make way: it gets a clearance for
    its present `goal_seq` whose last waypoint is a refuge, not the goal's node. Robots follow it like any other (one
    that serves a place keeps that place as its goal and is asked only in an emergency); it has arrived only at its
    goal's node.

    Args:
        site: as checked by `robot_ops.site.check`.
        robots: those to be heard before anything is cleared at the start, None for all of the site.
        last_held: the `holdings` of the process before this one. Who is not heard at the start is taken to be there,
            or else switched off at its charger, and the others keep off.

    Raises:
        SiteError: the lanes are wrong.
    """

    def __init__(
        self, site: Site, robots: Collection[RobotId] | None = None, last_held: Iterable[RouteProgress] = ()
    ) -> None:
        self._graph = LaneGraph(site)
        self._conflicts = ConflictMap(self._graph)
        self._order = FleetOrder(self._graph, self._conflicts)
        self._obstructions = Obstructions(self._graph, self._conflicts)
        self._refuges = Refuges(self._graph, self._conflicts)
        self._expected = frozenset(site.robots if robots is None else robots)
        self._last_held = {held.robot: replace(held, stamp_ns=NEVER_NS) for held in last_held}
        self._tracks: dict[RobotId, Track] = {}
        self._held = HoldingBook(self._graph, self._obstructions.bubbles)
        self._resting: set[RobotId] = set()  # stand where they want to: nothing about them is to be looked at
        self._waiting: dict[RobotId, RouteProgress] = {}  # what robots ask for that may not take part yet
        self._spot_of: dict[RobotId, int] = {}  # where idle robots go that stand in the way of those
        self._goals: dict[RobotId, int | None] = {}
        self._refuge_of: dict[RobotId, int] = {}
        self._sheltered: frozenset[RobotId] | None = None
        self._waits = WaitBook()
        self._itineraries = ItineraryBook(self._graph)
        self._start_ns: int | None = None
        self._has_collected = False
        self._has_news = True
        self._due_ns = 0
        self._now_ns = 0

    @property
    def rules(self) -> TrafficRules:
        """Return the rules that hold now."""
        return self._obstructions.rules

    def set_rules(self, rules: TrafficRules) -> None:
        """Replace the rules; the same again changes nothing.

        Nobody is planned or cleared into a closed lane any more; what a robot is cleared for it drives to its end.
        In an emergency everybody is led to a refuge, whatever the goal, and no lift is entered. A silent robot that was
        taken out is forgotten.

        Raises:
            RequestError: the site has not such a lane, zone or robot; nothing was changed.
        """
        check_rules(self._graph.site, rules)
        if rules != self._obstructions.rules:
            self._obstructions.set_rules(rules)
            self._sheltered = None
            self._has_news = True
            self._resting.clear()

    def update(self, progress: RouteProgress) -> None:
        """Take in a robot's report; one that is older than the last from this robot is ignored.

        So is one that does not tell where the robot is (it was started again and is not localized yet): it stands where
        it was, like one that is not heard.
        """
        robot = progress.robot
        track = self._tracks.get(robot)
        is_nowhere = not progress.held and progress.free is None
        if is_nowhere and (track is not None or robot in self._last_held):
            return
        if track is not None and progress.stamp_ns < track.stamp_ns:
            return
        if track is not None and robot not in self._waiting and track.take_repeated(progress):
            return
        self._has_news = True
        at = self._joins_at(progress, track)
        if at is None or not self._must_wait(progress, at):
            self._waiting.pop(robot, None)
            self._take_in(progress)
            return
        self._waiting[robot] = progress
        self._take_in(held_back(progress, at, self._graph, self._obstructions.bubbles.radius(robot)))
        self._tracks[robot].lost = WAITING

    def _joins_at(self, progress: RouteProgress, track: Track | None) -> LevelPose | None:
        """Return where the robot is if it wants to take part from there on, None where it does or does not want to."""
        if track is not None and track.free is not None and not track.path:
            return track.free
        is_known = track is not None and track.goes_on(progress)
        return None if is_known else claimed_at(progress, self._graph)

    def _must_wait(self, progress: RouteProgress, at: LevelPose) -> bool:
        if not self._has_collected:
            return len(progress.held) > 1  # who is at a node is there, whoever else will be heard
        bubbles = self._obstructions.bubbles
        return is_taken(
            progress, at, graph=self._graph, conflicts=self._conflicts, tracks=self._tracks, bubbles=bubbles
        )

    def _take_in(self, progress: RouteProgress) -> None:
        robot = progress.robot
        self._resting.discard(robot)
        self._held.touch(robot)
        track = self._tracks.get(robot)
        if track is None:
            self._tracks[robot] = Track(self._graph, progress)
            self._tracks = dict(sorted(self._tracks.items()))
            self._obstructions.bubbles.update(progress)
            self._order.disturb(robot)
            return
        room = (track.tail, track.loose, track.free is None)
        goal_seq, goal = track.goal_seq, track.goal
        surplus = track.update(progress)
        self._obstructions.bubbles.update(progress)
        if surplus is None:
            self._order.disturb(robot)
            self._itineraries.drop(robot)
            return
        if all(self._graph.is_open(move.arc) for move in surplus):
            self._order.give_back(surplus)
        else:
            self._order.disturb(robot)
        if (track.tail, track.loose, track.free is None) != room:
            self._order.check()
        if (track.goal_seq, track.goal) != (goal_seq, goal):
            self._itineraries.drop(robot)
            self._order.want(robot)

    def set_urgency(self, urgency: Mapping[RobotId, int]) -> None:
        """Say how urgent is what each robot drives for: larger goes first, 0 where nothing is said (-10 to 10)."""
        for robot, track in self._tracks.items():
            if track.urgency != urgency.get(robot, 0):
                track.urgency = urgency.get(robot, 0)
                self._has_news = True

    def remove(self, robot: RobotId) -> None:
        """Forget a robot that is carried away; what it held is free at once."""
        if self._tracks.pop(robot, None) is not None:
            self._order.drop(robot)
            self._order.unplanned.discard(robot)
            self._order.check()
            self._waiting.pop(robot, None)
            self._obstructions.bubbles.remove(robot)
            self._itineraries.forget(robot)
            self._resting.discard(robot)
            self._has_news = True

    def is_due(self, now_ns: int) -> bool:
        """Return whether a step may change anything: not while nothing is heard and nobody waits for anything."""
        if not self._has_news and now_ns >= self._due_ns:
            self._due_ns = self._next_ns()  # most have been heard since
        return self._has_news or now_ns >= self._due_ns

    def step(self, now_ns: int) -> tuple[Clearance, ...]:
        """Plan where needed and clear what can be cleared.

        Returns:
            the clearances of all robots that have one, in the order of their ids, each stamped with the instant of its
            last change; to be sent again and again.
        """
        self._has_news = False
        self._due_ns = self._now_ns = now_ns
        if self._is_collecting(now_ns):
            return ()
        self._resting -= {robot for robot in self._resting if self._tracks[robot].is_silent(now_ns)}
        for robot in [robot for robot in self.rules.absent_robots if self._is_silent(robot)]:
            self.remove(robot)
        self._obstructions.note_stuck(self._active(), now_ns)
        self._impose()
        self._shelter(now_ns)
        self._make_way(now_ns)
        former, resting = self._goals, self._resting
        self._goals = {r: former[r] if r in resting else self._goal(track) for r, track in self._tracks.items()}
        self._order.plan(self._tracks, self._goals, now_ns)
        self._resting -= self._order.concerned
        active = self._active()
        for robot, track in active.items():
            self._held.touch(robot)
            track.note_wait(now_ns)
        self._order.clear(self._tracks, now_ns)
        self._waits.renew(find_waits(self._picture(), active), now_ns)
        clearances = self._itineraries.renew(what_to_tell(self._picture(), self._waits, self._resting), now_ns)
        if not self.rules.is_emergency:
            driving = self._order.concerned
            self._resting |= {r for r, track in active.items() if r not in driving and self._is_resting(track)}
        return clearances

    def _active(self) -> dict[RobotId, Track]:
        """Return those who do not rest."""
        return {robot: track for robot, track in self._tracks.items() if robot not in self._resting}

    def _is_resting(self, track: Track) -> bool:
        """Return whether a robot without moves stays as it is until it says something else."""
        is_there = self._goals[track.robot] == (None if track.goal is None else track.path[-1] if track.path else -1)
        is_on_lanes = bool(track.path) and not track.lost and track.free is None
        return is_there and is_on_lanes and track.is_at_end and self._waits.of(track.robot) is None

    def clearances(self) -> tuple[Clearance, ...]:
        """Return all clearances as of the last step."""
        return self._itineraries.all()

    def clearance(self, robot: RobotId) -> Clearance | None:
        """Return the robot's clearance as of the last step, None where it has none."""
        return self._itineraries.of(robot)

    @property
    def heard(self) -> frozenset[RobotId]:
        """Return the robots that were heard of lately."""
        return frozenset(robot for robot in self._tracks if not self._is_silent(robot))

    def holdings(self) -> tuple[RouteProgress, ...]:
        """Return what each robot may take up now; to be kept for the next process before clearances are sent."""
        return self._held.renew(self._tracks)

    @property
    def unheard(self) -> tuple[RouteProgress, ...]:
        """Return what robots held in an earlier process while it is not known whether they will be heard in this one.

        It belongs to what is kept for the next process: this one may end before it has heard them.
        """
        if self._has_collected:
            return ()
        return tuple(held for robot, held in self._last_held.items() if robot not in self._tracks)

    def waits(self) -> tuple[Wait, ...]:
        """Return which robots cannot go on and why, in the order of their ids."""
        return self._waits.all()

    @property
    def alarm(self) -> str:
        """Return what is wrong with planning itself, for people; empty where nothing is."""
        return self._order.alarm

    def explain(self, robot: RobotId | None = None) -> str:
        """Return, for people, where a robot is, what it holds, its way, and what it waits for and why; lines of text.

        Args:
            robot: None for all.

        Raises:
            RequestError: traffic control has not heard of the robot.
        """
        return Explainer(self._picture(), self._waits).explain(robot)

    def _is_collecting(self, now_ns: int) -> bool:
        if self._has_collected:
            return False
        if self._start_ns is None:
            self._start_ns = now_ns
        seconds = seconds_between(self._start_ns, now_ns)
        is_complete = self._expected <= self._tracks.keys()
        self._has_collected = seconds >= (COLLECT_SECONDS if is_complete else COLLECT_MISSING_SECONDS)
        if self._has_collected:
            for robot in sorted(self._expected - self._tracks.keys()):
                self._take_in(self._last_held.get(robot) or _at_charger(self._graph.site, robot))
            for claim in tuple(self._waiting.values()):
                self.update(claim)
        return not self._has_collected

    def _next_ns(self) -> int:
        """Return the instant from which on a step may change something although nothing is heard."""
        now_ns = self._now_ns
        is_calm = self._has_collected and self._order.is_settled and not self._obstructions.is_any_stuck
        if not is_calm or self._waiting or self.rules.is_emergency:
            return now_ns
        heard = {robot: track for robot, track in self._tracks.items() if not track.is_silent(now_ns)}
        if any(wait.robot in heard for wait in self._waits.all()):
            return now_ns
        return min(map(next_change, heard.values()), default=END_OF_TIME_NS)

    def _is_silent(self, robot: RobotId) -> bool:
        track = self._tracks.get(robot)
        return track is not None and track.is_silent(self._now_ns)

    def _impose(self) -> None:
        """Go over to what is closed and slower now; plan those anew whose moves that changes."""
        restrictions = self._obstructions.restrictions()
        if restrictions == self._graph.restrictions:
            return
        self._resting.clear()
        before, self._graph = self._graph, self._graph.restricted(restrictions)
        former, self._order = self._order, FleetOrder(self._graph, self._conflicts)
        self._order.alarm = former.alarm
        self._itineraries.graph = self._graph
        slower = restrictions.delays.keys() - before.restrictions.delays.keys()
        ways = former.moves_by_robot()
        for robot, track in self._tracks.items():
            track.graph = self._graph
            way = ways.get(robot, [])
            last = way[-1].end if way else track.path[-1] if track.path else None
            if not self._is_open(way) or any(arc.cell in slower for arc in way):
                self._order.disturb(robot)
            elif track.goal is not None and last != self._goals.get(robot):
                self._order.want(robot)
        kept = [move for move in former.moves if move.robot in self._tracks and self._is_open(ways[move.robot])]
        self._order.moves = [Move(robot=move.robot, arc=self._now(move.arc)) for move in kept]
        for move in kept:
            if move.arc.cell in slower:
                self._order.drop(move.robot)
        self._order.check()

    def _is_open(self, way: list[Arc]) -> bool:
        return all(self._graph.is_open(self._now(arc)) for arc in way)

    def _now(self, arc: Arc) -> Arc:
        return self._graph.arc(arc.start, arc.end) or arc

    def _shelter(self, now_ns: int) -> None:
        """In an emergency, find refuges anew when the rules or the robots that can move have changed."""
        if not self.rules.is_emergency:
            if self._refuge_of:
                self._refuge_of, self._sheltered = {}, None
                for robot in self._tracks:
                    self._order.want(robot)
            return
        firm = {r for r, track in self._tracks.items() if not track.path or track.free or track.is_silent(now_ns)}
        movable = frozenset(self._tracks.keys() - firm)
        if movable != self._sheltered:
            self._sheltered = movable
            self._refuge_of = self._refuges.assign(self._graph, self._tracks, firm)
            for robot in sorted(movable):
                self._order.want(robot)

    def _make_way(self, now_ns: int) -> None:
        """Find where idle robots go that others who come on to the lanes wait for."""
        barred: dict[RobotId, frozenset[int]] = {}
        for claim in () if self.rules.is_emergency else self._waiting.values():
            cells = claimed_cells(claim, self._graph, self._conflicts)
            for robot in who_is_ahead(claim, graph=self._graph, conflicts=self._conflicts, tracks=self._tracks):
                track = self._tracks[robot]
                if track.goal is None and track.path and track.free is None and not track.is_silent(now_ns):
                    barred[robot] = barred.get(robot, frozenset()) | cells
        former, self._spot_of = (
            self._spot_of,
            find_spots(self._graph, self._conflicts, self._tracks, barred, self._spot_of),
        )
        for robot in sorted(former.keys() | self._spot_of.keys()):
            if former.get(robot) != self._spot_of.get(robot) and robot in self._tracks:
                self._resting.discard(robot)
                self._order.want(robot)

    def _goal(self, track: Track) -> int | None:
        """Return the node of the robot's goal, None where it has none or no lanes lead there."""
        if not track.path or track.free is not None:
            return None
        if self.rules.is_emergency:
            goal = self._refuge_of.get(track.robot)
        else:
            goal = self._spot_of.get(track.robot) if track.goal is None else self._graph.goal_of.get(track.goal)
        if goal is None or goal == track.node or self._order.is_reachable(track, goal):
            return goal
        return None

    def _picture(self) -> Picture:
        return Picture(
            graph=self._graph,
            conflicts=self._conflicts,
            obstructions=self._obstructions,
            order=self._order,
            tracks=self._tracks,
            goals=self._goals,
            refuges=self._refuge_of,
            now_ns=self._now_ns,
        )


def _at_charger(site: Site, robot: RobotId) -> RouteProgress:
    """Return what a robot would last have reported, long ago, that stands where it is switched off."""
    node = site.places[site.robots[robot].charger].node
    return RouteProgress(robot=robot, stamp_ns=NEVER_NS, route_id=RouteId(""), reached=0, held=(node,), goal_seq=-1)

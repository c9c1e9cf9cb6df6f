"""Drives the robot along what the fleet clears, and tells the fleet where it is.

Whatever the tree wants, the robot drives to the end of its clearance and stops there: a clearance is taken over only
when it answers the present goal and agrees with what is held (`Itinerary.extend`). While the robot serves a place that
place stays its goal: one without a goal may be asked to make way.

A robot that a person drives, or that finds itself off the lanes, commands nothing and says where it is, so that the
others keep off. It keeps what it holds only while it is near it. Back on a lane it says so, under a new number for its
goal, and stands until the fleet has answered.
"""

import math
from typing import Final

from robot_ops.core.clock import NS_PER_S, Clock, seconds_between, to_ns
from robot_ops.core.ids import NodeId, PlaceId, RouteId
from robot_ops.core.poses import LevelPose
from robot_ops.missions.free_driving import FreeDriving
from robot_ops.missions.gates import Gates, Passage, RouteState
from robot_ops.missions.itinerary import REACHED_RADIUS, Itinerary
from robot_ops.missions.location import LANE_RADIUS, NODE_RADIUS, distance_off, locate
from robot_ops.missions.ports import Building, FleetLink, NavigationStatus, Navigator
from robot_ops.missions.progress import ProgressReporter
from robot_ops.missions.stretch import Stretch
from robot_ops.site.model import Robot, Site
from robot_ops.tasks.routes import Clearance, RouteProgress

RETRY_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
"""s between tries after the navigator has failed 1, 2, ... times at one stretch; the last one for good."""
BLOCKED_AFTER: Final = 3
"""Failures at one stretch after which people are told."""
OFF_ROUTE: Final = 1.5
"""m; a robot so far from what it holds was pushed, carried or driven away, or was wrong about where it is; detours
around obstacles stay nearer."""
BACK_ON_ROUTE: Final = 1.0
"""m; a robot that a person leaves this close to what it holds goes on from there, as from a detour."""
CLAIM_DELAY: Final = 1.0
"""s for which a robot that has left its lanes tells so before it looks for another lane: the others must know first."""
CLAIM_PATIENCE: Final = 5.0
"""s without the fleet's answer after which a robot that is back on a lane would rather leave it by the other end."""
HEARS_FLEET_AFTER: Final = 3.0
"""s without an answer to a goal after which people are told."""
_LEFT: Final = 0.3  # m driven from a waypoint after which the robot has left it
_MOVED: Final = 0.1  # m driven that count as going on


class RouteFollower:
    """The robot's side of traffic control.

    Call `sense` at the start of a tick, `drive` at its end; commands in between take effect in `drive`.
    """

    def __init__(
        self, *, robot: Robot, site: Site, clock: Clock, navigator: Navigator, building: Building, fleet: FleetLink
    ) -> None:
        self._robot = robot
        self._site = site
        self._clock = clock
        self._navigator = navigator
        self._reporter = ProgressReporter(fleet)
        self._gates = Gates(site=site, building=building, robot=robot.id)
        self._itinerary: Itinerary | None = None
        self._goal: PlaceId | None = None
        self._goal_seq = 0
        self._goal_ns = 0
        self._tail = 0.0
        self._pace = robot.model.max_speed
        self._is_suspended = False
        self._free = FreeDriving(robot.model, clock)
        self._is_astray = False  # from leaving the lanes until the fleet has it back on one
        self._left_ns = 0
        self._is_turned = False
        self._has_turned = False  # to the goal place's heading
        self._clearance_stamp_ns = -1
        self._is_answered = False
        self._waiting_for = ""
        self._stretch: Stretch | None = None
        self._failures = 0
        self._retry_ns = 0
        self._moved_ns = 0
        self._moved_at = (0, 0.0)
        self._reason = ""

    @property
    def goal(self) -> PlaceId | None:
        """Return where the robot wants to go, None when it wants to stay."""
        return self._goal

    @property
    def held(self) -> tuple[NodeId, ...]:
        """Return the nodes it holds; empty while it is off the lane graph."""
        return self._itinerary.held if self._itinerary else ()

    @property
    def has_arrived(self) -> bool:
        """Return whether the robot stands at the goal, heading as the place asks."""
        return self._goal is not None and self._is_at_goal() and self._has_turned

    @property
    def reason(self) -> str:
        """Return what the robot waits for, for people; empty while it drives or has nothing to do."""
        return self._reason

    @property
    def is_blocked(self) -> bool:
        """Return whether it has failed to drive on several times."""
        return self._failures >= BLOCKED_AFTER

    @property
    def is_by_hand(self) -> bool:
        """Return whether a person drives the robot; nothing else may command the navigator then."""
        return self._free.is_by_hand

    @property
    def idle_time(self) -> float:
        """Return for how long the robot has not come any further, seconds."""
        return seconds_between(self._moved_ns, self._clock.now_ns())

    def go_to(self, place: PlaceId, *, tail: float = 0.0) -> None:
        """Want to go to a place and to stay there until another command; the same goal again only turns to it anew.

        Args:
            place: of the site.
            tail: length of what follows the robot, meters.
        """
        self._tail = tail
        self._has_turned = False
        self._moved_ns = self._clock.now_ns()
        if place != self._goal:
            self._set_goal(place)

    def withdraw(self) -> None:
        """Want nothing, and make way where asked to.

        The robot stops at the next node it can stop at and gives up what it held beyond.
        """
        self._tail = 0.0
        self._pace = self._robot.model.max_speed
        if self._goal is not None:
            self._set_goal(None)
            self._shorten()

    def set_pace(self, speed: float) -> None:
        """Drive at most so fast, m/s; 0 stands still and keeps all that is held."""
        self._pace = round(min(max(speed, 0.0), self._robot.model.max_speed), 1)

    def suspend(self) -> None:
        """Leave the navigator to somebody else (docking); what is held stays held."""
        self._is_suspended, self._is_astray = True, False
        self._stretch = None

    def resume(self) -> None:
        """Take the navigator back."""
        self._is_suspended = False

    def note_hand(self) -> None:
        """Note that a person drives the robot just now; to be said again and again while that is so."""
        self._free.note_hand()

    def on_clearance(self, clearance: Clearance) -> None:
        """Take a clearance over if it answers the present goal and agrees with what is held; else ignore it.

        It may end elsewhere than at the goal: a robot that must wait, or wants to stay, is asked to make way so, and
        everybody in an emergency. A recall is answered by giving up what can be given up, and by a new `goal_seq`.
        """
        itinerary = self._itinerary
        if itinerary is None or self._is_suspended or self.is_by_hand or clearance.robot != self._robot.id:
            return
        if clearance.goal_seq != self._goal_seq or clearance.stamp_ns < self._clearance_stamp_ns:
            return
        is_known = all(
            waypoint.node in self._site.nodes and self._site.nodes[waypoint.node].level == waypoint.level
            for waypoint in clearance.waypoints
        )
        if not is_known:
            return
        self._clearance_stamp_ns = clearance.stamp_ns
        self._is_answered = True
        self._waiting_for = clearance.waiting_for
        if clearance.is_recall and self._shorten():
            self._set_goal(self._goal)
            self._waiting_for = clearance.waiting_for
            return
        if itinerary.extend(clearance):
            self._is_astray = False
            self._failures, self._retry_ns = 0, 0

    def sense(self) -> None:
        """Take over where the robot is, and who drives it."""
        at = self._navigator.pose
        if self._free.update(at):
            self._change_hands(at)
        if at is None:
            return
        if self._itinerary is not None and self._has_left(self._itinerary, at):
            self._leave_lanes(self._itinerary)
        if self.is_by_hand:
            self._moved_ns = self._clock.now_ns()
        if self._itinerary is None:
            self._find_lane(at)
        elif self._is_astray and not self.is_by_hand:
            self._claim_again(at)
        elif (self.is_by_hand or not self._is_suspended) and self._itinerary.advance(at):
            self._failures, self._retry_ns = 0, 0
        self._note_movement()

    def drive(self) -> None:
        """Command the navigator and send progress."""
        at, itinerary = self._navigator.pose, self._itinerary
        if at is None:
            self._reason = "blocked: the robot does not know where it is"
        elif itinerary is None:
            self._reason = "blocked: the robot is not on the lane graph: drive it to a lane"
        else:
            passage = self._gates.update(self._route_state(itinerary, at))
            if passage.arrived_at is not None:
                self._navigator.enter_level(passage.arrived_at)
                itinerary.ride()
                self._stretch = None
            elif not (self._is_suspended or self.is_by_hand or self._is_astray):
                self._command(itinerary, passage, at)
            self._reason = self._explain(itinerary, passage)
        if self.is_by_hand:
            self._reason = "blocked: driven by hand"
        self._send_progress()

    def _set_goal(self, place: PlaceId | None) -> None:
        self._goal = place
        self._goal_ns = self._clock.now_ns()
        # the first number is the time, so that a restarted process does not use its former numbers again
        self._goal_seq = self._goal_seq + 1 if self._goal_seq else max(1, self._goal_ns // NS_PER_S)
        self._moved_ns = self._goal_ns
        self._clearance_stamp_ns = -1
        self._is_answered = False
        self._has_turned = False
        self._waiting_for = ""
        self._failures, self._retry_ns = 0, 0

    def _shorten(self) -> bool:
        """Give up what is held beyond the next node where the robot can stop; return whether that was anything."""
        at, itinerary = self._navigator.pose, self._itinerary
        if at is None or itinerary is None or self._gates.is_cabin(itinerary.here.node):
            return False
        model = self._robot.model
        braking = model.max_speed**2 / (2 * model.max_acceleration) + REACHED_RADIUS
        is_moving = itinerary.travelled > _LEFT or self._navigator.status is NavigationStatus.ACTIVE
        for index in range(itinerary.reached + is_moving, itinerary.cleared):
            is_stop = not self._gates.is_cabin(itinerary.waypoints[index].node)
            if is_stop and (not is_moving or itinerary.distance_to(index, at) > braking):
                return itinerary.shorten(index)
        return False

    def _change_hands(self, at: LevelPose | None) -> None:
        """Leave the navigator to a person, or take it back; the fleet's answers to what was before do not count."""
        if self.is_by_hand:
            self._shorten()
            self._navigator.stop()
            self._stretch = None
            if self._itinerary is not None and self._is_astray:
                self._leave_lanes(self._itinerary)
        elif (
            self._itinerary is not None
            and at is not None
            and distance_off(self._site, self._itinerary, at) > BACK_ON_ROUTE
        ):
            self._leave_lanes(self._itinerary)
        self._set_goal(self._goal)

    def _has_left(self, itinerary: Itinerary, at: LevelPose) -> bool:
        is_watched = self.is_by_hand or not self._is_suspended
        return is_watched and distance_off(self._site, itinerary, at) > OFF_ROUTE

    def _leave_lanes(self, itinerary: Itinerary) -> None:
        """Give up everything that is held, and stand."""
        if self._navigator.status is NavigationStatus.ACTIVE:
            self._navigator.stop()
        if not self._gates.is_cabin(itinerary.here.node):  # a lift with the robot in it is not sent away
            self._gates.release()
        self._itinerary, self._stretch = None, None
        self._is_astray, self._left_ns = True, self._clock.now_ns()

    def _find_lane(self, at: LevelPose) -> None:
        """Hold the lane or node that the robot is on, if it is on any."""
        is_early = self._is_astray and seconds_between(self._left_ns, self._clock.now_ns()) < CLAIM_DELAY
        if self.is_by_hand or is_early:
            return
        waypoints = locate(self._site, at, node_radius=LANE_RADIUS if self._is_astray else NODE_RADIUS)
        if not waypoints:
            return
        self._itinerary = Itinerary(waypoints)
        if self._is_astray:
            self._claim(self._itinerary, at)
        self._moved_ns = self._clock.now_ns()

    def _claim_again(self, at: LevelPose) -> None:
        """Hold the lane toward its other end where the fleet does not let the robot go on: somebody may be there."""
        if seconds_between(self._goal_ns, self._clock.now_ns()) < CLAIM_PATIENCE:
            return
        self._is_turned = not self._is_turned
        waypoints = locate(self._site, at, node_radius=LANE_RADIUS, is_turned=self._is_turned)
        self._itinerary = Itinerary(waypoints) if waypoints else None
        if self._itinerary is not None:
            self._claim(self._itinerary, at)

    def _claim(self, itinerary: Itinerary, at: LevelPose) -> None:
        """Ask the fleet to let the robot go on from here; alone on a node it is in nobody's way as it stands."""
        itinerary.advance(at)
        self._set_goal(self._goal)
        self._is_astray = len(itinerary.held) > 1

    def _note_movement(self) -> None:
        itinerary = self._itinerary
        if itinerary is None:
            return
        place, travelled = self._moved_at
        if itinerary.reached != place or itinerary.travelled > travelled + _MOVED:
            self._moved_at = (itinerary.reached, itinerary.travelled)
            self._moved_ns = self._clock.now_ns()

    def _is_at_goal(self) -> bool:
        itinerary = self._itinerary
        if itinerary is None or self._goal is None:
            return False
        is_at_end = itinerary.reached == itinerary.cleared == len(itinerary.waypoints) - 1
        return is_at_end and itinerary.here.node == self._site.places[self._goal].node

    def _route_state(self, itinerary: Itinerary, at: LevelPose) -> RouteState:
        here = itinerary.here
        off = math.hypot(at.pose.x - here.x, at.pose.y - here.y)
        return RouteState(
            waypoints=itinerary.waypoints,
            reached=itinerary.reached,
            cleared=itinerary.cleared,
            has_left=itinerary.travelled > _LEFT,
            is_standing=self._navigator.status is not NavigationStatus.ACTIVE and off <= REACHED_RADIUS,
            travelled=itinerary.travelled,
            tail=self._tail,
        )

    def _command(self, itinerary: Itinerary, passage: Passage, at: LevelPose) -> None:
        wanted = self._wanted(itinerary, passage.end)
        status = self._navigator.status
        if self._pace <= 0.0:
            if self._stretch is not None and status is NavigationStatus.ACTIVE:
                self._navigator.stop()
            self._stretch = None
            self._moved_ns = self._clock.now_ns()
            return
        if wanted is None or at.level != wanted.waypoints[0].level:
            return
        if self._stretch is None or not self._stretch.goes_on_as(wanted):
            if self._clock.now_ns() >= self._retry_ns:
                self._follow(wanted)
            return
        match status:
            case NavigationStatus.ACTIVE:
                pass
            case NavigationStatus.FAILED:
                self._try_again()
            case NavigationStatus.SUCCEEDED | NavigationStatus.IDLE:
                if passage.end > itinerary.reached:
                    self._try_again()  # it says that it is there, and is not
                elif wanted.final_yaw is not None:
                    self._has_turned = True

    def _wanted(self, itinerary: Itinerary, end: int) -> Stretch | None:
        is_goal = end == len(itinerary.waypoints) - 1 and self._goal is not None
        place = self._site.places[self._goal] if is_goal and self._goal is not None else None
        final_yaw = place.yaw if place is not None and place.node == itinerary.waypoints[end].node else None
        waypoints = itinerary.waypoints[itinerary.reached + 1 : end + 1]
        if not waypoints:
            is_done = self._has_turned or (self._stretch is None or self._stretch.waypoints[-1] == itinerary.here)
            if final_yaw is None and is_done:
                return None
            waypoints = (itinerary.here,)
        return Stretch(waypoints=waypoints, final_yaw=final_yaw, speed_limit=self._pace)

    def _follow(self, stretch: Stretch) -> None:
        self._navigator.follow(stretch.waypoints, final_yaw=stretch.final_yaw, speed_limit=stretch.speed_limit)
        self._stretch = stretch

    def _try_again(self) -> None:
        pause = RETRY_PAUSES[min(self._failures, len(RETRY_PAUSES) - 1)]
        self._failures += 1
        self._retry_ns = self._clock.now_ns() + to_ns(pause)
        self._stretch = None

    def _explain(self, itinerary: Itinerary, passage: Passage) -> str:
        if self._is_astray:
            return "waits for the fleet to let it go on from here"
        if self.is_blocked:
            return f"blocked: {self._navigator.failure or 'the robot cannot drive on'}"
        if passage.waits_for:
            return f"waits for {passage.waits_for}"
        if self._goal is None or self._is_at_goal():
            return ""
        if not self._is_answered:
            is_late = seconds_between(self._goal_ns, self._clock.now_ns()) >= HEARS_FLEET_AFTER
            return "waits for the fleet to plan its way" if is_late else ""
        if itinerary.reached == itinerary.cleared and self._waiting_for:
            return f"waits for {self._waiting_for}"
        return ""

    def _send_progress(self) -> None:
        itinerary = self._itinerary
        is_free = self.is_by_hand or itinerary is None
        free, free_radius = self._free.circle(self._tail) if is_free else (None, 0.0)
        progress = RouteProgress(
            robot=self._robot.id,
            stamp_ns=self._clock.now_ns(),
            route_id=itinerary.route_id if itinerary else RouteId(""),
            reached=itinerary.reached if itinerary else 0,
            held=self.held,
            travelled=round(itinerary.travelled, 3) if itinerary else 0.0,
            goal=self._goal,
            goal_seq=self._goal_seq,
            tail=self._tail,
            free=free,
            free_radius=free_radius,
            is_by_hand=self.is_by_hand,
        )
        self._reporter.tell(progress)

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

from robot_ops.core.clock import Clock, seconds_between
from robot_ops.core.ids import NodeId, PlaceId, RouteId
from robot_ops.core.poses import LevelPose
from robot_ops.missions.free_driving import FreeDriving
from robot_ops.missions.gates import Gates, Passage, RouteState
from robot_ops.missions.goal import RouteGoal
from robot_ops.missions.itinerary import REACHED_RADIUS, Itinerary
from robot_ops.missions.lane_entry import CLAIM_PATIENCE, LaneEntry
from robot_ops.missions.location import distance_off
from robot_ops.missions.ports import Building, FleetLink, NavigationStatus, Navigator
from robot_ops.missions.progress import ProgressReporter
from robot_ops.missions.stretch import Stretch, StretchDriver
from robot_ops.site.model import Robot, Site
from robot_ops.tasks.routes import Clearance, RouteProgress

OFF_ROUTE: Final = 1.5
"""m; a robot so far from what it holds was pushed, carried or driven away, or was wrong about where it is; detours
around obstacles stay nearer."""
BACK_ON_ROUTE: Final = 1.0
"""m; a robot that a person leaves this close to what it holds goes on from there, as from a detour."""
SET_BACK: Final = 0.1
"""m; a robot that a person leaves so far behind where it was on its way has to claim its lane anew: others may hold
what it had left."""
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
        self._goal = RouteGoal(clock)
        self._tail = 0.0
        self._pace = robot.model.max_speed
        self._is_suspended = False
        self._open_lids: tuple[str, ...] = ()
        self._free = FreeDriving(robot.model, clock)
        self._entry = LaneEntry(site, clock)
        self._has_turned = False  # to the goal place's heading
        self._driver = StretchDriver(navigator, clock)
        self._moved_ns = 0
        self._moved_at = (0, 0.0)
        self._reason = ""

    @property
    def goal(self) -> PlaceId | None:
        """Return where the robot wants to go, None when it wants to stay."""
        return self._goal.place

    @property
    def held(self) -> tuple[NodeId, ...]:
        """Return the nodes it holds; empty while it is off the lane graph."""
        return self._itinerary.held if self._itinerary else ()

    @property
    def has_arrived(self) -> bool:
        """Return whether the robot stands at the goal, heading as the place asks."""
        return self._goal.place is not None and self._is_at_goal() and self._has_turned

    @property
    def reason(self) -> str:
        """Return what the robot waits for, for people; empty while it drives or has nothing to do."""
        return self._reason

    @property
    def is_blocked(self) -> bool:
        """Return whether it has failed to drive on several times."""
        return self._driver.is_blocked

    @property
    def is_by_hand(self) -> bool:
        """Return whether a person drives the robot; nothing else may command the navigator then."""
        return self._free.is_by_hand

    @property
    def idle_time(self) -> float:
        """Return for how long the robot has not come any further, seconds; hands and emergencies do not count."""
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
        if place != self._goal.place:
            self._set_goal(place)

    def withdraw(self) -> None:
        """Want nothing, and make way where asked to.

        The robot stops at the next node it can stop at and gives up what it held beyond.
        """
        self._tail = 0.0
        self._pace = self._robot.model.max_speed
        if self._goal.place is not None:
            self._set_goal(None)
            self._shorten()

    def set_pace(self, speed: float) -> None:
        """Drive at most so fast, m/s; 0 stands still and keeps all that is held."""
        self._pace = round(min(max(speed, 0.0), self._robot.model.max_speed), 1)

    def hold(self, open_lids: tuple[str, ...]) -> None:
        """Stand, and keep all that is held, while any lid is open: also where others ask it to make way."""
        self._open_lids = open_lids

    def suspend(self) -> None:
        """Leave the navigator to somebody else (docking); what is held stays held."""
        self._is_suspended = True
        self._entry.settle()
        self._driver.forget()

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
        is_known = all(
            waypoint.node in self._site.nodes and self._site.nodes[waypoint.node].level == waypoint.level
            for waypoint in clearance.waypoints
        )
        if not is_known or not self._goal.take(clearance):
            return
        if clearance.is_emergency:
            self._moved_ns = self._clock.now_ns()
        if clearance.is_recall and self._shorten():
            self._set_goal(self._goal.place)
            self._goal.waiting_for = clearance.waiting_for
            return
        if itinerary.extend(clearance):
            self._entry.settle()
            self._driver.note_progress()

    def sense(self) -> None:
        """Take over where the robot is, and who drives it."""
        at = self._navigator.pose
        if self._free.update(at):
            self._change_hands(at)
        if at is None:
            return
        if self._itinerary is not None and self._has_left(self._itinerary, at):
            self._leave_lanes()
        if self.is_by_hand:
            self._moved_ns = self._clock.now_ns()
        if self._itinerary is None:
            self._find_lane(at)
        elif self._entry.is_pending and not self.is_by_hand:
            self._claim_other(at)
        elif (self.is_by_hand or not self._is_suspended) and self._itinerary.advance(at):
            self._driver.note_progress()
        self._note_movement()

    def drive(self) -> None:
        """Command the navigator and send progress."""
        at, itinerary = self._navigator.pose, self._itinerary
        if at is None:
            self._reason = "blocked: the robot does not know where it is"
        elif itinerary is None:
            self._gates.leave(at)
            self._reason = "blocked: the robot is not on the lane graph: drive it to a lane"
        else:
            passage = self._gates.update(self._route_state(itinerary, at))
            if passage.arrived_at is not None:
                self._navigator.enter_level(passage.arrived_at)
                itinerary.ride()
                self._driver.forget()
            elif not (self._is_suspended or self.is_by_hand or self._entry.is_pending):
                self._command(itinerary, passage, at)
            self._reason = self._explain(itinerary, passage)
        if self.is_by_hand:
            self._reason = "blocked: driven by hand"
        self._send_progress()

    def _set_goal(self, place: PlaceId | None) -> None:
        self._goal.want(place)
        self._moved_ns = self._goal.since_ns
        self._has_turned = False
        self._driver.note_progress()

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
            self._driver.forget()
            if self._itinerary is not None and self._entry.is_pending:
                self._leave_lanes()
        elif self._itinerary is not None and at is not None:
            is_off = distance_off(self._site, self._itinerary, at) > BACK_ON_ROUTE
            if is_off or self._itinerary.set_back(at) > SET_BACK:
                self._leave_lanes()
        self._set_goal(self._goal.place)

    def _has_left(self, itinerary: Itinerary, at: LevelPose) -> bool:
        is_watched = self.is_by_hand or not self._is_suspended
        return is_watched and distance_off(self._site, itinerary, at) > OFF_ROUTE

    def _leave_lanes(self) -> None:
        """Give up everything that is held, and stand."""
        if self._navigator.status is NavigationStatus.ACTIVE:
            self._navigator.stop()
        self._itinerary = None
        self._driver.forget()
        self._entry.leave()

    def _find_lane(self, at: LevelPose) -> None:
        """Hold the lane or node that the robot is on, if it is on any."""
        if self.is_by_hand:
            return
        was_pending = self._entry.is_pending
        self._itinerary = self._entry.find(at)
        if self._itinerary is None:
            return
        if was_pending or self._entry.is_pending:
            self._set_goal(self._goal.place)
        self._moved_ns = self._clock.now_ns()

    def _claim_other(self, at: LevelPose) -> None:
        """Hold the lane toward its other end where the fleet does not let the robot go on: somebody may be there."""
        if seconds_between(self._goal.since_ns, self._clock.now_ns()) < CLAIM_PATIENCE:
            return
        self._itinerary = self._entry.find_other(at)
        if self._itinerary is not None:
            self._set_goal(self._goal.place)

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
        if itinerary is None or self._goal.place is None:
            return False
        is_at_end = itinerary.reached == itinerary.cleared == len(itinerary.waypoints) - 1
        return is_at_end and itinerary.here.node == self._site.places[self._goal.place].node

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
        if self._open_lids:
            self._driver.stop()
            return
        if self._pace <= 0.0:
            self._driver.stop()
            self._moved_ns = self._clock.now_ns()
            return
        wanted = self._wanted(itinerary, passage.end)
        if wanted is None or at.level != wanted.waypoints[0].level:
            return
        if self._driver.follow(wanted, is_short=passage.end > itinerary.reached) and wanted.final_yaw is not None:
            self._has_turned = True

    def _wanted(self, itinerary: Itinerary, end: int) -> Stretch | None:
        is_goal = end == len(itinerary.waypoints) - 1 and self._goal.place is not None
        place = self._site.places[self._goal.place] if is_goal and self._goal.place is not None else None
        final_yaw = place.yaw if place is not None and place.node == itinerary.waypoints[end].node else None
        waypoints = itinerary.waypoints[itinerary.reached + 1 : end + 1]
        if not waypoints:
            is_done = self._has_turned or self._driver.end in (None, itinerary.here)
            if final_yaw is None and is_done:
                return None
            waypoints = (itinerary.here,)
        return Stretch(waypoints=waypoints, final_yaw=final_yaw, speed_limit=self._pace)

    def _explain(self, itinerary: Itinerary, passage: Passage) -> str:
        if self._entry.is_pending:
            return "waits for the fleet to let it go on from here"
        if self._open_lids and itinerary.cleared > itinerary.reached:
            return f"blocked: somebody must close compartment {', '.join(self._open_lids)}"
        if self.is_blocked:
            return f"blocked: {self._navigator.failure or 'the robot cannot drive on'}"
        if passage.waits_for:
            return f"waits for {passage.waits_for}"
        if self._goal.place is None or self._is_at_goal():
            return ""
        if not self._goal.is_answered:
            return "waits for the fleet to plan its way" if self._goal.is_unheard else ""
        if itinerary.reached == itinerary.cleared and self._goal.waiting_for:
            return f"waits for {self._goal.waiting_for}"
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
            goal=self._goal.place,
            goal_seq=self._goal.seq,
            tail=self._tail,
            free=free,
            free_radius=free_radius,
            is_by_hand=self.is_by_hand,
        )
        self._reporter.tell(progress)

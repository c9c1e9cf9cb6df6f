"""Drives a robot along waypoints: waits for people, passes what stands in its lane, and says when it cannot."""

import math
from dataclasses import replace
from typing import Final

import numpy as np

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import StateError
from robot_ops.core.poses import STANDSTILL, FloatArray, Pose, Twist, wrap_angle
from robot_ops.navigation.controller import PathFollower
from robot_ops.navigation.costmap import LocalCostmap
from robot_ops.navigation.navigator_state import TRANSITIONS, Failure, NavigatorSettings, NavigatorState
from robot_ops.navigation.planner import plan_detour
from robot_ops.navigation.polyline import Polyline
from robot_ops.navigation.room import Room, free_distances, room_ahead
from robot_ops.navigation.route import Detour, Route, continued

_LOST: Final = "the robot does not know where it is"


class PathNavigator:
    """One robot's path following with waiting and recovery; poses in the map frame of the robot's level."""

    def __init__(self, settings: NavigatorSettings, costmap: LocalCostmap) -> None:
        self._settings = settings
        self._costmap = costmap
        self._follower = PathFollower(settings.controller)
        self._state = NavigatorState.IDLE
        self._failure = Failure.NONE
        self._reason = ""
        self._route: Route | None = None
        self._detour: Detour | None = None
        self._pending: tuple[FloatArray, FloatArray, float | None] | None = None
        self._speed_limit = settings.max_speed
        self._waiting_ns: int | None = None
        self._waiting_at = 0.0
        self._lost_ns: int | None = None
        self._moved_ns: int | None = None
        self._searched_ns: int | None = None
        self._back_up: tuple[float, float] | None = None
        self._has_backed_up = False
        self._is_at_goal = False
        self._leg_start = 0.0
        self._recoveries = 0

    @property
    def state(self) -> NavigatorState:
        """Return how the latest path stands."""
        return self._state

    @property
    def failure(self) -> Failure:
        """Return why the latest path was given up."""
        return self._failure

    @property
    def reason(self) -> str:
        """Return why the robot waits or failed, for people; empty when it drives."""
        return self._reason

    @property
    def recoveries(self) -> int:
        """Return how often the robot backed up or left its lane for the latest path and those it continued."""
        return self._recoveries

    @property
    def passed(self) -> int:
        """Return how many waypoints of the latest path were reached or passed."""
        if self._route is None or self._pending is not None:
            return 0
        if self._state is NavigatorState.SUCCEEDED:
            return len(self._route.waypoint_arcs)
        return self._route.passed

    @property
    def remaining(self) -> float:
        """Return the way left in meters, 0 without a path."""
        return self._route.remaining if self._route is not None and self._pending is None else 0.0

    @property
    def way(self) -> FloatArray:
        """Return the vertices (N, 2) of the way ahead, detours included; (0, 2) without a path."""
        if self._route is None:
            return np.empty((0, 2))
        line, arc = self._driven()
        ahead = line.points[line.arc > arc]
        return np.vstack((line.at(np.array([arc])), ahead))

    def set_path(
        self, waypoints: FloatArray, *, speed_limits: FloatArray | None = None, final_yaw: float | None = None
    ) -> None:
        """Follow new waypoints from the next step on; a path that continues the present one does not slow the robot.

        Args:
            waypoints: (N, 2), N >= 1, map frame, meters; may start with ones the robot has passed.
            speed_limits: (N,) of the stretches that end at the waypoints, in m/s, > 0.
            final_yaw: heading at the end in radians, None for any.

        Raises:
            StateError: there is no waypoint or something is not finite.
        """
        waypoints = np.asarray(waypoints, dtype=np.float64).reshape(-1, 2)
        if not len(waypoints) or not np.isfinite(waypoints).all():
            raise StateError("a path needs at least one waypoint, all of them finite")
        if speed_limits is None:
            speed_limits = np.full(len(waypoints), self._settings.max_speed)
        if len(speed_limits) != len(waypoints) or not (speed_limits > 0.0).all():
            raise StateError("each waypoint needs a speed limit greater than 0")
        self._pending = (waypoints, speed_limits, final_yaw)
        self._failure, self._reason = Failure.NONE, ""
        self._advance(NavigatorState.ACTIVE)

    def set_speed_limit(self, speed: float) -> None:
        """Limit the speed in m/s, whatever the path allows; at most the robot's own limit."""
        self._speed_limit = min(max(speed, 0.0), self._settings.max_speed)

    def cancel(self) -> None:
        """Give up the path; the next steps brake."""
        self._forget()
        self._advance(NavigatorState.IDLE)

    def step(self, *, now_ns: int, pose: Pose | None, twist: Twist, lost_reason: str = _LOST) -> Twist:
        """Return the velocity to drive until the next step.

        Args:
            pose: of base_link in the map; None while the robot is not localized or its sensors are silent.
            twist: measured velocity.
            lost_reason: why there is no pose, for people.
        """
        if self._state not in {NavigatorState.ACTIVE, NavigatorState.WAITING}:
            if abs(self._follower.command.linear) < 1e-3 and abs(self._follower.command.angular) < 1e-3:
                return STANDSTILL
            return self._follower.brake(twist)
        if pose is None:
            return self._wait_for_pose(now_ns, lost_reason)
        self._lost_ns = None
        if self._pending is not None:
            self._take_path(pose)
        route = self._route
        if route is None:
            raise StateError("an active navigator has a path")
        if abs(twist.linear) > 0.03 or abs(twist.angular) > 0.05 or self._moved_ns is None:
            self._moved_ns = now_ns
        if self._back_up is not None:
            return self._backed_up(now_ns, pose, twist)
        self._advance_on_way(route, pose)
        if self._is_at_goal or self._has_arrived(route, pose):
            return self._finish(route, pose, twist)
        return self._drive(now_ns, route, pose, twist)

    def _drive(self, now_ns: int, route: Route, pose: Pose, twist: Twist) -> Twist:
        line, arc = self._driven()
        stop_at = line.next_turn(max(arc, self._leg_start), self._settings.controller.cusp_angle)
        room = self._room_on(line, arc, stop_at, pose)
        if room.blocked_at is not None and self._search_detour(now_ns, route, pose, room.blocked_at):
            line, arc = self._driven()
            stop_at = line.next_turn(arc, self._settings.controller.cusp_angle)
            room = self._room_on(line, arc, stop_at, pose)
        limit = min(self._speed_limit, self._lane_limit(route), self._limit_for(room))
        command = self._follower.follow(pose, twist, line, arc, stop_at=stop_at, speed_limit=limit)
        self._judge_wait(now_ns, route, room, twist)
        if self._is_held(now_ns):
            self._follower.reset()
            return STANDSTILL
        return command

    def _lane_limit(self, route: Route) -> float:
        """Return the speed limit here, braking in time for a slower stretch ahead."""
        limit = route.speed_limit(route.progress)
        deceleration = 0.6 * self._settings.controller.deceleration
        for arc in route.waypoint_arcs[route.waypoint_arcs > route.progress][:3]:
            ahead = route.speed_limit(float(arc) + 1e-3)
            limit = min(limit, math.sqrt(ahead**2 + 2.0 * deceleration * (float(arc) - route.progress)))
        return limit

    def _limit_for(self, room: Room) -> float:
        """Return the speed in m/s that the room ahead allows."""
        settings = self._settings
        braking = math.sqrt(2.0 * 0.7 * settings.controller.deceleration * max(0.0, room.free - 0.1))
        openness = min(max(room.clearance / settings.slow_distance, 0.0), 1.0)
        slowed = settings.narrow_speed + openness * max(settings.max_speed - settings.narrow_speed, 0.0)
        return min(braking, slowed)

    def _room_on(self, line: Polyline, arc: float, stop_at: float, pose: Pose) -> Room:
        carrot = min(arc + self._follower.lookahead(self._follower.command.linear), stop_at)
        return room_ahead(self._costmap, self._settings, line, pose, arc=arc, carrot=carrot, stop_at=stop_at)

    def _clearances(self, points: FloatArray, here: FloatArray) -> FloatArray:
        return free_distances(self._costmap, self._settings, points, here)

    def _search_detour(self, now_ns: int, route: Route, pose: Pose, blocked_at: FloatArray) -> bool:
        """Look for a way around something that looks static; return whether there is one now."""
        settings = self._settings
        if self._searched_ns is not None and seconds_between(self._searched_ns, now_ns) < settings.detour_period:
            return False
        if not self._costmap.looks_static(blocked_at, settings.radius + settings.obstacle_margin + 0.15):
            return False
        self._searched_ns = now_ns
        here = np.array([pose.x, pose.y])
        blocked_arc, _ = route.line.project(
            float(blocked_at[0, 0]), float(blocked_at[0, 1]), route.progress, route.progress + settings.horizon
        )
        arcs = np.arange(blocked_arc + 0.2, min(blocked_arc + 4.0, route.line.length) + 1e-6, 0.2)
        if not len(arcs):
            return False
        free = self._clearances(route.line.at(arcs), here) > 0.1
        free[:-1] &= free[1:]
        candidates = np.flatnonzero(free)
        if not len(candidates):
            return False
        # A little farther on than just behind the obstacle, so that the way back in is no sharp turn.
        later = min(int(candidates[0]) + 3, len(arcs) - 1)
        rejoin = float(arcs[later if free[candidates[0] : later + 1].all() else candidates[0]])
        inner = (route.line.arc > route.progress) & (route.line.arc < rejoin)
        section = np.vstack(
            (route.line.at(np.array([route.progress])), route.line.points[inner], route.line.at(np.array([rejoin])))
        )
        way = plan_detour(
            (pose.x, pose.y), Polyline(section), lambda points: self._clearances(points, here), settings.detour
        )
        if way is None:
            return False
        self._detour = Detour.of(way, rejoin, route)
        self._recoveries += 1
        self._leg_start = 0.0
        return True

    def _driven(self) -> tuple[Polyline, float]:
        """Return the line that is followed now and the robot's arc length on it."""
        if self._detour is not None:
            return self._detour.line, self._detour.progress
        if self._route is None:
            raise StateError("there is no path")
        return self._route.line, self._route.progress

    def _advance_on_way(self, route: Route, pose: Pose) -> None:
        """Move progress along, past cusps that were reached, and back from a detour onto the route."""
        line, arc = self._driven()
        stop_at = line.next_turn(max(arc, self._leg_start), self._settings.controller.cusp_angle)
        arc, _ = line.project(pose.x, pose.y, max(arc - 0.3, self._leg_start), min(arc + 1.0, stop_at))
        is_at_cusp = stop_at < line.length and arc > stop_at - self._settings.controller.goal_tolerance
        if is_at_cusp:
            arc = self._leg_start = stop_at + 1e-3
        detour = self._detour
        if detour is None:
            route.progress = arc
            return
        if arc >= detour.rejoin_on_line:
            route.progress = min(detour.rejoin + arc - detour.rejoin_on_line, route.line.length)
            self._detour, self._leg_start = None, route.progress if is_at_cusp else 0.0
            return
        self._detour = replace(detour, progress=arc)
        route.progress, _ = route.line.project(pose.x, pose.y, route.progress, min(route.progress + 1.0, detour.rejoin))

    def _take_path(self, pose: Pose) -> None:
        if self._pending is None:
            return
        waypoints, speed_limits, final_yaw = self._pending
        self._pending = None
        old, detour = self._route, self._detour
        route, offset = continued(old, pose, waypoints, speed_limits, final_yaw)
        self._route, self._detour, self._is_at_goal = route, None, False
        self._leg_start = 0.0 if offset is None else max(0.0, self._leg_start - offset)
        if offset is None:
            self._back_up, self._has_backed_up = None, False
            self._waiting_ns = self._moved_ns = None
            self._recoveries = 0
            return
        self._waiting_at -= offset
        if detour is not None and detour.rejoin - offset < route.line.length:
            self._detour = detour.shifted(offset, route)

    def _has_arrived(self, route: Route, pose: Pose) -> bool:
        if self._detour is not None:
            return False
        tolerance = self._settings.controller.goal_tolerance
        end = route.line.points[-1]
        distance = math.hypot(float(end[0]) - pose.x, float(end[1]) - pose.y)
        if route.remaining > max(tolerance, 1e-3) or distance > tolerance:
            return False
        # Inside the tolerance the robot still closes in while it moves; it counts as there when it has all but stopped.
        return distance < 0.03 or self._follower.command.linear < 0.12

    def _finish(self, route: Route, pose: Pose, twist: Twist) -> Twist:
        """Turn to the final heading and report success."""
        self._is_at_goal = True
        self._moved_ns = None
        if route.final_yaw is not None:
            error = wrap_angle(route.final_yaw - pose.yaw)
            if abs(error) > 0.6 * self._settings.controller.yaw_tolerance:
                return self._follower.face(error, twist)
        command = self._follower.brake(twist)
        if abs(command.linear) < 0.02 and abs(command.angular) < 0.1:
            route.progress = route.line.length
            self._advance(NavigatorState.SUCCEEDED)
            self._reason = ""
            self._is_at_goal = False
            self._follower.reset()
            return STANDSTILL
        return command

    def _judge_wait(self, now_ns: int, route: Route, room: Room, twist: Twist) -> None:
        """Tell waiting from driving, and end waits that lasted too long."""
        settings = self._settings
        is_moving = abs(twist.linear) > 0.05
        is_blocked = room.blocked_at is not None and room.free < 0.3 and not is_moving
        if not is_blocked:
            # A wait is over when the robot gets on; backing up and returning to the same obstacle is not getting on.
            if is_moving and route.progress > self._waiting_at + 0.5:
                self._waiting_ns, self._has_backed_up = None, False
            if self._state is NavigatorState.WAITING and is_moving:
                self._reason = ""
                self._advance(NavigatorState.ACTIVE)
            return
        self._moved_ns = now_ns
        if self._waiting_ns is None:
            self._waiting_ns, self._waiting_at = now_ns, route.progress
        waited = seconds_between(self._waiting_ns, now_ns)
        if self._state is NavigatorState.ACTIVE:
            self._advance(NavigatorState.WAITING)
        at = "" if room.blocked_at is None else f" at {room.blocked_at[0, 0]:.1f}, {room.blocked_at[0, 1]:.1f}"
        self._reason = f"something is in the way{at}"
        if waited > settings.fail_after:
            self._fail(Failure.BLOCKED, f"something has been in the way{at} for {waited:.0f} s")
        elif waited > settings.back_up_after and not self._has_backed_up:
            self._has_backed_up = True
            self._recoveries += 1
            self._back_up = (settings.back_up_distance, waited)

    def _is_held(self, now_ns: int) -> bool:
        """Return whether the base stands although it should not, and this is a moment to command a standstill.

        A safety layer that was stopped wants to hear a zero after its release before it obeys again.
        """
        if self._moved_ns is None:
            return False
        held = seconds_between(self._moved_ns, now_ns)
        if held <= 3.0:
            return False
        if self._state is NavigatorState.ACTIVE:
            self._advance(NavigatorState.WAITING)
        self._reason = "the base does not follow its commands"
        if held > self._settings.stuck_after:
            self._fail(Failure.STUCK, f"the base has not moved for {held:.0f} s")
            return True
        return int(held) % 2 == 1

    def _backed_up(self, now_ns: int, pose: Pose, twist: Twist) -> Twist:
        """Drive back while it is free behind; ends after the distance or after five seconds."""
        settings = self._settings
        if self._back_up is None or self._waiting_ns is None:
            self._back_up = None
            return self._follower.brake(twist)
        left, started = self._back_up
        waited = seconds_between(self._waiting_ns, now_ns)
        behind = pose.transform(np.column_stack((-np.arange(0.1, 0.5, 0.1), np.zeros(4))))
        is_free = bool((self._clearances(behind, np.array([pose.x, pose.y])) >= 0.0).all())
        if left <= 0.0 or not is_free or waited - started > 5.0:
            self._back_up = None
            self._searched_ns = None
            return self._follower.brake(twist)
        self._back_up = (left - abs(min(twist.linear, 0.0)) * settings.controller.period, started)
        return self._follower.drive(-settings.back_up_speed, twist)

    def _wait_for_pose(self, now_ns: int, reason: str) -> Twist:
        if self._lost_ns is None:
            self._lost_ns = now_ns
        if self._state is NavigatorState.ACTIVE:
            self._advance(NavigatorState.WAITING)
        self._reason = reason
        if seconds_between(self._lost_ns, now_ns) > self._settings.lost_after:
            self._fail(Failure.NOT_LOCALIZED, self._reason)
        # What was measured last may be old: brake from what was commanded last.
        return self._follower.brake(self._follower.command)

    def _fail(self, failure: Failure, reason: str) -> None:
        self._forget()
        self._failure, self._reason = failure, reason
        self._advance(NavigatorState.FAILED)

    def _forget(self) -> None:
        self._route = self._detour = self._pending = self._back_up = None
        self._waiting_ns = self._lost_ns = self._moved_ns = self._searched_ns = None
        self._has_backed_up = self._is_at_goal = False
        self._leg_start = 0.0
        self._reason = ""

    def _advance(self, state: NavigatorState) -> None:
        if state is not self._state and state not in TRANSITIONS[self._state]:
            raise StateError(f"a navigator that is {self._state.value} cannot become {state.value}")
        self._state = state

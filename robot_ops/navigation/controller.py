"""Path following: regulated pure pursuit after Macenski, Singh, Martin and Ginés (2023).

Beyond the paper: speed follows the room that is free ahead, cusps are taken by turning on the spot, and accelerations
are limited against the speed that is really driven, so that a safety layer which slows the robot causes no jump.
"""

import math
from dataclasses import dataclass

from robot_ops.core.poses import Pose, Twist, wrap_angle
from robot_ops.navigation.polyline import Polyline


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """How a path is followed; speeds in m/s and rad/s, accelerations in m/s² and rad/s².

    Attributes:
        acceleration, deceleration, angular_acceleration: limits.
        max_yaw_rate: limit.
        lookahead_time: the carrot is so many seconds ahead, within min_lookahead and max_lookahead meters.
        lateral_acceleration: limit in bends.
        min_speed: bends and narrow places slow the robot to this at the least.
        turn_threshold: a robot that stands turns on the spot while the path's heading differs by more, in radians.
        cusp_angle: at corners sharper than this the robot stops and turns, in radians.
        goal_tolerance, yaw_tolerance: at the goal, in meters and radians.
        period: between two commands, in seconds.
    """

    acceleration: float = 0.6
    deceleration: float = 0.8
    angular_acceleration: float = 3.0
    max_yaw_rate: float = 1.6
    lookahead_time: float = 0.9
    min_lookahead: float = 0.35
    max_lookahead: float = 0.9
    lateral_acceleration: float = 0.5
    min_speed: float = 0.3
    turn_threshold: float = 0.7
    cusp_angle: float = 1.75
    goal_tolerance: float = 0.10
    yaw_tolerance: float = 0.10
    period: float = 0.1


class PathFollower:
    """Turns a path and a pose into velocities. Keeps the last command and whether it is turning on the spot."""

    def __init__(self, settings: ControllerSettings) -> None:
        self._settings = settings
        self._command = Twist()
        self._is_turning = False

    @property
    def command(self) -> Twist:
        """Return the latest command."""
        return self._command

    def lookahead(self, speed: float) -> float:
        """Return the distance to the carrot in meters at a speed in m/s."""
        settings = self._settings
        return min(max(speed * settings.lookahead_time, settings.min_lookahead), settings.max_lookahead)

    def follow(
        self, pose: Pose, measured: Twist, path: Polyline, arc: float, *, stop_at: float, speed_limit: float
    ) -> Twist:
        """Return the command towards `stop_at`.

        Args:
            pose: in the path's frame.
            measured: velocity of the base.
            arc: arc length of the robot on the path.
            stop_at: arc length where the robot shall stand, at most the next cusp.
            speed_limit: in m/s, of everything that is not the path's shape; 0 brakes.
        """
        settings = self._settings
        last = self._last(measured)
        carrot_x, carrot_y = path.point(min(arc + self.lookahead(last.linear), stop_at))
        dx, dy = carrot_x - pose.x, carrot_y - pose.y
        reach = math.hypot(dx, dy)
        bearing = wrap_angle(math.atan2(dy, dx) - pose.yaw) if reach > 1e-3 else 0.0
        remaining = max(stop_at - arc, 0.0)
        if self._must_turn(bearing, last, remaining):
            return self._turned(bearing, last)
        curvature = 2.0 * math.sin(bearing) / max(reach, settings.min_lookahead)
        speed = speed_limit
        if abs(curvature) > 1e-6:
            bend = math.sqrt(settings.lateral_acceleration / abs(curvature))
            speed = min(speed, max(bend, settings.min_speed), settings.max_yaw_rate / abs(curvature))
        speed = min(speed, math.sqrt(2.0 * 0.8 * settings.deceleration * remaining) + 0.02)
        if abs(bearing) > math.pi / 2:
            speed = 0.0
        return self._limited(speed, curvature * max(min(speed, last.linear + 0.1), 0.0), last)

    def face(self, yaw_error: float, measured: Twist) -> Twist:
        """Return the command that turns on the spot by `yaw_error` radians, braking first."""
        last = self._last(measured)
        if last.linear > 0.05:
            return self._limited(0.0, 0.0, last)
        return self._turned(yaw_error, last)

    def brake(self, measured: Twist) -> Twist:
        """Return the command that comes to a stand as quickly as comfort allows."""
        return self._limited(0.0, 0.0, self._last(measured))

    def drive(self, speed: float, measured: Twist) -> Twist:
        """Return the command that drives straight, backwards for a negative speed in m/s."""
        return self._limited(speed, 0.0, self._last(measured))

    def reset(self) -> None:
        """Forget the last command, for a robot that stands."""
        self._command = Twist()
        self._is_turning = False

    def _last(self, measured: Twist) -> Twist:
        """Return the velocity that the next command starts from: the last one's, unless the base did not follow."""
        linear, angular = self._command.linear, self._command.angular
        if abs(measured.linear - linear) > 0.25:
            linear = measured.linear
        if abs(measured.angular - angular) > 0.8:
            angular = measured.angular
        return Twist(linear=linear, angular=angular)

    def _must_turn(self, bearing: float, last: Twist, remaining: float) -> bool:
        settings = self._settings
        if self._is_turning:
            self._is_turning = abs(bearing) > 0.15
        else:
            is_slow = last.linear < 0.15
            self._is_turning = (
                is_slow and remaining > settings.goal_tolerance and abs(bearing) > settings.turn_threshold
            )
        return self._is_turning

    def _turned(self, yaw_error: float, last: Twist) -> Twist:
        settings = self._settings
        braking = math.sqrt(2.0 * 0.5 * settings.angular_acceleration * abs(yaw_error))
        rate = min(settings.max_yaw_rate, braking, abs(yaw_error) / (1.5 * settings.period))
        return self._limited(0.0, math.copysign(rate, yaw_error), last)

    def _limited(self, linear: float, angular: float, last: Twist) -> Twist:
        settings = self._settings
        up, down = settings.acceleration * settings.period, settings.deceleration * settings.period
        if last.linear >= 0.0:
            linear = min(max(linear, last.linear - down), last.linear + up)
        else:
            linear = min(max(linear, last.linear - up), last.linear + down)
        change = settings.angular_acceleration * settings.period
        angular = min(max(angular, last.angular - change), last.angular + change)
        angular = min(max(angular, -settings.max_yaw_rate), settings.max_yaw_rate)
        self._command = Twist(linear=linear, angular=angular)
        return self._command

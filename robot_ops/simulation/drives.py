"""Differential drives as seen from their motor drivers: ramps, a watchdog, and wheel odometry that drifts."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from robot_ops.core.clock import to_ns
from robot_ops.core.poses import FloatArray, Pose, Twist, wrap_angle
from robot_ops.core.sensors import Odometry
from robot_ops.site.model import RobotModel

WATCHDOG: Final = 0.5
"""A motor driver stops when its command is older than this, in seconds."""

_YAW_ACCELERATION: Final = 3.0  # rad/s²
_LINEAR_SCALE_ERROR: Final = 0.003  # standard deviation of wheel radius errors, share of the distance
_ANGULAR_SCALE_ERROR: Final = 0.005  # of the wheel separation's error, share of the angle
_LINEAR_NOISE: Final = 0.005  # m per square root of a meter
_ANGULAR_NOISE: Final = 0.008  # rad per square root of a radian
_HEADING_NOISE: Final = 0.003  # rad per square root of a meter


class Drives:
    """The drives of several robots, row by row.

    The odometry is that of the wheels: it starts at zero, drifts by errors drawn from `rng`, and goes on while a
    blocked robot's wheels spin (as in gz-sim's DiffDrive).

    Args:
        models: one per robot.
        rng: for the errors of the odometry.
    """

    def __init__(self, models: Sequence[RobotModel], rng: np.random.Generator) -> None:
        count = len(models)
        self._rng = rng
        self._limits = np.array([[m.max_speed, m.max_yaw_rate] for m in models]).reshape(count, 2)
        self._ramps = np.array([[m.max_acceleration, _YAW_ACCELERATION] for m in models]).reshape(count, 2)
        self._brakes = np.array([[m.max_deceleration, _YAW_ACCELERATION] for m in models]).reshape(count, 2)
        self._wanted = np.zeros((count, 2))
        self._commanded_ns = np.full(count, -(10**15), dtype=np.int64)
        self._odometry = np.zeros((count, 3))
        errors = rng.standard_normal((count, 2))
        self._scale = 1.0 + errors * [_LINEAR_SCALE_ERROR, _ANGULAR_SCALE_ERROR]
        self.speeds: FloatArray = np.zeros((count, 2))
        """Forward m/s and turning rad/s, per robot."""
        self.distances: FloatArray = np.zeros(count)
        """Meters driven, per robot."""

    def command(self, row: int, twist: Twist, now_ns: int) -> None:
        """Set a robot's wanted velocity; it is limited to what its motors can do."""
        self._wanted[row] = np.clip([twist.linear, twist.angular], -self._limits[row], self._limits[row])
        self._commanded_ns[row] = now_ns

    def advance(self, now_ns: int, duration: float) -> FloatArray:
        """Ramp the speeds towards the commands over a duration in seconds and return them, (N, 2)."""
        is_fresh = now_ns - self._commanded_ns <= to_ns(WATCHDOG)
        wanted = self._wanted * is_fresh[:, None]
        before = self.speeds
        is_braking = (np.abs(wanted) < np.abs(before)) | (wanted * before < 0.0)
        reach = np.where(is_braking, self._brakes, self._ramps) * duration
        self.speeds = before + np.clip(wanted - before, -reach, reach)
        self._integrate((before + self.speeds) / 2 * duration)
        return self.speeds

    def _integrate(self, moved: FloatArray) -> None:
        """Add wheel motion, (N, 2) meters and radians, to the odometry."""
        distance, angle = np.abs(moved[:, 0]), np.abs(moved[:, 1])
        self.distances += distance
        noise = self._rng.standard_normal((len(moved), 3))
        forward = moved[:, 0] * self._scale[:, 0] + noise[:, 0] * _LINEAR_NOISE * np.sqrt(distance)
        turned = moved[:, 1] * self._scale[:, 1] + noise[:, 1] * _ANGULAR_NOISE * np.sqrt(angle)
        turned += noise[:, 2] * _HEADING_NOISE * np.sqrt(distance)
        heading = self._odometry[:, 2] + turned / 2
        self._odometry[:, 0] += forward * np.cos(heading)
        self._odometry[:, 1] += forward * np.sin(heading)
        self._odometry[:, 2] += turned

    def odometry(self, row: int, now_ns: int) -> Odometry:
        """Return what a robot's wheels tell."""
        x, y, yaw = (float(v) for v in self._odometry[row])
        linear, angular = (float(v) for v in self.speeds[row])
        return Odometry(
            stamp_ns=now_ns, pose=Pose(x=x, y=y, yaw=wrap_angle(yaw)), twist=Twist(linear=linear, angular=angular)
        )

    def effort(self, row: int) -> float:
        """Return the share of its top speed that a robot drives, 0-1."""
        return float(min(1.0, abs(self.speeds[row, 0]) / self._limits[row, 0]))

"""What a robot's wheels are allowed to do: a pure state machine between all sources of motion and the drive.

Every 50 ms `SafetyController.step` looks at four things and makes one finding of them, strongest first: the latched
stop, the lidar's silence, the want of a fresh command, and what the lidar sees in the swept way of the commanded arc.
The table `TRANSITIONS` maps state and finding to the next state, and only the states in `MOVING` let motion out:

    any state ---STOP_LATCHED---> STOPPED        any state (but by its latch) ---SCAN_LOST---> SENSOR_FAULT
    any state ---NO_COMMAND-----> IDLE
    IDLE, DRIVING, SLOWED, BLOCKED ---FREE---> DRIVING, ---LIMITED---> SLOWED, ---OBSTRUCTED---> BLOCKED
    STOPPED, SENSOR_FAULT ---anything else---> IDLE: a robot that stood for a fault is first seen to stand without it

Besides, a release of the latched stop disarms every source that still calls for motion: its commands count again only
after it has said "zero" or was silent for `rearm_silence`. So a release by itself moves nothing; a source that wants to
go on after it calls for zero while it sees STOPPED.

The way of the robot is a disk of `radius` plus a margin, moved along the arc of (linear, angular). A point that is
already in the disk (a person has stepped up, the robot has just docked) never holds a robot that moves away from it.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from robot_ops.core.clock import seconds_between
from robot_ops.core.poses import STANDSTILL, FloatArray, Twist
from robot_ops.core.sensors import LaserScan
from robot_ops.navigation.safety_states import MOVING, TRANSITIONS, Finding, SafetyState, Source
from robot_ops.navigation.swept_way import contact_distance, gains_distance, obstacle_points

HAND_SILENCE: Final = 2.0
"""Seconds after the last command by hand for which a robot still counts as driven by hand: nothing else moves it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyLimits:
    """The robot's body and the bounds of its motion.

    Attributes:
        radius: of the robot's footprint around base_link, meters.
        max_speed, teleop_speed, dock_speed: m/s, by source; max_yaw_rate: rad/s.
        max_acceleration: m/s², when speeding up; max_yaw_acceleration: rad/s², both ways.
        max_deceleration: m/s², what the brakes surely hold; the stopping distance is computed from it.
        margin: kept free around the footprint along the way, meters; dock_margin: the same while docking.
        standoff: kept free ahead besides the margin, meters; not while docking.
        near_distance, near_speed: m and m/s: nothing may be passed or approached faster that is nearer than this to
            the footprint. The lidar does not know people from things, so this is the limit near people.
        creep_speed, creep_yaw_rate: out of a place where something is already within the margin, m/s and rad/s.
        latency: from the lidar's look to the brakes' grip, seconds; the scan's age comes on top.
        command_timeout, scan_timeout: older ones do not count, seconds.
        rearm_silence: of a source after a release, until its commands count again, seconds.
    """

    radius: float = 0.35
    max_speed: float = 1.2
    teleop_speed: float = 0.6
    dock_speed: float = 0.2
    max_yaw_rate: float = 1.5
    max_acceleration: float = 1.0
    max_deceleration: float = 1.5
    max_yaw_acceleration: float = 4.0
    margin: float = 0.06
    dock_margin: float = 0.05
    standoff: float = 0.12
    near_distance: float = 0.35
    near_speed: float = 0.5
    creep_speed: float = 0.1
    creep_yaw_rate: float = 0.5
    latency: float = 0.15
    command_timeout: float = 0.3
    scan_timeout: float = 0.5
    rearm_silence: float = 1.0

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0.0):
                raise ValueError(f"{name} must be a number of at least 0, not {value}")
        for name in ("radius", "max_acceleration", "max_deceleration", "max_yaw_acceleration", "creep_speed"):
            if getattr(self, name) <= 0.0:
                raise ValueError(f"{name} must be greater than 0")

    def speed_of(self, source: Source) -> float:
        """Return the greatest speed that the source may ask for, m/s."""
        limits = {Source.TELEOP: self.teleop_speed, Source.DOCK: self.dock_speed, Source.NAV: self.max_speed}
        return min(limits[source], self.max_speed)


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyOutput:
    """What leaves towards the wheels, and why.

    Attributes:
        source: whose command is obeyed or held back, None without a fresh one.
        reason: for people, empty when there is nothing to tell.
        stopped_by: who latched the stop, in order of their engaging.
    """

    twist: Twist
    state: SafetyState
    source: Source | None = None
    reason: str = ""
    stopped_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    twist: Twist
    stamp_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """What the lidar says of a wanted motion: the greatest share of it (0-1) that is safe, and why not more."""

    share: float
    reason: str


_MIN_SPEED: Final = 0.02  # m/s or rad/s; a motion cut down to less does not get anywhere, so the robot stands
_NO_SPEED: Final = 0.005  # m/s; commands below it mean turning in place
_UNBLOCK_DISTANCE: Final = 0.05  # m; a blocked robot waits for this much more room, so that it does not hunt


class SafetyController:
    """One robot's safety. Feed it what arrives, call `step` at 20 Hz; it never reads a clock itself.

    Args:
        limits: of this robot.
        stopped_by: who had latched the stop before a restart; anybody in it means that the robot comes up stopped.
    """

    def __init__(self, limits: SafetyLimits, *, stopped_by: tuple[str, ...] = ()) -> None:
        self._limits = limits
        self._state = SafetyState.STOPPED if stopped_by else SafetyState.IDLE
        self._stopped_by = stopped_by
        self._called: dict[Source, _Command] = {}  # what each source said last
        self._commands: dict[Source, _Command] = {}  # what of it counts
        # Since when a disarmed source is silent; sources that are not in it are armed.
        self._disarmed: dict[Source, int] = {}
        self._refused: Source | None = None
        self._points: FloatArray | None = None
        self._scan_ns = 0
        self._measured = STANDSTILL
        self._measured_ns: int | None = None
        self._output = STANDSTILL
        self._step_ns: int | None = None

    @property
    def stopped_by(self) -> tuple[str, ...]:
        """Return who holds the latched stop, empty while it is released."""
        return self._stopped_by

    def engage(self, by: str) -> None:
        """Latch the stop in somebody's name. It holds until `release`, whatever else happens."""
        if by not in self._stopped_by:
            self._stopped_by = (*self._stopped_by, by)

    def release(self, now_ns: int) -> tuple[str, ...]:
        """Release the latched stop and disarm the sources that call for motion, or may: nothing moves by this alone.

        Returns:
            Who had latched it; empty where nothing was latched, and then nothing is disarmed either.
        """
        released, self._stopped_by = self._stopped_by, ()
        if released:
            # A source that was never heard may call for motion already: a process that has just begun hears it late.
            calls = {source: self._called.get(source) for source in Source}
            self._disarmed = {
                source: now_ns if call is None else call.stamp_ns
                for source, call in calls.items()
                if call is None or call.twist != STANDSTILL
            }
            self._rearm_silent(now_ns)
            self._commands.clear()
        return released

    def command(self, source: Source, linear: float, angular: float, now_ns: int) -> bool:
        """Take a command of a source, m/s and rad/s.

        Returns:
            False when it is not finite: it is refused, and so is what the source had said before.
        """
        if not (math.isfinite(linear) and math.isfinite(angular)):
            self._commands.pop(source, None)
            self._refused = source
            return False
        if self._refused is source:
            self._refused = None
        twist = Twist(linear=linear, angular=angular)
        self._called[source] = _Command(twist=twist, stamp_ns=now_ns)
        self._rearm_silent(now_ns)
        if source in self._disarmed:
            if twist == STANDSTILL:
                del self._disarmed[source]
            else:
                # It still has the say over the sources after it, and says "stand".
                self._disarmed[source] = now_ns
                twist = STANDSTILL
        self._commands[source] = _Command(twist=twist, stamp_ns=now_ns)
        return True

    def scan(self, scan: LaserScan, now_ns: int) -> bool:
        """Take a scan. Returns False for one that is too broken to rely on, which then counts as none."""
        points = obstacle_points(scan)
        if points is None:
            return False
        self._points = points
        self._scan_ns = min(scan.stamp_ns, now_ns)
        return True

    def odometry(self, twist: Twist, now_ns: int) -> None:
        """Take the measured velocity of the base."""
        self._measured = twist
        self._measured_ns = now_ns

    def step(self, now_ns: int) -> SafetyOutput:
        """Judge commands and sensors, move the state on and return what the wheels may do now."""
        self._rearm_silent(now_ns)
        source, call = self._choose(now_ns)
        twist, finding, reason = STANDSTILL, Finding.NO_COMMAND, ""
        if self._stopped_by:
            finding, reason = Finding.STOP_LATCHED, f"stopped by {', '.join(self._stopped_by)}"
        elif not self._has_scan(now_ns):
            finding, reason = Finding.SCAN_LOST, "the lidar is silent"
        elif source is None or call == STANDSTILL:
            reason = self._idle_reason()
        else:
            twist, finding, reason = self._limit(source, call, now_ns)
        self._state = TRANSITIONS[self._state, finding]
        self._output = twist if self._state in MOVING else STANDSTILL
        self._step_ns = now_ns
        return SafetyOutput(
            twist=self._output, state=self._state, source=source, reason=reason, stopped_by=self._stopped_by
        )

    def _rearm_silent(self, now_ns: int) -> None:
        for source, since_ns in tuple(self._disarmed.items()):
            if seconds_between(since_ns, now_ns) >= self._limits.rearm_silence:
                del self._disarmed[source]

    def _choose(self, now_ns: int) -> tuple[Source | None, Twist]:
        for source in Source:
            command = self._commands.get(source)
            if command is not None and 0.0 <= seconds_between(command.stamp_ns, now_ns) <= self._limits.command_timeout:
                return source, command.twist
        return None, STANDSTILL

    def _has_scan(self, now_ns: int) -> bool:
        return self._points is not None and 0.0 <= seconds_between(self._scan_ns, now_ns) <= self._limits.scan_timeout

    def _idle_reason(self) -> str:
        if self._refused is not None:
            return f"{self._refused.value} sent a command that is not a number"
        if self._disarmed:
            waiting = ", ".join(source.value for source in self._disarmed)
            return f"just released: {waiting} must stop calling for motion once"
        return ""

    def _limit(self, source: Source, call: Twist, now_ns: int) -> tuple[Twist, Finding, str]:
        wanted = self._bound(source, self._ramp(self._bound(source, call), now_ns))
        way = self._look(source, wanted, now_ns)
        if way.share >= 1.0:
            return wanted, Finding.FREE, ""
        if abs(wanted.linear or wanted.angular) * way.share < _MIN_SPEED:
            return STANDSTILL, Finding.OBSTRUCTED, way.reason
        twist = Twist(linear=wanted.linear * way.share, angular=wanted.angular * way.share)
        return twist, Finding.LIMITED, way.reason

    def _bound(self, source: Source, call: Twist) -> Twist:
        """Return the motion within the limits of its source, on the same arc."""
        linear = call.linear if abs(call.linear) >= _NO_SPEED else 0.0
        share = 1.0
        speed, yaw_rate = self._limits.speed_of(source), self._limits.max_yaw_rate
        if abs(linear) > speed:
            share = speed / abs(linear)
        if abs(call.angular) * share > yaw_rate:
            share = yaw_rate / abs(call.angular)
        return Twist(
            linear=float(np.clip(linear * share, -speed, speed)),
            angular=float(np.clip(call.angular * share, -yaw_rate, yaw_rate)),
        )

    def _ramp(self, target: Twist, now_ns: int) -> Twist:
        """Return the target as far as the accelerations allow to come to it since the last step."""
        limits = self._limits
        passed = 0.05 if self._step_ns is None else min(max(seconds_between(self._step_ns, now_ns), 0.0), 0.1)
        yaw_change = limits.max_yaw_acceleration * passed
        return Twist(
            linear=_approach(
                self._output.linear, target.linear, limits.max_acceleration * passed, limits.max_deceleration * passed
            ),
            angular=_approach(self._output.angular, target.angular, yaw_change, yaw_change),
        )

    def _look(self, source: Source, wanted: Twist, now_ns: int) -> _Way:
        """Judge the way of a wanted motion by the latest scan."""
        limits, points = self._limits, self._points
        if points is None or len(points) == 0:
            return _Way(share=1.0, reason="")
        is_docking = source is Source.DOCK
        field = limits.radius + (limits.dock_margin if is_docking else limits.margin)
        distances = np.hypot(points[:, 0], points[:, 1])
        nearest = float(distances.min())
        if wanted.linear == 0.0:
            return self._look_around(wanted, nearest, field)
        speed = abs(wanted.linear)
        allowed, reason = speed, ""
        is_inside = distances < field
        if is_inside.any():
            if not gains_distance(points[is_inside], wanted):
                return _Way(share=0.0, reason=f"something is {nearest - limits.radius:.2f} m beside the robot")
            allowed, reason = min(allowed, limits.creep_speed), "moving away from something close"
        room = contact_distance(points[~is_inside], wanted, field)
        room -= 0.0 if is_docking else limits.standoff
        if self._state is SafetyState.BLOCKED and not is_docking:
            room -= _UNBLOCK_DISTANCE
        stoppable = self._stoppable_speed(room, wanted, now_ns)
        if stoppable < allowed:
            allowed, reason = stoppable, f"something is in the way, {max(room, 0.0):.2f} m of room left"
        ahead = points[:, 0] * math.copysign(1.0, wanted.linear) > 0.0
        gap = float(np.min(distances[ahead], initial=math.inf)) - limits.radius
        if gap < limits.near_distance and limits.near_speed < allowed:
            allowed, reason = limits.near_speed, f"something is {gap:.2f} m from the robot"
        return _Way(share=min(1.0, allowed / speed), reason=reason)

    def _look_around(self, wanted: Twist, nearest: float, field: float) -> _Way:
        """Judge turning in place: a round footprint sweeps nothing, it must only be free itself."""
        if nearest <= self._limits.radius:
            return _Way(share=0.0, reason="something touches the robot")
        rate = abs(wanted.angular)
        if nearest < field and rate > self._limits.creep_yaw_rate:
            return _Way(share=self._limits.creep_yaw_rate / rate, reason="turning beside something close")
        return _Way(share=1.0, reason="")

    def _stoppable_speed(self, room: float, wanted: Twist, now_ns: int) -> float:
        """Return the greatest speed from which the brakes hold within the room, m/s.

        Both the wanted speed and the one that the base still has cover ground until the brakes grip: the greatest v
        with v * latency + v² / (2 a) <= room, and no more than what is left after the measured speed's share.
        """
        if room <= 0.0:
            return 0.0
        braking = self._limits.max_deceleration
        latency = self._limits.latency + seconds_between(self._scan_ns, now_ns)
        present = self._output.linear
        if self._measured_ns is not None and 0.0 <= seconds_between(self._measured_ns, now_ns) <= 0.5:
            present = self._measured.linear
        present = max(0.0, present * math.copysign(1.0, wanted.linear))
        from_rest = braking * (math.sqrt(latency**2 + 2.0 * room / braking) - latency)
        return min(from_rest, math.sqrt(2.0 * braking * max(0.0, room - present * latency)))


def _approach(present: float, target: float, rise: float, fall: float) -> float:
    """Return the target, at most `rise` faster or `fall` slower than now; never motion against the target's sign."""
    if present * target < 0.0:
        present = 0.0
    if abs(target) >= abs(present):
        return present + float(np.clip(target - present, -rise, rise))
    return present + float(np.clip(target - present, -fall, fall))

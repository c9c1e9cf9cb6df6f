"""The last bit from a place's node to its dock and back, measured by the tag there.

The tag is measured while the robot stands, over several frames, and further on the way in; in between odometry carries
it. Without a tag in sight the dock's pose on the map has to do, and `used_tag` tells so.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

import numpy as np

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import StateError
from robot_ops.core.poses import STANDSTILL, Pose, Twist, wrap_angle


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSighting:
    """A tag measured in one picture.

    Attributes:
        tag: its id.
        stamp_ns: capture instant, nanoseconds.
        pose_in_base: center of the tag in base_link at that instant; yaw is the direction into its plate, so a docked
            robot sees it at y = 0, yaw = 0.
    """

    tag: int
    stamp_ns: int
    pose_in_base: Pose


class TagSource(Protocol):
    """Who measures tags (a node of the perception)."""

    def sightings(self) -> Sequence[TagSighting]:
        """Return the latest sightings; ones that were told before may be told again."""
        ...


class OdometryHistory(Protocol):
    """Who knows where the robot was in its odom frame."""

    def odometry_at(self, stamp_ns: int) -> Pose | None:
        """Return the pose in the odom frame at an instant, None where it is not known."""
        ...


class DockState(Enum):
    """How docking or undocking stands."""

    IDLE = "idle"
    FACING = "facing"
    MEASURING = "measuring"
    APPROACHING = "approaching"
    ALIGNING = "aligning"
    RETREATING = "retreating"
    UNDOCKING = "undocking"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_ENDED: Final = frozenset({DockState.IDLE, DockState.SUCCEEDED, DockState.FAILED})

TRANSITIONS: Final = {
    DockState.IDLE: frozenset({DockState.FACING, DockState.UNDOCKING, DockState.SUCCEEDED, DockState.FAILED}),
    DockState.FACING: frozenset({DockState.MEASURING, DockState.IDLE, DockState.FAILED}),
    DockState.MEASURING: frozenset({DockState.APPROACHING, DockState.IDLE, DockState.FAILED}),
    DockState.APPROACHING: frozenset({DockState.ALIGNING, DockState.IDLE, DockState.FAILED}),
    DockState.ALIGNING: frozenset({DockState.SUCCEEDED, DockState.RETREATING, DockState.IDLE, DockState.FAILED}),
    DockState.RETREATING: frozenset({DockState.FACING, DockState.IDLE, DockState.FAILED}),
    DockState.UNDOCKING: frozenset({DockState.SUCCEEDED, DockState.IDLE, DockState.FAILED}),
    DockState.SUCCEEDED: frozenset({DockState.IDLE}),
    DockState.FAILED: frozenset({DockState.IDLE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DockSettings:
    """How docks are approached; meters, m/s, radians, seconds.

    Attributes:
        speed: of the way in; retreat_speed: of the way back.
        acceleration: in m/s²; yaw_rate: limit of turns in rad/s.
        frames: measured standing still before the way in starts; measure_timeout: then the map has to do.
        max_tag_range: farther sightings are not used.
        max_tag_offset, max_tag_turn: sightings that differ more from the map are not believed.
        tag_distance: from base_link to the plate when docked; None takes that from the map.
        tolerance, yaw_tolerance: at the dock.
        retries: how often it backs off by retreat_distance and tries again.
        blocked_timeout: how long something may stand in the way; timeout: of all.
    """

    speed: float = 0.2
    retreat_speed: float = 0.2
    acceleration: float = 0.3
    yaw_rate: float = 0.6
    frames: int = 5
    measure_timeout: float = 4.0
    max_tag_range: float = 3.0
    max_tag_offset: float = 0.4
    max_tag_turn: float = 0.35
    tag_distance: float | None = None
    tolerance: float = 0.03
    yaw_tolerance: float = math.radians(2.0)
    retries: int = 2
    retreat_distance: float = 0.5
    blocked_timeout: float = 60.0
    timeout: float = 120.0
    period: float = 0.1


_LOOKAHEAD = 0.2
_KEPT_FRAMES = 15


class DockController:
    """Docks one robot. All control is in the odom frame, which does not jump."""

    def __init__(self, settings: DockSettings, tags: TagSource | None, history: OdometryHistory) -> None:
        self._settings = settings
        self._tags = tags
        self._history = history
        self._state = DockState.IDLE
        self._reason = ""
        self._tag: int | None = None
        self._map_dock: Pose | None = None
        self._dock: Pose | None = None
        self._way_back = 0.0
        self._used_tag = False
        self._retries_left = 0
        self._command = STANDSTILL
        self._seen: dict[int, Pose] = {}
        self._started_ns: int | None = None
        self._measuring_ns: int | None = None
        self._blocked_ns: int | None = None

    @property
    def state(self) -> DockState:
        """Return how the latest command stands."""
        return self._state

    @property
    def is_active(self) -> bool:
        """Return whether the robot is on its way in or out."""
        return self._state not in _ENDED

    @property
    def reason(self) -> str:
        """Return why docking failed, or an empty text."""
        return self._reason

    @property
    def used_tag(self) -> bool:
        """Return whether the latest docking was measured by the tag and not by the map alone."""
        return self._used_tag

    def dock(self, *, tag: int, dock: Pose, map_from_odom: Pose) -> None:
        """Drive to a dock.

        Args:
            tag: id of the tag there.
            dock: of base_link when docked, map frame.
        """
        self._start(DockState.FACING)
        self._tag, self._used_tag = tag, False
        self._map_dock = self._dock = map_from_odom.inverse().compose(dock)
        self._retries_left = self._settings.retries

    def undock(self, *, node: Pose, dock: Pose, map_from_odom: Pose) -> None:
        """Drive backwards from a dock to the place's node.

        Args:
            node: only its position counts; dock: of base_link when docked, both map frame.
        """
        self._start(DockState.UNDOCKING)
        self._tag = None
        self._dock = map_from_odom.inverse().compose(dock)
        self._way_back = -dock.inverse().compose(node).x

    def cancel(self) -> None:
        """Give up; the next command is a standstill."""
        self._enter(DockState.IDLE)
        self._command = STANDSTILL

    def step(self, *, now_ns: int, pose: Pose | None, is_ahead_free: bool = True, is_behind_free: bool = True) -> Twist:
        """Return the velocity to drive until the next step.

        Args:
            pose: of base_link in the odom frame, None while odometry is silent.
        """
        if not self.is_active or self._dock is None:
            return STANDSTILL
        if self._started_ns is None:
            self._started_ns = now_ns
        if seconds_between(self._started_ns, now_ns) > self._settings.timeout:
            return self._fail(f"it took longer than {self._settings.timeout:.0f} s")
        if pose is None:
            return self._stand()
        is_free = is_behind_free if self._state in {DockState.RETREATING, DockState.UNDOCKING} else is_ahead_free
        if self._is_blocked(now_ns, is_free):
            return self._stand()
        self._measure()
        at = self._dock.inverse().compose(pose)
        match self._state:
            case DockState.FACING:
                return self._face(at)
            case DockState.MEASURING:
                return self._wait_for_frames(now_ns)
            case DockState.APPROACHING:
                return self._approach(at)
            case DockState.ALIGNING:
                return self._align(at)
            case DockState.RETREATING | DockState.UNDOCKING:
                return self._retreat(at)
            case DockState.IDLE | DockState.SUCCEEDED | DockState.FAILED:
                return STANDSTILL

    def _face(self, at: Pose) -> Twist:
        """Turn so that the camera looks at the tag's place."""
        if abs(at.yaw) <= math.radians(4.0) or at.x > -0.1:
            self._seen.clear()
            self._measuring_ns = None
            self._enter(DockState.MEASURING)
            return self._stand()
        return self._limited(0.0, -1.5 * at.yaw)

    def _wait_for_frames(self, now_ns: int) -> Twist:
        if self._measuring_ns is None:
            self._measuring_ns = now_ns
        is_late = seconds_between(self._measuring_ns, now_ns) > self._settings.measure_timeout
        if is_late or len(self._seen) >= self._settings.frames:
            self._enter(DockState.APPROACHING)
        return self._stand()

    def _approach(self, at: Pose) -> Twist:
        settings = self._settings
        if at.x >= -0.005:
            self._enter(DockState.ALIGNING)
            return self._stand()
        turn = wrap_angle(math.atan2(-at.y, _LOOKAHEAD) - at.yaw)
        speed = min(settings.speed, math.sqrt(2.0 * 0.5 * settings.acceleration * -at.x) + 0.01)
        if abs(turn) > 0.6:
            speed = 0.0
        return self._limited(speed, 2.0 * turn)

    def _align(self, at: Pose) -> Twist:
        settings = self._settings
        if abs(at.yaw) > 0.6 * settings.yaw_tolerance:
            return self._limited(0.0, math.copysign(max(0.06, min(0.4, abs(1.5 * at.yaw))), -at.yaw))
        if abs(at.y) <= settings.tolerance and abs(at.x) <= settings.tolerance:
            self._enter(DockState.SUCCEEDED)
        elif self._retries_left > 0:
            self._retries_left -= 1
            self._way_back = settings.retreat_distance
            self._enter(DockState.RETREATING)
        else:
            return self._fail(f"the dock was missed by {100.0 * math.hypot(at.x, at.y):.0f} cm")
        return self._stand()

    def _retreat(self, at: Pose) -> Twist:
        settings = self._settings
        left = at.x + self._way_back
        if left <= 0.01:
            self._enter(DockState.FACING if self._state is DockState.RETREATING else DockState.SUCCEEDED)
            return self._stand()
        speed = min(settings.retreat_speed, math.sqrt(2.0 * 0.5 * settings.acceleration * left) + 0.01)
        turn = wrap_angle(math.atan2(at.y, 2.0 * _LOOKAHEAD) - at.yaw)
        return self._limited(-speed, 1.5 * turn)

    def _measure(self) -> None:
        """Take new sightings of the tag and move the dock to where they say it is."""
        if self._tags is None or self._tag is None or self._map_dock is None:
            return
        settings = self._settings
        is_changed = False
        for sighting in self._tags.sightings():
            if sighting.tag != self._tag or sighting.stamp_ns in self._seen:
                continue
            if math.hypot(sighting.pose_in_base.x, sighting.pose_in_base.y) > settings.max_tag_range:
                continue
            base = self._history.odometry_at(sighting.stamp_ns)
            if base is None:
                continue
            tag = base.compose(sighting.pose_in_base)
            seen_from_map = self._map_dock.inverse().compose(tag)
            is_near = abs(seen_from_map.y) <= settings.max_tag_offset
            if not is_near or abs(seen_from_map.yaw) > settings.max_tag_turn or seen_from_map.x < 0.0:
                continue
            self._seen[sighting.stamp_ns] = tag
            is_changed = True
        for stamp in sorted(self._seen)[:-_KEPT_FRAMES]:
            del self._seen[stamp]
        if is_changed and len(self._seen) >= settings.frames:
            self._dock = self._measured_dock(list(self._seen.values()), self._map_dock)
            self._used_tag = True

    def _measured_dock(self, tags: Sequence[Pose], map_dock: Pose) -> Pose:
        """Return the dock in the odom frame by the median of the measured tags."""
        yaw0 = tags[-1].yaw
        yaw = wrap_angle(yaw0 + float(np.median([wrap_angle(tag.yaw - yaw0) for tag in tags])))
        x, y = float(np.median([tag.x for tag in tags])), float(np.median([tag.y for tag in tags]))
        plate = Pose(x=x, y=y, yaw=yaw)
        distance = self._settings.tag_distance
        if distance is None:
            distance = -plate.inverse().compose(map_dock).x
        return plate.compose(Pose(x=-distance, y=0.0))

    def _is_blocked(self, now_ns: int, is_free: bool) -> bool:
        if is_free or self._state in {DockState.FACING, DockState.MEASURING, DockState.ALIGNING}:
            self._blocked_ns = None
            return False
        if self._blocked_ns is None:
            self._blocked_ns = now_ns
        if seconds_between(self._blocked_ns, now_ns) > self._settings.blocked_timeout:
            self._fail("something stands in the way of the dock")
        return True

    def _limited(self, linear: float, angular: float) -> Twist:
        settings = self._settings
        change = settings.acceleration * settings.period
        linear = min(max(linear, self._command.linear - 2.0 * change), self._command.linear + change)
        angular = min(max(angular, -settings.yaw_rate), settings.yaw_rate)
        self._command = Twist(linear=linear, angular=angular)
        return self._command

    def _stand(self) -> Twist:
        self._command = STANDSTILL
        return STANDSTILL

    def _start(self, state: DockState) -> None:
        if self.is_active:
            raise StateError(f"the robot is {self._state.value} already")
        if self._state is not DockState.IDLE:
            self._enter(DockState.IDLE)
        self._enter(state)
        self._reason = ""
        self._command = STANDSTILL
        self._seen.clear()
        self._started_ns = self._blocked_ns = self._measuring_ns = None

    def _fail(self, reason: str) -> Twist:
        self._reason = reason
        self._enter(DockState.FAILED)
        return self._stand()

    def _enter(self, state: DockState) -> None:
        if state is not self._state and state not in TRANSITIONS[self._state]:
            raise StateError(f"a dock controller that is {self._state.value} cannot become {state.value}")
        self._state = state

"""What the navigator is told to follow at one time, and how often it is told so."""

from dataclasses import dataclass
from typing import Final

from robot_ops.core.clock import Clock, to_ns
from robot_ops.missions.ports import NavigationStatus, Navigator
from robot_ops.tasks.routes import Waypoint

RETRY_PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 15.0)
"""s between tries after the navigator has failed 1, 2, ... times at one stretch; the last one for good."""
BLOCKED_AFTER: Final = 3
"""Failures at one stretch after which people are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Waypoints, all on one level, and how to drive them; final_yaw in radians, None for any; speed_limit in m/s."""

    waypoints: tuple[Waypoint, ...]
    final_yaw: float | None
    speed_limit: float

    def goes_on_as(self, other: "Stretch") -> bool:
        """Return whether `other` is what remains of this, so that the navigator need not be told."""
        is_alike = self.final_yaw == other.final_yaw and self.speed_limit == other.speed_limit
        return is_alike and self.waypoints[-len(other.waypoints) :] == other.waypoints


class StretchDriver:
    """Has the navigator follow one stretch after the other, and tries again where it fails."""

    def __init__(self, navigator: Navigator, clock: Clock) -> None:
        self._navigator = navigator
        self._clock = clock
        self._stretch: Stretch | None = None
        self._failures = 0
        self._retry_ns = 0

    @property
    def end(self) -> Waypoint | None:
        """Return where the stretch ends that the navigator was told last, None where that does not count any more."""
        return None if self._stretch is None else self._stretch.waypoints[-1]

    @property
    def is_blocked(self) -> bool:
        """Return whether the navigator has failed several times."""
        return self._failures >= BLOCKED_AFTER

    def follow(self, wanted: Stretch, *, is_short: bool) -> bool:
        """Have a stretch driven; return whether the navigator has done it.

        Args:
            is_short: the robot has not come to its end yet, whatever the navigator says.
        """
        if self._stretch is None or not self._stretch.goes_on_as(wanted):
            if self._clock.now_ns() >= self._retry_ns:
                self._navigator.follow(wanted.waypoints, final_yaw=wanted.final_yaw, speed_limit=wanted.speed_limit)
                self._stretch = wanted
            return False
        match self._navigator.status:
            case NavigationStatus.ACTIVE:
                return False
            case NavigationStatus.FAILED:
                self._put_off()
                return False
            case NavigationStatus.SUCCEEDED | NavigationStatus.IDLE:
                if is_short:
                    self._put_off()
                return not is_short

    def stop(self) -> None:
        """Stop what the navigator was told to follow."""
        if self._stretch is not None and self._navigator.status is NavigationStatus.ACTIVE:
            self._navigator.stop()
        self._stretch = None

    def forget(self) -> None:
        """Leave the navigator to somebody else; what it was told does not count any more."""
        self._stretch = None

    def note_progress(self) -> None:
        """Note that the robot has come further, or has another way: former failures do not count any more."""
        self._failures, self._retry_ns = 0, 0

    def _put_off(self) -> None:
        pause = RETRY_PAUSES[min(self._failures, len(RETRY_PAUSES) - 1)]
        self._failures += 1
        self._retry_ns = self._clock.now_ns() + to_ns(pause)
        self._stretch = None

"""Time as a port. Instants are int nanoseconds since the clock's epoch, durations are float seconds."""

import time
from typing import Final, Protocol

END_OF_TIME_NS: Final = 2**63 - 1
"""Later than any instant: what is due then is not due."""
NS_PER_S: Final = 1_000_000_000


class Clock(Protocol):
    """Source of the present instant: ROS time, simulated time or the wall's."""

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds; never less than before."""
        ...


class SystemClock:
    """UTC wall time, for processes that run without ROS."""

    def now_ns(self) -> int:
        """Return nanoseconds since the Unix epoch."""
        return time.time_ns()


class ManualClock:
    """Clock that moves only when told: for deterministic runs and tests.

    Args:
        now_ns: first instant in nanoseconds.
    """

    def __init__(self, now_ns: int = 0) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds."""
        return self._now_ns

    def advance(self, seconds: float) -> None:
        """Move the clock forward by a duration in seconds (>= 0)."""
        if seconds < 0:
            raise ValueError(f"a clock does not run backward: {seconds} s")
        self._now_ns += to_ns(seconds)


def seconds_between(start_ns: int, end_ns: int) -> float:
    """Return the duration from start to end in seconds, negative when end is earlier."""
    return (end_ns - start_ns) / NS_PER_S


def to_ns(seconds: float) -> int:
    """Return a duration in seconds as nanoseconds, rounded to the nearest."""
    return round(seconds * NS_PER_S)

"""Time that goes on evenly while the fleet's clock is set, or the whole fleet stood still."""

from typing import Final

from robot_ops.core.clock import Clock, to_ns

LONGEST_GAP_S: Final = 10.0
"""Seconds between two looks at the clock; more passed without the fleet: nobody was silent or late meanwhile."""


class SteadyTime:
    """Follows a clock and leaves its jumps out.

    Args:
        clock: steps of it backward, and forward by more than `LONGEST_GAP_S`, are jumps.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ns: int | None = None
        self._offset_ns = 0

    @property
    def now_ns(self) -> int:
        """Return the present instant, nanoseconds; never earlier than before."""
        return self._clock.now_ns() + self._offset_ns

    @property
    def has_jumped(self) -> bool:
        """Return whether the clock has ever been set, so that other clocks need not agree with this time."""
        return self._offset_ns != 0

    def notice(self) -> int:
        """Look at the clock; return the nanoseconds by which it has jumped, 0 mostly. Instants kept move by as much."""
        now_ns = self._clock.now_ns()
        last_ns, self._last_ns = self._last_ns, now_ns
        if last_ns is None or 0 <= now_ns - last_ns <= to_ns(LONGEST_GAP_S):
            return 0
        self._offset_ns -= now_ns - last_ns
        return now_ns - last_ns

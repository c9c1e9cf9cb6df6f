"""A clock that moves only when told."""

from robot_ops.core.clock import to_ns


class ManualClock:
    """Clock under the test's hand.

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

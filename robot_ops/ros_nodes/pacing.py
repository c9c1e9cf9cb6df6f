"""When simulated things are due: recurring messages, and the steps of a world that keeps up with real time."""

import math
from typing import Final

from robot_ops.core.clock import seconds_between, to_ns

_HASTE: Final = 2.0  # times the wanted speed while the world catches up, so that robots are not outrun
_MOST_DEBT: Final = 5.0  # s of real time that is made up for; more is lost
_LEAD: Final = 0.1  # s that the world runs ahead, so that a tick's delay does not count as slowness
_MOST_CALLS: Final = 4.0  # per tick's duration; beyond, several ticks are due per call


class Rhythm:
    """Says when something that recurs is due.

    Args:
        period: in seconds.
        phase: of the first time, as a share of the period, 0-1.
    """

    def __init__(self, period: float, phase: float = 0.0) -> None:
        self._period_ns = to_ns(period)
        self._next_ns = to_ns(period * phase)

    def is_due(self, now_ns: int) -> bool:
        """Return True once per period; periods that were missed are left out."""
        if now_ns < self._next_ns:
            return False
        self._next_ns += self._period_ns * ((now_ns - self._next_ns) // self._period_ns + 1)
        return True


class Pacer:
    """Says how many ticks of simulated time are due as real time passes. A world that was held up catches up gently.

    Args:
        tick: simulated seconds per tick.
        speed: simulated seconds per real second.
    """

    def __init__(self, tick: float, speed: float) -> None:
        calls = min(max(1.0, speed), _MOST_CALLS)
        self.period = tick / calls
        """Real seconds between two calls of `ticks_due`."""
        self._tick = tick
        self._speed = speed
        self._most_ticks = math.ceil(_HASTE * speed / calls)
        self._debt = _LEAD
        self._last_ns: int | None = None

    def ticks_due(self, now_ns: int) -> int:
        """Return how many ticks to make at an instant of real time, and count them as made."""
        if self._last_ns is not None:
            self._debt += seconds_between(self._last_ns, now_ns) * self._speed
        self._last_ns = now_ns
        self._debt = min(self._debt, _LEAD + _MOST_DEBT * self._speed)
        ticks = min(self._most_ticks, int(self._debt / self._tick + 1e-9))
        self._debt -= ticks * self._tick
        return ticks

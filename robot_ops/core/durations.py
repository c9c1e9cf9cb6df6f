"""Durations in words, as people say them."""

import math

_MINUTE_S = 60.0
_HOUR_S = 3600.0


def about(seconds: float) -> str:
    """Return a duration as "less than a minute", "about 4 minutes" or "about 2 hours"; NaN and infinity are unknown.

    Rounded up, since who waits is rather told a little more.
    """
    if not math.isfinite(seconds):
        return "an unknown time"
    if seconds < _MINUTE_S:
        return "less than a minute"
    minutes = math.ceil(seconds / _MINUTE_S - 0.25)
    if minutes < 90:
        return f"about {_counted(minutes, 'minute')}"
    return f"about {_counted(round(seconds / _HOUR_S), 'hour')}"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"

"""When a robot works: times of the day, every day, in UTC."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

DAY_S: Final = 86_400
_FORM: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|(24:00))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A part of every day.

    Attributes:
        start, end: seconds after midnight, UTC; one that ends before it starts goes on over midnight.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not (0 <= self.start < DAY_S and 0 < self.end <= DAY_S and self.start != self.end):
            raise ValueError(f"a shift cannot last from {self.start} s to {self.end} s of the day")

    def __str__(self) -> str:
        """Return it as sites have it: "06:00-14:30"."""
        return "-".join(f"{second // 3600:02d}:{second // 60 % 60:02d}" for second in (self.start, self.end))


def shift_of(text: str) -> Shift:
    """Return the shift that "06:00-14:30" means; "24:00" may end one.

    Raises:
        ValueError: the text means none.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no shift")
    hour, minute, last_hour, last_minute, midnight = match.groups()
    end = DAY_S if midnight else int(last_hour) * 3600 + int(last_minute) * 60
    start = int(hour) * 3600 + int(minute) * 60
    return Shift(start=start, end=end if end else DAY_S)


def do_overlap(shifts: Iterable[Shift]) -> bool:
    """Return whether two of the shifts have a time in common."""
    parts = sorted(part for shift in shifts for part in _parts(shift))
    return any(start < end for (_, end), (start, _) in itertools.pairwise(parts))


def coming_shifts(shifts: Sequence[Shift], now: float) -> list[tuple[float, float]]:
    """Return begin and end, in seconds from now, of the shift that lasts (its begin is not after 0) and of the next.

    Shifts that follow each other without a break are one. Nothing is returned without shifts: there is no end of work.

    Args:
        now: seconds since some midnight, UTC.
    """
    time = now % DAY_S
    spans: list[list[float]] = []
    for day in (-1, 0, 1, 2):
        for shift in sorted(shifts, key=lambda each: each.start):
            begin = day * DAY_S + shift.start - time
            end = day * DAY_S + shift.end - time + (DAY_S if shift.end <= shift.start else 0)
            if spans and begin <= spans[-1][1]:
                spans[-1][1] = max(end, spans[-1][1])
            else:
                spans.append([begin, end])
    return [(begin, end) for begin, end in spans if end > 0.0][:2]


def _parts(shift: Shift) -> list[tuple[int, int]]:
    if shift.end > shift.start:
        return [(shift.start, shift.end)]
    return [(shift.start, DAY_S), (0, shift.end)]

"""Shifts: read, checked, and what comes next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.site.shifts import DAY_S, Shift, coming_shifts, do_overlap, shift_of

HOUR = 3600.0


@pytest.mark.parametrize("text", ["06:00-14:30", "22:00-06:00", "00:00-24:00", "12:00-24:00"])
def test_shifts_are_written_as_they_are_read(text: str) -> None:
    assert str(shift_of(text)) == text


@pytest.mark.parametrize("text", ["", "6-14", "06:00", "25:00-26:00", "06:60-07:00", "06:00-06:00", "24:00-06:00"])
def test_what_is_no_shift_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="shift"):
        shift_of(text)


def test_overlaps_are_found_over_midnight_too() -> None:
    assert do_overlap([shift_of("22:00-06:00"), shift_of("05:00-07:00")])
    assert do_overlap([shift_of("06:00-14:00"), shift_of("13:59-15:00")])
    assert not do_overlap([shift_of("22:00-06:00"), shift_of("06:00-14:00"), shift_of("14:00-22:00")])


def test_what_comes_next() -> None:
    shifts = [shift_of("06:00-10:00"), shift_of("22:00-02:00")]
    assert coming_shifts(shifts, 8 * HOUR) == [(-2 * HOUR, 2 * HOUR), (14 * HOUR, 18 * HOUR)]
    assert coming_shifts(shifts, 5 * DAY_S + 12 * HOUR)[0] == (10 * HOUR, 14 * HOUR)
    assert coming_shifts(shifts, 1 * HOUR) == [(-3 * HOUR, HOUR), (5 * HOUR, 9 * HOUR)]
    assert coming_shifts([], 1 * HOUR) == []


def test_shifts_without_a_break_are_one() -> None:
    (lasting, following) = coming_shifts([shift_of("06:00-14:00"), shift_of("14:00-22:00")], 8 * HOUR)
    assert lasting == (-2 * HOUR, 14 * HOUR)
    assert following == (22 * HOUR, 38 * HOUR)
    assert coming_shifts([shift_of("00:00-24:00")], 8 * HOUR)[0][1] > DAY_S


@given(
    start=st.integers(0, DAY_S - 1),
    length=st.integers(1, DAY_S - 1),
    now=st.floats(0.0, 1e9, allow_nan=False),
)
def test_the_first_has_not_ended_and_the_next_comes_after(start: int, length: int, now: float) -> None:
    end = (start + length) % DAY_S or DAY_S
    (begin, until), (following, last) = coming_shifts([Shift(start=start, end=end)], now)
    assert begin < until <= following < last
    assert until > 0.0
    assert until - begin == pytest.approx(length)

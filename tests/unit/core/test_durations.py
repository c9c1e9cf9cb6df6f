"""Durations in words."""

import math

import pytest

from robot_ops.core.durations import about


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3.0, "less than a minute"),
        (59.0, "less than a minute"),
        (61.0, "about 1 minute"),
        (100.0, "about 2 minutes"),
        (239.0, "about 4 minutes"),
        (5300.0, "about 89 minutes"),
        (7300.0, "about 2 hours"),
        (math.inf, "an unknown time"),
        (math.nan, "an unknown time"),
    ],
)
def test_durations_are_told_as_people_say_them(seconds: float, text: str) -> None:
    assert about(seconds) == text

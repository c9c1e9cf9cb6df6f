"""What a benchmark case measured, beside its goal and the figure that is known."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure.

    Attributes:
        what: in a few words; unit: "ms", "" for ratios and counts.
        goal: the value must be at most (or, with `is_floor`, at least) this.
        anchor: the known or measured figure it is compared with; None where that solved nothing.
        anchor_text: whose figure that is.
        is_measured: the anchor ran in the same process, so that the ratio holds for any machine.
    """

    what: str
    value: float
    unit: str
    goal: float
    anchor: float | None
    anchor_text: str
    is_floor: bool = False
    is_measured: bool = False

    @property
    def is_met(self) -> bool:
        """Return whether the goal is met; NaN never meets it."""
        return self.value >= self.goal if self.is_floor else self.value <= self.goal

    @property
    def ratio(self) -> float | None:
        """Return the value by the anchor, None without one."""
        if self.anchor is None or self.anchor == 0.0:
            return None
        return self.value / self.anchor

    def record(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "goal": ("at least" if self.is_floor else "at most", self.goal),
            "is_met": self.is_met,
            "anchor": self.anchor,
            "anchor_text": self.anchor_text,
            "is_anchor_measured_here": self.is_measured,
            "ratio_to_anchor": self.ratio,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a case came to.

    Attributes:
        cpu_seconds: process CPU time of the whole case, checking included.
        faults: what the checker found wrong, or what was not solved.
        details: more figures, as JSON values.
    """

    name: str
    work: str
    measures: tuple[Measure, ...]
    cpu_seconds: float
    faults: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def is_passed(self) -> bool:
        """Return whether all goals are met and nothing is wrong."""
        return not self.faults and all(measure.is_met for measure in self.measures)

    def record(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "case": self.name,
            "work": self.work,
            "is_passed": self.is_passed,
            "measures": [measure.record() for measure in self.measures],
            "faults": list(self.faults),
            "cpu_seconds": self.cpu_seconds,
            "details": self.details,
        }


Progress = Callable[[str], None]
"""Told what is being done, in a few words."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Return a percentile; NaN of nothing."""
    return float(np.percentile(values, percent)) if len(values) else math.nan

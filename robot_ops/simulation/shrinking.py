"""Makes a failing run small: fewer faults, less time, the same invariant broken."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from robot_ops.simulation.faults import Fault
from robot_ops.simulation.soak import Case, Failure

_AFTERWARD: Final = 1.0  # s that a run goes on after the instant at which it failed

Run = Callable[[Case], tuple[Failure | None, float]]
"""Replays a case; returns what it breaks and how many seconds were simulated."""


def shrink(case: Case, failure: Failure, run: Run, *, most_seconds: float) -> tuple[Case, Failure]:
    """Return the smallest case found that breaks the same invariant, and what it breaks.

    Zeller and Hildebrandt's ddmin (2002) over the faults, once the time after the failure is cut off.

    Args:
        run: replays a case.
        most_seconds: how many simulated seconds to spend.
    """
    search = _Search(case, failure, run, most_seconds)
    search.cut()
    search.drop_faults()
    search.cut()
    return search.case, search.failure


class _Search:
    def __init__(self, case: Case, failure: Failure, run: Run, most_seconds: float) -> None:
        self.case = case
        self.failure = failure
        self._run = run
        self._left = most_seconds

    def cut(self) -> None:
        """Leave out what would begin after the failure, and let people ask no longer than needed."""
        end = self.failure.at
        faults = tuple(fault for fault in self.case.faults if fault.at <= end)
        if end + _AFTERWARD < self.case.duration or len(faults) < len(self.case.faults):
            self._try(replace(self.case, duration=min(self.case.duration, end + _AFTERWARD), faults=faults))
        share = 0.5
        while share < 0.95 and self._left > 0.0:  # failures found at the end: would less of it do?
            shorter = round(self.case.duration * share, 1)
            kept = tuple(fault for fault in self.case.faults if fault.at <= shorter)
            if not self._try(replace(self.case, duration=shorter, faults=kept)):
                share = (1.0 + share) / 2

    def drop_faults(self) -> None:
        """Leave out as many faults as possible: halves first, then smaller parts."""
        parts = 2
        while self.case.faults and self._left > 0.0:
            faults = self.case.faults
            parts = min(parts, len(faults))
            if any(self._try(replace(self.case, faults=kept)) for kept in _without_a_part(faults, parts)):
                parts = max(parts - 1, 2)
            elif parts < len(faults):
                parts = min(2 * parts, len(faults))
            else:
                return

    def _try(self, case: Case) -> bool:
        """Replay; keep the case where it breaks the same invariant."""
        if self._left <= 0.0 or case.duration <= 0.0:
            return False
        failure, seconds = self._run(case)
        self._left -= seconds
        if failure is None or failure.invariant != self.failure.invariant:
            return False
        self.case, self.failure = case, failure
        return True


def _without_a_part(faults: Sequence[Fault], parts: int) -> list[tuple[Fault, ...]]:
    """Return the faults without the first, second, ... of so many parts, alike in size."""
    bounds = [round(index * len(faults) / parts) for index in range(parts + 1)]
    return [(*faults[:start], *faults[end:]) for start, end in itertools.pairwise(bounds)]

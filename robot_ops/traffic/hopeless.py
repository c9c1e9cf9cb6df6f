"""What could not be planned a moment ago: the same, or more than that, is not tried again at once."""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import RobotId

_VALID_SECONDS: Final = 10.0
"""Robots that drive on or make way meanwhile may have opened a way."""
_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class _Failure:
    goals: frozenset[tuple[RobotId, int]]
    firm: frozenset[int]
    limit: int
    stamp_ns: int


class Hopeless:
    """Remembers which goals were not all reached together, however far a search looked.

    Who wants these goals and others besides, while the same robots and others besides are firm, has a harder problem;
    where the search looks no further than before it hardly ever ends otherwise, and always takes as long as it may.
    """

    def __init__(self) -> None:
        self._failures: deque[_Failure] = deque(maxlen=_MOST)

    def note(self, goals: Mapping[RobotId, int], firm: Collection[int], limit: int, now_ns: int) -> None:
        """Remember a failure.

        Args:
            goals: node per robot; firm: cells taken up for good; limit: how many steps were tried.
        """
        self._failures.append(_Failure(frozenset(goals.items()), frozenset(firm), limit, now_ns))

    def is_hopeless(self, goals: Mapping[RobotId, int], firm: Collection[int], limit: int, now_ns: int) -> bool:
        """Return whether as much as this has failed lately."""
        while self._failures and not 0.0 <= seconds_between(self._failures[0].stamp_ns, now_ns) < _VALID_SECONDS:
            self._failures.popleft()
        wanted, taken = goals.items(), frozenset(firm)
        return any(
            limit <= failure.limit and failure.goals <= wanted and failure.firm <= taken for failure in self._failures
        )

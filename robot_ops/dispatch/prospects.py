"""When tasks will be done that are too far back in their line to be planned one by one."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from robot_ops.allocation.model import Plan
from robot_ops.core.ids import TaskId
from robot_ops.dispatch.waiting_line import Ability, Rank, WaitingLine
from robot_ops.tasks.requests import TaskKind

_UNKNOWN_S: Final = 300.0
"""How long a task takes while none of its kind is planned."""


@dataclass(frozen=True, slots=True)
class _Tail:
    """Behind the planned tasks of a line (or of all lines of a kind).

    Attributes:
        planned: how many are planned; begin: when the last of them is done; duration: of one, on average; robots: able.
    """

    planned: int
    begin: float
    duration: float
    robots: int

    def finish(self, ahead: int) -> float:
        return self.begin + max(0, ahead - self.planned) * self.duration / self.robots + self.duration


class Prospects:
    """What a plan means for those that it does not have, by how many go before them.

    Args:
        plan: of the front of the line; line: as it is; it may grow afterwards.
        able: tells how many robots are able to do what an ability asks for.
    """

    def __init__(self, plan: Plan, line: WaitingLine, able: Callable[[Ability], int]) -> None:
        self._plan = plan
        self._line = line
        planned = {key: [each for _, _, each in line.of(key) if each in plan.finish] for key in line.abilities}
        self._lines = {key: self._tail([key], planned, max(1, able(key))) for key in planned}
        self._kinds: dict[TaskKind, _Tail] = {}
        for kind in TaskKind:
            keys = [key for key in planned if key[0] is kind]
            self._kinds[kind] = self._tail(keys, planned, max([1, *(able(key) for key in keys)]))

    def has(self, key: Ability) -> bool:
        """Return whether some of the line are planned."""
        return key in self._lines and self._lines[key].planned > 0

    def finish(self, key: Ability, rank: Rank) -> float:
        """Return the seconds from the plan until a task of that rank is done."""
        line, kind = self._lines.get(key), self._kinds[key[0]]
        ahead = bisect_left(self._line.of(key), rank)
        if line is not None and ahead < line.planned:
            # about when those beside it in the line are done
            beside = [
                self._plan.finish.get(each, 0.0) for _, _, each in self._line.of(key)[max(0, ahead - 1) : ahead + 1]
            ]
            return max(beside) + line.duration / line.robots
        of_kind = [self._line.of(each) for each in self._line.abilities if each[0] is key[0]]
        all_ahead = sum(bisect_left(each, rank) for each in of_kind)
        return max(kind.finish(all_ahead), 0.0 if line is None else line.finish(ahead))

    def _tail(self, keys: list[Ability], planned: dict[Ability, list[TaskId]], robots: int) -> _Tail:
        tasks = [task_id for key in keys for task_id in planned[key]]
        assignments = [self._plan.assignments[each] for each in tasks if each in self._plan.assignments]
        duration = (
            sum(each.finish - each.start for each in assignments) / len(assignments) if assignments else _UNKNOWN_S
        )
        return _Tail(len(tasks), max((self._plan.finish[each] for each in tasks), default=0.0), duration, robots)

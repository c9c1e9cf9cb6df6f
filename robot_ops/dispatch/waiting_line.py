"""Who waits for a robot, in the order they are planned: kept up to date task by task, however many there are."""

import math
from bisect import bisect_left, insort
from collections.abc import Callable
from typing import Final

from robot_ops.allocation.fleet_work import PATIENCE_S
from robot_ops.allocation.planner import MAX_PLANNED
from robot_ops.core.clock import NS_PER_S
from robot_ops.core.ids import LevelId, PlaceId, TaskId
from robot_ops.tasks.book import TaskBook
from robot_ops.tasks.requests import TaskKind, TaskRequest
from robot_ops.tasks.status import TaskStatus

PER_ROBOT: Final = 12
"""Tasks planned one by one for each robot that is able to do them; an hour of work, more or less."""
_SPARE: Final = 8

Ability = tuple[TaskKind, str, tuple[LevelId, ...]]
"""What a robot must be able to do: the kind of task, the language to do it in, and the levels to begin and end on;
without levels where all robots go everywhere."""
Rank = tuple[float, float, TaskId]


def ability(request: TaskRequest, levels: tuple[LevelId, ...] = ()) -> Ability:
    """Return what a robot must be able to do for it."""
    return request.kind, getattr(request, "language", ""), levels


def rank(request: TaskRequest, submitted_ns: int, task_id: TaskId) -> Rank:
    """Return what lines are sorted by: a priority is worth five minutes of waiting; it does not change with time."""
    due = math.inf if request.due_ns is None else request.due_ns / NS_PER_S
    return submitted_ns / NS_PER_S - PATIENCE_S * request.priority, due, task_id


class WaitingLine:
    """The queued tasks, one line per ability, those first that go first.

    Args:
        levels: tells on which levels a pickup and a destination are; None where all robots go everywhere.
    """

    def __init__(self, levels: Callable[[PlaceId, PlaceId], tuple[LevelId, ...]] | None = None) -> None:
        self._levels = levels
        self._lines: dict[Ability, list[Rank]] = {}
        self._places: dict[TaskId, tuple[Ability, Rank]] = {}

    def __len__(self) -> int:
        return len(self._places)

    @property
    def abilities(self) -> tuple[Ability, ...]:
        """Return what is asked for, in a fixed order."""
        return tuple(sorted(self._lines, key=lambda each: (each[0].value, *each[1:])))

    def ability(self, request: TaskRequest, pickup: PlaceId | None = None) -> Ability:
        """Return what a robot must be able to do for it; `pickup` is where it begins, None for where it asks to."""
        start = request.pickup if pickup is None else pickup
        return ability(request, () if self._levels is None else self._levels(start, request.destination))

    def refresh(self, book: TaskBook) -> None:
        """Take over who is queued in the book."""
        tasks = book.tasks
        queued = {task_id for task_id in book.open_tasks if tasks[task_id].status is TaskStatus.QUEUED}
        for task_id in [each for each in self._places if each not in queued]:
            key, place = self._places.pop(task_id)
            line = self._lines[key]
            del line[bisect_left(line, place)]
            if not line:
                del self._lines[key]
        for task_id in book.open_tasks:
            if task_id in queued and task_id not in self._places:
                task = tasks[task_id]
                self.add(task_id, task.request, task.submitted_ns, pickup=task.pickup)

    def add(self, task_id: TaskId, request: TaskRequest, submitted_ns: int, *, pickup: PlaceId | None = None) -> None:
        """Put a task that was queued just now into its line."""
        key, place = self.ability(request, pickup), rank(request, submitted_ns, task_id)
        insort(self._lines.setdefault(key, []), place)
        self._places[task_id] = key, place

    def front(self, able: Callable[[Ability], int]) -> list[TaskId]:
        """Return those to plan one by one: first come those with the best places in their lines.

        Args:
            able: tells how many robots are able to do it.
        """
        found: list[tuple[int, Rank]] = []
        for key in self.abilities:
            most = _SPARE + PER_ROBOT * able(key)
            found += enumerate(self._lines[key][:most])
        return [task_id for _, (_, _, task_id) in sorted(found)[:MAX_PLANNED]]

    def of(self, key: Ability) -> list[Rank]:
        """Return a line, first goes first; do not change it."""
        return self._lines.get(key, [])

    def place(self, task_id: TaskId) -> tuple[Ability, Rank] | None:
        """Return the line of a task and its rank there, None where it does not wait."""
        return self._places.get(task_id)

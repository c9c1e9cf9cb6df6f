"""How long promises must be to be kept: learned from how earlier ones turned out."""

import math
from typing import Final

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import TaskId
from robot_ops.tasks.book import TaskBook, TaskRecord
from robot_ops.tasks.requests import TaskKind
from robot_ops.tasks.status import TaskStatus

KEPT_SHARE: Final = 0.9
"""Share of promises that shall be kept."""
_GAIN: Final = 0.1
"""How much one outcome changes the logarithm of the stretch, at most."""
_FIRST: Final = 1.25
"""Stretch of the first promises."""
_MOST: Final = 3.0


class PromiseRecord:
    """Stretches estimates so that the promises made of them are kept nine times out of ten, per kind of task.

    Each promise that was broken makes those of its kind longer, each that was kept makes them a little shorter, so that
    in the long run the wanted share is kept, whatever makes tasks late (online quantile tracking as in adaptive
    conformal inference, Gibbs and Candes 2021). It follows from the order in which the book's tasks ended alone.
    """

    def __init__(self) -> None:
        self._book: TaskBook | None = None
        self._last: TaskId | None = None
        self._logs: dict[TaskKind, float] = {}

    def stretch(self, book: TaskBook, kind: TaskKind) -> float:
        """Return what to multiply an estimate with, 1 to 3."""
        if book is not self._book:
            self._book, self._last, self._logs = book, None, {}
        new = []
        for task_id in reversed(book.ended_tasks):  # archives take the oldest away
            if task_id == self._last:
                break
            new.append(book.tasks[task_id])
        for task in reversed(new):
            self._learn(task)
        if new:
            self._last = new[0].task_id
        return math.exp(self._logs.get(kind, math.log(_FIRST)))

    def _learn(self, task: TaskRecord) -> None:
        if task.status is not TaskStatus.COMPLETED or task.finished_ns is None:
            return
        kind = task.request.kind
        is_kept = seconds_between(task.promised_ns, task.finished_ns) <= 0.0
        change = -_GAIN * (1.0 - KEPT_SHARE) if is_kept else _GAIN * KEPT_SHARE
        log = self._logs.get(kind, math.log(_FIRST)) + change
        self._logs[kind] = min(max(log, 0.0), math.log(_MOST))

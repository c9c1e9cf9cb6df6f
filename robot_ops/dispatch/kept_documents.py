"""Documents that keepers and custodians have and do not give on: operators are told whom to ask."""

from typing import Final

from robot_ops.core.clock import END_OF_TIME_NS, seconds_between, to_ns
from robot_ops.core.ids import TaskId
from robot_ops.dispatch.context import Context
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.status import TaskStatus

SHOWN_S: Final = 1800.0
"""Seconds for which it is an alarm that somebody has the document of a task that has failed."""


class KeptDocuments:
    """Raises and clears the alarms `kept/TASK`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._watched: dict[TaskId, None] | None = None  # None until it was looked what an earlier fleet has left

    def watch(self, task_id: TaskId) -> None:
        """Keep the task's document in operators' sight until a robot has it, or the task has ended for a while."""
        if self._watched is not None:
            self._watched[task_id] = None

    def step(self) -> int:
        """Raise what is to be done and take down what is done; return the instant from which on there may be more."""
        context, now_ns = self._context, self._context.clock.now_ns()
        due_ns = END_OF_TIME_NS
        if self._watched is None:
            self._watched = {
                task_id: None for task_id in context.book.ended_tasks if _text(context.book.tasks[task_id], now_ns)
            }
        for task_id in tuple(self._watched):
            task = context.book.tasks.get(task_id)
            text = _text(task, now_ns)
            context.alarms.set(f"kept/{task_id}", bool(text), text, is_error=True)
            if not text:
                del self._watched[task_id]
            elif task is not None and task.finished_ns is not None:
                due_ns = min(due_ns, task.finished_ns + to_ns(SHOWN_S))
        return due_ns


def _text(task: TaskRecord | None, now_ns: int) -> str:
    """Return what an operator should know of a document and do about it, empty where that is nothing."""
    if task is None:
        return ""
    if not task.status.is_final:
        if task.custodian is None or task.is_picked_up:
            return ""
        return f"{task.custodian} has the document of {task.task_id} and did not give it to a robot: call them"
    is_new = task.finished_ns is not None and seconds_between(task.finished_ns, now_ns) < SHOWN_S
    if task.status is not TaskStatus.FAILED or task.kept_by is None or not is_new:
        return ""
    return f"{task.kept_by} has the document of {task.task_id}, which has failed: have it brought on by hand"

"""Tasks as people see them, never so many at once that the fleet stands still for it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import TaskId
from robot_ops.dispatch.assigner import Assigner
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.ports import TaskPage, TaskView
from robot_ops.dispatch.views import plain_view, task_view
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.status import TaskStatus

MOST_ON_PAGE: Final = 200
"""Making a view and a message of a task takes some 35 us: a page takes less than 10 ms of the fleet's time."""


class Listing:
    """Looks into the task book; changes nothing."""

    def __init__(self, context: Context, assigner: Assigner) -> None:
        self._context = context
        self._assigner = assigner

    def all(self, *, with_finished: bool) -> tuple[TaskView, ...]:
        """Return all tasks in the order they were accepted; those that have ended only where asked for."""
        book = self._context.book
        return self._views(book.tasks.values() if with_finished else book.open_records())

    def page(self, after: TaskId | None, limit: int, *, with_finished: bool) -> TaskPage:
        """Return the next tasks in the order they were accepted.

        Args:
            after: the last task of the page before, None for the first page.
            limit: tasks at most, 0 for as many as there may be on a page.

        Raises:
            RequestError: the task to go on after is not there (any more).
        """
        book = self._context.book
        if after is not None and after not in book.tasks:
            raise RequestError(
                f"there is no task {after!r} to go on after", where="after", mend="begin with no `after`"
            )
        most = min(limit or MOST_ON_PAGE, MOST_ON_PAGE)
        # one more tells whether there is another page
        records = tuple(islice(self._following(after, with_finished=with_finished), most + 1))
        views = self._views(records[:most])
        return TaskPage(tasks=views, next=views[-1].task_id if len(records) > most else None)

    def shown(
        self, finished_ns: int, *, most_waiting: int | None = None, most_ended: int | None = None
    ) -> tuple[TaskView, ...]:
        """Return the tasks that are open or have ended at this instant or later, in the order of acceptance.

        Args:
            most_waiting: of those that wait for a robot only so many, the first; all when None.
            most_ended: of those that have ended only so many, the latest; all when None.
        """
        book = self._context.book
        records: list[TaskRecord] = []
        for task_id in reversed(book.ended_tasks):
            task = book.tasks[task_id]
            if (task.finished_ns or 0) < finished_ns or len(records) == most_ended:
                break
            records.append(task)
        waiting = 0
        for task_id in book.open_tasks:
            task = book.tasks[task_id]
            if task.status is TaskStatus.QUEUED:
                waiting += 1
                if most_waiting is not None and waiting > most_waiting:
                    continue
            records.append(task)
        return self._views(sorted(records, key=lambda task: (task.submitted_ns, task.task_id)))

    def _following(self, after: TaskId | None, *, with_finished: bool) -> Iterator[TaskRecord]:
        is_there = after is None
        for task in self._context.book.tasks.values():
            if is_there and (with_finished or not task.status.is_final):
                yield task
            is_there = is_there or task.task_id == after

    def _views(self, records: Iterable[TaskRecord]) -> tuple[TaskView, ...]:
        now_ns = self._context.clock.now_ns()
        views = []
        for record in records:
            view = plain_view(record)
            with self._context.isolation.part(f"the view of {record.task_id}"):
                view = task_view(self._context, self._assigner, record, now_ns)
            views.append(view)
        return tuple(views)

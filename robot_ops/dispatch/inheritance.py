"""What an earlier fleet has left that this one cannot do: tasks at places or with robots that are gone."""

from robot_ops.dispatch.context import Context
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.ledger import Payload
from robot_ops.tasks.requests import TaskKind
from robot_ops.tasks.status import TaskStatus


class Inheritance:
    """Settles such tasks once, before the fleet begins."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._is_settled = False

    def settle(self) -> None:
        """End or release what cannot go on; further calls do nothing.

        Raises:
            LedgerError: a fact could not be written; call again.
        """
        if self._is_settled:
            return
        for task in self._context.book.open_records():
            with self._context.isolation.part(task.task_id):
                self._settle(task)
        self._is_settled = True

    def _settle(self, task: TaskRecord) -> None:
        places = self._context.site.places
        gone = [place for place in (task.pickup, task.request.destination) if place not in places]
        if gone:
            self._end(task, f"{gone[0]} is not in the site any more")
        elif task.robot is not None and task.robot not in self._context.robots:
            why = f"{task.robot} is not in the fleet any more"
            if task.is_picked_up or task.stranded_ns is not None:
                self._end(
                    task, f"{why} and had {'the visitor' if task.request.kind is TaskKind.GUIDE else 'the document'}"
                )
            elif task.cancel_reason is not None:
                self._end(task, why)
            else:
                payload: Payload = {"reason": why, "is_void": True, "is_robot_failure": False}
                self._context.journal.write(EventKind.RELEASED, task.task_id, payload)

    def _end(self, task: TaskRecord, why: str) -> None:
        is_canceled = task.cancel_reason is not None
        status = TaskStatus.CANCELED if is_canceled else TaskStatus.FAILED
        reason = f"{task.cancel_reason} ({why})" if is_canceled else why
        payload: Payload = {"status": status.value, "reason": reason, "is_void": True}
        self._context.journal.write(EventKind.STATUS, task.task_id, payload)
        if task.request.kind is TaskKind.DELIVER and task.is_picked_up:
            text = f"the document of {task.task_id} may still lie in {task.robot}: take it out"
            self._context.alarms.put(f"document/{task.robot}", text, is_error=True)

"""Whatever keeps a task from its end: after a while without any, an operator is told."""

from typing import Final

from robot_ops.core.clock import seconds_between
from robot_ops.dispatch.context import Context

OVERDUE_S: Final = 900.0
"""Seconds after what was promised at which an open task is an alarm."""
_PERIOD_S: Final = 10.0


class Overdue:
    """Watches the promises of all open tasks, so that none can stay open unseen, for whatever reason."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._looked_ns: int | None = None

    def step(self) -> None:
        """Raise or clear the alarm; looks at all tasks now and then only, for there may be thousands."""
        steady_ns = self._context.time.now_ns
        if self._looked_ns is not None and seconds_between(self._looked_ns, steady_ns) < _PERIOD_S:
            return
        self._looked_ns = steady_ns
        now_ns = self._context.clock.now_ns()
        late = [
            task for task in self._context.book.open_records() if seconds_between(task.promised_ns, now_ns) > OVERDUE_S
        ]
        text = ""
        if late:
            first = min(late, key=lambda task: (task.promised_ns, task.task_id))
            why = f": {first.reason}" if first.reason else ""
            count = "1 task is" if len(late) == 1 else f"{len(late)} tasks are"
            text = (
                f"{count} more than {OVERDUE_S / 60.0:.0f} minutes later than promised "
                f"({first.task_id} is {first.status.value}{why})"
            )
        self._context.alarms.set("late_tasks", bool(late), text)

"""Tasks as flat JSON records and as a table."""

from collections.abc import Iterable
from typing import Any

from robot_ops.bringup.output import show_table
from robot_ops.core.clock import seconds_between, to_ns
from robot_ops.dispatch.ports import TaskView
from robot_ops.tasks.status import TaskStatus


def task_record(task: TaskView) -> dict[str, Any]:
    """Return a task as flat JSON; times in seconds of the system's clock."""
    return {
        "task_id": task.task_id,
        "kind": task.request.kind.value,
        "status": task.status.value,
        "robot": task.robot,
        "phase": task.phase.value if task.phase else None,
        "reason": task.reason,
        "request_id": task.request.request_id,
        "pickup": task.request.pickup,
        "destination": task.request.destination,
        "submitted_s": _in_s(task.submitted_ns),
        "started_s": _in_s(task.started_ns),
        "finished_s": _in_s(task.finished_ns),
        "due_s": _in_s(task.request.due_ns),
        "estimated_finish_s": _in_s(task.estimated_finish_ns),
        "promised_s": _in_s(task.promised_ns),
        "is_stranded": task.is_stranded,
    }


def promise_record(tasks: Iterable[TaskView]) -> dict[str, Any]:
    """Return how the promises of completed tasks turned out; lateness in seconds, below 0 where it was early."""
    late = sorted(
        seconds_between(task.promised_ns, task.finished_ns)
        for task in tasks
        if task.status is TaskStatus.COMPLETED and task.finished_ns is not None and task.promised_ns is not None
    )
    return {
        "kept": sum(lateness <= 0.0 for lateness in late),
        "made": len(late),
        "lateness_median_s": _quantile(late, 0.5),
        "lateness_p90_s": _quantile(late, 0.9),
    }


def promise_text(record: dict[str, Any]) -> str:
    """Return a line for people about a `promise_record`."""
    if not record["made"]:
        return "promises: none has come due"
    median, late = record["lateness_median_s"], record["lateness_p90_s"]
    return f"promises: kept {record['kept']} of {record['made']}, lateness {median:+.0f} s median, {late:+.0f} s 90 %"


def _quantile(ascending: list[float], share: float) -> float | None:
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))] if ascending else None


def show_tasks(tasks: tuple[TaskView, ...], title: str = "Tasks") -> None:
    """Print tasks for people."""
    rows = [
        (
            task.task_id,
            task.status.value,
            task.robot or "-",
            task.phase.value if task.phase and not task.status.is_final else "-",
            f"{task.request.pickup} -> {task.request.destination}",
            _took(task),
            task.reason or "",
        )
        for task in tasks
    ]
    show_table(title, ["task", "status", "robot", "phase", "way", "took", "reason"], rows)


def _took(task: TaskView) -> str:
    if task.finished_ns is None:
        return "-"
    return f"{seconds_between(task.submitted_ns, task.finished_ns):.0f} s"


def _in_s(stamp_ns: int | None) -> float | None:
    return None if stamp_ns is None else stamp_ns / to_ns(1.0)

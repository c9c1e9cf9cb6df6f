"""What was done in a demo run: a table for people, a JSON report, and whether all that was due ended as it should."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_ops.bringup.output import json_text, say, show_table
from robot_ops.bringup.task_records import promise_record, promise_text, task_record
from robot_ops.core.clock import seconds_between
from robot_ops.dispatch.ports import TaskView
from robot_ops.tasks.requests import TaskKind
from robot_ops.tasks.status import TaskStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """One run.

    Attributes:
        expected: per request id the final statuses that would be right.
        end_ns: instant of the run's end.
        statistics: the simulated world's, flat.
    """

    scenario: str
    seed: int
    duration: float
    tasks: Sequence[TaskView]
    expected: Mapping[str, frozenset[TaskStatus]]
    end_ns: int
    statistics: Mapping[str, Any]

    def wrong(self) -> tuple[TaskView, ...]:
        """Return the tasks that ended wrongly, or were due within the run and did not end."""
        return tuple(task for task in self.tasks if self._is_wrong(task))

    def _is_wrong(self, task: TaskView) -> bool:
        if task.status.is_final:
            right = self.expected.get(task.request.request_id, frozenset({TaskStatus.COMPLETED}))
            return task.status not in right
        return task.request.due_ns is not None and task.request.due_ns <= self.end_ns

    @property
    def is_good(self) -> bool:
        """Return whether every task due within the run ended as it should and nothing collided."""
        collisions = sum(
            int(self.statistics.get(f"robot_{what}_collisions", 0)) for what in ("robot", "person", "world")
        )
        return bool(self.tasks) and not self.wrong() and collisions == 0

    def record(self) -> dict[str, Any]:
        """Return the report as values for `output.json_text`."""
        return {
            "format": 1,
            "scenario": self.scenario,
            "seed": self.seed,
            "duration_s": self.duration,
            "is_good": self.is_good,
            "tasks": {
                kind.value: dict(Counter(task.status.value for task in self.tasks if task.request.kind is kind))
                for kind in TaskKind
            },
            "wrong": [task.task_id for task in self.wrong()],
            "times_s": {kind.value: _times(self.tasks, kind) for kind in TaskKind},
            "promises": promise_record(self.tasks),
            "world": dict(self.statistics),
            "task_list": [task_record(task) for task in self.tasks],
        }

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json_text(self.record()), encoding="utf-8")

    def show(self) -> None:
        """Print the report for people."""
        rows = []
        for kind in TaskKind:
            counts = Counter(task.status for task in self.tasks if task.request.kind is kind)
            times = _times(self.tasks, kind)
            rows.append(
                (
                    kind.value,
                    sum(counts.values()),
                    counts[TaskStatus.COMPLETED],
                    counts[TaskStatus.FAILED],
                    counts[TaskStatus.CANCELED],
                    sum(number for status, number in counts.items() if not status.is_final),
                    _text(times["to_start_median"], "s"),
                    _text(times["total_median"], "s"),
                )
            )
        columns = ["task", "asked", "completed", "failed", "canceled", "open", "median wait", "median time"]
        show_table(f"{self.scenario}, seed {self.seed}, {self.duration:.0f} s", columns, rows)
        say(promise_text(promise_record(self.tasks)))
        world = self.statistics
        show_table(
            "World",
            ["measure", "value"],
            [
                ("real-time factor", _text(world.get("real_time_factor"), "")),
                ("collisions robot-robot / robot-person / robot-world", _collisions(world)),
                ("least distance between robots", _text(world.get("least_robot_robot"), "m")),
                ("least distance robot-person", _text(world.get("least_robot_person"), "m")),
                *((f"driven by {robot}", _text(meters, "m")) for robot, meters in world.get("distances", {}).items()),
            ],
        )
        for task in self.wrong():
            reason = f" ({task.reason})" if task.reason else ""
            say(f"not as it should be: {task.task_id} is {task.status.value}{reason}")


def _times(tasks: Sequence[TaskView], kind: TaskKind) -> dict[str, float | None]:
    done = [task for task in tasks if task.request.kind is kind and task.status is TaskStatus.COMPLETED]
    starts = [seconds_between(task.submitted_ns, task.started_ns) for task in done if task.started_ns is not None]
    totals = [seconds_between(task.submitted_ns, task.finished_ns) for task in done if task.finished_ns is not None]
    return {
        "to_start_median": _median(starts),
        "total_median": _median(totals),
        "total_max": max(totals, default=None),
    }


def _median(values: Sequence[float]) -> float | None:
    if not values:
        return None
    middle = sorted(values)
    half = len(middle) // 2
    return middle[half] if len(middle) % 2 else (middle[half - 1] + middle[half]) / 2


def _is_infinite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _text(value: float | None, unit: str) -> str:
    if value is None or _is_infinite(value):
        return "-"
    return f"{value:.2f} {unit}".strip()


def _collisions(world: Mapping[str, Any]) -> str:
    return " / ".join(str(world.get(f"robot_{what}_collisions", "-")) for what in ("robot", "person", "world"))

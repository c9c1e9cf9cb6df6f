"""What counts as a good run, and a report that any JSON reader takes."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from robot_ops.bringup.demo_report import DemoReport
from robot_ops.bringup.task_records import promise_record, promise_text
from robot_ops.core.clock import NS_PER_S
from robot_ops.core.ids import PersonId, PlaceId, RobotId, TaskId
from robot_ops.dispatch.ports import TaskView
from robot_ops.tasks.orders import MissionPhase
from robot_ops.tasks.requests import DeliveryRequest, GuidanceRequest, TaskRequest
from robot_ops.tasks.status import TaskStatus

END = 180 * NS_PER_S
NO_COLLISIONS = {f"robot_{what}_collisions": 0 for what in ("robot", "person", "world")}
FINAL = tuple(status for status in TaskStatus if status.is_final)
OPEN = tuple(status for status in TaskStatus if not status.is_final)


def request(name: str, *, due: float | None, is_delivery: bool) -> TaskRequest:
    due_ns = None if due is None else round(due * NS_PER_S)
    if is_delivery:
        return DeliveryRequest(
            request_id=name,
            pickup=PlaceId("counter_1"),
            destination=PlaceId("archive"),
            sender=PersonId("ada"),
            recipient=PersonId("mona"),
            document="file 1",
            due_ns=due_ns,
        )
    return GuidanceRequest(
        request_id=name, pickup=PlaceId("kiosk_1"), destination=PlaceId("counter_2"), language="en", due_ns=due_ns
    )


def task(
    status: TaskStatus,
    *,
    name: str = "one",
    due: float | None = None,
    times: tuple[float, float, float] = (10, 20, 70),
    is_delivery: bool = False,
) -> TaskView:
    submitted, started, finished = (round(at * NS_PER_S) for at in times)
    return TaskView(
        task_id=TaskId(f"task-{name}"),
        request=request(name, due=due, is_delivery=is_delivery),
        status=status,
        robot=RobotId("guide_1"),
        phase=MissionPhase.TO_PICKUP,
        reason="a [red] door" if status is TaskStatus.FAILED else "",
        submitted_ns=submitted,
        started_ns=started,
        finished_ns=finished if status.is_final else None,
        estimated_finish_ns=finished,
    )


def report(
    tasks: Sequence[TaskView],
    *,
    expected: dict[str, frozenset[TaskStatus]] | None = None,
    statistics: dict[str, Any] | None = None,
) -> DemoReport:
    return DemoReport(
        scenario="immigration_hall",
        seed=1,
        duration=180.0,
        tasks=tasks,
        expected=expected or {},
        end_ns=END,
        statistics=NO_COLLISIONS | (statistics or {}),
    )


@pytest.mark.parametrize("status", FINAL)
def test_who_knows_nothing_better_expects_completion(status: TaskStatus) -> None:
    assert report([task(status)]).is_good == (status is TaskStatus.COMPLETED)


@pytest.mark.parametrize("status", FINAL)
def test_a_visitor_who_walked_away_is_no_task_to_complete(status: TaskStatus) -> None:
    expected = {"one": frozenset({TaskStatus.FAILED, TaskStatus.CANCELED})}

    assert report([task(status)], expected=expected).is_good == (status is not TaskStatus.COMPLETED)


@pytest.mark.parametrize("status", OPEN)
@pytest.mark.parametrize(("due", "is_wrong"), [(None, False), (181.0, False), (180.0, True), (60.0, True)])
def test_open_tasks_are_wrong_once_they_are_due(status: TaskStatus, due: float | None, is_wrong: bool) -> None:
    found = report([task(status, due=due), task(TaskStatus.COMPLETED, name="two")])

    assert [each.task_id for each in found.wrong()] == (["task-one"] if is_wrong else [])
    assert found.is_good != is_wrong


def test_a_task_that_ended_late_ended_all_the_same() -> None:
    assert report([task(TaskStatus.COMPLETED, due=30.0)]).is_good


@pytest.mark.parametrize("what", ["robot", "person", "world"])
def test_a_collision_is_never_good(what: str) -> None:
    assert not report([task(TaskStatus.COMPLETED)], statistics={f"robot_{what}_collisions": 1}).is_good


def test_a_run_without_tasks_has_shown_nothing() -> None:
    assert not report([]).is_good


def refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def test_the_written_report_is_strict_json_with_all_that_was_measured(tmp_path: Path) -> None:
    statistics = {
        "real_time_factor": 1.01,
        "least_robot_robot": math.inf,
        "least_robot_person": 0.41,
        "distances": {"guide_1": 12.5, "guide_2": math.nan},
    }
    tasks = [
        task(TaskStatus.COMPLETED, name="a", times=(10, 20, 70)),
        task(TaskStatus.COMPLETED, name="b", times=(10, 40, 110)),
        task(TaskStatus.FAILED, name="c"),
        task(TaskStatus.UNDERWAY, name="d", is_delivery=True),
    ]
    file = tmp_path / "new" / "report.json"

    report(tasks, statistics=statistics).write(file)

    read = json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse)
    assert read["is_good"] is False
    assert read["tasks"] == {"guide": {"completed": 2, "failed": 1}, "deliver": {"underway": 1}}
    assert read["wrong"] == ["task-c"]
    assert read["times_s"]["guide"] == {"to_start_median": 20.0, "total_median": 80.0, "total_max": 100.0}
    assert read["times_s"]["deliver"] == {"to_start_median": None, "total_median": None, "total_max": None}
    assert read["world"]["least_robot_robot"] is None
    assert read["world"]["distances"] == {"guide_1": 12.5, "guide_2": None}
    assert [each["task_id"] for each in read["task_list"]] == ["task-a", "task-b", "task-c", "task-d"]


def test_people_read_what_went_wrong_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    report([task(TaskStatus.FAILED), task(TaskStatus.COMPLETED, name="two")]).show()

    out = capsys.readouterr().out
    assert "not as it should be: task-one is failed (a [red] door)" in out
    assert "real-time factor" in out
    row = next(line.split() for line in out.splitlines() if line.split()[:1] == ["guide"])
    assert row == ["guide", "2", "1", "1", "0", "0", "10.00", "s", "60.00", "s"]


def test_a_report_tells_how_promises_turned_out() -> None:
    late = replace(task(TaskStatus.COMPLETED), promised_ns=60 * NS_PER_S)
    early = replace(task(TaskStatus.COMPLETED, name="two"), promised_ns=100 * NS_PER_S)
    failed = replace(task(TaskStatus.FAILED, name="three"), promised_ns=1)

    record = promise_record([late, early, failed, task(TaskStatus.COMPLETED, name="four")])

    assert record == {"kept": 1, "made": 2, "lateness_median_s": 10.0, "lateness_p90_s": 10.0}
    assert promise_text(record) == "promises: kept 1 of 2, lateness +10 s median, +10 s 90 %"
    assert promise_text(promise_record([])) == "promises: none has come due"

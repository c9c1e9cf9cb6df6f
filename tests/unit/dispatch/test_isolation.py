"""A fault in the handling of one task or robot stops nothing else and is not hidden."""

import logging
from typing import Any

import pytest

from robot_ops.core.errors import LedgerError, StateError
from robot_ops.core.ids import PlaceId, RobotId, TaskId
from robot_ops.dispatch import assigner, listing, supervisor
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.memory_ledger import FailingLedger, MemoryLedger


@pytest.fixture
def stand() -> FleetStand:
    made = FleetStand()
    made.run(2.0)
    return made


def alarms(stand: FleetStand) -> dict[str, str]:
    return {alarm.alarm_id: alarm.severity for alarm in stand.fleet.alarms()}


def failing_for(what: str, original: Any) -> Any:
    """Return the function, failing where one of its arguments tells of the task or robot."""

    def function(*args: Any, **kwargs: Any) -> Any:
        if any(what in repr(value) for value in (*args[1:], *kwargs.values())):
            raise KeyError("a broken invariant")
        return original(*args, **kwargs)

    return function


def test_a_task_that_cannot_be_planned_stops_no_other(
    stand: FleetStand, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad = stand.guide("bad").task_id
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(assigner, "as_open_task", failing_for(f"task_id='{bad}'", assigner.as_open_task))
        good = stand.guide("good").task_id
        stand.run(60.0)
        assert stand.task(good).status is TaskStatus.COMPLETED
        assert stand.task(bad).status is TaskStatus.QUEUED
        assert alarms(stand) == {f"internal/{bad}": "error"}
    (record,) = caplog.records  # once, not at each of 120 steps
    assert record.exc_info is not None
    stand.run(60.0)
    assert stand.task(bad).status is TaskStatus.COMPLETED
    assert alarms(stand) == {}


def test_a_robot_that_cannot_be_watched_stops_no_other(stand: FleetStand, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = [stand.guide(f"g{number}").task_id for number in range(4)]
    monkeypatch.setattr(supervisor, "remaining_time", failing_for("id='guide_1'", supervisor.remaining_time))
    stand.run(200.0)
    assert {stand.task(task_id).status for task_id in accepted} == {TaskStatus.COMPLETED}
    assert {robot for _, robot in stand.robots.served} == {"guide_1", "guide_2"}


@pytest.mark.parametrize("error", [StateError("cannot be"), KeyError("gone"), ZeroDivisionError("so")])
def test_a_report_that_cannot_be_judged_stops_no_other(
    stand: FleetStand, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    outcomes = stand.fleet._outcomes
    original = outcomes.take

    def take(state: Any, report: Any) -> None:
        if report.mission_id == "guide-000001.1":
            raise error
        original(state, report)

    monkeypatch.setattr(outcomes, "take", take)
    ids = [stand.guide(f"g{number}", language=language).task_id for number, language in enumerate(["fr", "en"])]
    stand.run(60.0)
    assert stand.task(ids[1]).status is TaskStatus.COMPLETED
    assert stand.task(ids[0]).status is TaskStatus.STANDBY
    assert alarms(stand) == {"internal/reports of guide-000001.1": "error"}
    monkeypatch.undo()
    stand.run(10.0)
    assert stand.task(ids[0]).status is TaskStatus.COMPLETED
    assert alarms(stand) == {}


def test_when_planning_fails_tasks_are_accepted_and_robots_go_on(
    stand: FleetStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = stand.guide("running").task_id
    stand.run(2.0)

    def broken(*_args: Any, **_kwargs: Any) -> Any:
        raise IndexError("no plan")

    monkeypatch.setattr(assigner, "allocate", broken)
    waiting = stand.guide("waiting").task_id
    stand.run(60.0)
    assert stand.task(running).status is TaskStatus.COMPLETED
    assert stand.task(waiting).status is TaskStatus.QUEUED
    assert alarms(stand)["internal/planning"] == "error"
    monkeypatch.undo()
    stand.run(60.0)
    assert stand.task(waiting).status is TaskStatus.COMPLETED


def test_a_task_that_cannot_be_shown_is_shown_plainly(stand: FleetStand, monkeypatch: pytest.MonkeyPatch) -> None:
    task_id = stand.guide().task_id
    monkeypatch.setattr(listing, "task_view", failing_for(task_id, listing.task_view))
    assert stand.task(task_id).status is TaskStatus.QUEUED


def test_a_failing_ledger_is_no_internal_fault() -> None:
    stand = FleetStand(ledger=FailingLedger(MemoryLedger(), fail_before=frozenset(range(1, 50))))
    stand.run(2.0)
    stand.guide()
    stand.run(5.0)
    assert set(alarms(stand)) == {"ledger"}
    with pytest.raises(LedgerError):
        stand.guide("g2")


def test_what_an_earlier_site_has_left_is_settled(stand: FleetStand) -> None:
    """Between two fleets the site file has lost a place and a robot."""
    stand.robots.robots[RobotId("guide_1")].is_silent = True
    lost_place = stand.guide("place", destination=PlaceId("counter_2")).task_id
    lost_robot = stand.guide("robot", destination=PlaceId("counter_1"), language="fr").task_id
    carried = stand.deliver("document").task_id
    stand.run(20.0)
    courier = stand.task(carried).robot
    assert stand.task(lost_robot).robot == "guide_2" or stand.task(lost_place).robot == "guide_2"
    del stand.site.places[PlaceId("counter_2")]
    del stand.site.robots[RobotId("guide_2")]
    assert courier is not None
    del stand.site.robots[courier]
    stand.robots.robots = {robot: stand.robots.robots[robot] for robot in stand.site.robots}
    stand.robots.robots[RobotId("guide_1")].is_silent = False
    stand.restart_fleet()
    stand.run(80.0)
    assert stand.task(lost_place).reason == "counter_2 is not in the site any more"
    assert stand.task(carried).reason == f"{courier} is not in the fleet any more and had the document"
    ids: list[TaskId] = [lost_place, carried, lost_robot]
    assert all(stand.task(task_id).status.is_final for task_id in ids)
    assert not any(alarm.alarm_id.startswith("internal") for alarm in stand.fleet.alarms())

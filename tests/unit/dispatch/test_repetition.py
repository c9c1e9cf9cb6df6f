"""Clients and robots repeat themselves, out of order, and long after the end: nothing is done twice."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import MissionId, RobotId, TaskId
from robot_ops.dispatch.ports import RobotStatus
from robot_ops.tasks.orders import MissionOutcome, MissionPhase, MissionReport
from robot_ops.tasks.routes import RouteProgress
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand, delivery, guidance

HOUR = 3_600_000_000_000


class Tape:
    """Passes on what robots say and keeps it."""

    def __init__(self, stand: FleetStand) -> None:
        self.stand = stand
        self.heard: list[RobotStatus | RouteProgress | MissionReport] = []

    def on_status(self, status: RobotStatus) -> None:
        self.heard.append(status)
        self.stand.fleet.on_status(status)

    def on_progress(self, progress: RouteProgress) -> None:
        self.heard.append(progress)
        self.stand.fleet.on_progress(progress)

    def on_report(self, report: MissionReport) -> None:
        self.heard.append(report)
        self.stand.fleet.on_report(report)

    def play(self, message: RobotStatus | RouteProgress | MissionReport) -> None:
        match message:
            case RobotStatus():
                self.stand.fleet.on_status(message)
            case RouteProgress():
                self.stand.fleet.on_progress(message)
            case MissionReport():
                self.stand.fleet.on_report(message)

    def run(self, seconds: float, step: float = 0.5) -> None:
        for _ in range(round(seconds / step)):
            self.stand.clock.advance(step)
            self.stand.robots.work()
            self.stand.robots.speak(self)
            self.stand.fleet.step()


@pytest.fixture
def stand() -> FleetStand:
    made = FleetStand()
    made.run(2.0)
    return made


@pytest.mark.parametrize("wait", [0.0, 1.0, 12.0, 60.0], ids=["queued", "underway", "with cargo", "ended"])
def test_a_request_is_the_same_task_whenever_it_is_repeated(stand: FleetStand, wait: float) -> None:
    requests = (guidance("g"), delivery("d"))
    answers = [stand.fleet.submit(request) for request in requests]
    if wait:
        stand.run(wait)
    digest = stand.fleet.ledger_digest
    for _ in range(3):
        assert [stand.fleet.submit(request) for request in requests] == answers
    stand.restart_fleet()
    assert [stand.fleet.submit(request) for request in requests] == answers
    assert stand.fleet.ledger_digest == digest
    for other in (guidance("g", party_size=3), guidance("d"), delivery("g"), delivery("d", document="another")):
        with pytest.raises(RequestError, match="was used for another request") as caught:
            stand.fleet.submit(other)
        assert caught.value.where == "request_id"
    assert stand.fleet.ledger_digest == digest


def test_a_request_that_would_now_be_refused_is_still_answered_as_before(stand: FleetStand) -> None:
    request = guidance("g", due_ns=stand.clock.now_ns() + 60_000_000_000)
    answer = stand.fleet.submit(request)
    stand.run(120.0)
    assert stand.fleet.submit(request) == answer


def test_reports_in_any_order_have_the_same_end(stand: FleetStand) -> None:
    now_ns = stand.clock.now_ns()
    reports = [
        MissionReport(
            robot=RobotId("guide_2"),
            mission_id=MissionId("guide-000001.1"),
            task_id=TaskId("guide-000001"),
            phase=phase,
            outcome=outcome,
            reason="",
            has_cargo=phase is MissionPhase.LEADING,
            stamp_ns=now_ns + number,
        )
        for number, (phase, outcome) in enumerate(
            [
                (MissionPhase.TO_PICKUP, None),
                (MissionPhase.LEADING, None),
                (MissionPhase.FAREWELL, None),
                (MissionPhase.DONE, MissionOutcome.COMPLETED),
            ]
        )
    ]
    for order in itertools.permutations(reports):
        made = FleetStand()
        made.run(2.0)
        task_id = made.guide(language="fr").task_id
        made.fleet.step()
        for report in order:
            made.fleet.on_report(report)
            made.fleet.on_report(report)
        made.fleet.step()
        task = made.task(task_id)
        assert (task.status, task.robot) == (TaskStatus.COMPLETED, "guide_2")


def test_an_end_is_never_taken_back(stand: FleetStand) -> None:
    tape = Tape(stand)
    ids = [stand.guide().task_id, stand.deliver().task_id]
    tape.run(60.0)
    digest = stand.fleet.ledger_digest
    ended = [message for message in tape.heard if isinstance(message, MissionReport) and message.task_id in ids]
    late = stand.clock.now_ns()
    for report in ended:
        for outcome in (None, MissionOutcome.FAILED, MissionOutcome.CANCELED):
            stand.fleet.on_report(replace(report, outcome=outcome, reason="late", stamp_ns=late + HOUR))
    stand.fleet.step()
    assert stand.fleet.ledger_digest == digest
    assert {stand.task(task_id).status for task_id in ids} == {TaskStatus.COMPLETED}


def test_an_hour_of_silence_then_old_news(stand: FleetStand) -> None:
    """A guide and a courier fall silent with their tasks; everything that they said comes again after an hour."""
    tape = Tape(stand)
    guide, deliver = stand.guide(language="fr").task_id, stand.deliver().task_id
    tape.run(5.0)
    early = list(tape.heard)
    tape.run(15.0)
    courier = stand.task(deliver).robot
    assert courier is not None
    for robot in (RobotId("guide_2"), courier):
        stand.robots.robots[robot].is_silent = True
        stand.robots.robots[robot].phase_ends_ns += 2 * HOUR
    stand.robots.robots[RobotId("guide_1")].is_silent = True  # nobody else speaks French
    tape.run(3600.0, step=4.0)
    assert stand.task(guide).status is TaskStatus.QUEUED
    assert stand.task(deliver).status is TaskStatus.BLOCKED
    for message in early:
        tape.play(message)
    stand.fleet.step()
    assert stand.task(guide).status is not TaskStatus.COMPLETED
    assert stand.task(deliver).robot == courier
    for robot in stand.robots.robots.values():
        robot.is_silent = False
        robot.phase_ends_ns = stand.clock.now_ns() + 1_000_000_000
    for message in early:
        tape.play(message)
        stand.fleet.step()
    tape.run(150.0)
    assert {stand.task(task_id).status for task_id in (guide, deliver)} == {TaskStatus.COMPLETED}
    assert sorted(task_id for task_id, _ in stand.robots.served) == sorted([guide, deliver])


def test_ten_thousand_repeated_messages_change_nothing(stand: FleetStand) -> None:
    tape = Tape(stand)
    ids = [stand.guide().task_id, stand.deliver().task_id]
    tape.run(20.0)
    rng = np.random.default_rng(7)
    before, served = stand.fleet.ledger_digest, list(stand.robots.served)
    tasks = stand.fleet.tasks(with_finished=True)
    for index in rng.integers(0, len(tape.heard), size=10_000):
        tape.play(tape.heard[index])
    for _ in range(5):
        for request, answered in zip((guidance(), delivery()), ids, strict=True):
            assert stand.fleet.submit(request).task_id == answered
    stand.fleet.step()
    assert stand.fleet.ledger_digest == before
    assert [(task.task_id, task.status) for task in tasks] == [
        (task.task_id, task.status) for task in stand.fleet.tasks(with_finished=True)
    ]
    assert stand.robots.served == served
    tape.run(60.0)
    assert {stand.task(task_id).status for task_id in ids} == {TaskStatus.COMPLETED}
    assert len(stand.robots.served) == 2

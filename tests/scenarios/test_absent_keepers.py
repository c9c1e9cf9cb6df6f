"""The keeper of an exchange does not come: the document goes back, or the record and an alarm say who has it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import PersonId
from robot_ops.core.resources import shared_folder
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.simulation.deterministic import DeterministicRun
from robot_ops.simulation.scenario import load_scenario
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.custody import CustodyEvent, CustodyKind
from robot_ops.tasks.requests import DeliveryRequest
from robot_ops.tasks.status import TaskStatus

KEEPER = PersonId("porter_gus")
FOR_EVER = to_ns(1e6)
_HANDS = (CustodyKind.LOADED, CustodyKind.HANDED_OVER, CustodyKind.RETURNED, CustodyKind.RECEIPT)


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[DeterministicRun]:
    """Two floors with documents only, which must all change couriers."""
    floors = load_scenario(shared_folder("sim") / "scenarios" / "two_floors.yaml")
    assert floors.delivery is not None
    delivery = replace(floors.delivery, staff=(PersonId("clerk_chen"), PersonId("officer_emil")))
    with ExitStack() as stack:
        yield DeterministicRun(
            replace(floors, guidance=None, delivery=delivery, walking=0),
            ledger=stack.enter_context(SqlLedger(sqlite_url(tmp_path / "ledger.sqlite"))),
            custody=lambda robot: stack.enter_context(SqliteCustodyLog(robot, tmp_path / f"{robot}.sqlite")),
            behaviors=shared_folder("behaviors"),
            seed=1,
        )


def hands(simulation: DeterministicRun) -> list[tuple[CustodyKind, PersonId]]:
    """Return who had the document, by all robots' records."""
    events: list[CustodyEvent] = [each for station in simulation.stations.values() for each in station.custody.events()]
    events.sort(key=lambda event: event.stamp_ns)
    return [(event.kind, event.person) for event in events if event.kind in _HANDS]


def fleet_of(simulation: DeterministicRun) -> Dispatcher:
    assert simulation.fleet.dispatcher is not None
    return simulation.fleet.dispatcher


def the_task(simulation: DeterministicRun) -> tuple[TaskRecord, DeliveryRequest]:
    (task,) = fleet_of(simulation)._context.book.tasks.values()
    assert isinstance(task.request, DeliveryRequest)
    return task, task.request


def run_until_ended(simulation: DeterministicRun, limit: float = 3600.0) -> tuple[TaskRecord, DeliveryRequest]:
    left = limit
    while left > 0.0 and not the_task(simulation)[0].status.is_final:
        simulation.go_on(10.0)
        left -= 10.0
    assert simulation.watcher.broken is None
    return the_task(simulation)


def run_until_kept(simulation: DeterministicRun) -> None:
    """Run until the keeper has the document."""
    simulation.begin()
    simulation.go_on(60.0)
    simulation.population.stop_asking()
    for _ in range(100):
        if (CustodyKind.HANDED_OVER, KEEPER) in hands(simulation):
            return
        simulation.go_on(5.0)
    raise AssertionError("the document does not come to the exchange")


def test_nobody_takes_it_at_the_exchange(simulation: DeterministicRun) -> None:
    simulation.begin()
    simulation.population.send_away(KEEPER, FOR_EVER)
    simulation.go_on(60.0)
    simulation.population.stop_asking()
    task, request = run_until_ended(simulation)
    assert task.status is TaskStatus.FAILED
    assert task.reason == "the keeper of the exchange did not come; returned to the sender"
    assert task.kept_by is None
    assert hands(simulation) == [(CustodyKind.LOADED, request.sender), (CustodyKind.RETURNED, request.sender)]
    simulation.go_on(30.0)
    assert fleet_of(simulation).alarms() == ()


def test_nobody_gives_it_to_the_next_robot(simulation: DeterministicRun) -> None:
    run_until_kept(simulation)
    simulation.population.send_away(KEEPER, FOR_EVER)
    for _ in range(100):
        if the_task(simulation)[0].robot_failures > 0:
            break
        simulation.go_on(10.0)
    task, request = the_task(simulation)
    simulation.go_on(5.0)
    texts = {alarm.alarm_id: alarm.text for alarm in fleet_of(simulation).alarms()}
    assert "did not give it to a robot: call them" in texts[f"kept/{task.task_id}"]
    task, _ = run_until_ended(simulation)
    assert (task.status, task.kept_by, task.robot_failures) == (TaskStatus.FAILED, KEEPER, 2)
    assert task.reason.endswith("porter_gus has the document")
    assert hands(simulation) == [(CustodyKind.LOADED, request.sender), (CustodyKind.HANDED_OVER, KEEPER)]
    simulation.go_on(5.0)
    texts = {alarm.alarm_id: alarm.text for alarm in fleet_of(simulation).alarms()}
    assert "which has failed: have it brought on by hand" in texts[f"kept/{task.task_id}"]


def test_one_who_comes_in_the_end_gives_it_to_the_second_robot_that_asks(simulation: DeterministicRun) -> None:
    run_until_kept(simulation)
    simulation.population.send_away(KEEPER, simulation.scheduler.now_ns() + to_ns(500.0))
    task, request = run_until_ended(simulation)
    assert (task.status, task.robot_failures) == (TaskStatus.COMPLETED, 1)
    assert hands(simulation)[-2:] == [(CustodyKind.LOADED, KEEPER), (CustodyKind.RECEIPT, request.recipient)]
    simulation.go_on(5.0)
    assert fleet_of(simulation).alarms() == ()

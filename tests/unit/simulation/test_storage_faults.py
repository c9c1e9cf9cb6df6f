from functools import partial

import numpy as np
import pytest

from robot_ops.core.errors import LedgerError
from robot_ops.core.ids import NodeId, PersonId, RobotId, RouteId, TaskId
from robot_ops.simulation.storage_faults import (
    DiskTrouble,
    FallibleCustodyLog,
    FallibleHoldings,
    FallibleLedger,
    ProcessKilled,
)
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, link
from robot_ops.tasks.ledger import LedgerEvent
from robot_ops.tasks.routes import RouteProgress
from robot_ops.testing.memory_ledger import MemoryLedger


def event(number: int) -> LedgerEvent:
    return LedgerEvent(event_id=f"e{number}", kind="kind", subject="s", stamp_ns=number, payload={})


class MemoryCustody:
    def __init__(self) -> None:
        self.kept: list[CustodyEvent] = []

    def record(
        self, *, kind: CustodyKind, task_id: TaskId, person: PersonId, compartment: str, stamp_ns: int
    ) -> CustodyEvent:
        made = link(
            self.kept[-1] if self.kept else None,
            robot=RobotId("r1"),
            kind=kind,
            task_id=task_id,
            person=person,
            compartment=compartment,
            stamp_ns=stamp_ns,
        )
        self.kept.append(made)
        return made

    def events(self, task_id: TaskId | None = None) -> tuple[CustodyEvent, ...]:
        return tuple(self.kept)


def test_without_trouble_all_is_written_and_told_once() -> None:
    told: list[str] = []
    ledger = FallibleLedger(MemoryLedger(), DiskTrouble(), lambda written: told.append(written.event_id))
    ledger.append(event(1), event(2))
    ledger.append(event(2))
    assert [each.event_id for each in ledger.events()] == told == ["e1", "e2"]


def test_failing_writes_are_on_disk_or_not_and_always_tell() -> None:
    told: list[str] = []
    trouble = DiskTrouble(failing={0: (1.0, np.random.default_rng(1))})
    ledger = FallibleLedger(MemoryLedger(), trouble, lambda written: told.append(written.event_id))
    for number in range(40):
        with pytest.raises(LedgerError):
            ledger.append(event(number))
    assert 5 < len(told) < 35
    assert [each.event_id for each in ledger.events()] == told


@pytest.mark.parametrize("is_written", [True, False])
def test_a_process_dies_once_before_or_after_its_write(is_written: bool) -> None:
    trouble = DiskTrouble(kills={7: is_written})
    ledger = FallibleLedger(MemoryLedger(), trouble, lambda _event: None)
    with pytest.raises(ProcessKilled):
        ledger.append(event(1))
    assert len(list(ledger.events())) == int(is_written)
    ledger.append(event(2))
    assert [each.event_id for each in ledger.events()][-1] == "e2"


@pytest.mark.parametrize("is_written", [True, False])
def test_custody_logs_die_alike(is_written: bool) -> None:
    told: list[CustodyEvent] = []
    trouble = DiskTrouble(kills={7: is_written})
    log = FallibleCustodyLog(MemoryCustody(), trouble, told.append)
    record = partial(log.record, task_id=TaskId("t"), person=PersonId("ada"), compartment="1", stamp_ns=1)
    with pytest.raises(ProcessKilled):
        record(kind=CustodyKind.AUTHENTICATED)
    record(kind=CustodyKind.UNLOCKED)
    assert list(log.events()) == told
    assert [each.seq for each in log.events(TaskId("t"))] == list(range(1 + int(is_written)))
    assert log.latest(1) == (told[-1],)


def test_holdings_that_could_not_be_saved_are_the_former() -> None:
    trouble = DiskTrouble()
    holdings = FallibleHoldings(trouble)
    held = RouteProgress(robot=RobotId("r1"), stamp_ns=0, route_id=RouteId(""), reached=0, held=(NodeId("a"),))
    holdings.save([held])
    trouble.kills[0] = False
    with pytest.raises(ProcessKilled):
        holdings.save([])
    assert holdings.load() == (held,)

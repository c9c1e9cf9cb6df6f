"""A robot's custody log that was cut, emptied or replaced is refused, and can be made anew from the fleet's copy."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from robot_ops.core.errors import BackupError, LedgerError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.ledger.archive import archive
from robot_ops.ledger.custody_copy import copy_custody
from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.tasks.custody import CustodyEvent, CustodyKind
from robot_ops.tasks.events import EventKind, custody_payload
from robot_ops.tasks.ledger import LedgerEvent

ROBOT = RobotId("courier_1")


def record(path: Path, count: int, *, robot: RobotId = ROBOT, person: str = "eve") -> tuple[CustodyEvent, ...]:
    """Open the log, record so many events more, and return all."""
    with SqliteCustodyLog(robot, path) as log:
        for number in range(count):
            log.record(
                kind=CustodyKind.REFUSED,
                task_id=TaskId("deliver-000001"),
                person=PersonId(person),
                compartment="c1",
                stamp_ns=number,
            )
        return log.events()


def cut(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM custody WHERE seq >= 3")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def put_back_older(path: Path) -> None:
    shutil.copy(path.with_name("older.sqlite"), path)


def put_another(path: Path) -> None:
    shutil.copy(path.with_name("other.sqlite"), path)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (cut, "has 3 events where 4 were written"),
        (empty, "has 0 events where 4 were written"),
        (put_back_older, "has 2 events where 4 were written"),
        (put_another, "was replaced"),
    ],
)
def test_a_log_that_lacks_what_was_written_is_refused(
    tmp_path: Path, damage: Callable[[Path], None], told: str
) -> None:
    path, older, other = (tmp_path / f"{name}.sqlite" for name in ("log", "older", "other"))
    record(path, 2)
    shutil.copy(path, older)
    record(path, 2)
    record(other, 5, person="mallory")
    damage(path)
    with pytest.raises(LedgerError, match=f"{told}.*robot-ops ledger custody courier_1") as caught:
        record(path, 0)
    assert str(path) in str(caught.value)
    Path(f"{path}.lock").unlink()  # as the message says
    record(path, 1)


def test_a_log_is_taken_as_it_was_left(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    for count in range(3):
        assert len(record(path, count)) == sum(range(count + 1))


def test_a_log_from_before_there_were_witnesses_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    record(path, 3)
    Path(f"{path}.lock").write_bytes(b"")
    assert len(record(path, 0)) == 3
    cut(path)
    record(path, 0)  # it has three, as there were
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM custody WHERE seq = 2")
    with pytest.raises(LedgerError, match="has 2 events where 3 were written"):
        record(path, 0)


def fleet_copy(path: Path, events: tuple[CustodyEvent, ...]) -> None:
    with SqlLedger(sqlite_url(path)) as ledger:
        for event in events:
            ledger.append(
                LedgerEvent(
                    event_id=f"{event.robot}#{event.seq}",
                    kind=EventKind.CUSTODY.value,
                    subject=event.robot,
                    stamp_ns=event.seq,
                    payload=custody_payload(event),
                )
            )


def test_it_is_made_anew_from_the_fleets_ledger(tmp_path: Path) -> None:
    events = record(tmp_path / "log.sqlite", 5)
    others = record(tmp_path / "other.sqlite", 3, robot=RobotId("courier_2"))
    fleet_copy(tmp_path / "ledger.sqlite", (*events, *others))
    head = copy_custody(str(tmp_path / "ledger.sqlite"), ROBOT, tmp_path / "new.sqlite")
    assert (head.count, head.digest) == (5, events[-1].digest)
    assert record(tmp_path / "new.sqlite", 0) == events
    assert record(tmp_path / "new.sqlite", 1)[-1].previous == events[-1].digest
    with pytest.raises(BackupError, match="there already"):
        copy_custody(str(tmp_path / "ledger.sqlite"), ROBOT, tmp_path / "new.sqlite")
    with pytest.raises(BackupError, match="no custody event of courier_9"):
        copy_custody(str(tmp_path / "ledger.sqlite"), RobotId("courier_9"), tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()


def test_what_is_archived_of_it_comes_from_the_archive(tmp_path: Path) -> None:
    events = record(tmp_path / "log.sqlite", 5)
    ledger, old = tmp_path / "ledger.sqlite", tmp_path / "old.json.gz"
    fleet_copy(ledger, events)
    with SqlLedger(sqlite_url(ledger)) as opened:
        archive(opened, before_ns=3, file=old, now_ns=100)
    with pytest.raises(BackupError, match="lacks event 0 of courier_1's chain"):
        copy_custody(str(ledger), ROBOT, tmp_path / "new.sqlite")
    assert copy_custody(str(ledger), ROBOT, tmp_path / "new.sqlite", [old]).count == 5
    assert record(tmp_path / "new.sqlite", 0) == events

"""The SQL ledger passes the port's kit, is durable, has one writer and shows tampering."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from robot_ops.core.errors import LedgerError
from robot_ops.core.ids import RobotId
from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.ledger.places import MEMORY_URL, sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.tasks.ledger import Ledger
from robot_ops.testing.ledger_kit import (
    check_custody_log,
    check_custody_log_is_durable,
    check_ledger,
    check_ledger_is_durable,
    sample_event,
)
from robot_ops.testing.memory_ledger import MemoryLedger


def test_sqlite_file_conforms(tmp_path: Path) -> None:
    check_ledger(lambda name: SqlLedger(sqlite_url(tmp_path / f"{name}.db")))
    check_ledger_is_durable(lambda name: SqlLedger(sqlite_url(tmp_path / f"{name}.db")))


def test_sqlite_in_memory_conforms() -> None:
    check_ledger(lambda _name: SqlLedger(MEMORY_URL))


def test_memory_ledger_conforms() -> None:
    @contextmanager
    def opened(_name: str) -> Iterator[Ledger]:
        yield MemoryLedger()

    check_ledger(opened)


def test_digests_of_memory_and_sql_are_equal() -> None:
    memory = MemoryLedger()
    events = [sample_event(number) for number in range(4)]
    memory.append(*events)
    with SqlLedger(MEMORY_URL) as ledger:
        ledger.append(*events)
        assert ledger.digest() == memory.digest()


def test_second_writer_is_refused(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "ledger.db")
    with SqlLedger(url) as ledger:
        ledger.append(sample_event(1))
        with pytest.raises(LedgerError, match="in use by another process"), SqlLedger(url):
            pass
        other = (
            "import sys\nfrom robot_ops.ledger.sql_ledger import SqlLedger\n"
            "from robot_ops.core.errors import LedgerError\n"
            "try:\n    SqlLedger(sys.argv[1]).__enter__()\nexcept LedgerError as error:\n    print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", other, url], capture_output=True, text=True, timeout=60, check=True
        )
        assert "in use by another process" in done.stdout
        ledger.append(sample_event(2))
    with SqlLedger(url) as ledger:
        assert len(list(ledger.events())) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = '{}' WHERE seq = 1",
        "UPDATE events SET stamp_ns = 5 WHERE seq = 0",
        "DELETE FROM events WHERE seq = 1",
        "UPDATE events SET payload = 'x' WHERE seq = 2",
        "UPDATE events SET digest = 'x' WHERE seq = 2",
    ],
)
def test_tampering_is_found(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "ledger.db"
    with SqlLedger(sqlite_url(path)) as ledger:
        ledger.append(*(sample_event(number) for number in range(3)))
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(LedgerError, match=r"damaged|was replaced"), SqlLedger(sqlite_url(path)) as ledger:
        list(ledger.events())


def test_wal_and_full_sync(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with SqlLedger(sqlite_url(path)) as ledger:
        ledger.append(sample_event(1))
        assert (tmp_path / "ledger.db-wal").exists()


def test_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("this is no database, " * 100)
    with pytest.raises(LedgerError, match="cannot be opened"), SqlLedger(sqlite_url(path)):
        pass


def test_custody_file_is_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "custody.db"
    with SqliteCustodyLog(RobotId("courier_1"), path):
        pass
    with pytest.raises(LedgerError, match="robot_ops_custody version 1"), SqlLedger(sqlite_url(path)):
        pass


def test_other_schema_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with SqlLedger(sqlite_url(path)):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_version SET version = '99'")
    connection.close()
    with pytest.raises(LedgerError, match="version 99"), SqlLedger(sqlite_url(path)):
        pass


def test_missing_folder_and_bad_url_are_told(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be opened"), SqlLedger(sqlite_url(tmp_path / "no" / "ledger.db")):
        pass
    with pytest.raises(LedgerError, match="no database URL"), SqlLedger("nonsense"):
        pass


def test_a_locked_database_fails_and_the_ledger_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robot_ops.ledger.database.BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "ledger.db"
    with SqlLedger(sqlite_url(path)) as ledger:
        ledger.append(sample_event(1))
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked"):
            ledger.append(sample_event(2))
        blocker.execute("ROLLBACK")
        blocker.close()
        ledger.append(sample_event(2))
        assert [event.event_id for event in ledger.events()] == ["event-1", "event-2"]


def test_a_closed_ledger_refuses() -> None:
    with pytest.raises(LedgerError, match="not open"):
        SqlLedger(MEMORY_URL).append(sample_event(1))


def test_custody_log_conforms(tmp_path: Path) -> None:
    check_custody_log(lambda name, robot: SqliteCustodyLog(robot, tmp_path / f"{name}.db"))
    check_custody_log_is_durable(lambda name, robot: SqliteCustodyLog(robot, tmp_path / f"{name}.db"))
    check_custody_log(lambda _name, robot: SqliteCustodyLog(robot, None))


def test_custody_log_of_another_robot_or_changed_is_refused(tmp_path: Path) -> None:
    check_custody_log(lambda name, robot: SqliteCustodyLog(robot, tmp_path / f"{name}.db"))
    path = tmp_path / "custody.db"
    with (
        pytest.raises(LedgerError, match="of courier_1, not of courier_2"),
        SqliteCustodyLog(RobotId("courier_2"), path),
    ):
        pass
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE custody SET person = 'mallory' WHERE seq = 2")
    connection.close()
    with pytest.raises(LedgerError, match="broken at event 2"), SqliteCustodyLog(RobotId("courier_1"), path):
        pass

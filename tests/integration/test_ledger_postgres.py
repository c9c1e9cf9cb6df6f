"""The ledger in a real PostgreSQL server: the port's kit, one writer, lost connections, crashes, backups, archives."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.archive import archive
from robot_ops.ledger.backup import back_up, restore
from robot_ops.ledger.places import shown, sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.ledger.summary import summarized
from robot_ops.ledger.verification import verify
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.ledger_kit import check_ledger, check_ledger_is_durable, sample_event
from robot_ops.testing.memory_ledger import MemoryLedger
from robot_ops.testing.postgres_server import NoPostgresError, PostgresServer, postgres_server

APPENDER = """
import sys
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.testing.ledger_kit import sample_event
with SqlLedger(sys.argv[1]) as ledger:
    number = len(list(ledger.events()))
    while True:
        ledger.append(*(sample_event(number + part) for part in range(3)))
        number += 3
        print(number, flush=True)
"""
OPENER = """
import sys
from robot_ops.core.errors import LedgerError
from robot_ops.ledger.sql_ledger import SqlLedger
try:
    SqlLedger(sys.argv[1]).__enter__()
except LedgerError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    try:
        with postgres_server() as running:
            yield running
    except NoPostgresError as error:
        pytest.skip(str(error))


def ids(ledger: SqlLedger) -> list[str]:
    return [event.event_id for event in ledger.events()]


def test_it_conforms(server: PostgresServer) -> None:
    urls: dict[str, str] = {}

    def opened(name: str) -> SqlLedger:
        return SqlLedger(urls.setdefault(name, server.new_place()))

    check_ledger(opened)
    check_ledger_is_durable(opened)


def test_digests_equal_those_of_memory(server: PostgresServer) -> None:
    memory = MemoryLedger()
    with SqlLedger(server.new_place()) as ledger:
        for number in range(20):
            memory.append(sample_event(number))
            ledger.append(sample_event(number))
        assert ledger.digest() == memory.digest()


def test_a_second_writer_is_refused_until_the_first_has_ended(server: PostgresServer) -> None:
    url = server.new_place()
    with SqlLedger(url) as ledger:
        ledger.append(sample_event(1))
        with pytest.raises(LedgerError, match="in use by another process"), SqlLedger(url):
            pass
        done = subprocess.run(
            [sys.executable, "-c", OPENER, url], capture_output=True, text=True, timeout=60, check=True
        )
        assert "in use by another process" in done.stdout, done.stderr
        ledger.append(sample_event(2))
    with SqlLedger(url) as ledger:
        assert ids(ledger) == ["event-1", "event-2"]


def test_with_the_connection_the_lock_is_lost_and_nothing_is_written(server: PostgresServer) -> None:
    url = server.new_place()
    with SqlLedger(url) as first:
        first.append(sample_event(1))
        server.cut_off()
        with SqlLedger(url) as second:  # a second dispatcher takes over
            second.append(sample_event(2))
            with pytest.raises(LedgerError, match="writing the ledger failed"):
                first.append(sample_event(3))
            for _ in range(3):
                with pytest.raises(LedgerError, match="in use by another process"):
                    first.append(sample_event(3))
            assert ids(second) == ["event-1", "event-2"]
        # the second has gone: the first goes on from what that has written
        first.append(sample_event(3))
        assert ids(first) == ["event-1", "event-2", "event-3"]


def test_a_crash_of_the_server_loses_nothing(server: PostgresServer) -> None:
    url = server.new_place()
    with SqlLedger(url) as ledger:
        ledger.append(*(sample_event(number) for number in range(5)))
        digest = ledger.digest()
        server.crash()
        try:
            for _ in range(2):
                with pytest.raises(LedgerError):
                    ledger.append(sample_event(5))
        finally:
            server.start()
        assert len(ids(ledger)) == 5
        assert ledger.digest() == digest
        ledger.append(sample_event(5))
    assert summarized(url).event_count == 6


def test_killed_writers_leave_whole_groups_and_all_that_was_acknowledged(server: PostgresServer) -> None:
    url = server.new_place()
    for round_number in range(4):
        acknowledged = append_and_kill(url, after=2 + 3 * round_number)
        with SqlLedger(url) as ledger:
            found = ids(ledger)
        assert len(found) % 3 == 0
        assert found == [f"event-{number}" for number in range(len(found))]
        assert len(found) in (acknowledged, acknowledged + 3)


def append_and_kill(url: str, *, after: int) -> int:
    """Have a process append, kill it some acknowledgments later, and return the number that it last told."""
    with subprocess.Popen([sys.executable, "-c", APPENDER, url], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        lines = []
        for _ in range(after):
            assert select.select([child.stdout], [], [], 60.0)[0]
            lines.append(int(child.stdout.readline()))
        os.kill(child.pid, signal.SIGKILL)
        rest = child.stdout.read().split("\n")[:-1]  # the last line is whole only if it has its end
    return [*lines, *map(int, rest)][-1]


def test_a_sqlite_ledger_moves_there_and_back(server: PostgresServer, tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqlLedger(sqlite_url(path)) as ledger:
        ledger.append(*(sample_event(number) for number in range(2500)))
        digest = ledger.digest()
    url = server.new_place()
    assert restore(path, url) == (2500, digest)
    with SqlLedger(url) as ledger:  # it is backed up while it is being written
        assert back_up(url, tmp_path / "backup.json.gz") == (2500, digest)
        ledger.append(sample_event(3000))
    assert restore(tmp_path / "backup.json.gz", str(tmp_path / "again.sqlite")) == (2500, digest)


def test_archiving_there(server: PostgresServer, tmp_path: Path) -> None:
    url = server.new_place()
    with SqlLedger(url) as ledger:
        stand = FleetStand(ledger=ledger)
        stand.guide("old")
        stand.run(200)
        cut_ns = stand.clock.now_ns()
        stand.run(1)
        stand.guide("new")
        done = archive(ledger, before_ns=cut_ns, file=tmp_path / "old.gz", now_ns=stand.clock.now_ns())
        assert done.task_count == 1
        stand.restart_fleet()
        assert [task.task_id for task in stand.fleet.tasks(with_finished=True)] == ["guide-000002"]
        stand.run(5)
    found = verify(url, [tmp_path / "old.gz"])
    assert found.missing == ()
    assert (found.task_count, found.open_count) == (2, 1)


def test_version_1_is_migrated(server: PostgresServer) -> None:
    url = server.new_place()
    with SqlLedger(url) as ledger:
        ledger.append(sample_event(1))
        digest = ledger.digest()
    server.execute("DROP TABLE archived_runs", url)
    server.execute("UPDATE schema_version SET version = '1'", url)
    assert summarized(url).version == 1
    with SqlLedger(url) as ledger:
        assert ledger.digest() == digest
        ledger.append(sample_event(2))
    assert summarized(url).version == 2


def test_who_is_not_there_is_told_without_the_password(server: PostgresServer) -> None:
    url = f"postgresql://robot_ops:secret@/nowhere?host={server.folder}"
    assert "secret" not in shown(url)
    with pytest.raises(LedgerError, match="nowhere") as caught, SqlLedger(url):
        pass
    assert "secret" not in str(caught.value)
    with pytest.raises(LedgerError, match="SQLite or PostgreSQL"), SqlLedger("mysql://root@localhost/x"):
        pass


def test_a_server_that_does_not_wait_for_its_disk_is_refused(server: PostgresServer) -> None:
    url = server.new_place()
    server.set_fsync("off")
    try:
        with pytest.raises(LedgerError, match="fsync=off"), SqlLedger(url):
            pass
    finally:
        server.set_fsync("on")


def test_a_ledger_can_be_closed_when_its_server_is_gone(server: PostgresServer) -> None:
    with SqlLedger(server.new_place()) as ledger:
        ledger.append(sample_event(1))
        server.crash()
    try:
        with pytest.raises(LedgerError, match="not open"):
            ledger.append(sample_event(2))
    finally:
        server.start()


def test_a_database_with_other_tables_is_refused(server: PostgresServer) -> None:
    url = server.new_place()
    server.execute("CREATE TABLE customers (id integer)", url)
    with pytest.raises(LedgerError, match="holds the tables customers"), SqlLedger(url):
        pass

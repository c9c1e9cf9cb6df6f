"""The SQLite ledger on failing disks and under kill -9: what was acknowledged is there, or somebody is told."""

import contextlib
import itertools
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import BackupError, LedgerError
from robot_ops.ledger import sql_ledger
from robot_ops.ledger.archive import archive
from robot_ops.ledger.backup import back_up
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.ledger.summary import summarized
from robot_ops.ledger.verification import verify
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.ledger_kit import sample_event
from robot_ops.testing.postgres_server import NoPostgresError, unprivileged_user

GROUP = 3
# fails when its files may not grow any more, goes on when they may again
FILLER = """
import resource, sys
from robot_ops.core.errors import LedgerError
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.testing.ledger_kit import sample_event
acknowledged, refused = [], 0
with SqlLedger(sqlite_url(sys.argv[1])) as ledger:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
    for number in range(400):
        try:
            ledger.append(sample_event(number))
            acknowledged.append(number)
        except LedgerError:
            refused += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ledger.append(sample_event(1000))
    acknowledged.append(1000)
    found = [int(event.event_id.rpartition("-")[2]) for event in ledger.events()]
assert found == acknowledged, (found[-3:], acknowledged[-3:])
print(len(acknowledged), refused)
"""


def run_child(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def ids(path: Path) -> list[str]:
    with SqlLedger(sqlite_url(path)) as ledger:
        return [event.event_id for event in ledger.events()]


def in_child(work: Callable[[], object]) -> int:
    """Do something in a process of its own, without the second that a new interpreter takes, and return its id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def append_forever(path: Path, told: int) -> None:
    """Append groups of events and tell after each how many there are, a line each."""
    with SqlLedger(sqlite_url(path)) as ledger:
        number = len(list(ledger.events()))
        while True:
            ledger.append(*(sample_event(number + part) for part in range(GROUP)))
            number += GROUP
            os.write(told, b"%d\n" % number)


def append_and_kill(path: Path, *, after: int) -> int:
    """Have a process append, kill it some acknowledgments later, and return the number of events it last told."""
    reading, writing = os.pipe()
    child = in_child(lambda: append_forever(path, writing))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = [int(pipe.readline()) for _ in range(after)]
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        told += map(int, pipe.read().splitlines())
    return told[-1]


def test_killed_writers_leave_whole_groups_and_all_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    for round_number in range(20):
        acknowledged = append_and_kill(path, after=1 + 7 * round_number % 11)
        found = ids(path)
        assert found == [f"event-{number}" for number in range(len(found))]
        assert len(found) in (acknowledged, acknowledged + GROUP)


@pytest.mark.parametrize("limit", [40_000, 100_000, 300_000])
def test_a_full_disk_refuses_and_what_was_acknowledged_stays(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "ledger.sqlite"
    done = run_child(FILLER, path, limit)
    assert done.returncode == 0, done.stderr
    acknowledged, refused = map(int, done.stdout.split())
    assert refused > 10
    assert len(ids(path)) == acknowledged


def test_a_full_disk_leaves_no_half_backup(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqlLedger(sqlite_url(path)) as ledger:
        ledger.append(*(sample_event(number) for number in range(2000)))

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
        for name in ("backup.gz", "backup.sqlite"):
            with pytest.raises((BackupError, LedgerError), match="cannot be written"):
                back_up(str(path), tmp_path / name)

    assert os.waitpid(in_child(work), 0)[1] == 0
    assert not [file.name for file in tmp_path.iterdir() if file.name.startswith("backup")]


def test_a_full_database_refuses_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqlLedger(sqlite_url(path)) as ledger:
        pages = ledger._opened().connection.driver_connection
        assert pages is not None
        pages.execute("PRAGMA max_page_count = 30")
        acknowledged = []
        with contextlib.suppress(LedgerError):
            for number in range(1000):
                ledger.append(sample_event(number))
                acknowledged.append(f"event-{number}")
        with pytest.raises(LedgerError, match="full"):
            ledger.append(*(sample_event(number) for number in range(1000, 1100)))
        pages.execute("PRAGMA max_page_count = 10000")
        ledger.append(sample_event(2000))
        assert [event.event_id for event in ledger.events()] == [*acknowledged, "event-2000"]


def test_a_long_reader_does_not_stop_the_writer_nor_a_long_writer_lose_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robot_ops.ledger.database.BUSY_TIMEOUT_S", 0.1)
    path = tmp_path / "ledger.sqlite"
    with SqlLedger(sqlite_url(path)) as ledger:
        ledger.append(sample_event(0))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)
        ledger.append(sample_event(1))
        assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)
        reader.execute("ROLLBACK")
        reader.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            with pytest.raises(LedgerError, match="locked"):
                ledger.append(sample_event(2))
        reader.execute("ROLLBACK")
        reader.close()
        ledger.append(sample_event(2))
    assert ids(path) == ["event-0", "event-1", "event-2"]


def test_a_ledger_that_may_not_be_written_is_told() -> None:
    myself = os.geteuid()
    try:
        user = unprivileged_user() if myself == 0 else myself
    except NoPostgresError as error:
        pytest.skip(str(error))
    # root may write everything, and others may not enter a test's own folder
    with tempfile.TemporaryDirectory(prefix="robot_ops_ledger_") as name:
        folder = Path(name)
        path = folder / "ledger.sqlite"
        with SqlLedger(sqlite_url(path)) as ledger:
            ledger.append(sample_event(0))
        for file in (folder, *folder.iterdir()):
            os.chown(file, user, -1)
        path.chmod(stat.S_IRUSR)
        os.seteuid(user)
        try:
            with (
                pytest.raises(LedgerError, match=r"ledger\.sqlite cannot be opened: .*readonly"),
                SqlLedger(sqlite_url(path)),
            ):
                pass
            assert summarized(str(path)).event_count == 1
        finally:
            os.seteuid(myself)
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
        assert ids(path) == ["event-0"]


def copied(source: Path, folder: Path) -> Path:
    """Copy a ledger with all that lies beside it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in source.parent.glob(f"{source.name}*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, folder / file.name)
    return folder / source.name


def opens_whole_or_refuses(path: Path, acknowledged: int, written: int) -> bool:
    """Return whether the ledger opened, with all that was acknowledged at least; False when it was refused."""
    try:
        found = ids(path)
    except LedgerError:
        return False
    assert found == [f"event-{number}" for number in range(len(found))]
    assert acknowledged <= len(found) <= written
    return True


def test_files_torn_at_any_page_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "ledger.sqlite"
    with SqlLedger(sqlite_url(whole)) as ledger:
        ledger.append(*(sample_event(number) for number in range(100)))
    size = whole.stat().st_size
    page = 4096
    for start in range(0, size, page):
        torn = copied(whole, tmp_path / "torn")
        os.truncate(torn, start)
        assert not opens_whole_or_refuses(torn, 100, 100), f"cut at {start}"
        for rubbish in (bytes(page), b"\xa5" * page):
            torn = copied(whole, tmp_path / "torn")
            with torn.open("r+b") as file:
                file.seek(start)
                file.write(rubbish)
            opens_whole_or_refuses(torn, 100, 100)


def test_a_log_torn_anywhere_is_refused_when_acknowledged_events_were_in_it(tmp_path: Path) -> None:
    """SQLite itself takes the torn end of its log for something that never happened."""
    path = tmp_path / "ledger.sqlite"
    acknowledged = append_and_kill(path, after=8)  # nobody brings the log into the database
    log = path.with_name("ledger.sqlite-wal")
    size, count = log.stat().st_size, len(ids(copied(path, tmp_path / "whole")))
    opened = 0
    for length in range(0, size, 2060):  # half a frame of the log
        torn = copied(path, tmp_path / "torn")
        os.truncate(torn.with_name(log.name), length)
        opened += opens_whole_or_refuses(torn, acknowledged, count)
    assert opened <= 20  # at most what the last group has written, which nobody may have been told of
    torn = copied(path, tmp_path / "torn")
    torn.with_name(log.name).unlink()
    with pytest.raises(LedgerError, match=r"has \d+ events where \d+ were written: put back"):
        ids(torn)
    torn.with_name("ledger.sqlite.lock").unlink()  # an operator goes on with what there is
    found = ids(torn)
    assert found == [f"event-{number}" for number in range(len(found))]


def archive_and_die(path: Path, file: Path, before_ns: int, fatal: int) -> None:
    """Archive, and be killed at the n-th beginning or end of what puts something on disk."""
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1
        if calls == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **keywords: object) -> object:
            count()
            result = function(*arguments, **keywords)
            count()
            return result

        return call

    with SqlLedger(sqlite_url(path)) as ledger, pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", watched(os.fsync))
        patched.setattr(Path, "replace", watched(Path.replace))
        patched.setattr(SqlLedger, "cut", watched(SqlLedger.cut))
        patched.setattr(sql_ledger, "_keep_gap", watched(sql_ledger._keep_gap))
        patched.setattr(SqlLedger, "_advance", watched(SqlLedger._advance))
        patched.setattr(sql_ledger, "clear_up", watched(sql_ledger.clear_up))
        archive(ledger, before_ns=before_ns, file=file, now_ns=before_ns)


def test_an_archive_killed_at_any_point_is_done_or_can_be_done_again(tmp_path: Path) -> None:
    source = tmp_path / "ledger.sqlite"
    with SqlLedger(sqlite_url(source)) as ledger:
        stand = FleetStand(ledger=ledger)
        for name in ("a", "b"):
            stand.guide(name)
            stand.deliver(f"letter {name}")
            stand.run(300)
        stand.guide("still open")
        before_ns = stand.clock.now_ns() - to_ns(150.0)
        digest = ledger.digest()
    count = summarized(str(source)).event_count
    deaths = {"before": 0, "after": 0}
    for fatal in itertools.count(1):
        path = copied(source, tmp_path / "torn")
        file, again = path.with_name("old.gz"), path.with_name("again.gz")
        child = in_child(lambda path=path, file=file, fatal=fatal: archive_and_die(path, file, before_ns, fatal))
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        found = summarized(str(path))
        if found.archived_count:
            deaths["after"] += 1
            assert verify(str(path), [file]).missing == ()
            assert found.archived_count + found.event_count > count
            continue
        deaths["before"] += 1
        assert (found.event_count, found.digest) == (count, digest)
        with SqlLedger(sqlite_url(path)) as ledger:
            assert archive(ledger, before_ns=before_ns, file=again, now_ns=before_ns).task_count == 4
        assert verify(str(path), [again]).missing == ()
    assert deaths["before"] >= 8
    assert deaths["after"] >= 3

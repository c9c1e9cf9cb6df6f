"""Backups: of one instant while the ledger is written, restored whole or not at all."""

import sqlite3
from pathlib import Path

import pytest

from robot_ops.core.errors import BackupError, LedgerError
from robot_ops.ledger.archive import archive
from robot_ops.ledger.backup import back_up, restore
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.reading import opened_history
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.ledger.verification import verify
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.ledger_kit import sample_event


def filled(path: Path, count: int) -> str:
    """Make a ledger with so many events and return its digest."""
    with SqlLedger(sqlite_url(path)) as ledger:
        ledger.append(*(sample_event(number) for number in range(count)))
        return ledger.digest()


@pytest.mark.parametrize("name", ["backup.json.gz", "backup.sqlite"])
@pytest.mark.parametrize("count", [0, 1, 2345])
def test_what_is_restored_has_the_same_digest(tmp_path: Path, name: str, count: int) -> None:
    digest = filled(tmp_path / "ledger.sqlite", count)
    assert back_up(str(tmp_path / "ledger.sqlite"), tmp_path / name) == (count, digest)
    assert restore(tmp_path / name, str(tmp_path / "again.sqlite")) == (count, digest)
    with SqlLedger(sqlite_url(tmp_path / "again.sqlite")) as ledger:
        assert ledger.digest() == digest
        ledger.append(sample_event(count))
        assert list(ledger.events()) == [sample_event(number) for number in range(count + 1)]


def test_a_history_is_of_one_instant(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqlLedger(sqlite_url(path)) as ledger:
        ledger.append(*(sample_event(number) for number in range(1500)))
        with opened_history(str(path)) as history:
            entries = history.entries()
            for _ in range(10):  # the first of two pages is read
                next(entries)
            ledger.append(*(sample_event(number) for number in range(1500, 3000)))
            assert 10 + len(list(entries)) == 1500
        assert back_up(str(path), tmp_path / "backup.gz")[0] == 3000


def test_archived_parts_come_along_as_gaps(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with SqlLedger(sqlite_url(path)) as ledger:
        stand = FleetStand(ledger=ledger)
        stand.guide("g1")
        stand.run(200)
        now_ns = stand.clock.now_ns()
        archive(ledger, before_ns=now_ns, file=tmp_path / "old.gz", now_ns=now_ns)
        digest = ledger.digest()
        assert back_up(str(path), tmp_path / "backup.gz")[1] == digest
    restore(tmp_path / "backup.gz", str(tmp_path / "again.sqlite"))
    for place in (tmp_path / "again.sqlite", tmp_path / "backup.gz"):
        found = verify(str(place), [tmp_path / "old.gz"])
        assert (found.digest, found.missing, set(found.archived)) == (digest, (), {"old.gz"})
    with pytest.raises(BackupError, match="is an archive"):
        restore(tmp_path / "old.gz", str(tmp_path / "third.sqlite"))
    assert not (tmp_path / "third.sqlite").exists()


def test_only_empty_databases_are_filled(tmp_path: Path) -> None:
    filled(tmp_path / "ledger.sqlite", 3)
    back_up(str(tmp_path / "ledger.sqlite"), tmp_path / "backup.gz")
    digest = filled(tmp_path / "other.sqlite", 1)
    with pytest.raises(BackupError, match="holds events already"):
        restore(tmp_path / "backup.gz", str(tmp_path / "other.sqlite"))
    with SqlLedger(sqlite_url(tmp_path / "other.sqlite")) as ledger:
        assert ledger.digest() == digest
        with pytest.raises(LedgerError, match="in use by another process"):
            restore(tmp_path / "backup.gz", str(tmp_path / "other.sqlite"))


def test_a_backup_takes_the_place_of_a_lost_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    digest = filled(path, 3)
    back_up(str(path), tmp_path / "backup.gz")
    with SqlLedger(sqlite_url(path)) as ledger:
        ledger.append(sample_event(3))
    path.unlink()
    with pytest.raises(LedgerError, match="has 0 events where 4 were written"), SqlLedger(sqlite_url(path)):
        pass
    assert restore(tmp_path / "backup.gz", str(path)) == (3, digest)
    with SqlLedger(sqlite_url(path)) as ledger:
        assert ledger.digest() == digest


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    filled(tmp_path / "ledger.sqlite", 1)
    for name in ("backup.gz", "backup.sqlite"):
        back_up(str(tmp_path / "ledger.sqlite"), tmp_path / name)
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name


def test_a_damaged_backup_makes_nothing(tmp_path: Path) -> None:
    filled(tmp_path / "ledger.sqlite", 50)
    back_up(str(tmp_path / "ledger.sqlite"), tmp_path / "backup.gz")
    whole = (tmp_path / "backup.gz").read_bytes()
    (tmp_path / "backup.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupError, match=r"backup\.gz:\d+: the file is damaged or cut off here"):
        restore(tmp_path / "backup.gz", str(tmp_path / "new.sqlite"))
    assert not (tmp_path / "new.sqlite").exists()


def test_a_disk_that_is_full_halfway_leaves_an_empty_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = filled(tmp_path / "ledger.sqlite", 2500)
    back_up(str(tmp_path / "ledger.sqlite"), tmp_path / "backup.gz")
    target = tmp_path / "new.sqlite"
    with monkeypatch.context() as patched:
        # the pragma has SQLite itself run out of pages
        patched.setattr(SqlLedger, "is_empty", property(_limited))
        with pytest.raises(LedgerError, match="full"):
            restore(tmp_path / "backup.gz", str(target))
    assert restore(tmp_path / "backup.gz", str(target)) == (2500, digest)


def _limited(ledger: SqlLedger) -> bool:
    """Answer that the ledger is empty, and leave it room for little."""
    connection = ledger._opened().connection.driver_connection
    assert connection is not None
    connection.execute("PRAGMA max_page_count = 60")
    return True


def test_damaged_ledgers_are_not_backed_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    filled(path, 20)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET payload = '{}' WHERE seq = 7")
    connection.close()
    for name in ("backup.gz", "backup.sqlite"):
        with pytest.raises(LedgerError, match="event 7"):
            back_up(str(path), tmp_path / name)
        assert not (tmp_path / name).exists()


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"no\.sqlite is no file"):
        back_up(str(tmp_path / "no.sqlite"), tmp_path / "backup.gz")
    with pytest.raises(BackupError, match="there is no such file"):
        restore(tmp_path / "no.gz", str(tmp_path / "new.sqlite"))
    assert list(tmp_path.iterdir()) == []

"""Databases of older programs are brought up to date or left as they were; those of newer ones are refused."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection

from robot_ops.core.errors import LedgerError
from robot_ops.ledger import sql_ledger
from robot_ops.ledger.chain import GENESIS, canonical_payload, link_digest
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.schema import MIGRATIONS
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.ledger.summary import summarized
from robot_ops.testing.ledger_kit import sample_event

VERSION_1 = """
CREATE TABLE events (
    seq INTEGER NOT NULL, event_id VARCHAR(200) NOT NULL, kind VARCHAR(100) NOT NULL, subject VARCHAR(200) NOT NULL,
    stamp_ns BIGINT NOT NULL, payload TEXT NOT NULL, digest VARCHAR(64) NOT NULL, PRIMARY KEY (seq), UNIQUE (event_id)
);
CREATE INDEX ix_events_subject ON events (subject);
CREATE TABLE schema_version (name VARCHAR NOT NULL, version VARCHAR, PRIMARY KEY (name));
INSERT INTO schema_version VALUES ('robot_ops_ledger', '1');
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a database as version 1 wrote it, with three events."""
    path = tmp_path / "ledger.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA journal_mode=WAL; {VERSION_1}")
    digest = GENESIS
    for seq in range(3):
        event = sample_event(seq)
        digest = link_digest(digest, event)
        row = (seq, event.event_id, event.kind, event.subject, event.stamp_ns, canonical_payload(event.payload), digest)
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.commit()
    connection.close()
    return path


def tables(path: Path) -> list[tuple[str, str]]:
    """Return what is in the database but for white space and quotes, which depend on who wrote it."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    connection.close()
    return [(name, "".join(sql.split())) for name, sql in rows]


def test_version_1_is_migrated_and_a_copy_kept(old: Path, tmp_path: Path) -> None:
    with SqlLedger(sqlite_url(old)) as ledger:
        assert [event.event_id for event in ledger.events()] == ["event-0", "event-1", "event-2"]
        ledger.append(sample_event(3))
    with SqlLedger(sqlite_url(tmp_path / "new.sqlite")) as ledger:
        ledger.append(*(sample_event(number) for number in range(4)))
        digest = ledger.digest()
    assert summarized(str(old)).digest == digest
    assert dict(tables(old)).keys() == dict(tables(tmp_path / "new.sqlite")).keys()
    copy = summarized(str(old.with_name("ledger.sqlite.v1.bak")))
    assert (copy.version, copy.event_count) == (1, 3)


def test_a_new_database_has_the_tables_of_a_migrated_one(old: Path, tmp_path: Path) -> None:
    with SqlLedger(sqlite_url(old)), SqlLedger(sqlite_url(tmp_path / "new.sqlite")):
        pass
    assert tables(old) == tables(tmp_path / "new.sqlite")


def test_an_old_database_can_be_read_as_it_is(old: Path) -> None:
    before = tables(old)
    assert summarized(str(old)).version == 1
    assert tables(old) == before


def test_a_newer_version_is_refused_and_left(old: Path) -> None:
    newer = len(MIGRATIONS) + 1
    connection = sqlite3.connect(old)
    connection.execute("UPDATE schema_version SET version = ?", [str(newer)])
    connection.commit()
    connection.close()
    before = tables(old)
    with pytest.raises(LedgerError, match=f"version {newer}; this program knows"), SqlLedger(sqlite_url(old)):
        pass
    with pytest.raises(LedgerError, match=f"version {newer}; this program knows"):
        summarized(str(old))
    assert tables(old) == before
    assert not list(old.parent.glob("*.bak"))


def test_a_failing_migration_leaves_what_was_there(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half_done(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (id INTEGER)")
        connection.exec_driver_sql("UPDATE events SET kind = 'changed'")
        connection.exec_driver_sql("ALTER TABLE events ADD COLUMN digest TEXT")  # there is one

    before = tables(old)
    with monkeypatch.context() as patched:
        patched.setattr(sql_ledger, "MIGRATIONS", (MIGRATIONS[0], half_done))
        with pytest.raises(LedgerError, match="could not be migrated from version 1"), SqlLedger(sqlite_url(old)):
            pass
    assert tables(old) == before
    # the program of before goes on, and so does the one with the mended migration
    with monkeypatch.context() as patched:
        patched.setattr(sql_ledger, "MIGRATIONS", MIGRATIONS[:1])
        assert summarized(str(old)).event_count == 3
    with SqlLedger(sqlite_url(old)) as ledger:
        assert len(list(ledger.events())) == 3


def test_each_migration_counts_by_itself(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TABLE nowhere")

    monkeypatch.setattr(sql_ledger, "MIGRATIONS", (*MIGRATIONS, failing))
    newest = len(MIGRATIONS)
    with pytest.raises(LedgerError, match=f"from version {newest}"), SqlLedger(sqlite_url(old)):
        pass
    assert summarized(str(old)).version == newest


def test_a_database_of_something_else_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE customers (id INTEGER)")
    connection.close()
    before = tables(path)
    with pytest.raises(LedgerError, match="holds the tables customers"), SqlLedger(sqlite_url(path)):
        pass
    assert tables(path) == before

"""Backups of a ledger, made while the fleet runs, and ledgers made from backups."""

from pathlib import Path
from typing import Final

from robot_ops.core.errors import BackupError, LedgerError
from robot_ops.ledger.chain import GENESIS, ChainedEvent
from robot_ops.ledger.database import opened_for_reading
from robot_ops.ledger.history_file import Content, refuse_existing, write_history
from robot_ops.ledger.migrations import copy_file
from robot_ops.ledger.places import file_of, place_url, shown
from robot_ops.ledger.reading import History, opened_history
from robot_ops.ledger.schema import MIGRATIONS, SCHEMA
from robot_ops.ledger.sql_ledger import SqlLedger

SQLITE_SUFFIXES: Final = (".sqlite", ".sqlite3", ".db")
"""A backup of such a name is a SQLite file, which a fleet can run on as it is."""


def back_up(place: str, file: Path) -> tuple[int, str]:
    """Write all of a ledger, as it is at one instant, into a new file, check it, and return its events and digest.

    Raises:
        LedgerError: the ledger cannot be read or is damaged. BackupError: the file exists or cannot be written.
    """
    refuse_existing(file)
    if file.suffix in SQLITE_SUFFIXES:
        return _copy_sqlite(place, file)
    with opened_history(place) as history:
        if history.version is None:
            raise BackupError(f"is a {history.form} already", where=place, mend="copy the file")
        end = write_history(file, history.entries(), Content.BACKUP)
    return end.event_count, end.digest


def restore(file: Path, place: str) -> tuple[int, str]:
    """Fill an empty database, made where it is missing, with a backup, and return its events and digest.

    A ledger in a SQLite file can be given for a backup, so that a ledger can move to PostgreSQL.

    Raises:
        BackupError: the file is damaged or no backup, or the database is not empty; nothing was written.
        LedgerError: the database cannot be written, or the SQLite file read.
    """
    if not file.exists():
        raise BackupError("there is no such file", where=str(file))
    with opened_history(str(file)) as history:
        if history.form == Content.ARCHIVE.value:
            raise BackupError("is an archive, which lacks what the live ledger has", where=str(file))
        found = summed_up(history)  # all of it is read and checked before the first event is written
        with SqlLedger(place_url(place), is_replaced=True) as ledger:
            if not ledger.is_empty:
                where = shown(place_url(place))
                raise BackupError("holds events already", where=where, mend="name an empty or new database")
            ledger.fill(history.entries())
    return found


def summed_up(history: History) -> tuple[int, str]:
    """Return how many events a history has and the digest of its chain, having checked all of it."""
    count, digest = 0, GENESIS
    for entry in history.entries():
        count += isinstance(entry, ChainedEvent)
        digest = entry.digest
    return count, digest


def _copy_sqlite(place: str, file: Path) -> tuple[int, str]:
    url = place_url(place)
    if file_of(url) is None:
        raise BackupError(
            f"{shown(url)} is no SQLite file", where=str(file), mend="give the backup another suffix, as .json.gz"
        )
    with opened_for_reading(url, schema=SCHEMA, newest=len(MIGRATIONS)) as (connection, _):
        copy_file(connection, file)
    try:
        with opened_history(str(file)) as history:
            return summed_up(history)
    except LedgerError:
        file.unlink()
        raise

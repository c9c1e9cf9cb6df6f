"""Looking into a ledger beside its writer, or into a backup or archive, all as one instant's chain of entries."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Executable, Row
from sqlalchemy.exc import SQLAlchemyError

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.chain import ChainBreakError, Entry, checked
from robot_ops.ledger.database import opened_for_reading, reraised
from robot_ops.ledger.entries import stored_entries
from robot_ops.ledger.history_file import HistoryReader, is_history_file
from robot_ops.ledger.places import place_url, shown
from robot_ops.ledger.schema import ARCHIVES_SINCE, MIGRATIONS, SCHEMA


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A ledger that is open for reading.

    Attributes:
        place: where it is, for people.
        form: "sqlite", "postgresql", "backup" or "archive".
        version: of the database's schema, None of a file.
        entries: yields the whole chain, each entry checked; raises LedgerError or BackupError where it is damaged.
    """

    place: str
    form: str
    version: int | None
    entries: Callable[[], Iterator[Entry]]


@contextmanager
def opened_history(place: str) -> Iterator[History]:
    """Open a database (URL or path of a SQLite file), a backup or an archive. Nothing in it is changed.

    Raises:
        LedgerError: it is not there, is no ledger, or cannot be opened. BackupError: it is a file of another kind.
    """
    if "://" not in place and is_history_file(Path(place)):
        reader = HistoryReader(Path(place))
        yield History(place=place, form=reader.content.value, version=None, entries=reader.entries)
        return
    url = place_url(place)
    with opened_for_reading(url, schema=SCHEMA, newest=len(MIGRATIONS)) as (connection, version):
        yield History(
            place=shown(url),
            form=connection.dialect.name,
            version=version,
            entries=lambda: _checked_entries(connection, version),
        )


def _checked_entries(connection: Connection, version: int) -> Iterator[Entry]:
    def query(statement: Executable) -> Sequence[Row[Any]]:
        try:
            return connection.execute(statement).all()
        except SQLAlchemyError as error:
            raise reraised("reading the ledger", error) from error

    try:
        yield from checked(stored_entries(query, has_gaps=version >= ARCHIVES_SINCE))
    except ChainBreakError as error:
        raise LedgerError(f"the ledger is damaged: {error}") from error

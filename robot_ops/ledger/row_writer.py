"""Appending rows past SQLAlchemy, whose statements take twenty times as long as SQLite's own work."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.database import reraised
from robot_ops.ledger.schema import EVENTS
from robot_ops.tasks.ledger import LedgerEvent

EventRow = tuple[object, ...]
"""The fields of an event in the order of the table's columns."""


def event_row(seq: int, event: LedgerEvent, payload_text: str, digest: str) -> EventRow:
    """Return an event's row; the payload is canonical."""
    return (seq, event.event_id, event.kind, event.subject, event.stamp_ns, payload_text, digest)


class RowWriter:
    """Writes rows of events, each time in a transaction of its own.

    Args:
        connection: open; no transaction is under way on it while rows are written.
    """

    def __init__(self, connection: Connection) -> None:
        is_sqlite = connection.dialect.name == "sqlite"
        columns = EVENTS.columns.keys()
        marks = ", ".join(["?" if is_sqlite else "%s"] * len(columns))
        self._insert = f"INSERT INTO {EVENTS.name} ({', '.join(columns)}) VALUES ({marks})"
        # the lock is taken before anything is written, so that a wait for another's lock ends as it began
        self._begin = "BEGIN IMMEDIATE" if is_sqlite else None
        driver: Any = connection.connection.driver_connection
        self._driver = driver
        self._cursor = driver.cursor()
        self._errors = connection.dialect.loaded_dbapi

    @property
    def is_lost(self) -> bool:
        """Return whether the connection has ended."""
        return bool(getattr(self._driver, "closed", False))

    def write(self, rows: Sequence[EventRow]) -> bool:
        """Write all rows or none and return True once they are on disk, False where an id or number is taken.

        Raises:
            LedgerError: they could not be written, or, where the commit itself failed, it is not known whether they
                were.
        """
        try:
            if self._begin is not None:
                self._cursor.execute(self._begin)
            if len(rows) == 1:
                self._cursor.execute(self._insert, rows[0])
            else:
                self._cursor.executemany(self._insert, rows)
            self._driver.commit()
        except self._errors.IntegrityError:
            self._roll_back()
            return False
        except self._errors.Error as error:
            self._roll_back()
            raise reraised("writing the ledger", error) from error
        return True

    def _roll_back(self) -> None:
        try:
            self._driver.rollback()
        except self._errors.Error as error:
            raise LedgerError(f"writing the ledger failed, and so did taking it back: {error}") from error

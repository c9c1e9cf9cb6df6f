"""Giving back the room of deleted rows, so that nothing of them can be read from a database's files."""

from typing import Any

from sqlalchemy import Connection

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.database import reraised
from robot_ops.ledger.schema import EVENTS


def clear_up(connection: Connection) -> None:
    """Rewrite the database without what was deleted. SQLite needs room for a second copy meanwhile.

    PostgreSQL gives the room to later rows; its own log may keep older states as long as it is set to.

    Raises:
        LedgerError: it could not be done; the ledger itself is whole.
    """
    driver: Any = connection.connection.driver_connection
    is_busy = False
    try:
        if connection.dialect.name == "sqlite":
            driver.execute("VACUUM")
            is_busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] != 0
        else:
            driver.autocommit = True
            try:
                driver.execute(f"VACUUM {EVENTS.name}")
            finally:
                driver.autocommit = False
    except connection.dialect.loaded_dbapi.Error as error:
        raise reraised("the events are archived; clearing up behind them", error) from error
    if is_busy:
        raise LedgerError(
            "the events are archived, but somebody who reads the ledger keeps their old copies in its -wal file: "
            "end that; they go when the ledger is next closed"
        )

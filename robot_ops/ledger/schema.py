"""The ledger's tables, and how they came to be."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, Text

from robot_ops.ledger.migrations import Migration

SCHEMA: Final = "robot_ops_ledger"
_METADATA: Final = MetaData()

EVENTS: Final = Table(
    "events",
    _METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("event_id", String(200), nullable=False, unique=True),
    Column("kind", String(100), nullable=False),
    Column("subject", String(200), nullable=False, index=True),
    Column("stamp_ns", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    Column("digest", String(64), nullable=False),
)
"""Only ever appended to, but for events that are in an archive."""

ARCHIVED_RUNS: Final = Table(
    "archived_runs",
    _METADATA,
    Column("first_seq", Integer, primary_key=True, autoincrement=False),
    Column("last_seq", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("archive", String(200), nullable=False),
)
"""Events in a row that an archive file has instead, and the digest of the history that ends with the last of them."""


def _make_events(connection: Connection) -> None:
    EVENTS.create(connection)


def _make_archived_runs(connection: Connection) -> None:
    ARCHIVED_RUNS.create(connection)


MIGRATIONS: Final[Sequence[Migration]] = (_make_events, _make_archived_runs)
"""Version 1 is from before the first release; a new version adds one to the end, and none is ever changed."""
ARCHIVES_SINCE: Final = 2
"""The version that brought `ARCHIVED_RUNS`."""

"""The ledger in a SQL database: one table that is only ever appended to."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final, Self

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Row, String, Table, Text, select
from sqlalchemy.exc import SQLAlchemyError

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.chain import GENESIS, canonical_payload, link_digest
from robot_ops.ledger.database import database, reraised, sole_writer, version_table
from robot_ops.tasks.ledger import LedgerEvent

SCHEMA: Final = "robot_ops_ledger"
SCHEMA_VERSION: Final = 1
_PAGE: Final = 1000
_METADATA: Final = MetaData()
_EVENTS: Final = Table(
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
version_table(_METADATA)


class SqlLedger:
    """Implements `robot_ops.tasks.ledger.Ledger`; a context manager that holds the database open.

    Used from one thread at a time.

    Args:
        url: of SQLAlchemy (`database.sqlite_url(path)`, `database.MEMORY_URL`, "postgresql+psycopg://..."). A SQLite
            file's folder must exist.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._resources = ExitStack()
        self._connection: Connection | None = None
        self._digest = GENESIS
        self._next_seq = 0
        self._is_head_known = False

    def __enter__(self) -> Self:
        """Open the database.

        Raises:
            LedgerError: it is in use by another process, cannot be opened, or is no ledger.
        """
        with ExitStack() as resources:
            resources.enter_context(sole_writer(self._url))
            opened = resources.enter_context(database(self._url, _METADATA, schema=SCHEMA, version=SCHEMA_VERSION))
            self._connection = opened
            self._read_head()
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close the database."""
        self._connection = None
        self._resources.close()

    def append(self, *events: LedgerEvent) -> None:
        """Append all events or none; they are on disk when this returns. Ids that are there already are skipped.

        Raises:
            LedgerError: they could not be written; nothing was, or, where the disk failed in the commit itself, it is
                not known whether they were: read the ledger again before going on.
            ValueError: a payload holds a number that is not finite.
        """
        connection = self._opened()
        if not self._is_head_known:
            self._read_head()
        try:
            with connection.begin():
                rows = self._new_rows(connection, events)
                if rows:
                    connection.execute(_EVENTS.insert(), rows)
        except SQLAlchemyError as error:
            self._is_head_known = False
            raise reraised("writing the ledger", error) from error
        if rows:
            self._digest, self._next_seq = str(rows[-1]["digest"]), self._next_seq + len(rows)

    def events(self) -> Iterator[LedgerEvent]:
        """Yield all events in order, checking the chain of digests.

        Raises:
            LedgerError: the ledger cannot be read, or an event was changed, dropped or reordered.
        """
        digest, seq = GENESIS, 0
        while True:
            page = self._page(seq)
            for row in page:
                event = _event_of(row)
                digest = link_digest(digest, event)
                if row.seq != seq or row.digest != digest:
                    raise LedgerError(f"the ledger is damaged at event {seq} ({event.event_id})")
                seq += 1
                yield event
            if len(page) < _PAGE:
                return

    def digest(self) -> str:
        """Return the digest of the last event's chain, SHA-256 in hex."""
        self._opened()
        return self._digest

    def _opened(self) -> Connection:
        if self._connection is None:
            raise LedgerError("the ledger is not open")
        return self._connection

    def _page(self, seq: int) -> list[Row[Any]]:
        connection = self._opened()
        query = select(_EVENTS).where(_EVENTS.c.seq >= seq).order_by(_EVENTS.c.seq).limit(_PAGE)
        try:
            with connection.begin():
                return list(connection.execute(query).all())
        except SQLAlchemyError as error:
            raise reraised("reading the ledger", error) from error

    def _new_rows(self, connection: Connection, events: tuple[LedgerEvent, ...]) -> list[dict[str, object]]:
        ids = [event.event_id for event in events]
        known = set(connection.scalars(select(_EVENTS.c.event_id).where(_EVENTS.c.event_id.in_(ids))))
        rows: list[dict[str, object]] = []
        digest = self._digest
        for event in events:
            if event.event_id in known:
                continue
            known.add(event.event_id)
            digest = link_digest(digest, event)
            rows.append(
                {
                    "seq": self._next_seq + len(rows),
                    "event_id": event.event_id,
                    "kind": event.kind,
                    "subject": event.subject,
                    "stamp_ns": event.stamp_ns,
                    "payload": canonical_payload(event.payload),
                    "digest": digest,
                }
            )
        return rows

    def _read_head(self) -> None:
        connection = self._opened()
        query = select(_EVENTS.c.seq, _EVENTS.c.digest).order_by(_EVENTS.c.seq.desc()).limit(1)
        try:
            with connection.begin():
                head = connection.execute(query).one_or_none()
        except SQLAlchemyError as error:
            raise reraised("reading the ledger", error) from error
        self._next_seq, self._digest = (0, GENESIS) if head is None else (head.seq + 1, head.digest)
        self._is_head_known = True


def _event_of(row: Row[Any]) -> LedgerEvent:
    try:
        payload = json.loads(row.payload)
    except ValueError as error:
        raise LedgerError(f"the ledger is damaged at event {row.seq} ({row.event_id})") from error
    return LedgerEvent(
        event_id=row.event_id, kind=row.kind, subject=row.subject, stamp_ns=row.stamp_ns, payload=payload
    )

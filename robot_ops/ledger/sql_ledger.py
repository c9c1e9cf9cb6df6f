"""The ledger in a SQL database: one table that is only ever appended to."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, Self

from sqlalchemy import Connection, Executable, Row, select
from sqlalchemy.exc import SQLAlchemyError

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.chain import (
    GENESIS,
    ChainBreakError,
    ChainedEvent,
    Entry,
    Gap,
    canonical_payload,
    checked,
    link_digest,
)
from robot_ops.ledger.clearing import clear_up
from robot_ops.ledger.database import opened_for_writing, reraised
from robot_ops.ledger.entries import stored_entries, stored_head
from robot_ops.ledger.places import shown
from robot_ops.ledger.row_writer import EventRow, RowWriter, event_row
from robot_ops.ledger.schema import ARCHIVED_RUNS, EVENTS, MIGRATIONS, SCHEMA
from robot_ops.ledger.writer_lock import LockFile, lock_file
from robot_ops.tasks.ledger import LedgerEvent

_BATCH: Final = 1000


class SqlLedger:
    """Implements `robot_ops.tasks.ledger.Ledger`; a context manager that holds the database open.

    Used from one thread at a time. When the connection to a server is lost, so is the lock: what was being done fails,
    and the next call opens the ledger again, which fails while the server is away or somebody else has the lock.

    Args:
        url: of SQLAlchemy (`places.sqlite_url(path)`, `places.MEMORY_URL`, "postgresql://..."). A SQLite file's folder
            must exist.
        is_replaced: the ledger is about to get another history, whatever was acknowledged in its place before.
    """

    def __init__(self, url: str, *, is_replaced: bool = False) -> None:
        self._url = url
        self._is_replaced = is_replaced
        self._resources = ExitStack()
        self._connection: Connection | None = None
        self._writer: RowWriter | None = None
        self._lock: LockFile | None = None
        self._is_entered = False
        self._digest = GENESIS
        self._next_seq = 0
        self._is_head_known = False

    def __enter__(self) -> Self:
        """Open the database, and make or migrate its tables.

        Raises:
            LedgerError: it is in use by another process, cannot be opened, is damaged, or is no ledger.
        """
        self._open()
        self._is_entered = True
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close the database."""
        self._is_entered = False
        self._close()

    def append(self, *events: LedgerEvent) -> None:
        """Append all events or none; they are on disk when this returns. Ids that are there already are skipped.

        Raises:
            LedgerError: they could not be written; nothing was, or, where the disk failed in the commit itself, it is
                not known whether they were: read the ledger again before going on.
            ValueError: a payload holds a number that is not finite.
        """
        self._opened()
        if not self._is_head_known:
            self._read_head()
        rows = self._new_rows(events, ())
        try:
            if rows and not self._write(rows):
                # an id is there already; asking which is left for now, since it hardly ever is
                rows = self._new_rows(events, self._known_ids(events))
                if rows and not self._write(rows):
                    raise LedgerError("writing the ledger failed: somebody else has written to it")
        except LedgerError:
            self._is_head_known = False
            raise
        self._advance(rows)

    def events(self) -> Iterator[LedgerEvent]:
        """Yield all events in order but those that are in an archive, checking the chain of digests.

        Raises:
            LedgerError: the ledger cannot be read, or an event was changed, dropped or reordered.
        """
        for entry in self.entries():
            if isinstance(entry, ChainedEvent):
                yield entry.event

    def entries(self) -> Iterator[Entry]:
        """Yield all events and gaps in order, checking the chain.

        Raises:
            LedgerError: as `events`.
        """
        try:
            yield from checked(stored_entries(self._query))
        except ChainBreakError as error:
            raise LedgerError(f"the ledger is damaged: {error}") from error

    def digest(self) -> str:
        """Return the digest of the last event's chain, SHA-256 in hex."""
        self._opened()
        return self._digest

    @property
    def is_empty(self) -> bool:
        """Return whether there has never been an event."""
        self._opened()
        return self._next_seq == 0

    def fill(self, entries: Iterable[Entry]) -> None:
        """Write a whole history, gaps included, into an empty ledger: all of it or nothing.

        Raises:
            LedgerError: the ledger is not empty, or it could not be written.
            ChainBreakError: the history does not hold together.
        """
        if not self.is_empty:
            raise LedgerError("the ledger is not empty")
        with self._transaction() as connection:
            batch: list[dict[str, object]] = []
            for entry in checked(entries):
                if isinstance(entry, Gap):
                    _keep_gap(connection, entry)
                    continue
                payload = canonical_payload(entry.event.payload)
                batch.append(_named(event_row(entry.seq, entry.event, payload, entry.digest)))
                if len(batch) == _BATCH:
                    connection.execute(EVENTS.insert(), batch)
                    batch.clear()
            if batch:
                connection.execute(EVENTS.insert(), batch)
        self._read_head()
        self._testify()

    def cut(self, gaps: Sequence[Gap], *events: LedgerEvent) -> None:
        """Take events out that an archive has, and append others, all in one transaction.

        Raises:
            LedgerError: it could not be done; nothing was, or it is not known whether it was.
            ValueError: a payload holds a number that is not finite.
        """
        self._opened()
        if not self._is_head_known:
            self._read_head()
        rows = self._new_rows(events, ())
        with self._transaction() as connection:
            for gap in gaps:
                connection.execute(EVENTS.delete().where(EVENTS.c.seq.between(gap.seq, gap.last_seq)))
                _keep_gap(connection, gap)
            if rows:
                connection.execute(EVENTS.insert(), [_named(row) for row in rows])
        self._advance(rows)

    def wipe(self) -> None:
        """Have the database give back the room of what was cut, so that nothing of it can be read from its files.

        Raises:
            LedgerError: it could not; the ledger itself is whole.
        """
        clear_up(self._opened())

    def _open(self) -> None:
        with ExitStack() as resources:
            lock = resources.enter_context(lock_file(self._url))
            connection = resources.enter_context(opened_for_writing(self._url, schema=SCHEMA, migrations=MIGRATIONS))
            resources.callback(self._forget)
            self._connection, self._writer, self._lock = connection, RowWriter(connection), lock
            self._read_head()
            self._hear_witness()
            self._resources = resources.pop_all()

    def _close(self) -> None:
        self._resources.close()
        self._forget()

    def _forget(self) -> None:
        self._connection, self._writer, self._lock = None, None, None
        self._is_head_known = False

    def _opened(self) -> Connection:
        if self._connection is None and self._is_entered:
            self._open()
        if self._connection is None:
            raise LedgerError("the ledger is not open")
        return self._connection

    def _write(self, rows: Sequence[EventRow]) -> bool:
        assert self._writer is not None
        try:
            return self._writer.write(rows)
        except LedgerError:
            self._look_after()
            raise

    def _query(self, statement: Executable) -> Sequence[Row[Any]]:
        connection = self._opened()
        try:
            with connection.begin():
                return connection.execute(statement).all()
        except SQLAlchemyError as error:
            self._look_after()
            raise reraised("reading the ledger", error) from error

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Give the connection, in a transaction that is committed at the end or taken back whole."""
        connection = self._opened()
        self._is_head_known = False
        try:
            with connection.begin():
                yield connection
        except SQLAlchemyError as error:
            self._look_after()
            raise reraised("writing the ledger", error) from error

    def _look_after(self) -> None:
        """Let go of a connection that has ended, and of the lock that ended with it."""
        if self._connection is not None and self._writer is not None and self._writer.is_lost:
            self._connection.invalidate()
            self._close()

    def _known_ids(self, events: Sequence[LedgerEvent]) -> Collection[str]:
        ids = [event.event_id for event in events]
        return {row.event_id for row in self._query(select(EVENTS.c.event_id).where(EVENTS.c.event_id.in_(ids)))}

    def _new_rows(self, events: Sequence[LedgerEvent], known: Collection[str]) -> list[EventRow]:
        """Return the rows of the events, linked to the chain, without those of known ids and repeated ones."""
        seen = set(known)
        rows: list[EventRow] = []
        digest, seq = self._digest, self._next_seq
        for event in events:
            if event.event_id in seen:
                continue
            seen.add(event.event_id)
            payload = canonical_payload(event.payload)
            digest = link_digest(digest, event, payload)
            rows.append(event_row(seq, event, payload, digest))
            seq += 1
        return rows

    def _advance(self, rows: Sequence[EventRow]) -> None:
        if rows:
            self._digest, self._next_seq = str(rows[-1][-1]), self._next_seq + len(rows)
            self._testify()
        self._is_head_known = True

    def _testify(self) -> None:
        if self._lock is not None:
            self._lock.testify(self._next_seq, self._digest)

    def _hear_witness(self) -> None:
        """Compare what is there with what was acknowledged.

        Raises:
            LedgerError: events that were are missing, or others.
        """
        testimony = None if self._lock is None or self._is_replaced else self._lock.testimony()
        if testimony is None:
            self._testify()
            return
        count, digest = testimony
        row = self._query(select(EVENTS.c.digest).where(EVENTS.c.seq == count - 1))
        found = row[0].digest if row else self._digest if count == self._next_seq else digest
        if self._next_seq >= count and found == digest:
            return
        what = f"has {self._next_seq} events where {count} were written" if self._next_seq < count else "was replaced"
        place = shown(self._url)
        raise LedgerError(
            f"{place} {what}: put back what was there or a backup; to go on with what it has all the same, "
            f"delete {place}.lock"
        )

    def _read_head(self) -> None:
        self._next_seq, self._digest = stored_head(self._query)
        self._is_head_known = True


def _keep_gap(connection: Connection, gap: Gap) -> None:
    connection.execute(
        ARCHIVED_RUNS.insert().values(first_seq=gap.seq, last_seq=gap.last_seq, digest=gap.digest, archive=gap.archive)
    )


def _named(row: EventRow) -> dict[str, object]:
    return dict(zip(EVENTS.columns.keys(), row, strict=True))

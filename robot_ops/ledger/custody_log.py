"""A robot's chain of custody in a SQLite file of its own.

The lock file beside it bears witness of how many events have been written, as a ledger's does: a log that was cut at
its end, emptied or replaced by an older copy is whole in itself, and refused all the same.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Row, String, Table, select
from sqlalchemy.exc import SQLAlchemyError

from robot_ops.core.errors import LedgerError, StateError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.ledger.database import opened_for_writing, reraised
from robot_ops.ledger.migrations import Migration
from robot_ops.ledger.places import MEMORY_URL, sqlite_url
from robot_ops.ledger.writer_lock import LockFile, lock_file
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, head_of, link, verify

SCHEMA: Final = "robot_ops_custody"
_METADATA: Final = MetaData()
_EVENTS: Final = Table(
    "custody",
    _METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("robot", String, nullable=False),
    Column("stamp_ns", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("task_id", String, nullable=False, index=True),
    Column("person", String, nullable=False),
    Column("compartment", String, nullable=False),
    Column("previous", String, nullable=False),
    Column("digest", String, nullable=False),
)


def _make_custody(connection: Connection) -> None:
    _EVENTS.create(connection)


_MIGRATIONS: Final[Sequence[Migration]] = (_make_custody,)


class SqliteCustodyLog:
    """Implements `robot_ops.tasks.custody.CustodyLog`; a context manager that holds the file open.

    Used from one thread at a time.

    Args:
        robot: whose chain it is.
        path: the SQLite file, made where it is missing; None keeps the log in memory, for simulation.
    """

    def __init__(self, robot: RobotId, path: Path | None) -> None:
        self._robot = robot
        self._url = MEMORY_URL if path is None else sqlite_url(path)
        self._shown = "the custody log" if path is None else str(path)
        self._resources = ExitStack()
        self._connection: Connection | None = None
        self._lock: LockFile | None = None

    def __enter__(self) -> Self:
        """Open the file and check the whole chain.

        Raises:
            LedgerError: it is in use, cannot be opened, is damaged, lacks events that were written, or is another
                robot's.
        """
        with ExitStack() as resources:
            self._lock = resources.enter_context(lock_file(self._url))
            self._connection = resources.enter_context(
                opened_for_writing(self._url, schema=SCHEMA, migrations=_MIGRATIONS)
            )
            self._check()
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close the file."""
        self._connection = self._lock = None
        self._resources.close()

    def record(
        self, *, kind: CustodyKind, task_id: TaskId, person: PersonId, compartment: str, stamp_ns: int
    ) -> CustodyEvent:
        """Append an event and return it once it is on disk.

        Raises:
            LedgerError: it could not be written; nothing may be opened then.
        """
        connection = self._opened()
        try:
            with connection.begin():
                last = connection.execute(select(_EVENTS).order_by(_EVENTS.c.seq.desc()).limit(1)).one_or_none()
                event = link(
                    None if last is None else _event_of(last),
                    robot=self._robot,
                    kind=kind,
                    task_id=task_id,
                    person=person,
                    compartment=compartment,
                    stamp_ns=stamp_ns,
                )
                connection.execute(_EVENTS.insert().values(_row_of(event)))
        except SQLAlchemyError as error:
            raise reraised("writing the custody log", error) from error
        if self._lock is not None:
            self._lock.testify(event.seq + 1, event.digest)
        return event

    def events(self, task_id: TaskId | None = None) -> tuple[CustodyEvent, ...]:
        """Return the events in order, of one task or all.

        Raises:
            LedgerError: they cannot be read.
        """
        query = select(_EVENTS).order_by(_EVENTS.c.seq)
        if task_id is not None:
            query = query.where(_EVENTS.c.task_id == task_id)
        connection = self._opened()
        try:
            with connection.begin():
                return tuple(_event_of(row) for row in connection.execute(query))
        except SQLAlchemyError as error:
            raise reraised("reading the custody log", error) from error
        except ValueError as error:
            raise LedgerError(f"{self._shown} is damaged: {error}") from error

    def fill(self, events: Sequence[CustodyEvent]) -> None:
        """Write a whole chain into an empty log: all of it or nothing.

        Raises:
            LedgerError: it could not be written, or the log is not empty.
        """
        connection = self._opened()
        if self.events():
            raise LedgerError(f"{self._shown} holds events already")
        try:
            with connection.begin():
                connection.execute(_EVENTS.insert(), [_row_of(event) for event in events])
        except SQLAlchemyError as error:
            raise reraised("writing the custody log", error) from error
        self._check()

    def _opened(self) -> Connection:
        if self._connection is None:
            raise LedgerError("the custody log is not open")
        return self._connection

    def _check(self) -> None:
        events = self.events()
        try:
            verify(events)
        except StateError as error:
            raise LedgerError(f"{self._shown} is damaged: {error}") from error
        if events and events[0].robot != self._robot:
            raise LedgerError(f"{self._shown} is the log of {events[0].robot}, not of {self._robot}")
        self._hear_witness(events)

    def _hear_witness(self, events: Sequence[CustodyEvent]) -> None:
        """Compare what is there with what was written.

        Raises:
            LedgerError: events that were are missing, or others.
        """
        testimony = None if self._lock is None else self._lock.testimony()
        if testimony is not None:
            count, digest = testimony
            if len(events) < count:
                what = f"has {len(events)} events where {count} were written"
            else:
                what = "was replaced" if head_of(events[:count]).digest != digest else ""
            if what:
                raise LedgerError(
                    f"{self._shown} {what}: put back what was there, or make it anew from the fleet's ledger "
                    f"(robot-ops ledger custody {self._robot}); to go on with what it has all the same, delete "
                    f"{self._shown}.lock"
                )
        if self._lock is not None:
            head = head_of(events)
            self._lock.testify(head.count, head.digest)


def _row_of(event: CustodyEvent) -> dict[str, object]:
    return {
        "seq": event.seq,
        "robot": event.robot,
        "stamp_ns": event.stamp_ns,
        "kind": event.kind.value,
        "task_id": event.task_id,
        "person": event.person,
        "compartment": event.compartment,
        "previous": event.previous,
        "digest": event.digest,
    }


def _event_of(row: Row[Any]) -> CustodyEvent:
    return CustodyEvent(
        robot=RobotId(row.robot),
        seq=row.seq,
        stamp_ns=row.stamp_ns,
        kind=CustodyKind(row.kind),
        task_id=TaskId(row.task_id),
        person=PersonId(row.person),
        compartment=row.compartment,
        previous=row.previous,
        digest=row.digest,
    )

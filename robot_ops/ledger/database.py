"""Opening a database so that a commit is durable, there is one writer, and readers see one instant."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.migrations import Migration, migrate, refuse_newer, schema_version
from robot_ops.ledger.places import MEMORY_URL, file_of, parsed_url, shown
from robot_ops.ledger.writer_lock import lock_database

BUSY_TIMEOUT_S: Final = 5.0
"""How long a statement waits for another's lock, in seconds."""
_POSTGRESQL: Final[Mapping[str, object]] = MappingProxyType(
    {
        "connect_timeout": 5,
        # a server that is gone is noticed in seconds, not in the hours that TCP gives it
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }
)
_POSTGRESQL_SETTINGS: Final = (
    "-c synchronous_commit=on -c lock_timeout=5s -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 "
    "-c tcp_keepalives_count=3"
)
"""A commit is on disk whatever the server's default; the server frees the lock of a machine that is gone soon."""


@contextmanager
def opened_for_writing(url: str, *, schema: str, migrations: Sequence[Migration]) -> Iterator[Connection]:
    """Open the database's only writing connection, with tables of the newest version; hold the `lock_file` around it.

    Args:
        url: of SQLAlchemy.
        schema: what the tables hold; two schemas never share a database.
        migrations: from nothing to the newest version.

    Raises:
        LedgerError: it is in use, cannot be opened, is damaged, or holds something else.
    """
    with ExitStack() as resources:
        engine = _engine(url, is_writing=True)
        resources.callback(engine.dispose)
        connection = resources.enter_context(_connected(engine, url))
        try:
            lock_database(connection, url, schema)
            _check_server(connection, url)
        except SQLAlchemyError as error:
            raise LedgerError(f"{shown(url)} cannot be opened: {cause(error)}") from error
        if file_of(url) is not None:
            _check_file(connection, url)
        migrate(connection, url, schema, migrations)
        yield connection


@contextmanager
def opened_for_reading(url: str, *, schema: str, newest: int) -> Iterator[tuple[Connection, int]]:
    """Open the database beside its writer, in a transaction that sees one instant, and yield its schema's version.

    Nothing is made or changed.

    Raises:
        LedgerError: it is not there, cannot be opened, or holds something else.
    """
    path = file_of(url)
    if path is not None and not path.is_file():
        raise LedgerError(f"{path} is no file")
    engine = _engine(url, is_writing=False)
    try:
        with _connected(engine, url) as connection, connection.begin():
            try:
                version = schema_version(connection, url, schema)
            except SQLAlchemyError as error:
                raise LedgerError(f"{shown(url)} cannot be read: {cause(error)}") from error
            if version == 0:
                raise LedgerError(f"{shown(url)} holds no {schema}")
            refuse_newer(version, newest, url, schema)
            yield connection, version
    finally:
        engine.dispose()


def reraised(doing: str, error: Exception) -> LedgerError:
    """Return the LedgerError that stands for an error of the database."""
    return LedgerError(f"{doing} failed: {cause(error)}")


def cause(error: Exception) -> str:
    """Return what the database itself said, in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


@contextmanager
def _connected(engine: Engine, url: str) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        raise LedgerError(f"{shown(url)} cannot be opened: {cause(error)}") from error
    with connection:
        yield connection


def _check_server(connection: Connection, url: str) -> None:
    """Refuse a PostgreSQL server that does not wait for its disk: what it acknowledges need not be there tomorrow."""
    if connection.dialect.name != "postgresql":
        return
    with connection.begin():
        fsync = connection.exec_driver_sql("SHOW fsync").scalar()
    if fsync != "on":
        raise LedgerError(f"{shown(url)} cannot be relied on: its server runs with fsync={fsync}, set it to on")


def _check_file(connection: Connection, url: str) -> None:
    """Find out at the start, not at the first event, that the file cannot be written or is damaged.

    Torn and overwritten pages are looked for, since reading alone need not touch an index.
    """
    driver: Any = connection.connection.driver_connection
    try:
        # SQLite opens a file that may not be written without a word; this writes a number that nobody uses
        driver.execute("PRAGMA user_version = 0")
    except sqlite3.Error as error:
        raise LedgerError(f"{shown(url)} cannot be opened: {cause(error)}") from error
    try:
        with connection.begin():
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    except SQLAlchemyError as error:
        raise LedgerError(f"{shown(url)} cannot be opened: {cause(error)}") from error
    if found != "ok":
        raise LedgerError(f"{shown(url)} is damaged ({cause(ValueError(found))}): restore a backup")


def _engine(url: str, *, is_writing: bool) -> Engine:
    parsed = parsed_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            return _sqlite_engine(url, is_writing=is_writing)
        options = f"{_POSTGRESQL_SETTINGS} {parsed.query.get('options', '')}"
        engine = create_engine(parsed, poolclass=NullPool, connect_args={**_POSTGRESQL, "options": options})
        snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return engine if is_writing else engine.execution_options(**snapshot)
    except ImportError as error:
        raise LedgerError(
            f"{shown(url)} needs a Python package that is not there ({error}): "
            "pip install 'robot_ops[postgresql]' has psycopg"
        ) from error
    except (ArgumentError, SQLAlchemyError) as error:
        raise LedgerError(f"{shown(url)} is no database URL that can be opened: {error}") from error


def _sqlite_engine(url: str, *, is_writing: bool) -> Engine:
    path = file_of(url)
    # one connection for all threads: the owner thread is the only user, and a database in memory lives as long as it
    if is_writing or path is None:
        engine = create_engine(
            url, poolclass=StaticPool, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
        )
    else:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        engine = create_engine(
            MEMORY_URL,
            poolclass=StaticPool,
            creator=lambda: sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S),
        )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # the driver's own transactions leave out what changes tables; here they are begun in so many words
        connection.isolation_level = None
        if is_writing:
            # https://sqlite.org/pragma.html#pragma_synchronous: with WAL only FULL survives a power loss after the
            # commit; secure_delete overwrites what is deleted, since an archive takes people's names out of the file
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine

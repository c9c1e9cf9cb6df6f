"""Opening a database so that a commit is durable and there is one writer."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from robot_ops.core.errors import LedgerError

BUSY_TIMEOUT_S: Final = 5.0
"""How long a statement waits for a reader's lock, in seconds."""
MEMORY_URL: Final = "sqlite://"


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{path}"


def version_table(metadata: MetaData) -> Table:
    """Return the table of one row that tells which schema the database has."""
    return Table("schema_version", metadata, Column("name", String, primary_key=True), Column("version", String))


@contextmanager
def sole_writer(url: str) -> Iterator[None]:
    """Hold the lock file beside a SQLite file; other databases and SQLite in memory need none.

    The kernel frees the lock when the process ends, however it ends.

    Raises:
        LedgerError: another process holds it, or the folder cannot be written.
    """
    path = _file_of(url)
    if path is None:
        yield
        return
    lock_path = path.with_name(path.name + ".lock")
    try:
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerError(f"{lock_path} cannot be opened: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LedgerError(f"{path} is in use by another process; only one may write it") from error
        yield
    finally:
        os.close(lock)


@contextmanager
def database(url: str, metadata: MetaData, *, schema: str, version: int) -> Iterator[Connection]:
    """Open the database's only connection and create its tables where they are missing.

    Args:
        url: of SQLAlchemy.
        metadata: the tables, `version_table` among them.
        schema: what the tables hold; two schemas never share a database.
        version: of the schema; another one in the database is refused.

    Raises:
        LedgerError: it cannot be opened, is damaged, or holds something else.
    """
    try:
        engine = _engine(url)
    except (ArgumentError, ImportError, SQLAlchemyError) as error:
        raise LedgerError(f"{url!r} is no database URL that can be opened: {error}") from error
    try:
        try:
            connection = engine.connect()
        except SQLAlchemyError as error:
            raise LedgerError(f"{_shown(url)} cannot be opened: {_cause(error)}") from error
        with connection:
            _prepare(connection, metadata, url, schema, version)
            yield connection
    finally:
        engine.dispose()


def reraised(doing: str, error: SQLAlchemyError) -> LedgerError:
    """Return the LedgerError that stands for an error of the database."""
    return LedgerError(f"{doing} failed: {_cause(error)}")


def _prepare(connection: Connection, metadata: MetaData, url: str, schema: str, version: int) -> None:
    versions = metadata.tables["schema_version"]
    try:
        with connection.begin():
            metadata.create_all(connection)
            found = {row.name: row.version for row in connection.execute(select(versions))}
            if not found:
                connection.execute(versions.insert().values(name=schema, version=str(version)))
    except SQLAlchemyError as error:
        raise LedgerError(f"{_shown(url)} cannot be opened: {_cause(error)}") from error
    if found and found != {schema: str(version)}:
        shown = ", ".join(f"{name} version {number}" for name, number in found.items())
        raise LedgerError(f"{_shown(url)} holds {shown}; {schema} version {version} is needed")


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url)
    # one connection for all threads: the owner thread is the only user, and a database in memory lives as long as it
    engine = create_engine(
        url, poolclass=StaticPool, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # https://sqlite.org/pragma.html#pragma_synchronous: with WAL only FULL survives a power loss after the commit
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _file_of(url: str) -> Path | None:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise LedgerError(f"{url!r} is no database URL") from error
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def _shown(url: str) -> str:
    return str(_file_of(url) or make_url(url).render_as_string(hide_password=True))


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error)

"""Bringing a database's tables up to the version that the program needs.

A schema is a list of migrations; the first makes the tables of version 1. Each runs in a transaction of its own with
the new version number, so that a database has always exactly the tables that its number says. Alembic does more:
it finds differences by itself and rebuilds tables to alter columns. Two tables that only grow need neither, and it
would bring a template engine, a folder of scripts and a second version table.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from robot_ops.core.durable_files import put_in_place
from robot_ops.core.errors import LedgerError
from robot_ops.ledger.places import file_of, shown

Migration = Callable[[Connection], None]
_VERSIONS: Final = Table(
    "schema_version", MetaData(), Column("name", String, primary_key=True), Column("version", String)
)


def schema_version(connection: Connection, url: str, schema: str) -> int:
    """Return which version of the schema the database holds, 0 for one without tables.

    Raises:
        LedgerError: it holds something else. SQLAlchemyError: it cannot be read.
    """
    if not inspect(connection).has_table(_VERSIONS.name):
        names = inspect(connection).get_table_names()
        if names:
            raise LedgerError(f"{shown(url)} is no {schema}: it holds the tables {', '.join(sorted(names)[:5])}")
        return 0
    found = {row.name: row.version for row in connection.execute(select(_VERSIONS))}
    if not found:
        return 0
    if list(found) != [schema] or not str(found[schema]).isdecimal():
        held = ", ".join(f"{name} version {number}" for name, number in found.items())
        raise LedgerError(f"{shown(url)} holds {held}; {schema} is needed")
    return int(found[schema])


def refuse_newer(version: int, newest: int, url: str, schema: str) -> None:
    """Refuse a database that a newer program has written.

    Raises:
        LedgerError: its version is not known here.
    """
    if version > newest:
        raise LedgerError(
            f"{shown(url)} holds {schema} version {version}; this program knows versions up to {newest}: "
            "use the newer robot_ops, or restore a backup from before"
        )


def migrate(connection: Connection, url: str, schema: str, migrations: Sequence[Migration]) -> None:
    """Bring the database up to the newest version; a copy of an older SQLite file is made first.

    Raises:
        LedgerError: it holds something else or something newer, or a migration failed; the database is then as the last
            migration that went well has left it.
    """
    try:
        with connection.begin():
            version = schema_version(connection, url, schema)
    except SQLAlchemyError as error:
        raise LedgerError(f"{shown(url)} cannot be opened: {_cause(error)}") from error
    refuse_newer(version, len(migrations), url, schema)
    if 0 < version < len(migrations):
        _keep_copy(connection, url, version)
    for number in range(version + 1, len(migrations) + 1):
        try:
            with connection.begin():
                if number == 1:
                    _VERSIONS.create(connection, checkfirst=True)
                migrations[number - 1](connection)
                connection.execute(_VERSIONS.delete())
                connection.execute(_VERSIONS.insert().values(name=schema, version=str(number)))
        except SQLAlchemyError as error:
            doing = "cannot be opened" if version == 0 else f"could not be migrated from version {number - 1}"
            raise LedgerError(f"{shown(url)} {doing}: {_cause(error)}") from error


def copy_file(connection: Connection, target: Path) -> None:
    """Copy an open SQLite database into a file that appears whole, on disk, or not at all.

    Raises:
        LedgerError: it could not be written.
    """
    draft = target.with_name(f"{target.name}.{os.getpid()}.part")
    source: Any = connection.connection.driver_connection
    try:
        # personal data: for its owner only
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        copy = sqlite3.connect(draft)
        try:
            source.backup(copy)
            # a copy without a log beside it: one file that can be moved
            copy.execute("PRAGMA journal_mode=DELETE")
        finally:
            copy.close()
        put_in_place(draft, target)
    except (OSError, sqlite3.Error) as error:
        draft.unlink(missing_ok=True)
        raise LedgerError(f"{target} cannot be written: {error}") from error


def _keep_copy(connection: Connection, url: str, version: int) -> None:
    path = file_of(url)
    if path is not None:
        copy_file(connection, path.with_name(f"{path.name}.v{version}.bak"))


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error)

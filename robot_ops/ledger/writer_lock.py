"""One writer per ledger: a lock that ends with its holder, however that ends.

A SQLite file has a lock file beside it. PostgreSQL has an advisory lock, held by the very connection that writes: when
that connection is lost the lock is lost, and so is the way to write.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, func, select

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.places import file_of, shown


@contextmanager
def lock_file(url: str) -> Iterator[None]:
    """Hold the lock file beside a SQLite file; other databases and SQLite in memory have none.

    Raises:
        LedgerError: another process holds it, or the folder cannot be written.
    """
    path = file_of(url)
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


def lock_database(connection: Connection, url: str, schema: str) -> None:
    """Have the connection hold the database's lock until it ends; SQLite has none.

    Raises:
        LedgerError: another connection holds it.
    """
    if connection.dialect.name != "postgresql":
        return
    key = int.from_bytes(hashlib.sha256(schema.encode()).digest()[:8], "big", signed=True)
    with connection.begin():
        is_held = connection.scalar(select(func.pg_try_advisory_lock(key)))
    if not is_held:
        raise LedgerError(f"{shown(url)} is in use by another process; only one may write it")

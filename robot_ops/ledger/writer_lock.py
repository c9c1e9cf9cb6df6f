"""One writer per ledger: a lock that ends with its holder, however that ends.

A SQLite file has a lock file beside it, which also bears witness of how much has been acknowledged: SQLite itself takes
an emptied file for a new database and drops the torn end of its log without a word. PostgreSQL has an advisory lock,
held by the very connection that writes: when that connection is lost the lock is lost, and so is the way to write.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.places import file_of, shown

_TESTIMONY: Final = re.compile(rb"(\d{20}) ([0-9a-f]{64})\n")


class LockFile:
    """A lock file that is held.

    Args:
        handle: of the open file.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def testimony(self) -> tuple[int, str] | None:
        """Return how many events have been acknowledged and the digest of their chain, None where nobody has said."""
        found = _TESTIMONY.fullmatch(os.pread(self._handle, 100, 0))
        return None if found is None else (int(found[1]), found[2].decode())

    def testify(self, count: int, digest: str) -> None:
        """Keep how much has been acknowledged; call it after the commit.

        It is not forced to disk, which would double the time that an event takes. After a power loss it may tell of
        less than there is, never of more.
        """
        # one that could not be kept is as old as the last one, and as true
        with suppress(OSError):
            os.pwrite(self._handle, b"%020d %s\n" % (count, digest.encode()), 0)


@contextmanager
def lock_file(url: str) -> Iterator[LockFile | None]:
    """Hold the lock file beside a SQLite file; other databases and SQLite in memory have none.

    Raises:
        LedgerError: another process holds it, or the folder cannot be written.
    """
    path = file_of(url)
    if path is None:
        yield None
        return
    lock_path = path.with_name(path.name + ".lock")
    try:
        handle = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerError(f"{lock_path} cannot be opened: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LedgerError(f"{path} is in use by another process; only one may write it") from error
        _make_private(path)
        yield LockFile(handle)
    finally:
        os.close(handle)


def _make_private(path: Path) -> None:
    """Make the file where it is missing, empty and for its owner only: it will hold people's names.

    Raises:
        LedgerError: it cannot be made.
    """
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise LedgerError(f"{path} cannot be made: {error.strerror}") from error


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

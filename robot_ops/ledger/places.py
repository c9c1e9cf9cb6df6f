"""Where a ledger is: a SQLite file or a PostgreSQL database, named by a path or a URL."""

from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from robot_ops.core.errors import LedgerError

MEMORY_URL: Final = "sqlite://"
BACKENDS: Final = ("sqlite", "postgresql")
"""Databases in which one writer can be ensured."""


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def place_url(text: str) -> str:
    """Return the URL for what a user names: a URL, or the path of a SQLite file."""
    return text if "://" in text else sqlite_url(Path(text))


def parsed_url(url: str) -> URL:
    """Return the URL in its parts; the driver of PostgreSQL is psycopg unless it names another.

    Raises:
        LedgerError: it is no URL of a database that a ledger can be in.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError as error:
        raise LedgerError(f"{url!r} is no database URL") from error
    if backend not in BACKENDS:
        raise LedgerError(f"a ledger can be in SQLite or PostgreSQL, not in {backend}")
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed


def file_of(url: str) -> Path | None:
    """Return the SQLite file, None for other databases and SQLite in memory."""
    parsed = parsed_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


def shown(url: str) -> str:
    """Return how people are told of the place: the file, or the URL without its password."""
    return str(file_of(url) or parsed_url(url).render_as_string(hide_password=True))

"""A PostgreSQL server of its own for tests: no network, its own folder, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TIMEOUT_S = 60.0
_TRIES = 2000


class NoPostgresError(Exception):
    """PostgreSQL cannot be run here; the message says why."""


@dataclass(slots=True)
class PostgresServer:
    """A server that listens on a Unix socket only.

    Attributes:
        folder: of data and socket, owned by `owner`.
        programs: where initdb and pg_ctl are.
        owner: user id to run as, None for the present one. The server refuses to run as root.
    """

    folder: Path
    programs: Path
    owner: int | None
    _made: int = field(default=0)

    def start(self) -> None:
        """Start it, after a crash as well, and wait until it answers."""
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c max_connections=20"
        self._run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """End it in order, cutting off whoever is connected."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast")

    def crash(self) -> None:
        """End it at once without writing anything to disk; the next start has to recover."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def new_place(self) -> str:
        """Return the URL of a new empty schema, which is as good as a database and made in no time."""
        self._made += 1
        name = f"ledger_{self._made}"
        self.execute(f"CREATE SCHEMA {name}")
        return f"{self.url}&options=-csearch_path%3D{name}"

    def execute(self, statement: str, url: str | None = None) -> list[Any]:
        """Run a statement as the server's owner and return its rows."""
        import psycopg

        with psycopg.connect(url or self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return [] if cursor.description is None else cursor.fetchall()

    def cut_off(self) -> None:
        """End all connections, as a lost network or an administrator does."""
        others = "pid <> pg_backend_pid() AND backend_type = 'client backend'"
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

    def set_fsync(self, value: str) -> None:
        """Change the setting while the server runs, and wait until new connections have it."""
        self.execute(f"ALTER SYSTEM SET fsync = {value}")
        self.execute("SELECT pg_reload_conf()")
        for _ in range(_TRIES):
            if self.execute("SHOW fsync") == [(value,)]:
                return
        raise NoPostgresError("the server does not take its new settings")

    def make(self) -> None:
        """Make the server's files."""
        self._run("initdb", "-U", "robot_ops", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C")

    @property
    def url(self) -> str:
        """Return the URL of the server's own database."""
        return f"postgresql://robot_ops@/postgres?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, "-D", self.folder / "data", *arguments],
            user=self.owner,
            group=None if self.owner is None else pwd.getpwuid(self.owner).pw_gid,
            extra_groups=None if self.owner is None else [],
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise NoPostgresError(f"{program} failed: {done.stderr.strip()[-400:]}")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server until the end of the context.

    Raises:
        NoPostgresError: it is not installed, or cannot be run.
    """
    try:
        import psycopg
    except ImportError as error:
        raise NoPostgresError(f"psycopg cannot be imported: {error}") from error
    del psycopg
    owner = unprivileged_user() if os.geteuid() == 0 else None
    # not below a test's own folder, which another user may not enter
    with tempfile.TemporaryDirectory(prefix="robot_ops_pg_") as name:
        folder = Path(name)
        if owner is not None:
            os.chown(folder, owner, -1)
        server = PostgresServer(folder=folder, programs=_programs(), owner=owner)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.crash()


def unprivileged_user() -> int:
    """Return the id of a user without rights, for what root must not or cannot try.

    Raises:
        NoPostgresError: there is none.
    """
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise NoPostgresError("there is no user postgres or nobody to run the server as")


def _programs() -> Path:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not debian:
        raise NoPostgresError("PostgreSQL (initdb, pg_ctl) is not installed")
    return debian[-1].parent

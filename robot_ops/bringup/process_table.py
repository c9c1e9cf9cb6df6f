"""The processes of a running system as a table, and a supervisor that starts, watches and ends them together."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from robot_ops.core.errors import LinkError

_GRACE: Final = 8.0  # s between SIGTERM and SIGKILL
_WATCH_PERIOD: Final = 0.2  # s
_LAST_LINES: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One line of the table.

    Attributes:
        name: of its log file, too.
        module: run as `python -m MODULE ARGUMENTS`.
        is_vital: the system ends when this process does; others are started again.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    is_vital: bool = True

    @property
    def command(self) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", self.module, *self.arguments]


class Supervisor:
    """Runs the processes of a table; a context manager that leaves none behind.

    Args:
        folder: gets one log file per process.
        environment: of the processes.
    """

    def __init__(self, table: Sequence[Process], *, folder: Path, environment: Mapping[str, str]) -> None:
        self._table = {process.name: process for process in table}
        self._folder = folder
        self._environment = dict(environment)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._logs: dict[str, IO[bytes]] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            for process in self._table.values():
                self._start(process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Start again what may be, once it has ended.

        Raises:
            LinkError: a vital process has ended; its last words are told.
        """
        for name, running in list(self._running.items()):
            code = running.poll()
            if code is None:
                continue
            process = self._table[name]
            if process.is_vital:
                raise LinkError(f"process {name} ended with {code}: {self.last_words(name)}")
            self._start(process)

    def last_words(self, name: str) -> str:
        """Return the last lines of a process' log, and where the log is."""
        path = self._log_path(name)
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        return "\n  ".join(["", *lines, f"(the whole log: {path})"])

    def pid(self, name: str) -> int:
        """Return the process id of a running process."""
        return self._running[name].pid

    def stop(self) -> None:
        """End all processes, in reverse order of their start; those that do not within some seconds are killed."""
        for name in reversed(self._running):
            _signal_group(self._running[name], signal.SIGTERM)
        for running in self._running.values():
            try:
                running.wait(_GRACE)
            except subprocess.TimeoutExpired:
                _signal_group(running, signal.SIGKILL)
                running.wait()
        for log in self._logs.values():
            log.close()
        self._running.clear()
        self._logs.clear()

    def wait(self, ended: threading.Event, timeout: float) -> None:
        """Watch the processes until the event is set or the time, in seconds, is over.

        Raises:
            LinkError: a vital process has ended.
        """
        for _ in range(max(1, round(timeout / _WATCH_PERIOD))):
            if ended.wait(_WATCH_PERIOD):
                return
            self.check()

    def _start(self, process: Process) -> None:
        log = self._logs.get(process.name)
        if log is None:
            log = self._logs[process.name] = self._log_path(process.name).open("ab")
        self._running[process.name] = subprocess.Popen(
            process.command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone, which ends the rest
        )

    def _log_path(self, name: str) -> Path:
        return self._folder / f"{name}.log"


def _signal_group(running: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if running.poll() is None:
        try:
            os.killpg(running.pid, number)
        except ProcessLookupError:
            return  # it ended between the look and the signal

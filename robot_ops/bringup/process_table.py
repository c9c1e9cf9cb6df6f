"""The processes of a running system as a table, and a supervisor that starts, watches and ends them together."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from robot_ops.core.errors import LinkError, SetupError

PARENT_VARIABLE: Final = "ROBOT_OPS_PARENT"
"""Environment variable with the supervisor's process id: one that was killed before its processes could ask who their
parent is must not leave them running."""

_GRACE: Final = 8.0  # s between SIGTERM and SIGKILL
_WATCH_PERIOD: Final = 0.2  # s
_LAST_LINES: Final = 15
_WRONG_INPUT: Final = 2  # exit code of a process that will not do better the next time
_RESTART_DELAY: Final = 1.0  # s
_SHORT_LIFE: Final = 15.0  # s; who lives longer has come up
_MOST_SHORT_LIVES: Final = 3  # in a row


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


@dataclass(slots=True)
class _Life:
    """What the supervisor remembers of a process over its restarts; instants of the monotonic clock, seconds.

    Attributes:
        start_again_at: when it may be started again; None while it runs.
        short_lives: in a row.
    """

    began: float
    start_again_at: float | None = None
    short_lives: int = 0


class Supervisor:
    """Runs the processes of a table; a context manager that leaves none behind.

    Args:
        folder: gets one log file per process.
        environment: of the processes.
    """

    def __init__(self, table: Sequence[Process], *, folder: Path, environment: Mapping[str, str]) -> None:
        self._table = {process.name: process for process in table}
        self._folder = folder
        self._environment = {**environment, PARENT_VARIABLE: str(os.getpid())}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lives: dict[str, _Life] = {}
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
        """Start again what may be, a moment after it has ended.

        Raises:
            SetupError: a process has ended because of wrong input.
            LinkError: a vital process has ended, or another one time after time.
        """
        now = time.monotonic()
        for name, running in list(self._running.items()):
            code = running.poll()
            if code is None:
                continue
            life = self._lives[name]
            if life.start_again_at is None:
                self._take_leave(self._table[name], life, code, now)
            elif now >= life.start_again_at:
                self._start(self._table[name])

    def _take_leave(self, process: Process, life: _Life, code: int, now: float) -> None:
        if code == _WRONG_INPUT:
            raise SetupError(f"process {process.name} cannot run: {self.last_words(process.name)}")
        life.short_lives = life.short_lives + 1 if now - life.began < _SHORT_LIFE else 0
        if process.is_vital or life.short_lives >= _MOST_SHORT_LIVES:
            times = "" if process.is_vital else f"{life.short_lives} times in a row, at last "
            raise LinkError(f"process {process.name} ended {times}with {code}: {self.last_words(process.name)}")
        life.start_again_at = now + _RESTART_DELAY

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
        self._lives.clear()
        self._logs.clear()

    def wait(self, ended: threading.Event, timeout: float) -> None:
        """Watch the processes until the event is set or the time, in seconds, is over.

        Raises:
            SetupError, LinkError: as `check`.
        """
        for _ in range(max(1, round(timeout / _WATCH_PERIOD))):
            if ended.wait(_WATCH_PERIOD):
                return
            self.check()

    def _start(self, process: Process) -> None:
        life = self._lives.setdefault(process.name, _Life(began=0.0))
        life.began, life.start_again_at = time.monotonic(), None
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

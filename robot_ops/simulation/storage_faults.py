"""Ledgers and custody logs that fail, and processes that die at a write, as faults tell them to."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from robot_ops.core.errors import LedgerError
from robot_ops.core.ids import PersonId, TaskId
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, CustodyLog
from robot_ops.tasks.ledger import Ledger, LedgerEvent
from robot_ops.tasks.routes import RouteProgress


class ProcessKilled(BaseException):
    """The process that writes dies here; like KeyboardInterrupt, nothing in the process may catch it."""


@dataclass(slots=True)
class DiskTrouble:
    """What is wrong with one process's disk now.

    Attributes:
        failing: per fault that makes writes fail, the chance of it, 0-1, and what draws.
        kills: faults that kill the process at its next write; True: what it writes has reached the disk before.
    """

    failing: dict[int, tuple[float, np.random.Generator]] = field(default_factory=dict)
    kills: dict[int, bool] = field(default_factory=dict)

    def before(self) -> tuple[bool, bool]:
        """Decide on a write that begins; return whether it fails, and whether the process dies, after it.

        Raises:
            LedgerError: it fails with nothing written.
            ProcessKilled: the process dies with nothing written.
        """
        if self.kills:
            is_written = self.kills.pop(min(self.kills))
            if not is_written:
                raise ProcessKilled
            return False, True
        for chance, rng in self.failing.values():
            if rng.random() < chance:
                if rng.random() < 0.5:
                    raise LedgerError("writing failed: disk is full")
                return True, False
        return False, False

    def after(self, decided: tuple[bool, bool]) -> None:
        """Carry out what was decided, now that the write is on disk.

        Raises:
            LedgerError: the disk failed in the commit: nobody knows whether it was written.
            ProcessKilled: the process dies before it gets to know.
        """
        fails, dies = decided
        if dies:
            raise ProcessKilled
        if fails:
            raise LedgerError("writing failed: disk I/O error")


class FallibleLedger:
    """A ledger port in front of another ledger.

    Args:
        on_written: told each event that is on disk for the first time.
    """

    def __init__(self, ledger: Ledger, trouble: DiskTrouble, on_written: Callable[[LedgerEvent], None]) -> None:
        self._ledger = ledger
        self._trouble = trouble
        self._on_written = on_written
        self._known: set[str] = set()

    def append(self, *events: LedgerEvent) -> None:
        """See Ledger."""
        decided = self._trouble.before()
        self._ledger.append(*events)
        for event in events:
            if event.event_id not in self._known:
                self._known.add(event.event_id)
                self._on_written(event)
        self._trouble.after(decided)

    def events(self) -> Iterator[LedgerEvent]:
        """See Ledger."""
        return self._ledger.events()

    def digest(self) -> str:
        """See Ledger."""
        return self._ledger.digest()


class FallibleHoldings:
    """Keeps what robots hold, for the next process of the fleet; implements `robot_ops.dispatch.ports.Holdings`."""

    def __init__(self, trouble: DiskTrouble) -> None:
        self._trouble = trouble
        self._saved: tuple[RouteProgress, ...] = ()

    def load(self) -> tuple[RouteProgress, ...]:
        """See Holdings."""
        return self._saved

    def save(self, holdings: Iterable[RouteProgress]) -> None:
        """See Holdings."""
        decided = self._trouble.before()
        self._saved = tuple(holdings)
        self._trouble.after(decided)


class FallibleCustodyLog:
    """A custody log in front of another; keeps the events in memory, since each process life begins by reading them.

    Args:
        on_written: told each event that is on disk.
    """

    def __init__(self, log: CustodyLog, trouble: DiskTrouble, on_written: Callable[[CustodyEvent], None]) -> None:
        self._log = log
        self._trouble = trouble
        self._on_written = on_written
        self._events: list[CustodyEvent] = list(log.events())
        self._by_task: dict[TaskId, list[CustodyEvent]] = {}
        for event in self._events:
            self._by_task.setdefault(event.task_id, []).append(event)

    def record(
        self, *, kind: CustodyKind, task_id: TaskId, person: PersonId, compartment: str, stamp_ns: int
    ) -> CustodyEvent:
        """See CustodyLog."""
        decided = self._trouble.before()
        event = self._log.record(kind=kind, task_id=task_id, person=person, compartment=compartment, stamp_ns=stamp_ns)
        self._events.append(event)
        self._by_task.setdefault(task_id, []).append(event)
        self._on_written(event)
        self._trouble.after(decided)
        return event

    def events(self, task_id: TaskId | None = None) -> tuple[CustodyEvent, ...]:
        """See CustodyLog."""
        return tuple(self._events if task_id is None else self._by_task.get(task_id, ()))

    def latest(self, count: int) -> tuple[CustodyEvent, ...]:
        """Return the last so many events in order."""
        return tuple(self._events[-count:])

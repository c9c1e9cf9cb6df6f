"""Points at which a process may die, counted, and the ledger, custody log and locks that have them."""

from collections.abc import Iterator
from contextlib import contextmanager

from robot_ops.core.ids import PersonId, TaskId
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, CustodyLog
from robot_ops.tasks.ledger import Ledger, LedgerEvent
from robot_ops.testing.robot_body import FakeCompartments


class Crash(BaseException):
    """The end of a process; nothing in it may catch this."""

    def __init__(self, process: str, what: str) -> None:
        super().__init__(f"{process} dies {what}")
        self.process = process


class Fuse:
    """Counts the points and blows at the chosen one.

    Args:
        target: number of the point, from 0; None never.

    Attributes:
        points: what was passed so far, the chosen one included.
    """

    def __init__(self, target: int | None = None) -> None:
        self._target = target
        self.points: list[str] = []

    @contextmanager
    def around(self, process: str, what: str) -> Iterator[None]:
        """Have a point right before and one right after something that lasts or is seen outside.

        Raises:
            Crash: one of them is the chosen one.
        """
        self._pass(process, f"before {what}")
        yield
        self._pass(process, f"after {what}")

    def _pass(self, process: str, when: str) -> None:
        number = len(self.points)
        self.points.append(f"{process} {when}")
        if number == self._target:
            raise Crash(process, when)


class FusedLedger:
    """A ledger with a point before and after every append."""

    def __init__(self, ledger: Ledger, fuse: Fuse) -> None:
        self._ledger = ledger
        self._fuse = fuse

    def append(self, *events: LedgerEvent) -> None:
        """See Ledger."""
        with self._fuse.around("fleet", f"writing {' '.join(event.kind for event in events)}"):
            self._ledger.append(*events)

    def events(self) -> Iterator[LedgerEvent]:
        """See Ledger."""
        return self._ledger.events()

    def digest(self) -> str:
        """See Ledger."""
        return self._ledger.digest()


class FusedCustodyLog:
    """A custody log with a point before and after every record.

    Attributes:
        has_news: something was recorded; whoever has read it takes it back.
    """

    def __init__(self, log: CustodyLog, fuse: Fuse, process: str) -> None:
        self.has_news = True
        self._log = log
        self._fuse = fuse
        self._process = process

    def record(
        self, *, kind: CustodyKind, task_id: TaskId, person: PersonId, compartment: str, stamp_ns: int
    ) -> CustodyEvent:
        """See CustodyLog."""
        with self._fuse.around(self._process, f"recording {kind.value}"):
            event = self._log.record(
                kind=kind, task_id=task_id, person=person, compartment=compartment, stamp_ns=stamp_ns
            )
            self.has_news = True
        return event

    def events(self, task_id: TaskId | None = None) -> tuple[CustodyEvent, ...]:
        """See CustodyLog."""
        return self._log.events(task_id)


class FusedCompartments(FakeCompartments):
    """Locks with a point before and after every command that changes something."""

    def __init__(self, compartments: tuple[str, ...], fuse: Fuse, process: str) -> None:
        super().__init__(compartments)
        self._fuse = fuse
        self._process = process

    def unlock(self, compartment: str) -> None:
        """See Compartments."""
        if not self._states[compartment].is_locked:
            super().unlock(compartment)
            return
        with self._fuse.around(self._process, f"unlocking {compartment}"):
            super().unlock(compartment)

    def lock(self, compartment: str) -> None:
        """See Compartments."""
        if self._states[compartment].is_locked or compartment in self._to_lock:
            super().lock(compartment)
            return
        with self._fuse.around(self._process, f"locking {compartment}"):
            super().lock(compartment)

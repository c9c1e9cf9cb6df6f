"""The task book and the ledger behind it, kept in step."""

from robot_ops.core.clock import Clock
from robot_ops.core.errors import LedgerError, StateError
from robot_ops.tasks.book import TaskBook, replayed
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.ledger import Ledger, LedgerEvent, Payload


class Journal:
    """Writes every change of the task book to the ledger before anybody acts on it.

    Args:
        ledger: this is its only writer.
        clock: stamps the events.
    """

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._book = TaskBook()
        self._is_settled = True
        self._changes = 0

    @property
    def changes(self) -> int:
        """Return how often the book has changed so far."""
        return self._changes

    @property
    def book(self) -> TaskBook:
        """Return the book as of now; do not keep it, it is replaced when the ledger is read again."""
        return self._book

    @property
    def digest(self) -> str:
        """Return the ledger's digest."""
        return self._ledger.digest()

    def recover(self) -> None:
        """Read the whole ledger.

        Raises:
            LedgerError: it cannot be read or does not fit together.
        """
        self._changes += 1
        try:
            self._book = replayed(self._ledger.events())
        except StateError as error:
            raise LedgerError(str(error)) from error
        self._is_settled = True

    def settle(self) -> None:
        """Read the ledger again after a failed write, of which it is not known whether it reached the disk.

        Raises:
            LedgerError: it still cannot be read.
        """
        if not self._is_settled:
            self.recover()

    def write(self, kind: EventKind, subject: str, payload: Payload) -> None:
        """Record a fact and apply it to the book.

        Raises:
            StateError: the book does not allow it; nothing was changed.
            LedgerError: it could not be written; call `settle` before anything else.
        """
        self.settle()
        event = LedgerEvent(
            event_id=self._book.next_event_id(subject),
            kind=kind.value,
            subject=subject,
            stamp_ns=self._clock.now_ns(),
            payload=payload,
        )
        # applied first, since what the book refuses must never reach the ledger
        self._book.apply(event)
        self._changes += 1
        self._is_settled = False
        self._ledger.append(event)
        self._is_settled = True

"""A ledger in memory, and one that fails when told, for tests."""

from collections.abc import Iterator

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.chain import GENESIS, link_digest
from robot_ops.tasks.ledger import Ledger, LedgerEvent


class MemoryLedger:
    """Implements `robot_ops.tasks.ledger.Ledger` in a list; its digests equal those of `SqlLedger`."""

    def __init__(self) -> None:
        self._events: list[LedgerEvent] = []
        self._ids: set[str] = set()
        self._digest = GENESIS

    def append(self, *events: LedgerEvent) -> None:
        """Append the events whose ids are new.

        Raises:
            ValueError: a payload holds a number that is not finite.
        """
        digest, new = self._digest, dict[str, LedgerEvent]()
        for event in events:
            if event.event_id not in self._ids and event.event_id not in new:
                digest = link_digest(digest, event)
                new[event.event_id] = event
        self._events.extend(new.values())
        self._ids.update(new)
        self._digest = digest

    def events(self) -> Iterator[LedgerEvent]:
        """Yield all events in order."""
        yield from tuple(self._events)

    def digest(self) -> str:
        """Return the digest over all events."""
        return self._digest


class FailingLedger:
    """Passes everything on to another ledger, and fails at chosen appends.

    Args:
        ledger: the one behind it.
        fail_before: numbers of appends, from 0, that fail with nothing written.
        fail_after: numbers of appends that are written and fail all the same, as when the disk fails in a commit.
    """

    def __init__(
        self, ledger: Ledger, *, fail_before: frozenset[int] = frozenset(), fail_after: frozenset[int] = frozenset()
    ) -> None:
        self._ledger = ledger
        self._fail_before = fail_before
        self._fail_after = fail_after
        self.append_count = 0

    def append(self, *events: LedgerEvent) -> None:
        """Append, or fail as told.

        Raises:
            LedgerError: this append was chosen.
        """
        number, self.append_count = self.append_count, self.append_count + 1
        if number in self._fail_before:
            raise LedgerError("writing the ledger failed: disk is full")
        self._ledger.append(*events)
        if number in self._fail_after:
            raise LedgerError("writing the ledger failed: disk I/O error")

    def events(self) -> Iterator[LedgerEvent]:
        """Yield all events of the ledger behind it."""
        return self._ledger.events()

    def digest(self) -> str:
        """Return the digest of the ledger behind it."""
        return self._ledger.digest()

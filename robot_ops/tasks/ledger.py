"""The ledger port: an append-only log of what happened to tasks. State is derived from it, never the other way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

Payload = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEvent:
    """One fact.

    Attributes:
        event_id: the same id again is the same fact (idempotence key).
        kind: a name from `robot_ops.tasks.book`.
        subject: the task (or robot) it is about.
        stamp_ns: instant it happened, nanoseconds.
        payload: flat, JSON-able.
    """

    event_id: str
    kind: str
    subject: str
    stamp_ns: int
    payload: Payload


class Ledger(Protocol):
    """Durable, append-only, one writer. Adapters pass `robot_ops.testing.ledger_kit`."""

    def append(self, *events: LedgerEvent) -> None:
        """Append all events or none; they are durable when this returns. Ids that are there already are skipped.

        Raises:
            LedgerError: they could not be written; nothing was.
        """
        ...

    def events(self) -> Iterator[LedgerEvent]:
        """Yield all events in the order they were appended.

        Raises:
            LedgerError: it could not be read or is damaged.
        """
        ...

    def digest(self) -> str:
        """Return SHA-256, hex, over all events in order: equal digests, equal histories."""
        ...

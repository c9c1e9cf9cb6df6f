"""The running digest that links ledger events: equal digests, equal histories.

Events that were moved to an archive leave a gap in the live database. The digest behind the gap is kept, so that the
chain goes on across it and the digest of the whole history stays what it was.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from robot_ops.tasks.ledger import LedgerEvent, Payload

GENESIS: Final = "0" * 64
"""Digest of an empty ledger."""
# made once: json.dumps makes a new encoder for every call with options, which takes longer than the encoding
_PAYLOAD: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
_TEXT: Final = json.JSONEncoder(ensure_ascii=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainedEvent:
    """An event at its place in the chain.

    Attributes:
        seq: 0, 1, 2 ... over the whole history, archived events included.
        digest: of the history that ends with it.
        payload_text: the event's canonical payload where it is at hand, None where it is to be made.
    """

    seq: int
    event: LedgerEvent
    digest: str
    payload_text: str | None = field(default=None, compare=False, repr=False)

    @property
    def last_seq(self) -> int:
        """Return its number, as of a gap that is one event long."""
        return self.seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Events in a row that are not here.

    Attributes:
        digest: of the history that ends with the last of them.
        archive: name of the archive file that has them; empty where that is not known here.
    """

    seq: int
    last_seq: int
    digest: str
    archive: str


Entry = ChainedEvent | Gap


class ChainBreakError(ValueError):
    """An event was changed, dropped or reordered."""


class ChainCheck:
    """Follows a chain from its beginning."""

    def __init__(self) -> None:
        self.digest = GENESIS
        self.next_seq = 0

    def take(self, entry: Entry) -> None:
        """Go on to the next entry.

        Raises:
            ChainBreakError: it does not follow the one before; the message names it.
        """
        if entry.seq != self.next_seq:
            raise ChainBreakError(f"event {self.next_seq} is missing")
        if isinstance(entry, ChainedEvent):
            digest = link_digest(self.digest, entry.event, entry.payload_text)
            if digest != entry.digest:
                raise ChainBreakError(f"event {entry.seq} ({entry.event.event_id}) or one before was changed")
        elif entry.last_seq < entry.seq:
            raise ChainBreakError(f"the gap at event {entry.seq} ends before it begins")
        self.digest = entry.digest
        self.next_seq = entry.last_seq + 1


def checked(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries of a chain from its beginning, each once it is known to follow.

    Raises:
        ChainBreakError: one does not.
    """
    check = ChainCheck()
    for entry in entries:
        check.take(entry)
        yield entry


def canonical_payload(payload: Payload) -> str:
    """Return the payload as JSON with sorted keys, without spaces, in ASCII.

    Raises:
        ValueError: a number is not finite; JSON has no word for it.
    """
    return _PAYLOAD.encode(dict(payload))


def link_digest(previous: str, event: LedgerEvent, payload_text: str | None = None) -> str:
    """Return the digest, SHA-256 in hex, of the history that ends with this event.

    Args:
        payload_text: the event's canonical payload, where it is at hand.
    """
    text = canonical_payload(event.payload) if payload_text is None else payload_text
    encode = _TEXT.encode
    # a JSON list of the five, written out for speed
    fields = f"[{encode(event.event_id)},{encode(event.kind)},{encode(event.subject)},{event.stamp_ns},{encode(text)}]"
    return hashlib.sha256(f"{previous}{fields}".encode()).hexdigest()

"""The running digest that links ledger events: equal digests, equal histories."""

import hashlib
import json
from typing import Final

from robot_ops.tasks.ledger import LedgerEvent, Payload

GENESIS: Final = "0" * 64
"""Digest of an empty ledger."""


def canonical_payload(payload: Payload) -> str:
    """Return the payload as JSON with sorted keys, without spaces, in ASCII.

    Raises:
        ValueError: a number is not finite; JSON has no word for it.
    """
    return json.dumps(dict(payload), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def link_digest(previous: str, event: LedgerEvent) -> str:
    """Return the digest, SHA-256 in hex, of the history that ends with this event."""
    fields = [event.event_id, event.kind, event.subject, event.stamp_ns, canonical_payload(event.payload)]
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{previous}{text}".encode()).hexdigest()

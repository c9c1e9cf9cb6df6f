"""Reading the chain out of the database, in pages."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Executable, Row, select

from robot_ops.core.errors import LedgerError
from robot_ops.ledger.chain import GENESIS, ChainedEvent, Entry, Gap
from robot_ops.ledger.schema import ARCHIVED_RUNS, EVENTS
from robot_ops.tasks.ledger import LedgerEvent

Query = Callable[[Executable], Sequence[Row[Any]]]
"""Executes a statement and returns all rows."""
_PAGE: Final = 1000


def stored_entries(query: Query, *, has_gaps: bool = True) -> Iterator[Entry]:
    """Yield events and gaps in order, unchecked.

    Args:
        query: where all entries shall be of one instant, in one transaction.
        has_gaps: False for a database from before there were archives.

    Raises:
        LedgerError: a payload is no JSON; and what `query` raises.
    """
    gaps = iter(stored_gaps(query) if has_gaps else ())
    gap, seq = next(gaps, None), 0
    while True:
        page = query(select(EVENTS).where(EVENTS.c.seq >= seq).order_by(EVENTS.c.seq).limit(_PAGE))
        for row in page:
            while gap is not None and gap.seq < row.seq:
                yield gap
                gap = next(gaps, None)
            yield _event_of(row)
        if len(page) < _PAGE:
            break
        seq = page[-1].seq + 1
    while gap is not None:
        yield gap
        gap = next(gaps, None)


def stored_gaps(query: Query) -> tuple[Gap, ...]:
    """Return the gaps in order."""
    return tuple(
        Gap(seq=row.first_seq, last_seq=row.last_seq, digest=row.digest, archive=row.archive)
        for row in query(select(ARCHIVED_RUNS).order_by(ARCHIVED_RUNS.c.first_seq))
    )


def stored_head(query: Query) -> tuple[int, str]:
    """Return the number that the next event gets and the digest of the history so far, archived events included."""
    events = query(select(EVENTS.c.seq, EVENTS.c.digest).order_by(EVENTS.c.seq.desc()).limit(1))
    gaps = stored_gaps(query)[-1:]
    heads = [(row.seq, row.digest) for row in events] + [(gap.last_seq, gap.digest) for gap in gaps]
    if not heads:
        return 0, GENESIS
    last_seq, digest = max(heads)
    return last_seq + 1, digest


def _event_of(row: Row[Any]) -> ChainedEvent:
    fields: Sequence[Any] = row
    seq, event_id, kind, subject, stamp_ns, text, digest = fields
    try:
        payload = json.loads(text)
    except ValueError as error:
        raise LedgerError(f"the ledger is damaged at event {seq} ({event_id})") from error
    event = LedgerEvent(event_id=event_id, kind=kind, subject=subject, stamp_ns=stamp_ns, payload=payload)
    return ChainedEvent(seq=seq, event=event, digest=digest, payload_text=text)

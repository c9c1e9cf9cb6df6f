"""What a ledger holds, in numbers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from robot_ops.ledger.chain import GENESIS, Gap
from robot_ops.ledger.reading import opened_history


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Numbers of a ledger, backup or archive.

    Attributes:
        version: of the database's schema, None of a file.
        archived_count: events that are elsewhere.
        first_ns, last_ns: stamps of the first and last event, nanoseconds, None where there is none.
        kinds: events per kind, by name.
    """

    place: str
    form: str
    version: int | None
    event_count: int
    archived_count: int
    first_ns: int | None
    last_ns: int | None
    digest: str
    kinds: Mapping[str, int]


def summarized(place: str) -> Summary:
    """Return the numbers of a ledger, whose chain is checked on the way.

    Raises:
        LedgerError: it cannot be read or is damaged. BackupError: the same of a file.
    """
    kinds, archived_count, digest = Counter[str](), 0, GENESIS
    first_ns: int | None = None
    last_ns: int | None = None
    with opened_history(place) as history:
        for entry in history.entries():
            digest = entry.digest
            if isinstance(entry, Gap):
                archived_count += entry.last_seq - entry.seq + 1
                continue
            kinds[entry.event.kind] += 1
            first_ns = entry.event.stamp_ns if first_ns is None else first_ns
            last_ns = entry.event.stamp_ns
    return Summary(
        place=history.place,
        form=history.form,
        version=history.version,
        event_count=kinds.total(),
        archived_count=archived_count,
        first_ns=first_ns,
        last_ns=last_ns,
        digest=digest,
        kinds=dict(sorted(kinds.items())),
    )

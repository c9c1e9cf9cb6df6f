"""Moving old events into an archive file.

First the file is written, brought to disk and read back; then, in one transaction, the events leave the database, the
gaps that they leave keep the chain of digests together, and notes are appended of what must stay known. When anything
fails or dies in between, the events are in both places: the file is then of no use, and archiving can be done again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from robot_ops.core.errors import BackupError
from robot_ops.core.ids import RobotId
from robot_ops.ledger.chain import ChainedEvent, Entry, Gap
from robot_ops.ledger.history_file import Content, HistoryEnd, refuse_existing, write_history
from robot_ops.ledger.retention import Selection, select_old
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.tasks.archived import SUBJECT, ArchiveNote, CustodyEnd, note_payload
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.ledger import LedgerEvent

_TASKS_PER_NOTE: Final = 500
_MAX_NAME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What was archived."""

    event_count: int
    task_count: int


def archive(ledger: SqlLedger, *, before_ns: int, file: Path, now_ns: int) -> Archived:
    """Move what was over before an instant into a new file; where there is nothing, no file is made.

    Args:
        ledger: open; a running fleet has its ledger locked, so archiving waits until it is stopped.
        before_ns, now_ns: nanoseconds.

    Raises:
        BackupError: the file exists or cannot be written; nothing was changed.
        LedgerError: the ledger is damaged or cannot be written.
    """
    refuse_existing(file)
    if len(file.name) > _MAX_NAME:
        raise BackupError(
            f"its name is longer than {_MAX_NAME} characters", where=str(file), mend="choose a shorter one"
        )
    gaps = [entry for entry in ledger.entries() if isinstance(entry, Gap)]
    if any(gap.archive == file.name for gap in gaps):
        raise BackupError("an earlier archive has this name", where=str(file), mend="choose another")
    selection = select_old(ledger.entries(), before_ns)
    if not selection.seqs:
        return Archived(event_count=0, task_count=0)
    cut: list[Gap] = []
    end = write_history(file, _archived_entries(ledger, selection, file.name, cut), Content.ARCHIVE)
    ledger.cut(cut, *_notes(selection, file.name, end, now_ns))
    ledger.wipe()
    return Archived(event_count=end.event_count, task_count=len(selection.requests))


def _archived_entries(ledger: SqlLedger, selection: Selection, name: str, cut: list[Gap]) -> Iterator[Entry]:
    """Yield the archive's entries up to the last event that leaves, and add the gaps that will be left to `cut`."""
    last_seq = max(selection.seqs)
    between: Gap | None = None
    for entry in ledger.entries():
        if entry.seq > last_seq:
            return
        if isinstance(entry, ChainedEvent) and entry.seq in selection.seqs:
            if between is not None:
                yield between
                between = None
            is_next = bool(cut) and cut[-1].last_seq == entry.seq - 1
            first_seq = cut.pop().seq if is_next else entry.seq
            cut.append(Gap(seq=first_seq, last_seq=entry.seq, digest=entry.digest, archive=name))
            yield entry
            continue
        archive_name = entry.archive if isinstance(entry, Gap) else ""
        if between is not None and between.archive != archive_name:
            yield between
            between = None
        first_seq = entry.seq if between is None else between.seq
        between = Gap(seq=first_seq, last_seq=entry.last_seq, digest=entry.digest, archive=archive_name)


def _notes(selection: Selection, name: str, end: HistoryEnd, now_ns: int) -> Iterator[LedgerEvent]:
    """Yield the events that tell of the archive, some hundred tasks each."""
    requests = iter(selection.requests.items())
    others = {subject: count for subject, count in selection.event_counts.items() if subject not in selection.requests}
    custody = dict(selection.custody)
    number = selection.notes
    while True:
        part = dict(islice(requests, _TASKS_PER_NOTE))
        if not part and number > selection.notes:
            return
        counts = others | {str(task_id): selection.event_counts[task_id] for task_id in part}
        note = ArchiveNote(
            archive=name,
            content_digest=end.content_digest,
            requests=part,
            event_counts=counts,
            custody=custody,
        )
        yield LedgerEvent(
            event_id=f"{SUBJECT}#{number}",
            kind=EventKind.ARCHIVED.value,
            subject=SUBJECT,
            stamp_ns=now_ns,
            payload=note_payload(note),
        )
        number += 1
        others.clear()
        custody = dict[RobotId, CustodyEnd]()

"""Checking a ledger together with its archives: every digest, and that each gap is what an archive has."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from robot_ops.core.errors import BackupError, LedgerError, StateError
from robot_ops.ledger.chain import GENESIS, ChainedEvent, Gap
from robot_ops.ledger.history_file import Content, HistoryReader
from robot_ops.ledger.reading import opened_history
from robot_ops.tasks.archived import note_of
from robot_ops.tasks.book import TaskBook
from robot_ops.tasks.events import EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A ledger that holds together.

    Attributes:
        event_count: events that were checked, archived ones not counted.
        digest: of the whole history.
        archived: per archive how many events of the ledger it has; in an archive "" is for those that it has not.
        missing: archives that were not given.
    """

    place: str
    form: str
    version: int | None
    event_count: int
    digest: str
    task_count: int
    open_count: int
    archived: dict[str, int]
    missing: tuple[str, ...]


def verify(place: str, archives: Iterable[Path] = ()) -> Verified:
    """Check a ledger, backup or archive from its first event to its last, and archives that belong to it.

    Raises:
        LedgerError: it is damaged, or its events do not fit together. BackupError: an archive is damaged, or does not
            belong to the ledger.
    """
    event_count, digest, gaps, book = 0, GENESIS, list[Gap](), TaskBook()
    content_digests: dict[str, str] = {}
    with ExitStack() as resources:
        history = resources.enter_context(opened_history(place))
        for entry in history.entries():
            digest = entry.digest
            if isinstance(entry, Gap):
                gaps.append(entry)
                continue
            event_count += 1
            if history.form == Content.ARCHIVE.value:
                continue  # of other tasks, it need not make sense by itself
            try:
                book.apply(entry.event)
            except StateError as error:
                raise LedgerError(f"{history.place} does not make sense: {error}") from error
            if entry.event.kind == EventKind.ARCHIVED.value:
                note = note_of(entry.event.payload)
                content_digests[note.archive] = note.content_digest
    archived: dict[str, int] = {}
    for gap in gaps:
        archived[gap.archive] = archived.get(gap.archive, 0) + gap.last_seq - gap.seq + 1
    given = {_check_archive(path, gaps, content_digests) for path in archives}
    return Verified(
        place=history.place,
        form=history.form,
        version=history.version,
        event_count=event_count,
        digest=digest,
        task_count=len(book.tasks) + len(book.archived.tasks),
        open_count=len(book.open_tasks),
        archived=archived,
        missing=tuple(name for name in archived if name and name not in given),
    )


def _check_archive(path: Path, gaps: list[Gap], content_digests: dict[str, str]) -> str:
    """Check that an archive has exactly what the ledger says, and return the name the ledger knows it by."""
    reader = HistoryReader(path)
    if reader.content is not Content.ARCHIVE:
        raise BackupError("is a backup, not an archive", where=str(path))
    runs = list[Gap]()
    for entry in reader.entries():
        if isinstance(entry, ChainedEvent):
            first_seq = runs.pop().seq if runs and runs[-1].last_seq == entry.seq - 1 else entry.seq
            runs.append(Gap(seq=first_seq, last_seq=entry.seq, digest=entry.digest, archive=""))
    assert reader.end is not None
    names = [name for name, digest in content_digests.items() if digest == reader.end.content_digest]
    if not names:
        raise BackupError("does not belong to this ledger, or was never used", where=str(path))
    expected = [(gap.seq, gap.last_seq, gap.digest) for gap in gaps if gap.archive == names[0]]
    if [(run.seq, run.last_seq, run.digest) for run in runs] != expected:
        raise BackupError("does not have the events that the ledger lacks", where=str(path))
    return names[0]

"""Backups and archives: a history as lines of JSON, compressed with gzip, for every database alike.

The first line names the format. Each other is an event with the digest of the chain up to it, or a gap: events that
are elsewhere. Both kinds of file begin at the ledger's first event, so that each can be checked by itself. The last
line has the digests of the chain and of all lines before; a file without it was cut off.
"""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from robot_ops.core.durable_files import put_in_place
from robot_ops.core.errors import BackupError, LedgerError
from robot_ops.ledger.chain import ChainBreakError, ChainCheck, ChainedEvent, Entry, Gap
from robot_ops.tasks.ledger import LedgerEvent

FORMAT: Final = "robot_ops ledger"
VERSION: Final = 1
_MAGIC: Final = b"\x1f\x8b"


class Content(Enum):
    """What a file is for."""

    BACKUP = "backup"  # all that the live database had
    ARCHIVE = "archive"  # what was taken out of it


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEnd:
    """What the last line says.

    Attributes:
        digest: of the chain up to the file's last entry.
        content_digest: SHA-256, hex, over all lines before the last.
    """

    event_count: int
    digest: str
    content_digest: str


def is_history_file(path: Path) -> bool:
    """Return whether the file is compressed as backups and archives are."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def refuse_existing(path: Path) -> None:
    """Refuse to write over a file.

    Raises:
        BackupError: it exists, or its folder does not.
    """
    if path.exists():
        raise BackupError("is there already", where=str(path), mend="name another file")
    if not path.absolute().parent.is_dir():
        raise BackupError("cannot be written: its folder is missing", where=str(path), mend="make the folder")


def write_history(path: Path, entries: Iterable[Entry], content: Content) -> HistoryEnd:
    """Write a new file. It appears under its name when it is whole, on disk and has been read back.

    Args:
        entries: a whole chain.

    Raises:
        BackupError: the file exists or cannot be written. LedgerError: the chain is broken, or cannot be read.
    """
    refuse_existing(path)
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with draft.open("xb") as file:
            # personal data: for its owner only
            os.fchmod(file.fileno(), 0o600)
            with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
                end = _write_lines(packed, entries, content)
        reader = HistoryReader(draft)
        for _ in reader.entries():
            pass
        if reader.end != end:
            raise BackupError("does not read as it was written", where=str(path), mend="check the disk")
        put_in_place(draft, path)
    except OSError as error:
        raise BackupError(f"cannot be written: {error.strerror or error}", where=str(path)) from error
    finally:
        draft.unlink(missing_ok=True)
    return end


class HistoryReader:
    """Reads and checks a backup or archive.

    Args:
        path: opened by `entries` and closed at its end.

    Raises:
        BackupError: the file is none of these; `entries` raises it where it is damaged, with the line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = 0
        self.end: HistoryEnd | None = None
        with self._opened() as file:
            self.content = self._header(self._read(file))

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in order, each checked; `end` is known afterwards.

        Raises:
            BackupError: a line is damaged or missing. Entries yielded before are sound.
        """
        self._line, event_count = 0, 0
        check, content_digest = ChainCheck(), hashlib.sha256()
        with self._opened() as file:
            line = self._read(file)
            while True:
                content_digest.update(line)
                line = self._read(file)
                if not line.endswith(b"\n"):
                    raise self._wrong("the file is cut off here")
                record = self._record(line)
                if "end" in record:
                    break
                entry = self._entry(record)
                try:
                    check.take(entry)
                except ChainBreakError as error:
                    raise self._wrong(f"the chain of digests is broken: {error}") from error
                event_count += isinstance(entry, ChainedEvent)
                yield entry
            end = HistoryEnd(event_count=event_count, digest=check.digest, content_digest=content_digest.hexdigest())
            if record != _end_record(end):
                raise self._wrong("the last line does not fit the lines before")
            if self._read(file):
                raise self._wrong("there is more after the last line")
        self.end = end

    def _opened(self) -> gzip.GzipFile:
        try:
            return gzip.open(self._path, "rb")
        except OSError as error:
            raise BackupError(f"cannot be read: {error.strerror}", where=str(self._path)) from error

    def _read(self, file: gzip.GzipFile) -> bytes:
        self._line += 1
        try:
            return file.readline()
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self._wrong(f"the file is damaged or cut off here ({error})") from error
        except OSError as error:
            raise self._wrong(f"cannot be read: {error.strerror or error}") from error

    def _header(self, line: bytes) -> Content:
        record = self._record(line)
        if record.get("format") != FORMAT:
            raise self._wrong("this is no backup or archive of a ledger")
        if record.get("version") != VERSION:
            raise self._wrong(f"version {record.get('version')} is not known to this program")
        try:
            return Content(record.get("content"))
        except ValueError as error:
            raise self._wrong(f"content {record.get('content')!r} is not known to this program") from error

    def _record(self, line: bytes) -> dict[str, Any]:
        try:
            record = json.loads(line)
        except ValueError as error:
            raise self._wrong("this is no line of JSON") from error
        if not isinstance(record, dict):
            raise self._wrong("this is no JSON object")
        return record

    def _entry(self, record: dict[str, Any]) -> Entry:
        try:
            if "last_seq" in record:
                return Gap(
                    seq=int(record["seq"]),
                    last_seq=int(record["last_seq"]),
                    digest=str(record["digest"]),
                    archive=str(record["archive"]),
                )
            event = LedgerEvent(
                event_id=str(record["event_id"]),
                kind=str(record["kind"]),
                subject=str(record["subject"]),
                stamp_ns=int(record["stamp_ns"]),
                payload=dict(record["payload"]),
            )
            return ChainedEvent(seq=int(record["seq"]), event=event, digest=str(record["digest"]))
        except (KeyError, ValueError, TypeError) as error:
            raise self._wrong(f"this is neither an event nor a gap ({error!r})") from error

    def _wrong(self, what: str) -> BackupError:
        return BackupError(what, where=f"{self._path}:{self._line}", mend="use another copy of the file")


def _write_lines(file: gzip.GzipFile, entries: Iterable[Entry], content: Content) -> HistoryEnd:
    check, content_digest, event_count = ChainCheck(), hashlib.sha256(), 0

    def write(record: dict[str, object]) -> None:
        line = json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        content_digest.update(line)
        file.write(line)

    write({"format": FORMAT, "version": VERSION, "content": content.value})
    for entry in entries:
        try:
            check.take(entry)
        except ChainBreakError as error:
            raise LedgerError(f"the ledger is damaged: {error}") from error
        event_count += isinstance(entry, ChainedEvent)
        write(_record_of(entry))
    end = HistoryEnd(event_count=event_count, digest=check.digest, content_digest=content_digest.hexdigest())
    write(_end_record(end))
    return end


def _record_of(entry: Entry) -> dict[str, object]:
    if isinstance(entry, Gap):
        return {"seq": entry.seq, "last_seq": entry.last_seq, "digest": entry.digest, "archive": entry.archive}
    event = entry.event
    return {
        "seq": entry.seq,
        "event_id": event.event_id,
        "kind": event.kind,
        "subject": event.subject,
        "stamp_ns": event.stamp_ns,
        "payload": dict(event.payload),
        "digest": entry.digest,
    }


def _end_record(end: HistoryEnd) -> dict[str, object]:
    return {
        "end": True,
        "event_count": end.event_count,
        "digest": end.digest,
        "content_digest": end.content_digest,
    }

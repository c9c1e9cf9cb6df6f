"""What stays known of tasks whose events were moved to an archive: enough that nothing is done twice or named alike."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import RobotId, TaskId
from robot_ops.tasks.ledger import Payload

SUBJECT: Final = "archive"
"""Subject of the ledger events that tell of archives."""
_MARK_LENGTH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CustodyEnd:
    """Where a robot's chain of custody goes on after its archived part."""

    seq: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveNote:
    """The fact that events were moved to an archive file.

    Attributes:
        archive: the file's name.
        content_digest: SHA-256, hex, over what the file holds.
        requests: per archived task the mark of its request's id.
        event_counts: per subject how many events there were about it, so that event ids are never used again.
        custody: per robot the last archived event of its chain of custody.
    """

    archive: str
    content_digest: str
    requests: Mapping[TaskId, str]
    event_counts: Mapping[str, int]
    custody: Mapping[RobotId, CustodyEnd]


@dataclass(slots=True)
class ArchivedTasks:
    """All tasks that are in archives."""

    tasks: dict[TaskId, None] = field(default_factory=dict)
    custody: dict[RobotId, CustodyEnd] = field(default_factory=dict)
    _by_mark: dict[str, TaskId] = field(default_factory=dict)

    def refuse_known(self, request_id: str) -> None:
        """Refuse a request whose task is archived: it was done long ago, and its answer is not here any more.

        Raises:
            RequestError: the id was used.
        """
        task_id = self._by_mark.get(request_mark(request_id)) if self._by_mark else None
        if task_id is not None:
            raise RequestError(
                f"{request_id!r} was used for {task_id}, which has ended and is archived",
                where="request_id",
                mend="choose a new one",
            )

    def take(self, note: ArchiveNote) -> None:
        """Add what a note tells."""
        for task_id, mark in note.requests.items():
            self.tasks[task_id] = None
            self._by_mark[mark] = task_id
        self.custody.update(note.custody)


def request_mark(request_id: str) -> str:
    """Return what tells a request's id from others without telling the id: the beginning of its SHA-256 in hex."""
    return hashlib.sha256(request_id.encode()).hexdigest()[:_MARK_LENGTH]


def note_payload(note: ArchiveNote) -> Payload:
    """Return the note as a flat payload; `note_of` reads it."""
    custody = {robot: [end.seq, end.digest] for robot, end in note.custody.items()}
    return {
        "archive": note.archive,
        "content_digest": note.content_digest,
        "requests": _json(note.requests),
        "event_counts": _json(note.event_counts),
        "custody": _json(custody),
    }


def note_of(payload: Payload) -> ArchiveNote:
    """Return the note that `note_payload` wrote.

    Raises:
        KeyError, ValueError, TypeError: the payload is not one.
    """
    requests, counts, custody = (_mapping(payload, key) for key in ("requests", "event_counts", "custody"))
    return ArchiveNote(
        archive=str(payload["archive"]),
        content_digest=str(payload["content_digest"]),
        requests={TaskId(task_id): str(mark) for task_id, mark in requests.items()},
        event_counts={subject: _whole(count) for subject, count in counts.items()},
        custody={RobotId(robot): _custody_end(end) for robot, end in custody.items()},
    )


def _custody_end(value: object) -> CustodyEnd:
    if not isinstance(value, Sequence) or len(value) != 2:
        raise TypeError("the end of a chain of custody is a number and a digest")
    return CustodyEnd(seq=_whole(value[0]), digest=str(value[1]))


def _mapping(payload: Payload, key: str) -> dict[str, object]:
    value = json.loads(str(payload[key]))
    if not isinstance(value, dict):
        raise TypeError(f"{key} is no mapping")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)

"""A robot's custody log, made anew from the fleet's copy of its chain: where its own was lost, cut or replaced."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from robot_ops.core.errors import BackupError, StateError
from robot_ops.core.ids import RobotId
from robot_ops.ledger.chain import ChainedEvent
from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.ledger.reading import opened_history
from robot_ops.tasks.custody import ChainHead, CustodyEvent, head_of, verify
from robot_ops.tasks.events import EventKind, custody_of


def copy_custody(place: str, robot: RobotId, file: Path, archives: Iterable[Path] = ()) -> ChainHead:
    """Write a robot's chain, as a ledger and its archives have it, into a new custody log, and return its head.

    Raises:
        LedgerError: the ledger or an archive is damaged, or the file cannot be written.
        BackupError: the file is there already, the ledger knows no such chain, or lacks a part of it.
    """
    for path in (file, file.with_name(f"{file.name}.lock")):
        if path.exists():
            raise BackupError("is there already", where=str(path), mend="move it away: it may be evidence")
    events = _chain(robot, [place, *map(str, archives)])
    if not events:
        raise BackupError(f"has no custody event of {robot}", where=place, mend="give the archives, or another robot")
    try:
        verify(events)
    except StateError as error:
        lacking = next((seq for seq, event in enumerate(events) if event.seq != seq), None)
        what = str(error) if lacking is None else f"lacks event {lacking} of {robot}'s chain"
        raise BackupError(what, where=place, mend="give the archives that have the rest: --archive FILE") from error
    with SqliteCustodyLog(robot, file) as log:
        log.fill(events)
    return head_of(events)


def _chain(robot: RobotId, places: list[str]) -> list[CustodyEvent]:
    with ExitStack() as resources:
        histories = [resources.enter_context(opened_history(place)) for place in places]
        found = {
            event.seq: event
            for history in histories
            for event in _custody(entry for entry in history.entries() if isinstance(entry, ChainedEvent))
            if event.robot == robot
        }
    return [found[seq] for seq in sorted(found)]


def _custody(entries: Iterable[ChainedEvent]) -> Iterator[CustodyEvent]:
    for entry in entries:
        if entry.event.kind == EventKind.CUSTODY.value:
            yield custody_of(entry.event.payload)

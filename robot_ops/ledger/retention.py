"""Which events may leave the live ledger: those of tasks and chores that have ended long ago, and rules replaced since.

What must stay, stays: every event of an open task; of a chain of custody all from the first event that stays, so that
it has no holes; the latest traffic rules; what tells of earlier archives; and whatever this module does not know.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from robot_ops.core.errors import LedgerError, StateError
from robot_ops.core.ids import MissionId, RobotId, TaskId
from robot_ops.ledger.chain import ChainedEvent, Entry
from robot_ops.tasks.archived import CustodyEnd, request_mark
from robot_ops.tasks.book import TaskBook
from robot_ops.tasks.custody import CustodyEvent
from robot_ops.tasks.events import EventKind, custody_of
from robot_ops.tasks.ledger import LedgerEvent

_CHORE_KINDS: Final = frozenset({EventKind.CHORE_ORDERED.value, EventKind.CHORE_ENDED.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What leaves.

    Attributes:
        seqs: numbers of the events.
        requests: the tasks among them, with the marks of their requests.
        event_counts: per subject of these events how many there ever were about it.
        custody: per robot the last event of its chain that leaves.
        notes: how many notes of earlier archives there are.
    """

    seqs: frozenset[int]
    requests: Mapping[TaskId, str]
    event_counts: Mapping[str, int]
    custody: Mapping[RobotId, CustodyEnd]
    notes: int


def select_old(entries: Iterable[Entry], before_ns: int) -> Selection:
    """Return what may leave because it was over before an instant, in nanoseconds.

    Raises:
        LedgerError: the events do not fit together; and what `entries` raises.
    """
    book, units = TaskBook(), dict[_Key, _Unit]()
    rules_seq, notes = -1, 0
    for entry in entries:
        if not isinstance(entry, ChainedEvent):
            continue
        event = entry.event
        try:
            book.apply(event)
        except StateError as error:
            raise LedgerError(f"the ledger cannot be archived: {error}") from error
        notes += event.kind == EventKind.ARCHIVED.value
        if event.kind == EventKind.TRAFFIC_RULES.value:
            rules_seq = entry.seq
        key = _key_of(entry, book)
        if key is not None:
            units.setdefault(key, _Unit()).add(entry)
    staying = {(_Part.RULES, str(rules_seq))}
    staying |= {(_Part.TASK, str(m.task_id)) for m in book.missions.values() if m.is_open and m.task_id is not None}
    old = {
        key: unit
        for key, unit in units.items()
        if unit.last_ns < before_ns and key not in staying and _is_over(key, book)
    }
    return _selection(_with_whole_chains(old, units), book, notes)


class _Part(Enum):
    TASK = "task"
    CHORE = "chore"
    RULES = "rules"
    CUSTODY = "custody"


_Key = tuple[_Part, str]
"""Names events that leave together or stay together."""


@dataclass(slots=True)
class _Unit:
    seqs: list[int] = field(default_factory=list)
    subjects: set[str] = field(default_factory=set)
    custody: list[CustodyEvent] = field(default_factory=list)
    last_ns: int = 0

    def add(self, entry: ChainedEvent) -> None:
        event = entry.event
        self.seqs.append(entry.seq)
        self.subjects.add(event.subject)
        self.last_ns = max(self.last_ns, event.stamp_ns)
        if event.kind == EventKind.CUSTODY.value:
            self.custody.append(custody_of(event.payload))


def _key_of(entry: ChainedEvent, book: TaskBook) -> _Key | None:
    """Return to what the event belongs, None for one that stays."""
    event = entry.event
    if event.subject in book.tasks:
        return _Part.TASK, event.subject
    if event.kind in _CHORE_KINDS:
        mission = book.missions.get(_mission_id(event))
        if mission is None:
            return None
        return (_Part.CHORE, mission.mission_id) if mission.task_id is None else (_Part.TASK, mission.task_id)
    if event.kind == EventKind.TRAFFIC_RULES.value:
        return _Part.RULES, str(entry.seq)
    if event.kind == EventKind.CUSTODY.value:
        return _Part.CUSTODY, str(entry.seq)
    return None


def _is_over(key: _Key, book: TaskBook) -> bool:
    part, name = key
    match part:
        case _Part.TASK:
            task = book.tasks.get(TaskId(name))
            return task is not None and task.status.is_final
        case _Part.CHORE:
            return not book.missions[MissionId(name)].is_open
        case _Part.RULES | _Part.CUSTODY:
            return True


def _with_whole_chains(old: dict[_Key, _Unit], units: Mapping[_Key, _Unit]) -> dict[_Key, _Unit]:
    """Return the units without those that would leave a hole in a chain of custody."""
    leaving = dict(old)
    while True:
        first_kept: dict[RobotId, int] = {}
        for key, unit in units.items():
            for custody in unit.custody if key not in leaving else ():
                first_kept[custody.robot] = min(custody.seq, first_kept.get(custody.robot, custody.seq))
        holed = [
            key
            for key, unit in leaving.items()
            if any(custody.seq > first_kept.get(custody.robot, custody.seq) for custody in unit.custody)
        ]
        if not holed:
            return leaving
        for key in holed:
            del leaving[key]


def _selection(leaving: Mapping[_Key, _Unit], book: TaskBook, notes: int) -> Selection:
    custody: dict[RobotId, CustodyEnd] = {}
    for event in (event for unit in leaving.values() for event in unit.custody):
        if event.robot not in custody or custody[event.robot].seq < event.seq:
            custody[event.robot] = CustodyEnd(seq=event.seq, digest=event.digest)
    tasks = [book.tasks[TaskId(name)] for part, name in leaving if part is _Part.TASK]
    subjects = {subject for unit in leaving.values() for subject in unit.subjects}
    return Selection(
        seqs=frozenset(seq for unit in leaving.values() for seq in unit.seqs),
        requests={task.task_id: request_mark(task.request.request_id) for task in tasks},
        event_counts={subject: book.event_count(subject) for subject in sorted(subjects)},
        custody=custody,
        notes=notes,
    )


def _mission_id(event: LedgerEvent) -> MissionId:
    return MissionId(str(event.payload["mission_id"]))

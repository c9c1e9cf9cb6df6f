"""Where documents are, as robots' chains of custody tell and operators say."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from robot_ops.core.ids import MissionId, PersonId, RobotId, TaskId
from robot_ops.tasks.custody import CustodyEvent, CustodyKind
from robot_ops.tasks.ledger import LedgerEvent

_LEAVING: Final = frozenset(
    {
        CustodyKind.UNLOADED,
        CustodyKind.RECEIPT,
        CustodyKind.RETURNED,
        CustodyKind.HANDED_OVER,
        CustodyKind.TAKEN_OUT,
    }
)
"""What leaves a robot without the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOut:
    """Somebody took a document out of a robot by key: outside the system, which has nothing but an operator's word.

    Attributes:
        person: member of staff who took it and has it since.
        operator: who said so; empty where that does not matter.
        count: how often documents of the task were taken out of this robot by key, this time included.
    """

    task_id: TaskId
    robot: RobotId
    compartment: str
    person: PersonId
    operator: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    robot: RobotId
    compartment: str
    seq: int
    is_aboard: bool


@dataclass(slots=True)
class Documents:
    """Follows from the ledger's events like the book that it is a part of.

    A robot out of which a document was taken by key learns of it when it is heard again, and puts it into its own
    chain; until then it is owed the news.
    """

    _places: dict[TaskId, _Place] = field(default_factory=dict)
    _taken_out: dict[TaskId, list[TakenOut]] = field(default_factory=dict)
    _owed: dict[RobotId, dict[TaskId, TakenOut]] = field(default_factory=dict)
    _emptied: dict[TaskId, frozenset[MissionId]] = field(default_factory=dict)

    def robot_with(self, task_id: TaskId) -> RobotId | None:
        """Return the robot in which the task's document lies, None where no chain tells of one."""
        place = self._places.get(task_id)
        return place.robot if place is not None and place.is_aboard else None

    def compartment_of(self, task_id: TaskId) -> str:
        """Return the compartment in which the document lies or lay last, empty where no chain tells of one."""
        place = self._places.get(task_id)
        return "" if place is None else place.compartment

    def has_left(self, task_id: TaskId, robot: RobotId) -> bool:
        """Return whether the document was in the robot and is no longer."""
        place = self._places.get(task_id)
        return place is not None and place.robot == robot and not place.is_aboard

    def taken_out(self, task_id: TaskId) -> TakenOut | None:
        """Return who took the task's document out of a robot by key last, None for nobody."""
        known = self._taken_out.get(task_id)
        return known[-1] if known else None

    def times_taken_out(self, task_id: TaskId, robot: RobotId) -> int:
        """Return how often documents of the task were taken out of the robot by key."""
        return sum(taken.robot == robot for taken in self._taken_out.get(task_id, ()))

    def owed(self, robot: RobotId) -> tuple[TakenOut, ...]:
        """Return what was taken out of the robot and is not in its chain yet."""
        return tuple(self._owed[robot].values()) if robot in self._owed else ()

    def is_emptied(self, task_id: TaskId, mission_id: MissionId) -> bool:
        """Return whether the document that the mission carried was taken out by key."""
        return mission_id in self._emptied.get(task_id, ())

    def begin(self, task_id: TaskId) -> None:
        """A robot is sent for the task's document: that it has left one before tells nothing any more."""
        place = self._places.get(task_id)
        if place is not None and not place.is_aboard:
            del self._places[task_id]

    def note(self, event: CustodyEvent) -> None:
        """Take over an event of a robot's chain; they may come in any order."""
        place = self._places.get(event.task_id)
        if event.kind is CustodyKind.TAKEN_OUT:
            self._settle(event)
        if event.kind is CustodyKind.LOADED:
            is_late = event.task_id in self._owed.get(event.robot, ())  # the robot had it before the key
            if not is_late and (place is None or place.robot != event.robot or place.seq < event.seq):
                self._put(event, is_aboard=True)
        elif event.kind in _LEAVING and (place is None or (place.robot == event.robot and place.seq < event.seq)):
            self._put(event, is_aboard=False)

    def take_out(self, taken: TakenOut, missions: Iterable[MissionId]) -> None:
        """Note what an operator said.

        Args:
            missions: those of the task that the robot had so far.
        """
        place = self._places.get(taken.task_id)
        seq = place.seq if place is not None and place.robot == taken.robot else -1
        self._places[taken.task_id] = _Place(robot=taken.robot, compartment=taken.compartment, seq=seq, is_aboard=False)
        self._taken_out.setdefault(taken.task_id, []).append(taken)
        self._owed.setdefault(taken.robot, {})[taken.task_id] = taken
        self._emptied[taken.task_id] = self._emptied.get(taken.task_id, frozenset()).union(missions)

    def forget(self, tasks: Collection[TaskId]) -> None:
        """Drop tasks that are archived."""
        for task_id in tasks:
            self._places.pop(task_id, None)
            self._taken_out.pop(task_id, None)
            self._emptied.pop(task_id, None)
        for robot in tuple(self._owed):
            left = {task_id: taken for task_id, taken in self._owed[robot].items() if task_id not in tasks}
            self._owe(robot, left)

    def _put(self, event: CustodyEvent, *, is_aboard: bool) -> None:
        self._places[event.task_id] = _Place(
            robot=event.robot, compartment=event.compartment, seq=event.seq, is_aboard=is_aboard
        )

    def _settle(self, event: CustodyEvent) -> None:
        owed = self._owed.get(event.robot, {})
        if event.task_id in owed:
            self._owe(event.robot, {task_id: taken for task_id, taken in owed.items() if task_id != event.task_id})

    def _owe(self, robot: RobotId, owed: dict[TaskId, TakenOut]) -> None:
        if owed:
            self._owed[robot] = owed
        else:
            self._owed.pop(robot, None)


def taken_out_of(event: LedgerEvent, documents: Documents) -> TakenOut:
    """Return what a ledger event says that an operator said.

    Raises:
        KeyError: it says no such thing.
    """
    payload = event.payload
    taken = TakenOut(
        task_id=TaskId(event.subject),
        robot=RobotId(str(payload["robot"])),
        compartment=str(payload["compartment"]),
        person=PersonId(str(payload["person"])),
        operator=str(payload["operator"]),
    )
    return replace(taken, count=documents.times_taken_out(taken.task_id, taken.robot) + 1)

"""A member of staff at a robot's panel: types the code, loads or takes the document, closes the lid."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

import numpy as np

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import PersonId, PlaceId, RobotId, TaskId
from robot_ops.missions.ports import Announcement, AnnouncementKind
from robot_ops.tasks.desk import Desk

_REACTION: Final = (2.0, 6.0)  # s until somebody at work has stood up and turned to the robot
_HANDLING: Final = (2.0, 4.0)  # s to lay a document in or take it out


class Hands(Protocol):
    """What hands can do at a robot's compartments."""

    def open_compartments(self, robot: RobotId) -> tuple[str, ...]:
        """Return the compartments whose lids stand open."""
        ...

    def put_document(self, robot: RobotId, compartment: str, document: str) -> bool:
        """Lay a document inside; False where the lid is closed or something lies there."""
        ...

    def take_document(self, robot: RobotId, compartment: str) -> str | None:
        """Take out what lies inside; None where the lid is closed or nothing lies there."""
        ...

    def close_lid(self, robot: RobotId, compartment: str) -> None:
        """Press the lid down."""
        ...


class DeskStep(Enum):
    """What comes next at the panel."""

    TYPE_CODE = "type_code"
    LOAD = "load"
    UNLOAD = "unload"


@dataclass(slots=True)
class _Errand:
    robot: RobotId
    step: DeskStep
    at_ns: int


class Clerk:
    """One member of staff.

    Args:
        person: their id in requests.
        wrong_code: how likely the first code typed for a task is wrong, 0-1.
        seed: delays and mistakes are drawn from it, for each document apart: what others do, and which tasks there are
            besides, changes nothing.
    """

    def __init__(self, person: PersonId, *, wrong_code: float, seed: int) -> None:
        self.person = person
        self._wrong_code = wrong_code
        self._seed = seed
        self._draws: dict[TaskId, np.random.Generator] = {}
        self._codes: dict[TaskId, str] = {}
        self._documents: dict[TaskId, str] = {}
        self._errands: dict[TaskId, _Errand] = {}
        self._has_mistyped: set[TaskId] = set()
        self._away_until_ns = 0
        self._kept: set[TaskId] = set()
        self._kept_at: dict[TaskId, frozenset[PlaceId]] = {}

    @property
    def next_ns(self) -> int | None:
        """Return when the clerk does something next, nanoseconds, None for nothing to do."""
        if not self._errands:
            return None
        return max(min(errand.at_ns for errand in self._errands.values()), self._away_until_ns)

    def leave(self, until_ns: int) -> None:
        """Leave the desk until an instant; what is to be done there waits."""
        self._away_until_ns = max(self._away_until_ns, until_ns)

    def learn(self, task_id: TaskId, code: str, document: str) -> None:
        """Be told the code for a task's document."""
        self._codes[task_id] = code
        self._documents[task_id] = document
        if task_id not in self._draws:
            self._draws[task_id] = np.random.default_rng([self._seed, *document.encode()])

    def become_custodian(self, task_id: TaskId, code: str, document: str) -> None:
        """Be told to take a document out of a robot, wherever that stands."""
        self.learn(task_id, code, document)
        self._kept.add(task_id)

    def become_keeper(self, task_id: TaskId, code: str, document: str, *, places: Collection[PlaceId]) -> None:
        """Be told to take a document at an exchange and to give it to the next robot, at one of the places."""
        self.learn(task_id, code, document)
        self._kept_at[task_id] = frozenset(places)

    def walks_to(self, announcement: Announcement) -> bool:
        """Return whether the clerk goes to a robot that says this somewhere else than where they work."""
        if announcement.task_id is None:
            return False
        if announcement.place is None:
            return announcement.task_id in self._kept
        return announcement.place in self._kept_at.get(announcement.task_id, ())

    def hear(self, robot: RobotId, announcement: Announcement, now_ns: int) -> None:
        """See a robot's screen; only tasks the clerk has a code for matter."""
        task_id = announcement.task_id
        if task_id is None or task_id not in self._codes:
            return
        match announcement.kind:
            case AnnouncementKind.AUTHENTICATE:
                self._plan(task_id, robot, DeskStep.TYPE_CODE, now_ns, _REACTION)
            case AnnouncementKind.LOAD:
                self._plan(task_id, robot, DeskStep.LOAD, now_ns, _HANDLING)
            case AnnouncementKind.UNLOAD:
                self._plan(task_id, robot, DeskStep.UNLOAD, now_ns, _HANDLING)
            case _:
                self._errands.pop(task_id, None)

    def step(self, now_ns: int, hands: Hands, desk: Desk) -> None:
        """Do what is due."""
        if now_ns < self._away_until_ns:
            return
        for task_id in [task_id for task_id, errand in self._errands.items() if errand.at_ns <= now_ns]:
            self._do(task_id, self._errands.pop(task_id), now_ns, hands, desk)

    def _plan(self, task_id: TaskId, robot: RobotId, step: DeskStep, now_ns: int, delay: tuple[float, float]) -> None:
        self._errands[task_id] = _Errand(robot, step, now_ns + to_ns(float(self._draws[task_id].uniform(*delay))))

    def _do(self, task_id: TaskId, errand: _Errand, now_ns: int, hands: Hands, desk: Desk) -> None:
        robot = errand.robot
        match errand.step:
            case DeskStep.TYPE_CODE:
                self._plan(task_id, robot, DeskStep.TYPE_CODE, now_ns, (8.0, 12.0))  # again unless the robot goes on
                desk.enter_code(robot, self.person, self._typed(task_id))
                return
            case DeskStep.LOAD:
                is_done = any(
                    self._lay_in(hands, robot, compartment, self._documents[task_id])
                    for compartment in hands.open_compartments(robot)[:1]
                )
            case DeskStep.UNLOAD:
                is_done = any(
                    hands.take_document(robot, compartment) is not None
                    for compartment in hands.open_compartments(robot)
                )
        if not is_done:  # the lid is still springing open
            self._plan(task_id, robot, errand.step, now_ns, (1.0, 2.0))
            return
        for compartment in hands.open_compartments(robot):
            hands.close_lid(robot, compartment)
        desk.press_done(robot, self.person)

    def _lay_in(self, hands: Hands, robot: RobotId, compartment: str, document: str) -> bool:
        """Lay the document in, unless it lies there already: the robot was restarted and asks once more."""
        if hands.put_document(robot, compartment, document):
            return True
        found = hands.take_document(robot, compartment)
        if found is not None:
            hands.put_document(robot, compartment, found)
        return found == document

    def _typed(self, task_id: TaskId) -> str:
        code = self._codes[task_id]
        if task_id not in self._has_mistyped and self._draws[task_id].random() < self._wrong_code:
            self._has_mistyped.add(task_id)
            return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"
        self._has_mistyped.add(task_id)
        return code

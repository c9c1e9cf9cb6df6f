"""Compartments, their locks and lids, and what lies inside: pure state machines, alike in every simulation."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final

from robot_ops.core.errors import StateError
from robot_ops.core.ids import RobotId
from robot_ops.core.world import CompartmentReading


class Lid(Enum):
    """How a compartment's lid stands. LOCKING: open, and locks as soon as it is closed."""

    LOCKED = "locked"
    CLOSED = "closed"
    OPEN = "open"
    LOCKING = "locking"


class LidEvent(Enum):
    """What can happen to a lid: the lock's two commands, and a hand."""

    UNLOCK = "unlock"
    LOCK = "lock"
    CLOSE = "close"


LID_TRANSITIONS: Final[Mapping[tuple[Lid, LidEvent], Lid]] = {
    (Lid.LOCKED, LidEvent.UNLOCK): Lid.OPEN,
    (Lid.CLOSED, LidEvent.UNLOCK): Lid.OPEN,
    (Lid.CLOSED, LidEvent.LOCK): Lid.LOCKED,
    (Lid.OPEN, LidEvent.LOCK): Lid.LOCKING,
    (Lid.OPEN, LidEvent.CLOSE): Lid.CLOSED,
    (Lid.LOCKING, LidEvent.CLOSE): Lid.LOCKED,
    (Lid.LOCKING, LidEvent.UNLOCK): Lid.OPEN,
}
"""An unlocked lid springs open. Events that are not listed change nothing."""


class CompartmentBank:
    """The lockable compartments of one courier: locked, closed and empty at first.

    Args:
        compartments: their ids.
    """

    def __init__(self, compartments: Sequence[str]) -> None:
        self._lids = dict.fromkeys(compartments, Lid.LOCKED)
        self._documents: dict[str, str] = {}

    @property
    def readings(self) -> dict[str, CompartmentReading]:
        """Return what the sensors tell, in the order of the compartments."""
        return {name: self.reading(name) for name in self._lids}

    def reading(self, compartment: str) -> CompartmentReading:
        """Return what the sensors of one compartment tell.

        Raises:
            StateError: no such compartment.
        """
        lid = self._lid(compartment)
        return CompartmentReading(
            is_locked=lid is Lid.LOCKED,
            is_closed=lid in (Lid.LOCKED, Lid.CLOSED),
            is_occupied=compartment in self._documents,
        )

    @property
    def compartments(self) -> tuple[str, ...]:
        """Return their ids."""
        return tuple(self._lids)

    @property
    def open_compartments(self) -> tuple[str, ...]:
        """Return those whose lids stand open."""
        return tuple(name for name, lid in self._lids.items() if lid in (Lid.OPEN, Lid.LOCKING))

    def is_open(self, compartment: str) -> bool:
        """Return whether the lid stands open.

        Raises:
            StateError: no such compartment.
        """
        return self._lid(compartment) in (Lid.OPEN, Lid.LOCKING)

    def document(self, compartment: str) -> str | None:
        """Return what lies in a compartment, or None."""
        self._lid(compartment)
        return self._documents.get(compartment)

    def has(self, document: str) -> bool:
        """Return whether the document lies in one of the compartments."""
        return document in self._documents.values()

    def set_lock(self, compartment: str, *, is_locked: bool) -> None:
        """Command the lock: unlocked, the lid springs open; locking takes effect when the lid is closed.

        Raises:
            StateError: no such compartment.
        """
        self._handle(compartment, LidEvent.LOCK if is_locked else LidEvent.UNLOCK)

    def close_lid(self, compartment: str) -> None:
        """Push the lid shut; a lid that is shut stays so.

        Raises:
            StateError: no such compartment.
        """
        self._handle(compartment, LidEvent.CLOSE)

    def put(self, compartment: str, document: str) -> bool:
        """Lay a document in; False where the lid is closed or something lies there already.

        Raises:
            StateError: no such compartment.
        """
        if not self.is_open(compartment) or compartment in self._documents:
            return False
        self._documents[compartment] = document
        return True

    def take(self, compartment: str) -> str | None:
        """Take the document out and return what it is called; None where the lid is closed or nothing lies there.

        Raises:
            StateError: no such compartment.
        """
        return self._documents.pop(compartment, None) if self.is_open(compartment) else None

    def open_by_key(self, compartment: str) -> str | None:
        """Take out what lies in one compartment with the mechanical key, and lock it up again.

        Raises:
            StateError: no such compartment.
        """
        self._lid(compartment)
        self._lids[compartment] = Lid.LOCKED
        return self._documents.pop(compartment, None)

    def empty(self) -> None:
        """Take everything out with the mechanical key, and lock up again."""
        self._documents.clear()
        self._lids = dict.fromkeys(self._lids, Lid.LOCKED)

    def _lid(self, compartment: str) -> Lid:
        if compartment not in self._lids:
            raise StateError(f"there is no compartment {compartment!r}, only {', '.join(self._lids) or 'none'}")
        return self._lids[compartment]

    def _handle(self, compartment: str, event: LidEvent) -> None:
        lid = self._lid(compartment)
        self._lids[compartment] = LID_TRANSITIONS.get((lid, event), lid)


class CompartmentBanks:
    """The compartments of several robots: what locks and people's hands act on.

    Args:
        compartments: their ids, per robot.
    """

    def __init__(self, compartments: Mapping[RobotId, Sequence[str]]) -> None:
        self._banks = {robot: CompartmentBank(names) for robot, names in compartments.items()}

    def of(self, robot: RobotId) -> CompartmentBank:
        """Return the compartments of a robot.

        Raises:
            StateError: no such robot.
        """
        if robot not in self._banks:
            raise StateError(f"there is no robot {robot!r} in this world")
        return self._banks[robot]

    def open_compartments(self, robot: RobotId) -> tuple[str, ...]:
        """Return the compartments whose lids stand open."""
        return self.of(robot).open_compartments

    def put_document(self, robot: RobotId, compartment: str, document: str) -> bool:
        """Lay a document inside; False where the lid is closed, something lies there, or it lies in another robot."""
        if any(bank.has(document) for name, bank in self._banks.items() if name != robot):
            return False
        return self.of(robot).put(compartment, document)

    def take_document(self, robot: RobotId, compartment: str) -> str | None:
        """Take out what lies inside; None where the lid is closed or nothing lies there."""
        return self.of(robot).take(compartment)

    def close_lid(self, robot: RobotId, compartment: str) -> None:
        """Press the lid down."""
        self.of(robot).close_lid(compartment)

"""What an invariant sees and when it is asked."""

from collections.abc import Mapping
from typing import ClassVar, Protocol

from robot_ops.core.ids import RobotId
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.simulation.compartments import CompartmentBanks
from robot_ops.simulation.kinematic import KinematicRobot
from robot_ops.site.model import Site
from robot_ops.tasks.custody import CustodyEvent
from robot_ops.tasks.ledger import LedgerEvent
from robot_ops.tasks.requests import Accepted, TaskRequest
from robot_ops.tasks.routes import RouteProgress


class Broken(Exception):  # noqa: N818 - it is no error of the program that raises it
    """An invariant does not hold.

    Args:
        text: what does not, in one sentence.
    """


class RobotView(Protocol):
    """One robot as invariants see it."""

    body: KinematicRobot

    @property
    def stopped_by(self) -> tuple[str, ...]:
        """Return who latched its stop."""
        ...

    @property
    def is_running(self) -> bool:
        """Return whether its process runs."""
        ...

    @property
    def is_out(self) -> bool:
        """Return whether somebody has carried it out of the hall."""
        ...

    @property
    def is_by_hand(self) -> bool:
        """Return whether a person drives or pushes it."""
        ...

    def advance(self) -> None:
        """Bring the body up to the present."""
        ...

    def chain(self) -> tuple[CustodyEvent, ...]:
        """Return its custody events in order."""
        ...


class World(Protocol):
    """The whole simulation as invariants see it."""

    site: Site
    banks: CompartmentBanks

    @property
    def robots(self) -> Mapping[RobotId, RobotView]:
        """Return the robots."""
        ...

    @property
    def requests(self) -> Mapping[str, TaskRequest]:
        """Return everything that people asked for, by request id."""
        ...

    @property
    def answers(self) -> Mapping[str, Accepted]:
        """Return what people were told was accepted, by request id."""
        ...

    @property
    def dispatcher(self) -> Dispatcher | None:
        """Return the fleet's dispatcher, None while its process is dead."""
        ...

    def typed_codes(self, robot: RobotId) -> set[tuple[str, str]]:
        """Return the people and codes that were typed at a robot so far."""
        ...

    def events(self) -> tuple[LedgerEvent, ...]:
        """Return the ledger's events, read from it."""
        ...

    def now_ns(self) -> int:
        """Return the present instant."""
        ...


class Invariant:
    """One invariant; subclasses override what they must be told of. Every method may raise `Broken`."""

    name: ClassVar[str]
    says: ClassVar[str]

    def __init__(self, world: World) -> None:
        self.world = world

    def ticked(self, robot: RobotId) -> None:
        """Take note that a robot acted."""

    def told(self, progress: RouteProgress) -> None:
        """Take note of what a robot holds from now on."""

    def recorded(self, event: CustodyEvent) -> None:
        """Take note of an event on a robot's disk."""

    def unlocked(self, robot: RobotId, compartment: str) -> None:
        """Take note that a lid springs open."""

    def written(self, event: LedgerEvent) -> None:
        """Take note of an event on the fleet's disk."""

    def restarted(self) -> None:
        """Take note that the fleet's process has started anew."""

    def minute(self) -> None:
        """Look around, once a minute."""

    def end(self) -> None:
        """Look at what is left: all faults are mended and everybody had time."""

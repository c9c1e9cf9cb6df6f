"""Asks all invariants whenever something happens in a run, and keeps what was broken first."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from robot_ops.core.ids import RobotId
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.simulation.invariants.base import Broken, Invariant
from robot_ops.simulation.invariants.separation import Footprints
from robot_ops.simulation.invariants.table import invariants
from robot_ops.simulation.station import Station
from robot_ops.tasks.custody import CustodyEvent
from robot_ops.tasks.ledger import LedgerEvent
from robot_ops.tasks.requests import Accepted, TaskRequest
from robot_ops.tasks.routes import RouteProgress

if TYPE_CHECKING:
    from robot_ops.simulation.deterministic import DeterministicRun


class Inspection:
    """Implements Watcher for the robots, and World for the invariants.

    Args:
        secret: see `invariants`.

    Attributes:
        broken: the first invariant that did not hold and what it said, None while all do.
    """

    def __init__(self, run: "DeterministicRun", secret: bytes) -> None:
        self._run = run
        self.site = run.site
        self.banks = run.banks
        self.broken: tuple[str, str] | None = None
        self._invariants: tuple[Invariant, ...] = tuple(make(self) for make in invariants(secret))
        self._of: dict[str, tuple[Invariant, ...]] = {}

    @property
    def footprints(self) -> Footprints:
        """Return the invariant that measures distances between robots."""
        return next(each for each in self._invariants if isinstance(each, Footprints))

    @property
    def robots(self) -> Mapping[RobotId, Station]:
        """See World."""
        return self._run.stations

    @property
    def requests(self) -> Mapping[str, TaskRequest]:
        """See World."""
        return self._run.population.requests

    @property
    def answers(self) -> Mapping[str, Accepted]:
        """See World."""
        return self._run.desk.accepted

    @property
    def dispatcher(self) -> Dispatcher | None:
        """See World."""
        return self._run.fleet.dispatcher

    def typed_codes(self, robot: RobotId) -> set[tuple[str, str]]:
        """See World."""
        return {(person, code) for person, code in self._run.desk.typed[robot]}

    def events(self) -> tuple[LedgerEvent, ...]:
        """See World."""
        return tuple(self._run.ledger.events())

    def now_ns(self) -> int:
        """See World."""
        return self._run.scheduler.now_ns()

    def ticked(self, robot: RobotId) -> None:
        """See Watcher."""
        self._ask("ticked", lambda invariant: invariant.ticked(robot))

    def told(self, progress: RouteProgress) -> None:
        """See Watcher."""
        self._ask("told", lambda invariant: invariant.told(progress))

    def recorded(self, event: CustodyEvent) -> None:
        """See Watcher."""
        self._ask("recorded", lambda invariant: invariant.recorded(event))

    def unlocked(self, robot: RobotId, compartment: str) -> None:
        """See Watcher."""
        self._ask("unlocked", lambda invariant: invariant.unlocked(robot, compartment))

    def written(self, event: LedgerEvent) -> None:
        """Note an event that is in the ledger."""
        self._ask("written", lambda invariant: invariant.written(event))

    def restarted(self) -> None:
        """Note that the fleet's process has started anew."""
        self._ask("restarted", lambda invariant: invariant.restarted())

    def minute(self) -> None:
        """Note that a minute has passed."""
        self._ask("minute", lambda invariant: invariant.minute())

    def end(self) -> None:
        """Note that all is over."""
        self._ask("end", lambda invariant: invariant.end())

    def _ask(self, what: str, ask: Callable[[Invariant], None]) -> None:
        """Ask those that listen to this; nothing is raised into the product's code."""
        listeners = self._of.get(what)
        if listeners is None:
            listeners = self._of[what] = tuple(
                each for each in self._invariants if getattr(type(each), what) is not getattr(Invariant, what)
            )
        for invariant in listeners:
            try:
                ask(invariant)
            except Broken as broken:
                if self.broken is None:
                    self.broken = (invariant.name, str(broken))

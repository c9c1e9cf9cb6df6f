"""What simulated robots meet in a hall, and who watches them."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from robot_ops.core.ids import RobotId
from robot_ops.core.world import PersonPose
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.missions.ports import Announcement
from robot_ops.simulation.compartments import CompartmentBanks
from robot_ops.simulation.network import Network
from robot_ops.simulation.plain_building import SimulatedBuilding
from robot_ops.simulation.rest_round import RestRound
from robot_ops.simulation.scheduler import Scheduler
from robot_ops.site.model import Site
from robot_ops.tasks.custody import CustodyEvent
from robot_ops.tasks.routes import RouteProgress


class Watcher(Protocol):
    """Whoever watches robots: invariants, and statistics."""

    def ticked(self, robot: RobotId) -> None:
        """Note that a robot has ticked, or its body was moved."""
        ...

    def told(self, progress: RouteProgress) -> None:
        """Note what a robot holds from now on."""
        ...

    def recorded(self, event: CustodyEvent) -> None:
        """Note an event of custody that is on disk."""
        ...

    def unlocked(self, robot: RobotId, compartment: str) -> None:
        """Note that a lock opens."""
        ...


class Hall(Protocol):
    """What a robot meets."""

    site: Site
    scheduler: Scheduler
    network: Network
    building: SimulatedBuilding
    banks: CompartmentBanks
    rest_round: RestRound
    behaviors: Path

    @property
    def watcher(self) -> Watcher:
        """Return who watches."""
        ...

    def people(self) -> tuple[PersonPose, ...]:
        """Return where everybody is."""
        ...

    def show(self, robot: RobotId, announcement: Announcement) -> None:
        """Let people see a robot's screen."""
        ...

    def tell_fleet(self, take: Callable[[Dispatcher], object], *, is_news: bool) -> None:
        """Hand a message to the fleet's process, now."""
        ...

"""A whole fleet side on a test bench: dispatcher, scripted robots, manual clock."""

from dataclasses import dataclass, field
from typing import Any

from robot_ops.core.clock import ManualClock
from robot_ops.core.ids import PersonId, PlaceId, TaskId
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.dispatch.ports import Holdings, NoHoldings, TaskView
from robot_ops.site.model import Site
from robot_ops.tasks.ledger import Ledger
from robot_ops.tasks.requests import Accepted, DeliveryRequest, GuidanceRequest
from robot_ops.testing.memory_ledger import MemoryLedger
from robot_ops.testing.scripted_robots import ScriptedRobots
from robot_ops.testing.small_site import small_site

STEP_S = 0.5


@dataclass(slots=True)
class FleetStand:
    """Everything starts with the fields; `restart_fleet` makes a new dispatcher on the same ledger."""

    site: Site = field(default_factory=small_site)
    ledger: Ledger = field(default_factory=MemoryLedger)
    clock: ManualClock = field(default_factory=lambda: ManualClock(1_000_000_000_000))
    secret: bytes = b"a secret of the tests"
    holdings: Holdings = field(default_factory=NoHoldings)
    robots: ScriptedRobots = field(init=False)
    fleet: Dispatcher = field(init=False)

    def __post_init__(self) -> None:
        self.robots = ScriptedRobots(self.site, self.clock)
        self.restart_fleet()

    def restart_fleet(self) -> None:
        """Begin again with what the ledger holds."""
        self.fleet = Dispatcher(
            site=self.site,
            ledger=self.ledger,
            link=self.robots,
            clock=self.clock,
            secret=self.secret,
            holdings=self.holdings,
        )
        self.fleet.recover()

    def run(self, seconds: float) -> None:
        """Let time go by."""
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            self.robots.work()
            self.robots.speak(self.fleet)
            self.fleet.step()

    def guide(self, request_id: str = "g1", **changes: Any) -> Accepted:
        """Submit a guidance request."""
        return self.fleet.submit(guidance(request_id, **changes))

    def deliver(self, request_id: str = "d1", **changes: Any) -> Accepted:
        """Submit a delivery request."""
        return self.fleet.submit(delivery(request_id, **changes))

    def task(self, task_id: TaskId) -> TaskView:
        """Return a task as people see it."""
        return next(task for task in self.fleet.tasks(with_finished=True) if task.task_id == task_id)


def guidance(request_id: str = "g1", **changes: Any) -> GuidanceRequest:
    """Return a guidance request of the small site."""
    fields: dict[str, Any] = {"pickup": PlaceId("kiosk_1"), "destination": PlaceId("counter_2"), **changes}
    return GuidanceRequest(request_id=request_id, **fields)


def delivery(request_id: str = "d1", **changes: Any) -> DeliveryRequest:
    """Return a delivery request of the small site."""
    fields: dict[str, Any] = {
        "pickup": PlaceId("counter_1"),
        "destination": PlaceId("desk_1"),
        "sender": PersonId("ada"),
        "recipient": PersonId("gita"),
        "document": "passport of a visitor",
        **changes,
    }
    return DeliveryRequest(request_id=request_id, **fields)

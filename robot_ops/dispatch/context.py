"""What the parts of the dispatcher share."""

from dataclasses import dataclass, field

from robot_ops.allocation.model import Travel
from robot_ops.core.clock import Clock
from robot_ops.core.ids import RobotId
from robot_ops.dispatch.alarms import AlarmBoard
from robot_ops.dispatch.isolation import Isolation
from robot_ops.dispatch.journal import Journal
from robot_ops.dispatch.ports import RobotLink
from robot_ops.dispatch.robots import RobotState
from robot_ops.dispatch.steady_time import SteadyTime
from robot_ops.site.model import Site
from robot_ops.tasks.book import TaskBook
from robot_ops.tasks.codes import COST


@dataclass(slots=True, kw_only=True)
class Context:
    """One dispatcher's site, clock, book and robots.

    Attributes:
        travel: seconds between nodes, by lanes, without congestion.
        robots: in the order of the site file.
        code_cost: what a try at a one-time code takes, see `hash_code`.
        isolation: runs what concerns one robot or task only.
        time: goes on evenly when the clock is set.
    """

    site: Site
    clock: Clock
    link: RobotLink
    journal: Journal
    alarms: AlarmBoard
    travel: Travel
    secret: bytes
    code_cost: int = COST
    robots: dict[RobotId, RobotState] = field(default_factory=dict)
    isolation: Isolation = field(init=False)
    time: SteadyTime = field(init=False)

    def __post_init__(self) -> None:
        self.time = SteadyTime(self.clock)
        self.isolation = Isolation(self.alarms)

    @property
    def book(self) -> TaskBook:
        """Return the task book as of now."""
        return self.journal.book

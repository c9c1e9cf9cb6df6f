"""Robots that rest say that they are there: all at the same instants, which costs little however many they are."""

from collections.abc import Callable
from typing import Final, NamedTuple

from robot_ops.core.ids import RobotId
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.dispatch.ports import RobotStatus
from robot_ops.simulation.network import LATENCY
from robot_ops.simulation.scheduler import Alarm, Scheduler
from robot_ops.tasks.orders import MissionReport
from robot_ops.tasks.routes import RouteProgress

HEARTBEAT: Final = 4.0
"""s between two statuses of a robot at most; one that is silent for 5 s counts as offline."""


class SaidAgain(NamedTuple):
    """What a robot that rests says again.

    Attributes:
        status: the very same where nothing has changed: all that the fleet learns is that the robot is there.
        progress, report: None where they were said not long ago.
        is_news: it is not quite the same.
    """

    status: RobotStatus
    progress: RouteProgress | None
    report: MissionReport | None
    is_news: bool

    def tell(self, dispatcher: Dispatcher) -> None:
        """Hand it to the fleet."""
        dispatcher.on_status(self.status)
        if self.progress is not None:
            dispatcher.on_progress(self.progress)
        if self.report is not None:
            dispatcher.on_report(self.report)


class RestRound:
    """Asks those who rest, on good links, every few seconds what they say, and hands it to the fleet.

    Args:
        hand_over: takes what the fleet's process shall take, and whether it is news.
    """

    def __init__(
        self, scheduler: Scheduler, hand_over: Callable[[Callable[[Dispatcher], object], bool], object]
    ) -> None:
        self._scheduler = scheduler
        self._hand_over = hand_over
        self._alarm = Alarm(scheduler, self._ask)
        self._says: dict[RobotId, Callable[[], SaidAgain | None]] = {}

    def join(self, robot: RobotId, says: Callable[[], SaidAgain | None]) -> None:
        """Ask a robot from now on that has just spoken, until it says None or leaves."""
        self._says[robot] = says
        self._alarm.wake(HEARTBEAT)

    def leave(self, robot: RobotId) -> None:
        """Ask a robot no more."""
        self._says.pop(robot, None)

    def _ask(self) -> None:
        said: list[SaidAgain] = []
        for robot, says in tuple(self._says.items()):
            one = says()
            if one is None:
                self.leave(robot)
            else:
                said.append(one)
        if self._says:
            self._alarm.wake(HEARTBEAT)
        if said:
            self._scheduler.after(LATENCY, lambda: self._tell(said))

    def _tell(self, said: list[SaidAgain]) -> None:
        def take(dispatcher: Dispatcher) -> None:
            for each in said:
                each.tell(dispatcher)

        self._hand_over(take, any(each.is_news for each in said))

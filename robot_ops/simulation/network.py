"""The radio network between robots and fleet: quick and whole, until faults make it lose, delay, double and cut."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from robot_ops.core.ids import RobotId
from robot_ops.simulation.scheduler import Scheduler

LATENCY: Final = 0.02
"""s from sender to receiver on a good day."""
_RESEND: Final = 1.0  # s after which what must not get lost is sent again (DDS: reliable)

Delivery = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """What is wrong with one robot's link for a while.

    Attributes:
        loss, duplication: chance per message, 0-1.
        delay: seconds, each message between 0 and this; what is sent later may so arrive earlier.
        cuts_up, cuts_down: nothing gets through from the robot, or to it.
        rng: draws what becomes of each message.
    """

    rng: np.random.Generator
    loss: float = 0.0
    duplication: float = 0.0
    delay: float = 0.0
    cuts_up: bool = False
    cuts_down: bool = False


@dataclass(slots=True)
class _Link:
    disturbances: dict[int, Disturbance] = field(default_factory=dict)
    held_back: list[Delivery] = field(default_factory=list)  # reliable messages that wait for the end of a cut

    def is_cut(self, *, is_up: bool) -> bool:
        return any(each.cuts_up if is_up else each.cuts_down for each in self.disturbances.values())


class Network:
    """All links. Messages of one link arrive in the order of sending unless a disturbance changes that.

    Args:
        robots: one link each.
    """

    def __init__(self, scheduler: Scheduler, robots: Iterable[RobotId]) -> None:
        self._scheduler = scheduler
        self._links = {robot: _Link() for robot in robots}

    def is_good(self, robot: RobotId) -> bool:
        """Return whether nothing disturbs the robot's link."""
        return not self._links[robot].disturbances

    @property
    def is_all_good(self) -> bool:
        """Return whether nothing disturbs any link."""
        return not any(link.disturbances for link in self._links.values())

    def disturb(self, robot: RobotId, number: int, disturbance: Disturbance) -> None:
        """Begin a disturbance; its number serves to end it."""
        self._links[robot].disturbances[number] = disturbance

    def restore(self, robot: RobotId, number: int) -> None:
        """End a disturbance."""
        link = self._links[robot]
        link.disturbances.pop(number, None)
        if not link.is_cut(is_up=True):
            for delivery in link.held_back:
                self._scheduler.after(_RESEND, delivery)
            link.held_back.clear()

    def send_up(self, robot: RobotId, deliver: Delivery, *, is_reliable: bool = False) -> None:
        """Send from the robot to the fleet; what is reliable arrives in the end, late at worst."""
        self._send(self._links[robot], deliver, is_up=True, is_reliable=is_reliable)

    def send_down(self, robot: RobotId, deliver: Delivery) -> None:
        """Send from the fleet to the robot."""
        self._send(self._links[robot], deliver, is_up=False, is_reliable=False)

    def _send(self, link: _Link, deliver: Delivery, *, is_up: bool, is_reliable: bool) -> None:
        if not link.disturbances:
            self._scheduler.after(LATENCY, deliver)
            return
        if link.is_cut(is_up=is_up):
            if is_reliable:
                link.held_back.append(deliver)
            return
        delays = [LATENCY]
        for each in link.disturbances.values():
            if each.loss > 0.0 and each.rng.random() < each.loss:
                if not is_reliable:
                    return
                delays[0] += _RESEND
            if each.delay > 0.0:
                delays[0] += each.delay * float(each.rng.random())
            if each.duplication > 0.0 and each.rng.random() < each.duplication:
                delays.append(delays[0] + max(each.delay, 0.5) * float(each.rng.random()))
        for delay in delays:
            self._scheduler.after(delay, deliver)

import numpy as np
import pytest

from robot_ops.core.clock import NS_PER_S
from robot_ops.core.ids import RobotId
from robot_ops.simulation.network import Disturbance, Network
from robot_ops.simulation.scheduler import Scheduler

RNG = np.random.default_rng(1)
ROBOT, OTHER = RobotId("r1"), RobotId("r2")


class Stand:
    def __init__(self) -> None:
        self.scheduler = Scheduler(0)
        self.network = Network(self.scheduler, [ROBOT, OTHER])
        self.heard: list[int] = []

    def disturb(self, disturbance: Disturbance | None = None, *, number: int = 0) -> None:
        self.network.disturb(ROBOT, number, disturbance or Disturbance(rng=RNG, cuts_up=True))

    def send(self, count: int, *, is_up: bool = True, is_reliable: bool = False, robot: RobotId = ROBOT) -> None:
        for number in range(count):
            if is_up:
                self.network.send_up(robot, lambda number=number: self.heard.append(number), is_reliable=is_reliable)
            else:
                self.network.send_down(robot, lambda number=number: self.heard.append(number))

    def wait(self, seconds: float) -> None:
        self.scheduler.run(self.scheduler.now_ns() + round(seconds * NS_PER_S))


def test_a_good_network_keeps_all_in_order() -> None:
    stand = Stand()
    stand.send(50)
    stand.wait(1.0)
    assert stand.heard == list(range(50))


def test_messages_are_lost_only_on_the_disturbed_link_and_only_while_it_is() -> None:
    stand = Stand()
    stand.disturb(Disturbance(rng=RNG, loss=0.5))
    assert not stand.network.is_good(ROBOT)
    assert stand.network.is_good(OTHER)
    stand.send(200)
    stand.wait(1.0)
    assert 60 < len(stand.heard) < 140
    stand.heard.clear()
    stand.send(50, robot=OTHER)
    stand.network.restore(ROBOT, 0)
    stand.send(50)
    stand.wait(1.0)
    assert len(stand.heard) == 100
    assert stand.network.is_all_good


def test_what_is_reliable_comes_late_and_is_never_lost() -> None:
    stand = Stand()
    stand.disturb(Disturbance(rng=RNG, loss=0.9))
    stand.send(100, is_reliable=True)
    stand.wait(5.0)
    assert sorted(stand.heard) == list(range(100))


def test_delays_change_the_order() -> None:
    stand = Stand()
    stand.disturb(Disturbance(rng=RNG, delay=5.0))
    stand.send(50)
    stand.wait(6.0)
    assert sorted(stand.heard) == list(range(50))
    assert stand.heard != list(range(50))


def test_duplicates() -> None:
    stand = Stand()
    stand.disturb(Disturbance(rng=RNG, duplication=1.0))
    stand.send(5)
    stand.wait(2.0)
    assert sorted(stand.heard) == sorted([*range(5), *range(5)])


@pytest.mark.parametrize("is_up", [True, False])
def test_a_cut_in_one_direction_leaves_the_other(is_up: bool) -> None:
    stand = Stand()
    stand.disturb(Disturbance(rng=RNG, cuts_up=is_up, cuts_down=not is_up))
    stand.send(5, is_up=is_up)
    stand.wait(1.0)
    assert stand.heard == []
    stand.send(5, is_up=not is_up)
    stand.wait(1.0)
    assert stand.heard == list(range(5))


def test_what_is_reliable_waits_for_the_end_of_all_cuts() -> None:
    stand = Stand()
    stand.disturb(number=0)
    stand.disturb(number=1)
    stand.send(3, is_reliable=True)
    stand.network.restore(ROBOT, 0)
    stand.wait(10.0)
    assert stand.heard == []
    stand.network.restore(ROBOT, 1)
    stand.wait(10.0)
    assert stand.heard == [0, 1, 2]

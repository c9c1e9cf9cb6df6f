"""A robot's locks over DDS, with a lock that is slow to report."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from robot_ops_interfaces.msg import Compartment, CompartmentArray, LockCommand

from robot_ops.core.clock import ManualClock
from robot_ops.ros_nodes.mission_ports import RosCompartments
from robot_ops.ros_nodes.qos import MESSAGES, STATE
from robot_ops.ros_nodes.runtime import ros

DEADLINE = 20.0  # s


class Locks(Node):
    """Keeps the commands and reports when it is told to."""

    def __init__(self) -> None:
        super().__init__("locks")
        self.commands: list[int] = []
        self._topic = self.create_publisher(CompartmentArray, "compartments", STATE)
        self.create_subscription(LockCommand, "lock_command", self._keep, MESSAGES)

    def _keep(self, message: LockCommand) -> None:
        self.commands.append(message.command)

    def report(self, *, is_locked: bool) -> None:
        compartment = Compartment(id="c1", is_locked=is_locked, is_closed=is_locked, is_occupied=False)
        self._topic.publish(CompartmentArray(compartments=[compartment]))


class Stand:
    """Locks and the port, in one thread."""

    def __init__(self) -> None:
        self.locks, self._node = Locks(), Node("missions")
        self.port = RosCompartments(self._node, ManualClock(1_000_000_000))
        self._executor = EventsExecutor()
        for node in (self.locks, self._node):
            self._executor.add_node(node)

    def until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline
            self._executor.spin_once(timeout_sec=0.01)

    def close(self) -> None:
        for node in (self.locks, self._node):
            self._executor.remove_node(node)
            node.destroy_node()
        self._executor.shutdown()


@pytest.fixture
def stand() -> Iterator[Stand]:
    with ros():
        made = Stand()
        yield made
        made.close()


def test_locking_takes_an_unlock_back_that_is_still_on_its_way(stand: Stand) -> None:
    stand.until(lambda: stand.locks.count_subscribers("compartments") and stand.locks.count_publishers("lock_command"))
    stand.locks.report(is_locked=True)
    stand.until(lambda: stand.port.state("c1"))
    stand.port.unlock("c1")
    stand.port.lock("c1")  # the report that it is unlocked has not come yet
    assert stand.port.state("c1") is None
    stand.until(lambda: len(stand.locks.commands) == 2)
    assert stand.locks.commands == [LockCommand.UNLOCK, LockCommand.LOCK]
    stand.port.repeat()
    stand.locks.report(is_locked=True)
    stand.until(lambda: stand.port.state("c1"))
    assert stand.port.occupied == {"c1": False}

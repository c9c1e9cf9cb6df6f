"""What becomes of a program whose node fails."""

import threading

import pytest
from rclpy.node import Node

from robot_ops.ros_nodes.runtime import BackgroundSpin, ros


def test_what_a_callback_raises_is_told_and_raised_again_at_the_end() -> None:
    def fail() -> None:
        raise KeyError("broken")

    told = threading.Event()
    with ros():
        node = Node("failing")
        spin = BackgroundSpin(node, on_failure=told.set)
        node.create_timer(0.01, fail)
        spin.start()
        assert told.wait(20.0)
        with pytest.raises(KeyError, match="broken"):
            spin.stop()


def test_a_node_that_does_not_fail_is_ended_quietly() -> None:
    with ros():
        ticked = threading.Event()
        node = Node("working")
        node.create_timer(0.01, ticked.set)
        spin = BackgroundSpin(node)
        spin.start()
        assert ticked.wait(20.0)
        spin.stop()

"""The safety node over DDS: what drives, what stands, and a stop that survives the process."""

from __future__ import annotations

import array
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from robot_ops_interfaces.msg import SafetyState
from robot_ops_interfaces.srv import SetStop
from sensor_msgs.msg import LaserScan

from robot_ops.ros_nodes.qos import COMMAND, MESSAGES, SENSOR, STATE
from robot_ops.ros_nodes.stop_latch import StopLatch

DEADLINE = 20.0  # s; a process starts in one or two


class Rig:
    """Stands in for a robot's lidar and navigation, and listens to its safety."""

    def __init__(self, context: Context, robot: str) -> None:
        self.node = Node("rig", context=context, namespace=robot)
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.cmd_vel: list[Twist] = []
        self.states: list[SafetyState] = []
        self.diagnostics: list[DiagnosticStatus] = []
        self.nav_speed: float | None = None
        self.has_lidar = True
        self.range = math.inf
        node = self.node
        node.create_subscription(Twist, "cmd_vel", self.cmd_vel.append, COMMAND)
        node.create_subscription(SafetyState, "safety_state", self.states.append, STATE)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, MESSAGES)
        self._nav = node.create_publisher(Twist, "cmd_vel_nav", COMMAND)
        self._scan = node.create_publisher(LaserScan, "scan", SENSOR)
        self._odom = node.create_publisher(Odometry, "odom", SENSOR)
        self._set_stop = node.create_client(SetStop, "set_stop")
        node.create_timer(0.05, self._send)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.diagnostics += [s for s in message.status if s.hardware_id == self.node.get_namespace().strip("/")]

    def _send(self) -> None:
        stamp = self.node.get_clock().now().to_msg()
        if self.has_lidar:
            scan = LaserScan(
                angle_min=-math.pi,
                angle_max=math.pi,
                angle_increment=math.tau / 360,
                range_min=0.05,
                range_max=12.0,
                ranges=array.array("f", [self.range] * 360),
            )
            scan.header.stamp = stamp
            self._scan.publish(scan)
        self._odom.publish(Odometry())
        if self.nav_speed is not None:
            twist = Twist()
            twist.linear.x = self.nav_speed
            self._nav.publish(twist)

    def wait(self, is_so: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while not is_so():
            assert time.monotonic() < deadline, f"waited in vain for {what}; last state {self.states[-1:]}"
            self.executor.spin_once(timeout_sec=0.05)

    def wait_state(self, state: int) -> SafetyState:
        self.states.clear()
        self.wait(lambda: any(s.state == state for s in self.states), f"state {state}")
        return next(s for s in self.states if s.state == state)

    def set_stop(self, is_engaged: bool, operator: str) -> SetStop.Response:
        self.wait(self._set_stop.service_is_ready, "the service")
        future = self._set_stop.call_async(SetStop.Request(is_engaged=is_engaged, operator_id=operator))
        self.wait(future.done, "the answer")
        return future.result()

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()


@pytest.fixture
def rig() -> Iterator[Rig]:
    context = Context()
    rclpy.init(context=context)
    rig = Rig(context, f"guide_{os.getpid()}")
    yield rig
    rig.close()
    rclpy.try_shutdown(context=context)


@pytest.fixture
def start(rig: Rig, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start the robot's safety process; all of them are ended afterwards."""
    running: list[subprocess.Popen[bytes]] = []

    def run() -> subprocess.Popen[bytes]:
        arguments = ["-r", f"__ns:={rig.node.get_namespace()}", "-p", f"state_folder:={tmp_path}", "-p", "radius:=0.3"]
        command = [sys.executable, "-m", "robot_ops.ros_nodes.safety_node", "--ros-args", *arguments]
        running.append(subprocess.Popen(command))
        return running[-1]

    yield run
    for process in running:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=DEADLINE)


def test_drives_stands_and_tells(rig: Rig, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    process = start()
    assert rig.wait_state(SafetyState.STATE_IDLE).source == ""
    rig.nav_speed = 0.4
    assert rig.wait_state(SafetyState.STATE_DRIVING).source == "nav"
    rig.wait(lambda: rig.cmd_vel[-1].linear.x == pytest.approx(0.4), "the commanded speed")
    rig.range = 0.45
    assert "in the way" in rig.wait_state(SafetyState.STATE_BLOCKED).reason
    assert rig.cmd_vel[-1].linear.x == 0.0
    rig.range = math.inf
    rig.wait_state(SafetyState.STATE_DRIVING)
    rig.has_lidar = False
    rig.wait_state(SafetyState.STATE_SENSOR_FAULT)
    rig.wait(lambda: any(s.level == DiagnosticStatus.ERROR for s in rig.diagnostics), "an error in /diagnostics")
    rig.has_lidar = True
    rig.nav_speed = math.nan
    rig.wait(lambda: any("not a number" in s.reason for s in rig.states), "the refusal")
    rig.nav_speed = 0.4
    rig.wait_state(SafetyState.STATE_DRIVING)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=DEADLINE) == 0
    rig.wait(lambda: rig.cmd_vel[-1].linear.x == 0.0, "the last word: stand")


def test_a_stop_holds_over_a_kill_and_a_release_moves_nothing(
    rig: Rig, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    process = start()
    rig.nav_speed = 0.4
    rig.wait_state(SafetyState.STATE_DRIVING)
    assert rig.set_stop(True, "operator.ada").is_stopped
    assert rig.wait_state(SafetyState.STATE_STOPPED).stopped_by == "operator.ada"
    process.kill()
    process.wait(timeout=DEADLINE)

    start()
    assert rig.wait_state(SafetyState.STATE_STOPPED).stopped_by == "operator.ada"
    assert rig.set_stop(False, "").is_stopped  # nobody's release
    rig.cmd_vel.clear()
    answer = rig.set_stop(False, "operator.bob")
    assert not answer.is_stopped
    assert "operator.bob" in answer.text
    rig.wait(lambda: len(rig.cmd_vel) > 10, "two seconds of standing")
    assert all(twist.linear.x == 0.0 for twist in rig.cmd_vel)
    rig.nav_speed = 0.0
    rig.wait(lambda: rig.states[-1].reason == "", "nav's zero to be heard")
    rig.nav_speed = 0.4
    rig.wait_state(SafetyState.STATE_DRIVING)


def test_a_damaged_latch_file_holds_the_stop(tmp_path: Path) -> None:
    latch = StopLatch(tmp_path / "states" / "guide.stop.json")
    assert latch.load() == ()
    latch.save(("ada", "bob"))
    assert latch.load() == ("ada", "bob")
    latch.path.write_bytes(b"\xff[")
    assert latch.load() != ()
    latch.path.write_bytes(b"")
    assert latch.load() != ()
    latch.save(())
    latch.save(())
    assert latch.load() == ()

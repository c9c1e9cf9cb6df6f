"""The markers for RViz over DDS: painted for whoever looks, and only when they look different."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from robot_ops_interfaces.msg import RobotStatus as RobotStatusMsg
from robot_ops_interfaces.msg import RouteProgress as RouteProgressMsg
from robot_ops_interfaces.msg import TrafficState, ZoneSpeed
from visualization_msgs.msg import Marker, MarkerArray

from robot_ops.core.ids import NodeId, RobotId, RouteId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.dispatch.ports import RobotStatus
from robot_ops.ros_nodes.marker_node import MarkerNode
from robot_ops.ros_nodes.qos import STATE
from robot_ops.ros_nodes.runtime import ros
from robot_ops.ros_nodes.traffic_messages import to_progress, to_traffic
from robot_ops.ros_nodes.vocabulary import to_status
from robot_ops.tasks.routes import RouteProgress
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.testing.small_site import LEVEL, small_site
from robot_ops.traffic.waits import Wait

DEADLINE = 20.0  # s
GUIDE, COURIER = RobotId("guide_1"), RobotId("courier_1")


class Rig:
    """The node, and a fleet, robots and RViz beside it."""

    def __init__(self) -> None:
        self.site = small_site()
        self.markers = MarkerNode(self.site)
        self.node = Node("rig")
        self.executor = SingleThreadedExecutor()
        for node in (self.markers, self.node):
            self.executor.add_node(node)
        self.traffic = self.node.create_publisher(TrafficState, "/fleet/traffic", STATE)
        self.statuses = {
            robot: self.node.create_publisher(RobotStatusMsg, f"/{robot}/status", STATE) for robot in (GUIDE, COURIER)
        }
        self.progress = self.node.create_publisher(RouteProgressMsg, f"/{GUIDE}/progress", STATE)
        self.seen: list[MarkerArray] = []

    def look(self) -> Any:
        return self.node.create_subscription(MarkerArray, "/fleet/markers", self.seen.append, STATE)

    def wait(self, is_so: Callable[[], Any]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not is_so():
            assert time.monotonic() < deadline
            self.executor.spin_once(timeout_sec=0.1)

    def spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.05)

    def names(self) -> set[str]:
        """Return what the last message adds."""
        return {marker.ns for marker in self.seen[-1].markers if marker.action == Marker.ADD} if self.seen else set()

    def stand(self, robot: RobotId, x: float) -> None:
        status = RobotStatus(
            robot=robot,
            stamp_ns=1,
            at=LevelPose(level=LEVEL, pose=Pose(x=x, y=0.0)),
            speed=0.0,
            battery_soc=0.5,
            is_charging=False,
            mission_id=None,
            is_stopped=False,
        )
        self.statuses[robot].publish(to_status(status))

    def close(self) -> None:
        self.executor.shutdown()
        self.markers.destroy_node()
        self.node.destroy_node()


@pytest.fixture
def rig() -> Iterator[Rig]:
    with ros():
        rig = Rig()
        yield rig
        rig.close()


def test_traffic_is_painted_for_who_looks_and_again_when_it_looks_different(rig: Rig) -> None:
    rig.look()
    rig.wait(lambda: rig.names() == {"lanes", "names"})
    wait = Wait(robot=GUIDE, waits_for=(COURIER,), text="guide_1 waits for courier_1", since_ns=0)
    rules = TrafficRules(closed_lanes=frozenset({next(iter(rig.site.lanes))}))
    rig.stand(GUIDE, 1.0)
    rig.stand(COURIER, 4.0)
    rig.traffic.publish(to_traffic([], [wait], rules, 1))
    rig.wait(lambda: rig.names() == {"lanes", "names", "closed_lanes", "waits", "wait_reasons"})
    count = len(rig.seen)
    rig.stand(GUIDE, 1.01)  # not to be seen on a map
    rig.traffic.publish(to_traffic([], [wait], rules, 2))
    rig.spin(1.0)
    assert len(rig.seen) == count
    rig.stand(GUIDE, 2.0)
    rig.wait(lambda: len(rig.seen) > count)
    rig.traffic.publish(to_traffic([], [], TrafficRules(), 3))
    rig.wait(lambda: rig.names() == {"lanes", "names"})
    gone = {marker.ns for marker in rig.seen[-1].markers if marker.action == Marker.DELETE}
    assert gone == {"closed_lanes", "waits", "wait_reasons"}


def test_who_looks_later_sees_all_and_malformed_traffic_is_left_out(rig: Rig) -> None:
    wait = Wait(robot=GUIDE, waits_for=(), text="guide_1 is off the lanes", since_ns=0)
    rig.stand(GUIDE, 1.0)
    rig.traffic.publish(to_traffic([], [wait], TrafficRules(), 1))
    rig.spin(0.5)
    broken = to_traffic([], [], TrafficRules(), 2)
    broken.rules.speed_limits.append(ZoneSpeed(zone="hall", speed=-1.0))
    rig.traffic.publish(broken)
    rig.spin(0.5)
    rig.look()
    rig.wait(lambda: "wait_reasons" in rig.names())


def test_a_robot_that_is_driven_by_hand_has_a_circle_until_it_is_back(rig: Rig) -> None:
    rig.look()
    at = LevelPose(level=LEVEL, pose=Pose(x=1.0, y=2.0))
    progress = RouteProgress(robot=GUIDE, stamp_ns=1, route_id=RouteId(""), reached=0, held=())
    rig.progress.publish(to_progress(dataclasses.replace(progress, free=at, free_radius=0.9, is_by_hand=True)))
    rig.wait(lambda: {"free_robots", "free_reasons"} <= rig.names())
    broken = to_progress(dataclasses.replace(progress, free=at, free_radius=0.9))
    broken.free_pose.position.x = math.nan
    rig.progress.publish(broken)
    rig.spin(0.5)
    assert "free_robots" in rig.names()
    rig.progress.publish(to_progress(dataclasses.replace(progress, held=(NodeId("a"),))))
    rig.wait(lambda: "free_robots" not in rig.names())

"""The world node over DDS: what a robot's drivers and a building would say, and what they take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import Twist as TwistMsg
from nav_msgs.msg import Odometry as OdometryMsg
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from robot_ops_interfaces.msg import (
    CompartmentArray,
    DoorRequest,
    DoorState,
    LiftRequest,
    LiftState,
    LockCommand,
    PersonTrackArray,
    WorldStatistics,
)
from rosgraph_msgs.msg import Clock as ClockMsg
from sensor_msgs.msg import BatteryState, CameraInfo
from sensor_msgs.msg import Image as ImageMsg
from sensor_msgs.msg import LaserScan as LaserScanMsg
from tf2_msgs.msg import TFMessage

from robot_ops.core.ids import LevelId, RobotId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.core.resources import shared_folder
from robot_ops.core.world import PersonPose
from robot_ops.ros_nodes.conversions import from_image, from_scan
from robot_ops.ros_nodes.qos import COMMAND, MESSAGES, SENSOR, STATE
from robot_ops.ros_nodes.world_node import WorldNode
from robot_ops.simulation.world import World
from robot_ops.site.files import load_site

DEADLINE = 20.0
GUIDE, COURIER = RobotId("guide_1"), RobotId("courier_1")


class OneVisitor:
    """Somebody who stands in the hall."""

    def step(self, now_ns: int, robots: Mapping[RobotId, LevelPose]) -> list[PersonPose]:
        assert set(robots) == {GUIDE, COURIER}
        at = LevelPose(level=LevelId("hall"), pose=Pose(x=10.0, y=20.0))
        return [PersonPose(person="v", number=7, at=at, vx=0.5)]


class Rig:
    """Listens to and speaks with the world."""

    def __init__(self) -> None:
        site = load_site(shared_folder("sites") / "immigration_hall.yaml")
        self.world = World(site, robots=[GUIDE, COURIER], rng=np.random.default_rng(1), people_capacity=2)
        self.world.__enter__()
        self.node = WorldNode(self.world, site=site, people=OneVisitor())
        self.listener = Node("listener")
        self.heard: dict[str, list[Any]] = {}
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.listener)

    def listen(self, kind: type, topic: str, qos: QoSProfile) -> list[Any]:
        messages = self.heard[topic] = []
        self.listener.create_subscription(kind, topic, messages.append, qos)
        return messages

    def wait(self, is_so: Callable[[], Any], what: str, act: Callable[[], object] = lambda: None) -> None:
        deadline = time.monotonic() + DEADLINE
        while not is_so():
            assert time.monotonic() < deadline, f"in vain for {what}"
            act()
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self.executor.shutdown()
        self.node.destroy_node()
        self.listener.destroy_node()
        self.world.__exit__(None, None, None)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rclpy.init(args=["--ros-args", "-p", "speed:=4.0"])
    try:
        rig = Rig()
        yield rig
        rig.close()
    finally:
        rclpy.try_shutdown()


def test_everything_a_robot_and_a_building_say_is_heard(rig: Rig) -> None:
    clock = rig.listen(ClockMsg, "/clock", SENSOR)
    odometry = rig.listen(OdometryMsg, "/guide_1/odom", SENSOR)
    scans = rig.listen(LaserScanMsg, "/guide_1/scan", SENSOR)
    images = rig.listen(ImageMsg, "/guide_1/camera/rear/image", SENSOR)
    infos = rig.listen(CameraInfo, "/guide_1/camera/rear/camera_info", SENSOR)
    batteries = rig.listen(BatteryState, "/courier_1/battery_state", STATE)
    compartments = rig.listen(CompartmentArray, "/courier_1/compartments", STATE)
    transforms = rig.listen(TFMessage, "/tf", MESSAGES)
    fixed = rig.listen(TFMessage, "/tf_static", STATE)
    doors = rig.listen(DoorState, "/door_states", MESSAGES)
    lifts = rig.listen(LiftState, "/lift_states", STATE)
    people = rig.listen(PersonTrackArray, "/world/people", STATE)
    statistics = rig.listen(WorldStatistics, "/world/statistics", STATE)
    rig.wait(lambda: all(rig.heard.values()) and len(statistics) > 2, "all topics")

    stamps = [m.clock.sec * 10**9 + m.clock.nanosec for m in clock]
    assert stamps == sorted(stamps)
    assert (odometry[0].header.frame_id, odometry[0].child_frame_id) == ("guide_1/odom", "guide_1/base_link")
    assert from_scan(scans[0], Pose(x=0.0, y=0.0)).ranges.shape == (360,)
    assert from_image(images[0]).pixels.shape == (240, 320, 3)
    assert (infos[0].width, infos[0].header.frame_id) == (320, images[0].header.frame_id)
    assert batteries[0].power_supply_status == BatteryState.POWER_SUPPLY_STATUS_CHARGING
    assert batteries[0].percentage == 1.0
    assert len(compartments[0].compartments) == 4
    assert {t.child_frame_id for t in transforms[0].transforms} == {"guide_1/base_link", "courier_1/base_link"}
    frames = {t.child_frame_id: t for t in fixed[0].transforms}
    assert {"guide_1/lidar_link", images[0].header.frame_id} <= set(frames)
    assert frames["guide_1/lidar_link"].transform.translation.z == pytest.approx(0.3, abs=0.05)
    rotation = frames["guide_1/front_camera_optical_frame"].transform.rotation
    assert (rotation.w, rotation.x, rotation.y, rotation.z) == pytest.approx((0.5, -0.5, 0.5, -0.5))
    assert doors[0].state == DoorState.CLOSED
    assert (lifts[0].level, lifts[0].session) == ("hall", "")
    rig.wait(lambda: people[-1].tracks, "the visitor")
    track = people[-1].tracks[0]
    assert (track.track_id, track.x, track.vx, track.level) == (7, 10.0, 0.5, "hall")
    assert statistics[-1].robots == ["guide_1", "courier_1"]
    assert statistics[-1].sim_time > 0
    assert rig.node.real_time_factor > 0


def test_commands_are_carried_out_and_wrong_ones_change_nothing(rig: Rig) -> None:
    velocity = rig.listener.create_publisher(TwistMsg, "/guide_1/cmd_vel", COMMAND)
    lock = rig.listener.create_publisher(LockCommand, "/courier_1/lock_command", MESSAGES)
    door = rig.listener.create_publisher(DoorRequest, "/door_requests", MESSAGES)
    lift = rig.listener.create_publisher(LiftRequest, "/lift_requests", MESSAGES)
    doors = rig.listen(DoorState, "/door_states", MESSAGES)
    lifts = rig.listen(LiftState, "/lift_states", MESSAGES)
    compartments = rig.listen(CompartmentArray, "/courier_1/compartments", STATE)
    start = rig.world.truth(GUIDE).pose
    back = TwistMsg()
    back.linear.x = -0.5
    rig.wait(
        lambda: rig.world.truth(GUIDE).pose.distance_to(start) > 0.3,
        "the robot to move",
        lambda: velocity.publish(back),
    )
    broken = TwistMsg()
    broken.linear.x = math.nan
    velocity.publish(broken)
    lock.publish(LockCommand(compartment="nonsense", command=LockCommand.UNLOCK))
    lock.publish(LockCommand(compartment="compartment_2", command=9))
    door.publish(DoorRequest(door="nonsense", requester="guide_1", is_needed=True))
    lift.publish(LiftRequest(lift="lift_1", session="guide_1", level="nonsense", is_needed=True))
    lock.publish(LockCommand(compartment="compartment_2", command=LockCommand.UNLOCK))
    rig.wait(
        lambda: compartments and [c.id for c in compartments[-1].compartments if not c.is_closed] == ["compartment_2"],
        "the lid",
    )
    rig.wait(
        lambda: doors and doors[-1].state == DoorState.OPEN,
        "the door",
        lambda: door.publish(DoorRequest(door="back_office_door", requester="guide_1", is_needed=True)),
    )
    rig.wait(
        lambda: lifts and lifts[-1].level == "office" and lifts[-1].is_open and lifts[-1].session == "guide_1",
        "the lift",
        lambda: lift.publish(LiftRequest(lift="lift_1", session="guide_1", level="office", is_needed=True)),
    )

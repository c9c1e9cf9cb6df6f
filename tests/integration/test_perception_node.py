"""The perception node over DDS: people from scans, a camera that is only asked when it is needed, tags for docking."""

from __future__ import annotations

import array
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rclpy
from numpy.typing import NDArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from robot_ops_interfaces.msg import PersonTrackArray
from sensor_msgs.msg import CameraInfo, LaserScan
from sensor_msgs.msg import Image as ImageMsg

from robot_ops.core.ids import LevelId
from robot_ops.core.poses import FloatArray, LevelPose, Pose
from robot_ops.core.sensors import CameraModel, Image
from robot_ops.perception.camera_people import PersonBox
from robot_ops.ros_nodes.conversions import to_camera_info, to_image
from robot_ops.ros_nodes.perception_node import PerceptionMode, PerceptionNode
from robot_ops.ros_nodes.qos import MESSAGES, SENSOR

DEADLINE = 20.0
HALL = LevelId("hall")
FOCAL = 228.5
CAMERA = CameraModel(
    width_px=320, height_px=240, fx=FOCAL, fy=FOCAL, cx=159.5, cy=119.5, x=0, y=0, z=0, yaw=0.0, pitch=0.0
)
TAG = Path(__file__).parents[2] / "sim/models/april_tags/materials/textures/tag36h11_00011.png"


def nothing_static(points: FloatArray) -> NDArray[np.bool_]:
    return np.zeros(len(points), dtype=np.bool_)


class OneBox:
    """A detector that sees the same person in every picture."""

    def __init__(self, box: PersonBox) -> None:
        self._box = box
        self.threads: set[int] = set()
        self.is_broken = False

    def detect(self, image: Image) -> tuple[PersonBox, ...]:
        self.threads.add(threading.get_ident())
        if self.is_broken:
            raise cv2.error("out of memory")
        return (self._box,)


class Rig:
    """A robot's lidar and cameras, and whoever listens to its perception."""

    def __init__(self, context: Context, detector: OneBox) -> None:
        rclpy_robot = f"guide_{os.getpid()}"
        self.node = Node("rig", context=context, namespace=rclpy_robot)
        self.at: LevelPose | None = LevelPose(level=HALL, pose=Pose(x=10.0, y=5.0, yaw=math.pi / 2))
        self.perception = PerceptionNode(
            rclpy_robot,
            pose_at=lambda _stamp_ns: self.at,
            static_map_of=lambda _level: nothing_static,
            detector=detector,
            context=context,
        )
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.perception)
        self.heard: list[PersonTrackArray] = []
        self.person: tuple[float, float] | None = None
        self.picture: NDArray[np.uint8] = np.full((240, 320, 3), 150, np.uint8)
        self.node.create_subscription(PersonTrackArray, "people", self.heard.append, MESSAGES)
        self._scan = self.node.create_publisher(LaserScan, "scan", SENSOR)
        self.images = {s: self.node.create_publisher(ImageMsg, f"camera/{s}/image", SENSOR) for s in ("front", "rear")}
        self._infos = {
            s: self.node.create_publisher(CameraInfo, f"camera/{s}/camera_info", SENSOR) for s in ("front", "rear")
        }
        self.node.create_timer(0.1, self._send)

    def _send(self) -> None:
        stamp_ns = self.node.get_clock().now().nanoseconds
        ranges = [math.inf] * 360
        if self.person is not None:
            distance, bearing = math.hypot(*self.person), math.atan2(self.person[1], self.person[0])
            for side in (-1, 1):  # two shins, a foot apart across the line of sight
                middle = round(math.degrees(bearing + side * 0.12 / distance)) + 180
                for ray in range(middle - 1, middle + 2):
                    ranges[ray % 360] = distance - 0.05
        scan = LaserScan(
            angle_min=-math.pi,
            angle_max=math.pi,
            angle_increment=math.tau / 360,
            range_min=0.05,
            range_max=12.0,
            ranges=array.array("f", ranges),
        )
        scan.header.stamp = self.node.get_clock().now().to_msg()
        self._scan.publish(scan)
        for name, publisher in self.images.items():
            if publisher.get_subscription_count():
                self._infos[name].publish(to_camera_info(CAMERA, frame=name, stamp_ns=stamp_ns))
                publisher.publish(to_image(Image(stamp_ns=stamp_ns, pixels=self.picture), frame=name))

    def wait(self, is_so: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while not is_so():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            self.executor.spin_once(timeout_sec=0.05)

    def close(self) -> None:
        self.executor.shutdown()
        self.perception.destroy_node()
        self.node.destroy_node()


# A person 3 m behind the robot, as the rear camera (0.215 m behind its middle, 1.1 m high) sees them.
BEHIND = 3.0 - 0.215
BOX = PersonBox(
    left=145.0, right=174.0, top=119.5 - FOCAL * 0.62 / BEHIND, bottom=119.5 + FOCAL * 1.1 / BEHIND, score=0.9
)


@pytest.fixture
def detector() -> OneBox:
    return OneBox(BOX)


@pytest.fixture
def rig(detector: OneBox) -> Iterator[Rig]:
    context = Context()
    rclpy.init(context=context)
    rig = Rig(context, detector)
    yield rig
    rig.close()
    rclpy.try_shutdown(context=context)


def test_people_are_told_on_the_map_and_confirmed_by_the_camera(rig: Rig, detector: OneBox) -> None:
    rig.person = (-3.0, 0.0)
    rig.wait(lambda: rig.heard and rig.heard[-1].tracks, "a person")
    (told,) = rig.heard[-1].tracks
    assert (told.level, told.is_confirmed) == ("hall", False)
    assert (told.x, told.y) == pytest.approx((10.0, 2.0), abs=0.3)
    assert rig.images["rear"].get_subscription_count() == 0
    rig.perception.set_mode(PerceptionMode.FOLLOW)
    rig.wait(lambda: any(track.is_confirmed for track in rig.perception.tracks), "the camera's word")
    assert detector.threads
    assert threading.get_ident() not in detector.threads  # the executor never waits for it
    rig.perception.set_mode(PerceptionMode.OFF)
    rig.wait(lambda: rig.images["rear"].get_subscription_count() == 0, "the end of the pictures")
    rig.at = LevelPose(level=LevelId("office"), pose=Pose(x=0.0, y=0.0))
    rig.person = None
    rig.wait(lambda: not rig.heard[-1].tracks, "an empty office")


def test_nobody_is_told_where_the_robot_is_lost(rig: Rig) -> None:
    rig.person = (-3.0, 0.0)
    rig.at = None
    rig.wait(lambda: len(rig.heard) > 5, "a second of messages")
    assert not any(message.tracks for message in rig.heard)


def test_tags_are_measured_while_docking_only(rig: Rig) -> None:
    distance, turn = 1.0, 0.4
    texture = np.asarray(cv2.imread(str(TAG), cv2.IMREAD_GRAYSCALE))
    edge = 0.18 * 10 / 8
    corners = []
    for sx, sz in ((-1, 1), (1, 1), (1, -1), (-1, -1)):
        ahead = distance + sx * edge / 2 * math.sin(turn)
        corners.append((159.5 + FOCAL * sx * edge / 2 * math.cos(turn) / ahead, 119.5 - FOCAL * sz * edge / 2 / ahead))
    n = float(len(texture)) - 1
    source = np.array([[0, 0], [n, 0], [n, n], [0, n]], np.float32)
    warp = cv2.getPerspectiveTransform(source, np.array(corners, np.float32))
    gray = cv2.warpPerspective(texture, warp, (320, 240), borderValue=150, flags=cv2.INTER_AREA)
    rig.picture = np.repeat(np.asarray(gray, np.uint8)[:, :, np.newaxis], 3, axis=2)
    assert rig.perception.sightings() == ()
    rig.perception.set_mode(PerceptionMode.DOCK)
    rig.wait(rig.perception.sightings, "a tag")
    (seen,) = rig.perception.sightings()
    assert seen.tag == 11
    assert (seen.pose_in_base.x, seen.pose_in_base.y) == pytest.approx((1.215, 0.0), abs=0.03)
    assert seen.pose_in_base.yaw == pytest.approx(turn, abs=0.1)
    rig.perception.set_mode(PerceptionMode.OFF)
    assert rig.perception.sightings() == ()


def test_a_detector_that_fails_does_not_end_the_process(rig: Rig, detector: OneBox) -> None:
    rig.person = (-3.0, 0.0)
    detector.is_broken = True
    rig.perception.set_mode(PerceptionMode.FOLLOW)
    rig.wait(lambda: detector.threads, "a picture")
    told = len(rig.heard)
    rig.wait(lambda: len(rig.heard) > told + 5, "a second of messages")
    detector.is_broken = False
    rig.wait(lambda: any(track.is_confirmed for track in rig.perception.tracks), "the camera's word")


def test_pictures_of_the_wrong_size_are_refused(rig: Rig) -> None:
    rig.picture = np.zeros((48, 64, 3), np.uint8)
    rig.perception.set_mode(PerceptionMode.DOCK)
    rig.wait(rig.images["front"].get_subscription_count, "the subscription")
    rig.wait(lambda: len(rig.heard) > 5, "a second of work")
    assert rig.perception.sightings() == ()

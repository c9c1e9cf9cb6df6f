"""The eyes of one robot as a ROS node, in the robot's process.

In:  scan (sensor_msgs/LaserScan); camera/rear/image and camera/rear/camera_info while following, camera/front/... while
     docking (sensor_msgs/Image, CameraInfo): subscriptions exist only as long as pictures are needed
Out: people (PersonTrackArray, map frame, 5 Hz)

In the process it is a PeopleSource for the mission and a TagSource for docking. Pictures for the person detector go to
one worker thread, once per second, so that the executor never waits for it.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription
from robot_ops_interfaces.msg import PersonTrack as PersonTrackMsg
from robot_ops_interfaces.msg import PersonTrackArray
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image as ImageMsg
from sensor_msgs.msg import LaserScan as LaserScanMsg

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import LevelId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.core.sensors import CameraModel, Image
from robot_ops.missions.ports import PersonTrack
from robot_ops.navigation.docking import TagSighting
from robot_ops.perception.camera_people import PersonDetector, PersonSighting, place_on_floor
from robot_ops.perception.lidar_people import IsStatic
from robot_ops.perception.people import PeopleTracker
from robot_ops.perception.tags import TagDetector
from robot_ops.ros_nodes.clock import RosClock
from robot_ops.ros_nodes.conversions import from_image, from_scan, to_time
from robot_ops.ros_nodes.parameters import declare, parameter
from robot_ops.ros_nodes.qos import MESSAGES, SENSOR
from robot_ops.site.model import RobotKind, RobotModel

PoseAt = Callable[[int], LevelPose | None]
"""Tells where base_link was on the map at an instant (nanoseconds), None while the robot is not localized."""

StaticMapOf = Callable[[LevelId], IsStatic | None]
"""Tells what is on a level's map, None for a level without one."""

_PERIOD: Final = 0.2  # s between looks at the scan


class PerceptionMode(Enum):
    """What the cameras are needed for."""

    OFF = "off"
    FOLLOW = "follow"  # the rear camera looks for the visitor
    DOCK = "dock"  # the front camera measures tags


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptionParameters:
    """Parameters of the perception node. Places are in base_link, meters and radians, pitch positive downward."""

    lidar_x: float = parameter(0.0, "Position of the lidar, m.", low=-2.0, high=2.0)
    lidar_y: float = parameter(0.0, "Position of the lidar, m.", low=-2.0, high=2.0)
    lidar_yaw: float = parameter(0.0, "Heading of the lidar, rad.", low=-3.1416, high=3.1416)
    front_x: float = parameter(0.215, "Position of the front camera, m.", low=-2.0, high=2.0)
    front_z: float = parameter(1.1, "Height of the front camera, m.", low=0.0, high=3.0)
    front_pitch: float = parameter(0.0, "Pitch of the front camera, rad.", low=-1.57, high=1.57)
    rear_x: float = parameter(-0.215, "Position of the rear camera, m.", low=-2.0, high=2.0)
    rear_z: float = parameter(1.1, "Height of the rear camera, m.", low=0.0, high=3.0)
    rear_pitch: float = parameter(0.0, "Pitch of the rear camera, rad.", low=-1.57, high=1.57)
    tag_size: float = parameter(0.18, "Edge of the black square of the tags, m.", low=0.02, high=1.0)
    tag_range: float = parameter(2.2, "Tags farther away are not told, m.", low=0.3, high=10.0)
    tag_decimate: float = parameter(1.0, "Pictures are searched at 1 / this of their size.", low=1.0, high=4.0)
    detector_period: float = parameter(1.0, "Between two pictures for the person detector, s.", low=0.1, high=10.0)


def parameters_of(model: RobotModel) -> list[Parameter]:
    """Return where a robot's build carries its cameras (sim/models), to be handed to `PerceptionNode` as overrides."""
    match model.kind:
        case RobotKind.GUIDE:
            places = {"front_x": 0.215, "front_z": 1.1, "rear_x": -0.215, "rear_z": 1.1}
        case RobotKind.COURIER:
            places = {"front_x": 0.33, "front_z": 0.9}
        case _:
            assert_never(model.kind)
    return [Parameter(name, value=value) for name, value in places.items()]


class PerceptionNode(Node):
    """Sees people and tags for one robot.

    Args:
        namespace: the robot's id.
        pose_at: see PoseAt.
        static_map_of: see StaticMapOf.
        detector: of people in pictures; None leaves them to the lidar alone.
        mode_of: tells what the cameras are needed for, asked at 5 Hz; None leaves that to `set_mode`.
        overrides: parameters, before those on the command line.
        context: rclpy's default one if None.

    Raises:
        ParameterError: a parameter is wrong.
    """

    def __init__(
        self,
        namespace: str,
        *,
        pose_at: PoseAt,
        static_map_of: StaticMapOf,
        detector: PersonDetector | None,
        mode_of: Callable[[], PerceptionMode] | None = None,
        overrides: Sequence[Parameter] = (),
        context: Context | None = None,
    ) -> None:
        super().__init__("perception", namespace=namespace, parameter_overrides=list(overrides), context=context)
        self._parameters = parameters = declare(self, PerceptionParameters)
        self._lidar = Pose(x=parameters.lidar_x, y=parameters.lidar_y, yaw=parameters.lidar_yaw)
        self._pose_at = pose_at
        self._static_map_of = static_map_of
        self._detector = detector
        self._mode_of = mode_of
        self._now_ns = RosClock(self).now_ns
        self._people = PeopleTracker()
        self._level: LevelId | None = None
        self._scan: bytes | None = None
        self._tracks: tuple[PersonTrack, ...] = ()
        self._mode = PerceptionMode.OFF
        self._camera: CameraModel | None = None
        self._camera_subscriptions: list[Subscription[ImageMsg] | Subscription[CameraInfo]] = []
        self._tag_detector: TagDetector | None = None
        self._tags: tuple[TagSighting, ...] = ()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="person_detector")
        self._looking: tuple[int, Future[tuple[PersonSighting, ...]]] | None = None
        self._looked_ns: int | None = None
        self._publisher = self.create_publisher(PersonTrackArray, "people", MESSAGES)
        # Scans come at 10 Hz, one of two is looked at: they stay bytes until then.
        self.create_subscription(LaserScanMsg, "scan", self._on_scan, SENSOR, raw=True)
        self.create_timer(_PERIOD, self._on_timer)

    @property
    def tracks(self) -> tuple[PersonTrack, ...]:
        """See robot_ops.missions.ports.PeopleSource."""
        return self._tracks

    def sightings(self) -> Sequence[TagSighting]:
        """See robot_ops.navigation.docking.TagSource. Only tags that were measured without doubt are told."""
        return self._tags

    @property
    def mode(self) -> PerceptionMode:
        """Return what the cameras are used for."""
        return self._mode

    def set_mode(self, mode: PerceptionMode) -> None:
        """Use the cameras for something; subscriptions are made and dropped accordingly."""
        if mode is self._mode:
            return
        self._mode = mode
        for subscription in self._camera_subscriptions:
            self.destroy_subscription(subscription)
        self._camera_subscriptions.clear()
        self._camera, self._tags = None, ()
        match mode:
            case PerceptionMode.OFF:
                pass
            case PerceptionMode.FOLLOW:
                if self._detector is not None:
                    self._subscribe("rear")
            case PerceptionMode.DOCK:
                self._subscribe("front")
            case _:
                assert_never(mode)

    def destroy_node(self) -> None:
        """Stop the worker, too."""
        self._worker.shutdown(wait=True, cancel_futures=True)
        super().destroy_node()

    def _subscribe(self, side: str) -> None:
        self._camera_subscriptions = [
            self.create_subscription(CameraInfo, f"camera/{side}/camera_info", self._on_camera_info, SENSOR),
            self.create_subscription(ImageMsg, f"camera/{side}/image", self._on_image, SENSOR),
        ]

    def _on_camera_info(self, message: CameraInfo) -> None:
        if self._camera is not None:
            return
        parameters, is_front = self._parameters, self._mode is PerceptionMode.DOCK
        fx, _, cx, _, fy, cy, *_ = (float(value) for value in message.k)
        if not (fx > 0.0 and fy > 0.0 and message.width > 0 and message.height > 0):
            self.get_logger().error("camera_info holds no focal length or size", throttle_duration_sec=10.0)
            return
        self._camera = CameraModel(
            width_px=int(message.width),
            height_px=int(message.height),
            fx=fx,
            fy=fy,
            cx=cx,
            cy=cy,
            x=parameters.front_x if is_front else parameters.rear_x,
            y=0.0,
            z=parameters.front_z if is_front else parameters.rear_z,
            yaw=0.0 if is_front else math.pi,
            pitch=parameters.front_pitch if is_front else parameters.rear_pitch,
        )
        if is_front and self._tag_detector is None:
            self._tag_detector = TagDetector(self._camera, size=parameters.tag_size, decimate=parameters.tag_decimate)

    def _on_image(self, message: ImageMsg) -> None:
        if self._camera is None:
            return
        is_detector_due = self._looking is None and (
            self._looked_ns is None
            or seconds_between(self._looked_ns, self._now_ns()) >= self._parameters.detector_period
        )
        if self._mode is PerceptionMode.FOLLOW and not is_detector_due:
            return
        try:
            image = from_image(message)
            if self._mode is PerceptionMode.DOCK and self._tag_detector is not None:
                self._measure_tags(self._tag_detector, image)
            elif self._detector is not None:
                self._looked_ns = self._now_ns()
                future = self._worker.submit(_look, self._detector, image, self._camera)
                self._looking = (image.stamp_ns, future)
        except ValueError as error:
            self.get_logger().error(f"a picture is of no use: {error}", throttle_duration_sec=10.0)

    def _measure_tags(self, detector: TagDetector, image: Image) -> None:
        self._tags = tuple(
            TagSighting(tag=seen.tag, stamp_ns=seen.stamp_ns, pose_in_base=seen.pose_in_base)
            for seen in detector.detect(image)
            if not seen.is_ambiguous and seen.pose_in_base.distance_to(Pose(x=0.0, y=0.0)) <= self._parameters.tag_range
        )

    def _on_scan(self, data: bytes) -> None:
        self._scan = data

    def _on_timer(self) -> None:
        if self._mode_of is not None:
            self.set_mode(self._mode_of())
        if self._scan is not None:
            self._take_scan(self._scan)
            self._scan = None
        if self._looking is not None and self._looking[1].done():
            stamp_ns, future = self._looking
            self._looking = None
            self._take_people(future, stamp_ns)
        self._tell()

    def _take_people(self, future: Future[tuple[PersonSighting, ...]], stamp_ns: int) -> None:
        error = future.exception()
        if error is not None:  # the lidar still sees people; a picture must not end the robot's process
            self.get_logger().error(f"the person detector fails: {error!r}", throttle_duration_sec=10.0)
            return
        at = self._pose_at(stamp_ns)
        if at is not None and at.level == self._level:
            self._people.update_camera(future.result(), at.pose, stamp_ns)

    def _take_scan(self, data: bytes) -> None:
        scan = from_scan(deserialize_message(data, LaserScanMsg), self._lidar)
        at = self._pose_at(scan.stamp_ns)
        if at is None:
            return
        if at.level != self._level:
            self._people.clear()
            self._level = at.level
        is_static = self._static_map_of(at.level)
        if is_static is not None:
            self._people.update_scan(scan, at.pose, is_static)

    def _tell(self) -> None:
        self._tracks = tuple(
            PersonTrack(
                track_id=track.track_id,
                x=track.x,
                y=track.y,
                vx=track.vx,
                vy=track.vy,
                stamp_ns=track.stamp_ns,
                is_confirmed=track.is_confirmed,
            )
            for track in self._people.tracks
        )
        level = str(self._level or "")
        self._publisher.publish(
            PersonTrackArray(
                stamp=to_time(self._now_ns()), tracks=[_to_message(track, level) for track in self._tracks]
            )
        )


def _look(detector: PersonDetector, image: Image, camera: CameraModel) -> tuple[PersonSighting, ...]:
    placed = (place_on_floor(box, camera) for box in detector.detect(image))
    return tuple(one for one in placed if one is not None)


def _to_message(track: PersonTrack, level: str) -> PersonTrackMsg:
    return PersonTrackMsg(
        track_id=int(track.track_id),
        level=level,
        x=float(track.x),
        y=float(track.y),
        vx=float(track.vx),
        vy=float(track.vy),
        is_confirmed=bool(track.is_confirmed),
        stamp=to_time(track.stamp_ns),
    )

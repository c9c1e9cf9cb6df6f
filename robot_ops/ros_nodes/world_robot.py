"""One simulated robot's topics: what its drivers would publish and take on a real one."""

import math
from typing import Final

from geometry_msgs.msg import Quaternion, TransformStamped
from geometry_msgs.msg import Twist as TwistMsg
from nav_msgs.msg import Odometry as OdometryMsg
from rclpy.node import Node
from rclpy.publisher import Publisher
from robot_ops_interfaces.msg import Compartment, CompartmentArray, LockCommand
from sensor_msgs.msg import BatteryState, CameraInfo
from sensor_msgs.msg import Image as ImageMsg
from sensor_msgs.msg import LaserScan as LaserScanMsg
from transforms3d.euler import euler2quat
from transforms3d.quaternions import qmult

from robot_ops.core.errors import StateError
from robot_ops.core.ids import RobotId
from robot_ops.core.sensors import CameraModel
from robot_ops.core.world import CompartmentReading
from robot_ops.ros_nodes.conversions import (
    from_twist,
    to_camera_info,
    to_image,
    to_odometry,
    to_quaternion,
    to_scan,
    to_time,
)
from robot_ops.ros_nodes.qos import COMMAND, MESSAGES, SENSOR, STATE
from robot_ops.ros_nodes.world_port import SimulatedWorld

_OPTICAL: Final = (0.5, -0.5, 0.5, -0.5)  # (w, x, y, z) from x forward to the optical frame, z forward (REP-103)
_LOG_PERIOD: Final = 5.0  # s between two complaints about the same sender


class WorldRobot:
    """Publishers and subscriptions of one robot; `publish_*` tell the present state of the world.

    Args:
        node: that they belong to.
        world: that the robot is in.
        robot: its namespace.
    """

    def __init__(self, node: Node, world: SimulatedWorld, robot: RobotId) -> None:
        self._node = node
        self._world = world
        self._robot = robot
        self._models = {camera: world.camera_model(robot, camera) for camera in world.cameras(robot)}
        self._told: dict[str, CompartmentReading] = {}
        self._odometry = node.create_publisher(OdometryMsg, f"/{robot}/odom", SENSOR)
        self._scan = node.create_publisher(LaserScanMsg, f"/{robot}/scan", SENSOR)
        self._battery = node.create_publisher(BatteryState, f"/{robot}/battery_state", STATE)
        self._images: dict[str, Publisher[ImageMsg]] = {}
        self._infos: dict[str, Publisher[CameraInfo]] = {}
        for camera in self._models:
            self._images[camera] = node.create_publisher(ImageMsg, f"/{robot}/camera/{camera}/image", SENSOR)
            self._infos[camera] = node.create_publisher(CameraInfo, f"/{robot}/camera/{camera}/camera_info", SENSOR)
        node.create_subscription(TwistMsg, f"/{robot}/cmd_vel", self._on_velocity, COMMAND)
        self._compartments: Publisher[CompartmentArray] | None = None
        if world.compartments(robot):
            self._compartments = node.create_publisher(CompartmentArray, f"/{robot}/compartments", STATE)
            node.create_subscription(LockCommand, f"/{robot}/lock_command", self._on_lock, MESSAGES)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Return the names of its cameras."""
        return tuple(self._models)

    def publish_odometry(self) -> TransformStamped:
        """Publish the odometry and return it as the transform odom -> base_link."""
        odometry = self._world.odometry(self._robot)
        odom_frame, base_frame = f"{self._robot}/odom", f"{self._robot}/base_link"
        self._odometry.publish(to_odometry(odometry, odom_frame=odom_frame, base_frame=base_frame))
        transform = TransformStamped(child_frame_id=base_frame)
        transform.header.frame_id, transform.header.stamp = odom_frame, to_time(odometry.stamp_ns)
        transform.transform.translation.x = float(odometry.pose.x)
        transform.transform.translation.y = float(odometry.pose.y)
        transform.transform.rotation = to_quaternion(odometry.pose.yaw)
        return transform

    def publish_scan(self) -> None:
        """Publish what the lidar sees, if anybody listens."""
        if self._scan.get_subscription_count():
            self._scan.publish(to_scan(self._world.scan(self._robot), frame=f"{self._robot}/lidar_link"))

    def publish_image(self, camera: str) -> None:
        """Publish what a camera sees and its camera_info, if anybody listens."""
        frame = f"{self._robot}/{camera}_camera_optical_frame"
        if self._infos[camera].get_subscription_count():
            info = to_camera_info(self._models[camera], frame=frame, stamp_ns=self._world.now_ns)
            self._infos[camera].publish(info)
        if self._images[camera].get_subscription_count():
            self._images[camera].publish(to_image(self._world.image(self._robot, camera), frame=frame))

    def publish_battery(self) -> None:
        """Publish what the battery gauge tells."""
        reading = self._world.battery(self._robot)
        message = BatteryState(
            voltage=float(reading.voltage),
            percentage=float(reading.soc),
            current=math.nan,
            temperature=math.nan,
            charge=math.nan,
            capacity=math.nan,
            design_capacity=math.nan,
            present=True,
            power_supply_technology=BatteryState.POWER_SUPPLY_TECHNOLOGY_LION,
            power_supply_health=BatteryState.POWER_SUPPLY_HEALTH_GOOD,
            power_supply_status=BatteryState.POWER_SUPPLY_STATUS_DISCHARGING,
        )
        if reading.is_charging:
            message.power_supply_status = BatteryState.POWER_SUPPLY_STATUS_CHARGING
        message.header.stamp, message.header.frame_id = to_time(self._world.now_ns), f"{self._robot}/base_link"
        self._battery.publish(message)

    def publish_compartments(self, *, is_due: bool) -> None:
        """Publish what the compartments' sensors tell when that is due, or when it has changed."""
        if self._compartments is None:
            return
        readings = self._world.compartments(self._robot)
        if not is_due and readings == self._told:
            return
        self._told = readings
        message = CompartmentArray(stamp=to_time(self._world.now_ns))
        message.compartments = [
            Compartment(id=name, is_locked=r.is_locked, is_closed=r.is_closed, is_occupied=r.is_occupied)
            for name, r in readings.items()
        ]
        self._compartments.publish(message)

    def static_transforms(self) -> list[TransformStamped]:
        """Return where the sensors sit: base_link -> lidar_link and -> each camera's optical frame (REP-103)."""
        scan = self._world.scan(self._robot)
        lidar = self._static("lidar_link")
        lidar.transform.translation.x = float(scan.pose_in_base.x)
        lidar.transform.translation.y = float(scan.pose_in_base.y)
        lidar.transform.translation.z = float(self._world.lidar_height(self._robot))
        lidar.transform.rotation = to_quaternion(scan.pose_in_base.yaw)
        return [lidar, *(self._optical(camera, model) for camera, model in self._models.items())]

    def _optical(self, camera: str, model: CameraModel) -> TransformStamped:
        transform = self._static(f"{camera}_camera_optical_frame")
        translation = transform.transform.translation
        translation.x, translation.y, translation.z = float(model.x), float(model.y), float(model.z)
        w, x, y, z = (float(q) for q in qmult(euler2quat(0.0, model.pitch, model.yaw, axes="sxyz"), _OPTICAL))
        transform.transform.rotation = Quaternion(w=w, x=x, y=y, z=z)
        return transform

    def _static(self, name: str) -> TransformStamped:
        transform = TransformStamped(child_frame_id=f"{self._robot}/{name}")
        transform.header.frame_id = f"{self._robot}/base_link"
        transform.header.stamp = to_time(self._world.now_ns)
        return transform

    def _on_velocity(self, message: TwistMsg) -> None:
        try:
            twist = from_twist(message)
        except ValueError as error:
            self._complain(f"cmd_vel is ignored: {error}")
            return
        self._world.set_velocity(self._robot, twist)

    def _on_lock(self, message: LockCommand) -> None:
        if message.command not in (LockCommand.LOCK, LockCommand.UNLOCK):
            self._complain(f"{message.command} is no lock command")
            return
        try:
            self._world.set_lock(self._robot, message.compartment, is_locked=message.command == LockCommand.LOCK)
        except StateError as error:
            self._complain(f"lock command is ignored: {error}")

    def _complain(self, text: str) -> None:
        self._node.get_logger().warning(f"{self._robot}: {text}", throttle_duration_sec=_LOG_PERIOD)

"""Between robot_ops' values and ROS messages; the only place where the two are turned into each other.

Numbers are cast with float() and int(): rclpy serializes wrong types silently unless field checks are on.
"""

import array
import math
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose as PoseMsg
from geometry_msgs.msg import PoseStamped, Quaternion
from geometry_msgs.msg import Twist as TwistMsg
from nav_msgs.msg import Odometry as OdometryMsg
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image as ImageMsg
from sensor_msgs.msg import LaserScan as LaserScanMsg

from robot_ops.core.clock import NS_PER_S
from robot_ops.core.poses import Pose, Twist
from robot_ops.core.sensors import CameraModel, Image, LaserScan, Odometry


def to_time(stamp_ns: int | None) -> Time:
    """Return the instant as a message; None becomes zero."""
    sec, nanosec = divmod(stamp_ns or 0, NS_PER_S)
    return Time(sec=int(sec), nanosec=int(nanosec))


def from_time(stamp: Time) -> int:
    """Return the instant in nanoseconds."""
    return int(stamp.sec) * NS_PER_S + int(stamp.nanosec)


def from_optional_time(stamp: Time) -> int | None:
    """Return the instant in nanoseconds, None for zero."""
    return from_time(stamp) or None


def to_quaternion(yaw: float) -> Quaternion:
    """Return the rotation about z."""
    return Quaternion(x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))


def yaw_of(rotation: Quaternion) -> float:
    """Return the rotation about z in radians (REP-103 fixed-axis yaw)."""
    siny = 2.0 * (rotation.w * rotation.z + rotation.x * rotation.y)
    cosy = 1.0 - 2.0 * (rotation.y**2 + rotation.z**2)
    return math.atan2(siny, cosy)


def to_pose(pose: Pose, z: float = 0.0) -> PoseMsg:
    """Return the planar pose at height z as a message."""
    message = PoseMsg(orientation=to_quaternion(pose.yaw))
    message.position.x, message.position.y, message.position.z = float(pose.x), float(pose.y), float(z)
    return message


def from_pose(message: PoseMsg) -> Pose:
    """Return the planar part.

    Raises:
        ValueError: it is not finite.
    """
    return Pose(x=message.position.x, y=message.position.y, yaw=yaw_of(message.orientation))


def to_pose_stamped(pose: Pose, *, frame: str, stamp_ns: int) -> PoseStamped:
    """Return the pose in the named frame."""
    message = PoseStamped(pose=to_pose(pose))
    message.header.frame_id, message.header.stamp = frame, to_time(stamp_ns)
    return message


def to_twist(twist: Twist) -> TwistMsg:
    """Return the planar twist as a message."""
    message = TwistMsg()
    message.linear.x, message.angular.z = float(twist.linear), float(twist.angular)
    return message


def from_twist(message: TwistMsg) -> Twist:
    """Return the twist of a differential drive.

    Raises:
        ValueError: it is not finite.
    """
    return Twist(linear=message.linear.x, angular=message.angular.z)


def to_odometry(odometry: Odometry, *, odom_frame: str, base_frame: str) -> OdometryMsg:
    """Return the odometry as a message (REP-105 frames)."""
    message = OdometryMsg(child_frame_id=base_frame)
    message.header.frame_id, message.header.stamp = odom_frame, to_time(odometry.stamp_ns)
    message.pose.pose = to_pose(odometry.pose)
    message.twist.twist = to_twist(odometry.twist)
    return message


def from_odometry(message: OdometryMsg) -> Odometry:
    """Return the planar odometry.

    Raises:
        ValueError: it is not finite.
    """
    return Odometry(
        stamp_ns=from_time(message.header.stamp),
        pose=from_pose(message.pose.pose),
        twist=from_twist(message.twist.twist),
    )


def to_scan(scan: LaserScan, *, frame: str) -> LaserScanMsg:
    """Return the scan as a message in the lidar's frame."""
    message = LaserScanMsg(
        angle_min=float(scan.angle_min),
        angle_max=float(scan.angle_min + scan.angle_increment * (len(scan.ranges) - 1)),
        angle_increment=float(scan.angle_increment),
        range_min=float(scan.range_min),
        range_max=float(scan.range_max),
    )
    message.header.frame_id, message.header.stamp = frame, to_time(scan.stamp_ns)
    # an array('f') is taken over without a copy per element
    message.ranges = array.array("f", scan.ranges.astype(np.float32, copy=False).tobytes())
    return message


def from_scan(message: LaserScanMsg, pose_in_base: Pose) -> LaserScan:
    """Return the scan; `pose_in_base` is where the lidar sits."""
    return LaserScan(
        stamp_ns=from_time(message.header.stamp),
        pose_in_base=pose_in_base,
        angle_min=message.angle_min,
        angle_increment=message.angle_increment,
        range_min=message.range_min,
        range_max=message.range_max,
        ranges=np.frombuffer(message.ranges, dtype=np.float32),
    )


def to_image(image: Image, *, frame: str) -> ImageMsg:
    """Return the picture as rgb8."""
    height, width, _ = image.pixels.shape
    message = ImageMsg(height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width)
    message.header.frame_id, message.header.stamp = frame, to_time(image.stamp_ns)
    # array('B') is taken over as it is; a numpy array or bytes would be checked element by element
    message.data = array.array("B", image.pixels.tobytes())
    return message


def from_image(message: ImageMsg) -> Image:
    """Return the picture.

    Raises:
        ValueError: it is not rgb8 or bgr8, is empty, or its size does not fit its data.
    """
    if message.encoding not in ("rgb8", "bgr8"):
        raise ValueError(f"image encoding {message.encoding!r} is neither rgb8 nor bgr8")
    if not (message.width and message.height):
        raise ValueError("the image is empty")
    pixels = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)[:, : 3 * message.width]
    pixels = pixels.reshape(message.height, message.width, 3)
    if message.encoding == "bgr8":
        pixels = pixels[:, :, ::-1]
    return Image(stamp_ns=from_time(message.header.stamp), pixels=pixels)


def to_camera_info(model: CameraModel, *, frame: str, stamp_ns: int) -> CameraInfo:
    """Return the pinhole model as a message (plumb_bob without distortion)."""
    message = CameraInfo(height=model.height_px, width=model.width_px, distortion_model="plumb_bob")
    message.header.frame_id, message.header.stamp = frame, to_time(stamp_ns)
    fx, fy, cx, cy = float(model.fx), float(model.fy), float(model.cx), float(model.cy)
    message.d = [0.0] * 5
    message.k = [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return message


def texts(values: Sequence[str]) -> list[str]:
    """Return plain strings: NewType ids and tuples as rclpy wants them."""
    return [str(value) for value in values]

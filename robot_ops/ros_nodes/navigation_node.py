"""Navigation of one robot as a ROS node, in place of Nav2: localization, path following and docking.

In:  odom (nav_msgs/Odometry), scan (sensor_msgs/LaserScan), initialpose (geometry_msgs/PoseWithCovarianceStamped),
     safety_state (SafetyState): while a stop is latched, or a person drives the robot, the node calls for a
     standstill, whatever its goal
Out: cmd_vel_nav, cmd_vel_dock (geometry_msgs/Twist, with every scan while driving), /tf map -> <robot>/odom and pose
     (geometry_msgs/PoseWithCovarianceStamped) at 5 Hz, map (nav_msgs/OccupancyGrid, latched), plan (nav_msgs/Path) and
     local_costmap (nav_msgs/OccupancyGrid) at 1 Hz for those who listen
Actions: navigate_to_pose, navigate_through_poses (nav2_msgs)

Control runs with the scans, so that a command is as fresh as what the lidar saw; a timer takes over when they cease.
"""

import array
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped, TransformStamped
from geometry_msgs.msg import Twist as TwistMsg
from nav_msgs.msg import OccupancyGrid as OccupancyGridMsg
from nav_msgs.msg import Odometry as OdometryMsg
from nav_msgs.msg import Path as PathMsg
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from robot_ops_interfaces.msg import SafetyState
from sensor_msgs.msg import LaserScan as LaserScanMsg
from tf2_msgs.msg import TFMessage

from robot_ops.core.clock import seconds_between, to_ns
from robot_ops.core.errors import StateError
from robot_ops.core.ids import LevelId, PlaceId
from robot_ops.core.poses import STANDSTILL, LevelPose, Pose
from robot_ops.navigation.docking import DockState, TagSource
from robot_ops.navigation.grid import LevelMap, OccupancyGrid
from robot_ops.navigation.navigator_state import NavigatorState
from robot_ops.navigation.pilot import MotionSource, Pilot
from robot_ops.navigation.safety import HAND_SILENCE
from robot_ops.navigation.safety_states import Source
from robot_ops.ros_nodes.clock import RosClock
from robot_ops.ros_nodes.conversions import (
    from_odometry,
    from_pose,
    from_scan,
    to_pose,
    to_pose_stamped,
    to_quaternion,
    to_time,
    to_twist,
)
from robot_ops.ros_nodes.navigation_goals import MAP_FRAME, NavigationGoals
from robot_ops.ros_nodes.navigation_parameters import NavigationParameters
from robot_ops.ros_nodes.parameters import declare
from robot_ops.ros_nodes.qos import COMMAND, MESSAGES, SENSOR, STATE
from robot_ops.site.model import Site

_TIMER: Final = 0.2  # s
_TICKS_PER_PICTURE: Final = 5
_MIN_STEP: Final = 0.08  # s; scans that come quicker are not used
_SILENCE: Final = 0.25  # s without a scan until the timer steps
_IDLE_SCANS: Final = 3  # a robot that stands idle looks at every third scan
_TRANSFORM_TOLERANCE: Final = 0.3  # s; map -> odom is dated ahead, as AMCL does, for it changes slowly
_COSTMAP_HALF: Final = 3.0  # m


class NavigationNode(Node):
    """Feeds one robot's pilot and speaks for it; also the in-process port for what nav2_msgs has no action for.

    Args:
        robot: namespace; also the prefix of the robot's frames.
        maps: of all levels of the site, see `robot_ops.navigation.maps.load_maps`; robots may share them.
        start: where the robot is; None waits for `initialpose`, on the site's first level.
        tags: who measures docking tags.
        overrides: parameters, before those on the command line.
        context: rclpy's, None for the default one.

    Raises:
        ParameterError: a parameter is wrong.
    """

    def __init__(
        self,
        robot: str,
        *,
        site: Site,
        maps: Mapping[LevelId, LevelMap],
        start: LevelPose | None = None,
        tags: TagSource | None = None,
        overrides: Sequence[Parameter] = (),
        context: Context | None = None,
    ) -> None:
        super().__init__("navigation", namespace=robot, parameter_overrides=list(overrides), context=context)
        parameters = declare(self, NavigationParameters)
        self._robot = robot
        self._site = site
        self._maps = maps
        self._lidar = Pose(x=parameters.lidar_x, y=parameters.lidar_y, yaw=parameters.lidar_yaw)
        self._radius = parameters.radius
        self._pilot = Pilot(parameters.settings(), maps, tags)
        self._now_ns = RosClock(self).now_ns
        self._stepped_ns: int | None = None
        self._scan_ns = 0
        self._scans = 0
        self._ticks = 0
        self._is_speaking: MotionSource | None = None
        self._is_stopped = False
        self._hand_ns: int | None = None
        self._commands = {
            MotionSource.NAV: self.create_publisher(TwistMsg, "cmd_vel_nav", COMMAND),
            MotionSource.DOCK: self.create_publisher(TwistMsg, "cmd_vel_dock", COMMAND),
        }
        self._transforms = self.create_publisher(TFMessage, "/tf", MESSAGES)
        self._pose = self.create_publisher(PoseWithCovarianceStamped, "pose", MESSAGES)
        self._map = self.create_publisher(OccupancyGridMsg, "map", STATE)
        self._plan = self.create_publisher(PathMsg, "plan", MESSAGES)
        self._costmap = self.create_publisher(OccupancyGridMsg, "local_costmap", MESSAGES)
        self._is_map_told = False
        self._goals = NavigationGoals(self, self._pilot, self._now_ns, self._forget_scan_age)
        self.create_subscription(OdometryMsg, "odom", self._on_odometry, SENSOR)
        self.create_subscription(LaserScanMsg, "scan", self._on_scan, SENSOR)
        self.create_subscription(SafetyState, "safety_state", self._on_safety, STATE)
        self.create_subscription(PoseWithCovarianceStamped, "initialpose", self._on_initial_pose, MESSAGES)
        self.create_timer(_TIMER, self._on_timer)
        if start is not None:
            self._pilot.set_pose(start)

    @property
    def pose(self) -> LevelPose | None:
        """Return the robot's pose in the map, None while it is not localized."""
        return self._pilot.localizer.pose if self._pilot.localizer.is_localized else None

    def pose_at(self, stamp_ns: int) -> LevelPose | None:
        """Return where the robot was at an instant of the last two seconds, None where that is not known."""
        now, pose = self.pose, self._pilot.localizer.pose_at(stamp_ns)
        return None if now is None or pose is None else LevelPose(level=now.level, pose=pose)

    @property
    def dock_state(self) -> DockState:
        """Return how the latest docking or undocking stands."""
        return self._pilot.docking.state

    @property
    def dock_failure(self) -> str:
        """Return why it failed, or an empty text."""
        return self._pilot.docking.reason

    def dock(self, place: PlaceId) -> None:
        """Drive from the place's node to its docked pose.

        Raises:
            StateError: the place has no dock, the robot is not localized or docks already.
        """
        at = self._site.places.get(place)
        if at is None or at.tag is None or at.dock is None:
            raise StateError(f"there is no dock at {place!r}")
        self._pilot.dock(tag=at.tag, dock=at.dock)
        self._goals.abandon(f"docking at {place}")

    def undock(self, place: PlaceId) -> None:
        """Drive from the docked pose back to the place's node.

        Raises:
            StateError: the place has no dock, the robot is not localized or docks already.
        """
        at = self._site.places.get(place)
        if at is None or at.dock is None:
            raise StateError(f"there is no dock at {place!r}")
        self._pilot.undock(node=self._site.pose_at(place).pose, dock=at.dock)
        self._goals.abandon(f"undocking from {place}")

    def cancel_dock(self) -> None:
        """Give up docking or undocking; the robot stands."""
        self._pilot.docking.cancel()

    def enter_level(self, level: LevelId) -> None:
        """Tell that the lift has carried the robot to another level; x, y and yaw are kept.

        Raises:
            StateError: there is no map of that level, or the robot does not know where it is.
        """
        self._pilot.enter_level(level)
        self._is_map_told = False

    def set_speed_limit(self, speed: float) -> None:
        """Limit the speed to `speed` m/s, from now on."""
        self._pilot.navigator.set_speed_limit(speed)

    def destroy_node(self) -> None:
        """Destroy the node and its action servers."""
        self._goals.destroy()
        super().destroy_node()

    def _forget_scan_age(self) -> None:
        # A new goal starts with the next scan, whatever was skipped while the robot was idle.
        self._scans = 0

    def _on_odometry(self, message: OdometryMsg) -> None:
        try:
            self._pilot.add_odometry(from_odometry(message))
        except ValueError as error:
            self.get_logger().error(f"refused odometry: {error}", throttle_duration_sec=5.0)

    def _on_scan(self, message: LaserScanMsg) -> None:
        is_idle = not self._is_busy() and self._is_speaking is None
        self._scans += 1
        if is_idle and self._scans % _IDLE_SCANS != 1:
            return
        if len(message.ranges) < 2 or message.angle_increment == 0.0:
            self.get_logger().error("refused a scan without rays", throttle_duration_sec=5.0)
            return
        scan = from_scan(message, self._lidar)
        if 0 <= seconds_between(self._scan_ns, scan.stamp_ns) < _MIN_STEP:
            return
        self._scan_ns = scan.stamp_ns
        self._pilot.add_scan(scan)
        self._step()

    def _on_initial_pose(self, message: PoseWithCovarianceStamped) -> None:
        level = self._pilot.localizer.level or next(iter(self._site.levels))
        variances = message.pose.covariance[0], message.pose.covariance[7], message.pose.covariance[35]
        if not all(math.isfinite(variance) for variance in variances):
            self.get_logger().error("refused an initial pose: its covariance is not finite")
            return
        std = float(np.clip(np.sqrt(max(variances[0], variances[1], 0.0)), 0.1, 1.0))
        std_yaw = float(np.clip(np.sqrt(max(variances[2], 0.0)), 0.05, 0.5))
        try:
            self._pilot.set_pose(LevelPose(level=level, pose=from_pose(message.pose.pose)), std=std, std_yaw=std_yaw)
        except ValueError as error:
            self.get_logger().error(f"refused an initial pose: {error}")
            return
        self._is_map_told = False

    def _on_safety(self, message: SafetyState) -> None:
        self._is_stopped = message.state == SafetyState.STATE_STOPPED
        if message.source == Source.TELEOP.value:
            self._hand_ns = self._now_ns()

    def _on_timer(self) -> None:
        self._ticks += 1
        now_ns = self._now_ns()
        is_silent = self._stepped_ns is None or seconds_between(self._stepped_ns, now_ns) > _SILENCE
        if is_silent and (self._is_busy() or self._is_speaking is not None):
            self._step()
        self._publish_pose(now_ns)
        if not self._is_map_told and self._pilot.localizer.level is not None:
            self._is_map_told = True
            self._map.publish(_to_grid(self._maps[self._pilot.localizer.level].grid, now_ns))
        if self._ticks % _TICKS_PER_PICTURE == 0:
            self._publish_pictures(now_ns)

    def _is_busy(self) -> bool:
        is_driving = self._pilot.navigator.state in {NavigatorState.ACTIVE, NavigatorState.WAITING}
        return is_driving or self._pilot.docking.is_active

    def _step(self) -> None:
        now_ns = self._now_ns()
        self._stepped_ns = now_ns
        command = self._pilot.step(now_ns)
        if self._is_speaking is not None and self._is_speaking is not command.source:
            # The last word of a source is a standstill.
            self._commands[self._is_speaking].publish(to_twist(STANDSTILL))
        if command.source is not None:
            is_by_hand = self._hand_ns is not None and seconds_between(self._hand_ns, now_ns) < HAND_SILENCE
            twist = STANDSTILL if self._is_stopped or is_by_hand else command.twist
            self._commands[command.source].publish(to_twist(twist))
        self._is_speaking = command.source
        self._goals.step()

    def _publish_pose(self, now_ns: int) -> None:
        localizer = self._pilot.localizer
        map_from_odom, at = localizer.map_from_odom, localizer.pose
        if map_from_odom is None or at is None:
            return
        elevation = self._site.levels[at.level].elevation
        transform = TransformStamped(child_frame_id=f"{self._robot}/odom")
        transform.header.frame_id = MAP_FRAME
        transform.header.stamp = to_time(now_ns + to_ns(_TRANSFORM_TOLERANCE))
        transform.transform.translation.x = float(map_from_odom.x)
        transform.transform.translation.y = float(map_from_odom.y)
        transform.transform.translation.z = float(elevation)
        transform.transform.rotation = to_quaternion(map_from_odom.yaw)
        self._transforms.publish(TFMessage(transforms=[transform]))
        message = PoseWithCovarianceStamped()
        message.header.frame_id, message.header.stamp = MAP_FRAME, to_time(now_ns)
        message.pose.pose = to_pose(at.pose, elevation)
        covariance = np.zeros((6, 6))
        covariance[np.ix_((0, 1, 5), (0, 1, 5))] = localizer.covariance
        message.pose.covariance = covariance.ravel()
        self._pose.publish(message)

    def _publish_pictures(self, now_ns: int) -> None:
        if self._plan.get_subscription_count():
            path = PathMsg()
            path.header.frame_id, path.header.stamp = MAP_FRAME, to_time(now_ns)
            path.poses = [
                to_pose_stamped(Pose(x=x, y=y), frame=MAP_FRAME, stamp_ns=now_ns)
                for x, y in self._pilot.navigator.way.tolist()
            ]
            self._plan.publish(path)
        at = self._pilot.localizer.pose
        if at is not None and self._costmap.get_subscription_count():
            grid = self._pilot.costmap.grid(at.pose, half_size=_COSTMAP_HALF, radius=self._radius)
            self._costmap.publish(_to_grid(grid, now_ns))


def _to_grid(grid: OccupancyGrid, stamp_ns: int) -> OccupancyGridMsg:
    message = OccupancyGridMsg()
    message.header.frame_id, message.header.stamp = MAP_FRAME, to_time(stamp_ns)
    message.info.map_load_time = message.header.stamp
    message.info.resolution = float(grid.resolution)
    message.info.height, message.info.width = (int(size) for size in grid.cells.shape)
    message.info.origin = to_pose(Pose(x=grid.origin_x, y=grid.origin_y))
    # array('b') is taken over as it is; anything else would be checked element by element
    message.data = array.array("b", grid.cells.tobytes())
    return message

"""Traffic for RViz: what the fleet plans and clears, who waits for whom, who is off the lanes, and operators' rules.

In:  /fleet/traffic (TrafficState); per robot status (RobotStatus) and progress (RouteProgress)
Out: /fleet/markers (visualization_msgs/MarkerArray), latched, when it looks different and only while somebody looks
"""

from collections.abc import Collection, Sequence
from typing import Final

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from robot_ops_interfaces.msg import RobotStatus as RobotStatusMsg
from robot_ops_interfaces.msg import RouteProgress as RouteProgressMsg
from robot_ops_interfaces.msg import TrafficState
from visualization_msgs.msg import MarkerArray

from robot_ops.core.ids import RobotId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.ros_nodes.qos import STATE
from robot_ops.ros_nodes.traffic_markers import Circle, MarkerPainter, Scene
from robot_ops.ros_nodes.traffic_messages import TrafficPicture, from_progress, from_traffic
from robot_ops.ros_nodes.vocabulary import from_status
from robot_ops.site.model import Site

_PERIOD: Final = 0.2  # s
_GRAIN: Final = 0.1
"""Meters; robots that move less do not look different."""


class MarkerNode(Node):
    """Paints the latest traffic.

    Args:
        site: where the fleet works.
        robots: which of the site's robots take part, all when None.
        overrides: parameters, before those on the command line.
    """

    def __init__(
        self, site: Site, *, robots: Collection[RobotId] | None = None, overrides: Sequence[Parameter] = ()
    ) -> None:
        super().__init__("markers", parameter_overrides=list(overrides))
        names = tuple(robot for robot in site.robots if robots is None or robot in robots)
        self._painter = MarkerPainter(site, names)
        self._traffic = TrafficPicture()
        self._places: dict[RobotId, LevelPose] = {}
        self._circles: dict[RobotId, Circle] = {}
        self._painted: Scene | None = None
        self._listeners = 0
        self._markers = self.create_publisher(MarkerArray, "/fleet/markers", STATE)
        self.create_subscription(TrafficState, "/fleet/traffic", self._on_traffic, STATE)
        for robot in names:
            self.create_subscription(RobotStatusMsg, f"/{robot}/status", self._on_status, STATE)
            self.create_subscription(RouteProgressMsg, f"/{robot}/progress", self._on_progress, STATE)
        # steady time: a simulation that stands still is shown, too
        self.create_timer(_PERIOD, self._on_timer, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_traffic(self, message: TrafficState) -> None:
        try:
            self._traffic = from_traffic(message)
        except ValueError as error:
            self.get_logger().error(f"traffic cannot be shown: {error}", throttle_duration_sec=10.0)

    def _on_status(self, message: RobotStatusMsg) -> None:
        try:
            status = from_status(message)
        except ValueError as error:
            self.get_logger().error(f"{message.robot}: malformed message: {error}", throttle_duration_sec=10.0)
            return
        if status.at is None:
            self._places.pop(status.robot, None)
        else:
            self._places[status.robot] = status.at

    def _on_progress(self, message: RouteProgressMsg) -> None:
        try:
            progress = from_progress(message)
        except ValueError as error:
            self.get_logger().error(f"{message.robot}: malformed message: {error}", throttle_duration_sec=10.0)
            return
        if progress.free is None:
            self._circles.pop(progress.robot, None)
        else:
            circle = Circle(at=_coarse(progress.free), radius=progress.free_radius, is_by_hand=progress.is_by_hand)
            self._circles[progress.robot] = circle

    def _on_timer(self) -> None:
        listeners = self._markers.get_subscription_count()
        is_new = listeners > self._listeners
        self._listeners = listeners
        if listeners == 0:
            return
        scene = self._scene()
        if is_new or scene != self._painted:
            self._painted = scene
            self._markers.publish(self._painter.paint(scene, self.get_clock().now().to_msg()))

    def _scene(self) -> Scene:
        """Return what there is to see; equal to the one before when nothing looks different."""
        waits = self._traffic.waits
        names = {wait.robot for wait in waits} | {other for wait in waits for other in wait.waits_for}
        poses = {name: _coarse(self._places[name]) for name in sorted(names) if name in self._places}
        picture = TrafficPicture(clearances=self._traffic.clearances, waits=waits, rules=self._traffic.rules)
        return Scene(traffic=picture, poses=poses, circles=dict(sorted(self._circles.items())))


def _coarse(at: LevelPose) -> LevelPose:
    x, y = (round(value / _GRAIN) * _GRAIN for value in (at.pose.x, at.pose.y))
    return LevelPose(level=at.level, pose=Pose(x=x, y=y))

"""The Navigator port of missions on nav2_msgs' NavigateThroughPoses: the embedded navigation node or Nav2 behind it.

What nav2_msgs has no action for (docking by place, lifts, lane speed limits, the pose with its level) comes from
`NavigationServices`, which the composition hands in: the navigation node of the same process, or another behind Nav2.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, assert_never

from action_msgs.msg import GoalStatus
from geometry_msgs.msg import PoseStamped
from nav2_msgs.action import NavigateThroughPoses
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.node import Node
from rclpy.task import Future

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import StateError
from robot_ops.core.ids import LevelId, PlaceId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.missions.ports import NavigationStatus
from robot_ops.navigation.docking import DockState
from robot_ops.ros_nodes.clock import RosClock
from robot_ops.ros_nodes.conversions import to_pose_stamped
from robot_ops.ros_nodes.navigation_goals import MAP_FRAME
from robot_ops.tasks.routes import Waypoint

_ANSWER_TIMEOUT: Final = 10.0  # s until a goal without an answer or feedback counts as failed


class NavigationServices(Protocol):
    """What the client needs beside the action; `NavigationNode` has it all."""

    @property
    def pose(self) -> LevelPose | None:
        """Return the robot's pose in the map, None while it is not localized."""
        ...

    @property
    def dock_state(self) -> DockState:
        """Return how the latest docking or undocking stands."""
        ...

    @property
    def dock_failure(self) -> str:
        """Return why it failed, or an empty text."""
        ...

    def dock(self, place: PlaceId) -> None:
        """Start docking; raises StateError when it cannot."""
        ...

    def undock(self, place: PlaceId) -> None:
        """Start undocking; raises StateError when it cannot."""
        ...

    def cancel_dock(self) -> None:
        """Give up docking or undocking."""
        ...

    def enter_level(self, level: LevelId) -> None:
        """Switch to the map of another level; raises StateError when it cannot."""
        ...

    def set_speed_limit(self, speed: float) -> None:
        """Limit the speed in m/s from now on."""
        ...


class ActionNavigator:
    """Implements `robot_ops.missions.ports.Navigator`. All calls come from the thread that spins `node`.

    Args:
        node: that the action client belongs to, in the robot's namespace.
        services: docking, levels, speed limits and pose.
    """

    def __init__(self, node: Node, services: NavigationServices) -> None:
        self._services = services
        self._now_ns = RosClock(node).now_ns
        self._node = node
        self._client = ActionClient(node, NavigateThroughPoses, "navigate_through_poses")
        self._status = NavigationStatus.IDLE
        self._failure = ""
        self._is_docking = False
        self._seq = 0
        self._unsent: NavigateThroughPoses.Goal | None = None
        self._handle: ClientGoalHandle | None = None
        self._heard_ns = 0
        self._waypoints: tuple[Waypoint, ...] = ()
        self._final_yaw: float | None = None
        self._speed_limit = math.inf
        self._told_limit: float | None = None
        self._leg = 0

    @property
    def status(self) -> NavigationStatus:
        """Return how the latest `follow` or `dock` stands."""
        if self._status is NavigationStatus.ACTIVE:
            if self._is_docking:
                self._look_at_dock()
            else:
                self._send()
                if seconds_between(self._heard_ns, self._now_ns()) > _ANSWER_TIMEOUT:
                    self._fail("navigation does not answer")
        return self._status

    @property
    def failure(self) -> str:
        """Return why the latest command failed, or an empty text."""
        return self._failure

    @property
    def pose(self) -> LevelPose | None:
        """Return the robot's pose in the map, None while it is not localized."""
        return self._services.pose

    def follow(self, waypoints: Sequence[Waypoint], *, final_yaw: float | None, speed_limit: float) -> None:
        """Drive along the waypoints and stop at the last; a new call replaces the way without a stop.

        Raises:
            StateError: there is no waypoint.
        """
        if not waypoints:
            raise StateError("there is no waypoint to follow")
        is_same = tuple(waypoints) == self._waypoints and final_yaw == self._final_yaw
        self._speed_limit = speed_limit
        if is_same and not self._is_docking and self._status is NavigationStatus.ACTIVE:
            self._tell_speed_limit(self._leg)
            return
        self._begin()
        self._waypoints, self._final_yaw = tuple(waypoints), final_yaw
        self._tell_speed_limit(0)
        self._unsent = self._goal()
        self._send()

    def dock(self, place: PlaceId) -> None:
        """Drive from the place's node to its docked pose."""
        self._start_dock(self._services.dock, place)

    def undock(self, place: PlaceId) -> None:
        """Drive from the docked pose to the place's node."""
        self._start_dock(self._services.undock, place)

    def stop(self) -> None:
        """Give up the latest command; the robot brakes and stands."""
        if self._is_docking:
            self._services.cancel_dock()
        self._seq += 1
        self._unsent = None
        self._waypoints = ()
        self._is_docking = False
        self._status, self._failure = NavigationStatus.IDLE, ""
        if self._handle is not None:
            self._handle.cancel_goal_async()
            self._handle = None

    def enter_level(self, level: LevelId) -> None:
        """Tell that the lift has carried the robot to another level."""
        self._services.enter_level(level)

    def _begin(self) -> None:
        """Start a new command; answers to older ones do not count any more."""
        if self._is_docking:
            self._services.cancel_dock()
        self._seq += 1
        self._is_docking = False
        self._status, self._failure = NavigationStatus.ACTIVE, ""
        self._heard_ns = self._now_ns()
        self._told_limit = None

    def _start_dock(self, start: Callable[[PlaceId], None], place: PlaceId) -> None:
        self._begin()
        self._unsent, self._handle, self._waypoints = None, None, ()
        self._is_docking = True
        try:
            start(place)
        except StateError as error:
            self._fail(str(error))

    def _look_at_dock(self) -> None:
        state = self._services.dock_state
        match state:
            case DockState.SUCCEEDED:
                self._status = NavigationStatus.SUCCEEDED
                self._is_docking = False
            case DockState.FAILED:
                self._fail(self._services.dock_failure)
            case DockState.IDLE:
                self._fail("docking was given up")
            case (
                DockState.FACING
                | DockState.MEASURING
                | DockState.APPROACHING
                | DockState.ALIGNING
                | DockState.RETREATING
                | DockState.UNDOCKING
            ):
                return
            case _:
                assert_never(state)

    def _goal(self) -> NavigateThroughPoses.Goal:
        """Return the goal; poses head along their legs, the last one as asked for."""
        points = [(waypoint.x, waypoint.y) for waypoint in self._waypoints]
        at = self._services.pose
        before = (at.pose.x, at.pose.y) if at is not None else points[0]
        poses: list[PoseStamped] = []
        yaw = at.pose.yaw if at is not None else 0.0
        for point in points:
            if math.dist(before, point) > 0.15:
                yaw = math.atan2(point[1] - before[1], point[0] - before[0])
            poses.append(to_pose_stamped(Pose(x=point[0], y=point[1], yaw=yaw), frame=MAP_FRAME, stamp_ns=0))
            before = point
        if self._final_yaw is not None:
            final = Pose(x=points[-1][0], y=points[-1][1], yaw=self._final_yaw)
            poses[-1] = to_pose_stamped(final, frame=MAP_FRAME, stamp_ns=0)
        goal = NavigateThroughPoses.Goal()
        if hasattr(goal.poses, "goals"):
            goal.poses.header.frame_id = MAP_FRAME
            goal.poses.goals = poses
        else:  # Nav2 up to Jazzy
            goal.poses = poses
        return goal

    def _send(self) -> None:
        """Send the goal as soon as the server is there."""
        if self._unsent is None or not self._client.server_is_ready():
            return
        goal, self._unsent = self._unsent, None
        seq = self._seq
        future = self._client.send_goal_async(goal, feedback_callback=lambda message: self._on_feedback(seq, message))
        future.add_done_callback(lambda done: self._on_answer(seq, done))

    def _on_answer(self, seq: int, done: "Future[ClientGoalHandle]") -> None:
        handle = done.result()
        if handle is None or not handle.accepted:
            if seq == self._seq:
                self._fail("navigation refused the way")
            return
        if seq != self._seq:
            # Stopped, docking or replaced meanwhile. A newer goal replaces this one by itself, anything else does not.
            if self._status is not NavigationStatus.ACTIVE or self._is_docking:
                handle.cancel_goal_async()
            return
        self._handle = handle
        self._heard_ns = self._now_ns()
        handle.get_result_async().add_done_callback(lambda result: self._on_result(seq, result))

    def _on_feedback(self, seq: int, message: Any) -> None:
        if seq != self._seq or self._is_docking:
            return
        self._heard_ns = self._now_ns()
        passed = len(self._waypoints) - int(message.feedback.number_of_poses_remaining)
        self._tell_speed_limit(min(max(passed, 0), len(self._waypoints) - 1))

    def _on_result(self, seq: int, done: "Future[Any]") -> None:
        if seq != self._seq:
            return
        self._handle = None
        answer = done.result()
        if answer is None:
            self._fail("navigation does not answer")
        elif answer.status == GoalStatus.STATUS_SUCCEEDED:
            self._status = NavigationStatus.SUCCEEDED
        elif answer.status == GoalStatus.STATUS_CANCELED:
            self._status = NavigationStatus.IDLE
        else:
            code = int(getattr(answer.result, "error_code", 0))
            self._fail(getattr(answer.result, "error_msg", "") or f"navigation gave up with error {code}")

    def _tell_speed_limit(self, leg: int) -> None:
        self._leg = leg
        limit = min(self._speed_limit, self._waypoints[leg].speed_limit)
        if limit != self._told_limit:
            self._told_limit = limit
            self._services.set_speed_limit(limit)

    def _fail(self, reason: str) -> None:
        self._node.get_logger().warning(f"navigation failed: {reason}")
        self._status, self._failure = NavigationStatus.FAILED, reason
        self._is_docking = False

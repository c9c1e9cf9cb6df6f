"""The nav2_msgs actions of one robot: goals in, feedback and outcomes out.

A new goal replaces the one before, which ends as aborted; the robot does not stop in between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, assert_never

import numpy as np
from nav2_msgs.action import NavigateThroughPoses, NavigateToPose
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future

from robot_ops.core.clock import NS_PER_S, seconds_between
from robot_ops.core.poses import FloatArray, LevelPose
from robot_ops.navigation.navigator import PathNavigator
from robot_ops.navigation.navigator_state import Failure, NavigatorState
from robot_ops.navigation.pilot import Pilot
from robot_ops.ros_nodes.conversions import from_pose, to_pose_stamped

MAP_FRAME: Final = "map"
_FEEDBACK_PERIOD: Final = 0.5  # s


class Outcome(Enum):
    """How a goal ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    REPLACED = "replaced"


@dataclass(slots=True, kw_only=True, eq=False)
class _Goal:
    """The goal that is being driven; `ended` becomes its outcome and the reason."""

    handle: ServerGoalHandle
    count: int
    started_ns: int
    told_ns: int
    told_passed: int
    ended: "Future[tuple[Outcome, Failure, str]]"


class NavigationGoals:
    """Serves navigate_to_pose and navigate_through_poses.

    Args:
        node: that they belong to.
        pilot: who drives.
        now_ns: the present instant in nanoseconds.
        on_start: called when a goal has started.
    """

    def __init__(self, node: Node, pilot: Pilot, now_ns: Callable[[], int], on_start: Callable[[], None]) -> None:
        self._node = node
        self._pilot = pilot
        self._now_ns = now_ns
        self._on_start = on_start
        self._goal: _Goal | None = None
        self._servers = [
            ActionServer(
                node,
                action,
                name,
                execute_callback=self._execute,
                goal_callback=self._judge,
                handle_accepted_callback=self._start,
                cancel_callback=self._accept_cancel,
            )
            for action, name in (
                (NavigateThroughPoses, "navigate_through_poses"),
                (NavigateToPose, "navigate_to_pose"),
            )
        ]

    def destroy(self) -> None:
        """Destroy the servers, before their node."""
        for server in self._servers:
            server.destroy()

    def abandon(self, reason: str) -> None:
        """End the present goal, as the robot is to do something else."""
        self._end(Outcome.REPLACED, Failure.NONE, reason)

    def step(self) -> None:
        """Look at how the pilot stands; call it after each of its steps."""
        goal = self._goal
        if goal is None:
            return
        navigator = self._pilot.navigator
        if goal.handle.is_cancel_requested:
            self._pilot.navigator.cancel()
            self._end(Outcome.CANCELED, Failure.NONE, "canceled")
            return
        match navigator.state:
            case NavigatorState.SUCCEEDED:
                self._end(Outcome.SUCCEEDED, Failure.NONE, "")
            case NavigatorState.FAILED:
                self._end(Outcome.FAILED, navigator.failure, navigator.reason)
            case NavigatorState.IDLE:
                self._end(Outcome.REPLACED, Failure.NONE, "the robot was told to do something else")
            case NavigatorState.ACTIVE | NavigatorState.WAITING:
                self._tell(goal, navigator)
            case _:
                assert_never(navigator.state)

    def _judge(self, request: Any) -> GoalResponse:
        try:
            _waypoints(request)
        except ValueError as error:
            self._node.get_logger().error(f"refused a goal: {error}")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _start(self, handle: ServerGoalHandle) -> None:
        waypoints, final_yaw = _waypoints(handle.request)
        self._end(Outcome.REPLACED, Failure.NONE, "replaced by a newer goal")
        now_ns = self._now_ns()
        self._goal = _Goal(
            handle=handle,
            count=len(waypoints),
            started_ns=now_ns,
            told_ns=now_ns,
            told_passed=0,
            ended=Future(),
        )
        self._pilot.follow(waypoints, final_yaw=final_yaw)
        self._on_start()
        handle.execute()

    def _accept_cancel(self, _handle: ServerGoalHandle) -> CancelResponse:
        return CancelResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> Any:
        """Wait until `step` or a newer goal ends this one, then tell its client."""
        is_through = hasattr(handle.request, "poses")
        result = NavigateThroughPoses.Result() if is_through else NavigateToPose.Result()
        goal = self._goal
        if goal is None or goal.handle is not handle:
            # A newer goal came between acceptance and now.
            handle.abort()
            return result
        outcome, failure, reason = await goal.ended
        match outcome:
            case Outcome.SUCCEEDED:
                handle.succeed()
            case Outcome.CANCELED:
                handle.canceled()
            case Outcome.FAILED | Outcome.REPLACED:
                handle.abort()
            case _:
                assert_never(outcome)
        result.error_code = _error_code(type(result), failure)
        result.error_msg = reason
        return result

    def _end(self, outcome: Outcome, failure: Failure, reason: str) -> None:
        goal, self._goal = self._goal, None
        if goal is not None:
            goal.ended.set_result((outcome, failure, reason))

    def _tell(self, goal: _Goal, navigator: PathNavigator) -> None:
        now_ns = self._now_ns()
        passed = navigator.passed
        if passed == goal.told_passed and seconds_between(goal.told_ns, now_ns) < _FEEDBACK_PERIOD:
            return
        at = self._pilot.localizer.pose
        if at is None:
            return
        goal.told_ns, goal.told_passed = now_ns, passed
        is_through = hasattr(goal.handle.request, "poses")
        feedback = NavigateThroughPoses.Feedback() if is_through else NavigateToPose.Feedback()
        feedback.current_pose = _stamped(at, now_ns)
        elapsed = now_ns - goal.started_ns
        feedback.navigation_time.sec, feedback.navigation_time.nanosec = divmod(max(elapsed, 0), NS_PER_S)
        feedback.distance_remaining = float(navigator.remaining)
        feedback.number_of_recoveries = int(navigator.recoveries)
        if is_through:
            feedback.number_of_poses_remaining = goal.count - passed
        goal.handle.publish_feedback(feedback)


def _waypoints(request: Any) -> tuple[FloatArray, float]:
    """Return the points (N, 2) of a goal and the heading at its end.

    Raises:
        ValueError: there is none, one is not finite or not in the map frame.
    """
    poses = getattr(request, "poses", None)
    # Nav2 up to Jazzy has a plain list here, later ones nav_msgs/Goals.
    stamped = [request.pose] if poses is None else list(getattr(poses, "goals", poses))
    if not stamped:
        raise ValueError("it has no pose")
    for pose in stamped:
        if pose.header.frame_id not in {"", MAP_FRAME}:
            raise ValueError(f"its pose is in frame {pose.header.frame_id!r}, not in {MAP_FRAME!r}")
    goals = [from_pose(pose.pose) for pose in stamped]
    return np.array([[pose.x, pose.y] for pose in goals]), goals[-1].yaw


def _error_code(result: Any, failure: Failure) -> int:
    match failure:
        case Failure.NONE:
            return int(result.NONE)
        case Failure.BLOCKED:
            return int(result.TIMEOUT)
        case Failure.NOT_LOCALIZED:
            return int(result.TF_ERROR)
        case Failure.STUCK:
            return int(result.UNKNOWN)
        case _:
            assert_never(failure)


def _stamped(at: LevelPose, stamp_ns: int) -> Any:
    return to_pose_stamped(at.pose, frame=MAP_FRAME, stamp_ns=stamp_ns)

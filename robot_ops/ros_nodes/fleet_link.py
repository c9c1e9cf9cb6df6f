"""The fleet's way to its robots over ROS: actions for missions, topics for clearances.

The id of a mission's action goal follows from the mission's id: a restarted fleet can cancel what an earlier one has
started, and a robot refuses a goal that it has already. The action's services are called one by one: rclpy's
ActionClient (9.1) raises in the executor when a restarted robot accepts a goal that it had accepted before.
"""

import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

from action_msgs.srv import CancelGoal
from rclpy.client import Client
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.task import Future
from robot_ops_interfaces.action import ExecuteMission
from robot_ops_interfaces.msg import Clearance as ClearanceMsg
from robot_ops_interfaces.msg import TakenOut as TakenOutMsg
from unique_identifier_msgs.msg import UUID

from robot_ops.core.ids import MissionId, RobotId
from robot_ops.ros_nodes.qos import MESSAGES, STATE
from robot_ops.ros_nodes.traffic_messages import to_clearance
from robot_ops.ros_nodes.vocabulary import from_report, to_order, to_taken_out
from robot_ops.tasks.documents import TakenOut
from robot_ops.tasks.orders import MissionOrder, MissionReport
from robot_ops.tasks.routes import Clearance

_NAMESPACE: Final = uuid.UUID("5f0c9c8e-3a51-4a2e-8f6c-6d1b2c7e9a40")
"""Made once by uuid4; goal ids are version 5 ids of mission ids in it (RFC 9562)."""


def goal_id(mission_id: MissionId) -> UUID:
    """Return the id of the mission's action goal."""
    return UUID(uuid=list(uuid.uuid5(_NAMESPACE, mission_id).bytes))


class RosRobotLink:
    """Implements `robot_ops.dispatch.ports.RobotLink`; nothing waits, the dispatcher repeats what has no effect.

    Args:
        node: the node that speaks; its executor's thread calls everything.
        robots: ids, which are the robots' namespaces.
        on_report: is told of a mission's end by the action's result, besides the robot's report topic.
    """

    def __init__(self, node: Node, robots: Iterable[RobotId], on_report: Callable[[MissionReport], None]) -> None:
        self._node = node
        self._on_report = on_report
        self._start: dict[RobotId, Client[Any, Any]] = {}
        self._result: dict[RobotId, Client[Any, Any]] = {}
        self._cancel: dict[RobotId, Client[Any, Any]] = {}
        self._clearance: dict[RobotId, Publisher[ClearanceMsg]] = {}
        self._taken_out: dict[RobotId, Publisher[TakenOutMsg]] = {}
        self._asked: dict[Client[Any, Any], Future[Any]] = {}
        for robot in robots:
            action, kinds = f"/{robot}/mission/_action", ExecuteMission.Impl
            self._start[robot] = node.create_client(kinds.SendGoalService, f"{action}/send_goal")
            self._result[robot] = node.create_client(kinds.GetResultService, f"{action}/get_result")
            self._cancel[robot] = node.create_client(CancelGoal, f"{action}/cancel_goal")
            self._taken_out[robot] = node.create_publisher(TakenOutMsg, f"/{robot}/taken_out", MESSAGES)
            self._clearance[robot] = node.create_publisher(ClearanceMsg, f"/{robot}/clearance", STATE)

    def start_mission(self, order: MissionOrder) -> None:
        """Send the mission as a goal; a robot that is not there yet gets it with the next repetition."""
        identity = goal_id(order.mission_id)
        request = ExecuteMission.Impl.SendGoalService.Request(
            goal_id=identity, goal=ExecuteMission.Goal(order=to_order(order))
        )
        self._call(self._start[order.robot], request, lambda answer: self._on_answer(order.robot, identity, answer))

    def cancel_mission(self, robot: RobotId, mission_id: MissionId, reason: str) -> None:
        """Ask to cancel the mission's goal."""
        request = CancelGoal.Request()
        request.goal_info.goal_id = goal_id(mission_id)
        # the robot's report tells what became of it
        if self._call(self._cancel[robot], request, lambda _answer: None):
            self._node.get_logger().info(f"{robot}: cancel {mission_id}: {reason}")

    def send_clearance(self, clearance: Clearance) -> None:
        """Publish the clearance."""
        publisher = self._clearance.get(clearance.robot)
        if publisher is not None:
            publisher.publish(to_clearance(clearance))

    def tell_taken_out(self, taken: TakenOut) -> None:
        """Publish that a document was taken out of the robot by key."""
        self._taken_out[taken.robot].publish(to_taken_out(taken))

    def _call(self, client: Client[Any, Any], request: Any, take: Callable[[Any], None]) -> bool:
        """Send a request, instead of waiting for an answer to the last one; return whether anybody is there."""
        if not client.service_is_ready():
            return False
        former = self._asked.get(client)
        if former is not None:
            client.remove_pending_request(former)  # a robot that was switched off never answers
        future = self._asked[client] = client.call_async(request)
        future.add_done_callback(lambda done: take(done.result()))
        return True

    def _on_answer(self, robot: RobotId, identity: UUID, answer: Any) -> None:
        if answer is not None and answer.accepted:
            request = ExecuteMission.Impl.GetResultService.Request(goal_id=identity)
            self._call(self._result[robot], request, self._on_result)

    def _on_result(self, answer: Any) -> None:
        if answer is None or not answer.result.report.mission_id:
            return
        try:
            report = from_report(answer.result.report)
        except ValueError as error:
            self._node.get_logger().error(f"a mission's result is malformed: {error}")
            return
        self._on_report(report)

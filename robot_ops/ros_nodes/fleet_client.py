"""The fleet's services and the robots' stop, as calls that wait: for the command line and for short scripts."""

import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

import rclpy
from rclpy.client import Client
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future
from robot_ops_interfaces.msg import RobotStatus as RobotStatusMsg
from robot_ops_interfaces.msg import WorldStatistics as WorldStatisticsMsg
from robot_ops_interfaces.srv import (
    CancelTask,
    ExplainDispatch,
    ExplainTraffic,
    HandOver,
    ListRobots,
    ListTasks,
    ReportTakenOut,
    SetStop,
    SetTrafficRules,
    SubmitTask,
)

from robot_ops.core.errors import LinkError, RequestError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.dispatch.explanation import Explanation
from robot_ops.dispatch.ports import RobotStatus, TaskPage, TaskView
from robot_ops.ros_nodes.fleet_messages import (
    ListedRobot,
    check_stop_answer,
    from_explanation,
    from_hand_over_answer,
    from_robot_list,
    from_submit_answer,
    from_task_page,
)
from robot_ops.ros_nodes.qos import STATE
from robot_ops.ros_nodes.runtime import BackgroundSpin
from robot_ops.ros_nodes.traffic_messages import TrafficPicture, change_rules, from_traffic
from robot_ops.ros_nodes.vocabulary import from_status, to_request
from robot_ops.tasks.requests import Accepted, TaskRequest
from robot_ops.tasks.rule_changes import RuleChange
from robot_ops.tasks.traffic_rules import TrafficRules

_PATIENCE: Final = 5.0  # s, for discovery and an answer
_REPEAT: Final = 1.5  # s; all calls may be repeated, and an answer may be lost while both sides discover each other
_IS_IT_RUNNING: Final = "is the system running, on this ROS_DOMAIN_ID?"
_POLL: Final = 0.02  # s


class FleetClient:
    """A context manager; everything it starts ends with it.

    Args:
        patience: seconds to wait for an answer.
    """

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._node: Node | None = None
        self._spin: BackgroundSpin | None = None
        self._statuses: dict[RobotId, RobotStatus] = {}
        self._statistics: WorldStatisticsMsg | None = None
        self._idle = threading.Event()  # never set: its wait is a pause

    def __enter__(self) -> Self:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node("robot_ops_client")
        self._spin = BackgroundSpin(self._node)
        self._spin.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spin is not None:
            self._spin.stop()
        rclpy.try_shutdown()

    def submit(self, request: TaskRequest) -> Accepted:
        """Submit a task; returns when it is on the fleet's disk.

        Raises:
            RequestError: it was refused. LinkError: the fleet does not answer.
        """
        answer = self._call(SubmitTask, "/fleet/submit_task", SubmitTask.Request(request=to_request(request)))
        return from_submit_answer(answer)

    def cancel(self, task_id: TaskId, reason: str) -> None:
        """Cancel a task.

        Raises:
            RequestError: it was refused. LinkError: the fleet does not answer.
        """
        answer = self._call(CancelTask, "/fleet/cancel_task", CancelTask.Request(task_id=str(task_id), reason=reason))
        if not answer.is_accepted:
            raise RequestError(answer.error)

    def hand_over(self, task_id: TaskId, custodian: PersonId) -> str:
        """Have a robot that cannot go on give its document to a member of staff; return the one-time code for it.

        Raises:
            RequestError: it was refused. LinkError: the fleet does not answer.
        """
        request = HandOver.Request(task_id=str(task_id), custodian=str(custodian))
        return from_hand_over_answer(self._call(HandOver, "/fleet/hand_over", request))

    def report_taken_out(self, task_id: TaskId, person: PersonId, *, operator: str) -> str:
        """Record that staff took a document out of a robot by key; return their one-time code, if a robot comes for it.

        Raises:
            RequestError: it was refused. LinkError: the fleet does not answer.
        """
        request = ReportTakenOut.Request(task_id=str(task_id), person=str(person), operator_id=operator)
        return from_hand_over_answer(self._call(ReportTakenOut, "/fleet/report_taken_out", request))

    def tasks(self, *, with_finished: bool) -> tuple[TaskView, ...]:
        """Return the tasks, asked for page by page.

        Raises:
            RequestError: tasks were archived meanwhile. LinkError: the fleet does not answer.
        """
        pages = self.task_pages(with_finished=with_finished)
        return tuple(task for page in pages for task in page.tasks)

    def task_pages(self, *, with_finished: bool) -> Iterator[TaskPage]:
        """Yield the tasks in the order they were accepted, each page when it is asked for.

        Raises:
            RequestError: tasks were archived meanwhile. LinkError: the fleet does not answer.
        """
        request = ListTasks.Request(with_finished=with_finished)
        while True:
            page = from_task_page(self._call(ListTasks, "/fleet/list_tasks", request))
            yield page
            if page.next is None:
                return
            request.after = str(page.next)

    def robots(self) -> tuple[ListedRobot, ...]:
        """Return the fleet's robots in the site's order, those that are silent too.

        Raises:
            LinkError: the fleet does not answer, or not in a way that can be understood.
        """
        answer = self._call(ListRobots, "/fleet/list_robots", ListRobots.Request())
        try:
            return from_robot_list(answer)
        except ValueError as error:
            raise LinkError(f"/fleet/list_robots answered what cannot be: {error}") from error

    def traffic(self, robot: RobotId | None = None) -> tuple[TrafficPicture, tuple[str, ...]]:
        """Return traffic as it is now, and lines that explain it: about a robot, or all.

        Raises:
            RequestError: the fleet's traffic control has not heard of the robot.
            LinkError: the fleet does not answer, or not in a way that can be understood.
        """
        request = ExplainTraffic.Request(robot=str(robot or ""))
        answer = self._call(ExplainTraffic, "/fleet/explain_traffic", request)
        if answer.error:
            raise RequestError(answer.error)
        try:
            return from_traffic(answer.state), tuple(answer.lines)
        except ValueError as error:
            raise LinkError(f"/fleet/explain_traffic answered what cannot be: {error}") from error

    def explain_dispatch(self, task_id: TaskId) -> Explanation:
        """Return why a task has its robot, or when it will get one, and what each other robot would make of it.

        Raises:
            RequestError: there is no such task.
            LinkError: the fleet does not answer, or not in a way that can be understood.
        """
        request = ExplainDispatch.Request(task_id=str(task_id))
        answer = self._call(ExplainDispatch, "/fleet/explain_dispatch", request)
        try:
            return from_explanation(answer)
        except ValueError as error:
            raise LinkError(f"/fleet/explain_dispatch answered what cannot be: {error}") from error

    def change_traffic_rules(self, change: RuleChange, *, operator: str) -> TrafficRules:
        """Change the rules of traffic and return those in force then.

        Raises:
            RequestError: they were refused. LinkError: the fleet does not answer.
        """
        return change_rules(
            change, operator, lambda request: self._call(SetTrafficRules, "/fleet/set_traffic_rules", request)
        )

    def set_stops(self, robots: Sequence[RobotId], *, is_engaged: bool, operator: str) -> dict[RobotId, str]:
        """Latch or release the stop of robots, all at once: a silent one keeps no other waiting.

        Returns:
            per robot whose stop does not stand as asked for, why.
        """
        node = self._started()
        request = SetStop.Request(is_engaged=is_engaged, operator_id=operator)
        clients: dict[RobotId, Client[Any, Any]] = {
            robot: node.create_client(SetStop, f"/{robot}/set_stop") for robot in robots
        }
        futures: dict[RobotId, Future[Any]] = {}
        for _ in range(round(self._patience / _POLL)):
            for robot, client in clients.items():
                if robot not in futures and client.service_is_ready():
                    futures[robot] = client.call_async(request)
            if len(futures) == len(clients) and all(future.done() for future in futures.values()):
                break
            self._idle.wait(_POLL)
        failures: dict[RobotId, str] = {}
        for robot, client in clients.items():
            future = futures.get(robot)
            if future is None:
                failures[robot] = f"nobody serves /{robot}/set_stop: {_IS_IT_RUNNING}"
            elif not future.done():
                failures[robot] = f"/{robot}/set_stop did not answer within {self._patience:.0f} s"
            else:
                try:
                    check_stop_answer(robot, future.result(), is_engaged=is_engaged)
                except RequestError as error:
                    failures[robot] = str(error)
            node.destroy_client(client)
        return failures

    def watch(self, robots: tuple[RobotId, ...]) -> None:
        """Begin to listen to the robots and the simulated world; `statuses` and `statistics` tell what was heard."""
        node = self._started()
        for robot in robots:
            node.create_subscription(RobotStatusMsg, f"/{robot}/status", self._on_status, STATE)
        node.create_subscription(WorldStatisticsMsg, "/world/statistics", self._on_statistics, STATE)

    @property
    def statuses(self) -> dict[RobotId, RobotStatus]:
        """Return the latest status of every robot heard of."""
        return dict(self._statuses)

    @property
    def statistics(self) -> WorldStatisticsMsg | None:
        """Return the simulated world's latest statistics, None before the first."""
        return self._statistics

    def _on_status(self, message: RobotStatusMsg) -> None:
        try:
            self._statuses[RobotId(message.robot)] = from_status(message)
        except ValueError as error:
            self._started().get_logger().warning(f"{message.robot}: malformed status: {error}")

    def _on_statistics(self, message: WorldStatisticsMsg) -> None:
        self._statistics = message

    def _started(self) -> Node:
        if self._node is None:
            raise LinkError("FleetClient is used outside its `with` block")
        return self._node

    def _call(self, kind: Any, name: str, request: Any) -> Any:
        node = self._started()
        client: Client[Any, Any] = node.create_client(kind, name)
        try:
            if not client.wait_for_service(timeout_sec=self._patience):
                raise LinkError(f"nobody serves {name}: {_IS_IT_RUNNING}")
            answered = threading.Event()
            futures: list[Future[Any]] = []
            for pause in self._pauses():
                futures.append(client.call_async(request))
                futures[-1].add_done_callback(lambda _: answered.set())
                if answered.wait(pause):
                    return next(future for future in futures if future.done()).result()
            raise LinkError(f"{name} did not answer within {self._patience:.0f} s")
        finally:
            node.destroy_client(client)

    def _pauses(self) -> Iterator[float]:
        """Yield the seconds to wait after each repetition of a call."""
        left = self._patience
        while left > 0.0:
            yield min(left, _REPEAT)
            left -= _REPEAT

"""The fleet as a ROS node: dispatcher, traffic and ledger behind services and topics.

In:  services /fleet/submit_task (SubmitTask), /fleet/cancel_task (CancelTask), /fleet/hand_over (HandOver),
     /fleet/report_taken_out (ReportTakenOut), /fleet/list_tasks (ListTasks), /fleet/list_robots (ListRobots),
     /fleet/set_traffic_rules (SetTrafficRules),
     /fleet/explain_traffic (ExplainTraffic), /fleet/explain_dispatch (ExplainDispatch); per robot status (RobotStatus),
     progress (RouteProgress), mission_report (MissionReport), custody (CustodyEvent)
Out: /fleet/tasks (TaskArray), /fleet/traffic (TrafficState), /fleet/alarms (AlarmArray), latched, on change and once a
     second; per robot the action mission (ExecuteMission), clearance (Clearance) and taken_out (TakenOut)

All callbacks run on the executor's one thread: it is the only one that touches the dispatcher.
"""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from rclpy.node import Node
from rclpy.parameter import Parameter
from robot_ops_interfaces.msg import AlarmArray, TaskArray, TrafficState
from robot_ops_interfaces.msg import CustodyEvent as CustodyEventMsg
from robot_ops_interfaces.msg import MissionReport as MissionReportMsg
from robot_ops_interfaces.msg import RobotStatus as RobotStatusMsg
from robot_ops_interfaces.msg import RouteProgress as RouteProgressMsg
from robot_ops_interfaces.srv import (
    CancelTask,
    ExplainDispatch,
    ExplainTraffic,
    HandOver,
    ListRobots,
    ListTasks,
    ReportTakenOut,
    SetTrafficRules,
    SubmitTask,
)

from robot_ops.core.clock import seconds_between, to_ns
from robot_ops.core.durations import about
from robot_ops.core.errors import InputError, LedgerError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.dispatch.ports import Holdings
from robot_ops.ros_nodes.clock import RosClock
from robot_ops.ros_nodes.conversions import to_time
from robot_ops.ros_nodes.fleet_link import RosRobotLink
from robot_ops.ros_nodes.fleet_messages import to_alarms, to_explanation, to_robot_list, to_tasks
from robot_ops.ros_nodes.parameters import declare, parameter
from robot_ops.ros_nodes.qos import EVENTS, STATE
from robot_ops.ros_nodes.traffic_messages import from_progress, from_rules, to_rules, to_traffic
from robot_ops.ros_nodes.vocabulary import from_custody, from_report, from_request, from_status, to_task
from robot_ops.site.model import Site
from robot_ops.tasks.ledger import Ledger
from robot_ops.tasks.orders import MissionReport
from robot_ops.tasks.routes import Clearance

_PUBLISH_S: Final = 1.0
_NO_CLOCK: Final = "the fleet has no clock yet (/clock is silent). Try again in a moment."


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FleetParameters:
    """Parameters of the fleet node."""

    step_period: float = parameter(0.2, "Between two steps of the dispatcher, s.", low=0.05, high=1.0)
    finished_for: float = parameter(600.0, "How long /fleet/tasks shows a task that has ended, s.", low=0.0, high=1e6)
    most_waiting: int = parameter(300, "How many tasks that wait for a robot /fleet/tasks shows.", low=0, high=100000)
    most_ended: int = parameter(100, "How many tasks that have ended /fleet/tasks shows.", low=0, high=100000)


class FleetNode(Node):
    """Feeds the dispatcher and speaks for it. Recovers from the ledger when it is made.

    Args:
        site: where the fleet works.
        ledger: open; this is its only writer.
        secret: from `robot_ops.dispatch.secret.read_secret`.
        robots: which of the site's robots to run, all when None.
        holdings: what robots held in the process before this one; nothing is kept when None.
        overrides: parameters, before those on the command line.

    Raises:
        ParameterError: a parameter is wrong or a robot unknown.
        LedgerError: the ledger cannot be read.
    """

    def __init__(
        self,
        *,
        site: Site,
        ledger: Ledger,
        secret: bytes,
        robots: Collection[RobotId] | None = None,
        holdings: Holdings | None = None,
        overrides: Sequence[Parameter] = (),
    ) -> None:
        super().__init__("fleet", parameter_overrides=list(overrides))
        self._settings = declare(self, FleetParameters)
        names = tuple(robot for robot in site.robots if robots is None or robot in robots)
        self._ros_clock = RosClock(self)
        self._link = RosRobotLink(self, names, self._on_result)
        self._dispatcher = Dispatcher(
            site=site,
            ledger=ledger,
            link=self._link,
            clock=self._ros_clock,
            secret=secret,
            robots=robots,
            holdings=holdings,
        )
        self._dispatcher.recover()
        open_count = self._dispatcher.open_count
        self.get_logger().info(f"fleet of {len(names)} robots; {open_count} open tasks in the ledger")
        self._tasks = self.create_publisher(TaskArray, "/fleet/tasks", STATE)
        self._traffic = self.create_publisher(TrafficState, "/fleet/traffic", STATE)
        self._alarms = self.create_publisher(AlarmArray, "/fleet/alarms", STATE)
        self._shown: dict[str, object] = {}
        self._shown_ns: int | None = None
        for robot in names:
            self._subscribe(robot)
        self.create_service(SubmitTask, "/fleet/submit_task", self._on_submit)
        self.create_service(CancelTask, "/fleet/cancel_task", self._on_cancel)
        self.create_service(HandOver, "/fleet/hand_over", self._on_hand_over)
        self.create_service(ReportTakenOut, "/fleet/report_taken_out", self._on_taken_out)
        self.create_service(ListTasks, "/fleet/list_tasks", self._on_list)
        self.create_service(ListRobots, "/fleet/list_robots", self._on_list_robots)
        self.create_service(SetTrafficRules, "/fleet/set_traffic_rules", self._on_set_rules)
        self.create_service(ExplainTraffic, "/fleet/explain_traffic", self._on_explain)
        self.create_service(ExplainDispatch, "/fleet/explain_dispatch", self._on_explain_dispatch)
        self.create_timer(self._settings.step_period, self._on_timer)

    @property
    def dispatcher(self) -> Dispatcher:
        """Return the dispatcher; only the executor's thread may use it."""
        return self._dispatcher

    def _subscribe(self, robot: RobotId) -> None:
        take = self._dispatcher
        self.create_subscription(
            RobotStatusMsg, f"/{robot}/status", self._taker(robot, from_status, take.on_status), STATE
        )
        self.create_subscription(
            RouteProgressMsg, f"/{robot}/progress", self._taker(robot, from_progress, take.on_progress), STATE
        )
        self.create_subscription(
            MissionReportMsg, f"/{robot}/mission_report", self._taker(robot, from_report, take.on_report), EVENTS
        )
        self.create_subscription(
            CustodyEventMsg, f"/{robot}/custody", self._taker(robot, from_custody, take.on_custody), EVENTS
        )

    def _taker(
        self, robot: RobotId, convert: Callable[[Any], Any], take: Callable[[Any], None]
    ) -> Callable[[Any], None]:
        """Return a callback that drops malformed messages and those that speak for another robot."""

        def on_message(message: Any) -> None:
            if message.robot != robot:
                self.get_logger().error(
                    f"a message for {message.robot!r} came by {robot}'s topic: ignored", throttle_duration_sec=10.0
                )
                return
            try:
                value = convert(message)
            except ValueError as error:
                self.get_logger().error(f"{robot}: malformed message: {error}", throttle_duration_sec=10.0)
                return
            take(value)

        return on_message

    def _on_result(self, report: MissionReport) -> None:
        self._dispatcher.on_report(report)

    def _on_submit(self, request: SubmitTask.Request, response: SubmitTask.Response) -> SubmitTask.Response:
        if self._ros_clock.now_ns() == 0:
            response.error = _NO_CLOCK
            return response
        try:
            accepted = self._dispatcher.submit(from_request(request.request))
        except (InputError, LedgerError) as error:
            response.error = str(error)
            self.get_logger().warning(f"request {request.request.request_id!r} refused: {error}")
            return response
        response.is_accepted, response.task_id = True, str(accepted.task_id)
        response.sender_code, response.recipient_code = accepted.sender_code, accepted.recipient_code
        response.estimated_finish = to_time(accepted.estimated_finish_ns)
        response.promise = about(seconds_between(self._ros_clock.now_ns(), accepted.estimated_finish_ns))
        self.get_logger().info(f"{accepted.task_id} accepted, promised in {response.promise}")
        return response

    def _on_cancel(self, request: CancelTask.Request, response: CancelTask.Response) -> CancelTask.Response:
        try:
            self._dispatcher.cancel(TaskId(request.task_id), request.reason)
        except (InputError, LedgerError) as error:
            response.error = str(error)
            return response
        response.is_accepted = True
        return response

    def _on_hand_over(self, request: HandOver.Request, response: HandOver.Response) -> HandOver.Response:
        try:
            response.code = self._dispatcher.hand_over(TaskId(request.task_id), PersonId(request.custodian))
        except (InputError, LedgerError) as error:
            response.error = str(error)
            return response
        response.is_accepted = True
        return response

    def _on_taken_out(
        self, request: ReportTakenOut.Request, response: ReportTakenOut.Response
    ) -> ReportTakenOut.Response:
        task_id, person = TaskId(request.task_id), PersonId(request.person)
        try:
            response.code = self._dispatcher.report_taken_out(task_id, person, operator=request.operator_id)
        except (InputError, LedgerError) as error:
            response.error = str(error)
            return response
        response.is_accepted = True
        return response

    def _on_list(self, request: ListTasks.Request, response: ListTasks.Response) -> ListTasks.Response:
        after = TaskId(request.after) if request.after else None
        try:
            page = self._dispatcher.task_page(after, request.limit, with_finished=request.with_finished)
        except InputError as error:
            response.error = str(error)
            return response
        response.tasks, response.next = [to_task(task) for task in page.tasks], str(page.next or "")
        return response

    def _on_list_robots(self, _request: ListRobots.Request, _response: ListRobots.Response) -> ListRobots.Response:
        return to_robot_list(self._dispatcher.robots(), self._ros_clock.now_ns())

    def _on_set_rules(
        self, request: SetTrafficRules.Request, response: SetTrafficRules.Response
    ) -> SetTrafficRules.Response:
        in_force = self._dispatcher.traffic_rules
        response.rules = to_rules(in_force)
        if self._ros_clock.now_ns() == 0:
            response.error = _NO_CLOCK
            return response
        try:
            rules, replaced = from_rules(request.rules), from_rules(request.replaces)
            if in_force not in (rules, replaced):
                response.is_outdated, response.error = True, "somebody else has changed the rules. Look again."
                return response
            self._dispatcher.set_traffic_rules(rules)
        except (InputError, LedgerError, ValueError) as error:
            response.error = str(error)
            return response
        if rules != in_force:
            self.get_logger().info(f"{request.operator_id or 'somebody'} has changed the traffic rules: {rules}")
        response.is_accepted, response.rules = True, to_rules(self._dispatcher.traffic_rules)
        return response

    def _on_explain(
        self, request: ExplainTraffic.Request, response: ExplainTraffic.Response
    ) -> ExplainTraffic.Response:
        response.state = self._traffic_state(self._ros_clock.now_ns())
        try:
            text = self._dispatcher.explain_traffic(RobotId(request.robot) if request.robot else None)
        except InputError as error:
            response.error = str(error)
            return response
        response.lines = text.splitlines()
        return response

    def _on_explain_dispatch(
        self, request: ExplainDispatch.Request, response: ExplainDispatch.Response
    ) -> ExplainDispatch.Response:
        try:
            return to_explanation(self._dispatcher.explain_dispatch(TaskId(request.task_id)))
        except InputError as error:
            response.error = str(error)
            return response

    def _on_timer(self) -> None:
        self._dispatcher.step()
        self._publish()

    def _publish(self) -> None:
        now_ns = self._ros_clock.now_ns()
        is_due = self._shown_ns is None or seconds_between(self._shown_ns, now_ns) >= _PUBLISH_S
        if is_due:
            self._shown_ns = now_ns
        tasks = self._dispatcher.tasks_since(
            now_ns - to_ns(self._settings.finished_for),
            most_waiting=self._settings.most_waiting,
            most_ended=self._settings.most_ended,
        )
        open_count = self._dispatcher.open_count
        # estimates move all the time; they go out once a second
        keys = [(task.task_id, task.status, task.robot, task.phase, task.reason) for task in tasks]
        if self._is_news("tasks", (open_count, keys)) or is_due:
            self._tasks.publish(to_tasks(tasks, open_count, now_ns))
        traffic = (self._clearances(), self._dispatcher.waits(), self._dispatcher.traffic_rules)
        if self._is_news("traffic", traffic) or is_due:
            self._traffic.publish(to_traffic(*traffic, now_ns))
        alarms = self._dispatcher.alarms()
        if self._is_news("alarms", alarms) or is_due:
            self._alarms.publish(to_alarms(alarms, now_ns))

    def _clearances(self) -> list[Clearance]:
        return [view.clearance for view in self._dispatcher.robots() if view.clearance is not None]

    def _traffic_state(self, now_ns: int) -> TrafficState:
        return to_traffic(self._clearances(), self._dispatcher.waits(), self._dispatcher.traffic_rules, now_ns)

    def _is_news(self, what: str, value: object) -> bool:
        is_news = self._shown.get(what) != value
        self._shown[what] = value
        return is_news

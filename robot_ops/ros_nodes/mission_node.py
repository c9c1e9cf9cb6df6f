"""One robot's mission agent as a ROS node in the robot's namespace.

In:  action mission (ExecuteMission), clearance (Clearance), taken_out (TakenOut), compartments (CompartmentArray),
     battery_state (sensor_msgs/BatteryState), safety_state (SafetyState: a latched stop, and whether a person drives
     the robot), /door_states, /lift_states;
     services authenticate (Authenticate) and confirm (Confirm): the robot's panel
Out: progress (RouteProgress; 2 Hz and on change), mission_report (MissionReport; 1 Hz and on change), status
     (RobotStatus; 2 Hz), announce (Announcement; latched), custody (CustodyEvent; the last 200), tree (Tree; at most
     1 Hz, on change, while somebody listens), lock_command, /door_requests, /lift_requests

The navigator, the people's tracks and the custody log are handed in. Everything runs in the executor's thread.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.task import Future
from robot_ops_interfaces.action import ExecuteMission
from robot_ops_interfaces.msg import Clearance as ClearanceMsg
from robot_ops_interfaces.msg import CustodyEvent as CustodyEventMsg
from robot_ops_interfaces.msg import MissionReport as MissionReportMsg
from robot_ops_interfaces.msg import RobotStatus as RobotStatusMsg
from robot_ops_interfaces.msg import RouteProgress as RouteProgressMsg
from robot_ops_interfaces.msg import SafetyState as SafetyStateMsg
from robot_ops_interfaces.msg import TakenOut as TakenOutMsg
from robot_ops_interfaces.msg import Tree, TreeNode
from robot_ops_interfaces.srv import Authenticate, Confirm

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import LedgerError, RequestError, StateError
from robot_ops.core.ids import MissionId, PersonId, TaskId
from robot_ops.core.poses import LevelPose
from robot_ops.dispatch.ports import RobotStatus
from robot_ops.missions.agent import RobotAgent
from robot_ops.missions.ports import Navigator, PeopleSource
from robot_ops.navigation.safety_states import Source
from robot_ops.ros_nodes.clock import RosClock
from robot_ops.ros_nodes.conversions import to_time
from robot_ops.ros_nodes.mission_ports import RosBattery, RosBuilding, RosCompartments, RosPanel
from robot_ops.ros_nodes.parameters import declare, parameter
from robot_ops.ros_nodes.qos import EVENTS, MESSAGES, STATE
from robot_ops.ros_nodes.traffic_messages import from_clearance, to_progress
from robot_ops.ros_nodes.vocabulary import from_order, from_taken_out, to_custody, to_report, to_status
from robot_ops.site.model import Robot, Site
from robot_ops.tasks.custody import ChainHead, CustodyEvent, CustodyKind, CustodyLog, head_of
from robot_ops.tasks.orders import MissionOutcome, MissionReport
from robot_ops.tasks.routes import RouteProgress

_CUSTODY_DEPTH: Final = EVENTS.depth


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MissionParameters:
    """Parameters of the mission node."""

    tick_period: float = parameter(0.2, "Between two ticks of the behavior tree, s.", low=0.05, high=1.0)
    status_period: float = parameter(0.5, "Between two status messages, s.", low=0.1, high=5.0)
    tree_period: float = parameter(1.0, "Least time between two messages of the behavior tree, s.", low=0.1, high=10.0)


class MissionNode(Node):
    """Feeds one robot's agent and speaks for it.

    Args:
        robot: whose node it is; its id is the namespace.
        navigator, people, custody: see `RobotAgent`; they live at least as long as the node.
        behaviors: folder of the tree files.
        overrides: parameters, before those on the command line.

    Raises:
        TreeError: a tree file is wrong. ParameterError: a parameter is.
    """

    def __init__(
        self,
        *,
        robot: Robot,
        site: Site,
        navigator: Navigator,
        people: PeopleSource,
        custody: CustodyLog,
        behaviors: Path,
        overrides: Sequence[Parameter] = (),
    ) -> None:
        super().__init__("missions", namespace=str(robot.id), parameter_overrides=list(overrides))
        parameters = declare(self, MissionParameters)
        self._robot = robot
        self._navigator = navigator
        self._status_period, self._tree_period = parameters.status_period, parameters.tree_period
        self._time = RosClock(self)
        self._panel = RosPanel(self, robot.id, self._time)
        self._compartments = RosCompartments(self, self._time)
        self._building = RosBuilding(self, robot.id, self._time)
        self._battery = RosBattery(self)
        self._progress_topic = self.create_publisher(RouteProgressMsg, "progress", STATE)
        self._report_topic = self.create_publisher(MissionReportMsg, "mission_report", EVENTS)
        self._status_topic = self.create_publisher(RobotStatusMsg, "status", STATE)
        self._tree_topic = self.create_publisher(Tree, "tree", STATE)
        self._custody_topic = self.create_publisher(CustodyEventMsg, "custody", EVENTS)
        self._is_stopped = False
        self._goals: dict[MissionId, list[tuple[ServerGoalHandle, Future[MissionReport]]]] = {}
        self._cancels: list[MissionId] = []
        self._status_ns = 0
        self._tree_ns = 0
        self._shown_tree: tuple[tuple[int, str, str, str], ...] | None = None
        self._last_pose: tuple[int, LevelPose] | None = None
        self._custody_head: ChainHead | None = None
        self._custody = custody
        self._agent = RobotAgent(
            robot=robot,
            site=site,
            clock=self._time,
            navigator=navigator,
            people=people,
            panel=self._panel,
            compartments=self._compartments,
            building=self._building,
            battery=self._battery,
            fleet=self,
            custody=self,
            behaviors=behaviors,
        )
        self.create_subscription(ClearanceMsg, "clearance", self._on_clearance, STATE)
        self.create_subscription(TakenOutMsg, "taken_out", self._on_taken_out, MESSAGES)
        self.create_subscription(SafetyStateMsg, "safety_state", self._on_safety, STATE)
        self.create_service(Authenticate, "authenticate", self._on_authenticate)
        self.create_service(Confirm, "confirm", self._on_confirm)
        self._server = ActionServer(
            self,
            ExecuteMission,
            "mission",
            self._execute,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )
        self.create_timer(parameters.tick_period, self.tick)

    @property
    def agent(self) -> RobotAgent:
        """Return the agent; only the executor's thread may use it."""
        return self._agent

    def destroy_node(self) -> None:
        """Destroy the action server with the node."""
        self._server.destroy()
        super().destroy_node()

    def tick(self) -> None:
        """Run the agent once and tell what is due; a timer calls it."""
        now_ns = self._time.now_ns()
        if now_ns == 0:
            return  # under use_sim_time, before the first /clock
        self._tell_custody()
        for mission_id in self._cancels:
            self._agent.cancel_mission(mission_id, "canceled by the fleet")
        self._cancels.clear()
        self._agent.tick()
        self._compartments.repeat()
        self._building.repeat()
        if seconds_between(self._status_ns, now_ns) >= self._status_period:
            self._send_status(now_ns)
        if seconds_between(self._tree_ns, now_ns) >= self._tree_period:
            self._send_tree(now_ns)

    def send_progress(self, progress: RouteProgress) -> None:
        """See FleetLink."""
        self._progress_topic.publish(to_progress(progress))

    def send_report(self, report: MissionReport) -> None:
        """See FleetLink."""
        message = to_report(report)
        self._report_topic.publish(message)
        goals = self._goals.get(report.mission_id, ())
        for handle, ended in goals:
            if report.outcome is None:
                handle.publish_feedback(ExecuteMission.Feedback(report=message))
            elif not ended.done():
                ended.set_result(report)
        if report.outcome is not None:
            self._goals.pop(report.mission_id, None)
            if goals:
                self.get_logger().info(f"{report.mission_id} {report.outcome.value}: {report.reason or 'done'}")

    def record(
        self, *, kind: CustodyKind, task_id: TaskId, person: PersonId, compartment: str, stamp_ns: int
    ) -> CustodyEvent:
        """See CustodyLog: the event is published once it is durable."""
        event = self._custody.record(
            kind=kind, task_id=task_id, person=person, compartment=compartment, stamp_ns=stamp_ns
        )
        self._custody_head = ChainHead(count=event.seq + 1, digest=event.digest)
        self._custody_topic.publish(to_custody(event))
        return event

    def events(self, task_id: TaskId | None = None) -> tuple[CustodyEvent, ...]:
        """See CustodyLog."""
        return self._custody.events(task_id)

    def _tell_custody(self) -> None:
        """Publish what an earlier process has recorded, once."""
        if self._custody_head is not None:
            return
        try:
            events = self._custody.events()
        except LedgerError as error:
            self.get_logger().error(f"custody log: {error}", throttle_duration_sec=10.0)
            return
        self._custody_head = head_of(events)
        for event in events[-_CUSTODY_DEPTH:]:
            self._custody_topic.publish(to_custody(event))

    def _on_goal(self, request: ExecuteMission.Goal) -> GoalResponse:
        try:
            self._agent.start_mission(from_order(request.order))
        except (ValueError, RequestError) as error:
            self.get_logger().error(f"mission {request.order.mission_id!r} is refused: {error}")
            return GoalResponse.REJECT
        except StateError as error:
            self.get_logger().info(f"mission {request.order.mission_id!r} must wait: {error}")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        # carried out at the next tick: the goal must be in its canceling state before the mission ends
        self._cancels.append(MissionId(handle.request.order.mission_id))
        return CancelResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> ExecuteMission.Result:
        """Wait for the mission's end; several goals may stand for the same mission."""
        mission_id = MissionId(handle.request.order.mission_id)
        report = self._agent.ended_report(mission_id)
        if report is None:
            ended: Future[MissionReport] = Future()
            self._goals.setdefault(mission_id, []).append((handle, ended))
            report = await ended
        match report.outcome:
            case MissionOutcome.COMPLETED:
                handle.succeed()
            case MissionOutcome.CANCELED if handle.is_cancel_requested:
                handle.canceled()
            case _:
                handle.abort()
        return ExecuteMission.Result(report=to_report(report))

    def _on_clearance(self, message: ClearanceMsg) -> None:
        try:
            clearance = from_clearance(message)
        except ValueError as error:
            self.get_logger().error(f"clearance is ignored: {error}", throttle_duration_sec=10.0)
            return
        self._agent.on_clearance(clearance)

    def _on_taken_out(self, message: TakenOutMsg) -> None:
        if self._time.now_ns():  # a record needs its instant
            self._agent.note_taken_out(from_taken_out(message))

    def _on_safety(self, message: SafetyStateMsg) -> None:
        self._is_stopped = message.state == SafetyStateMsg.STATE_STOPPED
        if message.source == Source.TELEOP.value:
            self._agent.note_hand()

    def _on_authenticate(self, request: Authenticate.Request, response: Authenticate.Response) -> Authenticate.Response:
        if not self._panel.is_asking_for_code:
            response.text = "The robot does not ask for a code now"
            return response
        entry_seq = self._panel.type_code(PersonId(request.person), request.code)
        self._agent.tick()  # judges the entry, so that the answer need not wait for the timer
        answer = self._panel.take_answer(entry_seq)
        response.is_granted, response.text = answer or (False, "Please wait, the robot is writing its record")
        return response

    def _on_confirm(self, _request: Confirm.Request, response: Confirm.Response) -> Confirm.Response:
        response.is_heard = self._panel.press_done()
        return response

    def _send_status(self, now_ns: int) -> None:
        at = self._navigator.pose
        status = RobotStatus(
            robot=self._robot.id,
            stamp_ns=now_ns,
            at=at,
            speed=self._speed(now_ns, at),
            battery_soc=self._battery.soc,
            is_charging=self._battery.is_charging,
            mission_id=self._agent.mission_id,
            is_stopped=self._is_stopped,
            compartments=self._compartments.occupied,
            custody=self._custody_head,
        )
        self._status_ns = now_ns
        self._status_topic.publish(to_status(status))

    def _speed(self, now_ns: int, at: LevelPose | None) -> float:
        """Return the mean speed since the last status in m/s; odometry at 20 Hz would cost more than it tells."""
        last, self._last_pose = self._last_pose, (now_ns, at) if at is not None else None
        if last is None or at is None or last[1].level != at.level or now_ns <= last[0]:
            return 0.0
        return at.pose.distance_to(last[1].pose) / seconds_between(last[0], now_ns)

    def _send_tree(self, now_ns: int) -> None:
        if not self._tree_topic.get_subscription_count():
            return
        rows = self._agent.tree()
        if rows == self._shown_tree:
            return
        self._tree_ns, self._shown_tree = now_ns, rows
        message = Tree(stamp=to_time(now_ns), robot=str(self._robot.id))
        message.nodes = [TreeNode(depth=d, name=name, type=kind, status=status) for d, name, kind, status in rows]
        self._tree_topic.publish(message)

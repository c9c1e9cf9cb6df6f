"""The console's ears and voice: what operators see and do, over ROS.

In:  /fleet/tasks (TaskArray), /fleet/traffic (TrafficState), /fleet/alarms (AlarmArray), /door_states (DoorState),
     /lift_states (LiftState), /world/people (PersonTrackArray); per robot status (RobotStatus), mission_report
     (MissionReport), progress (RouteProgress), announce (Announcement), safety_state (SafetyState); only while somebody
     looks camera/*/image (sensor_msgs/Image), tree (Tree), and, while /world/people is silent, people
     (PersonTrackArray)
Calls: /fleet/submit_task (SubmitTask), /fleet/cancel_task (CancelTask), /fleet/hand_over (HandOver),
     /fleet/report_taken_out (ReportTakenOut), /fleet/explain_dispatch (ExplainDispatch),
     /fleet/set_traffic_rules (SetTrafficRules); per robot set_stop (SetStop)
"""

import dataclasses
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from robot_ops_interfaces.msg import (
    AlarmArray,
    DoorState,
    LiftState,
    PersonTrackArray,
    SafetyState,
    TaskArray,
    TrafficState,
    Tree,
)
from robot_ops_interfaces.msg import Announcement as AnnouncementMsg
from robot_ops_interfaces.msg import MissionReport as MissionReportMsg
from robot_ops_interfaces.msg import RobotStatus as RobotStatusMsg
from robot_ops_interfaces.msg import RouteProgress as RouteProgressMsg
from robot_ops_interfaces.srv import (
    CancelTask,
    ExplainDispatch,
    HandOver,
    ReportTakenOut,
    SetStop,
    SetTrafficRules,
    SubmitTask,
)
from sensor_msgs.msg import Image as ImageMsg

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import LinkError, RequestError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.dispatch.explanation import Explanation
from robot_ops.dispatch.ports import Alarm, HallView, PersonView, RobotStatus, RobotView, TaskView
from robot_ops.perception.pictures import to_jpeg
from robot_ops.ros_nodes.clock import RosClock
from robot_ops.ros_nodes.conversions import from_image, from_time
from robot_ops.ros_nodes.fleet_messages import (
    check_stop_answer,
    from_alarms,
    from_explanation,
    from_hand_over_answer,
    from_submit_answer,
)
from robot_ops.ros_nodes.qos import EVENTS, MESSAGES, SENSOR, STATE
from robot_ops.ros_nodes.safety_words import safety_text
from robot_ops.ros_nodes.traffic_messages import TrafficPicture, change_rules, from_progress, from_traffic
from robot_ops.ros_nodes.vocabulary import from_report, from_status, from_task, to_request
from robot_ops.ros_nodes.watched_topic import WatchedTopic
from robot_ops.site.model import Site
from robot_ops.tasks.orders import MissionReport
from robot_ops.tasks.requests import Accepted, TaskRequest
from robot_ops.tasks.routes import Clearance, RouteProgress
from robot_ops.tasks.rule_changes import RuleChange
from robot_ops.tasks.traffic_rules import TrafficRules

PATIENCE: Final = 3.0
"""Seconds that a call waits for its answer."""
ROBOT_SILENCE: Final = 3.0
"""Seconds of ROS time after which a robot counts as offline."""
FLEET_SILENCE: Final = 5.0
"""Seconds of ROS time after which the fleet counts as offline; it speaks once a second."""
_STEADY_SILENCE: Final = 10.0
"""Seconds of steady time after which anybody counts as offline: ROS time may stand still."""
_PEOPLE_SILENCE: Final = 3.0
"""Seconds without /world/people until the robots' own tracks are shown."""
_RECONCILE_PERIOD: Final = 0.2
_CAMERAS: Final = ("front", "rear", "compartment")


@dataclasses.dataclass(slots=True)
class _Heard:
    """What was last heard of one robot; each field is replaced as a whole, so that any thread may read it."""

    status: RobotStatus | None = None
    status_steady_ns: int = 0
    report: MissionReport | None = None
    screen: str = ""
    safety: SafetyState | None = None
    progress: RouteProgress | None = None


class OperationsNode(Node):
    """Operations over ROS. Spin it in a thread of its own; all methods of the port may be called from any other.

    Args:
        site: where the robots work.
        robots: which of the site's robots to show, all when None.
        overrides: parameters, before those on the command line.
    """

    def __init__(
        self, site: Site, *, robots: Collection[RobotId] | None = None, overrides: Sequence[Parameter] = ()
    ) -> None:
        super().__init__("console", parameter_overrides=list(overrides))
        self._site = site
        self._robots = tuple(robot for robot in site.robots if robots is None or robot in robots)
        self._ros_clock = RosClock(self)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._heard = {robot: _Heard() for robot in self._robots}
        self._tasks: tuple[TaskView, ...] = ()
        self._open_count: int | None = None
        self._fleet_ns: int | None = None
        self._fleet_steady_ns = 0
        self._picture = TrafficPicture()
        self._clearances: dict[RobotId, Clearance] = {}
        self._alarms: tuple[Alarm, ...] = ()
        self._doors: dict[str, bool] = {}
        self._lifts: dict[str, str] = {}
        self._people: tuple[PersonView, ...] = ()
        self._people_steady_ns: int | None = None
        self._jpegs: dict[tuple[RobotId, str], tuple[ImageMsg, bytes]] = {}
        self._listen()
        self._watched = self._watch()
        self._submit: Client[Any, Any] = self.create_client(SubmitTask, "/fleet/submit_task")
        self._cancel: Client[Any, Any] = self.create_client(CancelTask, "/fleet/cancel_task")
        self._hand_over: Client[Any, Any] = self.create_client(HandOver, "/fleet/hand_over")
        self._taken_out: Client[Any, Any] = self.create_client(ReportTakenOut, "/fleet/report_taken_out")
        self._explain: Client[Any, Any] = self.create_client(ExplainDispatch, "/fleet/explain_dispatch")
        self._rules: Client[Any, Any] = self.create_client(SetTrafficRules, "/fleet/set_traffic_rules")
        self._stops: dict[RobotId, Client[Any, Any]] = {
            robot: self.create_client(SetStop, f"/{robot}/set_stop") for robot in self._robots
        }
        self.create_timer(_RECONCILE_PERIOD, self._reconcile, clock=self._steady)

    def view(self) -> HallView:
        """See Operations."""
        now_ns = self._ros_clock.now_ns()
        return HallView(
            stamp_ns=now_ns,
            robots=tuple(self._view_robot(robot, now_ns) for robot in self._robots),
            tasks=self._tasks,
            people=self._seen_people(now_ns),
            doors=dict(self._doors),
            lifts=dict(self._lifts),
            alarms=self._alarms,
            is_fleet_online=self._is_fresh(self._fleet_ns, self._fleet_steady_ns, now_ns, FLEET_SILENCE),
            waits=self._picture.waits,
            rules=self._picture.rules,
            open_count=self._open_count,
        )

    def submit(self, request: TaskRequest) -> Accepted:
        """See Operations."""
        answer = self._call(self._submit, SubmitTask.Request(request=to_request(request)), "the fleet")
        return from_submit_answer(answer)

    def cancel(self, task_id: TaskId, reason: str) -> None:
        """See Operations."""
        answer = self._call(self._cancel, CancelTask.Request(task_id=str(task_id), reason=reason), "the fleet")
        if not answer.is_accepted:
            raise RequestError(answer.error)

    def hand_over(self, task_id: TaskId, custodian: PersonId) -> str:
        """See Operations."""
        request = HandOver.Request(task_id=str(task_id), custodian=str(custodian))
        return from_hand_over_answer(self._call(self._hand_over, request, "the fleet"))

    def explain_dispatch(self, task_id: TaskId) -> Explanation:
        """See Operations."""
        answer = self._call(self._explain, ExplainDispatch.Request(task_id=str(task_id)), "the fleet")
        try:
            return from_explanation(answer)
        except ValueError as error:
            raise LinkError(f"the fleet answered what cannot be: {error}") from error

    def report_taken_out(self, task_id: TaskId, person: PersonId, *, operator: str) -> str:
        """See Operations."""
        request = ReportTakenOut.Request(task_id=str(task_id), person=str(person), operator_id=operator)
        return from_hand_over_answer(self._call(self._taken_out, request, "the fleet"))

    def change_traffic_rules(self, change: RuleChange, *, operator: str) -> TrafficRules:
        """See Operations."""
        return change_rules(change, operator, lambda request: self._call(self._rules, request, "the fleet"))

    def set_stop(self, robot: RobotId | None, *, is_engaged: bool, operator: str) -> None:
        """See Operations."""
        if robot is not None:
            self._set_stop(robot, is_engaged=is_engaged, operator=operator)
            return
        with ThreadPoolExecutor(len(self._robots)) as pool:
            calls = {
                one: pool.submit(self._set_stop, one, is_engaged=is_engaged, operator=operator) for one in self._robots
            }
        problems = [str(error) for call in calls.values() if (error := call.exception()) is not None]
        if problems:
            raise LinkError("; ".join(problems))

    def camera_jpeg(self, robot: RobotId, camera: str) -> bytes | None:
        """See Operations."""
        topic = self._watched.get(f"/{robot}/camera/{camera}/image")
        message = topic.ask() if topic is not None else None
        if message is None:
            return None
        known = self._jpegs.get((robot, camera))
        if known is not None and known[0] is message:
            return known[1]
        try:
            jpeg = to_jpeg(from_image(message))
        except ValueError as error:
            self.get_logger().error(f"{robot}: {camera} camera: {error}", throttle_duration_sec=10.0)
            return None
        self._jpegs[robot, camera] = (message, jpeg)
        return jpeg

    def tree(self, robot: RobotId) -> Sequence[tuple[int, str, str, str]]:
        """See Operations."""
        topic = self._watched.get(f"/{robot}/tree")
        message = topic.ask() if topic is not None else None
        if message is None:
            return ()
        return tuple((int(node.depth), node.name, node.type, node.status) for node in message.nodes)

    def _set_stop(self, robot: RobotId, *, is_engaged: bool, operator: str) -> None:
        client = self._stops.get(robot)
        if client is None:
            raise RequestError(f"there is no robot {robot!r} here", where="robot")
        request = SetStop.Request(is_engaged=is_engaged, operator_id=operator)
        answer = self._call(client, request, f"the safety node of {robot}")
        check_stop_answer(robot, answer, is_engaged=is_engaged)

    def _call(self, client: Client[Any, Any], request: Any, who: str) -> Any:
        """Return the answer; the waiting thread is never the executor's.

        Raises:
            LinkError: nobody answers in time.
        """
        if not client.wait_for_service(timeout_sec=PATIENCE):
            raise LinkError(f"{who} is not there ({client.srv_name})")
        answered = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: answered.set())
        if not answered.wait(PATIENCE):
            client.remove_pending_request(future)
            raise LinkError(f"{who} did not answer within {PATIENCE:.0f} s")
        return future.result()

    def _listen(self) -> None:
        self.create_subscription(TaskArray, "/fleet/tasks", self._on_tasks, STATE)
        self.create_subscription(TrafficState, "/fleet/traffic", self._on_traffic, STATE)
        self.create_subscription(AlarmArray, "/fleet/alarms", self._on_alarms, STATE)
        self.create_subscription(DoorState, "/door_states", self._on_door, EVENTS)
        self.create_subscription(LiftState, "/lift_states", self._on_lift, EVENTS)
        self.create_subscription(PersonTrackArray, "/world/people", self._on_people, STATE)
        for robot, heard in self._heard.items():
            take = self._taker(robot, heard)
            self.create_subscription(RobotStatusMsg, f"/{robot}/status", take(self._on_status), STATE)
            self.create_subscription(MissionReportMsg, f"/{robot}/mission_report", take(self._on_report), EVENTS)
            self.create_subscription(RouteProgressMsg, f"/{robot}/progress", take(self._on_progress), STATE)
            self.create_subscription(AnnouncementMsg, f"/{robot}/announce", take(self._on_announcement), STATE)
            self.create_subscription(SafetyState, f"/{robot}/safety_state", take(self._on_safety), STATE)

    def _watch(self) -> dict[str, WatchedTopic[Any]]:
        topics: dict[str, WatchedTopic[Any]] = {}
        for robot in self._robots:
            topics[f"/{robot}/tree"] = WatchedTopic(self, Tree, f"/{robot}/tree", STATE)
            topics[f"/{robot}/people"] = WatchedTopic(self, PersonTrackArray, f"/{robot}/people", MESSAGES)
            for camera in _CAMERAS:
                name = f"/{robot}/camera/{camera}/image"
                topics[name] = WatchedTopic(self, ImageMsg, name, SENSOR)
        return topics

    def _reconcile(self) -> None:
        for topic in self._watched.values():
            topic.reconcile()

    def _taker(self, robot: RobotId, heard: _Heard) -> Callable[[Callable[[_Heard, Any], None]], Callable[[Any], None]]:
        """Return what makes callbacks that drop malformed messages."""

        def make(take: Callable[[_Heard, Any], None]) -> Callable[[Any], None]:
            def on_message(message: Any) -> None:
                try:
                    take(heard, message)
                except ValueError as error:
                    self.get_logger().error(f"{robot}: malformed message: {error}", throttle_duration_sec=10.0)

            return on_message

        return make

    def _on_status(self, heard: _Heard, message: RobotStatusMsg) -> None:
        heard.status, heard.status_steady_ns = from_status(message), self._steady.now().nanoseconds

    def _on_report(self, heard: _Heard, message: MissionReportMsg) -> None:
        heard.report = from_report(message)

    def _on_progress(self, heard: _Heard, message: RouteProgressMsg) -> None:
        heard.progress = from_progress(message)

    def _on_announcement(self, heard: _Heard, message: AnnouncementMsg) -> None:
        heard.screen = message.text

    def _on_safety(self, heard: _Heard, message: SafetyState) -> None:
        heard.safety = message

    def _on_tasks(self, message: TaskArray) -> None:
        tasks = []
        for task in message.tasks:
            try:
                tasks.append(from_task(task))
            except (ValueError, KeyError, RequestError) as error:
                self.get_logger().error(f"task {task.task_id!r} cannot be shown: {error}", throttle_duration_sec=10.0)
        self._tasks, self._open_count = tuple(tasks), int(message.open_count)
        self._fleet_ns, self._fleet_steady_ns = from_time(message.stamp), self._steady.now().nanoseconds

    def _on_traffic(self, message: TrafficState) -> None:
        try:
            self._picture = from_traffic(message)
        except ValueError as error:
            self.get_logger().error(f"traffic cannot be shown: {error}", throttle_duration_sec=10.0)
            return
        self._clearances = {clearance.robot: clearance for clearance in self._picture.clearances}

    def _on_alarms(self, message: AlarmArray) -> None:
        self._alarms = from_alarms(message)

    def _on_door(self, message: DoorState) -> None:
        self._doors[message.door] = message.state == DoorState.OPEN

    def _on_lift(self, message: LiftState) -> None:
        self._lifts[message.lift] = message.level

    def _on_people(self, message: PersonTrackArray) -> None:
        self._people = _people(message)
        self._people_steady_ns = self._steady.now().nanoseconds

    def _view_robot(self, robot: RobotId, now_ns: int) -> RobotView:
        heard = self._heard[robot]
        status, report, safety, progress = heard.status, heard.report, heard.safety, heard.progress
        is_stopped = safety is not None and safety.state == SafetyState.STATE_STOPPED
        if status is not None and safety is not None and status.is_stopped != is_stopped:
            status = dataclasses.replace(status, is_stopped=is_stopped)  # the safety node knows first
        is_running = (
            report is not None and report.outcome is None and (status is None or status.mission_id == report.mission_id)
        )
        return RobotView(
            robot=robot,
            kind=self._site.robots[robot].model.kind,
            is_online=status is not None
            and self._is_fresh(status.stamp_ns, heard.status_steady_ns, now_ns, ROBOT_SILENCE),
            status=status,
            phase=report.phase if report is not None and is_running else None,
            task_id=report.task_id if report is not None and is_running else None,
            clearance=self._clearances.get(robot),
            screen=heard.screen,
            safety=safety_text(safety),
            stopped_by=safety.stopped_by if safety is not None and is_stopped else "",
            free=progress.free if progress is not None else None,
            free_radius=progress.free_radius if progress is not None else 0.0,
            is_by_hand=progress is not None and progress.is_by_hand,
        )

    def _is_fresh(self, stamp_ns: int | None, steady_ns: int, now_ns: int, silence: float) -> bool:
        if stamp_ns is None:
            return False
        steady_age = seconds_between(steady_ns, self._steady.now().nanoseconds)
        return seconds_between(stamp_ns, now_ns) <= silence and steady_age <= _STEADY_SILENCE

    def _seen_people(self, now_ns: int) -> tuple[PersonView, ...]:
        """Return the people the world tells of or, where it does not, those the robots see."""
        heard_ns = self._people_steady_ns
        if heard_ns is not None and seconds_between(heard_ns, self._steady.now().nanoseconds) < _PEOPLE_SILENCE:
            return self._people
        seen: list[PersonView] = []
        for robot in self._robots:
            message = self._watched[f"/{robot}/people"].ask()
            if message is not None and seconds_between(from_time(message.stamp), now_ns) < _PEOPLE_SILENCE:
                seen += _people(message)
        return tuple(seen)


def _people(message: PersonTrackArray) -> tuple[PersonView, ...]:
    return tuple(PersonView(level=track.level, x=track.x, y=track.y) for track in message.tracks if track.is_confirmed)

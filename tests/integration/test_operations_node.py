"""The console's node over DDS: what it hears, what it asks, and real safety nodes that stop."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from robot_ops_interfaces.msg import (
    Announcement,
    DoorState,
    LiftState,
    PersonTrack,
    PersonTrackArray,
    TaskArray,
    TrafficState,
    Tree,
    TreeNode,
)
from robot_ops_interfaces.msg import MissionReport as MissionReportMsg
from robot_ops_interfaces.msg import RobotStatus as RobotStatusMsg
from robot_ops_interfaces.msg import RouteProgress as RouteProgressMsg
from robot_ops_interfaces.srv import CancelTask, SetTrafficRules, SubmitTask
from sensor_msgs.msg import Image as ImageMsg

from robot_ops.core.clock import NS_PER_S
from robot_ops.core.errors import LinkError, RequestError
from robot_ops.core.ids import LaneId, LevelId, MissionId, NodeId, RobotId, RouteId, TaskId, ZoneId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.core.sensors import Image
from robot_ops.dispatch.ports import Alarm, HallView, RobotStatus, RobotView, TaskView
from robot_ops.ros_nodes import operations_node
from robot_ops.ros_nodes.conversions import to_image, to_time
from robot_ops.ros_nodes.fleet_messages import AlarmArray, to_alarms, to_tasks
from robot_ops.ros_nodes.operations_node import OperationsNode
from robot_ops.ros_nodes.qos import EVENTS, MESSAGES, SENSOR, STATE
from robot_ops.ros_nodes.runtime import BackgroundSpin, ros
from robot_ops.ros_nodes.safety_node import SafetyNode, parameters_of
from robot_ops.ros_nodes.traffic_messages import from_rules, to_progress, to_rules, to_traffic
from robot_ops.ros_nodes.vocabulary import to_report, to_status
from robot_ops.tasks.orders import MissionOutcome, MissionPhase, MissionReport
from robot_ops.tasks.routes import Clearance, RouteProgress, Waypoint
from robot_ops.tasks.rule_changes import close_lanes, set_emergency
from robot_ops.tasks.status import TaskStatus
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.testing.fleet_stand import delivery, guidance
from robot_ops.testing.small_site import small_site
from robot_ops.traffic.waits import Wait

GUIDE, COURIER = RobotId("guide_1"), RobotId("courier_1")
PATIENCE = 15.0  # s


class Hall:
    """Stands in for fleet, world and a guide; two real safety nodes, none for courier_2."""

    def __init__(self) -> None:
        self.node = Node("hall")
        make = self.node.create_publisher
        self.tasks = make(TaskArray, "/fleet/tasks", STATE)
        self.traffic = make(TrafficState, "/fleet/traffic", STATE)
        self.alarms = make(AlarmArray, "/fleet/alarms", STATE)
        self.doors = make(DoorState, "/door_states", STATE)
        self.lifts = make(LiftState, "/lift_states", STATE)
        self.people = make(PersonTrackArray, "/world/people", STATE)
        self.seen = make(PersonTrackArray, f"/{GUIDE}/people", MESSAGES)
        self.status = make(RobotStatusMsg, f"/{GUIDE}/status", STATE)
        self.report = make(MissionReportMsg, f"/{GUIDE}/mission_report", EVENTS)
        self.progress = make(RouteProgressMsg, f"/{GUIDE}/progress", STATE)
        self.announce = make(Announcement, f"/{GUIDE}/announce", STATE)
        self.tree = make(Tree, f"/{GUIDE}/tree", STATE)
        self.image = make(ImageMsg, f"/{GUIDE}/camera/rear/image", SENSOR)
        self.submitted: list[SubmitTask.Request] = []
        self.refusal = ""
        self.rules = TrafficRules()
        self.node.create_service(SubmitTask, "/fleet/submit_task", self._on_submit)
        self.node.create_service(SetTrafficRules, "/fleet/set_traffic_rules", self._on_rules)
        self.node.create_service(CancelTask, "/fleet/cancel_task", self._on_cancel)

    def now_ns(self) -> int:
        return int(self.node.get_clock().now().nanoseconds)

    def _on_submit(self, request: SubmitTask.Request, response: SubmitTask.Response) -> SubmitTask.Response:
        self.submitted.append(request)
        response.is_accepted, response.error = not self.refusal, self.refusal
        response.task_id, response.sender_code = "t1", "123456"
        response.estimated_finish = to_time(9 * NS_PER_S)
        return response

    def _on_rules(
        self, request: SetTrafficRules.Request, response: SetTrafficRules.Response
    ) -> SetTrafficRules.Response:
        if self.refusal:
            response.error = self.refusal
        elif from_rules(request.replaces) != self.rules:
            response.is_outdated, response.rules = True, to_rules(self.rules)
        else:
            self.rules = from_rules(request.rules)
            response.is_accepted, response.rules = True, request.rules
        return response

    def _on_cancel(self, request: CancelTask.Request, response: CancelTask.Response) -> CancelTask.Response:
        response.is_accepted = request.task_id == "t1"
        response.error = "" if response.is_accepted else f"there is no task {request.task_id!r}"
        return response

    def tell_status(self, *, mission: str | None = None, age: float = 0.0) -> None:
        status = RobotStatus(
            robot=GUIDE,
            stamp_ns=self.now_ns() - int(age * NS_PER_S),
            at=LevelPose(level=LevelId("hall"), pose=Pose(x=1.0, y=2.0, yaw=0.5)),
            speed=0.4,
            battery_soc=0.6,
            is_charging=False,
            mission_id=MissionId(mission) if mission else None,
            is_stopped=False,
        )
        self.status.publish(to_status(status))

    def tell_report(self, outcome: MissionOutcome | None = None) -> None:
        report = MissionReport(
            robot=GUIDE,
            mission_id=MissionId("m1"),
            task_id=TaskId("t1"),
            phase=MissionPhase.LEADING,
            outcome=outcome,
            reason="",
            has_cargo=True,
            stamp_ns=self.now_ns(),
        )
        self.report.publish(to_report(report))

    def person(self, x: float, *, is_confirmed: bool = True) -> PersonTrack:
        return PersonTrack(level="hall", x=x, y=1.0, is_confirmed=is_confirmed)

    def crowd(self, *tracks: PersonTrack) -> PersonTrackArray:
        return PersonTrackArray(stamp=to_time(self.now_ns()), tracks=list(tracks))


@pytest.fixture(scope="module")
def hall_and_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hall, OperationsNode]]:
    folder = tmp_path_factory.mktemp("state")
    site = small_site()
    with ros():
        hall = Hall()
        console = OperationsNode(site, robots=(GUIDE, COURIER, RobotId("courier_2")))
        nodes = [hall.node, console]
        for robot in (GUIDE, COURIER):
            overrides = [*parameters_of(site.robots[robot].model), Parameter("state_folder", value=str(folder))]
            nodes.append(SafetyNode(robot, overrides=overrides))
        spins = [BackgroundSpin(node) for node in nodes]
        for spin in spins:
            spin.start()
        yield hall, console
        for spin in spins:
            spin.stop()


@pytest.fixture
def hall(hall_and_console: tuple[Hall, OperationsNode]) -> Hall:
    return hall_and_console[0]


@pytest.fixture
def console(hall_and_console: tuple[Hall, OperationsNode]) -> OperationsNode:
    return hall_and_console[1]


def wait_for(condition: Callable[[], Any], act: Callable[[], None] = lambda: None) -> None:
    pause = threading.Event()
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        act()
        pause.wait(0.1)


def robot_of(view: HallView, robot: RobotId = GUIDE) -> RobotView:
    return next(one for one in view.robots if one.robot == robot)


def test_a_robot_is_seen_with_what_it_does(hall: Hall, console: OperationsNode) -> None:
    hall.tell_report()
    hall.announce.publish(Announcement(robot=str(GUIDE), kind="follow_me", text="Please follow me"))
    wait_for(lambda: robot_of(console.view()).phase is MissionPhase.LEADING, lambda: hall.tell_status(mission="m1"))
    view = robot_of(console.view())
    assert view.is_online
    assert view.task_id == "t1"
    assert view.status is not None
    assert view.status.at is not None
    assert view.status.at.level == "hall"
    assert view.status.at.pose.distance_to(Pose(x=1.0, y=2.0)) < 1e-6
    wait_for(lambda: robot_of(console.view()).screen == "Please follow me")
    hall.tell_report(MissionOutcome.COMPLETED)
    wait_for(lambda: robot_of(console.view()).phase is None)
    assert not robot_of(console.view(), COURIER).is_online


def test_a_robot_that_is_driven_by_hand_is_seen_with_its_circle(hall: Hall, console: OperationsNode) -> None:
    at = LevelPose(level=LevelId("hall"), pose=Pose(x=1.0, y=2.0))
    progress = RouteProgress(robot=GUIDE, stamp_ns=1, route_id=RouteId(""), reached=0, held=())
    driven = to_progress(replace(progress, free=at, free_radius=0.9, is_by_hand=True))
    wait_for(lambda: robot_of(console.view()).is_by_hand, lambda: hall.progress.publish(driven))
    assert (robot_of(console.view()).free, robot_of(console.view()).free_radius) == (at, 0.9)
    wait_for(lambda: robot_of(console.view()).free is None, lambda: hall.progress.publish(to_progress(progress)))
    assert not robot_of(console.view()).is_by_hand


def test_a_robot_that_falls_silent_is_offline(hall: Hall, console: OperationsNode) -> None:
    wait_for(lambda: robot_of(console.view()).is_online, hall.tell_status)
    wait_for(lambda: not robot_of(console.view()).is_online, lambda: hall.tell_status(age=4.0))


def test_the_fleets_tasks_traffic_and_alarms_are_seen(hall: Hall, console: OperationsNode) -> None:
    now_ns = hall.now_ns()
    task = TaskView(
        task_id=TaskId("t1"),
        request=delivery(),
        status=TaskStatus.UNDERWAY,
        robot=COURIER,
        phase=MissionPhase.CARRYING,
        reason="",
        submitted_ns=now_ns,
        started_ns=now_ns,
        finished_ns=None,
        estimated_finish_ns=now_ns + NS_PER_S,
    )
    waypoints = tuple(
        Waypoint(node=NodeId(node), level=LevelId("hall"), x=x, y=0.0, speed_limit=1.0)
        for node, x in (("r0", 0.0), ("r1", 8.0))
    )
    clearance = Clearance(
        robot=GUIDE, stamp_ns=now_ns, route_id=RouteId("r"), goal_seq=1, waypoints=waypoints, cleared=1
    )
    alarm = Alarm(alarm_id="a", severity="warning", text="look", robot=GUIDE, since_ns=now_ns)
    wait = Wait(robot=GUIDE, waits_for=(COURIER,), text="guide_1 waits", reason="courier_1", since_ns=now_ns)
    rules = TrafficRules(speed_limits={ZoneId("slow"): 0.3}, is_emergency=True)
    hall.traffic.publish(to_traffic([clearance], [wait], rules, now_ns))
    hall.alarms.publish(to_alarms([alarm], now_ns))
    hall.doors.publish(DoorState(door="d1", state=DoorState.OPEN))
    hall.doors.publish(DoorState(door="d1", state=DoorState.MOVING))
    hall.lifts.publish(LiftState(lift="l1", level="office", is_open=True))
    hall.tasks.publish(to_tasks([task], 7, now_ns))
    told = replace(task, request=replace(task.request, request_id=task.task_id))  # request ids stay with their owners
    wait_for(lambda: console.view().tasks == (told,))
    wait_for(lambda: robot_of(console.view()).clearance == clearance)
    wait_for(lambda: console.view().alarms == (alarm,))
    assert console.view().waits == (wait,)
    assert console.view().rules == rules
    wait_for(lambda: console.view().doors == {"d1": False} and console.view().lifts == {"l1": "office"})
    assert console.view().is_fleet_online
    hall.tasks.publish(to_tasks([task], 7, now_ns - 6 * NS_PER_S))
    wait_for(lambda: not console.view().is_fleet_online)


def test_robots_see_people_where_the_world_does_not_tell(hall: Hall, console: OperationsNode) -> None:
    def tell() -> None:
        hall.seen.publish(hall.crowd(hall.person(3.0), hall.person(4.0, is_confirmed=False)))

    wait_for(lambda: [person.x for person in console.view().people] == [3.0], tell)
    hall.people.publish(hall.crowd(hall.person(1.0), hall.person(2.0)))
    wait_for(lambda: [person.x for person in console.view().people] == [1.0, 2.0])


def test_tasks_are_submitted_and_canceled(hall: Hall, console: OperationsNode) -> None:
    accepted = console.submit(guidance("mine"))
    assert (accepted.task_id, accepted.sender_code, accepted.estimated_finish_ns) == ("t1", "123456", 9 * NS_PER_S)
    assert hall.submitted[-1].request.request_id == "mine"
    hall.refusal = "destination: there is no such place"
    with pytest.raises(RequestError, match="no such place"):
        console.submit(guidance("other"))
    hall.refusal = ""
    console.cancel(TaskId("t1"), "no reason")
    with pytest.raises(RequestError, match="t9"):
        console.cancel(TaskId("t9"), "no reason")


def test_rules_of_traffic_are_changed_and_others_changes_stay(hall: Hall, console: OperationsNode) -> None:
    hall.rules = TrafficRules(is_emergency=True)
    rules = console.change_traffic_rules(close_lanes([LaneId("a-b")]), operator="nora")
    assert rules == hall.rules == TrafficRules(closed_lanes=frozenset({LaneId("a-b")}), is_emergency=True)
    hall.refusal = "the site has no lane 'x-y'"
    with pytest.raises(RequestError, match="x-y"):
        console.change_traffic_rules(set_emergency(is_on=False), operator="nora")
    assert hall.rules.is_emergency


def test_stops_are_latched_by_the_safety_nodes(
    hall: Hall, console: OperationsNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.set_stop(GUIDE, is_engaged=True, operator="nora")
    wait_for(lambda: robot_of(console.view()).stopped_by == "nora", hall.tell_status)
    status = robot_of(console.view()).status
    assert status is not None
    assert status.is_stopped
    assert robot_of(console.view()).safety.startswith("stopped")
    console.set_stop(GUIDE, is_engaged=False, operator="nora")
    wait_for(lambda: robot_of(console.view()).stopped_by == "")
    monkeypatch.setattr(operations_node, "PATIENCE", 1.0)
    with pytest.raises(LinkError, match="courier_2"):
        console.set_stop(None, is_engaged=True, operator="nora")
    wait_for(lambda: {one.stopped_by for one in console.view().robots} == {"nora", ""})
    assert [one.stopped_by for one in console.view().robots] == ["nora", "nora", ""]
    with pytest.raises(RequestError, match="no robot"):
        console.set_stop(RobotId("nobody"), is_engaged=True, operator="nora")


def test_pictures_and_trees_flow_only_while_somebody_looks(hall: Hall, console: OperationsNode) -> None:
    pixels = np.full((24, 32, 3), (200, 10, 10), dtype=np.uint8)
    assert hall.image.get_subscription_count() == 0
    wait_for(
        lambda: console.camera_jpeg(GUIDE, "rear"),
        lambda: hall.image.publish(to_image(Image(stamp_ns=hall.now_ns(), pixels=pixels), frame="camera")),
    )
    jpeg = console.camera_jpeg(GUIDE, "rear")
    assert jpeg is not None
    assert jpeg.startswith(b"\xff\xd8")
    assert console.camera_jpeg(GUIDE, "rear") is jpeg  # encoded once
    hall.tree.publish(Tree(nodes=[TreeNode(depth=1, name="Lead", type="Lead", status="RUNNING")]))
    wait_for(lambda: console.tree(GUIDE) == ((1, "Lead", "Lead", "RUNNING"),))
    wait_for(lambda: hall.image.get_subscription_count() == 0 and hall.tree.get_subscription_count() == 0)
    assert console.camera_jpeg(GUIDE, "rear") is None
    assert console.camera_jpeg(GUIDE, "none") is None
    assert console.camera_jpeg(RobotId("nobody"), "rear") is None


def test_wrong_messages_change_nothing(hall: Hall, console: OperationsNode) -> None:
    wait_for(lambda: robot_of(console.view()).is_online, hall.tell_status)
    broken = RobotStatusMsg(robot=str(GUIDE), is_localized=True, level="hall")
    broken.pose.position.x = float("nan")
    hall.status.publish(broken)
    task = TaskArray(stamp=to_time(hall.now_ns()))
    task.tasks = to_tasks([], 0, 0).tasks
    hall.tasks.publish(task)
    wait_for(lambda: console.view().tasks == ())
    status = robot_of(console.view()).status
    assert status is not None
    assert status.at is not None

"""The fleet node over DDS, with robots that follow a timetable behind real actions and topics."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from robot_ops_interfaces.action import ExecuteMission
from robot_ops_interfaces.msg import (
    AlarmArray,
    CustodyEvent,
    MissionReport,
    RobotStatus,
    RouteProgress,
    TakenOut,
    TaskArray,
    TrafficState,
)
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

from robot_ops.core.clock import SystemClock
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import LaneId, RobotId, ZoneId
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.ros_nodes.fleet_messages import from_alarms, from_explanation, from_robot_list
from robot_ops.ros_nodes.fleet_node import FleetNode
from robot_ops.ros_nodes.qos import EVENTS, MESSAGES, STATE
from robot_ops.ros_nodes.runtime import ros
from robot_ops.ros_nodes.traffic_messages import change_rules, from_rules, from_traffic, to_progress
from robot_ops.ros_nodes.vocabulary import (
    from_order,
    from_taken_out,
    from_task,
    to_custody,
    to_report,
    to_request,
    to_status,
)
from robot_ops.tasks.orders import MissionPhase
from robot_ops.tasks.requests import TaskRequest
from robot_ops.tasks.rule_changes import RuleChange, close_lanes, limit_zone, set_emergency, take_out
from robot_ops.tasks.status import TaskStatus
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.testing.fleet_stand import delivery, guidance
from robot_ops.testing.scripted_robots import ScriptedRobots
from robot_ops.testing.small_site import small_site

DEADLINE = 20.0  # s
RULES = "/fleet/set_traffic_rules"
SECRET = b"a secret of the tests, long enough"


class RobotsNode(Node):
    """Gives the scripted robots their ROS face."""

    def __init__(self, robots: ScriptedRobots) -> None:
        super().__init__("robots")
        self.robots = robots
        self._ends: dict[str, Future[None]] = {}
        self._publishers_of: dict[tuple[str, type], Any] = {}
        self._servers: list[ActionServer[Any, Any, Any]] = []
        group = ReentrantCallbackGroup()
        for robot in robots.robots:
            for kind, name, qos in (
                (RobotStatus, "status", STATE),
                (RouteProgress, "progress", STATE),
                (MissionReport, "mission_report", EVENTS),
                (CustodyEvent, "custody", EVENTS),
            ):
                self._publishers_of[(robot, kind)] = self.create_publisher(kind, f"/{robot}/{name}", qos)
            self.create_subscription(TakenOut, f"/{robot}/taken_out", self._on_taken_out, MESSAGES)
            server: ActionServer[Any, Any, Any] = ActionServer(
                self,
                ExecuteMission,
                f"/{robot}/mission",
                self._execute,
                cancel_callback=lambda _: CancelResponse.ACCEPT,
                callback_group=group,
            )
            self._servers.append(server)
        self.create_timer(0.1, self._on_timer)

    def destroy_node(self) -> None:
        """Destroy the action servers, too: half of one that is left keeps clients from finding its successor."""
        for server in self._servers:
            server.destroy()
        super().destroy_node()

    async def _execute(self, handle: Any) -> ExecuteMission.Result:
        order = from_order(handle.request.order)
        self.robots.start_mission(order)
        robot = self.robots.robots[order.robot]
        while order.mission_id not in robot.finished:
            if handle.is_cancel_requested:
                self.robots.cancel_mission(order.robot, order.mission_id, "asked to")
                break
            self._ends[order.mission_id] = Future()
            await self._ends[order.mission_id]
        report = to_report(robot.finished[order.mission_id])
        if report.outcome == MissionReport.OUTCOME_CANCELED:
            handle.canceled()
        else:
            handle.succeed()
        return ExecuteMission.Result(report=report)

    def _on_timer(self) -> None:
        self.robots.work()
        self.robots.speak(self)
        for future in self._ends.values():
            if not future.done():
                future.set_result(None)

    def on_custody(self, event: Any) -> None:
        self._publishers_of[(event.robot, CustodyEvent)].publish(to_custody(event))

    def _on_taken_out(self, message: TakenOut) -> None:
        self.robots.tell_taken_out(from_taken_out(message))

    def on_status(self, status: Any) -> None:
        self._publishers_of[(status.robot, RobotStatus)].publish(to_status(status))

    def on_progress(self, progress: Any) -> None:
        self._publishers_of[(progress.robot, RouteProgress)].publish(to_progress(progress))

    def on_report(self, report: Any) -> None:
        self._publishers_of[(report.robot, MissionReport)].publish(to_report(report))


class Rig:
    """Fleet, robots and a client in one process and thread; the fleet can be restarted."""

    def __init__(self, folder: Path) -> None:
        self.executor = SingleThreadedExecutor()
        self.site = small_site()
        self.url = sqlite_url(folder / "ledger.db")
        self.robots = ScriptedRobots(self.site, SystemClock(), phase_s=0.6)
        self.robots_node = RobotsNode(self.robots)
        self.client = Node("client")
        self.tasks: TaskArray | None = None
        self.alarms: AlarmArray | None = None
        self.client.create_subscription(TaskArray, "/fleet/tasks", self._keep_tasks, STATE)
        self.traffic: TrafficState | None = None
        self.client.create_subscription(TrafficState, "/fleet/traffic", self._keep_traffic, STATE)
        self.client.create_subscription(AlarmArray, "/fleet/alarms", self._keep_alarms, STATE)
        for node in (self.robots_node, self.client):
            self.executor.add_node(node)
        self.start_fleet()

    def start_fleet(self) -> None:
        self.ledger = SqlLedger(self.url)
        self.ledger.__enter__()
        self.fleet = FleetNode(site=self.site, ledger=self.ledger, secret=SECRET)
        self.executor.add_node(self.fleet)

    def stop_fleet(self) -> None:
        self.executor.remove_node(self.fleet)
        self.fleet.destroy_node()
        self.ledger.__exit__(None, None, None)

    def close(self) -> None:
        self.stop_fleet()
        for _ in range(20):  # goals that were accepted just now are begun; no more come
            self.executor.spin_once(timeout_sec=0.0)
        self.executor.shutdown()
        self.robots_node.destroy_node()
        self.client.destroy_node()

    def wait(self, is_so: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while not is_so():
            assert time.monotonic() < deadline, f"in vain: {what}"
            self.executor.spin_once(timeout_sec=0.1)

    def call(self, kind: Any, name: str, request: Any) -> Any:
        client = self.client.create_client(kind, name)
        self.wait(client.service_is_ready, name)
        future = client.call_async(request)
        self.wait(future.done, f"answer of {name}")
        self.client.destroy_client(client)
        return future.result()

    def submit(self, request: TaskRequest) -> SubmitTask.Response:
        return self.call(SubmitTask, "/fleet/submit_task", SubmitTask.Request(request=to_request(request)))

    def hold(self, task_id: str) -> RobotId:
        """Keep the task's robot in its mission's first phase: with a visitor, a restart would end the task."""

        def busy() -> RobotId | None:
            orders = {robot: scripted.order for robot, scripted in self.robots.robots.items()}
            return next((robot for robot, order in orders.items() if order and order.task_id == task_id), None)

        # one callback at a time: none that ends the phase comes between the order and this
        self.wait(busy, f"{task_id} has been begun")
        robot = busy()
        assert robot is not None
        self.robots.robots[robot].phase_ends_ns += 10**12
        self.wait(lambda: self.status_of(task_id) is TaskStatus.UNDERWAY, f"{task_id} underway")
        return robot

    def status_of(self, task_id: str) -> TaskStatus | None:
        tasks = [] if self.tasks is None else [from_task(task) for task in self.tasks.tasks]
        return next((task.status for task in tasks if task.task_id == task_id), None)

    def _keep_tasks(self, message: TaskArray) -> None:
        self.tasks = message

    def change_rules(self, change: RuleChange) -> TrafficRules:
        return change_rules(change, "nora", lambda request: self.call(SetTrafficRules, RULES, request))

    def _keep_traffic(self, message: TrafficState) -> None:
        self.traffic = message

    def _keep_alarms(self, message: AlarmArray) -> None:
        self.alarms = message


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with ros():
        rig = Rig(tmp_path)
        try:
            yield rig
        finally:
            rig.close()


def test_tasks_are_done_over_ros(rig: Rig) -> None:
    guide, deliver = rig.submit(guidance()), rig.submit(delivery())
    assert guide.is_accepted, guide.error
    assert deliver.is_accepted, deliver.error
    assert len(deliver.sender_code) == 6
    assert rig.submit(delivery()).sender_code == deliver.sender_code
    for task_id in (guide.task_id, deliver.task_id):
        rig.wait(lambda task_id=task_id: rig.status_of(task_id) is TaskStatus.COMPLETED, f"{task_id} completed")
    answer = rig.call(ListTasks, "/fleet/list_tasks", ListTasks.Request(with_finished=True))
    assert [task.task_id for task in answer.tasks] == [guide.task_id, deliver.task_id]
    assert rig.call(ListTasks, "/fleet/list_tasks", ListTasks.Request(with_finished=False)).tasks == []


def test_tasks_are_listed_page_by_page(rig: Rig) -> None:
    for number in range(5):
        rig.submit(guidance(f"g{number}"))
    seen, after = [], ""
    while True:
        request = ListTasks.Request(with_finished=True, limit=2, after=after)
        answer = rig.call(ListTasks, "/fleet/list_tasks", request)
        seen.append([task.task_id for task in answer.tasks])
        after = answer.next
        if not after:
            break
    assert seen == [[f"guide-{number:06d}" for number in page] for page in ((1, 2), (3, 4), (5,))]
    answer = rig.call(ListTasks, "/fleet/list_tasks", ListTasks.Request(after="guide-000099"))
    assert "no task 'guide-000099'" in answer.error
    rig.wait(lambda: rig.tasks is not None and len(rig.tasks.tasks) == 5, "all are shown")
    assert rig.tasks is not None
    assert rig.tasks.open_count == sum(not from_task(task).status.is_final for task in rig.tasks.tasks)


def test_a_document_is_taken_out_of_a_dead_robot_by_key(rig: Rig) -> None:
    task_id = rig.submit(delivery()).task_id
    rig.wait(lambda: any(robot.loaded for robot in rig.robots.robots.values()), "the document is aboard")
    dead = next(robot for robot in rig.robots.robots.values() if robot.loaded)
    dead.phase_ends_ns += 10**12
    rig.wait(lambda: rig.status_of(task_id) is TaskStatus.UNDERWAY, "it is under way")
    dead.is_silent = True

    def report() -> ReportTakenOut.Response:
        request = ReportTakenOut.Request(task_id=task_id, person="mona", operator_id="olga")
        return rig.call(ReportTakenOut, "/fleet/report_taken_out", request)

    assert "goes on" in report().error

    def key_robot() -> RobotId | None:
        tasks = [] if rig.tasks is None else [from_task(task) for task in rig.tasks.tasks]
        return next((task.key_robot for task in tasks if task.task_id == task_id), None)

    rig.wait(lambda: key_robot() == dead.robot, "the fleet misses the robot")
    answer = report()
    assert answer.is_accepted, answer.error
    assert report().code == answer.code
    assert len(answer.code) == 6
    dead.loaded = ""
    dead.is_silent = False
    rig.wait(lambda: len(rig.fleet.dispatcher.custody_of(dead.robot)) == 1, "the robot has it on record")
    (event,) = rig.fleet.dispatcher.custody_of(dead.robot)
    assert (event.kind.value, event.person) == ("taken_out", "mona")
    rig.wait(lambda: rig.status_of(task_id) is TaskStatus.COMPLETED, "another robot has brought it")
    assert [robot for _, robot in rig.robots.served] != [dead.robot]


def test_robots_are_listed_in_the_sites_order_with_those_that_are_silent(rig: Rig) -> None:
    def listed() -> dict[str, bool]:
        robots = from_robot_list(rig.call(ListRobots, "/fleet/list_robots", ListRobots.Request()))
        return {robot.robot: robot.status is not None for robot in robots}

    silent = RobotId("guide_2")
    rig.robots.robots[silent].is_silent = True
    rig.wait(lambda: sum(listed().values()) == len(rig.site.robots) - 1, "all others are online")
    assert list(listed()) == list(rig.site.robots)
    robots = from_robot_list(rig.call(ListRobots, "/fleet/list_robots", ListRobots.Request()))
    ages = {robot.robot: robot.silent_for for robot in robots}
    assert math.isnan(ages.pop(silent))
    assert all(0.0 <= age < 5.0 for age in ages.values())


def test_wrong_requests_get_their_mend(rig: Rig) -> None:
    answer = rig.submit(guidance(language="xx"))
    assert not answer.is_accepted
    assert "use one of en, fr" in answer.error
    bad = to_request(guidance())
    bad.party_size = 99
    answer = rig.call(SubmitTask, "/fleet/submit_task", SubmitTask.Request(request=bad))
    assert "party_size" in answer.error
    answer = rig.call(CancelTask, "/fleet/cancel_task", CancelTask.Request(task_id="guide-000007"))
    assert "no task" in answer.error


def test_an_active_task_is_canceled(rig: Rig) -> None:
    for robot in rig.robots.robots.values():
        robot.is_stopped = True  # nobody gets anywhere
    rig.wait(lambda: rig.alarms is not None and rig.alarms.alarms, "alarms of stopped robots")
    assert rig.alarms is not None
    assert {alarm.robot for alarm in from_alarms(rig.alarms)} <= set(rig.robots.robots)
    for robot in rig.robots.robots.values():
        robot.is_stopped = False
    accepted = rig.submit(guidance())
    rig.hold(accepted.task_id)
    answer = rig.call(CancelTask, "/fleet/cancel_task", CancelTask.Request(task_id=accepted.task_id, reason="no more"))
    assert answer.is_accepted, answer.error
    rig.wait(lambda: rig.status_of(accepted.task_id) is TaskStatus.CANCELED, "canceled")


def test_a_document_in_a_robot_that_cannot_go_on_is_handed_over(rig: Rig) -> None:
    answer = rig.call(HandOver, "/fleet/hand_over", HandOver.Request(task_id="deliver-000001", custodian="ben"))
    assert "no task" in answer.error
    couriers = [rig.robots.robots[RobotId(name)] for name in ("courier_1", "courier_2")]
    for robot in couriers:
        robot.fail_in = MissionPhase.CARRYING
    task_id = rig.submit(delivery()).task_id
    rig.wait(lambda: rig.status_of(task_id) is TaskStatus.BLOCKED, "blocked")
    assert rig.tasks is not None
    assert rig.tasks.tasks[0].is_stranded
    answer = rig.call(HandOver, "/fleet/hand_over", HandOver.Request(task_id=task_id, custodian="ben"))
    assert answer.is_accepted, answer.error
    assert answer.code
    for robot in couriers:
        robot.fail_in = None
    rig.wait(lambda: rig.status_of(task_id) is TaskStatus.COMPLETED, "completed")


def test_a_restarted_fleet_goes_on(rig: Rig) -> None:
    ids = [rig.submit(guidance(f"g{number}")).task_id for number in range(3)]
    rig.wait(lambda: rig.status_of(ids[0]) is TaskStatus.UNDERWAY, "underway")
    rig.stop_fleet()
    rig.tasks = None
    rig.start_fleet()
    for task_id in ids:
        rig.wait(lambda task_id=task_id: rig.status_of(task_id) is TaskStatus.COMPLETED, f"{task_id} completed")
    assert sorted(task_id for task_id, _ in rig.robots.served) == ids


def test_rules_of_traffic_are_changed_one_by_one_shown_and_kept(rig: Rig) -> None:
    lane, other = list(rig.site.lanes)[:2]
    rig.change_rules(set_emergency(is_on=True))
    rig.change_rules(close_lanes([lane, other]))
    rules = rig.change_rules(take_out([RobotId("guide_2")]))
    assert rules == TrafficRules(
        closed_lanes=frozenset({lane, other}), is_emergency=True, absent_robots=frozenset({RobotId("guide_2")})
    )
    rig.wait(lambda: rig.traffic is not None and from_traffic(rig.traffic).rules == rules, "rules are shown")
    with pytest.raises(RequestError, match="no lane 'nowhere'"):
        rig.change_rules(close_lanes([LaneId("nowhere")]))
    with pytest.raises(RequestError, match="speed"):
        limit_zone(ZoneId("hall"), 0.0)
    outdated = SetTrafficRules.Request()  # somebody who has not seen the emergency must not end it
    outdated.rules.closed_lanes = [str(lane)]
    answer = rig.call(SetTrafficRules, RULES, outdated)
    assert (answer.is_accepted, answer.is_outdated) == (False, True)
    assert from_rules(answer.rules) == rules
    rig.stop_fleet()
    rig.start_fleet()
    answer = rig.call(ExplainTraffic, "/fleet/explain_traffic", ExplainTraffic.Request())
    assert from_traffic(answer.state).rules == rules


def test_traffic_is_explained(rig: Rig) -> None:
    def explain(robot: str = "") -> ExplainTraffic.Response:
        return rig.call(ExplainTraffic, "/fleet/explain_traffic", ExplainTraffic.Request(robot=robot))

    rig.wait(lambda: len(explain().lines) >= len(rig.site.robots), "all robots are explained")
    (line, *_) = explain("guide_2").lines
    assert line.startswith("guide_2 stands at ")
    assert "guide_9" in explain("guide_9").error


def test_a_choice_is_explained(rig: Rig) -> None:
    task = rig.submit(guidance()).task_id

    def explain(task_id: str = task) -> ExplainDispatch.Response:
        return rig.call(ExplainDispatch, "/fleet/explain_dispatch", ExplainDispatch.Request(task_id=task_id))

    rig.wait(lambda: explain().options and explain().options[0].is_chosen, "somebody is chosen")
    found = from_explanation(explain())
    assert {option.robot for option in found.options} == set(rig.site.robots)
    assert found.task.request.request_id == task  # the client's own is a secret
    assert found.lines
    with pytest.raises(RequestError, match="no task 'guide-9'"):
        from_explanation(explain("guide-9"))


def test_a_mission_of_a_forgotten_ledger_is_canceled(rig: Rig, tmp_path: Path) -> None:
    accepted = rig.submit(guidance())
    rig.hold(accepted.task_id)
    rig.stop_fleet()
    rig.url = sqlite_url(tmp_path / "another.db")
    rig.start_fleet()
    rig.wait(lambda: rig.robots.cancelations, "the robot is told to give up what nobody knows")
    assert all(robot != RobotId("courier_1") for robot, _, _ in rig.robots.cancelations)


def test_a_restarted_robot_gets_its_mission_again(rig: Rig) -> None:
    accepted = rig.submit(guidance())
    busy = rig.hold(accepted.task_id)
    rig.robots.restart(busy)
    rig.executor.remove_node(rig.robots_node)
    rig.robots_node.destroy_node()
    rig.robots_node = RobotsNode(rig.robots)
    rig.executor.add_node(rig.robots_node)
    rig.wait(lambda: rig.status_of(accepted.task_id) is TaskStatus.COMPLETED, "completed")
    assert [robot for _, robot in rig.robots.served] == [busy]

"""The mission node over DDS: a fleet, a panel and a navigator around it, on simulated time."""

import array
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import Twist
from rclpy.action import ActionClient
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from robot_ops_interfaces.action import ExecuteMission
from robot_ops_interfaces.msg import (
    Announcement,
    Clearance,
    Compartment,
    CompartmentArray,
    CustodyEvent,
    DoorRequest,
    DoorState,
    LiftRequest,
    LiftState,
    LockCommand,
    MissionReport,
    RobotStatus,
    RouteProgress,
    Tree,
)
from robot_ops_interfaces.srv import Authenticate, Confirm
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import LaserScan

from robot_ops.core.ids import PlaceId, RobotId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.ros_nodes.conversions import to_time
from robot_ops.ros_nodes.mission_node import MissionNode
from robot_ops.ros_nodes.qos import COMMAND, EVENTS, MESSAGES, SENSOR, STATE
from robot_ops.ros_nodes.runtime import ros
from robot_ops.ros_nodes.safety_node import SafetyNode
from robot_ops.ros_nodes.traffic_messages import from_progress, to_clearance
from robot_ops.ros_nodes.vocabulary import to_order
from robot_ops.tasks.orders import MissionKind, MissionOrder
from robot_ops.testing.mission_bench import SENDER_CODE, NodeByNodeFleet, chore_order, delivery_order
from robot_ops.testing.mission_site import COUNTER, COURIER, DESK, GUIDE, HALL, KIOSK, OFFICE_DESK, SPOT, mission_site
from robot_ops.testing.robot_body import FakeNavigator, FakePeople, MemoryCustodyLog

BEHAVIORS = Path(__file__).parents[2] / "behaviors"
DEADLINE = 40.0  # s of real time; a run takes a few
STEP = 0.1  # s of simulated time


class Surroundings(Node):
    """Clock, fleet, locks and people around one robot."""

    def __init__(self, robot: RobotId, navigator: FakeNavigator) -> None:
        super().__init__("surroundings")
        self.now_ns = 1_000_000_000
        self.navigator = navigator
        self.fleet = NodeByNodeFleet(mission_site())
        self.got: dict[type, list[Any]] = {}
        self.is_locked = True
        self._clock_topic = self.create_publisher(Clock, "/clock", SENSOR)
        self._clearance = self.create_publisher(Clearance, f"/{robot}/clearance", STATE)
        self._doors = self.create_publisher(DoorState, "/door_states", STATE)
        self._lifts = self.create_publisher(LiftState, "/lift_states", STATE)
        self._compartments = self.create_publisher(CompartmentArray, f"/{robot}/compartments", STATE)
        for kind, name, qos in (
            (RouteProgress, "progress", STATE),
            (MissionReport, "mission_report", EVENTS),
            (RobotStatus, "status", STATE),
            (Announcement, "announce", STATE),
            (CustodyEvent, "custody", EVENTS),
            (Tree, "tree", STATE),
            (LockCommand, "lock_command", MESSAGES),
            (DoorRequest, "/door_requests", MESSAGES),
            (LiftRequest, "/lift_requests", MESSAGES),
        ):
            self.got[kind] = []
            topic = name if name.startswith("/") else f"/{robot}/{name}"
            self.create_subscription(kind, topic, self._keeper(kind), qos)
        self.mission = ActionClient(self, ExecuteMission, f"/{robot}/mission")
        self.authenticate = self.create_client(Authenticate, f"/{robot}/authenticate")
        self.confirm = self.create_client(Confirm, f"/{robot}/confirm")

    def _keeper(self, kind: type) -> Callable[[Any], None]:
        return lambda message: self._keep(kind, message)

    def _keep(self, kind: type, message: Any) -> None:
        self.got[kind].append(message)
        if kind is RouteProgress:
            clearance = self.fleet.answer(from_progress(message), self.now_ns)
            if clearance is not None:
                self._clearance.publish(to_clearance(clearance))
        if kind is DoorRequest:
            state = DoorState.OPEN if message.is_needed else DoorState.CLOSED
            self._doors.publish(DoorState(stamp=to_time(self.now_ns), door=message.door, state=state))
        if kind is LiftRequest:
            state = LiftState(stamp=to_time(self.now_ns), lift=message.lift, level=message.level)
            state.is_open, state.session = message.is_needed, message.session if message.is_needed else ""
            self._lifts.publish(state)
        if kind is LockCommand:
            self.is_locked = message.command == LockCommand.LOCK

    def step(self) -> None:
        self.now_ns += round(STEP * 1e9)
        self.navigator.step(STEP)
        self._clock_topic.publish(Clock(clock=to_time(self.now_ns)))
        compartments = [
            Compartment(id="c1", is_locked=self.is_locked, is_closed=True, is_occupied=False),
            Compartment(id="c2", is_locked=True, is_closed=True, is_occupied=False),
        ]
        self._compartments.publish(CompartmentArray(stamp=to_time(self.now_ns), compartments=compartments))


class Stand:
    """Spins the mission node and what is around it."""

    def __init__(self, robot: RobotId, at: PlaceId) -> None:
        site = mission_site()
        self.navigator = FakeNavigator(site, site.pose_at(at))
        self.custody = MemoryCustodyLog(robot)
        self.around = Surroundings(robot, self.navigator)
        self.node = MissionNode(
            robot=site.robots[robot],
            site=site,
            navigator=self.navigator,
            people=FakePeople(),
            custody=self.custody,
            behaviors=BEHAVIORS,
            overrides=[Parameter("use_sim_time", value=True)],
        )
        self._executor = EventsExecutor()
        self._executor.add_node(self.around)
        self._executor.add_node(self.node)
        self.more: list[Node] = []

    def add(self, node: Node) -> None:
        self._executor.add_node(node)
        self.more.append(node)

    def close(self) -> None:
        self.around.mission.destroy()
        for node in (self.around, self.node, *self.more):
            self._executor.remove_node(node)
            node.destroy_node()
        self._executor.shutdown()

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, f"latest report: {self.around.got[MissionReport][-1:]}"
            self.around.step()
            self._executor.spin_once(timeout_sec=0.005)
            for _ in range(20):
                self._executor.spin_once(timeout_sec=0.0)

    def wait_for(self, future: Any) -> Any:
        self.until(future.done)
        return future.result()

    def send(self, order: MissionOrder) -> Any:
        self.until(self.around.mission.server_is_ready)
        return self.wait_for(self.around.mission.send_goal_async(ExecuteMission.Goal(order=to_order(order))))

    def type_code(self, person: str, code: str) -> Authenticate.Response:
        self.until(self.around.authenticate.service_is_ready)
        return self.wait_for(self.around.authenticate.call_async(Authenticate.Request(person=person, code=code)))


@pytest.fixture
def stand() -> Iterator[Callable[[RobotId, PlaceId], Stand]]:
    stands: list[Stand] = []

    def make(robot: RobotId, at: PlaceId) -> Stand:
        stands.append(Stand(robot, at))
        return stands[-1]

    with ros():
        yield make
        for made in stands:
            made.close()


def test_a_mission_is_driven_by_clearances_and_ends_with_its_result(stand):
    s = stand(GUIDE, KIOSK)
    goal = s.send(chore_order(GUIDE, MissionKind.PARK, SPOT))
    assert goal.accepted
    s.until(lambda: s.around.got[RobotStatus] and s.around.got[RobotStatus][-1].mission_id == "chore")
    again = s.send(chore_order(GUIDE, MissionKind.PARK, SPOT))  # as a restarted fleet does
    assert again.accepted
    results = [s.wait_for(g.get_result_async()) for g in (goal, again)]
    assert [r.status for r in results] == [GoalStatus.STATUS_SUCCEEDED] * 2
    assert results[0].result == results[1].result
    assert results[0].result.report.outcome == MissionReport.OUTCOME_COMPLETED
    site = mission_site()
    assert s.navigator.pose == site.pose_at(SPOT)
    late = s.send(chore_order(GUIDE, MissionKind.PARK, SPOT))
    assert s.wait_for(late.get_result_async()).result == results[0].result
    trees = s.around.got[Tree]
    assert any(node.type == "GoToPlace" and node.status == "RUNNING" for tree in trees for node in tree.nodes)
    s.until(lambda: s.around.got[RobotStatus][-1].mission_id == "")


def test_doors_and_lifts_are_asked_for_again_and_again_and_then_released(stand):
    s = stand(GUIDE, SPOT)
    goal = s.send(chore_order(GUIDE, MissionKind.PARK, OFFICE_DESK))
    assert s.wait_for(goal.get_result_async()).status == GoalStatus.STATUS_SUCCEEDED
    doors = [r.is_needed for r in s.around.got[DoorRequest]]
    lifts = [(r.level, r.is_needed) for r in s.around.got[LiftRequest]]
    assert doors.count(True) > 3
    assert doors[-1] is False
    assert ("hall", True) in lifts
    assert lifts[-1] == ("office", False)
    assert {r.session for r in s.around.got[LiftRequest]} == {GUIDE}


def test_a_goal_that_does_not_fit_is_refused(stand):
    s = stand(GUIDE, KIOSK)
    assert not s.send(chore_order(GUIDE, MissionKind.PARK, PlaceId("nowhere"))).accepted
    assert s.node.agent.report is None


def test_codes_are_judged_at_the_panel_and_the_lock_follows_the_record(stand):
    s = stand(COURIER, DESK)
    early = s.type_code("ada", SENDER_CODE)
    assert (early.is_granted, early.text) == (False, "The robot does not ask for a code now")
    goal = s.send(delivery_order())
    s.until(lambda: s.around.got[Announcement] and s.around.got[Announcement][-1].kind == "authenticate")
    wrong = s.type_code("ada", "000000")
    assert (wrong.is_granted, wrong.text) == (False, "This code is not right")
    assert s.around.got[LockCommand] == []
    s.custody.is_broken = True
    waiting = s.type_code("ada", SENDER_CODE)
    assert (waiting.is_granted, waiting.text) == (False, "Please wait, the robot is writing its record")
    assert s.around.got[LockCommand] == []
    s.custody.is_broken = False
    s.until(lambda: s.around.got[Announcement][-1].kind == "load")
    s.until(lambda: not s.around.is_locked)
    s.until(lambda: len(s.around.got[CustodyEvent]) == 3)
    assert [e.kind for e in s.around.got[CustodyEvent]] == ["refused", "authenticated", "unlocked"]
    confirmed = s.wait_for(s.around.confirm.call_async(Confirm.Request(person="ada")))
    assert confirmed.is_heard
    canceling = s.wait_for(goal.cancel_goal_async())
    assert canceling.goals_canceling
    result = s.wait_for(goal.get_result_async())
    assert result.status == GoalStatus.STATUS_CANCELED
    assert result.result.report.outcome == MissionReport.OUTCOME_CANCELED
    s.until(lambda: s.around.is_locked)


class Operator:
    """A lidar that sees nothing, and a person who drives the robot by cmd_vel_teleop."""

    def __init__(self, stand: Stand, robot: RobotId, state_folder: Path) -> None:
        self.calls_for: float | None = None  # m/s
        self.driven: list[float] = []
        self._stand = stand
        self._seconds = 0.0
        node = stand.around
        self._teleop = node.create_publisher(Twist, f"/{robot}/cmd_vel_teleop", COMMAND)
        self._scan = node.create_publisher(LaserScan, f"/{robot}/scan", SENSOR)
        node.create_subscription(Twist, f"/{robot}/cmd_vel", lambda twist: self.driven.append(twist.linear.x), COMMAND)
        stand.add(
            SafetyNode(
                robot,
                overrides=[
                    Parameter("use_sim_time", value=True),
                    Parameter("state_folder", value=str(state_folder)),
                ],
            )
        )

    def until(self, condition: Callable[[], object]) -> None:
        self._stand.until(lambda: self._act() or condition())

    def for_seconds(self, seconds: float) -> None:
        end = self._stand.around.now_ns + seconds * 1e9
        self.until(lambda: self._stand.around.now_ns >= end)

    def _act(self) -> None:
        scan = LaserScan(angle_min=-math.pi, angle_max=math.pi, angle_increment=math.tau / 360, range_max=12.0)
        scan.ranges = array.array("f", [math.inf] * 360)
        scan.header.stamp = to_time(self._stand.around.now_ns)
        self._scan.publish(scan)
        if self.calls_for is not None:
            twist = Twist()
            twist.linear.x = self.calls_for
            self._teleop.publish(twist)


def test_a_person_takes_the_robot_by_teleop_and_leaves_it_and_the_mission_goes_on(stand, tmp_path):
    s = stand(GUIDE, SPOT)
    person = Operator(s, GUIDE, tmp_path)
    progress = s.around.got[RouteProgress]
    goal = s.send(chore_order(GUIDE, MissionKind.PARK, COUNTER))
    person.until(lambda: s.navigator.pose.pose.x > 2.0)
    person.calls_for = math.nan
    person.for_seconds(2.0)
    assert not any(message.is_by_hand or message.is_free for message in progress)
    person.calls_for = 0.4
    person.until(lambda: progress[-1].is_by_hand)
    person.until(lambda: person.driven[-1] == pytest.approx(0.4))
    assert progress[-1].is_free
    assert progress[-1].free_radius == pytest.approx(0.9)
    away = LevelPose(level=HALL, pose=Pose(x=3.0, y=3.0))
    s.navigator.place_at(away)
    person.until(lambda: progress[-1].free_pose.position.y == 3.0)
    assert list(progress[-1].held) == []
    told = len(progress)
    person.for_seconds(5.0)
    assert len(progress) - told >= 9
    assert s.navigator.pose == away
    assert s.around.got[MissionReport][-1].reason == "blocked: driven by hand"
    person.calls_for = None
    person.until(lambda: not progress[-1].is_by_hand)
    person.for_seconds(3.0)
    assert progress[-1].is_free  # off the lanes
    assert s.navigator.pose == away
    assert s.around.got[MissionReport][-1].reason.endswith("is not on the lane graph: drive it to a lane")
    person.calls_for = 0.4
    person.until(lambda: progress[-1].is_by_hand)
    s.navigator.place_at(dataclasses.replace(away, pose=Pose(x=0.1, y=3.0)))
    person.calls_for = None
    person.until(lambda: not progress[-1].is_free)
    assert list(progress[-1].held) in (["a", "n_kiosk"], ["n_kiosk", "a"])
    result = goal.get_result_async()
    person.until(result.done)
    assert result.result().status == GoalStatus.STATUS_SUCCEEDED

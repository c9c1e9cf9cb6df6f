"""The navigation node over DDS, in lockstep with a planar world: no step waits for the wall clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import rclpy
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import PoseWithCovarianceStamped, Twist
from nav2_msgs.action import NavigateThroughPoses, NavigateToPose
from nav_msgs.msg import OccupancyGrid, Odometry, Path
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from robot_ops_interfaces.msg import SafetyState
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import LaserScan
from tf2_msgs.msg import TFMessage

from robot_ops.core.errors import StateError
from robot_ops.core.ids import LevelId, NodeId, PlaceId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.missions.ports import NavigationStatus
from robot_ops.navigation.grid import LevelMap
from robot_ops.navigation.safety import HAND_SILENCE
from robot_ops.ros_nodes.conversions import from_twist, to_odometry, to_pose_stamped, to_scan, to_time
from robot_ops.ros_nodes.navigation_node import NavigationNode
from robot_ops.ros_nodes.navigator_client import ActionNavigator
from robot_ops.ros_nodes.qos import COMMAND, MESSAGES, SENSOR, STATE
from robot_ops.site.model import Level, Place, PlaceKind, Site
from robot_ops.site.model import Node as SiteNode
from robot_ops.tasks.routes import Waypoint
from robot_ops.testing.planar_drive import HALL, PlanarTags
from robot_ops.testing.planar_world import PlanarRobot, PlanarWorld, hall

ROBOT = "courier_1"
OFFICE = LevelId("office")
DESK = PlaceId("desk")
SIM_TIME = [Parameter("use_sim_time", value=True)]


def small_site() -> Site:
    node = SiteNode(id=NodeId("desk"), level=HALL, x=8.0, y=16.0)
    place = Place(
        id=DESK,
        kind=PlaceKind.DESK,
        node=node.id,
        label="Desk",
        yaw=math.pi / 2,
        tag=7,
        dock=Pose(x=8.0, y=16.55, yaw=math.pi / 2),
    )
    levels = {HALL: Level(id=HALL, elevation=0.0), OFFICE: Level(id=OFFICE, elevation=4.5)}
    return Site(
        name="small",
        title="Small",
        world_file=None,
        levels=levels,
        nodes={node.id: node},
        lanes={},
        places={DESK: place},
        doors={},
        lifts={},
        zones={},
        robots={},
        staff={},
    )


class Rig:
    """A planar world that takes cmd_vel_nav and cmd_vel_dock and answers with odometry and scans."""

    def __init__(self, context: Context, start: Pose, level_map: LevelMap) -> None:
        self.world: PlanarWorld = hall()
        self.robot = PlanarRobot(self.world, start, np.random.default_rng(0))
        self.robot.now_ns = 10 * 10**9
        tags = PlanarTags({7: Pose(x=8.0, y=17.2, yaw=math.pi / 2)})
        tags.robot = self.robot
        self.node = Node("rig", context=context, namespace=ROBOT, parameter_overrides=SIM_TIME)
        self.navigation = NavigationNode(
            ROBOT,
            site=small_site(),
            maps={HALL: level_map, OFFICE: level_map},
            start=LevelPose(level=HALL, pose=start),
            tags=tags,
            overrides=[*SIM_TIME, Parameter("radius", value=0.35), Parameter("max_speed", value=1.2)],
            context=context,
        )
        self.navigator = ActionNavigator(self.node, self.navigation)
        self.executor = EventsExecutor(context=context)
        self.executor.add_node(self.node)
        self.executor.add_node(self.navigation)
        self.commands: list[tuple[str, Twist]] = []
        self.least_clearance = math.inf
        self._scans_sent = 0
        self._clock = self.node.create_publisher(Clock, "/clock", 1)
        self._odom = self.node.create_publisher(Odometry, "odom", SENSOR)
        self._scan = self.node.create_publisher(LaserScan, "scan", SENSOR)
        for source in ("nav", "dock"):
            self.node.create_subscription(
                Twist, f"cmd_vel_{source}", lambda message, name=source: self.commands.append((name, message)), COMMAND
            )

    def step(self) -> None:
        """Advance the world by 0.1 s and let the nodes answer."""
        command = from_twist(self.commands[-1][1]) if self.commands else from_twist(Twist())
        for _ in range(2):
            self.robot.advance(command, 0.05)
            self._clock.publish(Clock(clock=to_time(self.robot.now_ns)))
            odometry = to_odometry(self.robot.odometry(), odom_frame=f"{ROBOT}/odom", base_frame=f"{ROBOT}/base_link")
            self._odom.publish(odometry)
            self.spin(3)
        self._scan.publish(to_scan(self.robot.scan(), frame=f"{ROBOT}/lidar_link"))
        self.spin(8)
        pose = self.robot.pose
        self.least_clearance = min(self.least_clearance, self.world.clearance(pose.x, pose.y))

    def spin(self, count: int) -> None:
        for _ in range(count):
            self.executor.spin_once(timeout_sec=0.002)

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        for _ in range(round(seconds * 10)):
            self.step()
            if until():
                return True
        return until()

    def has_ended(self) -> bool:
        return self.navigator.status is not NavigationStatus.ACTIVE

    def close(self) -> None:
        self.executor.shutdown()
        self.navigation.destroy_node()
        self.node.destroy_node()


@pytest.fixture(scope="module")
def level_map() -> LevelMap:
    return LevelMap.of(hall().grid())


@pytest.fixture
def rig_at(level_map: LevelMap) -> Iterator[Callable[[Pose], Rig]]:
    context = Context()
    rclpy.init(context=context)
    rigs: list[Rig] = []

    def make(start: Pose) -> Rig:
        rigs.append(Rig(context, start, level_map))
        assert rigs[-1].run(10, until=lambda: rigs[-1].navigator.pose is not None)
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()
    rclpy.shutdown(context=context)


def way(*points: tuple[float, float], limit: float = 1.2) -> list[Waypoint]:
    return [
        Waypoint(node=NodeId(f"n{index}"), level=HALL, x=x, y=y, speed_limit=limit)
        for index, (x, y) in enumerate(points)
    ]


def test_the_navigator_port_drives_extends_and_arrives(rig_at: Callable[[Pose], Rig]) -> None:
    rig = rig_at(Pose(x=3, y=2))
    rig.navigator.follow(way((3, 2), (8, 2)), final_yaw=None, speed_limit=1.2)
    assert rig.navigator.status is NavigationStatus.ACTIVE
    assert rig.run(15, until=lambda: rig.robot.pose.x > 5.5)
    speeds = []
    rig.navigator.follow(way((3, 2), (8, 2), (12, 2)), final_yaw=1.0, speed_limit=1.2)

    def is_past_the_seam() -> bool:
        speeds.append(rig.robot.twist.linear)
        return rig.robot.pose.x > 9

    assert rig.run(15, until=is_past_the_seam)
    assert min(speeds) > 0.6 * 1.2
    assert rig.run(30, until=rig.has_ended)
    assert rig.navigator.status is NavigationStatus.SUCCEEDED, rig.navigator.failure
    assert rig.robot.pose.distance_to(Pose(x=12, y=2)) < 0.13
    assert abs(rig.robot.pose.yaw - 1.0) < 0.15
    assert rig.least_clearance > 0.35
    rig.run(0.5)
    assert rig.commands[-1][1] == Twist()


def test_lane_speed_limits_and_stop(rig_at: Callable[[Pose], Rig]) -> None:
    rig = rig_at(Pose(x=3, y=2))
    rig.navigator.follow(way((3, 2), (12, 2), limit=0.4), final_yaw=None, speed_limit=1.2)
    rig.run(6)
    assert 0.3 < rig.robot.twist.linear < 0.42
    rig.navigator.stop()
    assert rig.navigator.status is NavigationStatus.IDLE
    rig.run(3)
    assert abs(rig.robot.twist.linear) < 0.01
    assert rig.robot.pose.x < 7


def test_docking_and_undocking_by_the_port(rig_at: Callable[[Pose], Rig]) -> None:
    rig = rig_at(Pose(x=8.05, y=15.95, yaw=1.3))
    rig.navigator.dock(DESK)
    assert rig.run(40, until=rig.has_ended)
    assert rig.navigator.status is NavigationStatus.SUCCEEDED, rig.navigator.failure
    assert rig.robot.pose.distance_to(Pose(x=8.0, y=16.55)) < 0.04
    assert {name for name, twist in rig.commands if twist != Twist()} == {"dock"}
    rig.navigator.undock(DESK)
    assert rig.run(40, until=rig.has_ended)
    assert rig.navigator.status is NavigationStatus.SUCCEEDED, rig.navigator.failure
    assert rig.robot.pose.distance_to(Pose(x=8.0, y=16.0)) < 0.08
    rig.navigator.dock(PlaceId("nowhere"))
    assert rig.navigator.status is NavigationStatus.FAILED
    assert "nowhere" in rig.navigator.failure


def test_the_lift_changes_the_level(rig_at: Callable[[Pose], Rig]) -> None:
    rig = rig_at(Pose(x=9, y=9))
    rig.navigator.enter_level(OFFICE)
    rig.run(1)
    assert rig.navigator.pose is not None
    assert rig.navigator.pose.level == OFFICE
    with pytest.raises(StateError):
        rig.navigator.enter_level(LevelId("cellar"))


def test_nav2_clients_get_feedback_results_and_preemption(rig_at: Callable[[Pose], Rig]) -> None:
    rig = rig_at(Pose(x=3, y=2))
    to_pose = ActionClient(rig.node, NavigateToPose, "navigate_to_pose")
    through = ActionClient(rig.node, NavigateThroughPoses, "navigate_through_poses")
    assert rig.run(5, until=lambda: to_pose.server_is_ready() and through.server_is_ready())
    feedback: list[NavigateToPose.Feedback] = []

    def goal(x: float, y: float, frame: str = "map") -> NavigateToPose.Goal:
        return NavigateToPose.Goal(pose=to_pose_stamped(Pose(x=x, y=y), frame=frame, stamp_ns=0))

    refused = to_pose.send_goal_async(goal(1.0, 1.0, "odom"))
    empty = through.send_goal_async(NavigateThroughPoses.Goal())
    assert rig.run(5, until=lambda: refused.done() and empty.done())
    assert not refused.result().accepted
    assert not empty.result().accepted

    first = to_pose.send_goal_async(goal(12, 2), feedback_callback=lambda message: feedback.append(message.feedback))
    assert rig.run(5, until=first.done)
    first_result = first.result().get_result_async()
    assert rig.run(20, until=lambda: rig.robot.pose.x > 6)
    second = to_pose.send_goal_async(goal(9, 2))
    assert rig.run(5, until=first_result.done)
    assert first_result.result().status == GoalStatus.STATUS_ABORTED
    assert "newer" in first_result.result().result.error_msg
    assert rig.robot.twist.linear > 0.8
    second_result = second.result().get_result_async()
    assert rig.run(20, until=second_result.done)
    assert second_result.result().status == GoalStatus.STATUS_SUCCEEDED
    assert second_result.result().result.error_code == NavigateToPose.Result.NONE
    assert feedback[0].distance_remaining > feedback[-1].distance_remaining > 0.0
    assert feedback[-1].current_pose.header.frame_id == "map"

    third = to_pose.send_goal_async(goal(3, 2))
    assert rig.run(5, until=third.done)
    third_result = third.result().get_result_async()
    rig.run(1)
    canceled = third.result().cancel_goal_async()
    assert rig.run(5, until=lambda: canceled.done() and third_result.done())
    assert third_result.result().status == GoalStatus.STATUS_CANCELED


def test_topics_for_everyone_else(rig_at: Callable[[Pose], Rig]) -> None:
    rig = rig_at(Pose(x=9, y=9, yaw=0.5))
    got: dict[str, object] = {}
    for name, kind, qos in (
        ("map", OccupancyGrid, STATE),
        ("plan", Path, MESSAGES),
        ("local_costmap", OccupancyGrid, MESSAGES),
        ("pose", PoseWithCovarianceStamped, MESSAGES),
        ("/tf", TFMessage, MESSAGES),
    ):
        rig.node.create_subscription(kind, name, lambda message, key=name: got.__setitem__(key, message), qos)
    rig.navigator.follow(way((9, 9), (14, 9)), final_yaw=None, speed_limit=0.2)
    assert rig.run(10, until=lambda: len(got) == 5)
    assert got["map"].info.width * got["map"].info.height == len(got["map"].data)
    assert len(got["plan"].poses) >= 2
    assert max(got["local_costmap"].data) <= 100
    transform = got["/tf"].transforms[0]
    assert (transform.header.frame_id, transform.child_frame_id) == ("map", f"{ROBOT}/odom")
    assert abs(transform.transform.translation.x - 9.0) < 0.1
    assert got["pose"].pose.covariance[0] > 0.0


def test_an_initial_pose_moves_the_estimate(rig_at: Callable[[Pose], Rig]) -> None:
    rig = rig_at(Pose(x=9, y=9))
    message = PoseWithCovarianceStamped()
    message.pose.pose.position.x, message.pose.pose.position.y = 9.2, 8.9
    message.pose.pose.orientation.w = 1.0
    publisher = rig.node.create_publisher(PoseWithCovarianceStamped, "initialpose", MESSAGES)
    assert rig.run(5, until=lambda: publisher.get_subscription_count() > 0)
    publisher.publish(message)
    assert rig.run(5, until=lambda: rig.navigator.pose is None)
    assert rig.run(10, until=lambda: rig.navigator.pose is not None)
    assert rig.navigator.pose is not None
    assert rig.navigator.pose.pose.distance_to(rig.robot.pose) < 0.05


def test_it_calls_for_a_standstill_while_a_person_drives_and_goes_on_after(rig_at: Callable[[Pose], Rig]) -> None:
    rig = rig_at(Pose(x=3, y=2))
    safety = rig.node.create_publisher(SafetyState, "safety_state", STATE)
    rig.navigator.follow(way((3, 2), (8, 2)), final_yaw=None, speed_limit=1.2)
    assert rig.run(10, until=lambda: rig.robot.pose.x > 4.0)
    safety.publish(SafetyState(state=SafetyState.STATE_DRIVING, source="teleop"))
    assert rig.run(2, until=lambda: rig.commands[-1][1].linear.x == 0.0)
    count = len(rig.commands)
    rig.run(HAND_SILENCE - 0.7)
    assert all(twist == Twist() for _, twist in rig.commands[count:])
    assert rig.run(20, until=rig.has_ended)
    assert rig.navigator.status is NavigationStatus.SUCCEEDED

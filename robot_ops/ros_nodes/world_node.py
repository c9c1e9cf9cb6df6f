"""A simulated world as a ROS node: the robots' drivers, the building's doors and lifts, and /clock.

Out: /clock, /tf, /tf_static, /door_states, /lift_states, /world/people, /world/statistics; per robot odom, scan,
     camera/*/image and camera_info (while somebody listens), battery_state, compartments
In:  /door_requests, /lift_requests; per robot cmd_vel, lock_command

The node steps the world in a timer of its executor, so one thread owns the world.
"""

import dataclasses
from collections.abc import Sequence
from typing import Final

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from robot_ops_interfaces.msg import DoorRequest, DoorState, LiftRequest, LiftState, PersonTrackArray
from robot_ops_interfaces.msg import PersonTrack as PersonTrackMsg
from robot_ops_interfaces.msg import WorldStatistics as WorldStatisticsMsg
from rosgraph_msgs.msg import Clock as ClockMsg
from tf2_msgs.msg import TFMessage

from robot_ops.core.clock import NS_PER_S, seconds_between
from robot_ops.core.errors import StateError
from robot_ops.core.ids import DoorId, LevelId, LiftId
from robot_ops.core.world import DoorPosition, LiftReading, PersonPose
from robot_ops.ros_nodes.conversions import texts, to_time
from robot_ops.ros_nodes.pacing import Pacer, Rhythm
from robot_ops.ros_nodes.parameters import declare, parameter
from robot_ops.ros_nodes.qos import MESSAGES, SENSOR, STATE
from robot_ops.ros_nodes.world_port import PeopleOfWorld, SimulatedWorld
from robot_ops.ros_nodes.world_robot import WorldRobot
from robot_ops.site.model import Site

_TICK: Final = 0.02  # s of simulated time between two looks at what is due
_BUILDING_PERIOD: Final = 0.5  # s; and on change
_BATTERY_PERIOD: Final = 1.0  # s
_PEOPLE_PERIOD: Final = 0.2  # s
_STATISTICS_PERIOD: Final = 1.0  # s
_PEOPLE_STEP: Final = 0.1  # s between two steps of the people

_DOOR_STATES: Final = {
    DoorPosition.CLOSED: DoorState.CLOSED,
    DoorPosition.MOVING: DoorState.MOVING,
    DoorPosition.OPEN: DoorState.OPEN,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WorldParameters:
    """Parameters of the world node. Rates are in Hz of simulated time."""

    speed: float = parameter(1.0, "Simulated seconds per real second, if the machine can.", low=0.05, high=100.0)
    odom_rate: float = parameter(20.0, "Rate of odom and /tf.", low=1.0, high=50.0)
    scan_rate: float = parameter(10.0, "Rate of scan.", low=1.0, high=50.0)
    front_rate: float = parameter(2.0, "Rate of the front cameras.", low=0.1, high=30.0)
    rear_rate: float = parameter(3.0, "Rate of the rear cameras.", low=0.1, high=30.0)
    compartment_rate: float = parameter(1.0, "Rate of the compartment cameras.", low=0.1, high=30.0)

    def camera_rate(self, camera: str) -> float:
        """Return the rate of a camera by its name; others than the known ones share the compartment's."""
        return {"front": self.front_rate, "rear": self.rear_rate}.get(camera, self.compartment_rate)


class WorldNode(Node):
    """Steps a world and speaks for it.

    Args:
        world: entered already; this node is its only user from now on, `people` apart.
        site: that the world is of.
        people: who walks about; nobody when None.
        overrides: parameters, before those on the command line.
    """

    def __init__(
        self,
        world: SimulatedWorld,
        *,
        site: Site,
        people: PeopleOfWorld | None = None,
        overrides: Sequence[Parameter] = (),
    ) -> None:
        super().__init__("world", parameter_overrides=list(overrides))
        self._world = world
        self._people = people
        self._parameters = declare(self, WorldParameters)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._pacer = Pacer(_TICK, self._parameters.speed)
        self._start_wall_ns: int | None = None
        self._doors: dict[DoorId, DoorPosition | None] = dict.fromkeys(site.doors)
        self._lifts: dict[LiftId, LiftReading | None] = dict.fromkeys(site.lifts)
        self._walking: tuple[PersonPose, ...] = ()
        self._robots = {robot: WorldRobot(self, world, robot) for robot in world.robots}
        self._make_rhythms()
        self._make_topics()
        self._transforms_static.publish(
            TFMessage(transforms=[t for robot in self._robots.values() for t in robot.static_transforms()])
        )
        self.create_timer(self._pacer.period, self._on_timer, clock=self._steady)

    @property
    def real_time_factor(self) -> float:
        """Return simulated per real time since the first step, 0 before."""
        wall = self._wall_time()
        return self._world.now_ns / NS_PER_S / wall if wall > 0 else 0.0

    def _make_rhythms(self) -> None:
        p, count = self._parameters, max(1, len(self._robots))
        phases = {robot: index / count for index, robot in enumerate(self._robots)}
        self._odometry_rhythm = Rhythm(1 / p.odom_rate)
        self._scan_rhythms = {robot: Rhythm(1 / p.scan_rate, phase) for robot, phase in phases.items()}
        self._image_rhythms = {
            (robot, camera): Rhythm(1 / p.camera_rate(camera), phases[robot])
            for robot, topics in self._robots.items()
            for camera in topics.cameras
        }
        self._battery_rhythm = Rhythm(_BATTERY_PERIOD)
        self._compartment_rhythm = Rhythm(_BUILDING_PERIOD)
        self._building_rhythm = Rhythm(_BUILDING_PERIOD)
        self._people_rhythm = Rhythm(_PEOPLE_PERIOD)
        self._people_steps = Rhythm(_PEOPLE_STEP)
        self._statistics_rhythm = Rhythm(_STATISTICS_PERIOD)

    def _make_topics(self) -> None:
        self._clock_topic = self.create_publisher(ClockMsg, "/clock", SENSOR)
        self._transforms = self.create_publisher(TFMessage, "/tf", MESSAGES)
        self._transforms_static = self.create_publisher(TFMessage, "/tf_static", STATE)
        self._door_topic = self.create_publisher(DoorState, "/door_states", _latched(len(self._doors)))
        self._lift_topic = self.create_publisher(LiftState, "/lift_states", _latched(len(self._lifts)))
        self._people_topic = self.create_publisher(PersonTrackArray, "/world/people", STATE)
        self._statistics_topic = self.create_publisher(WorldStatisticsMsg, "/world/statistics", STATE)
        self.create_subscription(DoorRequest, "/door_requests", self._on_door, MESSAGES)
        self.create_subscription(LiftRequest, "/lift_requests", self._on_lift, MESSAGES)

    def _wall_time(self) -> float:
        if self._start_wall_ns is None:
            return 0.0
        return seconds_between(self._start_wall_ns, int(self._steady.now().nanoseconds))

    def _on_timer(self) -> None:
        """Make up for the real time that has passed."""
        now_ns = int(self._steady.now().nanoseconds)
        if self._start_wall_ns is None:
            self._start_wall_ns = now_ns
        for _ in range(self._pacer.ticks_due(now_ns)):
            self.tick()

    def tick(self) -> None:
        """Let a fiftieth of a simulated second pass and tell what is due."""
        self._world.step(_TICK)
        now_ns = self._world.now_ns
        self._clock_topic.publish(ClockMsg(clock=to_time(now_ns)))
        if self._people is not None and self._people_steps.is_due(now_ns):
            truths = {robot: self._world.truth(robot) for robot in self._robots}
            self._walking = tuple(self._people.step(now_ns, truths))
            self._world.set_people(self._walking)
        self._tell_robots(now_ns)
        self._tell_building(is_due=self._building_rhythm.is_due(now_ns))
        if self._people_rhythm.is_due(now_ns):
            self._tell_people()
        if self._statistics_rhythm.is_due(now_ns):
            self._tell_statistics()

    def _tell_robots(self, now_ns: int) -> None:
        if self._odometry_rhythm.is_due(now_ns):
            self._transforms.publish(TFMessage(transforms=[r.publish_odometry() for r in self._robots.values()]))
        for robot, rhythm in self._scan_rhythms.items():
            if rhythm.is_due(now_ns):
                self._robots[robot].publish_scan()
        for (robot, camera), rhythm in self._image_rhythms.items():
            if rhythm.is_due(now_ns):
                self._robots[robot].publish_image(camera)
        is_battery_due = self._battery_rhythm.is_due(now_ns)
        are_compartments_due = self._compartment_rhythm.is_due(now_ns)
        for topics in self._robots.values():
            if is_battery_due:
                topics.publish_battery()
            topics.publish_compartments(is_due=are_compartments_due)

    def _tell_building(self, *, is_due: bool) -> None:
        stamp = to_time(self._world.now_ns)
        for door, told in self._doors.items():
            position = self._world.door_state(door)
            if is_due or position is not told:
                self._doors[door] = position
                self._door_topic.publish(DoorState(stamp=stamp, door=str(door), state=_DOOR_STATES[position]))
        for lift, lift_told in self._lifts.items():
            reading = self._world.lift_state(lift)
            if is_due or reading != lift_told:
                self._lifts[lift] = reading
                self._lift_topic.publish(
                    LiftState(
                        stamp=stamp,
                        lift=str(lift),
                        level=str(reading.level),
                        is_open=reading.is_open,
                        session=reading.session,
                    )
                )

    def _tell_people(self) -> None:
        stamp = to_time(self._world.now_ns)
        message = PersonTrackArray(stamp=stamp)
        message.tracks = [
            PersonTrackMsg(
                track_id=int(person.number),
                level=str(person.at.level),
                x=float(person.at.pose.x),
                y=float(person.at.pose.y),
                vx=float(person.vx),
                vy=float(person.vy),
                is_confirmed=True,
                stamp=stamp,
            )
            for person in self._walking
        ]
        self._people_topic.publish(message)

    def _tell_statistics(self) -> None:
        statistics = self._world.statistics()
        self._statistics_topic.publish(
            WorldStatisticsMsg(
                stamp=to_time(self._world.now_ns),
                sim_time=self._world.now_ns / NS_PER_S,
                wall_time=self._wall_time(),
                robot_robot_collisions=int(statistics.robot_robot_collisions),
                robot_person_collisions=int(statistics.robot_person_collisions),
                robot_world_collisions=int(statistics.robot_world_collisions),
                least_robot_robot=float(statistics.least_robot_robot),
                least_robot_person=float(statistics.least_robot_person),
                robots=texts(list(statistics.distances)),
                distances=[float(distance) for distance in statistics.distances.values()],
            )
        )

    def _on_door(self, message: DoorRequest) -> None:
        try:
            self._world.request_door(DoorId(message.door), message.requester, bool(message.is_needed))
        except StateError as error:
            self.get_logger().warning(f"door request is ignored: {error}", throttle_duration_sec=5.0)

    def _on_lift(self, message: LiftRequest) -> None:
        try:
            self._world.request_lift(
                LiftId(message.lift), message.session, LevelId(message.level), bool(message.is_needed)
            )
        except StateError as error:
            self.get_logger().warning(f"lift request is ignored: {error}", throttle_duration_sec=5.0)


def _latched(count: int) -> QoSProfile:
    """Return whole state of several things on one topic: a late subscriber gets the latest of all."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=max(1, count),
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )

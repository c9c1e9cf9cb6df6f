"""The safety of one robot as a ROS node, in a process of its own: nothing else writes cmd_vel.

In:  cmd_vel_nav, cmd_vel_dock, cmd_vel_teleop (geometry_msgs/Twist), scan (sensor_msgs/LaserScan), odom
     (nav_msgs/Odometry), service set_stop (SetStop)
Out: cmd_vel (geometry_msgs/Twist; 20 Hz while moving, zero at 5 Hz while standing), safety_state (SafetyState; 5 Hz and
     on change), /diagnostics (once per second)

A source that is held by a latched stop must call for zero (or be silent for a second) after the release before its
commands count again; see robot_ops.navigation.safety.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import Twist as TwistMsg
from nav_msgs.msg import Odometry as OdometryMsg
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.subscription import Subscription
from robot_ops_interfaces.msg import SafetyState as SafetyStateMsg
from robot_ops_interfaces.srv import SetStop
from sensor_msgs.msg import LaserScan as LaserScanMsg

from robot_ops.core.poses import STANDSTILL, Pose
from robot_ops.navigation.safety import SafetyController, SafetyLimits, SafetyOutput
from robot_ops.navigation.safety_states import SafetyState, Source
from robot_ops.ros_nodes.clock import RosClock
from robot_ops.ros_nodes.conversions import from_scan, from_twist, to_time, to_twist
from robot_ops.ros_nodes.parameters import declare, parameter
from robot_ops.ros_nodes.qos import COMMAND, MESSAGES, SENSOR, STATE
from robot_ops.ros_nodes.runtime import ros, spin
from robot_ops.ros_nodes.stop_latch import StopLatch
from robot_ops.site.model import RobotModel

_STATES: Final = {
    SafetyState.IDLE: SafetyStateMsg.STATE_IDLE,
    SafetyState.DRIVING: SafetyStateMsg.STATE_DRIVING,
    SafetyState.SLOWED: SafetyStateMsg.STATE_SLOWED,
    SafetyState.BLOCKED: SafetyStateMsg.STATE_BLOCKED,
    SafetyState.SENSOR_FAULT: SafetyStateMsg.STATE_SENSOR_FAULT,
    SafetyState.STOPPED: SafetyStateMsg.STATE_STOPPED,
}
_LEVELS: Final = {
    SafetyState.IDLE: DiagnosticStatus.OK,
    SafetyState.DRIVING: DiagnosticStatus.OK,
    SafetyState.SLOWED: DiagnosticStatus.OK,
    SafetyState.BLOCKED: DiagnosticStatus.WARN,
    SafetyState.SENSOR_FAULT: DiagnosticStatus.ERROR,
    SafetyState.STOPPED: DiagnosticStatus.WARN,
}
_STEP: Final = 0.05  # s
_STEPS_PER_STATE: Final = 4  # safety_state, and cmd_vel while standing, go out at 5 Hz
_STEPS_PER_DIAGNOSTICS: Final = 20
_DEFAULT: Final = SafetyLimits()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SafetyParameters:
    """Parameters of the safety node; their meanings are those of `SafetyLimits`."""

    radius: float = parameter(_DEFAULT.radius, "Radius of the footprint around base_link, m.", low=0.05, high=2.0)
    max_speed: float = parameter(_DEFAULT.max_speed, "Greatest speed, m/s.", low=0.0, high=3.0)
    teleop_speed: float = parameter(_DEFAULT.teleop_speed, "Greatest speed by hand, m/s.", low=0.0, high=3.0)
    dock_speed: float = parameter(_DEFAULT.dock_speed, "Greatest speed while docking, m/s.", low=0.0, high=0.5)
    max_yaw_rate: float = parameter(_DEFAULT.max_yaw_rate, "Greatest yaw rate, rad/s.", low=0.0, high=6.0)
    max_acceleration: float = parameter(_DEFAULT.max_acceleration, "Speeding up, m/s^2.", low=0.05, high=5.0)
    max_deceleration: float = parameter(_DEFAULT.max_deceleration, "What the brakes hold, m/s^2.", low=0.1, high=10.0)
    max_yaw_acceleration: float = parameter(_DEFAULT.max_yaw_acceleration, "rad/s^2.", low=0.1, high=20.0)
    margin: float = parameter(_DEFAULT.margin, "Kept free around the footprint, m.", low=0.0, high=1.0)
    dock_margin: float = parameter(_DEFAULT.dock_margin, "The same while docking, m.", low=0.0, high=1.0)
    standoff: float = parameter(_DEFAULT.standoff, "Kept free ahead besides, m.", low=0.0, high=2.0)
    near_distance: float = parameter(_DEFAULT.near_distance, "What is nearer slows the robot, m.", low=0.0, high=3.0)
    near_speed: float = parameter(_DEFAULT.near_speed, "Greatest speed near something, m/s.", low=0.05, high=3.0)
    creep_speed: float = parameter(_DEFAULT.creep_speed, "Speed out of the margin, m/s.", low=0.02, high=0.3)
    creep_yaw_rate: float = parameter(_DEFAULT.creep_yaw_rate, "Yaw rate in the margin, rad/s.", low=0.05, high=2.0)
    latency: float = parameter(_DEFAULT.latency, "From the lidar's look to the brakes' grip, s.", low=0.0, high=1.0)
    command_timeout: float = parameter(_DEFAULT.command_timeout, "Older commands do not count, s.", low=0.05, high=2.0)
    scan_timeout: float = parameter(_DEFAULT.scan_timeout, "Older scans do not count, s.", low=0.1, high=2.0)
    rearm_silence: float = parameter(
        _DEFAULT.rearm_silence, "Silence that ends a call for motion, s.", low=0.3, high=10.0
    )
    lidar_x: float = parameter(0.0, "Position of the lidar in base_link, m.", low=-2.0, high=2.0)
    lidar_y: float = parameter(0.0, "Position of the lidar in base_link, m.", low=-2.0, high=2.0)
    lidar_yaw: float = parameter(0.0, "Heading of the lidar in base_link, rad.", low=-3.1416, high=3.1416)
    state_folder: str = parameter("~/.ros/robot_ops", "Folder that keeps a latched stop over a restart.")

    def __post_init__(self) -> None:
        self.limits()  # refuses values that do not go together

    def limits(self) -> SafetyLimits:
        """Return the limits among them."""
        return SafetyLimits(**{field.name: getattr(self, field.name) for field in dataclasses.fields(SafetyLimits)})


def parameters_of(model: RobotModel) -> list[Parameter]:
    """Return the parameters that a robot's build settles, to be handed to `SafetyNode` as overrides."""
    return [
        Parameter(name, value=float(getattr(model, name)))
        for name in ("radius", "max_speed", "max_acceleration", "max_deceleration", "max_yaw_rate")
    ]


class SafetyNode(Node):
    """Feeds the safety state machine and speaks for it.

    Args:
        namespace: the robot's id; a remapping `__ns:=` on the command line goes before it.
        overrides: parameters, before those on the command line.

    Raises:
        ParameterError: a parameter is wrong.
    """

    def __init__(self, namespace: str = "", *, overrides: Sequence[Parameter] = ()) -> None:
        super().__init__("safety", namespace=namespace, parameter_overrides=list(overrides))
        parameters = declare(self, SafetyParameters)
        self._lidar = Pose(x=parameters.lidar_x, y=parameters.lidar_y, yaw=parameters.lidar_yaw)
        robot = self.get_namespace().strip("/").replace("/", ".") or "robot"
        self._latch = StopLatch(Path(parameters.state_folder).expanduser() / f"{robot}.stop.json")
        stopped_by = self._latch.load()
        self._controller = SafetyController(parameters.limits(), stopped_by=stopped_by)
        if stopped_by:
            self.get_logger().warning(f"{robot} comes up stopped: by {', '.join(stopped_by)}; release it to go on")
        self._clock_ns = RosClock(self).now_ns
        self._steps = 0
        self._is_moving = False
        self._shown: object = None
        self._output: SafetyOutput | None = None
        self._refused_commands = 0
        self._broken_scans = 0
        self._cmd_vel = self.create_publisher(TwistMsg, "cmd_vel", COMMAND)
        self._state = self.create_publisher(SafetyStateMsg, "safety_state", STATE)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", MESSAGES)
        # No executor spins the inputs: each step takes what has come. A callback per message would cost as much again.
        self._inputs = Node(
            "safety_inputs",
            namespace=namespace,
            start_parameter_services=False,
            enable_rosout=False,
        )
        self._calls = {
            source: self._inputs.create_subscription(TwistMsg, f"cmd_vel_{source.value}", _not_called, COMMAND)
            for source in Source
        }
        self._scans = self._inputs.create_subscription(LaserScanMsg, "scan", _not_called, SENSOR)
        self._odometry = self._inputs.create_subscription(OdometryMsg, "odom", _not_called, SENSOR)
        self.create_service(SetStop, "set_stop", self._on_set_stop)
        self.create_timer(_STEP, self._on_timer)

    def destroy_node(self) -> None:
        """Tell the wheels to stand, and destroy the node and its inputs."""
        if self.context.ok():
            self._cmd_vel.publish(to_twist(STANDSTILL))
        self._inputs.destroy_node()
        super().destroy_node()

    def _take_inputs(self) -> None:
        now_ns = self._clock_ns()
        is_called = False
        for source, subscription in self._calls.items():
            twist = _take(subscription)
            if twist is None:
                continue
            is_called = True
            if not self._controller.command(source, twist.linear.x, twist.angular.z, now_ns):
                self._refused_commands += 1
                self.get_logger().error(
                    f"refused a command of {source.value} that is not a number", throttle_duration_sec=5.0
                )
        # Nobody asks where the way is free while the robot stands uncalled; that the lidar lives is enough.
        if is_called or self._is_moving or self._steps % _STEPS_PER_STATE == 0:
            self._take_sensors(now_ns)

    def _take_sensors(self, now_ns: int) -> None:
        scan = _take(self._scans)
        if scan is not None and not self._controller.scan(from_scan(scan, self._lidar), now_ns):
            self._broken_scans += 1
            self.get_logger().error("refused a scan with too few valid rays", throttle_duration_sec=5.0)
        odometry = _take(self._odometry)
        if odometry is not None:
            try:
                self._controller.odometry(from_twist(odometry.twist.twist), now_ns)
            except ValueError:
                return  # the last output stands in for the measured speed

    def _on_set_stop(self, request: SetStop.Request, response: SetStop.Response) -> SetStop.Response:
        operator = request.operator_id.strip()
        if request.is_engaged:
            self._controller.engage(operator or "unknown")
            self._step()
            response.text = self._keep(self._controller.stopped_by, "stopped")
        elif not operator:
            response.text = "a release needs the operator's name"
        else:
            response.text = self._keep((), f"released by {operator}")
            if not self._latch.load():
                self._controller.release(self._clock_ns())
                self._step()
        response.is_stopped = bool(self._controller.stopped_by)
        self.get_logger().info(f"stop asked for by {operator or 'unknown'}: {response.text}")
        return response

    def _keep(self, stopped_by: tuple[str, ...], done: str) -> str:
        """Write the latch and return what to tell the operator."""
        try:
            self._latch.save(stopped_by)
        except OSError as error:
            self.get_logger().error(f"the latched stop cannot be kept in {self._latch.path}: {error}")
            return f"{'stopped' if stopped_by else 'not released'}; {self._latch.path} cannot be written: {error}"
        return done

    def _on_timer(self) -> None:
        self._steps += 1
        self._take_inputs()
        self._step()
        if self._steps % _STEPS_PER_DIAGNOSTICS == 0:
            self._diagnose()

    def _step(self) -> None:
        now_ns = self._clock_ns()
        output = self._controller.step(now_ns)
        self._is_moving = output.twist != STANDSTILL
        shown = (output.state, output.source, output.stopped_by)
        is_due = shown != self._shown or self._steps % _STEPS_PER_STATE == 0
        if is_due or self._is_moving:
            self._cmd_vel.publish(to_twist(output.twist))
        if is_due:
            self._state.publish(_to_message(output, now_ns))
        self._shown, self._output = shown, output

    def _diagnose(self) -> None:
        output = self._output
        if output is None:
            return
        status = DiagnosticStatus(
            level=_LEVELS[output.state],
            name=f"{self.get_namespace().strip('/')}: safety",
            message=output.reason or output.state.value,
            hardware_id=self.get_namespace().strip("/"),
            values=[
                KeyValue(key="state", value=output.state.value),
                KeyValue(key="refused_commands", value=str(self._refused_commands)),
                KeyValue(key="broken_scans", value=str(self._broken_scans)),
            ],
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = to_time(self._clock_ns())
        self._diagnostics.publish(message)


def _take(subscription: "Subscription[Any]") -> Any:
    """Return the latest message that has come since the last call, None for none (as rclpy.wait_for_message does)."""
    with subscription.handle:
        taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
    return None if taken is None else taken[0]


def _not_called(_message: object) -> None:
    """Be the callback that rclpy asks for; nothing spins these subscriptions."""


def _to_message(output: SafetyOutput, stamp_ns: int) -> SafetyStateMsg:
    return SafetyStateMsg(
        stamp=to_time(stamp_ns),
        state=_STATES[output.state],
        source=output.source.value if output.source else "",
        reason=output.reason,
        stopped_by=", ".join(output.stopped_by),
    )


def main() -> None:
    """Run one robot's safety; namespace and parameters come from the command line (--ros-args)."""
    with ros():
        spin(SafetyNode())


if __name__ == "__main__":
    main()

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.clock import to_ns
from robot_ops.core.poses import STANDSTILL, Pose, Twist
from robot_ops.core.sensors import LaserScan
from robot_ops.navigation.safety import SafetyController, SafetyLimits, SafetyOutput
from robot_ops.navigation.safety_states import MOVING, TRANSITIONS, Finding, SafetyState, Source
from robot_ops.navigation.swept_way import contact_distance, obstacle_points

LIMITS = SafetyLimits(radius=0.3, max_speed=1.1)
STEP_NS = to_ns(0.05)
ANGLES = np.arange(360) * math.tau / 360 - math.pi


def scan_of(robot: Pose, circles: list[tuple[float, float, float]], stamp_ns: int) -> LaserScan:
    """Look from the robot at circles (x, y, radius) in the map."""
    ranges = np.full(360, np.inf)
    ux, uy = np.cos(ANGLES + robot.yaw), np.sin(ANGLES + robot.yaw)
    for x, y, radius in circles:
        dx, dy = x - robot.x, y - robot.y
        along = dx * ux + dy * uy
        inside = radius**2 - (dx**2 + dy**2 - along**2)
        hits = along - np.sqrt(np.maximum(inside, 0.0))
        ranges = np.where((inside > 0) & (along > 0), np.minimum(ranges, np.maximum(hits, 0.01)), ranges)
    return LaserScan(
        stamp_ns=stamp_ns,
        pose_in_base=Pose(x=0, y=0),
        angle_min=-math.pi,
        angle_increment=math.tau / 360,
        range_min=0.01,
        range_max=12.0,
        ranges=ranges.astype(np.float32),
    )


class Drive:
    """A base that does what it is told, some steps late, among circles."""

    def __init__(self, controller: SafetyController, circles: list[tuple[float, float, float]] | None = None) -> None:
        self.controller = controller
        self.circles = circles or []
        self.pose = Pose(x=0, y=0)
        self.now_ns = to_ns(10.0)
        self.has_lidar = True
        self._pending: list[Twist] = [STANDSTILL]
        self._steps = 0

    def step(self, *commands: tuple[Source, float, float]) -> SafetyOutput:
        if self.has_lidar and self._steps % 2 == 0:
            assert self.controller.scan(scan_of(self.pose, self.circles, self.now_ns), self.now_ns)
        for source, linear, angular in commands:
            self.controller.command(source, linear, angular, self.now_ns)
        output = self.controller.step(self.now_ns)
        self._pending.append(output.twist)
        done = self._pending.pop(0)
        self.controller.odometry(done, self.now_ns)
        self.pose = self.pose.compose(Pose(x=done.linear * 0.05, y=0, yaw=done.angular * 0.05))
        self.now_ns += STEP_NS
        self._steps += 1
        return output

    def run(self, seconds: float, *commands: tuple[Source, float, float]) -> SafetyOutput:
        for _ in range(round(seconds / 0.05)):
            output = self.step(*commands)
        return output

    def gap(self) -> float:
        """Return the room between the footprint and the nearest circle."""
        return min(math.hypot(x - self.pose.x, y - self.pose.y) - r for x, y, r in self.circles) - LIMITS.radius


def drive(*circles: tuple[float, float, float], stopped_by: tuple[str, ...] = ()) -> Drive:
    return Drive(SafetyController(LIMITS, stopped_by=stopped_by), list(circles))


FORWARD = (Source.NAV, 1.0, 0.0)


def test_table_is_complete_and_stop_is_left_only_through_standing() -> None:
    assert set(TRANSITIONS) == {(state, finding) for state in SafetyState for finding in Finding}
    for (state, finding), successor in TRANSITIONS.items():
        if state in (SafetyState.STOPPED, SafetyState.SENSOR_FAULT):
            assert successor not in MOVING
        if finding is Finding.STOP_LATCHED:
            assert successor is SafetyState.STOPPED


def test_drives_freely_up_to_its_limit_without_jumps() -> None:
    robot = drive()
    speeds = [robot.step((Source.NAV, 2.0, 0.0)).twist.linear for _ in range(40)]
    assert speeds[-1] == pytest.approx(LIMITS.max_speed)
    assert max(np.diff(speeds)) <= LIMITS.max_acceleration * 0.05 + 1e-9
    slower = [robot.step((Source.NAV, 0.2, 0.0)).twist.linear for _ in range(40)]
    assert min(np.diff(slower)) >= -LIMITS.max_deceleration * 0.05 - 1e-9
    assert robot.step((Source.NAV, 0.2, 0.0)).state is SafetyState.DRIVING


def test_a_command_keeps_its_arc_when_it_is_bounded() -> None:
    robot = drive()
    twist = robot.run(3.0, (Source.NAV, 4.0, 2.0)).twist
    assert twist.angular / twist.linear == pytest.approx(0.5)


def test_stands_within_the_timeout_of_the_last_command() -> None:
    robot = drive()
    robot.run(2.0, FORWARD)
    assert robot.run(0.3).state is SafetyState.DRIVING
    output = robot.run(0.1)
    assert (output.state, output.twist) == (SafetyState.IDLE, STANDSTILL)


def test_teleop_beats_dock_beats_nav() -> None:
    robot = drive()
    nav, dock, teleop = (Source.NAV, 0.5, 0.0), (Source.DOCK, 0.1, 0.0), (Source.TELEOP, -0.3, 0.0)
    output = robot.run(1.0, nav, dock, teleop)
    assert output.source is Source.TELEOP
    assert output.twist.linear == pytest.approx(-0.3)
    output = robot.run(1.0, nav, dock)
    assert output.source is Source.DOCK
    assert output.twist.linear == pytest.approx(0.1)
    assert robot.run(1.0, nav).source is Source.NAV
    assert robot.run(1.0, nav, (Source.TELEOP, 0.0, 0.0)).twist == STANDSTILL


def test_docking_is_slow() -> None:
    assert drive().run(3.0, (Source.DOCK, 1.0, 0.0)).twist.linear == pytest.approx(LIMITS.dock_speed)


def test_stands_without_a_lidar_and_goes_on_when_it_is_back() -> None:
    robot = drive()
    robot.run(1.0, FORWARD)
    robot.has_lidar = False
    output = robot.run(0.7, FORWARD)
    assert (output.state, output.twist) == (SafetyState.SENSOR_FAULT, STANDSTILL)
    robot.has_lidar = True
    robot.step(FORWARD)
    assert robot.run(0.2, FORWARD).state is SafetyState.DRIVING


def test_a_scan_of_the_past_does_not_count() -> None:
    controller = SafetyController(LIMITS)
    controller.scan(scan_of(Pose(x=0, y=0), [], to_ns(1.0)), to_ns(5.0))
    controller.command(Source.NAV, 0.5, 0.0, to_ns(5.0))
    assert controller.step(to_ns(5.0)).state is SafetyState.SENSOR_FAULT


def test_broken_scans_do_not_count() -> None:
    whole = scan_of(Pose(x=0, y=0), [], 0)
    broken = whole.ranges.copy()
    broken[:200] = np.nan
    assert obstacle_points(_with(whole, broken)) is None
    assert obstacle_points(_with(whole, np.empty(0, np.float32))) is None
    for field in ("angle_min", "angle_increment", "range_min"):
        assert obstacle_points(replace(whole, **{field: math.nan})) is None


def test_too_close_to_measure_is_an_obstacle() -> None:
    whole = scan_of(Pose(x=0, y=0), [], 0)
    close = whole.ranges.copy()
    close[180] = -np.inf
    points = obstacle_points(_with(whole, close))
    assert points is not None
    assert points.tolist() == pytest.approx(np.array([[0.01, 0.0]]))


def _with(scan: LaserScan, ranges: "np.typing.NDArray[np.float32]") -> LaserScan:
    return LaserScan(
        stamp_ns=scan.stamp_ns,
        pose_in_base=scan.pose_in_base,
        angle_min=scan.angle_min,
        angle_increment=scan.angle_increment,
        range_min=scan.range_min,
        range_max=scan.range_max,
        ranges=ranges,
    )


def test_stops_before_a_person_and_waits() -> None:
    robot = drive((3.0, 0.0, 0.15))
    states = {robot.step(FORWARD).state for _ in range(140)}
    assert {SafetyState.DRIVING, SafetyState.SLOWED, SafetyState.BLOCKED} == states
    assert LIMITS.margin + LIMITS.standoff - 0.02 <= robot.gap() <= 0.35
    stood = robot.pose
    assert robot.run(2.0, FORWARD).state is SafetyState.BLOCKED
    assert robot.pose == stood
    robot.circles.clear()
    assert robot.run(2.0, FORWARD).state is SafetyState.DRIVING


def test_passes_what_is_beside_the_way_slowly() -> None:
    robot = drive((2.5, 0.55, 0.1))
    speeds = [robot.step(FORWARD).twist.linear for _ in range(140)]
    assert robot.pose.x > 4.0
    assert min(speeds[40:]) == pytest.approx(LIMITS.near_speed, abs=0.11)


def test_moves_only_away_from_what_is_within_the_field() -> None:
    ahead = (LIMITS.radius + 0.03 + 0.1, 0.0, 0.1)
    blocked = drive(ahead)
    assert blocked.run(1.0, FORWARD).state is SafetyState.BLOCKED
    assert blocked.pose == Pose(x=0, y=0)
    back = drive(ahead)
    speeds = [back.step((Source.NAV, -0.5, 0.0)).twist.linear for _ in range(60)]
    assert min(speeds[:8]) >= -LIMITS.creep_speed - 1e-9  # creeps out of the field ...
    assert min(speeds) == pytest.approx(-0.5)  # ... and is free then
    turning = drive(ahead)
    assert turning.run(1.0, (Source.NAV, 0.0, 1.0)).twist.angular == pytest.approx(LIMITS.creep_yaw_rate)


def test_touched_robots_do_not_turn() -> None:
    output = drive((0.3, 0.0, 0.1)).run(0.5, (Source.NAV, 0.0, 1.0))
    assert (output.state, output.twist) == (SafetyState.BLOCKED, STANDSTILL)


def test_docks_closer_than_it_drives() -> None:
    wall = (1.0 + 5.0, 0.0, 5.0)
    driven, docked = drive(wall), drive(wall)
    driven.run(15.0, (Source.NAV, 0.2, 0.0))
    docked.run(15.0, (Source.DOCK, 0.2, 0.0))
    assert driven.gap() > 0.16
    assert 0.05 <= docked.gap() < 0.08


def test_numbers_that_are_none_are_refused_and_told() -> None:
    robot = drive()
    robot.run(1.0, FORWARD)
    assert not robot.controller.command(Source.NAV, math.nan, 0.0, robot.now_ns)
    output = robot.step()
    assert (output.state, output.twist) == (SafetyState.IDLE, STANDSTILL)
    assert "nav sent a command that is not a number" in output.reason
    assert robot.run(0.2, FORWARD).state is SafetyState.DRIVING


def test_a_stop_is_immediate_and_holds_until_released() -> None:
    robot = drive()
    robot.run(2.0, FORWARD)
    robot.controller.engage("operator.ada")
    output = robot.step(FORWARD)
    assert (output.state, output.twist, output.stopped_by) == (SafetyState.STOPPED, STANDSTILL, ("operator.ada",))
    assert robot.run(5.0, FORWARD).state is SafetyState.STOPPED


def test_release_waits_for_every_source_to_stop_calling() -> None:
    robot = drive()
    robot.run(1.0, FORWARD)
    robot.controller.engage("ada")
    robot.run(1.0, FORWARD)
    assert robot.controller.release(robot.now_ns) == ("ada",)
    output = robot.run(5.0, FORWARD)
    assert (output.state, output.twist) == (SafetyState.IDLE, STANDSTILL)
    assert "just released: nav" in output.reason
    robot.step((Source.NAV, 0.0, 0.0))
    assert robot.run(0.5, FORWARD).state is SafetyState.DRIVING


def test_a_source_that_stood_during_the_stop_may_go_on() -> None:
    robot = drive()
    robot.run(1.0, FORWARD)
    robot.controller.engage("ada")
    robot.run(0.5, (Source.NAV, 0.0, 0.0))
    robot.controller.release(robot.now_ns)
    assert robot.run(0.5).twist == STANDSTILL
    assert robot.run(0.2, FORWARD).state is SafetyState.DRIVING


def test_a_source_that_a_new_process_hears_only_after_the_release_does_not_move_the_robot() -> None:
    robot = drive(stopped_by=("ada",))
    robot.run(0.5)
    robot.controller.release(robot.now_ns)
    assert robot.run(3.0, FORWARD).twist == STANDSTILL
    robot.run(1.1)
    assert robot.run(0.5, FORWARD).state is SafetyState.DRIVING


def test_release_counts_silence_as_the_end_of_a_call() -> None:
    robot = drive(stopped_by=("ada",))
    assert robot.step(FORWARD).state is SafetyState.STOPPED
    robot.controller.release(robot.now_ns)
    robot.run(LIMITS.rearm_silence + 0.1)
    assert robot.run(0.2, FORWARD).state is SafetyState.DRIVING


def test_a_disarmed_operator_still_holds_the_others_back() -> None:
    robot = drive(stopped_by=("ada",))
    robot.run(0.2, FORWARD, (Source.TELEOP, 0.3, 0.0))
    robot.controller.release(robot.now_ns)
    robot.step((Source.NAV, 0.0, 0.0))
    output = robot.run(1.0, FORWARD, (Source.TELEOP, 0.3, 0.0))
    assert (output.source, output.twist) == (Source.TELEOP, STANDSTILL)


def test_a_release_without_a_stop_changes_nothing() -> None:
    robot = drive()
    robot.run(1.0, FORWARD)
    assert robot.controller.release(robot.now_ns) == ()
    assert robot.step(FORWARD).state is SafetyState.DRIVING


@given(
    x=st.floats(0.4, 3.0),
    y=st.floats(-2.0, 2.0),
    linear=st.sampled_from([-0.8, -0.1, 0.1, 0.8]),
    angular=st.floats(-2.0, 2.0),
)
def test_contact_distance_is_where_the_disk_first_touches(x: float, y: float, linear: float, angular: float) -> None:
    found = contact_distance(np.array([[x, y]]), Twist(linear=linear, angular=angular), 0.35)
    length = np.arange(0.0, 4.0, 0.002) * math.copysign(1.0, linear)
    turned = angular / linear * length
    xs = np.where(np.abs(turned) > 1e-9, np.sin(turned) / np.where(turned == 0, 1, turned) * length, length)
    ys = np.where(np.abs(turned) > 1e-9, (1 - np.cos(turned)) / np.where(turned == 0, 1, turned) * length, 0.0)
    gaps = np.hypot(xs - x, ys - y) - 0.35
    within_a_turn = np.abs(turned) < math.tau
    if gaps[within_a_turn].min() > 0.003:
        assert found > abs(length[within_a_turn][-1]) - 0.01
    elif gaps.min() < -0.003:
        assert found == pytest.approx(abs(length[np.argmax(gaps <= 0)]), abs=0.02)


COMMANDS = st.tuples(st.sampled_from(Source), st.floats(-2.0, 2.0), st.floats(-3.0, 3.0))
CIRCLES = st.lists(
    st.tuples(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.floats(0.05, 0.5)).filter(
        lambda c: math.hypot(c[0], c[1]) - c[2] > LIMITS.radius + 0.01
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(circles=CIRCLES, commands=st.lists(COMMANDS, min_size=1, max_size=12))
def test_never_drives_into_anything(
    circles: list[tuple[float, float, float]], commands: list[tuple[Source, float, float]]
) -> None:
    robot = drive(*circles)
    for command in commands:
        for _ in range(20):
            robot.step(command)
            assert robot.gap() > 0.0


EVENTS = st.lists(
    st.one_of(
        st.just("engage"),
        st.just("release"),
        st.just("lidar off"),
        st.just("lidar on"),
        st.tuples(
            st.sampled_from(Source),
            st.one_of(st.floats(-3.0, 3.0), st.just(0.0), st.just(math.nan), st.just(math.inf)),
            st.one_of(st.floats(-3.0, 3.0), st.just(0.0)),
        ),
        st.integers(1, 30),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(events=EVENTS)
def test_nothing_moves_without_a_reason(events: list[str | int | tuple[Source, float, float]]) -> None:
    robot = drive((1.5, 0.3, 0.2))
    controller = robot.controller
    calls: dict[Source, tuple[float, float, int]] = {}
    last_calls: dict[Source, tuple[float, float, int]] = {}
    scan_ns: int | None = None
    released_calls: dict[Source, int] = {}  # sources that have called for motion only, since the release
    for event in events:
        commands: list[tuple[Source, float, float]] = []
        steps = 1
        match event:
            case "engage":
                controller.engage("ada")
            case "release":
                if controller.release(robot.now_ns):
                    released_calls = {
                        source: called_ns
                        for source, (linear, angular, called_ns) in last_calls.items()
                        if (linear, angular) != (0.0, 0.0) and robot.now_ns - called_ns < to_ns(LIMITS.rearm_silence)
                    }
                    calls.clear()
            case "lidar off":
                robot.has_lidar = False
            case "lidar on":
                robot.has_lidar = True
            case int():
                steps = event
            case (source, linear, angular):
                commands = [(source, linear, angular)]
                calls.pop(source, None)
                if math.isfinite(linear) and math.isfinite(angular):
                    calls[source] = last_calls[source] = (linear, angular, robot.now_ns)
                since_ns = released_calls.get(source)
                if since_ns is not None:
                    if linear == angular == 0.0 or robot.now_ns - since_ns >= to_ns(LIMITS.rearm_silence):
                        del released_calls[source]
                    elif math.isfinite(linear) and math.isfinite(angular):
                        released_calls[source] = robot.now_ns
        for _ in range(steps):
            now_ns = robot.now_ns
            if robot.has_lidar and robot._steps % 2 == 0:
                scan_ns = now_ns
            output = robot.step(*commands)
            commands = []
            assert abs(output.twist.linear) <= LIMITS.max_speed + 1e-9
            assert abs(output.twist.angular) <= LIMITS.max_yaw_rate + 1e-9
            if output.twist == STANDSTILL:
                continue
            assert output.state in MOVING
            assert controller.stopped_by == ()
            assert scan_ns is not None
            assert now_ns - scan_ns <= to_ns(LIMITS.scan_timeout)
            assert output.source is not None
            linear, angular, called_ns = calls[output.source]
            assert (linear, angular) != (0.0, 0.0)
            assert now_ns - called_ns <= to_ns(LIMITS.command_timeout)
            assert output.source not in released_calls
            assert linear * output.twist.linear >= 0.0
            assert abs(output.twist.linear) <= LIMITS.speed_of(output.source) + 1e-9


def test_limits_are_checked() -> None:
    with pytest.raises(ValueError, match="margin"):
        SafetyLimits(margin=math.nan)
    with pytest.raises(ValueError, match="radius"):
        SafetyLimits(radius=0.0)

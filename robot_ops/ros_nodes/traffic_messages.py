"""Between what robots, fleet and operators say about driving and robot_ops_interfaces' messages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from robot_ops_interfaces.msg import Clearance as ClearanceMsg
from robot_ops_interfaces.msg import RouteProgress as RouteProgressMsg
from robot_ops_interfaces.msg import TrafficRules as TrafficRulesMsg
from robot_ops_interfaces.msg import TrafficState, ZoneSpeed
from robot_ops_interfaces.msg import Wait as WaitMsg
from robot_ops_interfaces.msg import Waypoint as WaypointMsg
from robot_ops_interfaces.srv import SetTrafficRules

from robot_ops.core.errors import LinkError, RequestError
from robot_ops.core.ids import DoorId, LaneId, LevelId, LiftId, NodeId, PlaceId, RobotId, RouteId, ZoneId
from robot_ops.core.poses import LevelPose
from robot_ops.ros_nodes.conversions import from_pose, from_time, texts, to_pose, to_time
from robot_ops.tasks.routes import Clearance, RouteProgress, Waypoint
from robot_ops.tasks.rule_changes import RuleChange
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.waits import Wait

_ATTEMPTS: Final = 8
"""So often others may change the rules between our looking and our changing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficPicture:
    """What there is to see of traffic at one instant."""

    stamp_ns: int = 0
    clearances: tuple[Clearance, ...] = ()
    waits: tuple[Wait, ...] = ()
    rules: TrafficRules = field(default_factory=TrafficRules)


def to_waypoint(waypoint: Waypoint) -> WaypointMsg:
    """Return the waypoint as a message."""
    return WaypointMsg(
        node=str(waypoint.node),
        level=str(waypoint.level),
        x=float(waypoint.x),
        y=float(waypoint.y),
        speed_limit=float(waypoint.speed_limit),
        door=str(waypoint.door or ""),
        lift=str(waypoint.lift or ""),
    )


def from_waypoint(message: WaypointMsg) -> Waypoint:
    """Return the message's waypoint."""
    return Waypoint(
        node=NodeId(message.node),
        level=LevelId(message.level),
        x=message.x,
        y=message.y,
        speed_limit=message.speed_limit,
        door=DoorId(message.door) if message.door else None,
        lift=LiftId(message.lift) if message.lift else None,
    )


def to_clearance(clearance: Clearance) -> ClearanceMsg:
    """Return the clearance as a message."""
    return ClearanceMsg(
        stamp=to_time(clearance.stamp_ns),
        robot=str(clearance.robot),
        route_id=str(clearance.route_id),
        goal_seq=int(clearance.goal_seq),
        waypoints=[to_waypoint(waypoint) for waypoint in clearance.waypoints],
        cleared=int(clearance.cleared),
        waiting_for=clearance.waiting_for,
        is_recall=bool(clearance.is_recall),
        is_emergency=bool(clearance.is_emergency),
    )


def from_clearance(message: ClearanceMsg) -> Clearance:
    """Return the message's clearance.

    Raises:
        ValueError: it clears a waypoint that is not there, or one cannot be driven to.
    """
    return Clearance(
        robot=RobotId(message.robot),
        stamp_ns=from_time(message.stamp),
        route_id=RouteId(message.route_id),
        goal_seq=int(message.goal_seq),
        waypoints=tuple(from_waypoint(waypoint) for waypoint in message.waypoints),
        cleared=int(message.cleared),
        waiting_for=message.waiting_for,
        is_recall=bool(message.is_recall),
        is_emergency=bool(message.is_emergency),
    )


def to_progress(progress: RouteProgress) -> RouteProgressMsg:
    """Return the progress as a message."""
    message = RouteProgressMsg(
        stamp=to_time(progress.stamp_ns),
        robot=str(progress.robot),
        route_id=str(progress.route_id),
        reached=int(progress.reached),
        held=texts(progress.held),
        travelled=float(progress.travelled),
        goal=str(progress.goal or ""),
        goal_seq=int(progress.goal_seq),
        tail=float(progress.tail),
        is_free=progress.free is not None,
        free_radius=float(progress.free_radius),
        is_by_hand=bool(progress.is_by_hand),
    )
    if progress.free is not None:
        message.free_level, message.free_pose = str(progress.free.level), to_pose(progress.free.pose)
    return message


def from_progress(message: RouteProgressMsg) -> RouteProgress:
    """Return the message's progress.

    Raises:
        ValueError: its numbers cannot be.
    """
    free = None
    if message.is_free:
        free = LevelPose(level=LevelId(message.free_level), pose=from_pose(message.free_pose))
    return RouteProgress(
        robot=RobotId(message.robot),
        stamp_ns=from_time(message.stamp),
        route_id=RouteId(message.route_id),
        reached=int(message.reached),
        held=tuple(NodeId(node) for node in message.held),
        travelled=message.travelled,
        goal=PlaceId(message.goal) if message.goal else None,
        goal_seq=int(message.goal_seq),
        tail=message.tail,
        free=free,
        free_radius=message.free_radius,
        is_by_hand=bool(message.is_by_hand),
    )


def to_wait(wait: Wait) -> WaitMsg:
    """Return the wait as a message."""
    return WaitMsg(
        robot=str(wait.robot),
        waits_for=texts(wait.waits_for),
        blocks=texts(wait.blocks),
        text=wait.text,
        reason=wait.reason,
        since=to_time(wait.since_ns),
    )


def from_wait(message: WaitMsg) -> Wait:
    """Return the message's wait."""
    return Wait(
        robot=RobotId(message.robot),
        waits_for=tuple(RobotId(robot) for robot in message.waits_for),
        blocks=tuple(RobotId(robot) for robot in message.blocks),
        text=message.text,
        reason=message.reason,
        since_ns=from_time(message.since),
    )


def to_rules(rules: TrafficRules) -> TrafficRulesMsg:
    """Return the rules as a message, in alphabetical order."""
    return TrafficRulesMsg(
        closed_lanes=texts(sorted(rules.closed_lanes)),
        speed_limits=[
            ZoneSpeed(zone=str(zone), speed=float(speed)) for zone, speed in sorted(rules.speed_limits.items())
        ],
        is_emergency=bool(rules.is_emergency),
        absent_robots=texts(sorted(rules.absent_robots)),
    )


def from_rules(message: TrafficRulesMsg) -> TrafficRules:
    """Return the message's rules.

    Raises:
        ValueError: a speed limit is not a number above 0.
    """
    return TrafficRules(
        closed_lanes=frozenset(LaneId(lane) for lane in message.closed_lanes),
        speed_limits={ZoneId(limit.zone): limit.speed for limit in message.speed_limits},
        is_emergency=bool(message.is_emergency),
        absent_robots=frozenset(RobotId(robot) for robot in message.absent_robots),
    )


def to_traffic(
    clearances: Iterable[Clearance], waits: Iterable[Wait], rules: TrafficRules, stamp_ns: int
) -> TrafficState:
    """Return all that displays show of traffic as a message."""
    return TrafficState(
        stamp=to_time(stamp_ns),
        clearances=[to_clearance(clearance) for clearance in clearances],
        waits=[to_wait(wait) for wait in waits],
        rules=to_rules(rules),
    )


def from_traffic(message: TrafficState) -> TrafficPicture:
    """Return what the message shows.

    Raises:
        ValueError: a clearance or a speed limit cannot be.
    """
    return TrafficPicture(
        stamp_ns=from_time(message.stamp),
        clearances=tuple(from_clearance(clearance) for clearance in message.clearances),
        waits=tuple(from_wait(wait) for wait in message.waits),
        rules=from_rules(message.rules),
    )


def change_rules(
    change: RuleChange, operator: str, call: Callable[[SetTrafficRules.Request], SetTrafficRules.Response]
) -> TrafficRules:
    """Change the fleet's rules, whatever others change meanwhile, and return those in force then.

    Args:
        operator: who asks.
        call: sends the request to the fleet and waits for the answer.

    Raises:
        RequestError: the fleet refuses the rules.
        LinkError: it does not answer, or others do not stop changing the rules.
    """
    seen = TrafficRules()
    for _ in range(_ATTEMPTS):
        request = SetTrafficRules.Request(rules=to_rules(change(seen)), replaces=to_rules(seen), operator_id=operator)
        answer = call(request)
        if answer.is_accepted:
            return from_rules(answer.rules)
        if not answer.is_outdated:
            raise RequestError(answer.error)
        seen = from_rules(answer.rules)
    raise LinkError("the traffic rules are changed by others all the time")

"""The hall as JSON, in sections that change at different rates.

Instants are seconds of ROS time (nanoseconds would not fit the numbers of JavaScript), unmeasured numbers are null.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Final, assert_never

from robot_ops.core.clock import NS_PER_S
from robot_ops.dispatch.explanation import Explanation
from robot_ops.dispatch.ports import Alarm, HallView, PersonView, RobotView, TaskView
from robot_ops.tasks.requests import Accepted, DeliveryRequest, GuidanceRequest, TaskRequest
from robot_ops.tasks.routes import Clearance
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.waits import Wait

SECTIONS: Final = (
    "robots",
    "routes",
    "traffic",
    "people",
    "tasks",
    "open_count",
    "building",
    "alarms",
    "is_fleet_online",
)


def section_values(view: HallView) -> dict[str, Any]:
    """Return what each section is made of; a section is to be written anew when its value is not equal any more."""
    return {
        "robots": view.robots,
        "routes": [(robot.robot, robot.clearance) for robot in view.robots],
        "traffic": (view.waits, view.rules),
        "people": view.people,
        "tasks": view.tasks,
        "open_count": view.open_count,
        "building": (view.doors, view.lifts),
        "alarms": view.alarms,
        "is_fleet_online": view.is_fleet_online,
    }


def section(name: str, view: HallView) -> Any:
    """Return one section of the view, ready for JSON.

    Raises:
        KeyError: no such section.
    """
    match name:
        case "robots":
            return [robot_entry(robot) for robot in view.robots]
        case "routes":
            return {robot.robot: route_entry(robot.clearance) for robot in view.robots if robot.clearance is not None}
        case "traffic":
            return {"waits": [wait_entry(wait) for wait in view.waits], "rules": rules_entry(view.rules)}
        case "people":
            return [person_entry(person) for person in view.people]
        case "tasks":
            return [task_entry(task) for task in view.tasks]
        case "open_count":
            return view.open_count
        case "building":
            return {"doors": dict(view.doors), "lifts": dict(view.lifts)}
        case "alarms":
            return [alarm_entry(alarm) for alarm in view.alarms]
        case "is_fleet_online":
            return view.is_fleet_online
    raise KeyError(name)


def hall_entry(view: HallView) -> dict[str, Any]:
    """Return the whole view."""
    return {"stamp": seconds(view.stamp_ns), **{name: section(name, view) for name in SECTIONS}}


def encode(value: Any) -> str:
    """Return compact JSON.

    Raises:
        ValueError: a number is not finite.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def robot_entry(view: RobotView) -> dict[str, Any]:
    """Return a robot; `at` is null while it is not localized, `free` while it keeps to the lanes."""
    status = view.status
    entry: dict[str, Any] = {
        "id": view.robot,
        "kind": view.kind.value,
        "is_online": view.is_online,
        "phase": view.phase.value if view.phase else None,
        "task_id": view.task_id,
        "screen": view.screen,
        "safety": view.safety,
        "stopped_by": view.stopped_by,
        "waiting_for": view.clearance.waiting_for if view.clearance else "",
        "is_by_hand": view.is_by_hand,
        "free": None,
        "at": None,
        "speed": None,
        "battery_soc": None,
        "is_charging": False,
        "is_stopped": False,
        "cargo": [],
    }
    if view.free is not None:
        middle = view.free.pose
        entry["free"] = {
            "level": view.free.level,
            "x": round(middle.x, 2),
            "y": round(middle.y, 2),
            "radius": round(view.free_radius, 2),
        }
    if status is not None:
        entry["speed"] = number(status.speed, 2)
        entry["battery_soc"] = number(status.battery_soc, 3)
        entry["is_charging"] = status.is_charging
        entry["is_stopped"] = status.is_stopped
        entry["cargo"] = [name for name, is_occupied in status.compartments.items() if is_occupied]
        if status.at is not None:
            pose = status.at.pose
            entry["at"] = {
                "level": status.at.level,
                "x": round(pose.x, 2),
                "y": round(pose.y, 2),
                "yaw": round(pose.yaw, 3),
            }
    return entry


def route_entry(clearance: Clearance) -> dict[str, Any]:
    """Return an itinerary; the robot may drive until `points[cleared]`."""
    return {
        "cleared": clearance.cleared,
        "points": [[point.level, round(point.x, 2), round(point.y, 2)] for point in clearance.waypoints],
    }


def wait_entry(wait: Wait) -> dict[str, Any]:
    """Return a robot that cannot go on, and why."""
    return {
        "robot": wait.robot,
        "waits_for": list(wait.waits_for),
        "blocks": list(wait.blocks),
        "text": wait.text,
        "since": seconds(wait.since_ns),
    }


def rules_entry(rules: TrafficRules) -> dict[str, Any]:
    """Return what operators have imposed on traffic."""
    return {
        "closed_lanes": sorted(rules.closed_lanes),
        "speed_limits": dict(sorted(rules.speed_limits.items())),
        "absent_robots": sorted(rules.absent_robots),
        "is_emergency": rules.is_emergency,
    }


def person_entry(person: PersonView) -> list[Any]:
    """Return a person as [level, x, y]."""
    return [person.level, round(person.x, 2), round(person.y, 2)]


def task_entry(task: TaskView) -> dict[str, Any]:
    """Return a task."""
    return {
        "id": task.task_id,
        "status": task.status.value,
        "is_open": not task.status.is_final,
        "robot": task.robot,
        "phase": task.phase.value if task.phase else None,
        "reason": task.reason,
        "is_stranded": task.is_stranded,
        "key_robot": task.key_robot,
        "keeper": task.keeper,
        "submitted": seconds(task.submitted_ns),
        "started": optional_seconds(task.started_ns),
        "finished": optional_seconds(task.finished_ns),
        "estimated_finish": optional_seconds(task.estimated_finish_ns),
        "promised": optional_seconds(task.promised_ns),
        "request": request_entry(task.request),
    }


def request_entry(request: TaskRequest) -> dict[str, Any]:
    """Return a request, without its id: who repeats a request is told its codes again."""
    entry: dict[str, Any] = {
        "kind": request.kind.value,
        "pickup": request.pickup,
        "destination": request.destination,
        "priority": request.priority,
        "due": optional_seconds(request.due_ns),
    }
    match request:
        case GuidanceRequest():
            entry |= {"language": request.language, "party_size": request.party_size}
        case DeliveryRequest():
            entry |= {"sender": request.sender, "recipient": request.recipient, "document": request.document}
        case _:
            assert_never(request)
    return entry


def explanation_entry(explanation: Explanation) -> dict[str, Any]:
    """Return why a task has its robot; seconds from now, null where a robot cannot or nobody knows."""
    return {
        "task_id": explanation.task.task_id,
        # lines about single robots are told by the options
        "lines": [line for line in explanation.lines if not _is_about_option(line, explanation)],
        "options": [
            {
                "robot": option.robot,
                "is_chosen": option.is_chosen,
                "arrival": number(option.arrival, 0),
                "finish": number(option.finish, 0),
                "late": number(option.late, 0),
                "cost": number(option.cost, 0),
                "obstacle": option.obstacle,
            }
            for option in explanation.options
        ],
    }


def _is_about_option(line: str, explanation: Explanation) -> bool:
    return any(line.startswith(f"{option.robot}: ") for option in explanation.options)


def alarm_entry(alarm: Alarm) -> dict[str, Any]:
    """Return an alarm."""
    return {
        "id": alarm.alarm_id,
        "severity": alarm.severity,
        "text": alarm.text,
        "robot": alarm.robot,
        "since": seconds(alarm.since_ns),
    }


def accepted_entry(accepted: Accepted) -> Mapping[str, Any]:
    """Return the answer to a task that was accepted; codes are empty for guidance."""
    return {
        "task_id": accepted.task_id,
        "estimated_finish": seconds(accepted.estimated_finish_ns),
        "sender_code": accepted.sender_code,
        "recipient_code": accepted.recipient_code,
    }


def seconds(stamp_ns: int) -> float:
    """Return an instant in seconds, to the millisecond."""
    return round(stamp_ns / NS_PER_S, 3)


def optional_seconds(stamp_ns: int | None) -> float | None:
    """Return an instant in seconds, None for None."""
    return None if stamp_ns is None else seconds(stamp_ns)


def number(value: float, digits: int) -> float | None:
    """Return the number rounded, None where it is not finite."""
    return round(value, digits) if math.isfinite(value) else None

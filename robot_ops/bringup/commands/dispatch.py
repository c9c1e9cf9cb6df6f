"""`robot-ops dispatch`: see why a task has its robot, or when it will get one, and what the others would make of it."""

import argparse
import math
from typing import TYPE_CHECKING, Any

from robot_ops.bringup.output import add_json, say, show_json, show_table
from robot_ops.bringup.task_records import task_record
from robot_ops.core.ids import TaskId

if TYPE_CHECKING:
    from robot_ops.dispatch.explanation import Explanation, RobotOption


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    explain = actions.add_parser("explain", help="tell why this robot does a task, and what each other would cost")
    explain.add_argument("task", metavar="TASK", help="its id, as guide-000001")
    add_json(explain)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask."""
    from robot_ops.ros_nodes.fleet_client import FleetClient

    with FleetClient() as fleet:
        explanation = fleet.explain_dispatch(TaskId(arguments.task))
    if arguments.json:
        show_json(_record(explanation))
    else:
        _show(explanation)
    return 0


def _record(explanation: "Explanation") -> dict[str, Any]:
    return {
        "task": task_record(explanation.task),
        "options": [
            {
                "robot": option.robot,
                "is_chosen": option.is_chosen,
                "arrival_s": option.arrival,
                "finish_s": option.finish,
                "late_s": option.late,
                "cost_s": option.cost,
                "obstacle": option.obstacle or None,
            }
            for option in explanation.options
        ],
        "lines": list(explanation.lines),
    }


def _show(explanation: "Explanation") -> None:
    task, options = explanation.task, explanation.options
    robots = {f"{option.robot}: " for option in options}
    say(f"{task.task_id} is {task.status.value}: {task.request.pickup} -> {task.request.destination}")
    for line in explanation.lines:
        if not any(line.startswith(robot) for robot in robots):  # those are the table
            say(line)
    if options:
        columns = ["robot", "at the pickup in", "done in", "late", "costs more", "why not"]
        show_table("What each robot would make of it", columns, [_row(option) for option in options])


def _row(option: "RobotOption") -> tuple[str, ...]:
    cost = "the choice" if option.is_chosen else _seconds(option.cost)
    late = _seconds(option.late) if option.late > 0.0 else "-"
    return (option.robot, _seconds(option.arrival), _seconds(option.finish), late, cost, option.obstacle or "-")


def _seconds(value: float) -> str:
    return f"{value:.0f} s" if math.isfinite(value) else "-"

"""Open tasks and robots as arrays for the compiled search: every task is one stop, done as a whole."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from robot_ops.allocation.estimates import RESERVE_SOC, TRAFFIC_FACTOR, energy, service_times, trip_speed
from robot_ops.allocation.kernels.arrays import EFFORT, JOB, NONE, ROBOT, RULE, STOP, Bools, Work, records
from robot_ops.allocation.model import Candidate, OpenTask
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import NodeId, RobotId
from robot_ops.site.model import RobotKind, RobotModel
from robot_ops.tasks.requests import TaskKind

MOVE_GAIN_S: Final = 15.0
"""Seconds that moving a planned task to another robot must win."""
TARDINESS: Final = 3.0
"""A second beyond the due time costs so much more than a second of waiting."""
PATIENCE_S: Final = 300.0
"""A task that has waited this long weighs twice as much; bounds starvation."""
_PRIORITY_BASE: Final = 1.5
DROP: Final = 1e8
"""Seconds that leaving a task out costs: more than any plan."""
_WH_PER_WS: Final = 1.0 / 3600.0
_NEVER: Final = (math.inf, 0.0)


def is_able(task: OpenTask, candidate: Candidate) -> bool:
    """Return whether the robot is built for the task and goes where it is, whatever its battery holds."""
    if not _goes_there(task, candidate):
        return False
    match task.kind:
        case TaskKind.GUIDE:
            return candidate.model.kind is RobotKind.GUIDE and task.language in candidate.languages
        case TaskKind.DELIVER:
            return candidate.model.kind is RobotKind.COURIER and bool(candidate.model.compartments)


def _goes_there(task: OpenTask, candidate: Candidate) -> bool:
    levels = candidate.levels
    return levels is None or {task.pickup_level, task.destination_level} <= {None, *levels}


def inability(task: OpenTask, candidate: Candidate) -> str:
    """Return why the robot is not built for the task, empty where it is."""
    if is_able(task, candidate):
        return ""
    match task.kind:
        case TaskKind.GUIDE if candidate.model.kind is RobotKind.GUIDE and task.language not in candidate.languages:
            return f"speaks {', '.join(candidate.languages) or 'no language'}, not {task.language}"
        case TaskKind.GUIDE if candidate.model.kind is not RobotKind.GUIDE:
            return "leads no visitors"
        case TaskKind.DELIVER if candidate.model.kind is not RobotKind.COURIER or not candidate.model.compartments:
            return "has no compartment"
    return f"stays on {', '.join(sorted(candidate.levels or ()))}"


def weight(task: OpenTask) -> float:
    """Return what a second until the task is done costs."""
    return float(_PRIORITY_BASE**task.priority) * (1.0 + task.waited / PATIENCE_S)


def work_of(tasks: Sequence[OpenTask], candidates: Sequence[Candidate], travel: TravelMatrix) -> Work:
    """Return the work; job and stop k are task k, robot k is candidate k."""
    models = _distinct(candidate.model for candidate in candidates)
    group_of = {id(model): group for group, model in enumerate(models)}
    nodes = {node: number for number, node in enumerate(_nodes(tasks, candidates))}
    stop, job = records(len(tasks), STOP), records(len(tasks), JOB)
    stop["due"] = [np.inf if task.due is None else task.due for task in tasks]
    stop["weight"] = [weight(task) for task in tasks]
    stop["opens"] = [task.ready for task in tasks]
    stop["late"], stop["closes"] = TARDINESS * stop["weight"], np.inf
    stop["job"] = job["first"] = np.arange(len(tasks))
    stop["enter"] = [nodes[task.pickup] for task in tasks]
    stop["leave"] = [nodes[task.destination] for task in tasks]
    numbers: dict[RobotId | None, int] = {candidate.robot: number for number, candidate in enumerate(candidates)}
    job["planned"] = [numbers.get(task.planned, NONE) for task in tasks]
    job["move"], job["drop"], job["second"] = MOVE_GAIN_S * stop["weight"], DROP * stop["weight"], NONE
    robot, rule = records(len(candidates), ROBOT), records(1, RULE)
    robot["free"] = [candidate.free_in for candidate in candidates]
    robot["energy"] = [(each.soc - RESERVE_SOC) * each.model.battery_wh for each in candidates]
    robot["power"] = [(each.model.idle_w + each.model.drive_w) * _WH_PER_WS for each in candidates]
    robot["group"] = [group_of[id(each.model)] for each in candidates]
    robot["start"] = [nodes[candidate.node] for candidate in candidates]
    robot["charger"] = [nodes[candidate.charger] for candidate in candidates]
    robot["until"], robot["capacity"] = [candidate.until for candidate in candidates], 1.0
    robot["end"] = np.where(np.isfinite(robot["until"]), robot["charger"], NONE)
    rule["is_timed"], rule["has_energy"] = 1, 1
    order = np.stack([-stop["weight"], stop["due"]], axis=1)
    effort, ways = records((len(models), len(tasks)), EFFORT), np.full((len(models), len(nodes), len(nodes)), np.inf)
    names = list(nodes)
    starts = sorted({*robot["start"].tolist(), *stop["leave"].tolist()})
    goals = sorted({*robot["charger"].tolist(), *stop["enter"].tolist()})
    for group, model in enumerate(models):
        block = travel.block([names[number] for number in starts], [names[number] for number in goals], model.max_speed)
        ways[group][np.ix_(starts, goals)] = TRAFFIC_FACTOR * block
        effort["duration"][group], effort["energy"][group] = _efforts(tasks, model, travel)
    return Work(stop, job, robot, rule, effort, ways, _abilities(tasks, candidates), order)


def _distinct(models: Iterable[RobotModel]) -> list[RobotModel]:
    """Return one of each object; most fleets have a few that their robots share."""
    return list({id(model): model for model in models}.values())


def _nodes(tasks: Sequence[OpenTask], candidates: Sequence[Candidate]) -> Iterable[NodeId]:
    nodes: dict[NodeId, None] = {}
    for task in tasks:
        nodes[task.pickup] = nodes[task.destination] = None
    for candidate in candidates:
        nodes[candidate.node] = nodes[candidate.charger] = None
    return nodes


def _efforts(tasks: Sequence[OpenTask], model: RobotModel, travel: TravelMatrix) -> tuple[list[float], list[float]]:
    """Return seconds and watt hours of each task from its pickup on, infinite where the model is built for others."""
    own = TaskKind.GUIDE if model.kind is RobotKind.GUIDE else TaskKind.DELIVER
    speed, service = trip_speed(own, model), sum(service_times(own))
    known: dict[tuple[NodeId, NodeId], tuple[float, float]] = {}
    for task in tasks:
        if task.kind is own and (task.pickup, task.destination) not in known:
            trip = TRAFFIC_FACTOR * travel(task.pickup, task.destination, speed)
            known[task.pickup, task.destination] = trip + service, energy(model, trip, service)
    found = [known[task.pickup, task.destination] if task.kind is own else _NEVER for task in tasks]
    return [duration for duration, _ in found], [used for _, used in found]


def _abilities(tasks: Sequence[OpenTask], candidates: Sequence[Candidate]) -> Bools:
    rows: dict[tuple[object, ...], int] = {}
    kinds: list[list[bool]] = []
    numbers = []
    for task in tasks:
        key = (task.kind, task.language, task.pickup_level, task.destination_level)
        row = rows.get(key)
        if row is None:
            row = rows[key] = len(kinds)
            kinds.append([is_able(task, candidate) for candidate in candidates])
        numbers.append(row)
    return np.array(kinds, dtype=np.bool_).reshape(len(kinds), len(candidates))[np.array(numbers, dtype=np.int64)]

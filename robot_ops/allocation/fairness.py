"""Nobody waits for ever: tasks that have waited too long are taken up in the order they came, whatever that costs.

The search lets short and near tasks go first, as that makes all waiting together least. A task that has waited for
`pressing_after` is taken out of its hands: the robot that is done with it first does it before anything else. So that
this does not make every plan a queue where all have waited long, only the longest waiting of a kind are treated so: one
for every four robots that are able, at least one at a time. When those are taken up, the next are. No robot waits
long for what is not there yet: of a task that changes robots the first leg presses, and the second once it is near.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from robot_ops.allocation.estimates import TRAFFIC_FACTOR, can_return, effort_of
from robot_ops.allocation.fleet_work import MOVE_GAIN_S, is_able
from robot_ops.allocation.model import Candidate, OpenTask
from robot_ops.allocation.travel_matrix import TravelMatrix

PRESSING_S: Final = 900.0
"""Seconds after which an ordinary task goes first."""
_PRIORITY_BASE: Final = 1.5
_ROBOTS_EACH: Final = 4
_WAIT_S: Final = 60.0
"""A robot waits no longer at a pickup for a pressing task that is not there yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forced:
    """A pressing task that a robot does before all that the search gives it; seconds from now."""

    task: OpenTask
    number: int
    start: float
    finish: float


def pressing_after(priority: int) -> float:
    """Return the seconds of waiting after which a task goes first: 15 minutes, two thirds of that per priority."""
    return float(PRESSING_S * _PRIORITY_BASE**-priority)


def force_pressing(
    tasks: Iterable[OpenTask], candidates: Sequence[Candidate], travel: TravelMatrix
) -> tuple[list[Forced], list[Candidate]]:
    """Return which pressing tasks are done first, and the robots as they are after them; number k is candidate k."""
    robots = list(candidates)
    forced: list[Forced] = []
    room: dict[tuple[object, ...], int] = {}
    are_bound = any(robot.levels is not None for robot in robots)
    pressing = [task for task in tasks if task.waited > pressing_after(task.priority) and not task.is_underway]
    for task in sorted(pressing, key=lambda task: (-task.waited, task.task_id)):
        key: tuple[object, ...] = (task.kind, task.language)
        if are_bound:
            key = (*key, task.pickup_level, task.destination_level)
        if key not in room:
            room[key] = max(1, sum(is_able(task, robot) for robot in robots) // _ROBOTS_EACH)
        if room[key] == 0:
            continue
        best: tuple[float, int, Candidate] | None = None
        for number, robot in enumerate(robots):
            after = _after(task, robot, travel)
            if after is not None:
                rank = after.free_in - (MOVE_GAIN_S if task.planned == robot.robot else 0.0)
                if best is None or rank < best[0]:
                    best = (rank, number, after)
        if best is not None:
            _, number, after = best
            approach = effort_of(task, robots[number].model, robots[number].node, travel).approach
            start = max(robots[number].free_in, task.ready - approach) if task.ready > 0.0 else robots[number].free_in
            forced.append(Forced(task=task, number=number, start=start, finish=after.free_in))
            robots[number] = after
            room[key] -= 1
    return forced, robots


def _after(task: OpenTask, robot: Candidate, travel: TravelMatrix) -> Candidate | None:
    """Return the robot as it is after the task, None where it cannot do it or would have to wait long for it."""
    if not is_able(task, robot):
        return None
    effort = effort_of(task, robot.model, robot.node, travel)
    wait = max(0.0, task.ready - robot.free_in - effort.approach)
    if not math.isfinite(effort.duration) or wait > _WAIT_S:
        return None
    soc, finish = robot.soc - effort.energy_wh / robot.model.battery_wh, robot.free_in + effort.duration + wait
    if not can_return(robot, task.destination, soc, travel):
        return None
    home = TRAFFIC_FACTOR * travel(task.destination, robot.charger, robot.model.max_speed)
    if finish + home > robot.until:
        return None
    return replace(robot, node=task.destination, free_in=finish, soc=soc)

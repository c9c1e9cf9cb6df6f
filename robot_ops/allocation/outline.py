"""All that a plan follows from: pressing tasks that go first, then the stages of the search, with what they cost."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from robot_ops.allocation.fairness import Forced, force_pressing
from robot_ops.allocation.fleet_work import DROP, MOVE_GAIN_S, TARDINESS, weight
from robot_ops.allocation.legs import is_first_leg, split, whole
from robot_ops.allocation.model import Candidate, OpenTask, Transfer
from robot_ops.allocation.stages import Stage, plan_stages
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import TaskId

RELAY_GAIN_S: Final = 60.0
"""Seconds that must be won by changing robots on the way, and by no longer doing so."""
_WAIT_S: Final = 600.0
"""Nobody is brought to an exchange to wait there longer."""
_SOON_S: Final = 300.0
"""What begins later is planned anew before it does."""


@dataclass(frozen=True, slots=True)
class Outline:
    """Number k is candidate k throughout.

    Attributes:
        relays: where tasks change robots; each of them is two tasks in all else, see `legs`.
    """

    forced: Sequence[Forced]
    stages: Sequence[Stage]
    relays: Mapping[TaskId, Transfer]

    def done(self) -> Iterator[tuple[OpenTask, int, float]]:
        """Yield all that is done: what, the number of the robot, and when it is finished."""
        for each in self.forced:
            yield each.task, each.number, each.finish
        for stage in self.stages:
            for number, (stops, _, finishes) in enumerate(stage.routes):
                for job, finish in zip(stops, finishes, strict=True):
                    yield stage.tasks[job], number, finish

    def held(self) -> dict[TaskId, float]:
        """Return the tasks that nobody shall bring to an exchange yet, and when they would be finished.

        Nobody goes on with them there, or not for long; who waits does so where they are. What has waited long may do
        so there.
        """
        firsts: dict[TaskId, tuple[float, float]] = {}
        seconds: dict[TaskId, tuple[float, float]] = {}
        for stage in self.stages:
            for stops, begins, finishes in stage.routes:
                for job, begin, finish in zip(stops, begins, finishes, strict=True):
                    task = stage.tasks[job]
                    if task.task_id in self.relays:
                        (seconds if task.is_underway else firsts)[task.task_id] = begin, finish
        pressing = {each.task.task_id for each in self.forced}
        held = dict.fromkeys((firsts.keys() | pressing) & self.relays.keys() - seconds.keys(), math.inf)
        for task_id, (begin, finish) in firsts.items():
            if task_id in seconds and begin < _SOON_S:
                wait = seconds[task_id][0] - finish - self.relays[task_id].seconds
                if wait > _WAIT_S:
                    held[task_id] = seconds[task_id][1]
        return held


def outline_of(
    tasks: Sequence[OpenTask],
    candidates: Sequence[Candidate],
    travel: TravelMatrix,
    relays: Mapping[TaskId, Transfer] | None = None,
) -> Outline:
    """Return what is done when, if these tasks change robots there and no others do."""
    if relays is None:
        relays = {}
    jobs = [whole(task) for task in tasks] if not relays else _jobs(tasks, relays)
    forced, robots = force_pressing(jobs, candidates, travel)
    finish = {each.task.task_id: each.finish for each in forced}
    left = []
    for job in jobs:
        if job.task_id not in finish:
            left.append(job)
        elif job.is_underway:
            ready = finish[job.task_id] + relays[job.task_id].seconds
            left.append(replace(job, ready=ready))
    gaps = {task_id: transfer.seconds for task_id, transfer in relays.items()}
    return Outline(forced, plan_stages(left, robots, travel, gaps), relays)


def _jobs(tasks: Sequence[OpenTask], relays: Mapping[TaskId, Transfer]) -> list[OpenTask]:
    jobs: list[OpenTask] = []
    for task in tasks:
        transfer = relays.get(task.task_id)
        jobs.extend([whole(task)] if transfer is None else split(task, transfer))
    return jobs


def cost_of(outline: Outline, tasks: Sequence[OpenTask], candidates: Sequence[Candidate]) -> float:
    """Return what the outline costs, with what must be won by whatever it does otherwise than planned."""
    cost, done = 0.0, set()
    for task, number, finish in outline.done():
        if not is_first_leg(task):
            late = 0.0 if task.due is None else max(0.0, finish - task.due)
            cost += weight(task) * (finish + TARDINESS * late)
            done.add(task.task_id)
        if task.planned not in (None, candidates[number].robot):
            cost += weight(task) * MOVE_GAIN_S
    for task in tasks:
        if task.task_id not in done:
            cost += DROP * weight(task)
        transfer = outline.relays.get(task.task_id)
        if task.planned_exchange != (None if transfer is None else transfer.id):
            cost += weight(task) * RELAY_GAIN_S
    return cost if math.isfinite(cost) else math.inf

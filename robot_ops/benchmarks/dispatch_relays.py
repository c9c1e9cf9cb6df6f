"""The relay case of the dispatch benchmark: two floors, where visitors may ride the lift alone and change guides."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from robot_ops.allocation.fleet_work import TARDINESS, weight
from robot_ops.allocation.model import Candidate, OpenTask, Plan, Transfer
from robot_ops.allocation.planner import allocate
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.benchmarks.generated import COURIER
from robot_ops.benchmarks.measures import Measure, Outcome, Progress
from robot_ops.core.ids import ExchangeId, LevelId, NodeId, RobotId, TaskId
from robot_ops.site.model import RobotKind
from robot_ops.tasks.requests import TaskKind

_SEEDS: Final = 6
_ROBOTS: Final = 8
_TASKS: Final = 40
_PLACES: Final = 40
_RIDE_S: Final = 120.0
"""What riding takes a robot: it waits for an empty cabin of its own."""
_ALONE_S: Final = 45.0
_REPLANS: Final = 4
_LENGTH: Final = 120.0
_DEPTH: Final = 30.0
_LEVELS: Final = (LevelId("hall"), LevelId("office"))
_GOAL: Final = 0.9


def relay_case(*, progress: Progress) -> Outcome:
    """Plans of a fleet whose robots all ride the lift, with exchanges at the lift against without."""
    began = time.process_time()
    ratios, relayed, times, faults = [], [], [], []
    for seed in range(_SEEDS):
        progress(f"relays, instance {seed}")
        tasks, candidates, travel = two_floors(_TASKS, _ROBOTS, seed)
        without = _settled(tasks, candidates, travel, ())
        started = time.process_time()
        plan = _settled(tasks, candidates, travel, exchanges())
        times.append((time.process_time() - started) / (_REPLANS + 1))
        if set(plan.finish) != set(without.finish):
            faults.append(f"instance {seed}: other tasks are done with exchanges than without")
        ratios.append(_cost(tasks, plan) / _cost(tasks, without))
        relayed.append(len(plan.onward))
    name = "relays"
    return Outcome(
        name=name,
        work=f"{_ROBOTS} guides on two floors, {_TASKS} visitors, half of them from the hall to the floor above",
        measures=(
            Measure(
                what=f"cost with exchanges / without, mean of {_SEEDS}",
                value=float(np.mean(ratios)),
                unit="",
                goal=_GOAL,
                anchor=None,
                anchor_text="none",
            ),
        ),
        cpu_seconds=time.process_time() - began,
        faults=tuple(faults),
        details={"ratios": ratios, "relayed": relayed, "ms": [1e3 * each for each in times]},
    )


def exchanges() -> tuple[Transfer, ...]:
    """Return an exchange in each direction, at the lift."""
    return tuple(
        Transfer(
            id=ExchangeId(name),
            drop=_at(start, 0),
            pickup=_at(goal, 0),
            drop_level=_LEVELS[start],
            pickup_level=_LEVELS[goal],
            takes_documents=True,
            seconds=_ALONE_S,
        )
        for name, start, goal in (("up", 0, 1), ("down", 1, 0))
    )


def two_floors(jobs: int, robots: int, seed: int) -> tuple[list[OpenTask], list[Candidate], TravelMatrix]:
    """Return tasks and robots on two floors over each other; the lift is at place 0 of both."""
    chance = np.random.default_rng(seed)
    at = chance.uniform((0.0, 0.0), (_LENGTH, _DEPTH), (2, _PLACES, 2))
    at[1, 0] = at[0, 0] = (_LENGTH / 2.0, 0.0)

    def seconds(start: NodeId, goal: NodeId, max_speed: float) -> float:
        (level, place), (other, where) = (tuple(map(int, each.split("/"))) for each in (start, goal))
        if level == other:
            return float(np.abs(at[level, place] - at[other, where]).sum()) / max_speed
        lift = np.abs(at[level, place] - at[level, 0]).sum() + np.abs(at[other, where] - at[other, 0]).sum()
        return float(lift) / max_speed + _RIDE_S

    model = replace(COURIER, kind=RobotKind.GUIDE, compartments=())
    candidates = [
        Candidate(
            robot=RobotId(f"guide_{number:03d}"),
            model=model,
            node=_at(number % 2, int(chance.integers(1, _PLACES))),
            charger=_at(number % 2, int(chance.integers(1, _PLACES))),
            free_in=float(chance.uniform(0.0, 60.0)),
            soc=0.9,
            languages=("en",),
        )
        for number in range(robots)
    ]
    tasks = []
    for number in range(jobs):
        # visitors are led to an office upstairs and find the way out alone
        level = int(chance.integers(2)) if number % 2 else 0
        other = level if number % 2 else 1
        places = chance.choice(np.arange(1, _PLACES), 2, replace=False).tolist()
        tasks.append(
            OpenTask(
                task_id=TaskId(f"guide-{number:06d}"),
                kind=TaskKind.GUIDE,
                pickup=_at(level, places[0]),
                destination=_at(other, places[1]),
                pickup_level=_LEVELS[level],
                destination_level=_LEVELS[other],
                language="en",
                waited=float(chance.uniform(0.0, 120.0)),
            )
        )
    return tasks, candidates, TravelMatrix(seconds)


def as_planned(plan: Plan, task: OpenTask) -> OpenTask:
    """Return the task with what the plan has of it, as the next plan is told."""
    first, second = plan.assignments.get(task.task_id), plan.onward.get(task.task_id)
    return replace(
        task,
        planned=None if first is None else first.robot,
        planned_position=0 if first is None else first.position,
        planned_exchange=None if first is None else first.exchange,
        planned_onward=None if second is None else second.robot,
        planned_onward_position=0 if second is None else second.position,
    )


def _settled(
    tasks: Sequence[OpenTask], candidates: Sequence[Candidate], travel: TravelMatrix, by: Sequence[Transfer]
) -> Plan:
    """Return a plan that was improved as every two seconds."""
    plan = allocate(tasks, candidates, travel, by)
    for _ in range(_REPLANS):
        plan = allocate([as_planned(plan, task) for task in tasks], candidates, travel, by)
    return plan


def _cost(tasks: Sequence[OpenTask], plan: Plan) -> float:
    cost = 0.0
    for task in tasks:
        finish = plan.finish.get(task.task_id, 0.0)
        late = 0.0 if task.due is None else max(0.0, finish - task.due)
        cost += weight(task) * (finish + TARDINESS * late)
    return cost


def _at(level: int, place: int) -> NodeId:
    return NodeId(f"{level}/{place}")

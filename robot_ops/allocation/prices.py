"""What a task would cost done by one robot or by two, all others left as they are planned."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robot_ops.allocation.fleet_work import weight, work_of
from robot_ops.allocation.kernels.arrays import Floats
from robot_ops.allocation.legs import split, whole
from robot_ops.allocation.model import OpenTask, Transfer
from robot_ops.allocation.routing import Routing
from robot_ops.allocation.stages import Stage
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import TaskId


@dataclass(frozen=True, slots=True)
class RelayPrice:
    """What it would cost to have a task change robots.

    Attributes:
        cost: weighted seconds that it adds to all finish times and tardiness; infinite where that is impossible.
        first, second: numbers of the robots; first_finish, finish: when each is done.
    """

    cost: float
    first: int = 0
    second: int = 0
    first_finish: float = math.inf
    finish: float = math.inf


class Prices:
    """Prices in the first stage of a plan.

    Args:
        asked: tasks, each with the exchanges that are asked about; they may be in the stage or not.
    """

    def __init__(
        self, stage: Stage, asked: Sequence[tuple[OpenTask, Sequence[Transfer]]], travel: TravelMatrix
    ) -> None:
        tasks = list(stage.tasks)
        self._direct: dict[TaskId, int] = {}
        self._legs: dict[tuple[TaskId, Transfer], int] = {}
        self._weights: dict[TaskId, float] = {}
        for task, transfers in asked:
            self._weights[task.task_id] = weight(task)
            self._direct[task.task_id] = len(tasks)
            tasks.append(whole(task))
            for transfer in transfers:
                self._legs[task.task_id, transfer] = len(tasks)
                tasks.extend(split(task, transfer))
        self._work = work_of(tasks, stage.robots, travel)
        for number in self._legs.values():
            self._work.stop[number]["late"] = 0.0
        self._routes = [list(stops) for stops, _, _ in stage.routes]
        self._routing = Routing(self._work)
        self._doers: dict[TaskId, set[int]] = {}
        for number, stops in enumerate(self._routes):
            if stops:
                self._routing.keep(number, list(stops))
            for job in stops:
                self._doers.setdefault(stage.tasks[job].task_id, set()).add(number)
        self._names = [task.task_id for task in tasks]
        self._out: TaskId | None = None

    def direct(self, task_id: TaskId) -> tuple[Floats, Floats]:
        """Return (robots,) what it costs if one does all of it, and when that is done; infinite where it cannot."""
        self._take_out(task_id)
        costs, finishes = self._routing.alternatives([self._direct[task_id]])
        return costs[0], finishes[0]

    def relay(self, task_id: TaskId, transfer: Transfer) -> RelayPrice:
        """Return what it costs if it changes robots there."""
        self._take_out(task_id)
        routing, first = self._routing, self._legs[task_id, transfer]
        costs, finishes = routing.alternatives([first])
        robot = int(costs[0].argmin())
        if costs[0, robot] == math.inf:
            return RelayPrice(math.inf)
        first_finish = float(finishes[0, robot])
        begun = float(costs[0, robot]) - self._weights[task_id] * first_finish  # only the end of the whole counts
        self._work.stop[first + 1]["opens"] = first_finish + transfer.seconds
        costs, finishes = routing.alternatives([first + 1])
        costs[0, robot] = np.inf
        second = int(costs[0].argmin())
        return RelayPrice(begun + float(costs[0, second]), robot, second, first_finish, float(finishes[0, second]))

    def _take_out(self, task_id: TaskId) -> None:
        """Go on with the routes without the task, and with no others left out."""
        if task_id == self._out:
            return
        for name in (self._out, task_id):
            for number in self._doers.get(name, ()) if name is not None else ():
                stops = self._routes[number]
                self._routing.keep(number, [job for job in stops if self._names[job] != task_id])
        self._routing.construct(order=[])
        self._out = task_id

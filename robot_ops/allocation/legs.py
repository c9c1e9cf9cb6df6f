"""A task that changes robots on the way, as two tasks: one brings it to the exchange, the other goes on from there."""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from robot_ops.allocation.estimates import TRAFFIC_FACTOR, service_times, trip_speed
from robot_ops.allocation.fleet_work import is_able
from robot_ops.allocation.model import Candidate, OpenTask, Transfer
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.tasks.requests import TaskKind


def is_first_leg(task: OpenTask) -> bool:
    """Return whether the task is one that `split` made to bring something to an exchange."""
    return task.exchange is not None and not task.is_underway


def split(task: OpenTask, transfer: Transfer) -> tuple[OpenTask, OpenTask]:
    """Return both legs; the second is ready when the first is done and the exchange has taken its time."""
    is_kept = task.planned_exchange == transfer.id
    first = replace(
        task,
        exchange=transfer.id,
        destination=transfer.drop,
        destination_level=transfer.drop_level,
        planned=task.planned if is_kept else None,
    )
    second = replace(
        task,
        exchange=transfer.id,
        is_underway=True,
        pickup=transfer.pickup,
        pickup_level=transfer.pickup_level,
        planned=task.planned_onward if is_kept else None,
        planned_position=task.planned_onward_position,
    )
    return first, second


def whole(task: OpenTask) -> OpenTask:
    """Return the task for one robot that does all of it; who was to begin with it no longer matters."""
    return task if task.planned_exchange is None else replace(task, planned=None)


class Reach:
    """Who gets where: which tasks robots can do alone, and at which exchanges others can change robots."""

    def __init__(self, candidates: Sequence[Candidate], exchanges: Sequence[Transfer], travel: TravelMatrix) -> None:
        self.exchanges = exchanges
        self._candidates = candidates
        self._travel = travel
        self._able: dict[Hashable, dict[float, list[Candidate]]] = {}
        self._trip: dict[Hashable, float] = {}
        self._relays: dict[Hashable, list[tuple[float, Transfer]]] = {}

    def trip(self, task: OpenTask) -> float:
        """Return the least seconds from the pickup on of a robot that is able; infinite where none is or gets there."""
        key = _way_of(task)
        if key not in self._trip:
            self._trip[key] = min(self._trips(task), default=math.inf)
        return self._trip[key]

    def is_direct(self, task: OpenTask) -> bool:
        """Return whether one robot can do all of it, whatever its battery holds."""
        return self.trip(task) < math.inf

    def relays(self, task: OpenTask) -> list[tuple[float, Transfer]]:
        """Return where the task may change robots, and the seconds from its pickup on, the fewest first."""
        key = _way_of(task)
        if key not in self._relays:
            self._relays[key] = sorted(self._found(task), key=lambda each: each[0])
        return self._relays[key]

    def beginners(self, task: OpenTask, transfer: Transfer) -> list[Candidate]:
        """Return the robots that are able to bring it to the exchange."""
        first, _ = split(task, transfer)
        return [each for group in self._by_speed(first).values() for each in group]

    def _found(self, task: OpenTask) -> Iterable[tuple[float, Transfer]]:
        for transfer in self.exchanges:
            if task.kind is TaskKind.DELIVER and not transfer.takes_documents:
                continue
            if transfer.drop == task.pickup or transfer.pickup == task.destination:
                continue
            first, second = split(task, transfer)
            seconds = self.trip(first) + transfer.seconds + self.trip(second)
            if seconds < math.inf:
                yield seconds, transfer

    def _trips(self, task: OpenTask) -> Iterable[float]:
        service, way = sum(service_times(task.kind)), self._travel
        for speed, group in self._by_speed(task).items():
            trip = TRAFFIC_FACTOR * way(task.pickup, task.destination, trip_speed(task.kind, group[0].model))
            if math.isfinite(trip) and any(math.isfinite(way(each.node, task.pickup, speed)) for each in group):
                yield trip + service

    def _by_speed(self, task: OpenTask) -> dict[float, list[Candidate]]:
        key = (task.kind, task.language, task.pickup_level, task.destination_level)
        if key not in self._able:
            groups = self._able[key] = {}
            for each in self._candidates:
                if is_able(task, each):
                    groups.setdefault(each.model.max_speed, []).append(each)
        return self._able[key]


def _way_of(task: OpenTask) -> Hashable:
    return task.kind, task.language, task.pickup, task.destination, task.pickup_level, task.destination_level

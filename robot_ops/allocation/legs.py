"""A task that changes robots on the way, as two tasks: one brings it to the exchange, the other goes on from there."""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from robot_ops.allocation.estimates import TRAFFIC_FACTOR, service_times, trip_speed
from robot_ops.allocation.fleet_work import is_able
from robot_ops.allocation.model import Candidate, OpenTask, Transfer
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import ExchangeId, LevelId, NodeId, TaskId
from robot_ops.tasks.requests import TaskKind


def is_first_leg(task: OpenTask) -> bool:
    """Return whether the task is one that `split` made to bring something to an exchange."""
    return task.exchange is not None and not task.is_underway


def can_change(task: "OpenTask | _Way", transfer: Transfer) -> bool:
    """Return whether the task may change robots at the exchange, whoever gets there.

    A visitor may be there already, since the first robot was lost; a document would go from its keeper to its keeper.
    """
    if transfer.id in task.barred_exchanges:
        return False
    if task.kind is TaskKind.GUIDE:
        return True
    return transfer.takes_documents and transfer.drop != task.pickup and transfer.pickup != task.destination


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


class _Way(NamedTuple):
    """What decides who can do a task, or a leg of it, and how long that takes from the pickup on."""

    kind: TaskKind
    language: str
    pickup: NodeId
    destination: NodeId
    pickup_level: LevelId | None
    destination_level: LevelId | None
    barred_exchanges: frozenset[ExchangeId]

    @classmethod
    def of(cls, task: OpenTask) -> "_Way":
        return cls(*(getattr(task, name) for name in cls._fields))


class Reach:
    """Who gets where: which tasks robots can do alone, and at which exchanges others can change robots."""

    def __init__(self, candidates: Sequence[Candidate], exchanges: Sequence[Transfer], travel: TravelMatrix) -> None:
        self.exchanges = exchanges
        self._candidates = candidates
        self._travel = travel
        self._able: dict[Hashable, dict[float, list[Candidate]]] = {}
        self._trip: dict[_Way, float] = {}
        self._relays: dict[_Way, list[tuple[float, Transfer]]] = {}

    def trip(self, task: OpenTask) -> float:
        """Return the least seconds from the pickup on of a robot that is able; infinite where none is or gets there."""
        return self._seconds(_Way.of(task))

    def is_direct(self, task: OpenTask) -> bool:
        """Return whether one robot can do all of it, whatever its battery holds."""
        return self.trip(task) < math.inf

    def relays(self, task: OpenTask) -> list[tuple[float, Transfer]]:
        """Return where the task may change robots, and the seconds from its pickup on, the fewest first."""
        way = _Way.of(task)
        if way not in self._relays:
            self._relays[way] = sorted(self._found(way), key=lambda each: each[0])
        return self._relays[way]

    def beginners(self, task: OpenTask, transfer: Transfer) -> list[Candidate]:
        """Return the robots that are able to bring it to the exchange."""
        first, _ = _legs(_Way.of(task), transfer)
        return [each for group in self._by_speed(first).values() for each in group]

    def _found(self, way: _Way) -> Iterable[tuple[float, Transfer]]:
        for transfer in self.exchanges:
            if not can_change(way, transfer):
                continue
            first, second = _legs(way, transfer)
            seconds = self._seconds(first) + transfer.seconds + self._seconds(second)
            if seconds < math.inf:
                yield seconds, transfer

    def _seconds(self, way: _Way) -> float:
        if way not in self._trip:
            self._trip[way] = min(self._trips(way), default=math.inf)
        return self._trip[way]

    def _trips(self, way: _Way) -> Iterable[float]:
        service, travel = sum(service_times(way.kind)), self._travel
        for speed, group in self._by_speed(way).items():
            trip = TRAFFIC_FACTOR * travel(way.pickup, way.destination, trip_speed(way.kind, group[0].model))
            if math.isfinite(trip) and any(math.isfinite(travel(each.node, way.pickup, speed)) for each in group):
                yield trip + service

    def _by_speed(self, way: _Way) -> dict[float, list[Candidate]]:
        key = (way.kind, way.language, way.pickup_level, way.destination_level)
        if key not in self._able:
            task = OpenTask(task_id=TaskId(""), **way._asdict())
            groups = self._able[key] = {}
            for each in self._candidates:
                if is_able(task, each):
                    groups.setdefault(each.model.max_speed, []).append(each)
        return self._able[key]


def _legs(way: _Way, transfer: Transfer) -> tuple[_Way, _Way]:
    first = way._replace(destination=transfer.drop, destination_level=transfer.drop_level)
    return first, way._replace(pickup=transfer.pickup, pickup_level=transfer.pickup_level)

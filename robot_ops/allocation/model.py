"""What allocation is told and what it answers. All times are seconds from now."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from robot_ops.core.ids import ExchangeId, LevelId, NodeId, RobotId, TaskId
from robot_ops.site.model import RobotModel
from robot_ops.tasks.requests import TaskKind

Travel = Callable[[NodeId, NodeId, float], float]
"""Seconds from a node to another at a top speed in m/s; infinite where there is no way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTask:
    """A task that waits for a robot.

    Attributes:
        due: when it should be done, in seconds from now, None for no matter; negative when that is past.
        waited: seconds since it was accepted.
        language: what the guide must speak; no matter for deliveries.
        planned: the robot it was planned for last time, None for a new one.
        planned_position: its position in that robot's route; helps to begin where the last plan ended.
        ready: seconds from now before which the visitor or document is not at the pickup.
        pickup_level, destination_level: None where that is no matter.
        is_underway: another robot has it now and brings it to the pickup; it is planned for who goes on with it then.
        exchange: of a task that is one leg of another: where that changes robots.
        planned_exchange: where it was planned to change robots, None where it was not.
        planned_onward, planned_onward_position: as `planned`, for the robot after that exchange.
        barred_exchanges: where it must not change robots.
    """

    task_id: TaskId
    kind: TaskKind
    pickup: NodeId
    destination: NodeId
    priority: int = 0
    due: float | None = None
    waited: float = 0.0
    language: str = ""
    planned: RobotId | None = None
    planned_position: int = 0
    ready: float = 0.0
    pickup_level: LevelId | None = None
    destination_level: LevelId | None = None
    is_underway: bool = False
    exchange: ExchangeId | None = None
    planned_exchange: ExchangeId | None = None
    planned_onward: RobotId | None = None
    planned_onward_position: int = 0
    barred_exchanges: frozenset[ExchangeId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """An exchange as allocation sees it: a task may change robots there.

    Attributes:
        drop: where the first robot leaves the visitor or document; pickup: where the next one finds them.
        takes_documents: whether somebody keeps documents in between; visitors need nobody.
        seconds: from the end at `drop` until the visitor or document is at `pickup`.
    """

    id: ExchangeId
    drop: NodeId
    pickup: NodeId
    drop_level: LevelId
    pickup_level: LevelId
    takes_documents: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A robot that is in service.

    Attributes:
        node: where it will be when it is free.
        charger: node of its charger.
        free_in: seconds until it can start something new, 0 for now.
        soc: state of charge when it is free, 0-1.
        until: end of its shift, when it is back at its charger; in seconds from now.
        next_shift: begin and end of the one after, None where there is none.
        levels: those that it stays on, None for all.
    """

    robot: RobotId
    model: RobotModel
    node: NodeId
    charger: NodeId
    free_in: float
    soc: float
    languages: tuple[str, ...] = ()
    until: float = math.inf
    next_shift: tuple[float, float] | None = None
    levels: frozenset[LevelId] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a robot shall do, and when.

    Attributes:
        position: 0 for the robot's next task, 1 for the one after.
        start: when the robot leaves for it, finish: when it is done, in seconds from now.
        reason: why this robot, for people.
        exchange: where it only brings the visitor or document, for another robot to go on; None for the destination.
    """

    task_id: TaskId
    robot: RobotId
    position: int
    start: float
    finish: float
    reason: str
    exchange: ExchangeId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """What it would mean if a robot did a task, all others left as planned.

    Attributes:
        cost: weighted seconds that it adds to all finish times and tardiness; infinite where it cannot.
        arrival: when it would be at the pickup, finish: when the task would be done, in seconds from now.
        late: seconds beyond the due time, 0 without one.
        is_chosen: whether the plan has it so.
        obstacle: why it cannot, for people; empty where it can.
        exchange: where it would only bring it, or where it would go on with it (`is_onward`); None for all of it.
    """

    robot: RobotId
    cost: float
    arrival: float
    finish: float
    late: float
    is_chosen: bool
    obstacle: str = ""
    exchange: ExchangeId | None = None
    is_onward: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A stop at the charger that the plan reckons with, or the time between two shifts.

    Attributes:
        position: so many of the robot's planned tasks come before it.
        start, finish: when it leaves for its charger, and when it goes on, in seconds from now.
        soc: state of charge that it goes on with, 0-1.
    """

    robot: RobotId
    position: int
    start: float
    finish: float
    soc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The answer.

    Attributes:
        assignments: per task.
        finish: when each task is done, in seconds from now; those beyond the planning horizon by a rough estimate.
        unassigned: per task that no robot can do now, why.
        short_of_energy: robots that shall charge before anything else: their battery is too low for what waits.
        charges: every stop at a charger between planned tasks, by robot and position.
        onward: per task that changes robots, or is underway to where it does, what the second robot does; it takes a
            position among that robot's tasks.
    """

    assignments: Mapping[TaskId, Assignment]
    finish: Mapping[TaskId, float]
    unassigned: Mapping[TaskId, str]
    short_of_energy: frozenset[RobotId]
    charges: tuple[Charge, ...] = ()
    onward: Mapping[TaskId, Assignment] = field(default_factory=dict)
    _next: Mapping[RobotId, Assignment] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        first = {each.robot: each for each in self.assignments.values() if each.position == 0}
        object.__setattr__(self, "_next", first)

    def next_of(self, robot: RobotId) -> Assignment | None:
        """Return the task that the robot shall begin next; None also where it goes on with one that changes robots."""
        return self._next.get(robot)

"""A scenario: which site and robots, how many people, and what they ask for (docs/scenario_format.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from robot_ops.core.ids import PersonId, PlaceId, RobotId


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How likely a visitor does what guides dread, each 0-1.

    Attributes:
        lag: walks slowly all the way.
        stop: stands still for a while.
        stray: walks off, and in one of four cases never comes back.
    """

    lag: float = 0.2
    stop: float = 0.15
    stray: float = 0.05

    def __post_init__(self) -> None:
        for name in ("lag", "stop", "stray"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"habit {name} is {getattr(self, name)}, not in 0..1")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidanceDemand:
    """Visitors who ask for a guide.

    Attributes:
        due_s: seconds from the request until it should be done, None for no due time.
        languages: weight by BCP 47 code.
    """

    mean_interval_s: float
    first_s: float
    due_s: float | None
    pickups: tuple[PlaceId, ...]
    destinations: tuple[PlaceId, ...]
    languages: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDemand:
    """Staff who send documents to each other; `due_s` as in GuidanceDemand."""

    mean_interval_s: float
    first_s: float
    due_s: float | None
    staff: tuple[PersonId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens at a site in a simulation.

    Attributes:
        walking: how many people walk through the hall without wanting a robot.
        entrances: where people come in and leave, meters, map frame of the hall.
        spots: where people who walk about go.
        wrong_code: how likely staff mistype a code at first, 0-1.
        initial_soc: state of charge at the start is drawn from this range, 0-1.
    """

    name: str
    robots: tuple[RobotId, ...]
    walking: int
    habits: Habits
    entrances: tuple[tuple[float, float], ...]
    spots: tuple[tuple[float, float], ...]
    guidance: GuidanceDemand | None
    delivery: DeliveryDemand | None
    wrong_code: float = 0.1
    initial_soc: tuple[float, float] = field(default=(0.6, 0.95))

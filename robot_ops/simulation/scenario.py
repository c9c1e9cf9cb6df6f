"""A scenario: which site and robots, how many people, and what they ask for (docs/scenario_format.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from robot_ops.core.errors import ScenarioError
from robot_ops.core.ids import LevelId, PersonId, PlaceId, RobotId
from robot_ops.site.documents import Entry, read_document
from robot_ops.site.files import load_site
from robot_ops.site.model import Site


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
        destinations: weight by place.
        languages: weight by BCP 47 code.
    """

    mean_interval_s: float
    first_s: float
    due_s: float | None
    pickups: tuple[PlaceId, ...]
    destinations: Mapping[PlaceId, float]
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
    site: Site
    robots: tuple[RobotId, ...]
    walking: int
    habits: Habits
    entrances: tuple[tuple[float, float], ...]
    spots: tuple[tuple[float, float], ...]
    guidance: GuidanceDemand | None
    delivery: DeliveryDemand | None
    wrong_code: float = 0.1
    initial_soc: tuple[float, float] = (0.6, 0.95)

    @property
    def visited_levels(self) -> frozenset[LevelId]:
        """Return the levels on which visitors are met, at kiosks and after exchanges."""
        pickups = [] if self.guidance is None else [*self.guidance.pickups]
        pickups += [exchange.pickup for exchange in self.site.exchanges.values()]
        return frozenset(self.site.node_of(place).level for place in pickups)


def load_scenario(path: Path) -> Scenario:
    """Read and check a scenario file and the site it names.

    Raises:
        ScenarioError: the file is wrong; file, line and field are told.
        SiteError: the site file is wrong.
    """
    root = read_document(path, ScenarioError)
    fields = root.fields(
        required=("format", "site", "robots", "visitors", "requests"), optional=("battery", "staff", "title")
    )
    fields["format"].integer(least=1, most=1)
    site = load_site((path.parent / fields["site"].text()).resolve())
    visitors = fields["visitors"].fields(required=("walking", "entrances", "spots"), optional=("habits",))
    requests = fields["requests"].fields(optional=("guidance", "delivery"))
    battery = fields["battery"].fields(optional=("initial_soc",)) if "battery" in fields else {}
    staff = fields["staff"].fields(optional=("wrong_code",)) if "staff" in fields else {}
    robots = tuple(RobotId(entry.one_of(site.robots, "robot")) for entry in fields["robots"].items())
    if not robots or len(set(robots)) < len(robots):
        raise fields["robots"].wrong("expected one or more different robots", "Name each robot once")
    return Scenario(
        name=path.stem,
        site=site,
        robots=robots,
        walking=visitors["walking"].integer(least=0, most=200),
        habits=_habits(visitors["habits"]) if "habits" in visitors else Habits(),
        entrances=_points(visitors["entrances"], least=1),
        spots=_points(visitors["spots"], least=2),
        guidance=_guidance(requests["guidance"], site) if "guidance" in requests else None,
        delivery=_delivery(requests["delivery"], site) if "delivery" in requests else None,
        wrong_code=staff["wrong_code"].number(least=0.0, most=1.0) if "wrong_code" in staff else 0.1,
        initial_soc=_range(battery["initial_soc"]) if "initial_soc" in battery else (0.6, 0.95),
    )


def _habits(entry: Entry) -> Habits:
    names = ("lag", "stop", "stray")
    return Habits(**{name: field.number(least=0.0, most=1.0) for name, field in entry.fields(optional=names).items()})


def _points(entry: Entry, *, least: int) -> tuple[tuple[float, float], ...]:
    points = tuple(item.point() for item in entry.items())
    if len(points) < least:
        raise entry.wrong(f"expected at least {least} points", "Write [[x, y], ...] in meters")
    return points


def _range(entry: Entry) -> tuple[float, float]:
    limits = [item.number(least=0.0, most=1.0) for item in entry.items()]
    if len(limits) != 2 or limits[0] > limits[1]:
        raise entry.wrong("expected [least, most]", "Write two numbers of 0 to 1, the smaller first")
    return limits[0], limits[1]


def _guidance(entry: Entry, site: Site) -> GuidanceDemand:
    fields = entry.fields(
        required=("mean_interval_s", "pickups", "destinations"), optional=("first_s", "due_s", "languages")
    )
    destinations: dict[PlaceId, float] = {}
    for name, weight in fields["destinations"].mapping().items():
        places = [place.id for place in site.places.values() if name in (place.id, place.kind.value)]
        if not places:
            raise weight.wrong(f"'{name}' is neither a place nor a kind of place", "Name one of the site")
        destinations |= dict.fromkeys(places, weight.number(above=0.0) / len(places))
    languages = fields["languages"].mapping() if "languages" in fields else {}
    return GuidanceDemand(
        mean_interval_s=fields["mean_interval_s"].number(above=0.0),
        first_s=fields["first_s"].number(least=0.0) if "first_s" in fields else 0.0,
        due_s=fields["due_s"].number(above=0.0) if "due_s" in fields else None,
        pickups=tuple(PlaceId(item.one_of(site.places, "place")) for item in fields["pickups"].items()),
        destinations=destinations,
        languages={name: weight.number(above=0.0) for name, weight in languages.items()} or {"en": 1.0},
    )


def _delivery(entry: Entry, site: Site) -> DeliveryDemand:
    fields = entry.fields(required=("mean_interval_s",), optional=("staff", "first_s", "due_s"))
    staff = tuple(site.staff)
    if "staff" in fields and fields["staff"].is_list:
        staff = tuple(PersonId(item.one_of(site.staff, "member of staff")) for item in fields["staff"].items())
    elif "staff" in fields and fields["staff"].text() != "all":
        raise fields["staff"].wrong("expected 'all' or a list", "Write all, or [person, ...]")
    if len({site.staff[person].place for person in staff}) < 2:
        raise entry.wrong("documents need people at two places at least", "Name more staff")
    return DeliveryDemand(
        mean_interval_s=fields["mean_interval_s"].number(above=0.0),
        first_s=fields["first_s"].number(least=0.0) if "first_s" in fields else 0.0,
        due_s=fields["due_s"].number(above=0.0) if "due_s" in fields else None,
        staff=staff,
    )

"""Profiles of faults: how often each kind happens. `sim/faults/` has named ones, a file may tell others."""

import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from robot_ops.core.errors import ScenarioError
from robot_ops.simulation.faults import SORTS, Fault, FaultKind, Victim
from robot_ops.simulation.scenario import Scenario
from robot_ops.site.documents import Entry, nearest, read_document


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRate:
    """How often a kind of fault happens to each of its victims, and how badly.

    Attributes:
        per_hour: mean number per victim and hour.
        duration: least and most, seconds.
        amount: least and most, see FaultSort.
    """

    kind: FaultKind
    per_hour: float
    duration: tuple[float, float] = (0.0, 0.0)
    amount: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultProfile:
    """All that goes wrong."""

    name: str
    title: str = ""
    rates: tuple[FaultRate, ...] = field(default_factory=tuple)


def load_profile(path: Path) -> FaultProfile:
    """Read and check a profile.

    Raises:
        ScenarioError: the file is wrong; file, line and field are told.
    """
    root = read_document(path, ScenarioError)
    fields = root.fields(required=("format", "faults"), optional=("title",))
    fields["format"].integer(least=1, most=1)
    kinds = {kind.value: kind for kind in FaultKind}
    rates = []
    for name, entry in fields["faults"].mapping().items():
        if name not in kinds:
            raise entry.wrong(f"there is no fault '{name}'", nearest(name, list(kinds)))
        rates.append(_rate(kinds[name], entry))
    title = fields["title"].text() if "title" in fields else path.stem
    return FaultProfile(name=path.stem, title=title, rates=tuple(rates))


def draw_faults(profile: FaultProfile, scenario: Scenario, *, duration: float, seed: int) -> tuple[Fault, ...]:
    """Return the faults of one run in the order of their instants.

    Args:
        duration: seconds within which they begin and end.
        seed: equal seeds give equal faults; each kind and victim draws for itself.
    """
    drawn: list[tuple[float, FaultKind, str, float, float]] = []
    for rate in profile.rates:
        if rate.per_hour == 0.0:
            continue
        for target in victims(scenario, SORTS[rate.kind].victim):
            rng = np.random.default_rng([seed, zlib.crc32(f"{rate.kind.value}/{target}".encode())])
            at = float(rng.exponential(3600.0 / rate.per_hour))
            while at < duration:
                lasts, amount = float(rng.uniform(*rate.duration)), float(rng.uniform(*rate.amount))
                drawn.append((at, rate.kind, target, min(lasts, duration - at), amount))
                at += lasts + float(rng.exponential(3600.0 / rate.per_hour))
    drawn.sort(key=lambda row: (row[0], row[1].value, row[2]))
    return tuple(
        Fault(
            number=number,
            kind=kind,
            at=round(at, 3),
            target=target,
            duration=round(lasts, 3),
            amount=round(amount, 4),
        )
        for number, (at, kind, target, lasts, amount) in enumerate(drawn)
    )


def victims(scenario: Scenario, victim: Victim) -> tuple[str, ...]:
    """Return all that such a fault can happen to in the scenario."""
    site = scenario.site
    match victim:
        case Victim.ROBOT:
            return tuple(scenario.robots)
        case Victim.FLEET | Victim.HALL:
            return ("",)
        case Victim.DOOR:
            return tuple(site.doors)
        case Victim.LIFT:
            return tuple(site.lifts)
        case Victim.LANE:
            cabins = {node for lift in site.lifts.values() for node in lift.stops.values()}
            return tuple(lane.id for lane in site.lanes.values() if not {lane.start, lane.end} & cabins)
        case Victim.STAFF:
            return tuple(site.staff)


def _rate(kind: FaultKind, entry: Entry) -> FaultRate:
    sort = SORTS[kind]
    needed = ["per_hour", *(["lasts_s"] if sort.lasts else []), *(["amount"] if sort.amount else [])]
    fields = entry.fields(required=needed)
    return FaultRate(
        kind=kind,
        per_hour=fields["per_hour"].number(least=0.0, most=3600.0),
        duration=_range(fields["lasts_s"], most=86_400.0) if sort.lasts else (0.0, 0.0),
        amount=_range(fields["amount"], most=sort.most) if sort.amount else (0.0, 0.0),
    )


def _range(entry: Entry, *, most: float) -> tuple[float, float]:
    limits = [item.number(least=0.0, most=most) for item in entry.items()]
    if len(limits) != 2 or limits[0] > limits[1]:
        raise entry.wrong("expected [least, most]", "Write two numbers, the smaller first")
    return limits[0], limits[1]

"""When people want what: seeded streams of visitors who come and of documents that must go."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from robot_ops.core.ids import PersonId, PlaceId
from robot_ops.simulation.scenario import DeliveryDemand, GuidanceDemand

KeyT = TypeVar("KeyT", bound=str)

_JITTER = (0.7, 1.3)  # of the mean interval: people come neither by the clock nor all at once


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitWish:
    """A visitor comes in `at` seconds after the start and wants to be led."""

    at: float
    pickup: PlaceId
    destination: PlaceId
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentWish:
    """A member of staff wants a document carried, `at` seconds after the start."""

    number: int
    at: float
    sender: PersonId
    recipient: PersonId


def visits(demand: GuidanceDemand, rng: np.random.Generator) -> Iterator[VisitWish]:
    """Yield visits for ever, in order of time."""
    for at in _times(demand.first_s, demand.mean_interval_s, rng):
        yield VisitWish(
            at=at,
            pickup=demand.pickups[int(rng.integers(len(demand.pickups)))],
            destination=_draw(demand.destinations, rng),
            language=_draw(demand.languages, rng),
        )


def documents(
    demand: DeliveryDemand, places: Mapping[PersonId, PlaceId], rng: np.random.Generator
) -> Iterator[DocumentWish]:
    """Yield documents for ever, in order of time; `places` tells where staff work, two places at least."""
    for number, at in enumerate(_times(demand.first_s, demand.mean_interval_s, rng), start=1):
        sender = recipient = demand.staff[int(rng.integers(len(demand.staff)))]
        while places[recipient] == places[sender]:
            recipient = demand.staff[int(rng.integers(len(demand.staff)))]
        yield DocumentWish(number=number, at=at, sender=sender, recipient=recipient)


def _times(first_s: float, mean_interval_s: float, rng: np.random.Generator) -> Iterator[float]:
    at = first_s
    while True:
        yield at
        at += mean_interval_s * float(rng.uniform(*_JITTER))


def _draw(weights: Mapping[KeyT, float], rng: np.random.Generator) -> KeyT:
    keys = sorted(weights)
    shares = np.array([weights[key] for key in keys])
    return keys[int(rng.choice(len(keys), p=shares / shares.sum()))]

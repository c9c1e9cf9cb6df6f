"""People who walk through the hall without wanting a robot; robots have to get along with them."""

import math
from typing import Final

import numpy as np

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import PersonId
from robot_ops.simulation.crowd import ARRIVAL_RADIUS, Crowd

_PACE: Final = (0.9, 1.5)  # m/s, Weidmann (1993): 1.34 +- 0.26
_PAUSE: Final = (3.0, 20.0)  # s at a spot
_PATIENCE: Final = 60.0  # s on the way before another spot looks better
_STUCK_SPEED: Final = 0.1  # m/s
_STUCK_TIME: Final = 4.0  # s; who has stood for so long on the way turns to another spot
_SPREAD: Final = 1.5  # m around a spot, so that people do not want the same tile


class PassersBy:
    """A constant number of people who wander between spots.

    Args:
        count: how many.
        spots: where they go, meters, map frame; at least two when `count` is not 0.
    """

    def __init__(
        self, crowd: Crowd, count: int, *, spots: tuple[tuple[float, float], ...], rng: np.random.Generator
    ) -> None:
        self._crowd = crowd
        self._missing = [PersonId(f"passer_by.{number:03d}") for number in range(1, count + 1)]
        self._spots = spots
        self._rng = rng
        self._targets: dict[PersonId, tuple[float, float]] = {}
        self._until_ns: dict[PersonId, int] = {}
        self._walking_ns: dict[PersonId, int] = {}

    @property
    def persons(self) -> tuple[PersonId, ...]:
        """Return everybody on the floor."""
        return tuple(self._targets)

    def step(self, now_ns: int) -> None:
        """Send everybody who has paused long enough, or cannot get through, to another spot."""
        self._enter(now_ns)
        for person, target in self._targets.items():
            pose = self._crowd.pose(person)
            is_there = abs(pose.x - target[0]) + abs(pose.y - target[1]) < 4 * ARRIVAL_RADIUS
            if math.hypot(*self._crowd.velocity(person)) > _STUCK_SPEED:
                self._walking_ns[person] = now_ns
            is_stuck = now_ns - self._walking_ns[person] > to_ns(_STUCK_TIME) and not is_there
            if is_there and self._until_ns[person] - now_ns > to_ns(_PAUSE[1]):
                self._until_ns[person] = now_ns + to_ns(float(self._rng.uniform(*_PAUSE)))
            elif is_stuck or now_ns >= self._until_ns[person]:
                self._send(person, now_ns)

    def _enter(self, now_ns: int) -> None:
        remaining = []
        for person in self._missing:
            x, y = self._near_a_spot(spread=2 * _SPREAD)
            if self._crowd.add(person, x, y):
                self._send(person, now_ns)
            else:
                remaining.append(person)
        self._missing = remaining

    def _send(self, person: PersonId, now_ns: int) -> None:
        target = self._near_a_spot(spread=_SPREAD)
        self._walking_ns[person] = now_ns
        self._targets[person] = target
        self._until_ns[person] = now_ns + to_ns(_PATIENCE)
        self._crowd.steer(person, *target, float(self._rng.uniform(*_PACE)))

    def _near_a_spot(self, *, spread: float) -> tuple[float, float]:
        spot = self._spots[int(self._rng.integers(len(self._spots)))]
        dx, dy = self._rng.uniform(-spread, spread, 2)
        return spot[0] + float(dx), spot[1] + float(dy)

"""Counts what robots run into and how near they come to each other and to people."""

import math
from collections import Counter
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.clock import to_ns
from robot_ops.core.poses import FloatArray

PERSON_RADIUS: Final = 0.25
"""Radius of the disk that stands for a person, in meters."""

STANDING_SPEED: Final = 0.05
"""A robot slower than this stands, m/s."""

_APART: Final = to_ns(1.0)  # contact is over when there was none for this long


class Hit(Enum):
    """What a robot ran into."""

    ROBOT = "robot"
    PERSON = "person"
    WORLD = "world"


Contact = tuple[Hit, int, int]
"""What was hit, the robot's row, and the other's row or body."""


class Encounters:
    """Statistics of one world."""

    def __init__(self) -> None:
        self._last_ns: dict[Contact, int] = {}
        self.begun: Counter[Hit] = Counter()
        self.least_robot_robot = math.inf
        self.least_robot_person = math.inf

    def touch(self, contacts: set[Contact], now_ns: int) -> None:
        """Note who touches whom now; a contact begins when there was none for a second before."""
        for contact in contacts:
            if now_ns - self._last_ns.get(contact, -_APART) >= _APART:
                self.begun[contact[0]] += 1
            self._last_ns[contact] = now_ns

    def measure(
        self,
        robots: FloatArray,
        radii: FloatArray,
        robot_levels: NDArray[np.int64],
        people: FloatArray,
        people_levels: NDArray[np.int64],
    ) -> None:
        """Note the distances between footprints (disks) on the same level.

        Args:
            robots: (N, 2) positions in meters.
            radii: (N,) meters.
            robot_levels: (N,) indexes.
            people: (M, 2) positions in meters.
            people_levels: (M,) indexes.
        """
        if len(robots) > 1:
            first, second = np.triu_indices(len(robots), 1)
            together = robot_levels[first] == robot_levels[second]
            gaps = np.hypot(*(robots[first] - robots[second]).T) - radii[first] - radii[second]
            self.least_robot_robot = min(self.least_robot_robot, float(np.min(gaps, initial=math.inf, where=together)))
        if len(robots) and len(people):
            together = robot_levels[:, None] == people_levels[None, :]
            offsets = robots[:, None, :] - people[None, :, :]
            gaps = np.hypot(offsets[..., 0], offsets[..., 1]) - radii[:, None] - PERSON_RADIUS
            self.least_robot_person = min(
                self.least_robot_person, float(np.min(gaps, initial=math.inf, where=together))
            )

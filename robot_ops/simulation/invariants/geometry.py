"""Distances between points and stretches of ways, for invariants only: traffic control has its own."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from robot_ops.core.ids import LevelId, NodeId
from robot_ops.site.model import Site


@dataclass(frozen=True, slots=True)
class Stretch:
    """A straight piece of way on one level; meters, map frame."""

    level: LevelId
    x1: float
    y1: float
    x2: float
    y2: float

    def distance_to(self, level: LevelId, x: float, y: float) -> float:
        """Return the distance of a point, infinite on other levels."""
        if level != self.level:
            return math.inf
        dx, dy = self.x2 - self.x1, self.y2 - self.y1
        square = dx * dx + dy * dy
        part = 0.0 if square == 0.0 else ((x - self.x1) * dx + (y - self.y1) * dy) / square
        part = min(1.0, max(0.0, part))
        return math.hypot(self.x1 + part * dx - x, self.y1 + part * dy - y)

    def distance_between(self, other: "Stretch") -> float:
        """Return the least distance of two stretches, 0 where they cross, infinite on different levels."""
        if other.level != self.level:
            return math.inf
        if self._crosses(other):
            return 0.0
        return min(
            self.distance_to(other.level, other.x1, other.y1),
            self.distance_to(other.level, other.x2, other.y2),
            other.distance_to(self.level, self.x1, self.y1),
            other.distance_to(self.level, self.x2, self.y2),
        )

    def is_far(self, other: "Stretch", distance: float) -> bool:
        """Return whether the boxes around the two are farther apart than the distance."""
        return (
            min(self.x1, self.x2) > max(other.x1, other.x2) + distance
            or min(other.x1, other.x2) > max(self.x1, self.x2) + distance
            or min(self.y1, self.y2) > max(other.y1, other.y2) + distance
            or min(other.y1, other.y2) > max(self.y1, self.y2) + distance
        )

    def _crosses(self, other: "Stretch") -> bool:
        first = _side(self, other.x1, other.y1) * _side(self, other.x2, other.y2)
        second = _side(other, self.x1, self.y1) * _side(other, self.x2, self.y2)
        return first < 0.0 and second < 0.0


def _side(of: Stretch, x: float, y: float) -> float:
    return (of.x2 - of.x1) * (y - of.y1) - (of.y2 - of.y1) * (x - of.x1)


def way_of(site: Site, nodes: Sequence[NodeId]) -> tuple[Stretch, ...]:
    """Return the stretches between nodes that follow each other; a node alone on its level is one of length 0."""
    points = [site.nodes[name] for name in nodes]
    pairs = [(start, end) for start, end in itertools.pairwise(points) if start.level == end.level]
    covered = {node.id for pair in pairs for node in pair}
    pairs += [(node, node) for node in points if node.id not in covered]
    return tuple(Stretch(start.level, start.x, start.y, end.x, end.y) for start, end in pairs)


def distance_of(way: Iterable[Stretch], level: LevelId, x: float, y: float) -> float:
    """Return the distance of a point from a way, infinite where the way is empty or elsewhere."""
    return min((stretch.distance_to(level, x, y) for stretch in way), default=math.inf)

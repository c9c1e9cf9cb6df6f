"""Ways around what stands on a lane, inside a corridor along it, so that traffic's separation still holds."""

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.poses import FloatArray
from robot_ops.navigation.polyline import Polyline

Clearances = Callable[[FloatArray], FloatArray]
"""From points (N, 2) to their free distance (N,) beyond the robot's footprint, in meters; negative where it touches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetourSettings:
    """How detours are looked for.

    Attributes:
        corridor: a detour stays this near to the lane, in meters.
        resolution: step of the search lattice, in meters.
        comfort: free distance below which a way costs more, in meters.
        comfort_cost: how many times as long such a way may seem.
    """

    corridor: float = 0.7
    resolution: float = 0.1
    comfort: float = 0.25
    comfort_cost: float = 2.0


_STEPS = (
    (0, 1, 1.0), (1, 0, 1.0), (0, -1, 1.0), (-1, 0, 1.0),
    (1, 1, math.sqrt(2)), (1, -1, math.sqrt(2)), (-1, 1, math.sqrt(2)), (-1, -1, math.sqrt(2)),
)  # fmt: skip


def plan_detour(
    start: tuple[float, float], route: Polyline, clearances: Clearances, settings: DetourSettings | None = None
) -> FloatArray | None:
    """Return the vertices (N, 2) of a free way from `start` to the end of `route` near it, None when there is none.

    A* (Hart et al. 1968) on the cells of the corridor, then straightened where the straight line is free as well.

    Args:
        start: the robot's position, in meters.
        route: the stretch of the lane to come back to at its end.
    """
    settings = settings or DetourSettings()
    lattice = _Lattice(start, route, clearances, settings)
    goal = (float(route.points[-1, 0]), float(route.points[-1, 1]))
    cells = lattice.find_way(start, goal)
    if cells is None:
        return None
    points = np.array([start, *(lattice.center(row, column) for row, column in cells[1:-1]), goal])
    return _straightened(points, route, clearances, settings)


class _Lattice:
    """The cells of a corridor with the factors of their cost; inf where the robot may not be."""

    def __init__(
        self, start: tuple[float, float], route: Polyline, clearances: Clearances, settings: DetourSettings
    ) -> None:
        margin = settings.corridor + settings.resolution
        corners = np.vstack((route.points, start))
        self._low = corners.min(axis=0) - margin
        self._step = settings.resolution
        shape = np.ceil((corners.max(axis=0) + margin - self._low) / self._step).astype(np.int64)
        self._width, self._height = int(shape[0]), int(shape[1])
        columns, rows = np.meshgrid(np.arange(self._width), np.arange(self._height))
        points = self._low + (np.column_stack((columns.ravel(), rows.ravel())) + 0.5) * self._step
        cost = np.full(len(points), np.inf)
        is_near = (route.distances(points) <= settings.corridor) | (
            np.hypot(points[:, 0] - start[0], points[:, 1] - start[1]) < 2.0 * self._step
        )
        free = clearances(points[is_near])
        discomfort = np.clip(1.0 - free / settings.comfort, 0.0, 1.0)
        cost[is_near] = np.where(free >= 0.0, 1.0 + (settings.comfort_cost - 1.0) * discomfort, np.inf)
        self._cost: NDArray[np.float64] = cost.reshape(self._height, self._width)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        return int((y - self._low[1]) / self._step), int((x - self._low[0]) / self._step)

    def center(self, row: int, column: int) -> tuple[float, float]:
        return float(self._low[0] + (column + 0.5) * self._step), float(self._low[1] + (row + 0.5) * self._step)

    def find_way(self, start: tuple[float, float], goal: tuple[float, float]) -> list[tuple[int, int]] | None:
        first, last = self.cell(*start), self.cell(*goal)
        cost = self._cost.tolist()
        if math.isinf(cost[last[0]][last[1]]):
            return None
        best = {first: 0.0}
        came_from: dict[tuple[int, int], tuple[int, int]] = {}
        queue = [(math.dist(first, last), first)]
        closed: set[tuple[int, int]] = set()
        while queue:
            _, cell = heapq.heappop(queue)
            if cell == last:
                way = [cell]
                while cell != first:
                    cell = came_from[cell]
                    way.append(cell)
                return way[::-1]
            if cell in closed:
                continue
            closed.add(cell)
            row, column = cell
            for d_row, d_column, length in _STEPS:
                next_row, next_column = row + d_row, column + d_column
                if not (0 <= next_row < self._height and 0 <= next_column < self._width):
                    continue
                reached = best[cell] + length * cost[next_row][next_column]
                neighbor = (next_row, next_column)
                if reached < best.get(neighbor, math.inf):
                    best[neighbor] = reached
                    came_from[neighbor] = cell
                    heapq.heappush(queue, (reached + math.dist(neighbor, last), neighbor))
        return None


def _straightened(points: FloatArray, route: Polyline, clearances: Clearances, settings: DetourSettings) -> FloatArray:
    """Return the points without those that a free straight line inside the corridor can skip."""
    kept = [0]
    while kept[-1] < len(points) - 1:
        anchor = kept[-1]
        low, high = anchor + 1, len(points) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if _is_line_free(points[anchor], points[middle], route, clearances, settings):
                low = middle
            else:
                high = middle - 1
        kept.append(low)
    return points[kept]


def _is_line_free(
    start: FloatArray, end: FloatArray, route: Polyline, clearances: Clearances, settings: DetourSettings
) -> bool:
    count = max(2, math.ceil(float(np.hypot(*(end - start))) / (0.5 * settings.resolution)) + 1)
    line = start + np.linspace(0.0, 1.0, count)[:, np.newaxis] * (end - start)
    line = line[1:]
    if float(clearances(line).min()) < 0.4 * settings.comfort:
        return False
    return float(route.distances(line).max()) <= settings.corridor + 1e-6

"""Travel times between nodes, asked for once and kept in a matrix."""

import math
from collections.abc import Sequence

import numpy as np

from robot_ops.allocation.kernels.arrays import Floats
from robot_ops.allocation.model import Travel
from robot_ops.core.ids import NodeId

_FIRST_ROOM = 64


class TravelMatrix:
    """Answers as the function it is given does, from memory where it was asked before.

    Hand the same one to every call of `allocate`, so that a plan does not ask for thousands of ways again.
    """

    def __init__(self, travel: Travel) -> None:
        self._travel = travel
        self._number: dict[NodeId, int] = {}
        self._tables: dict[float, Floats] = {}

    def __call__(self, start: NodeId, goal: NodeId, max_speed: float) -> float:
        """Return the seconds from a node to another at a top speed in m/s; infinite where there is no way."""
        row, column = self._numbers([start, goal])
        table = self._table(max_speed)
        seconds = float(table[row, column])
        if math.isnan(seconds):
            seconds = table[row, column] = self._travel(start, goal, max_speed)
        return seconds

    def block(self, starts: Sequence[NodeId], goals: Sequence[NodeId], max_speed: float) -> Floats:
        """Return (starts, goals) the seconds between them."""
        rows, columns = self._numbers(starts), self._numbers(goals)
        table = self._table(max_speed)
        block = table[np.ix_(rows, columns)]
        missing = np.argwhere(np.isnan(block))
        if len(missing):
            for row, column in missing.tolist():
                seconds = self._travel(starts[row], goals[column], max_speed)
                block[row, column] = table[rows[row], columns[column]] = seconds
        return block

    def forget(self) -> None:
        """Ask again from now on: a lane was closed, or the ways got slower."""
        self._tables.clear()

    def _numbers(self, nodes: Sequence[NodeId]) -> list[int]:
        number = self._number
        return [number.setdefault(node, len(number)) for node in nodes]

    def _table(self, max_speed: float) -> Floats:
        table = self._tables.get(max_speed)
        needed = len(self._number)
        if table is None or len(table) < needed:
            room = max(_FIRST_ROOM, 2 * needed)
            grown = np.full((room, room), np.nan)
            if table is not None:
                grown[: len(table), : len(table)] = table
            table = self._tables[max_speed] = grown
        return table

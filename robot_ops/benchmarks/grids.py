"""Cases of classical multi-agent path finding on four-connected grids."""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Squares = NDArray[np.int32]
"""(..., 2) row and column."""
Free = NDArray[np.bool_]
"""(rows, columns) where robots may be."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridCase:
    """A grid with robots' starts and goals.

    Attributes:
        is_free: (rows, columns).
        starts, goals: (robots, 2) row and column; all starts differ, and so do all goals.

    Raises:
        ValueError: shapes that do not fit each other.
    """

    name: str
    is_free: Free
    starts: Squares
    goals: Squares

    def __post_init__(self) -> None:
        if self.starts.shape != self.goals.shape or self.starts.ndim != 2 or self.starts.shape[1] != 2:
            raise ValueError(f"starts {self.starts.shape} and goals {self.goals.shape} must both be (robots, 2)")


def steps_to(is_free: Free, goal: tuple[int, int]) -> NDArray[np.int32]:
    """Return (rows, columns) the least steps from every square to the goal, -1 where no way leads there."""
    rows, columns = is_free.shape
    steps = np.full(is_free.shape, -1, dtype=np.int32)
    steps[goal] = 0
    queue = deque([goal])
    while queue:
        row, column = queue.popleft()
        for r, c in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if 0 <= r < rows and 0 <= c < columns and is_free[r, c] and steps[r, c] < 0:
                steps[r, c] = steps[row, column] + 1
                queue.append((r, c))
    return steps


def lower_bound(case: GridCase) -> int:
    """Return the sum of the robots' shortest ways, others aside, in steps."""
    pairs = zip(case.starts.tolist(), case.goals.tolist(), strict=True)
    return sum(int(steps_to(case.is_free, (goal[0], goal[1]))[start[0], start[1]]) for start, goal in pairs)

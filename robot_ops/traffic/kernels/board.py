"""What the joint planning of all robots works on: their wishes, and a board with where everybody stands."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import Bools, Floats, Ints

Words = NDArray[np.int64]
STAY: Final = -1
FREE: Final = -2
"""In `Board.forced`: the robot may choose."""
NO_SWAPS: Final = 0
PLAIN_FORKS: Final = 1
"""All but for dead ends whose robots have arrived (as published)."""
FREE_FORKS: Final = 2
"""Two ways that are not full of robots."""
ROOMY_FORKS: Final = 3
"""Two ways with room for all robots that would be pushed there."""


class Team(NamedTuple):
    """The robots and what they want; nothing of it changes in a step.

    Attributes:
        goal: (robots,) node, -1 where a robot may end anywhere.
        row: (robots,) its row in `to_goal`, -1 without a goal.
        to_goal: (rows, nodes) seconds; inf where no way leads there.
        speed_row: (robots,) its row in `arc_seconds`; arc_seconds: (rows, arcs), inf where it is never sent along.
        tail: (robots,) meters of its party.
        is_barred: (arcs,) nobody may enter.
        is_passing: (arcs,) from `passing_arcs`.
        usual: seconds that a step takes who waits.
        noise: seconds that chance may add to what a choice costs.
        swaps: at what forks robots change places: NO_SWAPS, PLAIN_FORKS, FREE_FORKS or ROOMY_FORKS.
    """

    goal: Ints
    row: Ints
    to_goal: Floats
    speed_row: Ints
    arc_seconds: Floats
    tail: Floats
    is_barred: Bools
    is_passing: Bools
    usual: float
    noise: float
    swaps: int


class Board(NamedTuple):
    """Where everybody stands, and the working memory of a step.

    Slot k * width of robot k is its node, the following ones are the lanes of its trail, nearest first.

    Attributes:
        cell: (robots * width,) per slot; length: (robots * width,) meters; used: (robots,) slots in use.
        head: (cells,) a slot on this cell, -1 for none; after, before: (robots * width,) the others on the same cell.
        reserved: (cells,) how many robots that push need the cell free.
        is_settled, forced, taken: (robots,); forced: STAY, FREE or an arc; taken: STAY or the arc it has moved.
        choice, score, crowd: (robots, most arcs at a node + 1) the best first; choices, at: (robots,) how many there
            are, which is tried.
        swap: (robots,) with whom it wants to change places, -1 for nobody.
        stack: (robots,) who is choosing, the pushed ones last.
        mover, arc: (robots,) the moves of the step in their order; moves: (1,) how many.
        seen, queue: (nodes,), of the last search for room; searches: (1,) its number, which marks a node as seen.
        chance: (1,) state of the random numbers.
    """

    cell: Ints
    length: Floats
    used: Ints
    head: Ints
    after: Ints
    before: Ints
    reserved: Ints
    is_settled: Bools
    forced: Ints
    taken: Ints
    choice: Ints
    score: Floats
    crowd: Floats
    choices: Ints
    at: Ints
    swap: Ints
    stack: Ints
    mover: Ints
    arc: Ints
    moves: Ints
    seen: Ints
    queue: Ints
    searches: Ints
    chance: Words


@kernel
def whole(value: int) -> int:
    """Return a number as kernels hand it on: always of one type, so that none of them is compiled twice."""
    return value + 0


@kernel
def draw(chance: Words) -> float:
    """Return the next random number in [0, 1) (linear congruential, Knuth's MMIX; the high bits)."""
    chance[0] = chance[0] * 6364136223846793005 + 1442695040888963407
    return float((chance[0] >> 33) & 0x7FFFFFFF) / 2147483648.0


@kernel
def link(cells: Ints, head: Ints, after: Ints, before: Ints, slot: int, cell: int) -> None:
    """Let a slot take up a cell; the arrays are those of a board."""
    first = head[cell]
    cells[slot] = cell
    before[slot] = -1
    after[slot] = first
    if first >= 0:
        before[first] = slot
    head[cell] = slot


@kernel
def unlink(cells: Ints, head: Ints, after: Ints, before: Ints, slot: int) -> None:
    """Take a slot off its cell."""
    earlier, later = before[slot], after[slot]
    if earlier >= 0:
        after[earlier] = later
    else:
        head[cells[slot]] = later
    if later >= 0:
        before[later] = earlier

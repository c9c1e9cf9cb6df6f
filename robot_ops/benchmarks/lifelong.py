"""Lifelong throughput: robots that turn get a new goal as soon as they reach one.

The anchor is PIBT with a guidance graph: edge weights found by running it and making crowded ways dearer, round by
round (Chen et al. 2024, Zhang et al. 2024). Ours plans operations of several steps and then improves them (EPIBT).
"""

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from robot_ops.benchmarks.grids import Free
from robot_ops.benchmarks.lifelong_kernels import (
    AHEAD,
    LEFT,
    RIGHT,
    WAIT,
    Day,
    Field,
    Floats,
    Guidance,
    Ints,
    distances,
    run_day,
)
from robot_ops.benchmarks.pibt_kernels import run_pibt_day

_HEADINGS: Final = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""Row and column; each is the one before turned right."""
_GOALS: Final = 400
"""Drawn for each robot; more than it can reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How robots plan.

    Attributes:
        span: steps of an operation, 0 for PIBT; revisions: robots that try to improve the joint plan, per step.
        visits: how often a robot may be made to choose anew by others, per step.
    """

    span: int
    revisions: int
    visits: int


PIBT: Final = Style(span=0, revisions=0, visits=0)
EPIBT: Final = Style(span=4, revisions=200, visits=1)


class Arena:
    """A grid, prepared for operations of some length.

    Args:
        is_free: (rows, columns), connected.
    """

    def __init__(self, is_free: Free, style: Style) -> None:
        self.is_free = is_free
        self.squares = np.argwhere(is_free).astype(np.int32)
        self.style = style
        self.depth = dead_end_depth(is_free)
        self.field = _field(is_free, max(style.span, 1))

    def guidance(self, cost: Floats | None = None) -> Guidance:
        """Return what driving costs; `cost` is (states,) of driving ahead from there, 1 everywhere by default."""
        cost = np.ones(4 * len(self.squares), dtype=np.float32) if cost is None else cost
        return Guidance(cost, distances(self.field.ahead, cost), _spent(self.field, cost))

    def run(self, guidance: Guidance, *, robots: int, steps: int, seed: int) -> Day:
        """Let robots with random starts and goals drive for some steps."""
        rng = np.random.default_rng(seed)
        squares = len(self.squares)
        start = (4 * rng.permutation(squares)[:robots] + rng.integers(0, 4, robots)).astype(np.int32)
        goals = rng.integers(0, squares, (robots, _GOALS)).astype(np.int32)
        repeats = goals[:, 1:] == goals[:, :-1]
        goals[:, 1:][repeats] = (goals[:, 1:][repeats] + 1) % squares
        style = self.style
        if style.span == 0:
            ahead, cost, to_goal = self.field.ahead, guidance.cost, guidance.to_goal
            return run_pibt_day(ahead, cost, to_goal, self.depth, start, goals, steps, seed)
        return run_day(self.field, guidance, start, goals, steps, style.revisions, style.visits, seed)


def find_guidance(arena: Arena, *, robots: int, steps: int, rounds: int, seed: int) -> Guidance:
    """Return the best guidance of some rounds: ways that meet oncoming robots, and squares to wait on, get dearer.

    Training days have seeds of their own, from `seed` on.
    """
    cost = np.ones(4 * len(arena.squares), dtype=np.float32)
    best, guidance = -1, arena.guidance(cost)
    kept = guidance
    states = np.arange(len(cost))
    ends = arena.field.ahead.ravel()
    against = np.where(ends >= 0, 4 * ends + (states + 2) % 4, states)
    oncoming: NDArray[np.float64] = np.zeros(len(cost))
    crowd: NDArray[np.float64] = np.zeros(len(cost))
    for number in range(rounds):
        days = [arena.run(guidance, robots=robots, steps=steps, seed=seed + k) for k in range(3)]
        finished = sum(int(day.finished.sum()) for day in days)
        if finished > best:
            best, kept = finished, guidance
        flow = np.sum([day.flow for day in days], axis=0) / (len(days) * steps)
        waits = np.sum([day.waits for day in days], axis=0).reshape(-1, 4).sum(axis=1) / (len(days) * steps)
        share = 1.0 / (number + 1.0)
        oncoming += share * (flow[against] - oncoming)
        crowd += share * (waits[np.maximum(ends, 0)] - crowd)
        cost = (1.0 + 4.0 * oncoming + 1.5 * crowd).astype(np.float32)
        guidance = arena.guidance(cost)
    return kept


def day_fault(arena: Arena, day: Day) -> str:
    """Return what is wrong with a day by the rules of robots that turn, an empty text if nothing."""
    squares, headings = day.states // 4, day.states % 4
    for step in range(len(squares)):
        if len(np.unique(squares[step])) < squares.shape[1]:
            return f"two robots are on one square after step {step}"
    places = arena.squares[squares]
    for step in range(len(squares) - 1):
        moved = places[step + 1] - places[step]
        is_moving = moved.any(axis=1)
        turned = (headings[step + 1] - headings[step]) % 4
        if (is_moving & (turned != 0)).any() or (turned == 2).any():
            return f"a robot does two things in step {step}"
        if (moved[is_moving] != np.array(_HEADINGS)[headings[step][is_moving]]).any():
            return f"a robot does not drive ahead in step {step}"
        came = {int(square): robot for robot, square in enumerate(squares[step + 1])}
        for robot in np.flatnonzero(is_moving).tolist():
            other = came.get(int(squares[step, robot]), robot)
            if other != robot and squares[step, other] == squares[step + 1, robot]:
                return f"two robots swap in step {step}"
    return ""


def dead_end_depth(is_free: Free) -> Ints:
    """Return (squares,) how many steps it is to a square from which robots can go round; 0 there."""
    around = np.pad(is_free, 1)
    is_left = around.copy()
    while True:
        ways = sum(np.roll(is_left, shift, axis).astype(np.int32) for axis in (0, 1) for shift in (1, -1))
        is_end = is_left & (ways <= 1)
        if not is_end.any():
            break
        is_left[is_end] = False
    depth = np.where(is_left, 0, -1).astype(np.int32)
    steps, is_new = 0, is_left
    while is_new.any():
        steps += 1
        reached = np.any([np.roll(is_new, shift, axis) for axis in (0, 1) for shift in (1, -1)], axis=0)
        is_new = reached & around & (depth < 0)
        depth[is_new] = steps
    return np.maximum(depth[1:-1, 1:-1][is_free], 0).astype(np.int32)


def _field(is_free: Free, span: int) -> Field:
    numbers = np.full(np.array(is_free.shape) + 2, -1, dtype=np.int32)
    numbers[1:-1, 1:-1][is_free] = np.arange(int(is_free.sum()))
    at = np.argwhere(is_free) + 1
    ahead = np.stack([numbers[at[:, 0] + dr, at[:, 1] + dc] for dr, dc in _HEADINGS], axis=1).astype(np.int32)
    operations, rest = _operations(span)
    states = np.arange(4 * len(at), dtype=np.int32)
    path = np.empty((len(states), len(operations), span), dtype=np.int32)
    final = np.empty((len(states), len(operations)), dtype=np.int32)
    for index, actions in enumerate(operations):
        square, heading = states // 4, states % 4
        is_possible = np.ones(len(states), dtype=np.bool_)
        for step, action in enumerate(actions):
            if action == AHEAD:
                is_possible &= ahead[square, heading] >= 0
                square = np.where(is_possible, ahead[square, heading], square)
            heading = (heading + {RIGHT: 1, LEFT: 3}.get(action, 0)) % 4
            path[:, index, step] = square
        path[~is_possible, index, 0] = -1
        final[:, index] = 4 * square + heading
    first = np.array([actions[0] for actions in operations], dtype=np.int32)
    return Field(ahead, path, final, first, rest)


def _operations(span: int) -> tuple[list[tuple[int, ...]], Ints]:
    """Return all operations that differ in where a robot is when, and where it looks at the end; turns come early."""
    known: dict[tuple[tuple[int, ...], ...], tuple[int, ...]] = {}
    for actions in itertools.product((AHEAD, RIGHT, LEFT, WAIT), repeat=span):
        known.setdefault(_trace(actions), actions)
    operations = list(known.values())
    number = {trace: index for index, trace in enumerate(known)}
    rest = [number[_trace((*actions[1:], WAIT))] for actions in operations]
    return operations, np.array(rest, dtype=np.int32)


def _trace(actions: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    row, column, heading = 0, 0, 0
    places: list[tuple[int, ...]] = []
    for action in actions:
        if action == AHEAD:
            row, column = row + _HEADINGS[heading][0], column + _HEADINGS[heading][1]
        heading = (heading + {RIGHT: 1, LEFT: 3}.get(action, 0)) % 4
        places.append((row, column))
    return (*places, (heading,))


def _spent(field: Field, cost: Floats) -> Floats:
    """Return (states, operations, steps) what each operation has cost up to each step."""
    squares = np.concatenate(
        [np.broadcast_to((np.arange(len(field.path)) // 4)[:, None, None], (*field.path.shape[:2], 1)), field.path],
        axis=2,
    )
    before, after = squares[:, :, :-1], squares[:, :, 1:]
    step_cost: NDArray[np.float32] = np.ones(field.path.shape, dtype=np.float32)
    for heading in range(4):
        ahead = field.ahead[before, heading]
        step_cost = np.where((ahead == after) & (ahead != before) & (ahead >= 0), cost[4 * before + heading], step_cost)
    return np.cumsum(step_cost, axis=2, dtype=np.float32)

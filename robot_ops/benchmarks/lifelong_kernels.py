"""Compiled loops of lifelong planning for robots that turn on a grid: guided distances and EPIBT.

Robots stand on a square and look in one of four directions; a step drives one square ahead, turns by 90 degrees or
waits. Every robot plans an operation of a few steps. Each step all robots revise their operations, one after another;
who would collide with exactly one other robot makes that one revise its own first (Yukhnevich and Andreychuk 2025).
Operations of one step give PIBT (Okumura et al. 2022) for robots that turn.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.board import Words, draw
from robot_ops.traffic.kernels.heap import pop, push

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

AHEAD: Final = 0
RIGHT: Final = 1
LEFT: Final = 2
WAIT: Final = 3
_NOBODY: Final = -1
_SEVERAL: Final = -2


class Field(NamedTuple):
    """The grid with all operations, unrolled for every state (square * 4 + direction).

    Attributes:
        ahead: (squares, 4) the square ahead, -1 where it is blocked.
        path: (states, operations, steps) squares after each step; the first is -1 where the operation is not possible.
        final: (states, operations) the state at the end.
        first: (operations,) the first action; rest: (operations,) the operation that goes on with the others and waits.
    """

    ahead: Ints
    path: Ints
    final: Ints
    first: Ints
    rest: Ints


class Guidance(NamedTuple):
    """What driving costs, and so which way robots take.

    Attributes:
        cost: (states,) of driving ahead, about 1; turns and waits cost 1.
        to_goal: (squares, states) least cost from a state to the goal square.
        spent: (states, operations, steps) cost up to each step.
    """

    cost: Floats
    to_goal: Floats
    spent: Floats


class Day(NamedTuple):
    """What happened.

    Attributes:
        states: (steps + 1, robots); finished: (robots,) goals reached.
        flow: (states,) how often robots drove ahead from a state; waits: (states,) how often they waited there.
    """

    states: Ints
    finished: Ints
    flow: Ints
    waits: Ints


@kernel
def distances(ahead: Ints, cost: Floats) -> Floats:
    """Return (squares, states) least costs to every square, for `Guidance.to_goal`; inf where no way leads there."""
    squares = len(ahead)
    states = 4 * squares
    table = np.full((squares, states), np.inf, dtype=np.float32)
    heap_cost = np.empty(8 * states, dtype=np.float32)
    heap_state = np.empty(8 * states, dtype=np.int32)
    for goal in range(squares):
        best = table[goal]
        size = 0
        for direction in range(4):
            best[4 * goal + direction] = 0.0
            size = push(heap_cost, heap_state, size, np.float32(0.0), 4 * goal + direction)
        while size > 0:
            spent, state = heap_cost[0], heap_state[0]
            size = pop(heap_cost, heap_state, size)
            if spent > best[state]:
                continue
            square, direction = state // 4, state % 4
            for turn in (1, 3):
                other = 4 * square + (direction + turn) % 4
                if spent + np.float32(1.0) < best[other]:
                    best[other] = spent + np.float32(1.0)
                    size = push(heap_cost, heap_state, size, best[other], other)
            behind = ahead[square, (direction + 2) % 4]
            if behind >= 0:
                other = 4 * behind + direction
                total = spent + cost[other]
                if total < best[other]:
                    best[other] = total
                    size = push(heap_cost, heap_state, size, total, other)
    return table


class _Table(NamedTuple):
    """What robots plan just now.

    Attributes:
        taken: (steps + 1, squares) who is where after how many steps, -1 for nobody.
        state, operation: (robots,); ranked: (robots, operations) the best first; weight: the same order.
        possible: (robots,) how many of them there are; 0 where they are not ranked yet.
    """

    taken: Ints
    state: Ints
    operation: Ints
    ranked: Ints
    weight: Floats
    possible: Ints
    is_open: NDArray[np.bool_]
    visits: Ints
    chance: Words


@kernel
def run_day(
    field: Field, guidance: Guidance, start: Ints, goals: Ints, steps: int, revisions: int, visits: int, seed: int
) -> Day:
    """Let robots drive from goal to goal for some steps.

    Args:
        start: (robots,) states, no two on one square; goals: (robots, many) squares, one after the other.
        revisions: how many robots, drawn by chance, try to make the sum of all costs less in every step.
        visits: how often a robot may be made to revise its operation in a step, beside its own turn.
    """
    chance = np.array([seed], dtype=np.int64)
    robots, operations, span = len(start), len(field.first), field.path.shape[2]
    table = _Table(
        np.full((span + 1, len(field.ahead)), -1, dtype=np.int32),
        start.copy(),
        np.full(robots, field.rest[0], dtype=np.int32),
        np.empty((robots, operations), dtype=np.int32),
        np.empty((robots, operations), dtype=np.float32),
        np.zeros(robots, dtype=np.int32),
        np.zeros(robots, dtype=np.bool_),
        np.zeros(robots, dtype=np.int32),
        chance,
    )
    day = Day(
        np.empty((steps + 1, robots), dtype=np.int32),
        np.zeros(robots, dtype=np.int32),
        np.zeros(4 * len(field.ahead), dtype=np.int32),
        np.zeros(4 * len(field.ahead), dtype=np.int32),
    )
    stay = _waiting(field)
    table.operation[:] = stay
    day.states[0] = start
    left = np.empty(robots, dtype=np.float32)
    for step in range(steps):
        table.taken[:] = _NOBODY
        for robot in range(robots):
            table.taken[0, table.state[robot] // 4] = robot
            _reserve(field, table, robot)
            table.possible[robot] = 0
            left[robot] = guidance.to_goal[goals[robot, day.finished[robot]], table.state[robot]]
        table.visits[:] = 0
        for robot in np.argsort(left):
            if table.visits[robot] == 0:
                _revise(field, guidance, goals, day.finished, table, robot, visits, False)
        for _ in range(revisions):
            table.visits[:] = 0
            _revise(field, guidance, goals, day.finished, table, int(draw(chance) * robots), visits, True)
        for robot in range(robots):
            _drive(field, table, day, robot)
            if table.state[robot] // 4 == goals[robot, day.finished[robot]]:
                day.finished[robot] += 1
        day.states[step + 1] = table.state
    return day


@kernel
def _waiting(field: Field) -> int:
    """Return the operation that only waits: the one that all end in."""
    operation = 0
    for _ in range(field.path.shape[2]):
        operation = field.rest[operation]
    return operation


@kernel
def _drive(field: Field, table: _Table, day: Day, robot: int) -> None:
    state, operation = table.state[robot], table.operation[robot]
    action = field.first[operation]
    square, direction = state // 4, state % 4
    if action == AHEAD:
        day.flow[state] += 1
        square = field.ahead[square, direction]
    elif action == RIGHT:
        direction = (direction + 1) % 4
    elif action == LEFT:
        direction = (direction + 3) % 4
    else:
        day.waits[state] += 1
    table.state[robot] = 4 * square + direction
    table.operation[robot] = field.rest[operation]


@kernel
def _reserve(field: Field, table: _Table, robot: int) -> None:
    state, operation = table.state[robot], table.operation[robot]
    for step in range(field.path.shape[2]):
        table.taken[step + 1, field.path[state, operation, step]] = robot


@kernel
def _release(field: Field, table: _Table, robot: int) -> None:
    state, operation = table.state[robot], table.operation[robot]
    for step in range(field.path.shape[2]):
        table.taken[step + 1, field.path[state, operation, step]] = _NOBODY


@kernel
def _rank(field: Field, guidance: Guidance, goal: int, table: _Table, robot: int) -> None:
    """Weigh all operations: what they cost, and what is left to the goal; nothing once the goal is reached."""
    state, span, count = table.state[robot], field.path.shape[2], 0
    weights, ranked = table.weight[robot], table.ranked[robot]
    for operation in range(len(field.first)):
        if field.path[state, operation, 0] < 0:
            continue
        weight = guidance.spent[state, operation, span - 1] + guidance.to_goal[goal, field.final[state, operation]]
        for step in range(span):
            if field.path[state, operation, step] == goal:
                weight = guidance.spent[state, operation, step]
                break
        weight += np.float32(1e-3) * np.float32(draw(table.chance))
        at = count
        while at > 0 and weights[at - 1] > weight:
            weights[at], ranked[at] = weights[at - 1], ranked[at - 1]
            at -= 1
        weights[at], ranked[at] = weight, operation
        count += 1
    table.possible[robot] = count


@kernel
def _collides(field: Field, table: _Table, robot: int, operation: int) -> int:
    """Return with whom the operation would collide, -1 for nobody, -2 for more than one."""
    state, found = table.state[robot], _NOBODY
    before = state // 4
    for step in range(field.path.shape[2]):
        square = field.path[state, operation, step]
        other = table.taken[step + 1, square]
        if _is_new(other, robot, found):
            if found != _NOBODY:
                return _SEVERAL
            found = other
        if square != before:
            other = table.taken[step, square]
            if _is_new(other, robot, found) and table.taken[step + 1, before] == other:
                if found != _NOBODY:
                    return _SEVERAL
                found = other
        before = square
    return found


@kernel
def _is_new(other: int, robot: int, found: int) -> bool:
    return other >= 0 and other != robot and other != found


@kernel
def _revise(
    field: Field,
    guidance: Guidance,
    goals: Ints,
    finished: Ints,
    table: _Table,
    first: int,
    visits: int,
    must_gain: bool,
) -> bool:
    """Let a robot choose its operation anew, and those it would collide with; return whether anything came of it.

    Args:
        must_gain: take only what makes the sum of the costs of all who chose anew less.
    """
    chain = np.empty(len(table.state) + 1, dtype=np.int32)
    at = np.zeros(len(table.state) + 1, dtype=np.int32)
    old = np.empty(len(table.state) + 1, dtype=np.int32)
    gains = np.zeros(len(table.state) + 1, dtype=np.float32)  # of the robots before in the chain, added up
    depth = 0
    chain[0], old[0] = first, table.operation[first]
    table.is_open[first] = True
    table.visits[first] += 1
    _release(field, table, first)
    while True:
        robot = chain[depth]
        if table.possible[robot] == 0:
            _rank(field, guidance, goals[robot, finished[robot]], table, robot)
        before = _weight_of(table, robot, old[depth])
        pushed = _SEVERAL
        while at[depth] < table.possible[robot]:
            index = at[depth]
            at[depth] += 1
            gain = gains[depth] + before - table.weight[robot, index]
            operation = table.ranked[robot, index]
            if must_gain and depth == 0 and gain <= 1e-2:
                at[depth] = table.possible[robot]
                break
            other = _collides(field, table, robot, operation)
            if other == _NOBODY and (not must_gain or gain > 1e-2):
                table.operation[robot] = operation
                _reserve(field, table, robot)
                for k in range(depth + 1):
                    table.is_open[chain[k]] = False
                return True
            if other >= 0 and not table.is_open[other] and table.visits[other] <= visits:
                table.operation[robot] = operation
                gains[depth + 1] = gain
                pushed = other
                break
        if pushed >= 0:
            _release(field, table, pushed)
            _reserve(field, table, robot)
            depth += 1
            chain[depth], at[depth], old[depth] = pushed, 0, table.operation[pushed]
            table.is_open[pushed] = True
            table.visits[pushed] += 1
            continue
        table.is_open[robot] = False
        table.operation[robot] = old[depth]
        if depth == 0:
            _reserve(field, table, robot)
            return False
        depth -= 1
        _release(field, table, chain[depth])
        _reserve(field, table, robot)


@kernel
def _weight_of(table: _Table, robot: int, operation: int) -> float:
    for index in range(table.possible[robot]):
        if table.ranked[robot, index] == operation:
            return float(table.weight[robot, index])
    return np.inf

"""PIBT (Okumura et al. 2022) for robots that turn, compiled: the anchor that lifelong planning is compared with.

Robots choose the next square, whatever way they look, and keep that choice until they are there: they turn to it first,
and drive on as soon as who stands there drives on in the same step (as the start kit of the League of Robot Runners).
"""

from typing import Final, NamedTuple

import numpy as np

from robot_ops.benchmarks.lifelong_kernels import Day, Floats, Ints
from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.board import Words, draw

_NOBODY: Final = -1


class _Round(NamedTuple):
    """Who stands where and who wants to go where.

    Attributes:
        state, target: (robots,); target is a square, the own one for who stays.
        standing, claimed: (squares,) robot, -1 for nobody.
        choice: (robots, 5) squares, the best first; choices, at: (robots,) how many, and which is tried.
    """

    state: Ints
    target: Ints
    standing: Ints
    claimed: Ints
    choice: Ints
    score: Floats
    choices: Ints
    at: Ints
    is_decided: Ints
    chance: Words


@kernel
def run_pibt_day(
    ahead: Ints, cost: Floats, to_goal: Floats, depth: Ints, start: Ints, goals: Ints, steps: int, seed: int
) -> Day:
    """Let robots drive from goal to goal for some steps; see `run_day`.

    Args:
        depth: (squares,) how deep in a dead end they are, 0 where robots can go round; the deepest choose first.
    """
    robots, squares = len(start), len(ahead)
    now = _Round(
        start.copy(),
        start // 4,
        np.full(squares, -1, dtype=np.int32),
        np.full(squares, -1, dtype=np.int32),
        np.empty((robots, 5), dtype=np.int32),
        np.empty((robots, 5), dtype=np.float32),
        np.zeros(robots, dtype=np.int32),
        np.zeros(robots, dtype=np.int32),
        np.zeros(robots, dtype=np.int32),
        np.array([seed], dtype=np.int64),
    )
    day = Day(
        np.empty((steps + 1, robots), dtype=np.int32),
        np.zeros(robots, dtype=np.int32),
        np.zeros(4 * squares, dtype=np.int32),
        np.zeros(4 * squares, dtype=np.int32),
    )
    day.states[0] = start
    rank = np.arange(robots) / robots
    for step in range(steps):
        now.standing[:] = _NOBODY
        now.claimed[:] = _NOBODY
        for robot in range(robots):
            square = now.state[robot] // 4
            now.standing[square] = robot
            now.is_decided[robot] = 1 if now.target[robot] != square else 0
            if now.is_decided[robot]:
                now.claimed[now.target[robot]] = robot
        urgency = rank.copy()
        for robot in range(robots):
            urgency[robot] += steps * depth[now.state[robot] // 4]
        for robot in np.argsort(-urgency):
            if not now.is_decided[robot]:
                _choose(ahead, cost, to_goal, goals, day.finished, now, robot)
        _act(ahead, now, day)
        for robot in range(robots):
            rank[robot] += 1.0
            if now.state[robot] // 4 == goals[robot, day.finished[robot]]:
                day.finished[robot] += 1
                rank[robot] = robot / robots
        day.states[step + 1] = now.state
    return day


@kernel
def _choose(ahead: Ints, cost: Floats, to_goal: Floats, goals: Ints, finished: Ints, now: _Round, first: int) -> None:
    """Let a robot choose, and those it pushes before it."""
    stack = np.empty(len(now.state), dtype=np.int32)
    depth = 0
    stack[0] = first
    _list_choices(ahead, cost, to_goal, goals[first, finished[first]], now, first)
    while depth >= 0:
        robot = stack[depth]
        square = now.state[robot] // 4
        pushed, is_done = _NOBODY, False
        while now.at[robot] < now.choices[robot] and not is_done and pushed < 0:
            there = now.choice[robot, now.at[robot]]
            now.at[robot] += 1
            other = now.standing[there]
            if now.claimed[there] >= 0:
                continue
            if other >= 0 and other != robot and now.is_decided[other] and now.target[other] == square:
                continue
            now.claimed[there], now.target[robot] = robot, there
            if other >= 0 and other != robot and not now.is_decided[other]:
                pushed = other
            else:
                is_done = True
        if pushed >= 0:
            depth += 1
            stack[depth] = pushed
            _list_choices(ahead, cost, to_goal, goals[pushed, finished[pushed]], now, pushed)
            continue
        if is_done:
            return
        now.claimed[square], now.target[robot] = robot, square
        depth -= 1


@kernel
def _list_choices(ahead: Ints, cost: Floats, to_goal: Floats, goal: int, now: _Round, robot: int) -> None:
    state = now.state[robot]
    square, heading = state // 4, state % 4
    now.is_decided[robot], now.at[robot], now.choices[robot] = 1, 0, 0
    for direction in range(5):
        there, score = square, to_goal[goal, state] + np.float32(0.5)
        if direction < 4:
            there = ahead[square, direction]
            if there < 0:
                continue
            turn = (direction - heading) % 4
            turns = min(turn, 4 - turn)
            score = np.float32(turns) + cost[4 * square + direction] + to_goal[goal, 4 * there + direction]
        score += np.float32(1e-3) * np.float32(draw(now.chance))
        at = now.choices[robot]
        while at > 0 and now.score[robot, at - 1] > score:
            now.score[robot, at], now.choice[robot, at] = now.score[robot, at - 1], now.choice[robot, at - 1]
            at -= 1
        now.score[robot, at], now.choice[robot, at] = score, there
        now.choices[robot] += 1


@kernel
def _act(ahead: Ints, now: _Round, day: Day) -> None:
    """Drive who can, turn who must."""
    robots = len(now.state)
    may = np.full(robots, -1, dtype=np.int32)  # whether a robot drives in this step; -1 not known yet
    for robot in range(robots):
        state = now.state[robot]
        if now.target[robot] == state // 4 or ahead[state // 4, state % 4] != now.target[robot]:
            may[robot] = 0
    for robot in range(robots):
        at, count = robot, 0
        while may[at] < 0 and count <= robots and now.standing[now.target[at]] >= 0:
            at, count = now.standing[now.target[at]], count + 1
        answer = may[at] if may[at] >= 0 else 1  # the way is free, or they go round
        at = robot
        while may[at] < 0:
            may[at] = answer
            if now.standing[now.target[at]] < 0:
                break
            at = now.standing[now.target[at]]
    for robot in range(robots):
        state = now.state[robot]
        if may[robot]:
            day.flow[state] += 1
            now.state[robot] = 4 * now.target[robot] + state % 4
        elif now.target[robot] != state // 4 and ahead[state // 4, state % 4] != now.target[robot]:
            is_right = ahead[state // 4, (state + 1) % 4] == now.target[robot]
            now.state[robot] = 4 * (state // 4) + (state + (1 if is_right else 3)) % 4
        else:
            day.waits[state] += 1

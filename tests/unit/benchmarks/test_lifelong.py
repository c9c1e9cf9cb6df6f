"""Robots that turn drive by the rules from goal to goal, whichever way they plan."""

from collections import deque

import numpy as np
import pytest

from robot_ops.benchmarks.generated import random_grid
from robot_ops.benchmarks.lifelong import EPIBT, PIBT, Arena, Style, day_fault, dead_end_depth, find_guidance
from robot_ops.benchmarks.lifelong_kernels import Day

GRID = random_grid(3, side=12)
SMALL = Style(span=3, revisions=10, visits=1)


def plain_distances(ahead: np.ndarray, goal: int) -> list[int]:
    """Return least steps from every state to the goal, by breadth-first search backward."""
    best = {4 * goal + heading: 0 for heading in range(4)}
    queue = deque(best)
    while queue:
        state = queue.popleft()
        square, heading = divmod(state, 4)
        before = [4 * square + (heading + 1) % 4, 4 * square + (heading + 3) % 4]
        behind = int(ahead[square, (heading + 2) % 4])
        before += [4 * behind + heading] if behind >= 0 else []
        for other in before:
            if other not in best:
                best[other] = best[state] + 1
                queue.append(other)
    return [best[state] for state in range(4 * len(ahead))]


def test_distances_are_those_of_a_plain_search() -> None:
    arena = Arena(GRID, PIBT)
    table = arena.guidance().to_goal
    for goal in range(0, len(arena.squares), 17):
        assert table[goal].tolist() == plain_distances(arena.field.ahead, goal)


@pytest.mark.parametrize("style", [PIBT, SMALL, EPIBT])
@pytest.mark.parametrize("seed", [1, 2])
def test_days_are_by_the_rules_and_repeatable(style: Style, seed: int) -> None:
    arena = Arena(GRID, style)
    guidance = arena.guidance()
    day = arena.run(guidance, robots=25, steps=60, seed=seed)
    assert day_fault(arena, day) == ""
    assert day.finished.sum() > 20
    again = arena.run(guidance, robots=25, steps=60, seed=seed)
    assert (again.states == day.states).all()


def test_one_robot_takes_the_shortest_way() -> None:
    for style in (PIBT, SMALL):
        arena = Arena(GRID, style)
        day = arena.run(arena.guidance(), robots=1, steps=100, seed=5)
        rng = np.random.default_rng(5)
        start = 4 * rng.permutation(len(arena.squares))[:1] + rng.integers(0, 4, 1)
        goal = int(rng.integers(0, len(arena.squares), (1, 400))[0, 0])
        steps = plain_distances(arena.field.ahead, goal)[int(start[0])]
        assert day.states[steps, 0] // 4 == goal


def test_more_than_one_robot_at_a_time_gets_along_with_guidance() -> None:
    arena = Arena(GRID, PIBT)
    guidance = find_guidance(arena, robots=20, steps=60, rounds=2, seed=0)
    assert (guidance.cost >= 1.0).all()
    assert day_fault(arena, arena.run(guidance, robots=20, steps=60, seed=9)) == ""


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ([0, 4], [4, 4], "one square"),
        ([0, 8], [8, 8 + 1], "one square|two things|ahead"),
        ([0, 4 + 2], [4, 0 + 2], "swap"),
        ([0, 8], [2, 8], "two things"),
        ([0, 8], [5, 8], "two things"),
        ([3, 8], [4 + 3, 8], "ahead"),
    ],
)
def test_faults_of_days_are_found(before: list[int], after: list[int], what: str) -> None:
    arena = Arena(np.ones((1, 3), dtype=np.bool_), PIBT)
    states = np.array([before, after], dtype=np.int32)
    none = np.zeros(12, dtype=np.int32)
    fault = day_fault(arena, Day(states, none[:2], none, none))
    assert any(part in fault for part in what.split("|")), fault


def test_dead_ends_are_deepest_at_their_end() -> None:
    rows = ["....", "..@@", "@.@@", "@.@@"]
    is_free = np.array([[letter == "." for letter in row] for row in rows])
    depth = np.zeros(is_free.shape, dtype=int)
    depth[is_free] = dead_end_depth(is_free)
    assert depth.tolist() == [[0, 0, 1, 2], [0, 0, 0, 0], [0, 1, 0, 0], [0, 2, 0, 0]]

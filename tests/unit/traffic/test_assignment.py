"""The assignment against all permutations."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from robot_ops.traffic.assignment import least_cost

COSTS = st.one_of(st.integers(0, 30).map(float), st.just(math.inf))


@st.composite
def tables(draw: st.DrawFn) -> list[list[float]]:
    columns = draw(st.integers(1, 5))
    return draw(st.lists(st.lists(COSTS, min_size=columns, max_size=columns), min_size=1, max_size=4))


def worth(costs: list[list[float]], columns: list[int | None]) -> tuple[int, float]:
    given_ = [(row, column) for row, column in enumerate(columns) if column is not None]
    return -len(given_), sum(costs[row][column] for row, column in given_)


@given(tables())
def test_as_many_as_possible_get_one_at_the_least_sum(costs: list[list[float]]):
    found = least_cost(costs)
    used = [column for column in found if column is not None]
    assert len(set(used)) == len(used)
    choices: list[int | None] = [*range(len(costs[0])), *([None] * len(costs))]
    best = min(
        worth(costs, list(columns))
        for columns in set(itertools.permutations(choices, len(costs)))
        if all(column is None or costs[row][column] < math.inf for row, column in enumerate(columns))
    )
    assert worth(costs, found) == best


def test_nobody_gets_anything_of_nothing():
    assert least_cost([]) == []
    assert least_cost([[], []]) == [None, None]

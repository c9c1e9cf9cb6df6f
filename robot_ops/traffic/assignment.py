"""The assignment problem: who gets what, at the least cost for all together (Kuhn 1955, Munkres 1957)."""

import math
from collections.abc import Sequence

_NEVER = 1e9


def least_cost(costs: Sequence[Sequence[float]]) -> list[int | None]:
    """Return per row its column, no column twice, so that as many rows as possible get one and the sum is least.

    Rows are taken in one by one along shortest augmenting paths (Jonker and Volgenant 1987); O(rows² · columns).

    Args:
        costs: (rows, columns), 0 or more each and far below 1e9; inf where they do not fit.

    Returns:
        the column of each row, None for rows that get none.
    """
    rows, columns = len(costs), len(costs[0]) if costs else 0
    # a column of its own for each row, dearer than everything, stands for getting none
    table = [
        [_finite(cost) for cost in row] + [_NEVER if k == index else 2 * _NEVER for k in range(rows)]
        for index, row in enumerate(costs)
    ]
    owner: list[int | None] = [None] * (columns + rows)
    row_price, column_price = [0.0] * rows, [0.0] * (columns + rows)
    for row in range(rows):
        _take_in(row, table, owner, row_price, column_price)
    found: list[int | None] = [None] * rows
    for column, row_of in enumerate(owner[:columns]):
        if row_of is not None and table[row_of][column] < _NEVER:
            found[row_of] = column
    return found


def _finite(cost: float) -> float:
    return cost if cost < math.inf else 2 * _NEVER


def _take_in(
    row: int,
    table: Sequence[Sequence[float]],
    owner: list[int | None],
    row_price: list[float],
    column_price: list[float],
) -> None:
    """Give one more row a column; the others may change theirs."""
    width = len(owner)
    distance, before = [math.inf] * width, [-1] * width
    is_done = [False] * width
    at_row, at_column, so_far = row, -1, 0.0
    while True:
        nearest = -1
        for column in range(width):
            if is_done[column]:
                continue
            cost = so_far + table[at_row][column] - row_price[at_row] - column_price[column]
            if cost < distance[column]:
                distance[column], before[column] = cost, at_column
            if nearest < 0 or distance[column] < distance[nearest]:
                nearest = column
        is_done[nearest], so_far = True, distance[nearest]
        holder = owner[nearest]
        at_column = nearest
        if holder is None:
            break
        at_row = holder
    for column in range(width):
        if is_done[column] and column != at_column:
            held_by = owner[column]
            if held_by is not None:
                row_price[held_by] += so_far - distance[column]
            column_price[column] -= so_far - distance[column]
    row_price[row] += so_far
    while before[at_column] >= 0:
        owner[at_column] = owner[before[at_column]]
        at_column = before[at_column]
    owner[at_column] = row

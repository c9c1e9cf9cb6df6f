"""Carries a plan out on a grid step by step while robots are delayed, by different ways to say who may go on.

The delays are those of Feng et al. 2024: in every step each robot that is not at its end yet and not delayed becomes so
with a probability, for a number of steps; how long is known from then on. Collisions and deadlocks are found from the
squares alone, without the dependency graph.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.compiler import kernel
from robot_ops.traffic.dependencies import DependencyGraph, MoveOrder, walks_of_order
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Ints
from robot_ops.traffic.kernels.arrivals import State
from robot_ops.traffic.kernels.dependencies import Dependencies

Policy = Literal["fixed", "switchable", "first_come"]
SWITCH_BUDGET: Final = 200_000
"""How often moves may be looked at after each delay."""
_PATIENCE: Final = 10
"""Where nobody has moved for so many times the longest delay, nobody will: delays that often in a row do not happen."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExecutionResult:
    """What came of a run.

    Attributes:
        steps: until the last robot was at its end, or nobody could go on.
        robot_steps: steps of robots that were not at their end yet, together.
        sum_of_costs: steps until each was at its end, together.
        is_deadlocked: robots were left that waited for each other for good.
        collisions: how often two robots were on one square after a step or swapped squares in one.
        reorder_seconds: process time of every time that the order was renewed.
    """

    steps: int
    robot_steps: int
    sum_of_costs: int
    is_deadlocked: bool
    collisions: int
    reorder_seconds: NDArray[np.float64]


def run_execution(
    graph: ArrayGraph,
    order: MoveOrder,
    starts: Ints,
    *,
    delay_probability: float,
    seed: int,
    policy: Policy,
    delay_length: tuple[int, int] = (10, 20),
    budget: int = SWITCH_BUDGET,
    clock: Callable[[], float] = time.process_time,
) -> ExecutionResult:
    """Carry out a plan.

    Args:
        graph: a grid.
        order: moves in an order in which they can be made one at a time.
        starts: (robots,) nodes.
        delay_probability: per robot and step; the same seed gives the same chances whatever the policy.
        delay_length: least and most steps.
        policy: "fixed" keeps the order of the plan where robots get in each other's way, "switchable" lowers the sum
            of costs after every delay, with "first_come" who finds the next square free takes it.
        budget: how often "switchable" may look at moves after each delay; clock: seconds, only for `reorder_seconds`.
    """
    robots = len(starts)
    walks = walks_of_order(order, starts)
    plan = DependencyGraph(graph, walks)
    sizes = np.diff(walks.first_move)
    ends = graph.arc_end[walks.arc]
    rng = np.random.default_rng(seed)
    done, delay = np.zeros(robots, dtype=np.int32), np.zeros(robots, dtype=np.int32)
    cost = np.zeros(robots, dtype=np.int64)
    at = np.asarray(starts, dtype=np.int32).copy()
    seconds: list[float] = []
    step = robot_steps = collisions = last_moved = 0
    while (done < sizes).any() and step - last_moved <= _PATIENCE * delay_length[1]:
        chances, lengths = rng.random(robots), rng.integers(*delay_length, size=robots, endpoint=True)
        is_late = (chances < delay_probability) & (done < sizes) & (delay == 0)
        delay[is_late] = lengths[is_late]
        if policy == "switchable" and is_late.any():
            began = clock()
            plan.set_progress(done, step + delay.astype(np.float64))
            plan.improve(budget)
            seconds.append(clock() - began)
        robot_steps += int((done < sizes).sum())
        if policy == "first_come":
            is_moving = _first_come(at, done, sizes, delay, walks.first_move, ends, len(graph.is_cabin))
        else:
            is_moving = _by_order(plan.graph, plan.state, done, delay)
        step += 1
        done += is_moving
        cost[is_moving] = step
        before = at.copy()
        moved = np.flatnonzero(is_moving)
        at[moved] = ends[walks.first_move[moved] + done[moved] - 1]
        collisions += _collisions(before, at)
        last_moved = step if len(moved) else last_moved
        delay = np.maximum(delay - 1, 0)
    return ExecutionResult(
        steps=step,
        robot_steps=robot_steps,
        sum_of_costs=int(cost.sum()),
        is_deadlocked=bool((done < sizes).any()),
        collisions=collisions,
        reorder_seconds=np.array(seconds),
    )


@kernel
def _by_order(graph: Dependencies, state: State, done: Ints, delay: Ints) -> Bools:
    """Return who moves in this step: whose dependencies are over, by moves of this step too."""
    robots = len(done)
    is_moving = np.zeros(robots, dtype=np.bool_)
    has_changed = True
    while has_changed:
        has_changed = False
        for robot in range(robots):
            move = graph.first_move[robot] + done[robot]
            if is_moving[robot] or delay[robot] > 0 or move >= graph.first_move[robot + 1]:
                continue
            is_free = True
            for row in range(graph.first_in[move], graph.first_in[move + 1]):
                side = graph.in_side[row]
                if state.side[side >> 1] != (side & 1):
                    continue
                source = graph.in_source[row]
                other = graph.robot[source]
                over = graph.first_move[other] + done[other]
                if is_moving[other] and not graph.in_is_end[row]:
                    over += 1
                if source >= over:
                    is_free = False
                    break
            if is_free:
                is_moving[robot] = True
                has_changed = True
    return is_moving


@kernel
def _first_come(at: Ints, done: Ints, sizes: Ints, delay: Ints, first_move: Ints, ends: Ints, nodes: int) -> Bools:
    """Return who moves in this step where everybody takes the next square as soon as it is free."""
    robots = len(at)
    is_taken = np.zeros(nodes, dtype=np.bool_)
    for robot in range(robots):
        is_taken[at[robot]] = True
    is_moving = np.zeros(robots, dtype=np.bool_)
    for robot in range(robots):
        if delay[robot] > 0 or done[robot] >= sizes[robot]:
            continue
        following = ends[first_move[robot] + done[robot]]
        if not is_taken[following]:
            is_taken[at[robot]] = False
            is_taken[following] = True
            is_moving[robot] = True
    return is_moving


def _collisions(before: Ints, after: Ints) -> int:
    """Return how many pairs of robots are on one square or have swapped squares."""
    same = len(after) - len(np.unique(after))
    has_moved = before != after
    pairs = set(zip(before[has_moved].tolist(), after[has_moved].tolist(), strict=True))
    return same + sum((new, old) in pairs for old, new in pairs) // 2

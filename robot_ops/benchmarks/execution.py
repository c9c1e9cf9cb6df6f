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

from robot_ops.benchmarks.planning import order_of
from robot_ops.core.compiler import kernel
from robot_ops.traffic.dependencies import DependencyGraph, MoveOrder, walks_of_order
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Ints
from robot_ops.traffic.kernels.arrivals import State
from robot_ops.traffic.kernels.dependencies import Dependencies
from robot_ops.traffic.timed_plan import TimedPlan

Policy = Literal["fixed", "switchable", "adaptive", "first_come"]
SWITCH_BUDGET: Final = 200_000
"""How often moves may be looked at after each delay."""
REPLAN_TRIES: Final = 40
"""Neighborhoods of robots that are planned anew after each delay."""
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
    course = _Course(graph, order, np.asarray(starts, dtype=np.int32))
    planner = _planner_of(course) if policy == "adaptive" else None
    rng = np.random.default_rng(seed)
    delay, cost = np.zeros(robots, dtype=np.int32), np.zeros(robots, dtype=np.int64)
    seconds: list[float] = []
    step = robot_steps = collisions = last_moved = 0
    while course.is_left.any() and step - last_moved <= _PATIENCE * delay_length[1]:
        chances, lengths = rng.random(robots), rng.integers(*delay_length, size=robots, endpoint=True)
        is_late = (chances < delay_probability) & course.is_left & (delay == 0)
        delay[is_late] = lengths[is_late]
        if policy in ("switchable", "adaptive") and is_late.any():
            began = clock()
            course.plan.set_progress(course.done, step - course.since + delay.astype(np.float64))
            course.plan.improve(budget)
            if planner is not None:
                course = _replanned(course, planner, delay, step)
            seconds.append(clock() - began)
        robot_steps += int(course.is_left.sum())
        if policy == "first_come":
            is_moving = _first_come(
                course.at, course.done, course.sizes, delay, course.first_move, course.ends, len(graph.is_cabin)
            )
        else:
            is_moving = _by_order(course.plan.graph, course.plan.state, course.done, delay)
        step += 1
        cost[is_moving] = step
        before = course.at.copy()
        course.move(is_moving)
        collisions += _collisions(before, course.at)
        last_moved = step if is_moving.any() else last_moved
        delay = np.maximum(delay - 1, 0)
    return ExecutionResult(
        steps=step,
        robot_steps=robot_steps,
        sum_of_costs=int(cost.sum()),
        is_deadlocked=bool(course.is_left.any()),
        collisions=collisions,
        reorder_seconds=np.array(seconds),
    )


class _Course:
    """Moves that robots are carrying out.

    Attributes:
        plan: who goes first; since: the step from which on it counts.
        at: (robots,) nodes; done, sizes: (robots,) how many moves each has made and has in all.
        first_move: (robots + 1,); arcs, ends: (moves,) arcs and the nodes they lead to, by robot.
    """

    def __init__(self, graph: ArrayGraph, order: MoveOrder, at: Ints, since: int = 0) -> None:
        walks = walks_of_order(order, at)
        self.graph = graph
        self.plan = DependencyGraph(graph, walks)
        self.since = since
        self.at = at.copy()
        self.done = np.zeros(len(at), dtype=np.int32)
        self.first_move = walks.first_move
        self.sizes = np.diff(walks.first_move)
        self.arcs = walks.arc
        self.robots = walks.robot
        self.ends: Ints = graph.arc_end[walks.arc]

    @property
    def is_left(self) -> Bools:
        """Return (robots,) who is not at its end yet."""
        return self.done < self.sizes

    def move(self, is_moving: Bools) -> None:
        """Let robots make their next moves."""
        self.done += is_moving
        moved = np.flatnonzero(is_moving)
        self.at[moved] = self.ends[self.first_move[moved] + self.done[moved] - 1]

    def order_left(self) -> MoveOrder:
        """Return the moves that are left, in the order in which they are expected to start."""
        moves = self.plan.state.order[np.argsort(self.plan.state.start[self.plan.state.order], kind="stable")]
        is_left = moves - self.first_move[self.robots[moves]] >= self.done[self.robots[moves]]
        return MoveOrder(robot=self.robots[moves[is_left]], arc=self.arcs[moves[is_left]])


def _planner_of(course: _Course) -> TimedPlan:
    has_moves = course.sizes > 0
    goals = course.at.copy()
    goals[has_moves] = course.ends[course.first_move[1:][has_moves] - 1]
    return TimedPlan(course.graph, course.at.tolist(), goals.tolist(), [1.0] * len(goals), 0)


def _replanned(course: _Course, planner: TimedPlan, delay: Ints, step: int) -> _Course:
    """Let robots take other ways where all arrive earlier by that; who goes first is renewed then."""
    order = course.order_left()
    planner.resume(course.at, delay.astype(np.float64), order.robot, order.arc)
    before = planner.cost
    planner.improve(REPLAN_TRIES)
    if planner.cost > before - 0.5:
        return course
    new = order_of(course.graph, planner.moves())
    return course if new is None else _Course(course.graph, new, course.at, step)


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

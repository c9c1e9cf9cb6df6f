"""Expected times in an action dependency graph: each move starts as soon as all that it depends on are over."""

from typing import NamedTuple

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import Floats, Ints
from robot_ops.traffic.kernels.dependencies import Dependencies

LONG_AGO = -1e18
TIGHT = 1e-9
"""Seconds below which two instants count as one."""


class State(NamedTuple):
    """Which sides count, and what follows.

    Attributes:
        side: (groups,) 0 where the first robot of the group goes first.
        order: (moves,) a topological order; rank: (moves,) where each stands in it.
        start: (moves,) when each is expected to start, in seconds.
        done: (robots,) how many moves of each are done; ready: (robots,) seconds before which none starts its next.
        duration: (moves,) seconds; lag: (edges,) seconds from the start of `in_source` until the target may start.
        weight: (robots,) what a second of its arrival counts.
    """

    side: Ints
    order: Ints
    rank: Ints
    start: Floats
    done: Ints
    ready: Floats
    duration: Floats
    lag: Floats
    weight: Floats


@kernel
def own_start(graph: Dependencies, state: State, move: int) -> float:
    """Return when a move could start if no other robot were there."""
    robot = graph.robot[move]
    at = max(state.ready[robot], graph.release[move])
    if move - graph.first_move[robot] > state.done[robot]:
        at = max(at, state.start[move - 1] + state.duration[move - 1])
    return float(at)


@kernel
def is_active(state: State, side: int) -> bool:
    """Return whether the dependencies of a side (2 * group + side) count."""
    return bool(state.side[side >> 1] == (side & 1))


@kernel
def set_pace(graph: Dependencies, state: State, pace: Floats) -> None:
    """Note how much longer than planned each robot's moves take, as a factor: (robots,)."""
    for move in range(len(state.duration)):
        state.duration[move] = graph.duration[move] * pace[graph.robot[move]]
    for row in range(len(state.lag)):
        source = graph.in_source[row]
        seconds = graph.duration[source] if graph.in_is_end[row] else graph.leaving[source]
        state.lag[row] = seconds * pace[graph.robot[source]]


@kernel
def earliest(graph: Dependencies, state: State, move: int) -> float:
    """Return when a move is expected to start, from the times of those before it."""
    robot = graph.robot[move]
    if move - graph.first_move[robot] < state.done[robot]:
        return LONG_AGO
    at = own_start(graph, state, move)
    for row in range(graph.first_in[move], graph.first_in[move + 1]):
        if is_active(state, graph.in_side[row]):
            at = max(at, state.start[graph.in_source[row]] + state.lag[row])
    return at


@kernel
def schedule(graph: Dependencies, state: State) -> None:
    """Find all expected times."""
    for move in state.order:
        state.start[move] = earliest(graph, state, move)


@kernel
def arrival(graph: Dependencies, state: State, robot: int) -> float:
    """Return when a robot is expected at the end of its moves."""
    last = graph.first_move[robot + 1] - 1
    if last - graph.first_move[robot] < state.done[robot]:
        return float(state.ready[robot])
    return float(state.start[last] + state.duration[last])


@kernel
def cost(graph: Dependencies, state: State) -> float:
    """Return the weighted sum of all arrivals."""
    total = 0.0
    for robot in range(len(state.done)):
        total += state.weight[robot] * arrival(graph, state, robot)
    return total


@kernel
def is_switchable(graph: Dependencies, state: State, group: int) -> bool:
    """Return whether who goes first is still open."""
    if graph.is_fixed[group]:
        return False
    first = state.side[group]
    robot = graph.group_robot[group, first]
    return bool(graph.group_enter[group, first] - graph.first_move[robot] >= state.done[robot])

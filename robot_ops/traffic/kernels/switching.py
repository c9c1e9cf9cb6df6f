"""Expected times in an action dependency graph, and switching of groups that lowers their sum."""

from typing import NamedTuple

import numpy as np

from robot_ops.traffic.kernels.arrays import Bools, Floats, Ints
from robot_ops.traffic.kernels.compiler import kernel
from robot_ops.traffic.kernels.dependencies import Dependencies

_LONG_AGO = -1e18
_TIGHT = 1e-9
"""Seconds below which two instants count as one."""


class State(NamedTuple):
    """Which sides count, and what follows.

    Attributes:
        side: (groups,) 0 where the first robot of the group goes first.
        order: (moves,) a topological order; rank: (moves,) where each stands in it.
        start: (moves,) when each is expected to start, in seconds.
        done: (robots,) how many moves of each are done; ready: (robots,) seconds before which none starts its next.
        pace: (robots,) factor on the durations of its moves; weight: (robots,) what a second of its arrival counts.
    """

    side: Ints
    order: Ints
    rank: Ints
    start: Floats
    done: Ints
    ready: Floats
    pace: Floats
    weight: Floats


class Workspace(NamedTuple):
    """Arrays that kernels write into instead of allocating them.

    Attributes:
        mark: (moves,) the search that has last found it; stack, cursor, found: (moves,).
        is_dirty: (moves,) all False between calls; changed: (moves,), old_start: (moves,), old_order: (moves,).
        load: (moves,), score: (groups,).
        epoch: (1,) number of the latest search; window: (2,) first and last rank that the latest turn has changed.
    """

    mark: Ints
    stack: Ints
    cursor: Ints
    found: Ints
    is_dirty: Bools
    changed: Ints
    old_start: Floats
    old_order: Ints
    load: Floats
    score: Floats
    epoch: Ints
    window: Ints


@kernel
def workspace(moves: int, groups: int) -> Workspace:
    """Return a workspace for a graph of this size."""
    return Workspace(
        np.zeros(moves, dtype=np.int32),
        np.empty(moves, dtype=np.int32),
        np.empty(moves, dtype=np.int32),
        np.empty(moves, dtype=np.int32),
        np.zeros(moves, dtype=np.bool_),
        np.empty(moves, dtype=np.int32),
        np.empty(moves),
        np.empty(moves, dtype=np.int32),
        np.empty(moves),
        np.empty(groups),
        np.zeros(1, dtype=np.int32),
        np.zeros(2, dtype=np.int32),
    )


@kernel
def _own_start(graph: Dependencies, state: State, move: int) -> float:
    """Return when a move could start if no other robot were there."""
    robot = graph.robot[move]
    at = max(state.ready[robot], graph.release[move])
    if move - graph.first_move[robot] > state.done[robot]:
        at = max(at, state.start[move - 1] + graph.duration[move - 1] * state.pace[robot])
    return float(at)


@kernel
def _delayed_by(graph: Dependencies, state: State, edge: int) -> float:
    """Return when the source of an edge lets its target start."""
    source = graph.source[edge]
    seconds = graph.duration[source] if graph.edge_is_end[edge] else graph.leaving[source]
    return float(state.start[source] + seconds * state.pace[graph.robot[source]])


@kernel
def _is_active(graph: Dependencies, state: State, edge: int) -> bool:
    key = graph.edge_side[edge]
    return bool(state.side[key >> 1] == (key & 1))


@kernel
def _earliest(graph: Dependencies, state: State, move: int) -> float:
    """Return when a move is expected to start, from the times of those before it."""
    robot = graph.robot[move]
    if move - graph.first_move[robot] < state.done[robot]:
        return _LONG_AGO
    at = _own_start(graph, state, move)
    for row in range(graph.first_in[move], graph.first_in[move + 1]):
        edge = graph.edge_in[row]
        if _is_active(graph, state, edge):
            at = max(at, _delayed_by(graph, state, edge))
    return at


@kernel
def schedule(graph: Dependencies, state: State) -> None:
    """Find all expected times."""
    for move in state.order:
        state.start[move] = _earliest(graph, state, move)


@kernel
def arrival(graph: Dependencies, state: State, robot: int) -> float:
    """Return when a robot is expected at the end of its moves."""
    last = graph.first_move[robot + 1] - 1
    if last - graph.first_move[robot] < state.done[robot]:
        return float(state.ready[robot])
    return float(state.start[last] + graph.duration[last] * state.pace[robot])


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


@kernel
def switch(graph: Dependencies, state: State, work: Workspace, group: int) -> bool:
    """Turn a group to its other side and put the order right; leave all as it was where that made a cycle.

    Only what can be reached from the new dependencies within the affected part of the order is looked at (as in Pearce
    and Kelly 2007). Expected times are not renewed.

    Returns:
        whether it was turned. `work.old_order` keeps the order before.
    """
    side = 1 - state.side[group]
    state.side[group] = side
    low, high = len(state.order), -1
    begin, end = graph.first_edge[2 * group + side], graph.first_edge[2 * group + side + 1]
    for edge in range(begin, end):
        low = min(low, state.rank[graph.target[edge]])
        high = max(high, state.rank[graph.source[edge]])
    work.epoch[0] += 1
    found = 0
    for edge in range(begin, end):
        found = _reach(graph, state, work, graph.target[edge], high, found)
        if found < 0:
            state.side[group] = 1 - side
            return False
    work.window[0], work.window[1] = low, high
    at = low
    for rank in range(low, high + 1):
        move = state.order[rank]
        work.old_order[rank] = move
        if work.mark[move] != 2 * work.epoch[0] + 1:
            state.order[at] = move
            state.rank[move] = at
            at += 1
    for k in range(found - 1, -1, -1):
        state.order[at] = work.found[k]
        state.rank[work.found[k]] = at
        at += 1
    return True


@kernel
def _reach(graph: Dependencies, state: State, work: Workspace, first: int, high: int, found: int) -> int:
    """Append, in postorder, what is reached from a move at ranks up to `high`; return the new count, -1 for a cycle."""
    opened = 2 * work.epoch[0]
    if work.mark[first] >= opened or state.rank[first] > high:
        return found
    work.stack[0], work.cursor[0] = first, graph.first_out[first] - 1
    work.mark[first] = opened
    depth = 1
    while depth > 0:
        move, row = work.stack[depth - 1], work.cursor[depth - 1]
        if row >= graph.first_out[move + 1]:
            work.mark[move] = opened + 1
            work.found[found] = move
            found += 1
            depth -= 1
            continue
        work.cursor[depth - 1] = row + 1
        if row < graph.first_out[move]:
            following = move + 1
            if following >= graph.first_move[graph.robot[move] + 1]:
                continue
        else:
            edge = graph.edge_out[row]
            if not _is_active(graph, state, edge):
                continue
            following = graph.target[edge]
        if work.mark[following] == opened:
            return -1
        if work.mark[following] == opened + 1 or state.rank[following] > high:
            continue
        work.stack[depth], work.cursor[depth] = following, graph.first_out[following] - 1
        work.mark[following] = opened
        depth += 1
    return found


@kernel
def try_switch(graph: Dependencies, state: State, work: Workspace, group: int, least_gain: float) -> float:
    """Turn a group where that is possible and lowers the cost by more than `least_gain`.

    Returns:
        what it gained, 0 where all was left as it was.
    """
    if not switch(graph, state, work, group):
        return 0.0
    gain, changed = _renew(graph, state, work, group)
    if gain > least_gain:
        return gain
    for k in range(changed):
        state.start[work.changed[k]] = work.old_start[k]
    _take_back(state, work, group)
    return 0.0


@kernel
def _take_back(state: State, work: Workspace, group: int) -> None:
    """Undo the latest `switch`, but for the times."""
    state.side[group] = 1 - state.side[group]
    for rank in range(work.window[0], work.window[1] + 1):
        state.order[rank] = work.old_order[rank]
        state.rank[work.old_order[rank]] = rank


@kernel
def _renew(graph: Dependencies, state: State, work: Workspace, group: int) -> tuple[float, int]:
    """Renew the times after a group was turned; return what that gained and how many moves' times have changed."""
    waiting, rank = 0, len(state.order)
    for edge in range(graph.first_edge[2 * group], graph.first_edge[2 * group + 2]):
        move = graph.target[edge]
        if not work.is_dirty[move]:
            work.is_dirty[move] = True
            waiting += 1
            rank = min(rank, state.rank[move])
    gain, changed = 0.0, 0
    while waiting > 0:
        move = state.order[rank]
        rank += 1
        if not work.is_dirty[move]:
            continue
        work.is_dirty[move] = False
        waiting -= 1
        start = _earliest(graph, state, move)
        before = state.start[move]
        if abs(start - before) <= _TIGHT:
            continue
        work.changed[changed], work.old_start[changed] = move, before
        changed += 1
        state.start[move] = start
        robot = graph.robot[move]
        if move + 1 < graph.first_move[robot + 1]:
            if not work.is_dirty[move + 1]:
                work.is_dirty[move + 1] = True
                waiting += 1
        else:
            gain += state.weight[robot] * (before - start)
        for row in range(graph.first_out[move], graph.first_out[move + 1]):
            edge = graph.edge_out[row]
            target = graph.target[edge]
            if _is_active(graph, state, edge) and not work.is_dirty[target]:
                work.is_dirty[target] = True
                waiting += 1
    return gain, changed


@kernel
def find_candidates(graph: Dependencies, state: State, work: Workspace) -> int:
    """Score the groups on whose order arrivals depend by the seconds that they cost; return how many there are.

    Each arrival follows from a chain of moves of which each waits for the one before, in its robot's way or another's.
    """
    moves = len(state.order)
    work.score[:] = 0.0
    work.load[:] = 0.0
    count = 0
    for robot in range(len(state.done)):
        if graph.first_move[robot] + state.done[robot] < graph.first_move[robot + 1]:
            work.load[graph.first_move[robot + 1] - 1] += state.weight[robot]
    for rank in range(moves - 1, -1, -1):
        move = state.order[rank]
        load = work.load[move]
        if load <= 0.0:
            continue
        start, own = state.start[move], _own_start(graph, state, move)
        robot = graph.robot[move]
        if start <= own + _TIGHT:
            if move - graph.first_move[robot] > state.done[robot]:
                before = state.start[move - 1] + graph.duration[move - 1] * state.pace[robot]
                if before >= start - _TIGHT:
                    work.load[move - 1] += load
            continue
        is_first = True
        for row in range(graph.first_in[move], graph.first_in[move + 1]):
            edge = graph.edge_in[row]
            if not _is_active(graph, state, edge) or _delayed_by(graph, state, edge) < start - _TIGHT:
                continue
            if is_first:
                work.load[graph.source[edge]] += load
                is_first = False
            group = graph.edge_side[edge] >> 1
            if is_switchable(graph, state, group):
                if work.score[group] == 0.0:
                    count += 1
                work.score[group] += load * (start - own)
    return count


@kernel
def improve(graph: Dependencies, state: State, work: Workspace, budget: int, least_gain: float) -> tuple[int, float]:
    """Turn groups that lower the weighted sum of arrivals, the most costly first.

    Args:
        budget: how many turns may be tried.
        least_gain: seconds that each must gain.

    Returns:
        how many were tried; the seconds gained.
    """
    tried, total = 0, 0.0
    while tried < budget:
        count = find_candidates(graph, state, work)
        if count == 0:
            break
        gained = 0.0
        ranked = np.argsort(-work.score)[:count]
        for group in ranked:
            if tried >= budget:
                break
            if is_switchable(graph, state, group):
                tried += 1
                gained += try_switch(graph, state, work, group, least_gain)
        total += gained
        if gained <= 0.0:
            break
    return tried, total

"""Switching of groups of dependencies that lowers the sum of arrivals."""

from typing import NamedTuple

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import Bools, Floats, Ints
from robot_ops.traffic.kernels.arrivals import LONG_AGO, TIGHT, State, earliest, is_active, is_switchable, own_start
from robot_ops.traffic.kernels.dependencies import Dependencies

_TOGETHER = 12
"""How many groups are turned at once at most."""
_WORTH_RETRY = 1.0
"""How much more a group that was tried in vain must cost to be tried once more."""


class Workspace(NamedTuple):
    """Arrays that kernels write into instead of allocating them.

    Attributes:
        mark: (moves,) the search that has last found it; stack, cursor, found: (moves,).
        is_dirty: (moves,) all False between calls; changed: (moves,), old_start: (moves,), old_order: (moves,).
        load: (moves,) what a second of each move costs; score: (groups,) what each group costs at most.
        failed: (groups,) score that each must exceed to be tried again.
        latest: (moves,) start from which on its robot arrives later; loss: (robots,) least loss by a turn.
        turned: groups of the latest turn.
        counts: (5,) number of the latest search; groups of the latest turn; first and last rank that it has changed;
            how often a move was looked at.
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
    failed: Floats
    latest: Floats
    loss: Floats
    turned: Ints
    counts: Ints


@kernel
def workspace(robots: int, moves: int, groups: int) -> Workspace:
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
        np.empty(groups),
        np.full(moves, np.inf),
        np.zeros(robots),
        np.empty(_TOGETHER, dtype=np.int32),
        np.zeros(5, dtype=np.int32),
    )


@kernel
def switch(graph: Dependencies, state: State, work: Workspace, group: int) -> bool:
    """Turn a group to its other side and put the order right; leave all as it was where that made a cycle.

    Other groups that close a cycle are turned as well, a few at most. Only what can be reached from the new
    dependencies within the affected part of the order is looked at (as in Pearce and Kelly 2007). Expected times are
    not renewed.

    Returns:
        whether it was turned; `work` keeps what `take_back` needs.
    """
    work.counts[1] = 0
    while group >= 0 and work.counts[1] < _TOGETHER:
        work.turned[work.counts[1]] = group
        work.counts[1] += 1
        state.side[group] = 1 - state.side[group]
        low, high = len(state.order), -1
        for k in range(work.counts[1]):
            row = 2 * work.turned[k] + state.side[work.turned[k]]
            for edge in range(graph.first_edge[row], graph.first_edge[row + 1]):
                low = min(low, state.rank[graph.target[edge]])
                high = max(high, state.rank[graph.source[edge]])
        work.counts[0] += 1
        found, depth = 0, 0
        for k in range(work.counts[1]):
            row = 2 * work.turned[k] + state.side[work.turned[k]]
            for edge in range(graph.first_edge[row], graph.first_edge[row + 1]):
                if depth == 0:
                    found, depth = _reach(graph, state, work, graph.target[edge], high, found)
        if depth == 0:
            _move_back(state, work, low, high, found)
            return True
        group = _other_group(graph, state, work, depth)
    for k in range(work.counts[1]):
        state.side[work.turned[k]] = 1 - state.side[work.turned[k]]
    return False


@kernel
def _move_back(state: State, work: Workspace, low: int, high: int, found: int) -> None:
    """Put what was found behind the rest of its part of the order."""
    work.counts[2], work.counts[3] = low, high
    at = low
    for rank in range(low, high + 1):
        move = state.order[rank]
        work.old_order[rank] = move
        if work.mark[move] != 2 * work.counts[0] + 1:
            state.order[at] = move
            state.rank[move] = at
            at += 1
    for k in range(found - 1, -1, -1):
        state.order[at] = work.found[k]
        state.rank[work.found[k]] = at
        at += 1


@kernel
def take_back(state: State, work: Workspace) -> None:
    """Undo the latest `switch`."""
    for k in range(work.counts[1]):
        state.side[work.turned[k]] = 1 - state.side[work.turned[k]]
    for rank in range(work.counts[2], work.counts[3] + 1):
        state.order[rank] = work.old_order[rank]
        state.rank[work.old_order[rank]] = rank


@kernel
def _reach(graph: Dependencies, state: State, work: Workspace, first: int, high: int, found: int) -> tuple[int, int]:
    """Append, in postorder, what is reached from a move at ranks up to `high`.

    Returns:
        the new count; 0, or where the search met a cycle the length of its path, which closes it.
    """
    opened = 2 * work.counts[0]
    if work.mark[first] >= opened or state.rank[first] > high:
        return found, 0
    work.stack[0], work.cursor[0] = first, graph.first_out[first] - 1
    work.mark[first] = opened
    depth = 1
    while depth > 0:
        move, row = work.stack[depth - 1], work.cursor[depth - 1]
        if row >= graph.first_out[move + 1]:
            work.mark[move] = opened + 1
            work.found[found] = move
            work.counts[4] += 1
            found += 1
            depth -= 1
            continue
        work.cursor[depth - 1] = row + 1
        if row < graph.first_out[move]:
            following = move + 1
            if following >= graph.first_move[graph.robot[move] + 1]:
                continue
        else:
            if not is_active(state, graph.out_side[row]):
                continue
            following = graph.out_target[row]
        if work.mark[following] == opened:
            return found, depth
        if work.mark[following] == opened + 1 or state.rank[following] > high:
            continue
        work.stack[depth], work.cursor[depth] = following, graph.first_out[following] - 1
        work.mark[following] = opened
        depth += 1
    return found, 0


@kernel
def _other_group(graph: Dependencies, state: State, work: Workspace, depth: int) -> int:
    """Return a group on the path of the latest search that may be turned, too, the last; -1 for none."""
    for k in range(depth - 1, -1, -1):
        row = work.cursor[k] - 1
        if row >= graph.first_out[work.stack[k]]:
            group = graph.out_side[row] >> 1
            is_turned = False
            for j in range(work.counts[1]):
                is_turned = is_turned or work.turned[j] == group
            if not is_turned and is_switchable(graph, state, group):
                return int(group)
    return -1


@kernel
def try_switch(graph: Dependencies, state: State, work: Workspace, group: int, least_gain: float) -> float:
    """Turn a group where that is possible and lowers the cost by more than `least_gain`.

    Returns:
        what it gained, 0 where all was left as it was.
    """
    if not switch(graph, state, work, group):
        return 0.0
    gain, changed = _renew(graph, state, work, work.score[group] - least_gain)
    if gain > least_gain:
        return gain
    for k in range(changed):
        state.start[work.changed[k]] = work.old_start[k]
    take_back(state, work)
    return 0.0


@kernel
def _renew(graph: Dependencies, state: State, work: Workspace, most: float) -> tuple[float, int]:
    """Renew the times after a turn; return what that gained and how many moves' times have changed.

    It is given up, with a gain of 0, where robots lose more than `most` for sure.
    """
    waiting, rank = 0, len(state.order)
    for k in range(work.counts[1]):
        group = work.turned[k]
        for edge in range(graph.first_edge[2 * group], graph.first_edge[2 * group + 2]):
            waiting += _soil(work, graph.target[edge])
            rank = min(rank, state.rank[graph.target[edge]])
    return _propagate(graph, state, work, waiting, rank, most)


@kernel
def _propagate(
    graph: Dependencies, state: State, work: Workspace, waiting: int, rank: int, most: float
) -> tuple[float, int]:
    """Renew the times of so many moves that are dirty, none of them before `rank`, and of those that depend on them."""
    work.loss[:] = 0.0
    gain, loss, changed = 0.0, 0.0, 0
    while waiting > 0:
        move = state.order[rank]
        rank += 1
        if not work.is_dirty[move]:
            continue
        work.is_dirty[move] = False
        waiting -= 1
        if loss > most:
            continue
        work.counts[4] += 1
        start, before = earliest(graph, state, move), state.start[move]
        if abs(start - before) <= TIGHT:
            continue
        work.changed[changed], work.old_start[changed] = move, before
        changed += 1
        state.start[move] = start
        robot = graph.robot[move]
        if move + 1 < graph.first_move[robot + 1]:
            waiting += _soil(work, move + 1)
        else:
            gain += state.weight[robot] * (before - start)
        late = state.weight[robot] * (start - work.latest[move])
        if late > work.loss[robot]:
            loss += late - work.loss[robot]
            work.loss[robot] = late
        for row in range(graph.first_out[move], graph.first_out[move + 1]):
            if is_active(state, graph.out_side[row]):
                waiting += _soil(work, graph.out_target[row])
    return (0.0 if loss > most else gain), changed


@kernel
def note_progress(graph: Dependencies, state: State, work: Workspace, done: Ints, ready: Floats) -> None:
    """Note how many of its moves each robot has ended and when it is ready for the next, and renew expected times.

    Args:
        done, ready: (robots,); `done` never falls.
    """
    waiting, rank = 0, len(state.order)
    for robot in range(len(done)):
        first, size = graph.first_move[robot], graph.first_move[robot + 1] - graph.first_move[robot]
        if done[robot] == state.done[robot] and ready[robot] == state.ready[robot]:
            continue
        for move in range(first + state.done[robot], first + done[robot]):
            state.start[move] = LONG_AGO
            for row in range(graph.first_out[move], graph.first_out[move + 1]):
                if is_active(state, graph.out_side[row]):
                    waiting += _soil(work, graph.out_target[row])
                    rank = min(rank, state.rank[graph.out_target[row]])
        state.done[robot], state.ready[robot] = done[robot], ready[robot]
        if done[robot] < size:
            waiting += _soil(work, first + done[robot])
            rank = min(rank, state.rank[first + done[robot]])
    _propagate(graph, state, work, waiting, rank, np.inf)


@kernel
def _soil(work: Workspace, move: int) -> int:
    """Note that the time of a move is to be renewed; return 1 where that is new."""
    if work.is_dirty[move]:
        return 0
    work.is_dirty[move] = True
    return 1


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
        first, last = graph.first_move[robot] + state.done[robot], graph.first_move[robot + 1] - 1
        if first <= last:
            work.load[last] += state.weight[robot]
            work.latest[last] = state.start[last]
        for move in range(last - 1, first - 1, -1):
            work.latest[move] = work.latest[move + 1] - state.duration[move]
    for rank in range(moves - 1, -1, -1):
        move = state.order[rank]
        load = work.load[move]
        if load <= 0.0:
            continue
        start, own = state.start[move], own_start(graph, state, move)
        robot = graph.robot[move]
        if start <= own + TIGHT:
            if move - graph.first_move[robot] > state.done[robot]:
                before = state.start[move - 1] + state.duration[move - 1]
                if before >= start - TIGHT:
                    work.load[move - 1] += load
            continue
        is_first = True
        for row in range(graph.first_in[move], graph.first_in[move + 1]):
            if not is_active(state, graph.in_side[row]):
                continue
            source = graph.in_source[row]
            if state.start[source] + state.lag[row] < start - TIGHT:
                continue
            if is_first:
                work.load[source] += load
                is_first = False
            group = graph.in_side[row] >> 1
            if is_switchable(graph, state, group):
                if work.score[group] == 0.0:
                    count += 1
                work.score[group] += load * (start - own)
    return count


@kernel
def improve(graph: Dependencies, state: State, work: Workspace, budget: int, least_gain: float) -> float:
    """Turn groups that lower the weighted sum of arrivals, the most costly first.

    Args:
        budget: how often moves may be looked at (the last turn that is tried may exceed it).
        least_gain: seconds that each turn must gain.

    Returns:
        the seconds gained.
    """
    total = 0.0
    work.counts[4] = 0
    work.failed[:] = 0.0
    while work.counts[4] < budget:
        count = find_candidates(graph, state, work)
        gained = 0.0
        for group in np.argsort(-work.score)[:count]:
            if work.counts[4] >= budget:
                break
            if work.score[group] > max(work.failed[group], least_gain) and is_switchable(graph, state, group):
                gain = try_switch(graph, state, work, group, least_gain)
                if gain <= 0.0:
                    work.failed[group] = work.score[group] * _WORTH_RETRY
                gained += gain
        total += gained
        if gained <= 0.0:
            break
    return total

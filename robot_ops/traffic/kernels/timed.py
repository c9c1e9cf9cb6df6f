"""Safe interval path planning (Phillips and Likhachev, 2011): one robot through the claims of all the others."""

from typing import NamedTuple

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Floats, Ints
from robot_ops.traffic.kernels.claims import Claims, Fleet, Longs, Paths, write_robot

WRITTEN, NO_WAY, NO_ROOM = 0, 1, 2


class Search(NamedTuple):
    """Room for one search. A safe interval is numbered by the slot of the claim that ends it; slots + node is the last.

    Attributes:
        epoch: (intervals,) the search that reached it; time: earliest arrival; until: when it must have left.
        node, parent, arc, start: how it was reached; place: in the heap, -1 when it has been left.
        rank: least time at the goal by way of it; rest: least seconds from it to the goal.
        heap: intervals, a binary heap by rank, then by rest.
        counts: [searches, expansions, the last search's end].
    """

    epoch: Longs
    time: Floats
    until: Floats
    node: Ints
    parent: Ints
    arc: Ints
    start: Floats
    place: Ints
    rank: Floats
    rest: Floats
    heap: Ints
    counts: Longs


def search_for(nodes: int, claims: Claims) -> Search:
    """Return room for searches through this table of claims."""
    intervals = len(claims.next) + nodes
    ints, floats = np.zeros(intervals, dtype=np.int32), np.zeros(intervals)
    return Search(
        epoch=np.zeros(intervals, dtype=np.int64),
        time=floats,
        until=floats.copy(),
        node=ints,
        parent=ints.copy(),
        arc=ints.copy(),
        start=floats.copy(),
        place=ints.copy(),
        rank=floats.copy(),
        rest=floats.copy(),
        heap=ints.copy(),
        counts=np.zeros(3, dtype=np.int64),
    )


@kernel
def plan_robot(
    graph: ArrayGraph,
    fleet: Fleet,
    claims: Claims,
    search: Search,
    paths: Paths,
    robot: int,
    may_improve: bool,
    limit: float,
) -> int:
    """Plan a robot that has no claims, and write its way and its claims.

    Args:
        may_improve: leave a refuge for a better one (without a goal only).
        limit: seconds from now at which it must have arrived at the latest.

    Returns:
        WRITTEN, NO_WAY, or NO_ROOM where arrays are too small.
    """
    cost = find_way(graph, fleet, claims, search, robot, may_improve, limit)
    if cost == np.inf:
        return NO_WAY
    if not take_way(search, paths, robot):
        return NO_ROOM
    paths.cost[robot] = cost * fleet.weight[robot]
    return WRITTEN if write_robot(graph, fleet, claims, paths, robot) else NO_ROOM


@kernel
def take_way(search: Search, paths: Paths, robot: int) -> bool:
    """Copy the way that the last search found; return False where it is too long."""
    end = search.counts[2]
    length = 0
    at = end
    while search.parent[at] >= 0:
        length += 1
        at = search.parent[at]
    if length > paths.arc.shape[1]:
        return False
    at = end
    for k in range(length - 1, -1, -1):
        paths.arc[robot, k], paths.start[robot, k] = search.arc[at], search.start[at]
        at = search.parent[at]
    paths.length[robot] = length
    paths.arrival[robot] = search.time[end]
    return True


@kernel
def find_way(
    graph: ArrayGraph, fleet: Fleet, claims: Claims, search: Search, robot: int, may_improve: bool, limit: float
) -> float:
    """Search for the earliest way of a robot that has no claims, to stay at its goal (or a refuge) for good.

    Returns:
        arrival in seconds from now (a refuge's penalty added), inf where there is no such way; `search.counts[2]` is
        its end then.
    """
    goal, bound = fleet.goal[robot], fleet.bound[fleet.row[robot]]
    first = _open_start(fleet, claims, search, robot, len(claims.next))
    if first < 0:
        return np.inf
    least = 0.0
    if goal >= 0:
        least = _last_end(claims, goal)
        search.rank[first] = max(search.time[first] + bound[fleet.node[robot]], least)
        if least == np.inf or search.rank[first] == np.inf or search.rank[first] > limit:
            return np.inf
    elif search.until[first] == np.inf and not may_improve and bound[fleet.node[robot]] < np.inf:
        search.counts[2] = first
        return float(search.time[first])
    return _run(graph, fleet, claims, search, robot, least, limit)


@kernel
def _open_start(fleet: Fleet, claims: Claims, search: Search, robot: int, slots: int) -> int:
    """Put the interval in which the robot stands at first on the heap; return it, -1 where others are there."""
    node, time = fleet.node[robot], fleet.ready[robot]
    slot, since = claims.head[node], 0.0
    while slot >= 0 and claims.start[slot] < time:
        since = max(since, claims.end[slot])
        slot = claims.next[slot]
    if since > time:
        return -1
    state = slot if slot >= 0 else slots + node
    search.counts[0] += 1
    search.epoch[state] = search.counts[0]
    search.time[state] = time
    search.until[state] = claims.start[slot] if slot >= 0 else np.inf
    search.node[state], search.parent[state] = node, -1
    search.place[state], search.heap[0], search.rank[state], search.rest[state] = 0, state, time, 0.0
    return int(state)


@kernel
def _last_end(claims: Claims, cell: int) -> float:
    """Return from when on nobody claims the cell."""
    slot, since = claims.head[cell], 0.0
    while slot >= 0:
        since = max(since, claims.end[slot])
        slot = claims.next[slot]
    return since


@kernel
def _run(
    graph: ArrayGraph, fleet: Fleet, claims: Claims, search: Search, robot: int, least: float, limit: float
) -> float:
    """Search from the one state on the heap; see `find_way`.

    The arrays it needs are taken out of their tuples once: passing tuples about costs more than the work itself.

    Args:
        least: seconds from now before which nobody can stay at the goal.
    """
    goal, bound = fleet.goal[robot], fleet.bound[fleet.row[robot]]
    seconds, leaving = fleet.seconds[fleet.pace[robot]], fleet.leaving[fleet.pace[robot]]
    has_tail = fleet.tail[robot] > 0.0
    first_arc, arc_end, arc_cell = graph.first_arc, graph.arc_end, graph.arc_cell
    head, after, starts, ends = claims.head, claims.next, claims.start, claims.end
    epochs, times, limits, places = search.epoch, search.time, search.until, search.place
    heap, ranks, rests = search.heap, search.rank, search.rest
    epoch, slots = search.counts[0], len(after)
    size, best, best_end, expansions = 1, np.inf, -1, 0
    while size > 0:
        state = heap[0]
        if ranks[state] >= best:
            break
        size -= 1
        if size > 0:
            _sink(heap, places, ranks, rests, size, heap[size])
        places[state] = -1
        expansions += 1
        node, time, until = search.node[state], times[state], limits[state]
        if until == np.inf:
            if goal == node:
                best, best_end = time, state
                break
            if goal < 0 and time + bound[node] < best:
                best, best_end = time + bound[node], state
        for arc in range(first_arc[node], first_arc[node + 1]):
            end = arc_end[arc]
            remaining = bound[end] if goal >= 0 else 0.0
            duration = seconds[arc]
            if remaining == np.inf or duration == np.inf or time + duration + remaining > limit:
                continue
            if goal < 0 and graph.is_cabin[end]:
                continue
            latest = until - leaving[arc]
            lane_since, lane_until, lane_slot = _next_free(after, starts, ends, head[arc_cell[arc]], 0.0)
            end_since, end_until, end_slot = _next_free(after, starts, ends, head[end], 0.0)
            while lane_since < np.inf and end_since < np.inf:
                start = max(time, lane_since, end_since)
                arrival = start + duration
                rank = max(arrival + remaining, least)
                if start > latest or rank > limit:
                    break
                reached = end_slot if end_slot >= 0 else slots + end
                is_new = epochs[reached] != epoch
                if (
                    arrival <= lane_until
                    and arrival <= end_until
                    and (is_new or (places[reached] >= 0 and arrival < times[reached]))
                ):
                    if is_new:
                        epochs[reached], places[reached] = epoch, size
                        size += 1
                    times[reached], ranks[reached], rests[reached] = arrival, rank, remaining
                    limits[reached] = min(end_until, lane_until) if has_tail else end_until
                    search.node[reached], search.parent[reached] = end, state
                    search.arc[reached], search.start[reached] = arc, start
                    _rise(heap, places, ranks, rests, places[reached], reached)
                if lane_until < end_until:
                    lane_since, lane_until, lane_slot = _next_free(
                        after, starts, ends, after[lane_slot], ends[lane_slot]
                    )
                elif end_slot >= 0:
                    end_since, end_until, end_slot = _next_free(after, starts, ends, after[end_slot], ends[end_slot])
                else:
                    break
    search.counts[1] += expansions
    search.counts[2] = best_end
    return best


@kernel
def _next_free(after: Ints, starts: Floats, ends: Floats, slot: int, since: float) -> tuple[float, float, int]:
    """Return the first free interval from `since` on: start, end, and the slot of the claim that ends it (-1: none).

    Args:
        slot: the first claim to look at; those before it end by `since`.
    """
    while slot >= 0 and starts[slot] <= since:
        since = max(since, ends[slot])
        slot = after[slot]
    return since, (starts[slot] if slot >= 0 else np.inf), slot


@kernel
def _rise(heap: Ints, places: Ints, ranks: Floats, rests: Floats, at: int, state: int) -> None:
    """Move a state up from this place of the heap; equal ranks are ordered by the rest of the way."""
    rank, rest = ranks[state], rests[state]
    while at > 0:
        parent = (at - 1) // 2
        other = heap[parent]
        if ranks[other] < rank or (ranks[other] == rank and rests[other] <= rest):
            break
        heap[at], places[other] = other, at
        at = parent
    heap[at], places[state] = state, at


@kernel
def _sink(heap: Ints, places: Ints, ranks: Floats, rests: Floats, size: int, state: int) -> None:
    """Move a state down from the top of the heap."""
    rank, rest = ranks[state], rests[state]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        other = heap[child]
        if child + 1 < size:
            second = heap[child + 1]
            if ranks[second] < ranks[other] or (ranks[second] == ranks[other] and rests[second] < rests[other]):
                child, other = child + 1, second
        if rank < ranks[other] or (rank == ranks[other] and rest <= rests[other]):
            break
        heap[at], places[other] = other, at
        at = child
    heap[at], places[state] = state, at

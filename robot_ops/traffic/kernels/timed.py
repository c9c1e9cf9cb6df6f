"""Safe interval path planning (Phillips and Likhachev, 2011): one robot through the claims of all the others."""

from typing import NamedTuple

import numpy as np

from robot_ops.traffic.kernels.arrays import ArrayGraph, Floats, Ints
from robot_ops.traffic.kernels.claims import Claims, Fleet, Longs, Paths, next_free, write_robot
from robot_ops.traffic.kernels.compiler import kernel

WRITTEN, NO_WAY, NO_ROOM = 0, 1, 2


class Search(NamedTuple):
    """Room for one search. A safe interval is numbered by the slot of the claim that ends it; slots + node is the last.

    Attributes:
        epoch: (intervals,) the search that reached it; time: earliest arrival; until: when it must have left.
        node, parent, arc, start: how it was reached; place: in the heap, -1 when it has been left.
        rank: least time at the goal by way of it; heap: intervals, a binary heap by rank, later arrivals first.
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
    goal = fleet.goal[robot]
    bound = fleet.bound[fleet.row[robot]]
    first = _open_start(fleet, claims, search, robot, len(claims.next))
    if first < 0:
        return np.inf
    least = 0.0
    if goal >= 0:
        least = _last_end(claims, goal)
        if least == np.inf or bound[fleet.node[robot]] == np.inf:
            return np.inf
        search.rank[first] = max(search.time[first] + bound[fleet.node[robot]], least)
        if search.rank[first] > limit:
            return np.inf
    elif search.until[first] == np.inf and not may_improve and bound[fleet.node[robot]] < np.inf:
        search.counts[2] = first
        return float(search.time[first])
    size = 1
    best, best_end = np.inf, -1
    while size > 0:
        state = search.heap[0]
        size -= 1
        if size > 0:
            _sink(search, size, search.heap[size])
        search.place[state] = -1
        search.counts[1] += 1
        node = search.node[state]
        if search.rank[state] >= best:
            break
        if search.until[state] == np.inf:
            if goal == node:
                search.counts[2] = state
                return float(search.time[state])
            if goal < 0 and search.time[state] + bound[node] < best:
                best, best_end = search.time[state] + bound[node], state
        size = _expand(graph, fleet, claims, search, robot, state, least, limit, size)
    search.counts[2] = best_end
    return best


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
    search.place[state], search.heap[0], search.rank[state] = 0, state, time
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
def _expand(
    graph: ArrayGraph,
    fleet: Fleet,
    claims: Claims,
    search: Search,
    robot: int,
    state: int,
    least: float,
    limit: float,
    size: int,
) -> int:
    """Try all arcs from a state; return the new size of the heap."""
    goal = fleet.goal[robot]
    pace = fleet.pace[robot]
    has_tail = fleet.tail[robot] > 0.0
    row = fleet.row[robot]
    node, time, until = search.node[state], search.time[state], search.until[state]
    slots = len(claims.next)
    for arc in range(graph.first_arc[node], graph.first_arc[node + 1]):
        end = graph.arc_end[arc]
        remaining = fleet.bound[row, end] if goal >= 0 else 0.0
        if remaining == np.inf or (goal < 0 and graph.is_cabin[end]):
            continue
        seconds = fleet.seconds[pace, arc]
        latest = until - fleet.leaving[pace, arc]
        lane_since, lane_until, lane_slot = next_free(claims, claims.head[graph.arc_cell[arc]], 0.0)
        end_since, end_until, end_slot = next_free(claims, claims.head[end], 0.0)
        while lane_since < np.inf and end_since < np.inf:
            start = max(time, lane_since, end_since)
            if start > latest:
                break
            arrival = start + seconds
            if arrival <= lane_until and arrival <= end_until:
                rank = max(arrival + remaining, least)
                reached = end_slot if end_slot >= 0 else slots + end
                if rank <= limit:
                    is_new = search.epoch[reached] != search.counts[0]
                    if is_new or (search.place[reached] >= 0 and arrival < search.time[reached]):
                        if is_new:
                            search.epoch[reached] = search.counts[0]
                            search.place[reached] = size
                            size += 1
                        search.time[reached], search.rank[reached] = arrival, rank
                        search.until[reached] = min(end_until, lane_until) if has_tail else end_until
                        search.node[reached], search.parent[reached] = end, state
                        search.arc[reached], search.start[reached] = arc, start
                        _rise(search, search.place[reached], reached)
            if lane_until < end_until:
                lane_since, lane_until, lane_slot = next_free(claims, claims.next[lane_slot], claims.end[lane_slot])
            elif end_slot >= 0:
                end_since, end_until, end_slot = next_free(claims, claims.next[end_slot], claims.end[end_slot])
            else:
                break
    return size


@kernel
def _is_before(search: Search, first: int, second: int) -> bool:
    if search.rank[first] != search.rank[second]:
        return bool(search.rank[first] < search.rank[second])
    return bool(search.time[first] > search.time[second])


@kernel
def _rise(search: Search, at: int, state: int) -> None:
    while at > 0:
        parent = (at - 1) // 2
        other = search.heap[parent]
        if not _is_before(search, state, other):
            break
        search.heap[at] = other
        search.place[other] = at
        at = parent
    search.heap[at] = state
    search.place[state] = at


@kernel
def _sink(search: Search, size: int, state: int) -> None:
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and _is_before(search, search.heap[child + 1], search.heap[child]):
            child += 1
        other = search.heap[child]
        if not _is_before(search, other, state):
            break
        search.heap[at] = other
        search.place[other] = at
        at = child
    search.heap[at] = state
    search.place[state] = at

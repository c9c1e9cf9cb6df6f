"""Where two robots must change places: one backs up to a fork and pulls the other after it (Okumura 2023).

Two robots that face each other between two forks come past each other nowhere by pushing alone.
"""

from typing import NamedTuple

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints
from robot_ops.traffic.kernels.board import PLAIN_FORKS, ROOMY_FORKS, Board, Team, whole

_DEAD_END = -1
_FORK = -2


@kernel
def passing_arcs(graph: ArrayGraph) -> Bools:
    """Return (arcs,) whether two robots that come along an arc one behind the other can change places at its end.

    The first turns off into one way, the second passes it into another, and the first leaves where they came from.
    """
    is_passing = np.zeros(len(graph.arc_start), dtype=np.bool_)
    for arc in range(len(is_passing)):
        node, origin = whole(graph.arc_end[arc]), whole(graph.arc_start[arc])
        back = _arc_between(graph.first_arc, graph.arc_end, node, origin)
        for one in range(whole(graph.first_arc[node]), whole(graph.first_arc[node + 1])):
            for two in range(whole(graph.first_arc[node]), whole(graph.first_arc[node + 1])):
                aside, beyond = whole(graph.arc_end[one]), whole(graph.arc_end[two])
                if aside in (origin, beyond) or beyond == origin or is_passing[arc]:
                    continue
                if _is_blocked(graph, arc, aside) or _is_blocked(graph, two, aside):
                    continue
                out = _arc_between(graph.first_arc, graph.arc_end, aside, node)
                is_out_free = out < 0 or not _is_blocked(graph, out, beyond)
                is_passing[arc] = is_out_free and (back < 0 or not _is_blocked(graph, back, beyond))
    return is_passing


class _Ways(NamedTuple):
    """What walks along lanes look at: few arrays of graph, team and board, as to hand on all of them takes long."""

    first_arc: Ints
    arc_end: Ints
    is_barred: Bools
    is_passing: Bools
    goal: Ints
    row: Ints
    to_goal: Floats
    head: Ints
    seen: Ints
    queue: Ints
    searches: Ints
    width: int
    swaps: int


@kernel
def swap_partner(graph: ArrayGraph, team: Team, board: Board, robot: int) -> int:
    """Return the robot with which this one should change places by backing up, -1 for none.

    The robot's choices must be listed already, the best of them an arc.
    """
    width = len(board.cell) // len(board.used)
    ways = _Ways(
        graph.first_arc,
        graph.arc_end,
        team.is_barred,
        team.is_passing,
        team.goal,
        team.row,
        team.to_goal,
        board.head,
        board.seen,
        board.queue,
        board.searches,
        width,
        team.swaps,
    )
    here, best = whole(board.cell[robot * width]), whole(board.choice[robot, 0])
    ahead = whole(graph.arc_end[best])
    for index in range(graph.first_blocker[best], graph.first_blocker[best + 1]):
        cell = whole(graph.blocker[index])
        slot = whole(board.head[cell])
        if slot < 0 or slot % width != 0:
            continue
        other, before = slot // width, here if cell == ahead else ahead
        if other == robot or board.is_settled[other]:
            continue
        if before == ahead and _arc_between(ways.first_arc, ways.arc_end, before, cell) < 0:
            continue
        if _is_required(ways, robot, other, before, cell, whole(0)) and _is_possible(ways, ahead, here):
            return other
    for arc in range(graph.first_arc[here], graph.first_arc[here + 1]):
        behind = whole(graph.arc_end[arc])
        slot = whole(board.head[behind])
        if slot < 0 or behind == ahead or slot % width != 0:
            continue
        if _is_required(ways, slot // width, robot, here, ahead, whole(1)) and _is_possible(ways, ahead, here):
            return slot // width
    return -1


@kernel
def _is_required(ways: _Ways, pusher: int, puller: int, behind: int, ahead: int, robots: int) -> bool:
    """Return whether the pusher would drive the other one before it past no fork until the pusher is at its goal.

    Args:
        robots: how many it pushes besides those from `ahead` on.
    """
    if ways.row[pusher] < 0:
        return False
    row, other = ways.row[pusher], ways.row[puller]
    node = ahead
    steps = len(ways.first_arc)
    while ways.to_goal[row, node] < ways.to_goal[row, behind] and steps > 0:
        robots += ways.head[node] >= 0
        beyond = _beyond(ways, behind, node, robots)
        if beyond == _FORK:
            return False
        if beyond == _DEAD_END:
            break
        behind, node = node, beyond
        steps -= 1
    is_pushing_on = bool(ways.to_goal[row, node] < ways.to_goal[row, behind])
    if other < 0:
        return is_pushing_on
    is_wanted = bool(ways.to_goal[other, behind] < ways.to_goal[other, node])
    return is_wanted and (is_pushing_on or bool(ways.to_goal[row, behind] == 0.0))


@kernel
def _is_possible(ways: _Ways, pusher: int, puller: int) -> bool:
    """Return whether a robot that backs up before another one comes to a fork."""
    first, behind, node = pusher, pusher, puller
    robots, steps = whole(0), len(ways.first_arc)
    while node != first and steps > 0:
        robots += ways.head[node] >= 0
        beyond = _beyond(ways, behind, node, robots)
        if beyond < 0:
            return beyond == _FORK
        behind, node = node, beyond
        steps -= 1
    return False


@kernel
def _beyond(ways: _Ways, behind: int, node: int, robots: int) -> int:
    """Return the only node where one can go on to, or that it is a fork or a dead end.

    What a fork is: `Team.swaps`; robots: how many are pushed there.
    """
    found, count, room = -1, 0, 0
    for arc in range(ways.first_arc[node], ways.first_arc[node + 1]):
        end = whole(ways.arc_end[arc])
        if end == behind or ways.is_barred[arc]:
            continue
        if ways.swaps == PLAIN_FORKS:
            free = 0 if _is_settled_dead_end(ways, end) else 1
        elif robots <= 1 and ways.head[end] < 0:
            free = 1
        else:
            free = _room(ways, node, end, robots)
        if free > 0:
            found, count, room = end, count + 1, room + free
    if count == 0:
        return _DEAD_END
    if count == 1:
        return found
    arc = _arc_between(ways.first_arc, ways.arc_end, behind, node)
    is_wide = arc < 0 or bool(ways.is_passing[arc])
    return _FORK if is_wide and (room > robots or ways.swaps != ROOMY_FORKS) else _DEAD_END


@kernel
def _is_settled_dead_end(ways: _Ways, node: int) -> bool:
    slot = ways.head[node]
    is_dead_end = ways.first_arc[node + 1] - ways.first_arc[node] == 1
    return is_dead_end and slot >= 0 and slot % ways.width == 0 and bool(ways.goal[slot // ways.width] == node)


@kernel
def _room(ways: _Ways, before: int, first: int, enough: int) -> int:
    """Return at how many nodes beyond the first, and there, away from the one before it, nobody stands."""
    ways.searches[0] += 1
    search = ways.searches[0]
    ways.seen[before] = ways.seen[first] = search
    ways.queue[0] = first
    done, known, free = 0, 1, 0
    while done < known and free < enough:
        node = ways.queue[done]
        done += 1
        free += ways.head[node] < 0
        for arc in range(ways.first_arc[node], ways.first_arc[node + 1]):
            end = ways.arc_end[arc]
            if ways.seen[end] != search and not ways.is_barred[arc]:
                ways.seen[end] = search
                ways.queue[known] = end
                known += 1
    return free


@kernel
def _arc_between(first_arc: Ints, arc_end: Ints, start: int, end: int) -> int:
    for arc in range(whole(first_arc[start]), whole(first_arc[start + 1])):
        if arc_end[arc] == end:
            return arc
    return -1


@kernel
def _is_blocked(graph: ArrayGraph, arc: int, cell: int) -> bool:
    found = False
    for index in range(graph.first_blocker[arc], graph.first_blocker[arc + 1]):
        found |= bool(graph.blocker[index] == cell)
    return found

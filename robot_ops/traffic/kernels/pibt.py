"""One joint step of all robots by PIBT (Okumura 2022) with the swap technique (Okumura 2023), on conflict zones.

Robots choose one after another and move one after another: who finds others in the way pushes them aside first, and
they choose and move before it does. So the moves of a step can be driven in the order in which they are made, each
finding its lane and its end free. Pure rotations, where nobody could be the first, are left out.
"""

from typing import Final

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints
from robot_ops.traffic.kernels.board import FREE, NO_SWAPS, STAY, Board, Team, draw, link, unlink, whole
from robot_ops.traffic.kernels.swaps import swap_partner

_IDLE_REACH: Final = 1.0
_ALONG: Final = 1000.0
"""Seconds: who is pushed rather does not drive on before its pusher, out of its own way."""


@kernel
def take_step(graph: ArrayGraph, team: Team, board: Board, order: Ints) -> bool:
    """Let all robots choose and move, in this order; return False where what is forced on one of them cannot be done.

    The moves stand in `board.mover` and `board.arc` then, and everybody stands at the end of its move.
    """
    board.is_settled[:] = False
    board.taken[:] = STAY
    board.moves[0] = 0
    for index in range(len(order)):
        robot = whole(order[index])
        if not board.is_settled[robot]:
            _decide(graph, team, board, robot)
        forced = board.forced[robot]
        if forced != FREE and forced != board.taken[robot]:
            return False
    return True


@kernel
def _decide(graph: ArrayGraph, team: Team, board: Board, leader: int) -> None:
    """Let one robot choose, and those it pushes before it."""
    width = len(board.cell) // len(board.used)
    depth = 0
    first, blocker = graph.first_blocker, graph.blocker
    board.stack[0] = leader
    _list_choices(graph, team, board, leader, leader)
    is_back = False  # whether the robot on top has just pushed somebody
    while depth >= 0:
        robot = whole(board.stack[depth])
        if board.at[robot] == board.choices[robot]:
            depth, is_back = depth - 1, True
            continue
        arc = whole(board.choice[robot, board.at[robot]])
        if not is_back:
            if width == 1:
                is_free = board.reserved[board.cell[robot] if arc == STAY else graph.arc_end[arc]] == 0
            else:
                is_free = _is_out_of_the_way(graph, team, board, robot, arc, width)
            if not is_free:
                board.at[robot] += 1
                continue
            if arc == STAY:
                depth, is_back = depth - 1, True
                continue
        other = _in_way(first, blocker, board.head, board.after, board.is_settled, robot, arc, width)
        if other >= 0:
            if not is_back:
                _reserve(first, blocker, board.reserved, arc, whole(1))
            depth, is_back = depth + 1, False
            board.stack[depth] = other
            _list_choices(graph, team, board, other, robot)
            continue
        if is_back:
            _reserve(first, blocker, board.reserved, arc, whole(-1))
        if other == -2:
            is_back = False
            board.at[robot] += 1
            continue
        origin = whole(board.cell[robot * width])
        _drive(graph, team, board, robot, arc, width)
        if board.at[robot] == 0 and board.swap[robot] >= 0:
            _pull(graph, team, board, whole(board.swap[robot]), origin, width)
        depth, is_back = depth - 1, True


@kernel
def _in_way(
    first: Ints, blocker: Ints, head: Ints, after: Ints, is_settled: Bools, robot: int, arc: int, width: int
) -> int:
    """Return who stands in the way and may be pushed; -1 where the arc is free, -2 where one stays who has chosen.

    It takes the arrays one by one, as all inner loops here do: to hand on whole boards costs more than the loop.
    """
    found = -1
    for index in range(first[arc], first[arc + 1]):
        slot = head[blocker[index]]
        while slot >= 0:
            other = whole(slot // width)
            if other != robot:
                if is_settled[other]:
                    return -2
                if found < 0:
                    found = other
            slot = after[slot]
    return found


@kernel
def _reserve(first: Ints, blocker: Ints, reserved: Ints, arc: int, change: int) -> None:
    for index in range(first[arc], first[arc + 1]):
        reserved[blocker[index]] += change


@kernel
def _is_out_of_the_way(graph: ArrayGraph, team: Team, board: Board, robot: int, arc: int, width: int) -> bool:
    """Return whether the robot is in the way of nobody who pushes, after driving the arc (or staying)."""
    base = robot * width
    if arc == STAY:
        needed = 0
        for slot in range(base, base + board.used[robot]):
            needed += board.reserved[board.cell[slot]]
        return needed == 0
    if board.reserved[graph.arc_end[arc]] > 0:
        return False
    if team.tail[robot] > 0.0:
        if board.reserved[graph.arc_cell[arc]] > 0:
            return False
        length = graph.arc_length[arc]
        for slot in range(base + 1, base + board.used[robot]):
            if length >= team.tail[robot]:
                break
            if board.reserved[board.cell[slot]] > 0:
                return False
            length += board.length[slot]
    return True


@kernel
def _drive(graph: ArrayGraph, team: Team, board: Board, robot: int, arc: int, width: int) -> None:
    """Move a robot; its trail follows."""
    base, count, kept = robot * width, board.used[robot], 1
    for slot in range(base, base + count):
        unlink(board.cell, board.head, board.after, board.before, slot)
    if team.tail[robot] > 0.0:
        length = graph.arc_length[arc]
        is_ride_again = length <= 0.0 and count > 1 and board.cell[base + 1] == graph.arc_cell[arc]
        last = 0
        while last + 1 < count and length < team.tail[robot]:
            last += 1
            length += board.length[base + last]
        if not is_ride_again:  # a lift that is ridden on and on takes up one slot
            for k in range(last, 0, -1):
                board.cell[base + k + 1], board.length[base + k + 1] = board.cell[base + k], board.length[base + k]
            board.cell[base + 1], board.length[base + 1] = graph.arc_cell[arc], graph.arc_length[arc]
            last += 1
        kept = last + 1
        for k in range(1, kept):
            link(board.cell, board.head, board.after, board.before, base + k, whole(board.cell[base + k]))
    link(board.cell, board.head, board.after, board.before, base, whole(graph.arc_end[arc]))
    board.used[robot] = kept
    board.taken[robot] = arc
    board.mover[board.moves[0]] = robot
    board.arc[board.moves[0]] = arc
    board.moves[0] += 1


@kernel
def _pull(graph: ArrayGraph, team: Team, board: Board, robot: int, node: int, width: int) -> None:
    """Let a robot follow to the node where its partner stood, if it may."""
    if board.is_settled[robot] or board.forced[robot] != FREE:
        return
    here = board.cell[robot * width]
    for arc in range(whole(graph.first_arc[here]), whole(graph.first_arc[here + 1])):
        if graph.arc_end[arc] == node and not team.is_barred[arc] and may_drive(team, robot, arc):
            first, blocker = graph.first_blocker, graph.blocker
            other = _in_way(first, blocker, board.head, board.after, board.is_settled, robot, arc, width)
            if other == -1 and _is_out_of_the_way(graph, team, board, robot, arc, width):
                board.is_settled[robot] = True
                _drive(graph, team, board, robot, arc, width)
            return


@kernel
def may_drive(team: Team, robot: int, arc: int) -> bool:
    """Return whether the robot may ever be sent along the arc."""
    return bool(team.arc_seconds[team.speed_row[robot], arc] < np.inf)


@kernel
def _list_choices(graph: ArrayGraph, team: Team, board: Board, robot: int, pusher: int) -> None:
    """Note what a robot may do, the best first; pusher: who pushes it, or the robot itself."""
    board.is_settled[robot] = True
    board.at[robot] = 0
    board.swap[robot] = -1
    if board.forced[robot] != FREE:
        board.choice[robot, 0] = board.forced[robot]
        board.choices[robot] = 1
        return
    width = len(board.cell) // len(board.used)
    here, row = whole(board.cell[robot * width]), whole(team.row[robot])
    pushed = whole(team.row[pusher]) if pusher != robot else whole(-1)
    choice, score, crowd = board.choice, board.score, board.crowd
    stay = 0.0
    if row >= 0:
        left = team.to_goal[row, here]
        stay = left + _IDLE_REACH if left > 0.0 else -1.0
    count = whole(0)
    _add_choice(choice, score, crowd, robot, count, whole(STAY), stay, 0.0)
    for arc in range(whole(graph.first_arc[here]), whole(graph.first_arc[here + 1])):
        if team.is_barred[arc]:
            continue
        end = whole(graph.arc_end[arc])
        is_along = pushed >= 0 and team.to_goal[pushed, end] < team.to_goal[pushed, here]
        if row >= 0:
            seconds = team.to_goal[row, end] + team.arc_seconds[team.speed_row[robot], arc]
            if seconds == np.inf:
                continue
            if is_along and team.to_goal[row, end] > team.to_goal[row, here]:
                seconds += _ALONG
        elif graph.is_cabin[end] or not may_drive(team, robot, arc):
            continue
        else:
            seconds = _IDLE_REACH + (_ALONG if is_along else 0.0)
        if team.noise > 0.0:
            seconds += team.noise * draw(board.chance)
        weight = 0.5 * draw(board.chance)
        if _is_crowded(graph.first_conflict, graph.conflict, board.head, robot, end, width):
            weight += 1.0
        count += 1
        _add_choice(choice, score, crowd, robot, count, arc, seconds, weight)
    board.choices[robot] = count + 1
    if team.swaps != NO_SWAPS and row >= 0 and choice[robot, 0] != STAY:
        other = swap_partner(graph, team, board, robot)
        if other >= 0:
            board.swap[robot] = other
            _reverse(choice, robot, count)


@kernel
def _add_choice(
    choice: Ints, score: Floats, crowd: Floats, robot: int, last: int, arc: int, seconds: float, weight: float
) -> None:
    """Put a choice where it belongs among those before the last."""
    at = last
    while at > 0 and (
        score[robot, at - 1] > seconds or (score[robot, at - 1] == seconds and crowd[robot, at - 1] > weight)
    ):
        score[robot, at] = score[robot, at - 1]
        crowd[robot, at] = crowd[robot, at - 1]
        choice[robot, at] = choice[robot, at - 1]
        at -= 1
    score[robot, at], crowd[robot, at], choice[robot, at] = seconds, weight, arc


@kernel
def _reverse(choice: Ints, robot: int, last: int) -> None:
    low, high = 0, last
    while low < high:
        choice[robot, low], choice[robot, high] = choice[robot, high], choice[robot, low]
        low, high = low + 1, high - 1


@kernel
def _is_crowded(first_conflict: Ints, conflict: Ints, head: Ints, robot: int, node: int, width: int) -> bool:
    for index in range(first_conflict[node], first_conflict[node + 1]):
        slot = head[conflict[index]]
        if slot >= 0 and slot // width != robot:
            return True
    return False

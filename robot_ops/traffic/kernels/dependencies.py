"""Builds an action dependency graph with switchable groups from an order of moves.

Vertices are moves. A robot takes up cells: a node from the start of the move that enters it until it is left behind by
the next, a lane while it drives it (with a party: until the tail is through). Two such stays of two robots on cells
that conflict are a box in the plane of both robots' moves: one of them passes first. Boxes that overlap can only be
decided together; connected ones form a group (two robots in one corridor, toward or behind each other), which is
switched as a whole. Each group has the dependencies of both its sides; which side counts is the state of the graph.
"""

from typing import NamedTuple

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints


class Walks(NamedTuple):
    """The robots and their moves, each robot's one after another: those of robot r are first_move[r] through
    first_move[r + 1] - 1.

    Attributes:
        first_move: (robots + 1,); arc: (moves,); robot: (moves,); rank: (moves,) where each stands in the order.
        start: (robots,) nodes; speed: (robots,) m/s; tail: (robots,) length of the party in meters.
        first_trail: (robots + 1,), trail_cell, trail_length: lanes behind each robot that its party stands on, nearest
            first.
        first_held: (robots + 1,), held_cell, held_until: further cells that it takes up for a time, in seconds.
    """

    first_move: Ints
    arc: Ints
    robot: Ints
    rank: Ints
    start: Ints
    speed: Floats
    tail: Floats
    first_trail: Ints
    trail_cell: Ints
    trail_length: Floats
    first_held: Ints
    held_cell: Ints
    held_until: Floats


class Stays(NamedTuple):
    """Which robot takes up which cell from when to when, by robot and then in the order of its moves.

    Attributes:
        cell, robot: (stays,).
        enter: number of the robot's move with whose start it begins, -1 where it begins before all moves.
        leave: number of the robot's move that ends it, its count of moves where none does.
        is_end: True where it lasts to the end of that move, False where only until the node behind is left.
    """

    cell: Ints
    robot: Ints
    enter: Ints
    leave: Ints
    is_end: Bools


class Dependencies(NamedTuple):
    """The graph. Rows are compressed: row k of `xs` is xs[first_x[k] : first_x[k + 1]].

    Attributes:
        first_move: (robots + 1,); robot: (moves,).
        duration, leaving: (moves,) seconds until its end, until the node behind is left.
        release: (moves,) seconds before which it cannot start.
        first_edge: (2 * groups + 1,); the edges of group g's side s are row 2 * g + s.
        source, target: (edges,) moves.
        first_in: (moves + 1,), edges into each move; in_source; in_is_end: whether the target waits for the end of the
            source, else until the source has left its node; in_side: 2 * group + side.
        first_out: (moves + 1,), edges out of each move; out_target; out_side: 2 * group + side.
        group_robot: (groups, 2); group_enter: (groups, 2) the move with which each of both enters it, -1 for none.
        is_fixed: (groups,) it cannot be switched: one of both is there from the start, or stays for good.
    """

    first_move: Ints
    robot: Ints
    duration: Floats
    leaving: Floats
    release: Floats
    first_edge: Ints
    source: Ints
    target: Ints
    first_in: Ints
    in_source: Ints
    in_is_end: Bools
    in_side: Ints
    first_out: Ints
    out_target: Ints
    out_side: Ints
    group_robot: Ints
    group_enter: Ints
    is_fixed: Bools


@kernel
def find_stays(graph: ArrayGraph, walks: Walks) -> Stays:
    """Return what all robots take up."""
    robots, moves = len(walks.start), len(walks.arc)
    count = robots + 2 * moves + len(walks.trail_cell)
    cell, robot = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
    enter, leave = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
    is_end = np.zeros(count, dtype=np.bool_)
    at = 0
    for r in range(robots):
        base, size = walks.first_move[r], walks.first_move[r + 1] - walks.first_move[r]
        nearer = 0.0
        for index in range(walks.first_trail[r], walks.first_trail[r + 1]):
            left = _left_behind(graph, walks, r, 0, walks.tail[r] - nearer)
            cell[at], robot[at], enter[at], leave[at], is_end[at] = walks.trail_cell[index], r, -1, left, True
            nearer += walks.trail_length[index]
            at += 1
        cell[at], robot[at], enter[at], leave[at] = walks.start[r], r, -1, 0
        at += 1
        for k in range(size):
            arc = walks.arc[base + k]
            left = k if walks.tail[r] <= 0.0 else _left_behind(graph, walks, r, k + 1, walks.tail[r])
            cell[at], robot[at], enter[at], leave[at], is_end[at] = graph.arc_cell[arc], r, k, left, True
            at += 1
            cell[at], robot[at], enter[at], leave[at] = graph.arc_end[arc], r, k, k + 1
            at += 1
    return Stays(cell, robot, enter, leave, is_end)


@kernel
def _left_behind(graph: ArrayGraph, walks: Walks, robot: int, first: int, length: float) -> int:
    """Return the move, from `first` on, with whose end the robot has driven at least so far."""
    base, size = walks.first_move[robot], walks.first_move[robot + 1] - walks.first_move[robot]
    k = first
    while k < size:
        length -= graph.arc_length[walks.arc[base + k]]
        if length <= 0.0:
            return k
        k += 1
    return int(size)


@kernel
def build(graph: ArrayGraph, walks: Walks) -> tuple[Dependencies, Ints]:
    """Return the graph, and per group the side that the order of the moves has: 0 where its first robot goes first."""
    stays = find_stays(graph, walks)
    first_stay, stay_at = _rows_by(stays.cell, len(graph.first_conflict) - 1)
    duration, leaving, release = _times(graph, walks, stays, first_stay, stay_at)
    first_box, box_a, box_b = _find_boxes(graph, walks, stays, first_stay, stay_at)
    boxes = len(box_a)
    robots = len(walks.start)
    group_of = np.empty(boxes, dtype=np.int32)
    parent = np.empty(boxes, dtype=np.int32)
    groups = 0
    for pair in range(robots * robots):
        if first_box[pair] < first_box[pair + 1]:
            groups = _group(stays, first_box[pair], first_box[pair + 1], box_a, box_b, parent, group_of, groups)
    first_of, box_of = _rows_by(group_of, groups)
    side = np.zeros(groups, dtype=np.int32)
    is_fixed = np.zeros(groups, dtype=np.bool_)
    group_robot = np.empty((groups, 2), dtype=np.int32)
    group_enter = np.empty((groups, 2), dtype=np.int32)
    first_edge = np.zeros(2 * groups + 1, dtype=np.int32)
    source, target = np.empty(2 * boxes, dtype=np.int32), np.empty(2 * boxes, dtype=np.int32)
    edge_is_end = np.empty(2 * boxes, dtype=np.bool_)
    edge_side = np.empty(2 * boxes, dtype=np.int32)
    scratch = np.empty(boxes, dtype=np.int32)
    edges = 0
    for g in range(groups):
        members = box_of[first_of[g] : first_of[g + 1]]
        a, b = stays.robot[box_a[members[0]]], stays.robot[box_b[members[0]]]
        group_robot[g, 0], group_robot[g, 1] = a, b
        size_a, size_b = walks.first_move[a + 1] - walks.first_move[a], walks.first_move[b + 1] - walks.first_move[b]
        enter_a, enter_b = size_a, size_b
        for box in members:
            one, two = box_a[box], box_b[box]
            enter_a, enter_b = min(enter_a, stays.enter[one]), min(enter_b, stays.enter[two])
            if min(stays.enter[one], stays.enter[two]) < 0 or stays.leave[one] >= size_a or stays.leave[two] >= size_b:
                is_fixed[g] = True
        side[g] = 0 if _is_before(walks, stays, box_a[members[0]], box_b[members[0]]) else 1
        group_enter[g, 0] = walks.first_move[a] + enter_a if enter_a >= 0 else -1
        group_enter[g, 1] = walks.first_move[b] + enter_b if enter_b >= 0 else -1
        for s in range(2):
            if not is_fixed[g] or side[g] == s:
                leavers, enterers = (box_a, box_b) if s == 0 else (box_b, box_a)
                begin = edges
                edges = _add_edges(
                    walks, stays, members, leavers, enterers, scratch, source, target, edge_is_end, edges
                )
                edge_side[begin:edges] = 2 * g + s
            first_edge[2 * g + s + 1] = edges
    first_in, edge_in = _rows_by(target[:edges], len(walks.arc))
    first_out, edge_out = _rows_by(source[:edges], len(walks.arc))
    graph_made = Dependencies(
        walks.first_move,
        walks.robot,
        duration,
        leaving,
        release,
        first_edge,
        source[:edges].copy(),
        target[:edges].copy(),
        first_in,
        source[edge_in],
        edge_is_end[edge_in],
        edge_side[edge_in],
        first_out,
        target[edge_out],
        edge_side[edge_out],
        group_robot,
        group_enter,
        is_fixed,
    )
    return graph_made, side


@kernel
def _rows_by(keys: Ints, count: int) -> tuple[Ints, Ints]:
    """Return indices of `keys` in compressed rows by key, in each row ascending."""
    first = np.zeros(count + 1, dtype=np.int32)
    for key in keys:
        first[key + 1] += 1
    for k in range(count):
        first[k + 1] += first[k]
    at = first[:-1].copy()
    row = np.empty(len(keys), dtype=np.int32)
    for index in range(len(keys)):
        row[at[keys[index]]] = index
        at[keys[index]] += 1
    return first, row


@kernel
def _times(
    graph: ArrayGraph, walks: Walks, stays: Stays, first_stay: Ints, stay_at: Ints
) -> tuple[Floats, Floats, Floats]:
    moves = len(walks.arc)
    duration, leaving, release = np.empty(moves), np.empty(moves), np.zeros(moves)
    for move in range(moves):
        arc, robot = walks.arc[move], walks.robot[move]
        speed = min(graph.arc_speed[arc], walks.speed[robot])
        seconds = graph.arc_length[arc] / speed + graph.arc_extra[arc]
        duration[move] = leaving[move] = seconds
        if graph.leave_distance <= 0.0:
            leaving[move] = 0.0 if walks.tail[robot] <= 0.0 else seconds
        elif walks.tail[robot] <= 0.0 and graph.arc_length[arc] > graph.leave_distance:
            leaving[move] = min(seconds, graph.leave_distance / speed + 0.5)
    for robot in range(len(walks.start)):
        for index in range(walks.first_held[robot], walks.first_held[robot + 1]):
            held = walks.held_cell[index]
            for row in range(graph.first_conflict[held], graph.first_conflict[held + 1]):
                cell = graph.conflict[row]
                for k in range(first_stay[cell], first_stay[cell + 1]):
                    stay = stay_at[k]
                    if stays.robot[stay] != robot and stays.enter[stay] >= 0:
                        move = walks.first_move[stays.robot[stay]] + stays.enter[stay]
                        release[move] = max(release[move], walks.held_until[index])
    return duration, leaving, release


@kernel
def _is_before(walks: Walks, stays: Stays, one: int, two: int) -> bool:
    """Return whether by the order of moves stay `one` is over before stay `two` begins."""
    r, q = stays.robot[one], stays.robot[two]
    left, entered = walks.first_move[r] + stays.leave[one], stays.enter[two]
    if left >= walks.first_move[r + 1] or entered < 0:
        return False
    return bool(walks.rank[left] < walks.rank[walks.first_move[q] + entered])


@kernel
def _find_boxes(
    graph: ArrayGraph, walks: Walks, stays: Stays, first_stay: Ints, stay_at: Ints
) -> tuple[Ints, Ints, Ints]:
    """Return pairs of stays that exclude each other, by pair of robots: (robots * robots + 1,), (boxes,), (boxes,).

    Stays that overlap in the order are left out: robots that were set down too close to each other may part.
    """
    robots = len(walks.start)
    first = np.zeros(robots * robots + 1, dtype=np.int32)
    at = np.zeros(0, dtype=np.int32)
    box_a, box_b = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
    for is_filling in (False, True):
        if is_filling:
            for pair in range(robots * robots):
                first[pair + 1] += first[pair]
            at = first[:-1].copy()
            box_a, box_b = np.empty(first[-1], dtype=np.int32), np.empty(first[-1], dtype=np.int32)
        for one in range(len(stays.cell)):
            robot = stays.robot[one]
            cell = stays.cell[one]
            for row in range(graph.first_conflict[cell], graph.first_conflict[cell + 1]):
                other = graph.conflict[row]
                for k in range(first_stay[other], first_stay[other + 1]):
                    two = stay_at[k]
                    if stays.robot[two] <= robot:
                        continue
                    if not _is_before(walks, stays, one, two) and not _is_before(walks, stays, two, one):
                        continue
                    pair = robot * robots + stays.robot[two]
                    if is_filling:
                        box_a[at[pair]], box_b[at[pair]] = one, two
                        at[pair] += 1
                    else:
                        first[pair + 1] += 1
    return first, box_a, box_b


@kernel
def _group(
    stays: Stays, begin: int, end: int, box_a: Ints, box_b: Ints, parent: Ints, group_of: Ints, groups: int
) -> int:
    """Number the groups among the boxes of one pair of robots, from `groups` on; return how many there are then.

    The boxes come in the order in which the first robot enters them.
    """
    longest = 0
    for box in range(begin, end):
        parent[box] = box
        longest = max(longest, stays.leave[box_a[box]] - stays.enter[box_a[box]])
    for box in range(begin, end):
        a, b = box_a[box], box_b[box]
        for other in range(box - 1, begin - 1, -1):
            c, d = box_a[other], box_b[other]
            if stays.enter[c] + longest < stays.enter[a]:
                break
            if (
                stays.leave[c] >= stays.enter[a]
                and stays.leave[d] >= stays.enter[b]
                and stays.leave[b] >= stays.enter[d]
            ):
                parent[_root(parent, other)] = _root(parent, box)
    for box in range(begin, end):
        group_of[box] = -1
    for box in range(begin, end):
        root = _root(parent, box)
        if group_of[root] < 0:
            group_of[root] = groups
            groups += 1
        group_of[box] = group_of[root]
    return groups


@kernel
def _root(parent: Ints, box: int) -> int:
    while parent[box] != box:
        parent[box] = parent[parent[box]]
        box = parent[box]
    return box


@kernel
def _add_edges(
    walks: Walks,
    stays: Stays,
    members: Ints,
    leavers: Ints,
    enterers: Ints,
    scratch: Ints,
    source: Ints,
    target: Ints,
    is_end: Bools,
    edges: int,
) -> int:
    """Add the dependencies of one side of a group, without those that follow from others; return their new count."""
    count = len(members)
    for k in range(count):  # by insertion: members are nearly sorted, one way or the other
        box, at = members[k], k
        while at > 0 and stays.enter[enterers[scratch[at - 1]]] > stays.enter[enterers[box]]:
            scratch[at] = scratch[at - 1]
            at -= 1
        scratch[at] = box
    begin, last = edges, -1
    for k in range(count):
        one, two = leavers[scratch[k]], enterers[scratch[k]]
        key = 2 * stays.leave[one] + (1 if stays.is_end[one] else 0)
        if key <= last:
            continue
        last = key
        entered = walks.first_move[stays.robot[two]] + stays.enter[two]
        left = walks.first_move[stays.robot[one]] + stays.leave[one]
        if stays.enter[two] < 0 or left >= walks.first_move[stays.robot[one] + 1]:
            continue
        if edges > begin and target[edges - 1] == entered:
            edges -= 1
        source[edges] = left
        target[edges] = entered
        is_end[edges] = stays.is_end[one]
        edges += 1
    return edges

"""Joint planning of all robots: LaCAM (Okumura 2023), a search over joint positions that PIBT leads.

Every joint position that is reached keeps a tree of constraints (who must do what in the next step), which is opened
breadth first, one per visit; so in the end every neighbor of a position is tried, and the search is complete. Going on
after the first plan makes it better until, in the end, no better one is left (LaCAM*; Okumura 2023).
"""

from typing import Final

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Ints
from robot_ops.traffic.kernels.board import FREE, STAY, Board, Team, draw, link, unlink, whole
from robot_ops.traffic.kernels.joint_tree import (
    EPSILON,
    Tree,
    connect,
    drop,
    find,
    is_full,
    is_hopeless,
    least_rest,
    loss,
    mixed,
    note,
    push,
)
from robot_ops.traffic.kernels.pibt import may_drive, take_step

SOLVED: Final = 1
IMPOSSIBLE: Final = 2
SPENT: Final = 3
FULL: Final = 4
BEST: Final = 5
_RETURN: Final = 0.2
"""Where the best plan is known, how often the search goes on from somewhere on its way when a way was given up: near
the end alone little can be gained (LaCAM3; Okumura 2024)."""
_NOTABLE: Final = 0.01
"""A plan that costs so much less is worth a look of its own."""
_PROMOTION: Final = 0.1
_PROMOTED: Final = 1000
"""Where chance plays a part, at how many of the positions a robot gets ahead of the others until it is at its goal, and
by how many steps of waiting: so no jam lasts because the same robots press on for ever."""


@kernel
def plant(team: Team, board: Board, tree: Tree, rank: Ints) -> None:
    """Begin the tree with where everybody stands on the board; rank: (robots,) who chooses first among equals."""
    tree.used[:] = 0
    tree.table[:] = -1
    root = whole(0)
    _copy_board(board, tree, root)
    for robot in range(len(rank)):
        tree.waits[root, robot] = 0
        tree.order[root, robot] = robot
    _sort(team, tree, rank, root)
    tree.used[6] = -1
    tree.known[0] = np.inf
    tree.first_move[0] = 0
    tree.cost[root], tree.via[root] = 0.0, -1
    _enter(team, tree, root)


@kernel
def search(graph: ArrayGraph, team: Team, board: Board, tree: Tree, rank: Ints, steps: int) -> int:
    """Go on for some joint steps; `moves_of` gives the best plan then.

    Returns:
        SOLVED: the first plan, or one that costs notably less than `tree.known`; BEST: there is none better;
        IMPOSSIBLE: there is none; SPENT: no more steps; FULL: the tree's arrays must be enlarged before it can go on.
    """
    robots = len(rank)
    widest = board.choice.shape[1]
    for _ in range(steps):
        if _is_notable(tree):
            return SOLVED
        if tree.used[3] == 0:
            return BEST if tree.used[6] >= 0 else IMPOSSIBLE
        at = whole(tree.open[tree.used[3] - 1])
        if is_hopeless(tree, at):
            drop(tree)
            if draw(board.chance) < _RETURN:
                push(tree, _on_way(tree, draw(board.chance)))
            continue
        if _is_solved(team, tree, at):
            tree.used[6] = at
            drop(tree)
            continue
        if tree.oldest[at] < 0:
            drop(tree)
            continue
        if is_full(tree, robots, widest):
            return FULL
        tree.used[4] += 1
        constraint = whole(tree.oldest[at])
        _branch(graph, team, tree, at, constraint)
        _set_up(board, tree, at, constraint)
        if not take_step(graph, team, board, tree.order[at]):
            continue
        new = whole(tree.used[0])
        _copy_board(board, tree, new)
        seconds = loss(team, board, tree.place[at])
        known = find(tree, new)
        if known >= 0:
            if known != at:
                connect(board, tree, at, known, seconds)
                push(tree, known)
            continue
        for index in range(robots):
            robot = whole(tree.order[at, index])
            tree.order[new, index] = robot
            is_there = team.goal[robot] < 0 or team.goal[robot] == tree.place[new, robot]
            tree.waits[new, robot] = 0 if is_there else tree.waits[at, robot] + 1
        if team.noise > 0.0 and draw(board.chance) < _PROMOTION:
            tree.waits[new, int(draw(board.chance) * robots)] += _PROMOTED
        _sort(team, tree, rank, new)
        tree.cost[new] = np.inf
        _enter(team, tree, new)
        connect(board, tree, at, new, seconds)
    return SPENT


@kernel
def _on_way(tree: Tree, share: float) -> int:
    """Return the position after this share of the steps of the best plan."""
    at, steps = whole(tree.used[6]), 0
    while tree.via[at] >= 0:
        at, steps = whole(tree.source[tree.via[at]]), steps + 1
    at, back = whole(tree.used[6]), steps - int(share * steps)
    for _ in range(back):
        at = whole(tree.source[tree.via[at]])
    return at


@kernel
def _is_notable(tree: Tree) -> bool:
    """Return whether the best plan costs notably less than the one that was looked at, and note it."""
    best = tree.used[6]
    if best < 0 or tree.cost[best] > (1.0 - _NOTABLE) * tree.known[0] - EPSILON:
        return False
    tree.known[0] = tree.cost[best]
    return True


@kernel
def _enter(team: Team, tree: Tree, position: int) -> None:
    """Add a position, with the constraint that asks nothing."""
    tree.used[0] = position + 1
    tree.rest[position] = least_rest(team, tree.place[position])
    tree.first_way[position] = -1
    tree.copies[position] = 0
    tree.is_queued[position] = False
    note(tree, position)
    tree.oldest[position] = tree.newest[position] = -1
    _constrain(tree, position, whole(-1), whole(-1), whole(STAY))
    push(tree, position)


@kernel
def _constrain(tree: Tree, position: int, up: int, robot: int, choice: int) -> None:
    new = tree.used[1]
    tree.used[1] += 1
    tree.up[new], tree.robot[new], tree.choice[new], tree.later[new] = up, robot, choice, -1
    if tree.oldest[position] < 0:
        tree.oldest[position] = new
    else:
        tree.later[tree.newest[position]] = new
    tree.newest[position] = new


@kernel
def _branch(graph: ArrayGraph, team: Team, tree: Tree, position: int, constraint: int) -> None:
    """Take the constraint off, and add those that say what one robot more does."""
    tree.oldest[position] = tree.later[constraint]
    depth, at = 0, constraint
    while tree.up[at] >= 0:
        depth, at = depth + 1, whole(tree.up[at])
    if depth == tree.order.shape[1]:
        return
    robot = whole(tree.order[position, depth])
    here = whole(tree.place[position, robot])
    _constrain(tree, position, constraint, robot, whole(STAY))
    for arc in range(whole(graph.first_arc[here]), whole(graph.first_arc[here + 1])):
        if not team.is_barred[arc] and may_drive(team, robot, arc):
            _constrain(tree, position, constraint, robot, arc)


@kernel
def _set_up(board: Board, tree: Tree, position: int, constraint: int) -> None:
    """Put everybody on the board where it stands, and note what is forced."""
    robots, width = len(board.used), len(board.cell) // len(board.used)
    for robot in range(robots):
        board.forced[robot] = FREE
        base = robot * width
        if width == 1 and board.cell[base] == tree.place[position, robot]:
            continue
        for slot in range(base, base + board.used[robot]):
            unlink(board.cell, board.head, board.after, board.before, slot)
        link(board.cell, board.head, board.after, board.before, base, whole(tree.place[position, robot]))
        count = 1
        while count < width and tree.trail[position, robot, count - 1] >= 0:
            cell = whole(tree.trail[position, robot, count - 1])
            link(board.cell, board.head, board.after, board.before, base + count, cell)
            board.length[base + count] = tree.length[position, robot, count - 1]
            count += 1
        board.used[robot] = count
    at = constraint
    while tree.up[at] >= 0:
        board.forced[tree.robot[at]] = tree.choice[at]
        at = whole(tree.up[at])


@kernel
def _copy_board(board: Board, tree: Tree, position: int) -> None:
    robots, width = len(board.used), len(board.cell) // len(board.used)
    code = whole(0)
    for robot in range(robots):
        base = robot * width
        tree.place[position, robot] = board.cell[base]
        code = mixed(code, whole(board.cell[base]))
        for k in range(1, width):
            is_used = k < board.used[robot]
            tree.trail[position, robot, k - 1] = board.cell[base + k] if is_used else -1
            tree.length[position, robot, k - 1] = board.length[base + k] if is_used else 0.0
            code = mixed(code, whole(tree.trail[position, robot, k - 1]))
    tree.code[position] = code


@kernel
def _is_solved(team: Team, tree: Tree, position: int) -> bool:
    for robot in range(len(team.goal)):
        if team.goal[robot] >= 0 and team.goal[robot] != tree.place[position, robot]:
            return False
    return True


@kernel
def _sort(team: Team, tree: Tree, rank: Ints, position: int) -> None:
    """Sort who chooses first: those on their way, the longest waiting before; then those at their goals; idle ones."""
    order = tree.order[position]
    for index in range(1, len(order)):
        robot, at = whole(order[index]), index
        while at > 0 and _is_before(team, tree, rank, position, robot, whole(order[at - 1])):
            order[at] = order[at - 1]
            at -= 1
        order[at] = robot


@kernel
def _is_before(team: Team, tree: Tree, rank: Ints, position: int, one: int, two: int) -> bool:
    one_class, two_class = _class(team, tree, position, one), _class(team, tree, position, two)
    if one_class != two_class:
        return one_class < two_class
    if tree.waits[position, one] != tree.waits[position, two]:
        return bool(tree.waits[position, one] > tree.waits[position, two])
    return bool(rank[one] < rank[two])


@kernel
def _class(team: Team, tree: Tree, position: int, robot: int) -> int:
    if team.goal[robot] < 0:
        return 2
    return 1 if team.goal[robot] == tree.place[position, robot] else 0

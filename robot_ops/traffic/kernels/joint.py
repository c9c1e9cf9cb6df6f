"""Joint planning of all robots: LaCAM (Okumura 2023), a search over joint positions that PIBT leads.

Every joint position that is reached keeps a tree of constraints (who must do what in the next step), which is opened
breadth first, one per visit; so in the end every neighbor of a position is tried, and the search is complete.
"""

from typing import Final, NamedTuple

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Floats, Ints
from robot_ops.traffic.kernels.board import FREE, STAY, Board, Team, Words, draw, link, unlink, whole
from robot_ops.traffic.kernels.pibt import take_step

SOLVED: Final = 1
IMPOSSIBLE: Final = 2
SPENT: Final = 3
FULL: Final = 4
_PROMOTION: Final = 0.1
_PROMOTED: Final = 1000
"""Where chance plays a part, at how many of the positions a robot gets ahead of the others until it is at its goal, and
by how many steps of waiting: so no jam lasts because the same robots press on for ever."""


class Tree(NamedTuple):
    """Joint positions that were reached, and the constraints at each.

    Attributes:
        place: (positions, robots) nodes; trail, length: (positions, robots, width - 1) cells, -1 for none, and meters.
        waits: (positions, robots) steps since the robot was at its goal; order: (positions, robots) who chooses first.
        parent: (positions,) -1 for the first; first_move: (positions + 1,), mover, arc: (moves,) how it was reached.
        code: (positions,) hash; table: (power of 2,) position by hash, -1 for none.
        oldest, newest: (positions,) of its open constraints, -1 for none.
        up, robot, choice, later: (constraints,) the constraint that it adds to, and the next one of the position.
        open: (steps,) positions to look at, the next one last.
        used: (5,) how many positions, constraints, moves and open ones there are; steps tried.
    """

    place: Ints
    trail: Ints
    length: Floats
    waits: Ints
    order: Ints
    parent: Ints
    first_move: Ints
    mover: Ints
    arc: Ints
    code: Words
    table: Ints
    oldest: Ints
    newest: Ints
    up: Ints
    robot: Ints
    choice: Ints
    later: Ints
    open: Ints
    used: Words


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
    tree.parent[root] = -1
    tree.first_move[root] = 0
    _enter(tree, root)


@kernel
def search(graph: ArrayGraph, team: Team, board: Board, tree: Tree, rank: Ints, steps: int) -> int:
    """Go on for some joint steps; return SOLVED (the last open position is it), IMPOSSIBLE, SPENT or FULL.

    FULL: the tree's arrays must be enlarged before it can go on.
    """
    robots = len(rank)
    widest = board.choice.shape[1]
    for _ in range(steps):
        if tree.used[3] == 0:
            return IMPOSSIBLE
        at = whole(tree.open[tree.used[3] - 1])
        if _is_solved(team, tree, at):
            return SOLVED
        if tree.oldest[at] < 0:
            tree.used[3] -= 1
            continue
        if (
            tree.used[0] + 2 > len(tree.parent)
            or tree.used[1] + widest + 1 > len(tree.up)
            or tree.used[2] + robots > len(tree.mover)
            or tree.used[3] + 1 > len(tree.open)
        ):
            return FULL
        tree.used[4] += 1
        constraint = whole(tree.oldest[at])
        _branch(graph, team, tree, at, constraint)
        _set_up(board, tree, at, constraint)
        if not take_step(graph, team, board, tree.order[at]):
            continue
        new = whole(tree.used[0])
        _copy_board(board, tree, new)
        known = _find(tree, new)
        if known >= 0:
            if known != at:
                tree.open[tree.used[3]] = known
                tree.used[3] += 1
            continue
        for index in range(robots):
            robot = whole(tree.order[at, index])
            tree.order[new, index] = robot
            is_there = team.goal[robot] < 0 or team.goal[robot] == tree.place[new, robot]
            tree.waits[new, robot] = 0 if is_there else tree.waits[at, robot] + 1
        if team.noise > 0.0 and draw(board.chance) < _PROMOTION:
            tree.waits[new, int(draw(board.chance) * robots)] += _PROMOTED
        _sort(team, tree, rank, new)
        tree.parent[new] = at
        for index in range(board.moves[0]):
            tree.mover[tree.used[2]], tree.arc[tree.used[2]] = board.mover[index], board.arc[index]
            tree.used[2] += 1
        _enter(tree, new)
    return SPENT


@kernel
def rehash(tree: Tree) -> None:
    """Fill the table anew, after it was enlarged."""
    tree.table[:] = -1
    for position in range(tree.used[0]):
        _note(tree, position)


@kernel
def moves_of(tree: Tree) -> tuple[Ints, Ints, Ints]:
    """Return (moves,) robots, arcs and joint steps of the way to the last open position."""
    last = tree.open[tree.used[3] - 1]
    count, depth, at = 0, 0, whole(last)
    while tree.parent[at] >= 0:
        count += tree.first_move[at + 1] - tree.first_move[at]
        depth, at = depth + 1, whole(tree.parent[at])
    movers, arcs, steps = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    at = whole(last)
    while tree.parent[at] >= 0:
        depth -= 1
        for index in range(tree.first_move[at + 1] - 1, tree.first_move[at] - 1, -1):
            count -= 1
            movers[count], arcs[count], steps[count] = tree.mover[index], tree.arc[index], depth
        at = whole(tree.parent[at])
    return movers, arcs, steps


@kernel
def _enter(tree: Tree, position: int) -> None:
    """Add a position, with the constraint that asks nothing."""
    tree.used[0] = position + 1
    tree.first_move[position + 1] = tree.used[2]
    _note(tree, position)
    tree.oldest[position] = tree.newest[position] = -1
    _constrain(tree, position, whole(-1), whole(-1), whole(STAY))
    tree.open[tree.used[3]] = position
    tree.used[3] += 1


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
        if not team.is_barred[arc]:
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
        code = _mixed(code, whole(board.cell[base]))
        for k in range(1, width):
            is_used = k < board.used[robot]
            tree.trail[position, robot, k - 1] = board.cell[base + k] if is_used else -1
            tree.length[position, robot, k - 1] = board.length[base + k] if is_used else 0.0
            code = _mixed(code, whole(tree.trail[position, robot, k - 1]))
    tree.code[position] = code


@kernel
def _mixed(code: int, value: int) -> int:
    code = (code ^ value) * 1181783497276652981 + 7046029254386353131
    return code ^ ((code >> 29) & 0x7FFFFFFFF)


@kernel
def _note(tree: Tree, position: int) -> None:
    mask = len(tree.table) - 1
    at = tree.code[position] & mask
    while tree.table[at] >= 0:
        at = (at + 1) & mask
    tree.table[at] = position


@kernel
def _find(tree: Tree, position: int) -> int:
    """Return a known position that is the same, -1 for none."""
    mask = len(tree.table) - 1
    at = tree.code[position] & mask
    while tree.table[at] >= 0:
        known = whole(tree.table[at])
        if tree.code[known] == tree.code[position] and _is_same(tree, known, position):
            return known
        at = (at + 1) & mask
    return -1


@kernel
def _is_same(tree: Tree, one: int, two: int) -> bool:
    for robot in range(tree.place.shape[1]):
        if tree.place[one, robot] != tree.place[two, robot]:
            return False
        for k in range(tree.trail.shape[2]):
            if tree.trail[one, robot, k] != tree.trail[two, robot, k]:
                return False
    return True


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

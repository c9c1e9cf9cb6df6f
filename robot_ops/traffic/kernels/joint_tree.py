"""The positions that joint planning has reached, and the steps between them: LaCAM* (Okumura 2023).

Every step that was found stays known, so that a position reached on a better way lowers what the ones behind it cost.
"""

from typing import Final, NamedTuple

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import Bools, Floats, Ints
from robot_ops.traffic.kernels.board import STAY, Board, Team, Words, whole

EPSILON: Final = 1e-9


class Tree(NamedTuple):
    """Joint positions that were reached, and the constraints at each.

    Attributes:
        place: (positions, robots) nodes; trail, length: (positions, robots, width - 1) cells, -1 for none, and meters.
        waits: (positions, robots) steps since the robot was at its goal; order: (positions, robots) who chooses first.
        cost, rest: (positions,) seconds lost until there, as far as known, and at least from there on; see `loss`.
        via: (positions,) the step by which it is reached at this cost, -1 for the first.
        source, target, seconds: (ways,) steps between positions and what they cost; next_way: (ways,) the next one from
            the same position; first_way: (positions,), -1 for none.
        first_move: (ways + 1,), mover, arc: (moves,) the moves of each step.
        code: (positions,) hash; table: (power of 2,) position by hash, -1 for none.
        oldest, newest: (positions,) of its open constraints, -1 for none.
        up, robot, choice, later: (constraints,) the constraint that it adds to, and the next one of the position.
        open: (steps,) positions to look at, the next one last; copies: (positions,) how often each stands there.
        queue, is_queued: (positions,) positions whose cost has fallen.
        known: (1,) what the plan costs that was looked at last.
        used: (7,) how many positions, constraints, moves and open ones there are; steps tried; ways; the position with
            everybody at its goal that costs least, -1 for none.
    """

    place: Ints
    trail: Ints
    length: Floats
    waits: Ints
    order: Ints
    cost: Floats
    rest: Floats
    via: Ints
    source: Ints
    target: Ints
    seconds: Floats
    next_way: Ints
    first_way: Ints
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
    copies: Ints
    queue: Ints
    is_queued: Bools
    known: Floats
    used: Words


@kernel
def loss(team: Team, board: Board, place: Ints) -> float:
    """Return what the step just made costs: who moves loses the seconds of its arc, a usual one's at least (else there
    and back would cost less than to wait); who waits away from its goal loses a usual one's.

    Args:
        place: (robots,) where everybody stood before it.
    """
    total = 0.0
    for robot in range(len(team.goal)):
        arc = board.taken[robot]
        if arc != STAY:
            total += max(team.arc_seconds[team.speed_row[robot], arc], team.usual)
        elif team.goal[robot] >= 0 and team.goal[robot] != place[robot]:
            total += team.usual
    return total


@kernel
def least_rest(team: Team, place: Ints) -> float:
    """Return what it costs at least to bring everybody to its goal."""
    total = 0.0
    for robot in range(len(place)):
        if team.row[robot] >= 0:
            total += team.to_goal[team.row[robot], place[robot]]
    return total


@kernel
def is_hopeless(tree: Tree, position: int) -> bool:
    """Return whether no way on from a position is better than the best one known."""
    best = tree.used[6]
    return best >= 0 and bool(tree.cost[position] + tree.rest[position] >= tree.cost[best] - EPSILON)


@kernel
def connect(board: Board, tree: Tree, source: int, target: int, seconds: float) -> None:
    """Note the step on the board from one position to another, and lower all costs that fall by it."""
    way = tree.first_way[source]
    while way >= 0:
        if tree.target[way] == target and tree.seconds[way] <= seconds + EPSILON:
            return
        way = tree.next_way[way]
    way = whole(tree.used[5])
    tree.used[5] += 1
    tree.source[way], tree.target[way], tree.seconds[way] = source, target, seconds
    tree.next_way[way] = tree.first_way[source]
    tree.first_way[source] = way
    for index in range(board.moves[0]):
        tree.mover[tree.used[2]], tree.arc[tree.used[2]] = board.mover[index], board.arc[index]
        tree.used[2] += 1
    tree.first_move[way + 1] = tree.used[2]
    if tree.cost[source] + seconds < tree.cost[target] - EPSILON:
        tree.cost[target] = tree.cost[source] + seconds
        tree.via[target] = way
        _relax(tree, target)


@kernel
def _relax(tree: Tree, first: int) -> None:
    """Lower the costs behind a position; those that may be part of a better plan by that are looked at once more."""
    size = len(tree.queue)
    tree.queue[0], tree.is_queued[first] = first, True
    at, count = 0, 1
    while count > 0:
        position = tree.queue[at]
        at, count = (at + 1) % size, count - 1
        tree.is_queued[position] = False
        if tree.copies[position] == 0 and tree.used[6] >= 0 and not is_hopeless(tree, position):
            push(tree, position)
        way = tree.first_way[position]
        while way >= 0:
            other, cost = tree.target[way], tree.cost[position] + tree.seconds[way]
            if cost < tree.cost[other] - EPSILON:
                tree.cost[other], tree.via[other] = cost, way
                if not tree.is_queued[other]:
                    tree.is_queued[other] = True
                    tree.queue[(at + count) % size] = other
                    count += 1
            way = tree.next_way[way]


@kernel
def push(tree: Tree, position: int) -> None:
    """Let a position be looked at next."""
    tree.open[tree.used[3]] = position
    tree.used[3] += 1
    tree.copies[position] += 1


@kernel
def drop(tree: Tree) -> None:
    """Look at the position on top no more."""
    tree.used[3] -= 1
    tree.copies[tree.open[tree.used[3]]] -= 1


@kernel
def is_full(tree: Tree, robots: int, widest: int) -> bool:
    """Return whether the arrays must be enlarged before one more step."""
    return bool(
        tree.used[0] + 2 > len(tree.via)
        or tree.used[1] + widest + 1 > len(tree.up)
        or tree.used[2] + robots > len(tree.mover)
        or tree.used[3] + tree.used[0] + 2 > len(tree.open)
        or tree.used[5] + 2 > len(tree.source)
    )


@kernel
def moves_of(tree: Tree) -> tuple[Ints, Ints, Ints]:
    """Return (moves,) robots, arcs and joint steps of the best plan known."""
    count, depth, way = 0, 0, whole(tree.via[tree.used[6]])
    while way >= 0:
        count += tree.first_move[way + 1] - tree.first_move[way]
        depth, way = depth + 1, whole(tree.via[tree.source[way]])
    movers, arcs, steps = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    way = whole(tree.via[tree.used[6]])
    while way >= 0:
        depth -= 1
        for index in range(tree.first_move[way + 1] - 1, tree.first_move[way] - 1, -1):
            count -= 1
            movers[count], arcs[count], steps[count] = tree.mover[index], tree.arc[index], depth
        way = whole(tree.via[tree.source[way]])
    return movers, arcs, steps


@kernel
def rehash(tree: Tree) -> None:
    """Fill the table anew, after it was enlarged."""
    tree.table[:] = -1
    for position in range(tree.used[0]):
        note(tree, position)


@kernel
def mixed(code: int, value: int) -> int:
    """Return a hash with one number more in it."""
    code = (code ^ value) * 1181783497276652981 + 7046029254386353131
    return code ^ ((code >> 29) & 0x7FFFFFFFF)


@kernel
def note(tree: Tree, position: int) -> None:
    """Have `find` know a position."""
    mask = len(tree.table) - 1
    at = tree.code[position] & mask
    while tree.table[at] >= 0:
        at = (at + 1) & mask
    tree.table[at] = position


@kernel
def find(tree: Tree, position: int) -> int:
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

"""Makes the arrays that joint planning works on."""

import math
from collections.abc import Sequence

import numpy as np

from robot_ops.traffic.array_graph import ends_in
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints
from robot_ops.traffic.kernels.board import FREE, FREE_FORKS, STAY, Board, Team, link
from robot_ops.traffic.kernels.distances import arc_seconds
from robot_ops.traffic.kernels.joint_tree import Tree, rehash
from robot_ops.traffic.kernels.swaps import passing_arcs
from robot_ops.traffic.kernels.tables import times_to_all
from robot_ops.traffic.schedule import NO_CELLS, Trail

_POSITIONS = 256
_CONSTRAINTS_EACH = 8


def make_team(
    graph: ArrayGraph,
    *,
    goals: Ints,
    max_speeds: Floats,
    tails: Floats,
    is_barred: Bools | None = None,
    barred: Sequence[frozenset[int]] = (),
) -> Team:
    """Return what the robots want.

    Args:
        goals: (robots,) nodes, -1 where a robot may end anywhere.
        max_speeds: (robots,) m/s; tails: (robots,) meters of the parties.
        is_barred: (arcs,) that nobody may enter.
        barred: per robot the nodes that it must never be sent to; none by default.
    """
    is_closed = np.zeros(len(graph.arc_start), dtype=np.bool_) if is_barred is None else is_barred
    off = list(barred) or [NO_CELLS] * len(goals)
    kept_off = list(dict.fromkeys(off))  # there are few kinds of robots: those that go everywhere, those of each level
    kinds, speed_row = np.unique(
        np.stack([max_speeds, [float(kept_off.index(nodes)) for nodes in off]]), axis=1, return_inverse=True
    )
    speed_row, speeds, mask = speed_row.ravel(), kinds[0], kinds[1].astype(np.int32)
    is_off = np.stack([ends_in(graph, nodes) for nodes in kept_off] or [np.zeros_like(is_closed)])
    wanted, row = np.unique(np.stack([speed_row, goals])[:, goals >= 0], axis=1, return_inverse=True)
    rows = np.full(len(goals), -1, dtype=np.int32)
    rows[goals >= 0] = row.ravel()
    times = np.stack([arc_seconds(graph, float(speed)) for speed in speeds])
    usual = float(times[0].mean()) if times.size else 1.0
    times[is_off[mask]] = np.inf
    return Team(
        goal=goals.astype(np.int32),
        row=rows,
        to_goal=_times_to_goals(
            graph, wanted[1].astype(np.int32), speeds[wanted[0]], is_closed | is_off, mask[wanted[0]]
        ),
        speed_row=speed_row.astype(np.int32),
        arc_seconds=times,
        tail=tails.astype(np.float64),
        is_barred=is_closed,
        is_passing=passing_arcs(graph),
        usual=usual,
        noise=0.0,
        swaps=FREE_FORKS,
    )


def _times_to_goals(graph: ArrayGraph, goals: Ints, max_speeds: Floats, is_closed: Bools, kinds: Ints) -> Floats:
    """Return (goals, nodes) least times.

    Args:
        is_closed: (kinds, arcs) that robots of a kind must not use; kinds: (goals,) which kind wants to go there.
    """
    if len(is_closed) == 1:
        return times_to_all(graph, goals, max_speeds, is_closed[0])
    table = np.empty((len(goals), len(graph.first_arc) - 1))
    for kind, closed in enumerate(is_closed):
        rows = np.flatnonzero(kinds == kind)
        table[rows] = times_to_all(graph, goals[rows], max_speeds[rows], closed)
    return table


def make_board(graph: ArrayGraph, *, starts: Ints, tails: Floats, trails: Sequence[Trail] = (), seed: int = 0) -> Board:
    """Return a board with everybody at its start.

    Args:
        starts: (robots,) nodes; tails: (robots,) meters of the parties; trails: per robot, none by default.
        seed: of the random numbers.
    """
    robots, width = len(starts), _width(graph, tails, trails)
    widest = int(np.diff(graph.first_arc).max(initial=0)) + 1
    slots = robots * width

    def ints(*shape: int) -> Ints:
        return np.full(shape, -1, dtype=np.int32)

    board = Board(
        cell=ints(slots),
        length=np.zeros(slots),
        used=np.ones(robots, dtype=np.int32),
        head=ints(len(graph.first_conflict) - 1),
        after=ints(slots),
        before=ints(slots),
        reserved=np.zeros(len(graph.first_conflict) - 1, dtype=np.int32),
        is_settled=np.zeros(robots, dtype=np.bool_),
        forced=np.full(robots, FREE, dtype=np.int32),
        taken=np.full(robots, STAY, dtype=np.int32),
        choice=ints(robots, widest),
        score=np.zeros((robots, widest)),
        crowd=np.zeros((robots, widest)),
        choices=ints(robots),
        at=ints(robots),
        swap=ints(robots),
        stack=ints(robots),
        mover=ints(robots),
        arc=ints(robots),
        moves=np.zeros(1, dtype=np.int32),
        seen=np.zeros(len(graph.first_arc) - 1, dtype=np.int32),
        queue=ints(len(graph.first_arc) - 1),
        searches=np.zeros(1, dtype=np.int32),
        chance=np.array([seed], dtype=np.int64),
    )
    for robot, start in enumerate(starts):
        link(board.cell, board.head, board.after, board.before, robot * width, int(start))
        for slot, (cell, length) in enumerate(trails[robot] if trails else (), start=robot * width + 1):
            link(board.cell, board.head, board.after, board.before, slot, cell)
            board.length[slot] = length
            board.used[robot] += 1
    return board


def make_tree(board: Board) -> Tree:
    """Return an empty search tree."""
    robots = len(board.used)
    trail = len(board.cell) // max(1, robots) - 1
    widest = board.choice.shape[1] if robots else 1
    count = _POSITIONS
    constraints = count * _CONSTRAINTS_EACH + widest
    ways = 2 * count

    def ints(*shape: int) -> Ints:
        return np.empty(shape, dtype=np.int32)

    tree = Tree(
        place=ints(count, robots),
        trail=ints(count, robots, trail),
        length=np.empty((count, robots, trail)),
        waits=ints(count, robots),
        order=ints(count, robots),
        cost=np.empty(count),
        rest=np.empty(count),
        via=ints(count),
        source=ints(ways),
        target=ints(ways),
        seconds=np.empty(ways),
        next_way=ints(ways),
        first_way=ints(count),
        first_move=ints(ways + 1),
        mover=ints(count * robots),
        arc=ints(count * robots),
        code=np.empty(count, dtype=np.int64),
        table=ints(_power(count)),
        oldest=ints(count),
        newest=ints(count),
        up=ints(constraints),
        robot=ints(constraints),
        choice=ints(constraints),
        later=ints(constraints),
        open=ints(2 * count),
        copies=ints(count),
        queue=ints(count),
        is_queued=np.empty(count, dtype=np.bool_),
        known=np.full(1, np.inf),
        used=np.zeros(7, dtype=np.int64),
    )
    rehash(tree)
    return tree


def enlarged(tree: Tree) -> Tree:
    """Return the tree with room for twice as much."""
    arrays = {
        name: np.concatenate([array, np.empty_like(array)])
        for name, array in tree._asdict().items()
        if name not in ("known", "used")
    }
    larger = tree._replace(**arrays)
    rehash(larger)
    return larger


def _power(positions: int) -> int:
    return 1 << (2 * positions - 1).bit_length()


def _width(graph: ArrayGraph, tails: Floats, trails: Sequence[Trail]) -> int:
    """Return how many cells a robot can take up at most: lanes until they are as long as its party, rides between."""
    longest = max((len(trail) for trail in trails), default=0)
    tail = float(tails.max(initial=0.0))
    if tail <= 0.0:
        return 1 + longest
    lanes = graph.arc_length[graph.arc_length > 0.0]
    shortest = float(lanes.min()) if len(lanes) else tail
    return 2 + longest + 2 * (math.ceil(tail / shortest) + 1)

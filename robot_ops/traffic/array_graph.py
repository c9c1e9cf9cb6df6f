"""Makes the kernels' flat arrays from a lane graph with its conflicts, or from a grid."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Ints


def of_lanes(graph: LaneGraph, conflicts: ConflictMap) -> tuple[ArrayGraph, tuple[Arc, ...]]:
    """Return the arrays of a lane graph, and its arcs in their order there."""
    arcs = tuple(arc for leaving in graph.leaving for arc in leaving)
    counts = [len(leaving) for leaving in graph.leaving]
    first_conflict, conflict = _rows(sorted(cells) for cells in conflicts.of)
    first_zone, zone = _rows(sorted(conflicts.zone(arc)) for arc in arcs)
    first_blocker, blocker = _rows(
        sorted(cell for cell in conflicts.zone(arc) if conflicts.is_blocked(arc, cell)) for arc in arcs
    )
    is_cabin = np.zeros(len(graph.nodes), dtype=np.bool_)
    is_cabin[sorted(graph.cabins)] = True
    arrays = ArrayGraph(
        first_arc=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        arc_start=np.array([arc.start for arc in arcs], dtype=np.int32),
        arc_end=np.array([arc.end for arc in arcs], dtype=np.int32),
        arc_cell=np.array([arc.cell for arc in arcs], dtype=np.int32),
        arc_length=np.array([arc.length for arc in arcs], dtype=np.float64),
        arc_speed=np.array([arc.speed for arc in arcs], dtype=np.float64),
        arc_extra=np.array([arc.extra for arc in arcs], dtype=np.float64),
        first_conflict=first_conflict,
        conflict=conflict,
        first_zone=first_zone,
        zone=zone,
        first_blocker=first_blocker,
        blocker=blocker,
        is_cabin=is_cabin,
        leave_distance=conflicts.distance,
    )
    return arrays, arcs


def ends_in(graph: ArrayGraph, nodes: Collection[int]) -> Bools:
    """Return (arcs,) whether an arc ends at one of the nodes."""
    is_there = np.zeros(len(graph.first_arc) - 1, dtype=np.bool_)
    is_there[sorted(nodes)] = True
    return np.asarray(is_there[graph.arc_end], dtype=np.bool_)


def of_grid(is_free: Bools) -> tuple[ArrayGraph, Ints]:
    """Return the arrays of a four-connected grid in which every step takes 1 s, and the node number of every square.

    Args:
        is_free: (rows, columns).

    Returns:
        the arrays; (rows, columns) node numbers, -1 where a square is not free.
    """
    numbers = np.full(is_free.shape, -1, dtype=np.int32)
    numbers[is_free] = np.arange(int(is_free.sum()), dtype=np.int32)
    across = np.stack([numbers[:, :-1].ravel(), numbers[:, 1:].ravel()], axis=1)
    down = np.stack([numbers[:-1].ravel(), numbers[1:].ravel()], axis=1)
    edges = np.concatenate([across, down])
    edges = edges[(edges >= 0).all(axis=1)]
    nodes = int(is_free.sum())
    starts = np.concatenate([edges[:, 0], edges[:, 1]])
    ends = np.concatenate([edges[:, 1], edges[:, 0]])
    cells = np.tile(nodes + np.arange(len(edges)), 2)
    order = np.lexsort((ends, starts))
    starts, ends, cells = starts[order], ends[order], cells[order]
    arcs, cell_count = len(starts), nodes + len(edges)
    ones = np.ones(arcs, dtype=np.float64)
    arrays = ArrayGraph(
        first_arc=np.searchsorted(starts, np.arange(nodes + 1)).astype(np.int32),
        arc_start=starts.astype(np.int32),
        arc_end=ends.astype(np.int32),
        arc_cell=cells.astype(np.int32),
        arc_length=ones,
        arc_speed=ones.copy(),
        arc_extra=np.zeros(arcs, dtype=np.float64),
        first_conflict=np.arange(cell_count + 1, dtype=np.int32),
        conflict=np.arange(cell_count, dtype=np.int32),
        first_zone=np.arange(0, 2 * arcs + 1, 2, dtype=np.int32),
        zone=np.stack([ends, cells], axis=1).ravel().astype(np.int32),
        first_blocker=np.arange(arcs + 1, dtype=np.int32),
        blocker=ends.astype(np.int32),
        is_cabin=np.zeros(nodes, dtype=np.bool_),
        leave_distance=0.0,
    )
    return arrays, numbers


def _rows(rows: Iterable[Sequence[int]]) -> tuple[Ints, Ints]:
    kept = list(rows)
    firsts = np.concatenate([[0], np.cumsum([len(row) for row in kept])]).astype(np.int32)
    return firsts, np.array([value for row in kept for value in row], dtype=np.int32)

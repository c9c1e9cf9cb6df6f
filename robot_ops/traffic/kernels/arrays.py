"""The graph that kernels work on: nodes, arcs, cells and their conflicts as flat arrays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class ArrayGraph(NamedTuple):
    """A lane graph (or a grid) in compressed rows: row k of `xs` is xs[first_x[k] : first_x[k + 1]].

    Cells are what robots take up: nodes first (cell = node), then lanes, then lift rides. Arcs are directed and sorted
    by their start.

    Attributes:
        first_arc: (nodes + 1,); arcs that leave a node.
        arc_start, arc_end, arc_cell: (arcs,).
        arc_length: (arcs,) meters; arc_speed: (arcs,) m/s; arc_extra: (arcs,) seconds that doors, lifts, turns cost.
        first_conflict, conflict: (cells + 1,), flat; per cell those it conflicts with, itself included, ascending.
        first_zone, zone: (arcs + 1,), flat; per arc the cells that conflict with its lane or its end, ascending.
        first_blocker, blocker: (arcs + 1,), flat; per arc the cells on which a robot that stands keeps another from
            driving it (the zone, but for robots that were set down too close to its start), ascending.
        is_cabin: (nodes,) inside a lift.
        leave_distance: meters after which a robot has left the node behind it; 0 where it has with its start (classical
            multi-agent path finding: who follows enters as the first leaves).
    """

    first_arc: Ints
    arc_start: Ints
    arc_end: Ints
    arc_cell: Ints
    arc_length: Floats
    arc_speed: Floats
    arc_extra: Floats
    first_conflict: Ints
    conflict: Ints
    first_zone: Ints
    zone: Ints
    first_blocker: Ints
    blocker: Ints
    is_cabin: Bools
    leave_distance: float

"""Times to many goals at once."""

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints
from robot_ops.traffic.kernels.distances import arc_seconds, reverse_arcs, times_to


@kernel
def times_to_all(graph: ArrayGraph, goals: Ints, max_speeds: Floats, is_barred: Bools) -> Floats:
    """Return (goals, nodes) the least time in seconds from every node to each goal, inf where no way leads there.

    Args:
        max_speeds: (goals,) m/s.
        is_barred: (arcs,) that must not be used.
    """
    nodes, arcs = len(graph.first_arc) - 1, len(graph.arc_start)
    first_entering, entering = reverse_arcs(graph)
    is_blocked = np.zeros(len(graph.first_conflict) - 1, dtype=np.bool_)
    tables = np.empty((len(goals), nodes))
    for row in range(len(goals)):
        table = tables[row]
        seconds = arc_seconds(graph, max_speeds[row])
        is_uniform = True
        for arc in range(arcs):
            is_uniform &= bool(seconds[arc] == seconds[0])
        for arc in range(arcs):
            if is_barred[arc]:
                seconds[arc] = np.inf
        if is_uniform:
            _flood(graph, first_entering, entering, seconds, goals[row], table)
        else:
            found = times_to(graph, first_entering, entering, seconds, goals[row], is_blocked)
            for node in range(nodes):
                table[node] = found[node]
    return tables


@kernel
def _flood(graph: ArrayGraph, first_entering: Ints, entering: Ints, seconds: Floats, goal: int, table: Floats) -> None:
    """Fill in a table where every arc takes the same time."""
    table[:] = np.inf
    queue = np.empty(len(table), dtype=np.int32)
    queue[0], done, known = goal, 0, 1
    table[goal] = 0.0
    while done < known:
        node = queue[done]
        done += 1
        for index in range(first_entering[node], first_entering[node + 1]):
            arc = entering[index]
            start = graph.arc_start[arc]
            if table[start] == np.inf and seconds[arc] < np.inf:
                table[start] = table[node] + seconds[arc]
                queue[known] = start
                known += 1
    return

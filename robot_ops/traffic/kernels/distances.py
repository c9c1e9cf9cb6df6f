"""Least times to goals, for many goals at once (Dijkstra backward)."""

import numpy as np

from robot_ops.core.compiler import kernel
from robot_ops.traffic.kernels.arrays import ArrayGraph, Bools, Floats, Ints
from robot_ops.traffic.kernels.heap import pop, push


@kernel
def arc_seconds(graph: ArrayGraph, max_speed: float) -> Floats:
    """Return (arcs,) how long a robot with this top speed (m/s) takes for every arc."""
    seconds = np.empty(len(graph.arc_start))
    for arc in range(len(seconds)):
        seconds[arc] = graph.arc_length[arc] / min(graph.arc_speed[arc], max_speed) + graph.arc_extra[arc]
    return seconds


@kernel
def reverse_arcs(graph: ArrayGraph) -> tuple[Ints, Ints]:
    """Return the arcs that enter each node, in compressed rows: (nodes + 1,), (arcs,)."""
    nodes, arcs = len(graph.first_arc) - 1, len(graph.arc_start)
    first = np.zeros(nodes + 1, dtype=np.int32)
    for arc in range(arcs):
        first[graph.arc_end[arc] + 1] += 1
    for node in range(nodes):
        first[node + 1] += first[node]
    entering = np.empty(arcs, dtype=np.int32)
    at = first[:-1].copy()
    for arc in range(arcs):
        entering[at[graph.arc_end[arc]]] = arc
        at[graph.arc_end[arc]] += 1
    return first, entering


@kernel
def times_to(
    graph: ArrayGraph, first_entering: Ints, entering: Ints, seconds: Floats, goal: int, is_blocked: Bools
) -> Floats:
    """Return (nodes,) the least time in seconds from every node to the goal, inf where no way leads there.

    Args:
        first_entering, entering: from `reverse_arcs`.
        seconds: (arcs,) cost of every arc, above 0.
        is_blocked: (cells,) nodes and lanes that must not be used; the goal itself may be.
    """
    nodes = len(graph.first_arc) - 1
    best = np.full(nodes, np.inf)
    heap_time = np.empty(len(seconds) + 1)
    heap_node = np.empty(len(seconds) + 1, dtype=np.int32)
    best[goal] = 0.0
    heap_time[0], heap_node[0] = 0.0, goal
    size = 1
    while size > 0:
        time, node = heap_time[0], heap_node[0]
        size = pop(heap_time, heap_node, size)
        if time > best[node]:
            continue
        for index in range(first_entering[node], first_entering[node + 1]):
            arc = entering[index]
            start = graph.arc_start[arc]
            total = time + seconds[arc]
            if total < best[start] and not is_blocked[graph.arc_cell[arc]] and not is_blocked[start]:
                best[start] = total
                size = push(heap_time, heap_node, size, total, start)
    return best

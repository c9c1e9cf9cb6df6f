"""Narrow sections: lanes in a row where robots that meet cannot pass, so that all drive them the same way at a time.

A section ends at every node with a bay beside it, where one robot can let another by.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from robot_ops.core.ids import NodeId
from robot_ops.site.narrow_sections import narrow_sections
from robot_ops.site.ways import neighbors
from robot_ops.traffic.graph import Arc, LaneGraph

Way = tuple[int, bool]
"""A section's number, and whether it is driven from its first node to its last."""


class Sections:
    """The narrow sections of a lane graph.

    Args:
        distance: meters between the centers of two robots that pass each other.
    """

    def __init__(self, graph: LaneGraph, distance: float) -> None:
        self._ends: list[tuple[NodeId, NodeId]] = []
        self._ways: dict[tuple[int, int], Way] = {}
        joined = neighbors(graph.site)
        for section in narrow_sections(graph.site, distance):
            roots = {node for node in section.nodes if joined[node] & set(section.bays)}
            for nodes in _without_bays(section.nodes, roots):
                self._add(graph, nodes)

    def _add(self, graph: LaneGraph, nodes: Sequence[NodeId]) -> None:
        number = len(self._ends)
        self._ends.append((nodes[0], nodes[-1]))
        for start, end in pairwise(graph.number[node] for node in nodes):
            self._ways[start, end] = (number, True)
            self._ways[end, start] = (number, False)

    def way(self, arc: Arc) -> Way | None:
        """Return which section the arc leads through and which way, None for none."""
        return self._ways.get((arc.start, arc.end))

    def is_opposite(self, first: Arc, second: Arc) -> bool:
        """Return whether the arcs lead through one section in opposite ways."""
        return (way := self.way(first)) is not None and self.way(second) == opposite(way)

    def name(self, arc: Arc) -> str:
        """Return what people call the section that the arc leads through."""
        way = self.way(arc)
        if way is None:
            return ""
        first, last = self._ends[way[0]]
        return f"the narrow section {first} - {last}"


def opposite(way: Way) -> Way:
    """Return the same section driven the other way."""
    return way[0], not way[1]


def _without_bays(nodes: Sequence[NodeId], roots: set[NodeId]) -> Iterator[Sequence[NodeId]]:
    """Yield the parts of a chain between its ends and the nodes with a bay."""
    cuts = [0, *(k for k in range(1, len(nodes) - 1) if nodes[k] in roots), len(nodes) - 1]
    for first, last in pairwise(cuts):
        yield nodes[first : last + 1]

"""Which cells two robots must not take up at the same time, from the geometry of the lanes.

A robot on a cell sweeps a disk along a segment: a lane from end to end, a node's point (or the way from the node to its
dock). Two cells conflict where the segments come closer than the radii of the two largest robots and a margin. A lift
with its cabin nodes, its ride and the lanes into it is one room for one robot: all its cells conflict.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from robot_ops.core.ids import LevelId
from robot_ops.core.poses import FloatArray
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.sections import Sections

MARGIN: Final = 0.2
"""Meters between two footprints that pass each other: what localization and control may be off on both sides together
(the site check asks for the same between nodes)."""
_BISECTIONS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segments:
    """Per cell a segment; starts and ends are (N, 2), meters."""

    starts: FloatArray
    ends: FloatArray


class ConflictMap:
    """Conflicts between the cells of a lane graph.

    Attributes:
        of: per cell the cells that conflict with it, itself included.
        distance: meters between two robots' centers that is always safe.
        sections: where robots cannot pass each other.
    """

    def __init__(self, graph: LaneGraph) -> None:
        self.distance: float = graph.clear_distance_without_margin + MARGIN
        self.sections = Sections(graph, self.distance)
        segments, levels = _segments(graph)
        self._segments, self._levels = segments, np.array(levels)
        sets: list[set[int]] = [{cell} for cell in range(graph.cell_count)]
        near = _near(segments, levels, self.distance)
        for first, second in near:
            sets[first].add(second)
        for group in _lift_groups(graph):
            for cell in group:
                sets[cell] |= group
        self.of: tuple[frozenset[int], ...] = tuple(frozenset(cells) for cells in sets)
        self._exits = _exits(graph, segments, near, self.distance)
        self._zones: dict[tuple[int, int], frozenset[int]] = {}

    def zone(self, arc: Arc) -> frozenset[int]:
        """Return the cells that conflict with the arc's lane or its end node."""
        key = (arc.cell, arc.end)
        zone = self._zones.get(key)
        if zone is None:
            zone = self._zones[key] = self.of[arc.cell] | self.of[arc.end]
        return zone

    def around(self, level: LevelId, at: tuple[float, float], radius: float) -> dict[int, float]:
        """Return the nodes' and lanes' cells that come closer to a point (meters) than the radius: how close they do.

        A node counts with the way to its dock.
        """
        cells = np.flatnonzero(self._levels == level)
        points = np.broadcast_to(np.array(at, dtype=np.float64), (len(cells), 2))
        distances = _distances(points, self._segments.starts[cells], self._segments.ends[cells])
        near = distances < radius
        return {int(cell): float(d) for cell, d in zip(cells[near], distances[near], strict=True)}

    def exit(self, arc: Arc, cell: int) -> float:
        """Return how far along the arc (meters) a robot is out of the cell's way.

        The arc's length where that is only at its end; the end node itself may still conflict then. 0 where they never
        conflict.
        """
        if cell not in self.of[arc.cell]:
            return 0.0
        return self._exits.get((arc.cell, arc.is_forward, cell), arc.length)

    def is_blocked(self, arc: Arc, cell: int) -> bool:
        """Return whether a robot that stands on the cell keeps another from driving the arc.

        Where the cell conflicts with the arc's start already (two robots that were set down too close), only the end
        counts, so that they can part.
        """
        if cell in self.of[arc.end]:
            return True
        return cell in self.of[arc.cell] and cell not in self.of[arc.start]


def _segments(graph: LaneGraph) -> tuple[_Segments, list[str]]:
    site = graph.site
    docks = {place.node: place.dock for place in site.places.values() if place.dock is not None}
    rows: list[tuple[float, float, float, float]] = []
    levels: list[str] = []
    for node in site.nodes.values():
        dock = docks.get(node.id)
        end = (node.x, node.y) if dock is None else (dock.x, dock.y)
        rows.append((node.x, node.y, *end))
        levels.append(node.level)
    for lane in graph.lanes:
        start, stop = site.nodes[lane.start], site.nodes[lane.end]
        rows.append((start.x, start.y, stop.x, stop.y))
        levels.append(start.level)
    array = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return _Segments(starts=array[:, :2], ends=array[:, 2:]), levels


def _near(segments: _Segments, levels: list[str], distance: float) -> list[tuple[int, int]]:
    """Return ordered pairs of cells (first, second) on one level that are closer than the distance."""
    pairs: list[tuple[int, int]] = []
    for level in sorted(set(levels)):
        cells = np.array([index for index, at in enumerate(levels) if at == level])
        coordinates = np.stack([segments.starts[cells], segments.ends[cells]], axis=1)
        is_point = (coordinates[:, 0] == coordinates[:, 1]).all(axis=1)  # GEOS finds nothing near a line without length
        shapes = np.where(is_point, shapely.points(coordinates[:, 0]), shapely.linestrings(coordinates))
        found = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=distance - 1e-9)
        pairs += [(int(cells[a]), int(cells[b])) for a, b in found.T if a != b]
    return sorted(pairs)


def _lift_groups(graph: LaneGraph) -> list[set[int]]:
    groups = []
    for index, lift in enumerate(graph.site.lifts.values()):
        cabins = {graph.number[node] for node in lift.stops.values()}
        lanes = {
            graph.lane_cell0 + k
            for k, lane in enumerate(graph.lanes)
            if graph.number[lane.start] in cabins or graph.number[lane.end] in cabins
        }
        groups.append({graph.lift_cell0 + index} | cabins | lanes)
    return groups


def _exits(
    graph: LaneGraph, segments: _Segments, near: list[tuple[int, int]], distance: float
) -> dict[tuple[int, bool, int], float]:
    """Return, per lane, direction and conflicting cell, the arc length after which the conflict is over.

    The distance from a point that moves on a line to a segment is convex in the way driven, so there is one such point.
    """
    pairs = [(a, b) for a, b in near if graph.lane_cell0 <= a < graph.lift_cell0]
    if not pairs:
        return {}
    index = np.array(pairs)
    exits: dict[tuple[int, bool, int], float] = {}
    for is_forward in (True, False):
        heads = segments.starts if is_forward else segments.ends
        tails = segments.ends if is_forward else segments.starts
        start, end = heads[index[:, 0]], tails[index[:, 0]]
        last = _last_within(start, end, segments.starts[index[:, 1]], segments.ends[index[:, 1]], distance)
        lengths = np.hypot(*(end - start).T)
        for (lane, cell), fraction, length in zip(pairs, last, lengths, strict=True):
            exits[lane, is_forward, cell] = min(float(fraction) * float(length) + 1e-6, float(length))
    return exits


def _last_within(start: FloatArray, end: FloatArray, a: FloatArray, b: FloatArray, distance: float) -> FloatArray:
    """Return the largest fraction of start-end (N, 2) that is closer than the distance to the segments a-b (N, 2)."""
    low = _nearest_fraction(start, end, a, b)
    high = np.ones(len(start))
    is_end_near = _distances(end, a, b) < distance
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_near = _distances(start + middle[:, None] * (end - start), a, b) < distance
        low, high = np.where(is_near, middle, low), np.where(is_near, high, middle)
    return np.where(is_end_near, 1.0, high)


def _nearest_fraction(start: FloatArray, end: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    low, high = np.zeros(len(start)), np.ones(len(start))
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(2 * _BISECTIONS):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        at_left = _distances(start + left[:, None] * (end - start), a, b)
        at_right = _distances(start + right[:, None] * (end - start), a, b)
        is_left = at_left <= at_right
        low, high = np.where(is_left, low, left), np.where(is_left, right, high)
    return (low + high) / 2


def _distances(points: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    along = b - a
    squared = np.maximum((along**2).sum(axis=1), 1e-18)
    fraction = np.clip(((points - a) * along).sum(axis=1) / squared, 0.0, 1.0)
    return np.asarray(np.hypot(*(points - a - fraction[:, None] * along).T), dtype=np.float64)

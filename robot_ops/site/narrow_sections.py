"""Stretches of two-way lanes on which robots that meet cannot pass each other."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import shapely

from robot_ops.core.ids import LaneId, NodeId, PlaceId
from robot_ops.site.model import Lane, Site
from robot_ops.site.ways import neighbors


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrowSection:
    """A chain of two-way lanes between two nodes where robots can get out of each other's way.

    Attributes:
        nodes: from end to end; a lift's cabins follow each other.
        lanes: in the same order; a ride has none.
        length: of the lanes, meters.
        bays: dead ends along the way that a robot can wait in, clear of those that pass.
        behind: the places that can be reached only through the section, on the side where they are fewer; empty where
            another way leads around it.
    """

    nodes: tuple[NodeId, ...]
    lanes: tuple[LaneId, ...]
    length: float
    bays: tuple[NodeId, ...]
    behind: tuple[PlaceId, ...]


def narrow_sections(site: Site, distance: float) -> list[NarrowSection]:
    """Return the narrow sections of a site, in the order of its nodes.

    A dead end of one lane, such as the lane to a counter, is no section by itself.

    Args:
        distance: meters between the centers of two robots that pass each other.
    """
    return _Chains(site, distance).sections()


class _Chains:
    def __init__(self, site: Site, distance: float) -> None:
        self._site = site
        self._distance = distance
        joined = neighbors(site)
        cabins = {stop for lift in site.lifts.values() for stop in lift.stops.values()}
        self._leaves = {node for node, others in joined.items() if len(others) <= 1 and node not in cabins}
        self._bays = {node: sorted(others & self._leaves) for node, others in joined.items()}
        self._root = {leaf: node for node, leaves in self._bays.items() for leaf in leaves}
        self._lanes: dict[frozenset[NodeId], Lane] = {}
        self._links: dict[NodeId, set[NodeId]] = {node: set() for node in site.nodes if node not in self._leaves}
        one_way: set[NodeId] = set()
        for lane in site.lanes.values():
            if {lane.start, lane.end} & self._leaves:
                continue
            self._lanes[frozenset((lane.start, lane.end))] = lane
            self._links[lane.start].add(lane.end)
            self._links[lane.end].add(lane.start)
            if lane.is_one_way:
                one_way |= {lane.start, lane.end}
        for lift in site.lifts.values():
            for stop in lift.stops.values():
                self._links[stop] |= set(lift.stops.values()) - {stop}
        self._is_inside = {node: len(others) == 2 and node not in one_way for node, others in self._links.items()}

    def sections(self) -> list[NarrowSection]:
        found = []
        done: set[frozenset[NodeId]] = set()
        for node in self._links:
            if self._is_inside[node]:
                continue  # a ring without a junction has a way round for everybody
            for first in sorted(self._links[node]):
                chain = self._chain(node, first)
                pair, last = frozenset(chain[:2]), frozenset(chain[-2:])
                if pair in done or not self._is_two_way(pair):
                    continue
                done |= {pair, last}
                section = self._section(chain)
                if section.lanes:
                    found.append(section)
        return found

    def _is_two_way(self, pair: frozenset[NodeId]) -> bool:
        lane = self._lanes.get(pair)
        return lane is None or not lane.is_one_way

    def _chain(self, start: NodeId, first: NodeId) -> list[NodeId]:
        chain = [start, first]
        while self._is_inside[chain[-1]] and chain[-1] != start:
            following = next(iter(self._links[chain[-1]] - {chain[-2]}))
            chain.append(following)
        return chain

    def _section(self, chain: list[NodeId]) -> NarrowSection:
        pairs = [frozenset(pair) for pair in itertools.pairwise(chain)]
        lanes = [self._lanes[pair] for pair in pairs if pair in self._lanes]
        return NarrowSection(
            nodes=tuple(chain),
            lanes=tuple(lane.id for lane in lanes),
            length=sum(self._line(lane).length for lane in lanes),
            bays=tuple(self._clear_bays(chain, lanes)),
            behind=self._behind(chain, set(pairs)),
        )

    def _line(self, lane: Lane) -> shapely.LineString:
        ends = (self._site.nodes[lane.start], self._site.nodes[lane.end])
        return shapely.LineString([(end.x, end.y) for end in ends])

    def _clear_bays(self, chain: list[NodeId], lanes: list[Lane]) -> Iterator[NodeId]:
        for node in chain[1:-1]:
            level = self._site.nodes[node].level
            lines = [self._line(lane) for lane in lanes if self._site.nodes[lane.start].level == level]
            for leaf in self._bays[node]:
                at = self._site.nodes[leaf]
                if all(shapely.Point(at.x, at.y).distance(line) >= self._distance - 1e-9 for line in lines):
                    yield leaf

    def _behind(self, chain: list[NodeId], pairs: set[frozenset[NodeId]]) -> tuple[PlaceId, ...]:
        near, far = (self._side(end, set(chain[1:-1]), pairs) for end in (chain[0], chain[-1]))
        if near & far:
            return ()
        by_side = [
            tuple(p.id for p in self._site.places.values() if self._root.get(p.node, p.node) in side)
            for side in (near, far)
        ]
        return min(by_side, key=len)

    def _side(self, start: NodeId, inner: set[NodeId], pairs: set[frozenset[NodeId]]) -> set[NodeId]:
        seen, open_nodes = {start}, [start]
        while open_nodes:
            at = open_nodes.pop()
            for node in self._links[at] - seen - inner:
                if frozenset((at, node)) not in pairs:
                    seen.add(node)
                    open_nodes.append(node)
        return seen


def describe(section: NarrowSection) -> str:
    """Return what the section is, for people."""
    count = len(section.lanes)
    bays = f"bays: {', '.join(section.bays)}" if section.bays else "no bay to wait in"
    lanes = f"{count} lane{'s' if count != 1 else ''}"
    return (
        f"robots cannot pass each other for {section.length:.1f} m ({lanes}) from '{section.nodes[0]}' to "
        f"'{section.nodes[-1]}'; {bays}"
    )


def is_bottleneck(section: NarrowSection, site: Site) -> bool:
    """Return whether robots must meet there: two places or more lie on each side, and no way leads around."""
    return 2 <= len(section.behind) <= len(site.places) - 2

"""Checks places: whether a robot that stands there is in the others' way, and whether each can be reached and left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import shapely

from robot_ops.core.ids import LaneId, NodeId, PlaceId
from robot_ops.site.findings import Finding, error, listed, place_on_map, warning
from robot_ops.site.lane_checks import clear_distance
from robot_ops.site.model import Node, Place, PlaceKind, Site
from robot_ops.site.ways import Ways, forward_ways, neighbors, parts, reach, turned

_STAYS = (PlaceKind.CHARGER, PlaceKind.WAITING)
"""Where robots stand for long: nobody else's route may lead there."""


def check_places(site: Site, radius: float) -> Iterator[Finding]:
    """Yield what is wrong with the places."""
    yield from _spots(site)
    yield from _Standing(site, radius).findings()
    yield from _reachability(site)


def _spots(site: Site) -> Iterator[Finding]:
    by_node: dict[NodeId, Place] = {}
    tags: dict[int, Place] = {}
    cabins = {node for lift in site.lifts.values() for node in (*lift.stops.values(), *lift.lobbies.values())}
    for place in site.places.values():
        path, node = f"places.{place.id}", site.nodes[place.node]
        if place.node in by_node:
            text = f"node '{place.node}' also serves place '{by_node[place.node].id}'"
            report = error if place.kind in _STAYS else warning
            yield report(path, text, "Give each place a node of its own", node)
        by_node.setdefault(place.node, place)
        if place.node in cabins:
            yield error(path, "the place is in a lift or its lobby", "Move it to a node of its own", node)
        if place.kind is PlaceKind.CHARGER and place.tag is None:
            yield warning(path, "robots dock to this charger without a tag", "Add 'tag' and 'dock'", node)
        if place.tag is not None:
            if place.tag in tags:
                text = f"tag {place.tag} is also at '{tags[place.tag].id}'"
                yield error(path, text, "Tags must differ within a site", node)
            tags[place.tag] = place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Obstruction:
    """What a robot takes that stands at a place: nodes and lanes; `passing` are those lanes that do not end there."""

    nodes: frozenset[NodeId]
    lanes: frozenset[LaneId]
    passing: tuple[tuple[LaneId, float], ...]


class _Standing:
    """Robots that stand at a place, served or docked there, and what they keep others from."""

    def __init__(self, site: Site, radius: float) -> None:
        self._site = site
        self._distance = clear_distance(radius)
        self._neighbors = neighbors(site)
        self._nodes = list(site.nodes.values())
        self._lanes = list(site.lanes.values())
        self._points = [shapely.Point(node.x, node.y) for node in self._nodes]
        self._lines = [
            shapely.LineString([(n.x, n.y) for n in (site.nodes[lane.start], site.nodes[lane.end])])
            for lane in self._lanes
        ]
        self._point_tree, self._line_tree = shapely.STRtree(self._points), shapely.STRtree(self._lines)
        self._joined = _together(site, parts(forward_ways(site)), list(site.places))

    def findings(self) -> Iterator[Finding]:
        for place in self._site.places.values():
            node = self._site.nodes[place.node]
            taken = self._taken(place)
            is_on_route = len(self._neighbors[node.id]) > 1
            if not is_on_route and not taken.passing:
                continue
            text, mend = self._text(place, node, taken, is_on_route=is_on_route)
            report = error if place.kind in _STAYS else warning
            yield report(f"places.{place.id}", text, mend, node)

    def _taken(self, place: Place) -> _Obstruction:
        node = self._site.nodes[place.node]
        shape = shapely.Point(node.x, node.y)
        if place.dock is not None and (place.dock.x, place.dock.y) != (node.x, node.y):
            shape = shapely.LineString([(node.x, node.y), (place.dock.x, place.dock.y)])
        reach_of = self._distance - 1e-9
        near_nodes = [self._nodes[i] for i in self._point_tree.query(shape, predicate="dwithin", distance=reach_of)]
        near_lanes = sorted(int(i) for i in self._line_tree.query(shape, predicate="dwithin", distance=reach_of))
        near_lanes = [i for i in near_lanes if self._site.nodes[self._lanes[i].start].level == node.level]
        return _Obstruction(
            nodes=frozenset(near.id for near in near_nodes if near.level == node.level) | {node.id},
            lanes=frozenset(self._lanes[i].id for i in near_lanes),
            passing=tuple(
                (self._lanes[i].id, float(self._lines[i].distance(shape)))
                for i in near_lanes
                if node.id not in (self._lanes[i].start, self._lanes[i].end)
            ),
        )

    def _text(self, place: Place, node: Node, taken: _Obstruction, *, is_on_route: bool) -> tuple[str, str]:
        where = place_on_map(node)
        if is_on_route:
            lanes = [lane.id for lane in self._lanes if node.id in (lane.start, lane.end)]
            text = f"the place at {where} is on a through route (lanes {listed(lanes, 3)}); a robot that stands there"
            text, mend = f"{text} blocks the others", "Put it on a dead-end node beside the route"
        else:
            lane, distance = min(taken.passing, key=lambda passing: passing[1])
            text = f"lane '{lane}' passes the place at {where} at {distance:.2f} m; a robot that stands there blocks it"
            mend = f"Keep {self._distance:.2f} m or more"
        cut_off = self._cut_off(place, taken)
        if cut_off:
            others = len(self._joined) - len(cut_off) - (place.id in self._joined)
            text += f" and cuts off {listed(cut_off)} from the other {others} places"
        return text, mend

    def _cut_off(self, place: Place, taken: _Obstruction) -> list[PlaceId]:
        """Return the places that cannot be reached from most others, or not left to them, while a robot stands here."""
        ways = forward_ways(self._site, without_nodes=taken.nodes, without_lanes=taken.lanes)
        others = [other for other in self._joined if self._site.places[other].node != place.node]
        together = set(_together(self._site, parts(ways), others))
        return [other for other in others if other not in together]


def _reachability(site: Site) -> Iterator[Finding]:
    ways = forward_ways(site)
    groups = parts(ways)
    home = _home(site, groups)
    if home is None:
        return
    reached, reaching = reach(ways, home.node), reach(turned(ways), home.node)
    by_others = _joined_by_others(site, ways)
    for place in site.places.values():
        if (place.node in reached and place.node in reaching) or place.node in by_others:
            continue
        part = next(group for group in groups if place.node in group)
        with_it = [other.id for other in site.places.values() if other.node in part and other.id != place.id]
        if place.node not in reached:
            text = f"no way leads there from '{home.id}'"
        else:
            text = f"no way leads from there to '{home.id}'"
        if len(part) > 1:
            also = f", places {listed(with_it)}" if with_it else ""
            text += f"; its part of the lanes has {len(part)} nodes{also}"
        yield error(f"places.{place.id}", text, "Add or turn lanes", site.nodes[place.node])


def _joined_by_others(site: Site, ways: Ways) -> set[NodeId]:
    """Return the nodes of the levels that robots never leave, as far as those reach them and come back."""
    found: set[NodeId] = set()
    for robot in site.robots.values():
        if robot.levels is not None:
            home = site.places[robot.charger].node
            there_and_back = reach(ways, home) & reach(turned(ways), home)
            found |= {node for node in there_and_back if site.nodes[node].level in robot.levels}
    return found


def _home(site: Site, groups: list[set[NodeId]]) -> Place | None:
    """Return a robot's charger or, without robots, a place of the part that has most places."""
    if site.robots:
        return site.places[next(iter(site.robots.values())).charger]
    together = _together(site, groups, list(site.places))
    return site.places[together[0]] if together else None


def _together(site: Site, groups: list[set[NodeId]], places: Sequence[PlaceId]) -> list[PlaceId]:
    """Return those of the places that lie in the group of nodes with most of them; of equal ones, in the larger."""
    inside = [[place for place in places if site.places[place].node in group] for group in groups]
    best = max(range(len(groups)), key=lambda index: (len(inside[index]), len(groups[index])), default=None)
    return [] if best is None else inside[best]

"""Where robots go in an emergency: out of fire lanes and away from lifts."""

import math
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Final

import shapely

from robot_ops.core.ids import RobotId
from robot_ops.site.model import PlaceKind
from robot_ops.traffic.assignment import least_cost
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.restrictions import FIRE_LANE, zones_of_kind
from robot_ops.traffic.track import Track
from robot_ops.traffic.travel import distances_to

_KINDS: Final = (PlaceKind.WAITING, PlaceKind.CHARGER)


class Refuges:
    """The refuges of a site, and who goes to which.

    A refuge is a waiting spot, a charger or the end of a dead end, outside of fire lanes and out of the way of lifts.
    Where there are too few for all robots, any other such node serves.
    """

    def __init__(self, graph: LaneGraph, conflicts: ConflictMap) -> None:
        self._conflicts = conflicts
        barred = _in_fire_lanes(graph) | _at_lifts(graph, conflicts)
        kept = [node for kind in _KINDS for node in _places_of(graph, kind)]
        kept += [node for node, arcs in enumerate(graph.leaving) if len({arc.end for arc in arcs}) <= 1]
        self._refuges = [node for node in dict.fromkeys(kept) if node not in barred]
        self._others = [node for node in range(len(graph.nodes)) if node not in barred | set(kept)]

    def assign(
        self, graph: LaneGraph, tracks: Mapping[RobotId, Track], firm: Collection[RobotId]
    ) -> dict[RobotId, int]:
        """Return each robot's refuge, so that all together drive least; a robot that can get to none has none.

        Args:
            graph: with what is closed now.
            firm: robots that will not move; what they take up is nobody's refuge.
        """
        movable = [robot for robot, track in tracks.items() if robot not in firm and track.path]
        taken = {
            cell for robot in firm for cell in (*tracks[robot].path[tracks[robot].reached :], *tracks[robot].taken)
        }
        assigned: dict[RobotId, int] = {}
        for candidates in (self._refuges, self._others):
            missing = [robot for robot in movable if robot not in assigned]
            if not missing:
                break
            free = self._apart(candidates, taken | set(assigned.values()))
            assigned |= self._match(graph, tracks, missing, free)
        return assigned

    def _match(
        self, graph: LaneGraph, tracks: Mapping[RobotId, Track], robots: list[RobotId], nodes: list[int]
    ) -> dict[RobotId, int]:
        if not nodes:
            return {}
        kinds = {robot: (graph.max_speed(robot), graph.barred(robot)) for robot in robots}
        tables = {
            (node, kind): distances_to(graph, node, partial(_seconds, *kind))
            for kind in set(kinds.values())
            for node in nodes
        }
        costs = [[tables[node, kinds[robot]][tracks[robot].node] for node in nodes] for robot in robots]
        columns = least_cost(costs)
        return {robot: nodes[k] for robot, k in zip(robots, columns, strict=True) if k is not None}

    def _apart(self, nodes: Iterable[int], taken: set[int]) -> list[int]:
        """Return those of the nodes at which robots can stand at the same time as at the cells taken."""
        kept: list[int] = []
        blocked = {cell for each in taken for cell in self._conflicts.of[each]}
        for node in nodes:
            if node not in blocked:
                kept.append(node)
                blocked |= self._conflicts.of[node]
        return kept


def _seconds(max_speed: float, barred: frozenset[int], arc: Arc) -> float:
    return math.inf if arc.end in barred else arc.seconds(max_speed)


def _places_of(graph: LaneGraph, kind: PlaceKind) -> list[int]:
    return [graph.number[place.node] for place in graph.site.places.values() if place.kind is kind]


def _in_fire_lanes(graph: LaneGraph) -> set[int]:
    outlines = [(zone.level, shapely.Polygon(zone.corners)) for zone in zones_of_kind(graph.site, FIRE_LANE)]
    return {
        graph.number[node.id]
        for node in graph.site.nodes.values()
        if any(node.level == level and outline.covers(shapely.Point(node.x, node.y)) for level, outline in outlines)
    }


def _at_lifts(graph: LaneGraph, conflicts: ConflictMap) -> set[int]:
    lifts = graph.site.lifts.values()
    rooms = {graph.number[node] for lift in lifts for node in (*lift.stops.values(), *lift.lobbies.values())}
    return {cell for room in rooms for cell in conflicts.of[room]}

"""How long and how far it is between nodes for a robot that has the lanes to itself."""

import heapq
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Final

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import NodeId
from robot_ops.site.model import Site
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.graph import Arc, LaneGraph, Restrictions
from robot_ops.traffic.restrictions import check_rules, closed_lanes, zone_speeds

CLOSED_SECONDS: Final = 300.0
"""What a closed lane is taken to cost: it opens again some time, and until then other ways are better."""


def distances_to(
    graph: LaneGraph, goal: int, cost: Callable[[Arc], float], blocked: Collection[int] = ()
) -> list[float]:
    """Return the least cost from every node to the goal (Dijkstra backward), inf where no way leads there.

    Args:
        blocked: cells that must not be used.
    """
    best = [math.inf] * len(graph.nodes)
    best[goal] = 0.0
    heap = [(0.0, goal)]
    while heap:
        reached, node = heapq.heappop(heap)
        if reached > best[node]:
            continue
        for arc in graph.entering[node]:
            total = reached + cost(arc)
            if total < best[arc.start] and arc.cell not in blocked and arc.start not in blocked:
                best[arc.start] = total
                heapq.heappush(heap, (total, arc.start))
    return best


class TravelTimes:
    """Travel times and distances of a site; each goal's table is made once.

    Raises:
        SiteError: the lanes are wrong.
    """

    def __init__(self, site: Site) -> None:
        self._graph = LaneGraph(site)
        self._rules = TrafficRules()
        self._delays: dict[int, float] = {}
        self._tables: dict[tuple[int, float | None], list[float]] = {}

    def set_rules(self, rules: TrafficRules) -> None:
        """Reckon with these rules from now on; lanes that are closed only cost time, and an emergency passes.

        Raises:
            RequestError: the site has not such a lane, zone or robot; nothing was changed.
        """
        check_rules(self._graph.site, rules)
        self._rules = rules
        closed = closed_lanes(self._graph, replace(rules, is_emergency=False))
        delays = {**self._delays, **dict.fromkeys((cell for cell, _ in closed), CLOSED_SECONDS)}
        self._graph = self._graph.restricted(Restrictions(speeds=zone_speeds(self._graph, rules), delays=delays))
        self._tables = {}

    def set_delays(self, delays: Mapping[tuple[NodeId, NodeId], float]) -> None:
        """Reckon from now on with seconds that robots wait before they may drive from a node to the next.

        Where two nodes are joined both ways, both take the longer. Nodes that are not joined are left out.
        """
        found: dict[int, float] = {}
        for arc in self._graph.all_arcs:
            seconds = delays.get((self._graph.nodes[arc.start], self._graph.nodes[arc.end]), 0.0)
            if seconds > found.get(arc.cell, 0.0):
                found[arc.cell] = seconds
        self._delays = found
        self.set_rules(self._rules)

    def seconds(self, start: NodeId, goal: NodeId, max_speed: float) -> float:
        """Return the time in seconds from start to goal at this top speed (m/s); inf if unreachable.

        Raises:
            RequestError: an unknown node, or a speed that is not above 0.
        """
        if not max_speed > 0.0:
            raise RequestError(f"a robot does not travel at {max_speed:g} m/s", mend="Give a speed above 0 m/s")
        return self._table(goal, max_speed)[self._number(start)]

    def meters(self, start: NodeId, goal: NodeId) -> float:
        """Return the shortest way from start to goal in meters (a lift ride counts 0); inf if unreachable.

        Raises:
            RequestError: an unknown node.
        """
        return self._table(goal, None)[self._number(start)]

    def _number(self, node: NodeId) -> int:
        number = self._graph.number.get(node)
        if number is None:
            raise RequestError(f"there is no node '{node}'", mend="Name a node of the site")
        return number

    def _table(self, goal: NodeId, max_speed: float | None) -> list[float]:
        key = (self._number(goal), max_speed)
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = distances_to(
                self._graph, key[0], lambda arc: arc.length if max_speed is None else arc.seconds(max_speed)
            )
        return table

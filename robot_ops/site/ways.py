"""Which nodes of a site can be reached from which, lifts included."""

from collections.abc import Collection, Mapping

from robot_ops.core.ids import LaneId, NodeId
from robot_ops.site.model import Site

Ways = Mapping[NodeId, set[NodeId]]
"""Per node the nodes that one lane or one lift ride leads to."""


def forward_ways(
    site: Site, *, without_nodes: Collection[NodeId] = (), without_lanes: Collection[LaneId] = ()
) -> dict[NodeId, set[NodeId]]:
    """Return where robots may drive when these nodes and lanes are taken."""
    ways: dict[NodeId, set[NodeId]] = {node: set() for node in site.nodes if node not in without_nodes}
    for lane in site.lanes.values():
        if lane.id in without_lanes or lane.start not in ways or lane.end not in ways:
            continue
        ways[lane.start].add(lane.end)
        if not lane.is_one_way:
            ways[lane.end].add(lane.start)
    for lift in site.lifts.values():
        stops = {stop for stop in lift.stops.values() if stop in ways}
        for stop in stops:
            ways[stop] |= stops - {stop}
    return ways


def neighbors(site: Site) -> dict[NodeId, set[NodeId]]:
    """Return the nodes that lanes join with each node, whatever their direction; lifts do not count."""
    joined: dict[NodeId, set[NodeId]] = {node: set() for node in site.nodes}
    for lane in site.lanes.values():
        joined[lane.start].add(lane.end)
        joined[lane.end].add(lane.start)
    return joined


def turned(ways: Ways) -> dict[NodeId, set[NodeId]]:
    """Return the ways in the opposite direction."""
    back: dict[NodeId, set[NodeId]] = {node: set() for node in ways}
    for start, ends in ways.items():
        for end in ends:
            back[end].add(start)
    return back


def reach(ways: Ways, start: NodeId) -> set[NodeId]:
    """Return the nodes that can be reached from a node, itself included."""
    seen, open_nodes = {start}, [start]
    while open_nodes:
        for node in ways[open_nodes.pop()] - seen:
            seen.add(node)
            open_nodes.append(node)
    return seen


def parts(ways: Ways) -> list[set[NodeId]]:
    """Return the parts within which every node can be reached from every other (Kosaraju's algorithm)."""
    order: list[NodeId] = []
    seen: set[NodeId] = set()
    for root in ways:
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(sorted(ways[root])))]
        while stack:
            node, ends = stack[-1]
            following = next((end for end in ends if end not in seen), None)
            if following is None:
                order.append(node)
                stack.pop()
            else:
                seen.add(following)
                stack.append((following, iter(sorted(ways[following]))))
    back = turned(ways)
    found: list[set[NodeId]] = []
    left = set(ways)
    for node in reversed(order):
        if node in left:
            part = _reach_within(back, node, left)
            left -= part
            found.append(part)
    return found


def _reach_within(ways: Ways, start: NodeId, allowed: Collection[NodeId]) -> set[NodeId]:
    seen, open_nodes = {start}, [start]
    while open_nodes:
        for node in ways[open_nodes.pop()]:
            if node in allowed and node not in seen:
                seen.add(node)
                open_nodes.append(node)
    return seen

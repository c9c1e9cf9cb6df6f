"""The lane graph of an Open-RMF building map: one of its graphs, tidied to what a site can say.

Lanes that are too short to drive become one node, lanes drawn twice become one, names become ids, and a lane through
several doors is split between them. Everything that is changed or left out is noted.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import shapely

from robot_ops.core.ids import DoorId, LaneId, LevelId, NodeId
from robot_ops.site.model import Door, Lane, Node
from robot_ops.site.rmf_documents import LAST_GRAPH, BuildingPlan, Edge, LevelPlan, Vertex

SHORTEST_LANE: Final = 0.01
"""Meters; the ends of a shorter lane are one node (drawing programs leave such lanes behind)."""
SPEED_LIMIT: Final = 1.2
"""m/s on lanes that give none."""
SHOWN: Final = 4
"""How many examples a note names."""
_NO_ID: Final = re.compile(r"[^A-Za-z0-9_.]+")


@dataclass(slots=True)
class LaneNetwork:
    """What becomes of a building's lanes.

    Attributes:
        vertex_of: per node the vertices it stands for, the one that names it first.
        lines: where in the file a part stands, as in `SiteFile.lines`.
    """

    nodes: dict[NodeId, Node] = field(default_factory=dict)
    lanes: dict[LaneId, Lane] = field(default_factory=dict)
    doors: dict[DoorId, Door] = field(default_factory=dict)
    vertices: dict[NodeId, tuple[Vertex, ...]] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def valid_id(name: str, prefix: str) -> str:
    """Return the name with what an id must not hold replaced by '_'."""
    word = _NO_ID.sub("_", name).strip("_.")
    return word if word[:1].isalpha() else f"{prefix}{word}"


def level_ids(plan: BuildingPlan) -> dict[str, LevelId]:
    """Return the id of each level."""
    ids: dict[str, LevelId] = {}
    for name in plan.levels:
        ids[name] = LevelId(_free(valid_id(name, "level_"), set(ids.values())))
    return ids


def choose_graph(plan: BuildingPlan, wanted: int | None) -> tuple[int, list[str]]:
    """Return the number of the graph to read (the one with the most lanes where none is wanted), and a note.

    Raises:
        SiteError: no lanes, or none in the graph that is wanted.
    """
    counts = Counter(_graph(lane) for level in plan.levels.values() for lane in level.lanes)
    if not counts:
        raise plan.entry.wrong("the map has no lanes", "Draw lanes in rmf_traffic_editor")
    listed = ", ".join(f"{graph} ({counts[graph]} lanes)" for graph in sorted(counts))
    if wanted is not None and wanted not in counts:
        raise plan.entry.wrong(f"graph {wanted} has no lanes", f"The map's graphs are {listed}")
    chosen = min(counts, key=lambda graph: (-counts[graph], graph)) if wanted is None else wanted
    return chosen, [f"graph {chosen} was read; the map's graphs are {listed}"] if len(counts) > 1 else []


def read_lanes(plan: BuildingPlan, graph: int, points: Mapping[str, Sequence[complex]]) -> LaneNetwork:
    """Return the lanes of one graph.

    Args:
        points: per level where its vertices are, meters.

    Raises:
        SiteError: a lane without length.
    """
    network = LaneNetwork()
    ids = level_ids(plan)
    renamed: list[str] = []
    for level in plan.levels.values():
        lanes = [lane for lane in level.lanes if _graph(lane) == graph]
        nodes = _add_nodes(network, level, ids[level.name], lanes, points[level.name], renamed)
        _add_lanes(network, lanes, nodes)
        _add_doors(network, level, ids[level.name], points[level.name])
    _note(network, renamed, "names were changed")
    _note_ignored(network, plan, graph)
    return network


def _graph(lane: Edge) -> int:
    return lane.parameters.integer("graph_idx", most=LAST_GRAPH)


def _free(word: str, taken: Container[str], *others: str) -> str:
    """Return the first of word, the others, and word with a number that is not taken."""
    numbered = (f"{word}_{number}" for number in itertools.count(2))
    return next(candidate for candidate in itertools.chain((word, *others), numbered) if candidate not in taken)


def _note(network: LaneNetwork, items: Sequence[str], what: str) -> None:
    if items:
        rest = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
        network.notes.append(f"{len(items)} {what}: {', '.join(items[:SHOWN])}{rest}")


def _add_nodes(
    network: LaneNetwork,
    level: LevelPlan,
    level_id: LevelId,
    lanes: Sequence[Edge],
    points: Sequence[complex],
    renamed: list[str],
) -> dict[int, NodeId]:
    """Add the nodes that the lanes touch; return the node of each vertex."""
    parent = {end: end for lane in lanes for end in (lane.start, lane.end)}

    def root(vertex: int) -> int:
        while parent[vertex] != vertex:
            vertex = parent[vertex]
        return vertex

    merged: list[str] = []
    for lane in lanes:
        length = abs(points[lane.end] - points[lane.start])
        if lane.start == lane.end or length <= 0:
            raise lane.entry.wrong("the lane has no length", "Move one of its vertices or remove the lane")
        if length < SHORTEST_LANE and root(lane.start) != root(lane.end):
            ends = sorted((root(lane.start), root(lane.end)), key=lambda end: (_rank(level.vertices[end]), end))
            parent[ends[1]] = ends[0]
            merged.append(f"{lane.start}-{lane.end} on '{level.name}' ({length * 1000:.1f} mm)")
    _note(network, merged, f"lanes shorter than {SHORTEST_LANE * 100:g} cm were made one node each")
    groups: dict[int, list[int]] = {}
    for member in sorted(parent, key=lambda end: (root(end) != end, end)):
        groups.setdefault(root(member), []).append(member)
    nodes: dict[int, NodeId] = {}
    for first in sorted(groups):
        vertex = level.vertices[first]
        word = valid_id(vertex.name, f"{level_id}_") if vertex.name else f"{level_id}_{first}"
        node = NodeId(_free(word, network.nodes, f"{word}_{level_id}"))
        if vertex.name and node != vertex.name:
            renamed.append(f"'{vertex.name}' on '{level.name}' to '{node}'")
        network.nodes[node] = Node(id=node, level=level_id, x=points[first].real, y=points[first].imag)
        network.vertices[node] = tuple(level.vertices[end] for end in groups[first])
        network.lines[f"nodes.{node}"] = network.lines[f"places.{node}"] = vertex.entry.where
        nodes.update(dict.fromkeys(groups[first], node))
    return nodes


def _rank(vertex: Vertex) -> int:
    """Return 0 for vertices that must give a merged node its name and place."""
    return 0 if vertex.parameters.text("lift_cabin") else 1 if vertex.name else 2


def _add_lanes(network: LaneNetwork, lanes: Sequence[Edge], nodes: Mapping[int, NodeId]) -> None:
    doubled: list[str] = []
    for edge in lanes:
        start, end = nodes[edge.start], nodes[edge.end]
        if start == end:
            continue
        is_one_way = not edge.parameters.flag("bidirectional")
        speed = edge.parameters.number("speed_limit", least=0.0) or SPEED_LIMIT
        forward, backward = LaneId(f"{start}-{end}"), LaneId(f"{end}-{start}")
        known = network.lanes.get(forward) or network.lanes.get(backward)
        if known is None:
            network.lanes[forward] = Lane(id=forward, start=start, end=end, is_one_way=is_one_way, speed_limit=speed)
            network.lines[f"lanes.{forward}"] = edge.entry.where
            continue
        if not (is_one_way and known.is_one_way and known.id == backward):  # two one-way lanes are how some draw one
            doubled.append(known.id)
        both_ways = not (is_one_way and known.is_one_way and known.id == forward)
        network.lanes[known.id] = replace(known, is_one_way=not both_ways, speed_limit=min(known.speed_limit, speed))
    _note(network, doubled, "lanes were drawn twice and made one")


def _add_doors(network: LaneNetwork, level: LevelPlan, level_id: LevelId, points: Sequence[complex]) -> None:
    """Name on each lane the door it passes through; keep the doors that are used."""
    lanes = [lane for lane in network.lanes.values() if network.nodes[lane.start].level == level_id]
    segments = [_segment(network, lane) for lane in lanes]
    tree = shapely.STRtree(segments)
    through: dict[LaneId, list[tuple[float, DoorId]]] = {}
    unused = 0
    for edge in level.doors:
        ends = [points[edge.start], points[edge.end]]
        leaf = shapely.LineString([(end.real, end.imag) for end in ends])
        crossed = sorted(tree.query(leaf, predicate="intersects")) if leaf.length > 0 else []
        if not crossed:
            unused += 1
            continue
        name = valid_id(edge.parameters.text("name"), "door_")
        door = DoorId(_free(name, network.doors, f"{name}_{level_id}"))
        start, end = ((point.real, point.imag) for point in ends)
        network.doors[door] = Door(id=door, level=level_id, start=start, end=end)
        network.lines[f"doors.{door}"] = edge.entry.where
        for index in crossed:
            where = shapely.line_locate_point(segments[index], segments[index].intersection(leaf).centroid)
            through.setdefault(lanes[index].id, []).append((float(where), door))
    if unused:
        network.notes.append(f"{unused} doors of level '{level.name}' were left out: no lane passes through them")
    for lane, crossings in through.items():
        _put_doors(network, lane, sorted(crossings))


def _segment(network: LaneNetwork, lane: Lane) -> shapely.LineString:
    start, end = network.nodes[lane.start], network.nodes[lane.end]
    return shapely.LineString([(start.x, start.y), (end.x, end.y)])


def _put_doors(network: LaneNetwork, lane_id: LaneId, crossings: Sequence[tuple[float, DoorId]]) -> None:
    """Name the doors on the lane; a lane through several becomes as many, with nodes halfway between the doors."""
    lane = network.lanes[lane_id]
    if len(crossings) == 1:
        network.lanes[lane_id] = replace(lane, door=crossings[0][1])
        return
    start, end = network.nodes[lane.start], network.nodes[lane.end]
    where = network.lines.pop(f"lanes.{lane_id}")
    del network.lanes[lane_id]
    length = math.hypot(end.x - start.x, end.y - start.y)
    at = lane.start
    for index, (way, door) in enumerate(crossings):
        stop = lane.end
        if index + 1 < len(crossings):
            share = (way + crossings[index + 1][0]) / 2 / length
            stop = NodeId(_free(f"{lane.start}_{lane.end}_{index + 1}", network.nodes))
            x, y = (round(a + share * (b - a), 4) for a, b in ((start.x, end.x), (start.y, end.y)))
            network.nodes[stop] = Node(id=stop, level=start.level, x=x, y=y)
            network.vertices[stop] = ()
            network.lines[f"nodes.{stop}"] = where
        piece = LaneId(f"{at}-{stop}")
        network.lanes[piece] = replace(lane, id=piece, start=at, end=stop, door=door)
        network.lines[f"lanes.{piece}"] = where
        at = stop
    network.notes.append(f"lane {lane_id} was split between its {len(crossings)} doors")


def _note_ignored(network: LaneNetwork, plan: BuildingPlan, graph: int) -> None:
    lanes = [lane for level in plan.levels.values() for lane in level.lanes if _graph(lane) == graph]
    meanings = {
        "orientation": "orientation (robots turn on the spot)",
        "mutex": "mutex group (traffic control orders robots by where they would touch)",
        "demo_mock_floor_name": "mock floor",
        "demo_mock_lift_name": "mock lift",
    }
    for name, meaning in meanings.items():
        count = sum(bool(lane.parameters.text(name)) for lane in lanes)
        if count:
            network.notes.append(f"{count} lanes give a {meaning}, which is not read")
    vertices = [vertex for group in network.vertices.values() for vertex in group]
    flags = {
        "is_holding_point": "are holding points; robots may wait at any node",
        "is_passthrough_point": "are not to be waited on, which is not read; mark them with a zone of kind no_wait",
        "is_cleaning_zone": "are cleaning zones, which are not read",
    }
    for name, meaning in flags.items():
        count = sum(vertex.parameters.flag(name) for vertex in vertices)
        if count:
            network.notes.append(f"{count} vertices {meaning}")
    docks = sum(bool(vertex.parameters.text("dock_name")) for vertex in vertices)
    if docks:
        network.notes.append(f"{docks} vertices name a dock, which is not read; give their places 'tag' and 'dock'")

"""Import of Open-RMF building maps (*.building.yaml) as sites.

    parsed = read_building(Path("office.building.yaml"))   # a SiteFile; parsed.notes says what was left out or changed

Such a file has no robots, and its lanes were drawn for another traffic system: `check_site` says what to mend before
robots drive there.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from robot_ops.core.errors import SiteError
from robot_ops.core.ids import LaneId, LevelId, LiftId, NodeId, PlaceId, RobotId
from robot_ops.core.poses import wrap_angle
from robot_ops.site.files import SiteFile, read_site
from robot_ops.site.model import Level, Lift, Node, Place, PlaceKind, Robot, RobotKind, RobotModel, Site
from robot_ops.site.rmf_alignment import ToMeters, alignments, positions
from robot_ops.site.rmf_documents import BuildingPlan, LiftPlan, Vertex, read_plan
from robot_ops.site.rmf_lanes import LaneNetwork, choose_graph, level_ids, read_lanes, valid_id

SUFFIX: Final = ".building.yaml"
SHAFT_SHIFT: Final = 0.01
"""Meters that a cabin's vertex may lie off its lift without a note."""
SHAFT_REACH: Final = 2.0
"""Meters from a lift's middle from which on a vertex cannot be in its cabin."""


def read_map(path: Path, *, graph_index: int | None = None) -> SiteFile:
    """Return the site of a site file or, where the name ends in .building.yaml, of a building map.

    Raises:
        SiteError: the file is not in its format.
    """
    if path.name.endswith(SUFFIX):
        return read_building(path, graph_index=graph_index)
    if graph_index is not None:
        raise SiteError("a site file has one graph only", where=str(path), mend=f"Give a graph with *{SUFFIX} only")
    return read_site(path)


def read_building(path: Path, graph_index: int | None = None, robots: int = 0, *, radius: float = 0.35) -> SiteFile:
    """Return the site that a building map describes.

    Args:
        graph_index: which of its navigation graphs; None for the one with the most lanes.
        robots: how many robots to put onto its chargers.
        radius: of these robots, meters.

    Raises:
        SiteError: the file is no building map, is wrong, or has no lanes or fewer chargers than robots.
    """
    plan = read_plan(path)
    graph, notes = choose_graph(plan, graph_index)
    to_meters, uncertain = alignments(plan)
    points = {level.name: positions(level, to_meters) for level in plan.levels.values()}
    network = read_lanes(plan, graph, points)
    ids = level_ids(plan)
    lifts = _lifts(plan, network, to_meters, ids)
    used = {node.level for node in network.nodes.values()}
    left_out = [name for name, level in ids.items() if level not in used]
    if left_out:
        network.notes.append(f"levels without lanes in graph {graph} were left out: {', '.join(left_out)}")
    levels = {
        ids[level.name]: Level(id=ids[level.name], elevation=level.elevation)
        for level in plan.levels.values()
        if ids[level.name] in used
    }
    places = _places(network, lifts)
    site = Site(
        name=valid_id(plan.name, "site_"),
        title=plan.name,
        world_file=None,
        levels=levels,
        nodes=network.nodes,
        lanes=network.lanes,
        places=places,
        doors=network.doors,
        lifts=lifts,
        zones={},
        robots=_robots(plan, places, robots, radius),
        staff={},
    )
    for level in plan.levels.values():
        if ids[level.name] in used:
            network.lines[f"levels.{ids[level.name]}"] = level.entry.where
    return SiteFile(site=site, lines=network.lines, notes=(*notes, *uncertain, *network.notes))


def _lifts(
    plan: BuildingPlan, network: LaneNetwork, to_meters: Mapping[str, ToMeters], ids: Mapping[str, LevelId]
) -> dict[LiftId, Lift]:
    """Return the lifts that join two levels of the graph; their cabins' nodes are put above each other."""
    lifts: dict[LiftId, Lift] = {}
    for lift in plan.lifts.values():
        served = {ids[level] for level in lift.levels}
        cabins = _cabins(network, lift)
        for level in [level for level in cabins if level not in served]:
            network.notes.append(f"lift '{lift.name}' has no door on level '{level}'; it does not stop there")
            del cabins[level]
        if len(cabins) < 2:
            network.notes.append(f"lift '{lift.name}' was left out: the graph enters it on {len(cabins)} level(s)")
            continue
        shaft = to_meters[lift.reference](lift.at)
        for cabin in cabins.values():
            _center(network, lift, cabin, complex(round(shaft.real, 4), round(shaft.imag, 4)))
        lift_id = LiftId(valid_id(lift.name, "lift_"))
        lobbies = {level: _lobby(network, lift, cabin) for level, cabin in cabins.items()}
        lifts[lift_id] = Lift(id=lift_id, stops=cabins, lobbies=lobbies)
        network.lines[f"lifts.{lift_id}"] = lift.entry.where
    return lifts


def _cabins(network: LaneNetwork, lift: LiftPlan) -> dict[LevelId, NodeId]:
    cabins: dict[LevelId, NodeId] = {}
    for node, vertices in network.vertices.items():
        for vertex in vertices:
            if vertex.parameters.text("lift_cabin") != lift.name:
                continue
            level = network.nodes[node].level
            if level in cabins:
                raise vertex.parameters.values["lift_cabin"].wrong(
                    f"lift '{lift.name}' has a second cabin vertex on level '{level}'", "Mark one vertex per level"
                )
            cabins[level] = node
    return cabins


def _center(network: LaneNetwork, lift: LiftPlan, cabin: NodeId, shaft: complex) -> None:
    node = network.nodes[cabin]
    shift = abs(complex(node.x, node.y) - shaft)
    if shift > SHAFT_REACH:
        raise SiteError(
            f"the cabin of lift '{lift.name}' lies {shift:.2f} m from the lift",
            where=network.lines[f"nodes.{cabin}"],
            mend="Correct the vertex, the lift's x and y, or the fiducials of the level",
        )
    if shift > SHAFT_SHIFT:
        network.notes.append(f"cabin '{cabin}' of lift '{lift.name}' was moved by {shift:.2f} m into the shaft")
    network.nodes[cabin] = replace(node, x=shaft.real, y=shaft.imag)


def _lobby(network: LaneNetwork, lift: LiftPlan, cabin: NodeId) -> NodeId:
    """Return the cabin's neighbor; of several the nearest, and the others' lanes are left out."""
    joined: dict[NodeId, list[LaneId]] = {}
    for other, lane in _neighbors(network, cabin):
        joined.setdefault(other, []).append(lane)
    lobby = min(joined, key=lambda other: (_distance(network.nodes[cabin], network.nodes[other]), other))
    for other, lanes in joined.items():
        for lane in lanes if other != lobby else ():
            del network.lanes[lane]
            network.lines.pop(f"lanes.{lane}", None)
            text = f"lane {lane} was left out: lift '{lift.name}' has one way in per level, from '{lobby}'"
            network.notes.append(text)
    return lobby


def _neighbors(network: LaneNetwork, node: NodeId) -> Iterator[tuple[NodeId, LaneId]]:
    for lane in network.lanes.values():
        if node in (lane.start, lane.end):
            yield (lane.end if lane.start == node else lane.start), lane.id


def _distance(first: Node, second: Node) -> float:
    return math.hypot(second.x - first.x, second.y - first.y)


def _places(network: LaneNetwork, lifts: Mapping[LiftId, Lift]) -> dict[PlaceId, Place]:
    in_lifts = {node for lift in lifts.values() for node in (*lift.stops.values(), *lift.lobbies.values())}
    ends: dict[NodeId, list[NodeId]] = {node: [] for node in network.nodes}
    for lane in network.lanes.values():
        ends[lane.start].append(lane.end)
        ends[lane.end].append(lane.start)
    places: dict[PlaceId, Place] = {}
    skipped = 0
    for node, vertices in network.vertices.items():
        kind, label = _meaning(vertices)
        if kind is None or node in in_lifts:
            skipped += kind is not None
            continue
        yaw = 0.0
        if ends[node]:  # on towards where the lane leads, as a robot arrives
            before, at = network.nodes[ends[node][0]], network.nodes[node]
            yaw = math.radians(round(math.degrees(math.atan2(at.y - before.y, at.x - before.x)), 1))
        place = PlaceId(node)
        places[place] = Place(id=place, kind=kind, node=node, label=label or node, yaw=wrap_angle(yaw))
    if skipped:
        network.notes.append(f"{skipped} named vertices in lifts and their lobbies are no places")
    return places


def _meaning(vertices: Sequence[Vertex]) -> tuple[PlaceKind | None, str]:
    """Return what kind of place the vertices make, if any, and its name."""
    parameters = [vertex.parameters for vertex in vertices]
    kind = None
    label = next((vertex.name for vertex in vertices if vertex.name), "")
    for name in ("pickup_dispenser", "dropoff_ingestor"):
        label = label or next((item.text(name) for item in parameters if item.text(name)), "")
    if label:
        kind = PlaceKind.COUNTER
    if any(item.flag("is_parking_spot") for item in parameters):
        kind = PlaceKind.WAITING
    if any(item.flag("is_charger") for item in parameters):
        kind = PlaceKind.CHARGER
    return kind, label


def _robots(plan: BuildingPlan, places: Mapping[PlaceId, Place], count: int, radius: float) -> dict[RobotId, Robot]:
    chargers = [place.id for place in places.values() if place.kind is PlaceKind.CHARGER]
    parks = [place.id for place in places.values() if place.kind is PlaceKind.WAITING]
    if count > len(chargers):
        raise plan.entry.wrong(
            f"the graph has {len(chargers)} chargers for {count} robots", "Mark more vertices with is_charger"
        )
    # the immigration hall's courier; a map says nothing of its robots
    model = RobotModel(
        id="courier",
        kind=RobotKind.COURIER,
        radius=radius,
        max_speed=1.2,
        max_acceleration=0.6,
        max_yaw_rate=1.2,
        compartments=("compartment_1",),
        battery_wh=600.0,
        idle_w=40.0,
        drive_w=110.0,
        charge_w=300.0,
    )
    homes = (
        parks[:count] + chargers[len(parks) : count]
    )  # without a waiting spot of its own a robot rests at its charger
    names = [RobotId(f"robot_{index + 1}") for index in range(count)]
    return {
        name: Robot(id=name, model=model, charger=charger, park=park)
        for name, charger, park in zip(names, chargers, homes, strict=False)
    }

"""The site as the page draws it: plain JSON, positions in meters in the map frame of their level."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from robot_ops.console.map_pictures import map_png
from robot_ops.core.ids import LevelId
from robot_ops.navigation.grid import load_grid
from robot_ops.site.model import Level, Robot, RobotKind, Site

_MARGIN: Final = 2.0
"""Meters around a level that has no map."""
CAMERAS: Final[Mapping[RobotKind, tuple[str, ...]]] = {
    RobotKind.GUIDE: ("front", "rear"),
    RobotKind.COURIER: ("front", "compartment"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePicture:
    """What never changes while the console runs.

    Attributes:
        document: answer to GET /api/site.
        maps: per level with a map its PNG.
    """

    document: Mapping[str, Any]
    maps: Mapping[LevelId, bytes] = field(default_factory=dict)


def picture_site(site: Site) -> SitePicture:
    """Return the picture of a site; reads the levels' map files.

    Raises:
        SiteError: a map file cannot be read.
    """
    maps: dict[LevelId, bytes] = {}
    levels = [_level(site, level, maps) for level in site.levels.values()]
    nodes = site.nodes
    document = {
        "name": site.name,
        "title": site.title,
        "levels": levels,
        "lanes": [
            {
                "id": lane.id,
                "level": nodes[lane.start].level,
                "start": [nodes[lane.start].x, nodes[lane.start].y],
                "end": [nodes[lane.end].x, nodes[lane.end].y],
                "is_one_way": lane.is_one_way,
                "door": lane.door,
            }
            for lane in site.lanes.values()
        ],
        "places": [
            {
                "id": place.id,
                "kind": place.kind.value,
                "label": place.label,
                "level": nodes[place.node].level,
                "x": nodes[place.node].x,
                "y": nodes[place.node].y,
                "yaw": place.yaw,
            }
            for place in site.places.values()
        ],
        "doors": [
            {"id": door.id, "level": door.level, "start": door.start, "end": door.end} for door in site.doors.values()
        ],
        "lifts": [
            {"id": lift.id, "stops": {level: [nodes[node].x, nodes[node].y] for level, node in lift.stops.items()}}
            for lift in site.lifts.values()
        ],
        "zones": [
            {"id": zone.id, "level": zone.level, "kind": zone.kind, "corners": zone.corners}
            for zone in site.zones.values()
        ],
        "robots": [_robot(robot) for robot in site.robots.values()],
        "staff": [{"id": person.id, "name": person.name, "place": person.place} for person in site.staff.values()],
        "languages": list(dict.fromkeys(language for robot in site.robots.values() for language in robot.languages)),
    }
    return SitePicture(document=document, maps=maps)


def _robot(robot: Robot) -> dict[str, Any]:
    return {
        "id": robot.id,
        "kind": robot.model.kind.value,
        "radius": robot.model.radius,
        "compartments": robot.model.compartments,
        "languages": robot.languages,
        "cameras": CAMERAS[robot.model.kind],
    }


def _level(site: Site, level: Level, maps: dict[LevelId, bytes]) -> dict[str, Any]:
    """Return the level; its picture goes into `maps`."""
    entry: dict[str, Any] = {"id": level.id, "elevation": level.elevation, "map": None}
    if level.map_file is None:
        entry["bounds"] = _bounds((node.x, node.y) for node in site.nodes.values() if node.level == level.id)
        return entry
    grid = load_grid(level.map_file)
    height, width = grid.cells.shape
    maps[level.id] = map_png(grid)
    entry["map"] = {"url": f"/api/levels/{level.id}/map.png", "resolution": grid.resolution}
    entry["bounds"] = [
        grid.origin_x,
        grid.origin_y,
        grid.origin_x + width * grid.resolution,
        grid.origin_y + height * grid.resolution,
    ]
    return entry


def _bounds(points: Iterable[tuple[float, float]]) -> list[float]:
    """Return west, south, east and north of the points with a margin around them."""
    listed = list(points) or [(0.0, 0.0)]
    xs, ys = [x for x, _ in listed], [y for _, y in listed]
    return [min(xs) - _MARGIN, min(ys) - _MARGIN, max(xs) + _MARGIN, max(ys) + _MARGIN]

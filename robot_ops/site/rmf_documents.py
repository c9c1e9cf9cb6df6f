"""Reads the parts of an Open-RMF building map (*.building.yaml of rmf_traffic_editor) that say where robots drive.

A vertex is [x, y, z, name, {parameters}], an edge [vertex, vertex, {parameters}], a parameter [type, value]. Positions
are in the map's own coordinate system and not yet meters; y is turned so that it points north. Walls, floors, models
and the crowd are not read. Format: github.com/open-rmf/rmf_traffic_editor, rmf_building_map_tools/building_map.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from robot_ops.core.errors import SiteError
from robot_ops.site.documents import Entry, nearest, read_document

LAST_GRAPH: Final = 99
_UNNAMED: Final = "building"  # what the editor calls a building that nobody named


class CoordinateSystem(Enum):
    """What the positions of a map mean."""

    REFERENCE_IMAGE = "reference_image"
    """Pixels of a floor plan, y down."""
    CARTESIAN_METERS = "cartesian_meters"
    WGS84 = "wgs84"
    """Longitude and latitude in degrees."""
    WEB_MERCATOR = "web_mercator"
    """Positions on a world map of 256 by 256, y down."""


_Y_DOWN: Final = (CoordinateSystem.REFERENCE_IMAGE, CoordinateSystem.WEB_MERCATOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The parameters of a vertex or an edge; those that are not given are empty, false or 0."""

    values: Mapping[str, Entry]

    def text(self, name: str) -> str:
        """Return a text."""
        return self.values[name].scalar().strip() if name in self.values else ""

    def flag(self, name: str) -> bool:
        """Return True or False."""
        return self.values[name].flag() if name in self.values else False

    def number(self, name: str, *, least: float) -> float:
        """Return a finite number."""
        return self.values[name].number(least=least) if name in self.values else 0.0

    def integer(self, name: str, *, most: int) -> int:
        """Return a whole number from 0 on."""
        return self.values[name].integer(least=0, most=most) if name in self.values else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertex:
    """A point of a level, in the map's coordinates (y north)."""

    x: float
    y: float
    name: str
    parameters: Parameters
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Two vertices of a level, by their numbers there."""

    start: int
    end: int
    parameters: Parameters
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPlan:
    """One level of a map; `fiducials` are points that other levels show, too, by name."""

    name: str
    elevation: float
    vertices: tuple[Vertex, ...]
    lanes: tuple[Edge, ...]
    doors: tuple[Edge, ...]
    measurements: tuple[Edge, ...]
    fiducials: Mapping[str, complex]
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftPlan:
    """A lift: its middle in the coordinates of its reference level, and the levels it has doors on."""

    name: str
    at: complex
    reference: str
    levels: tuple[str, ...]
    entry: Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingPlan:
    """A building map as read."""

    name: str
    coordinates: CoordinateSystem
    reference: str
    levels: Mapping[str, LevelPlan]
    lifts: Mapping[str, LiftPlan]
    entry: Entry


def read_plan(path: Path) -> BuildingPlan:
    """Return the plan of a building map file.

    Raises:
        SiteError: the file is no building map, or a part of it is wrong.
    """
    root = read_document(path, SiteError)
    top = root.mapping()
    if "levels" not in top:
        raise root.wrong("'levels' is missing: this is no building map", "Name a file of rmf_traffic_editor")
    name = next((top[key].scalar() for key in ("building_name", "name") if key in top), "")
    if name in ("", _UNNAMED):
        name = path.name.split(".")[0]
    coordinates = CoordinateSystem.REFERENCE_IMAGE
    if "coordinate_system" in top:
        coordinates = top["coordinate_system"].choice(CoordinateSystem)
    sign = -1.0 if coordinates in _Y_DOWN else 1.0
    levels = {key: _level(key, entry, sign) for key, entry in top["levels"].mapping().items()}
    if not levels:
        raise top["levels"].wrong("a building needs a level", "Draw one in rmf_traffic_editor")
    reference = next(iter(levels))
    if "reference_level_name" in top:
        reference = top["reference_level_name"].one_of(levels, "level")
    lifts = {key: _lift(key, entry, sign, levels, reference) for key, entry in _mapping(top, "lifts").items()}
    for level in levels.values():
        for vertex in level.vertices:
            lift = vertex.parameters.text("lift_cabin")
            if lift and lift not in lifts:
                entry = vertex.parameters.values["lift_cabin"]
                raise entry.wrong(f"there is no lift '{lift}'", nearest(lift, lifts))
    return BuildingPlan(name=name, coordinates=coordinates, reference=reference, levels=levels, lifts=lifts, entry=root)


def _mapping(fields: Mapping[str, Entry], key: str) -> dict[str, Entry]:
    return fields[key].mapping() if key in fields and not _is_nothing(fields[key]) else {}


def _items(fields: Mapping[str, Entry], key: str) -> list[Entry]:
    return fields[key].items() if key in fields and not _is_nothing(fields[key]) else []


def _is_nothing(entry: Entry) -> bool:
    """Return whether the value is null or, as the editor writes an empty sequence at times, {}."""
    if entry.is_mapping:
        return not entry.mapping()
    return not entry.is_list and not entry.scalar()


def _level(name: str, entry: Entry, sign: float) -> LevelPlan:
    fields = entry.mapping()
    vertices = tuple(_vertex(item, sign) for item in _items(fields, "vertices"))
    lanes, doors, measurements = (
        tuple(_edge(item, len(vertices)) for item in _items(fields, key)) for key in ("lanes", "doors", "measurements")
    )
    fiducials: dict[str, complex] = {}
    for item in _items(fields, "fiducials"):
        parts = item.items()
        if len(parts) != 3:
            raise item.wrong("expected [x, y, name]", "Write two numbers and a name in brackets")
        fiducials[parts[2].scalar()] = complex(parts[0].number(), sign * parts[1].number())
    return LevelPlan(
        name=name,
        elevation=fields["elevation"].number() if "elevation" in fields else 0.0,
        vertices=vertices,
        lanes=lanes,
        doors=doors,
        measurements=measurements,
        fiducials=fiducials,
        entry=entry,
    )


def _vertex(entry: Entry, sign: float) -> Vertex:
    parts = entry.items()
    if not 2 <= len(parts) <= 5:
        raise entry.wrong("expected [x, y, z, name, {parameters}]", "Write two to five values in brackets")
    return Vertex(
        x=parts[0].number(),
        y=sign * parts[1].number(),
        name=parts[3].scalar().strip() if len(parts) > 3 else "",
        parameters=_parameters(parts[4] if len(parts) > 4 else None),
        entry=entry,
    )


def _edge(entry: Entry, vertex_count: int) -> Edge:
    parts = entry.items()
    if not 2 <= len(parts) <= 3:
        raise entry.wrong("expected [vertex, vertex, {parameters}]", "Write two numbers of vertices in brackets")
    ends = []
    for part in parts[:2]:
        number = part.integer(least=-(2**31), most=2**31)
        if not 0 <= number < vertex_count:
            known = f"Its vertices are 0 to {vertex_count - 1}" if vertex_count else "It has none"
            raise part.wrong(f"there is no vertex {number} on this level", known)
        ends.append(number)
    return Edge(start=ends[0], end=ends[1], parameters=_parameters(parts[2] if len(parts) > 2 else None), entry=entry)


def _parameters(entry: Entry | None) -> Parameters:
    values: dict[str, Entry] = {}
    if entry is not None and not _is_nothing(entry):
        for name, pair in entry.mapping().items():
            parts = pair.items()
            if len(parts) != 2:
                raise pair.wrong("expected [type, value]", "Write the type's number and the value in brackets")
            values[name] = parts[1]
    return Parameters(values=values)


def _lift(name: str, entry: Entry, sign: float, levels: Mapping[str, LevelPlan], reference: str) -> LiftPlan:
    fields = entry.mapping()
    for key in ("x", "y"):
        if key not in fields:
            raise entry.wrong(f"'{key}' is missing", f"Add '{key}: ...'")
    for key in ("reference_floor_name", "initial_floor_name", "highest_floor", "lowest_floor"):
        if key in fields and fields[key].scalar():
            floor = fields[key].one_of(levels, "level")
            reference = floor if key == "reference_floor_name" else reference
    served = _mapping(fields, "level_doors")
    for level, doors in served.items():
        if level not in levels:
            raise doors.wrong(f"there is no level '{level}'", nearest(level, levels))
    return LiftPlan(
        name=name,
        at=complex(fields["x"].number(), sign * fields["y"].number()),
        reference=reference,
        levels=tuple(level for level, doors in served.items() if not _is_nothing(doors)),
        entry=entry,
    )

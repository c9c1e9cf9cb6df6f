"""Occupancy maps of a site's levels, made from the world file: what a lidar would find where nothing moves.

Files are map_server's (nav2_map_server, mode trinary): `<level>.pgm` and `<level>.yaml`.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_ops.core.errors import WorldError
from robot_ops.core.ids import LevelId
from robot_ops.core.poses import FloatArray
from robot_ops.simulation.layout import LIDAR_HEIGHT, Layout, lay_out
from robot_ops.simulation.sdf_reader import read_world
from robot_ops.simulation.shapes import section
from robot_ops.site.model import Level, Site

RESOLUTION: Final = 0.05
"""Side of a cell in meters."""

OCCUPIED: Final = 0
UNKNOWN: Final = 205
FREE: Final = 254
"""Gray values, as map_server's own map saver writes them."""

_MARGIN: Final = 0.5  # m of unknown around everything


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelMap:
    """A map of one level.

    Attributes:
        origin: x and y of the lower left corner, meters.
        cells: (H, W) uint8 gray values; row 0 is at the top (largest y), as in the picture.
    """

    origin: tuple[float, float]
    cells: NDArray[np.uint8]


def make_map(layout: Layout, site: Site, level: Level) -> LevelMap:
    """Return the map of a level: solid shapes that cross the lidar plane, and what can be reached from lane nodes.

    Doors and lift doors are left open; a lift's cabin is shown at every level.

    Raises:
        WorldError: nothing of the world file stands on the level.
    """
    height = level.elevation + LIDAR_HEIGHT
    outlines = [section(s.shape.geometry, s.pose, height) for s in layout.statics if s.is_collision]
    lowest = min(each.elevation for each in site.levels.values())
    for lift in layout.lifts.values():
        at_level = lift.cabin.pose_at(level.elevation - lowest)
        outlines += [
            section(s.shape.geometry, at_level.compose(s.pose), height) for s in lift.cabin.shapes if s.is_collision
        ]
    outlines = [outline for outline in outlines if len(outline) >= 3]
    if not outlines:
        raise WorldError(f"nothing stands on level {level.id}", where=str(site.world_file))
    nodes = np.array([[n.x, n.y] for n in site.nodes.values() if n.level == level.id]).reshape(-1, 2)
    solid = np.vstack(outlines)
    everything = np.vstack([solid, nodes])
    low = np.floor((everything.min(axis=0) - _MARGIN) / RESOLUTION) * RESOLUTION
    columns, rows = (int(n) for n in np.ceil((everything.max(axis=0) + _MARGIN - low) / RESOLUTION))
    is_occupied = np.zeros((rows, columns), dtype=bool)
    for outline in outlines:
        _fill(is_occupied, outline, low)
    cells = np.where(is_occupied, OCCUPIED, UNKNOWN).astype(np.uint8)
    _, areas = cv2.connectedComponents((~is_occupied).astype(np.uint8), connectivity=4)
    for x, y in nodes:
        column, row = int((x - low[0]) / RESOLUTION), int((y - low[1]) / RESOLUTION)
        if areas[row, column]:
            cells[areas == areas[row, column]] = FREE
    # what lies beyond the outermost wall is unknown, even where an entrance leads there
    first = np.floor((solid.min(axis=0) - low) / RESOLUTION).astype(int)
    last = np.ceil((solid.max(axis=0) - low) / RESOLUTION).astype(int)
    inside = np.full_like(cells, fill_value=False, dtype=bool)
    inside[first[1] : last[1], first[0] : last[0]] = True
    cells[~inside & (cells == FREE)] = UNKNOWN
    origin = (round(float(low[0]), 6), round(float(low[1]), 6))
    return LevelMap(origin=origin, cells=np.ascontiguousarray(cells[::-1]))


def _fill(is_occupied: NDArray[np.bool_], outline: FloatArray, low: FloatArray) -> None:
    """Mark the cells that a convex outline, (N, 2) counter-clockwise, touches; row 0 is at the bottom here."""
    half = RESOLUTION / 2
    first = np.maximum(np.floor((outline.min(axis=0) - low) / RESOLUTION).astype(int) - 1, 0)
    last = np.ceil((outline.max(axis=0) - low) / RESOLUTION).astype(int) + 1
    window = is_occupied[first[1] : last[1], first[0] : last[0]]
    rows, columns = window.shape
    xs = low[0] + (first[0] + np.arange(columns) + 0.5) * RESOLUTION
    ys = low[1] + (first[1] + np.arange(rows) + 0.5) * RESOLUTION
    outside = np.full(window.shape, -math.inf)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        length = math.hypot(bx - ax, by - ay)
        if length < 1e-9:
            continue
        normal_x, normal_y = (by - ay) / length, (ax - bx) / length
        # a cell's own extent along the normal, less a hair so that walls on cell borders stay one cell thin
        reach = half * (abs(normal_x) + abs(normal_y)) - 1e-3
        distance = (xs[None, :] - ax) * normal_x + (ys[:, None] - ay) * normal_y
        outside = np.maximum(outside, distance - reach)
    window |= outside < 0.0


def write_maps(site: Site, folder: Path) -> dict[LevelId, Path]:
    """Write the maps of all levels and return their YAML files.

    Raises:
        WorldError: the world file is wrong or missing, or a level is empty.
    """
    if site.world_file is None:
        raise WorldError(f"site {site.name} names no world file", mend="add `world: FILE.sdf` to the site file")
    layout = lay_out(read_world(site.world_file), site)
    maps = {level.id: make_map(layout, site, level) for level in site.levels.values()}
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[LevelId, Path] = {}
    for level_id, level_map in maps.items():
        rows, columns = level_map.cells.shape
        header = f"P5\n# {site.name}, level {level_id}, {RESOLUTION} m per cell\n{columns} {rows}\n255\n"
        (folder / f"{level_id}.pgm").write_bytes(header.encode() + level_map.cells.tobytes())
        x, y = level_map.origin
        text = (
            f"image: {level_id}.pgm\nmode: trinary\nresolution: {RESOLUTION}\norigin: [{x}, {y}, 0.0]\n"
            "negate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.196\n"
        )
        written[level_id] = folder / f"{level_id}.yaml"
        written[level_id].write_text(text, encoding="utf-8")
    return written

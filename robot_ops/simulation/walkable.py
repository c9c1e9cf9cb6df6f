"""The floor that people can walk on, as a polygon made from a level's occupancy map."""

from typing import Final

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from robot_ops.core.errors import WorldError
from robot_ops.core.ids import LevelId
from robot_ops.navigation.grid import FREE, OccupancyGrid, load_grid
from robot_ops.site.model import Site

_CLEARANCE: Final = 0.15  # m kept from walls; also closes slits that nobody fits through
_SIMPLER: Final = 0.06  # m that the outline may deviate by, about a cell
_DOOR: Final = 0.3  # m on both sides of an automatic door: visitors do not pass it
_SMALLEST_HOLE: Final = 0.02  # m²


def walkable_area(site: Site, level: LevelId) -> shapely.Polygon:
    """Return the floor of a level that is joined to its lane graph, meters, map frame.

    Raises:
        WorldError: the level has no map, or no free floor.
        SiteError: the map file is wrong.
    """
    map_file = site.levels[level].map_file
    if map_file is None:
        raise WorldError(f"level {level} has no map", mend=f"Give levels.{level}.map in the site file")
    grid = load_grid(map_file)
    is_free = cv2.erode(
        (grid.cells == FREE).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=round(_CLEARANCE / grid.resolution)
    )
    for door in site.doors.values():
        if door.level == level:
            start, end = _cell(grid, door.start), _cell(grid, door.end)
            cv2.line(is_free, start, end, 0, thickness=round(2 * _DOOR / grid.resolution))
    polygons = _polygons(is_free.astype(np.uint8), grid)
    nodes = shapely.MultiPoint([(node.x, node.y) for node in site.nodes.values() if node.level == level])
    if not polygons:
        raise WorldError("nobody can walk there: no free floor", where=str(map_file))
    return max(polygons, key=lambda polygon: len(shapely.get_parts(polygon.intersection(nodes))))


def _cell(grid: OccupancyGrid, point: tuple[float, float]) -> tuple[int, int]:
    return (
        round((point[0] - grid.origin_x) / grid.resolution),
        round((point[1] - grid.origin_y) / grid.resolution),
    )


def _polygons(is_free: NDArray[np.uint8], grid: OccupancyGrid) -> list[shapely.Polygon]:
    contours, hierarchy = cv2.findContours(is_free, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    rings = [
        np.array([grid.origin_x, grid.origin_y]) + (contour[:, 0, :] + 0.5) * grid.resolution for contour in contours
    ]
    outlines: list[shapely.Polygon] = []
    for index, ring in enumerate(rings):
        is_hole = hierarchy[0][index][3] >= 0
        if is_hole or len(ring) < 4:
            continue
        holes = [
            hole
            for number, hole in enumerate(rings)
            if hierarchy[0][number][3] == index and len(hole) >= 4 and shapely.Polygon(hole).area > _SMALLEST_HOLE
        ]
        polygon = shapely.Polygon(ring, holes).buffer(0).simplify(_SIMPLER)
        outlines += [part for part in shapely.get_parts(polygon) if isinstance(part, shapely.Polygon)]
    return outlines

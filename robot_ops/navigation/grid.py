"""Occupancy grids: map_server's files, cells and distances.

Cells are stored as nav_msgs/OccupancyGrid has them: row 0 is the lowest y, 0 free, 100 occupied, -1 unknown.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeGuard

import numpy as np
import yaml
from numpy.typing import NDArray

from robot_ops.core.errors import SiteError
from robot_ops.core.poses import FloatArray

FREE: Final = 0
OCCUPIED: Final = 100
UNKNOWN: Final = -1

FIELD_LIMIT: Final = 1.5
"""Distances of a level's field are cut off here, in meters: farther than scan matching or a footprint reaches."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OccupancyGrid:
    """A map of what is solid at the height of the lidar.

    Attributes:
        cells: (H, W) int8, row 0 at the lowest y; FREE, OCCUPIED or UNKNOWN.
        resolution: edge of a cell in meters.
        origin_x, origin_y: lower left corner of cell (0, 0), map frame, meters.
    """

    cells: NDArray[np.int8]
    resolution: float
    origin_x: float
    origin_y: float

    def __post_init__(self) -> None:
        if self.cells.ndim != 2 or 0 in self.cells.shape:
            raise ValueError(f"a grid has two dimensions and at least one cell, not {self.cells.shape}")
        if not (math.isfinite(self.resolution) and self.resolution > 0.0):
            raise ValueError(f"resolution is a positive number of meters, not {self.resolution}")

    def cells_at(self, points: FloatArray) -> NDArray[np.int64]:
        """Return (N, 2) rows and columns of the cells that hold points (N, 2); they may lie outside of the grid."""
        scaled = np.floor((points - (self.origin_x, self.origin_y)) / self.resolution).astype(np.int64)
        return np.asarray(scaled[:, ::-1])

    def centers(self, cells: NDArray[np.int64]) -> FloatArray:
        """Return (N, 2) centers, in meters, of cells given as (N, 2) rows and columns."""
        origin = np.array([self.origin_x, self.origin_y])
        return np.asarray(origin + (cells[:, ::-1] + 0.5) * self.resolution, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LevelMap:
    """A grid with its signed distance field; several robots of a process may share one.

    Attributes:
        field: (H, W) float32, meters from each cell's center to the nearest surface of something occupied, negative
            inside of it, cut off at +-FIELD_LIMIT.
    """

    grid: OccupancyGrid
    field: NDArray[np.float32]

    @classmethod
    def of(cls, grid: OccupancyGrid) -> "LevelMap":
        """Return the map of a grid (about 0.2 s for a million cells)."""
        return cls(grid=grid, field=signed_distances(grid.cells == OCCUPIED, grid.resolution, FIELD_LIMIT))

    def distances(self, points: FloatArray) -> FloatArray:
        """Return (N,) signed distances at points (N, 2) by the nearest cell; FIELD_LIMIT outside of the map."""
        grid = self.grid
        height, width = self.field.shape
        columns = ((points[:, 0] - grid.origin_x) / grid.resolution).astype(np.int64)
        rows = ((points[:, 1] - grid.origin_y) / grid.resolution).astype(np.int64)
        is_inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        flat = np.where(is_inside, rows * width + columns, 0)
        return np.where(is_inside, self.field.ravel()[flat], FIELD_LIMIT)

    def distances_and_gradients(self, points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return bilinear signed distances at points (N, 2) and their slopes along x and y; all (N,).

        Points outside of the map get FIELD_LIMIT and no slope.
        """
        grid = self.grid
        height, width = self.field.shape
        u = (points[:, 0] - grid.origin_x) / grid.resolution - 0.5
        v = (points[:, 1] - grid.origin_y) / grid.resolution - 0.5
        column, row = np.floor(u), np.floor(v)
        is_inside = (column >= 0) & (column < width - 1) & (row >= 0) & (row < height - 1)
        flat = np.where(is_inside, row * width + column, 0).astype(np.int64)
        u, v = u - column, v - row
        values = self.field.ravel()
        low_left, low_right = values[flat], values[flat + 1]
        high_left, high_right = values[flat + width], values[flat + width + 1]
        low = low_left + u * (low_right - low_left)
        high = high_left + u * (high_right - high_left)
        slope_x = (1.0 - v) * (low_right - low_left) + v * (high_right - high_left)
        slope_y = high - low
        scale = is_inside / grid.resolution
        return np.where(is_inside, low + v * slope_y, FIELD_LIMIT), slope_x * scale, slope_y * scale


def distances_to(occupied: NDArray[np.bool_], limit_cells: int) -> NDArray[np.float32]:
    """Return the exact Euclidean distance, in cells, from each cell's center to the nearest occupied one's.

    Args:
        occupied: (H, W).
        limit_cells: distances are cut off here; the cost grows with it.

    Two separable passes as in Saito and Toriwaki (1994).
    """
    height, width = occupied.shape
    rows = np.arange(height, dtype=np.int32)[:, np.newaxis]
    far = np.int32(4 * (height + width + limit_cells))
    below = rows - np.maximum.accumulate(np.where(occupied, rows, -far), axis=0)
    above = np.minimum.accumulate(np.where(occupied, rows, far)[::-1], axis=0)[::-1] - rows
    vertical = np.minimum(np.minimum(below, above), limit_cells).astype(np.float32) ** 2
    nearest = vertical.copy()
    for shift in range(1, min(limit_cells, width - 1) + 1):
        shifted = vertical + np.float32(shift * shift)
        np.minimum(nearest[:, shift:], shifted[:, :-shift], out=nearest[:, shift:])
        np.minimum(nearest[:, :-shift], shifted[:, shift:], out=nearest[:, :-shift])
    return np.minimum(np.sqrt(nearest), np.float32(limit_cells))


def signed_distances(occupied: NDArray[np.bool_], resolution: float, limit: float) -> NDArray[np.float32]:
    """Return (H, W) meters from cell centers to the surface of what is occupied, negative inside, within +-`limit`."""
    limit_cells = max(1, round(limit / resolution))
    outside = distances_to(occupied, limit_cells) - 0.5
    inside = 0.5 - distances_to(~occupied, limit_cells)
    field = np.where(occupied, inside, outside) * np.float32(resolution)
    return np.clip(field, -limit, limit).astype(np.float32)


def load_grid(path: Path) -> OccupancyGrid:
    """Return the map of a map_server YAML file and its binary PGM (P5), in the trinary interpretation.

    Raises:
        SiteError: a file is missing or is no such map.
    """
    document = _read_yaml(path)
    resolution = _number(path, document, "resolution")
    if resolution <= 0.0:
        raise SiteError("the resolution must be greater than 0", where=f"{path}, resolution")
    occupied_above = _number(path, document, "occupied_thresh")
    free_below = _number(path, document, "free_thresh")
    if not 0.0 <= free_below < occupied_above <= 1.0:
        raise SiteError(
            f"thresholds must satisfy 0 <= free_thresh < occupied_thresh <= 1, but are {free_below}, {occupied_above}",
            where=f"{path}, free_thresh",
        )
    if document.get("mode", "trinary") != "trinary":
        raise SiteError(f"mode {document['mode']!r} is not known", where=f"{path}, mode", mend="Use trinary")
    origin = document.get("origin")
    if not isinstance(origin, list) or len(origin) not in {2, 3} or not all(_is_finite(value) for value in origin):
        raise SiteError("the origin must be three numbers [x, y, yaw]", where=f"{path}, origin")
    if len(origin) == 3 and origin[2] != 0:
        raise SiteError("a rotated map is not known", where=f"{path}, origin", mend="Save the map with yaw 0")
    image = document.get("image")
    if not isinstance(image, str) or not image:
        raise SiteError("the image must be the name of a PGM file", where=f"{path}, image")
    shades = read_pgm(path.parent / image)
    occupancy = shades if document.get("negate", 0) else 1.0 - shades
    cells = np.full(shades.shape, UNKNOWN, dtype=np.int8)
    cells[occupancy > occupied_above] = OCCUPIED
    cells[occupancy < free_below] = FREE
    return OccupancyGrid(
        cells=np.ascontiguousarray(cells[::-1]),
        resolution=resolution,
        origin_x=float(origin[0]),
        origin_y=float(origin[1]),
    )


def read_pgm(path: Path) -> FloatArray:
    """Return the shades of a binary PGM as (H, W), 0 black to 1 white, top row first.

    Raises:
        SiteError: the file is missing or is no binary PGM with up to 255 shades.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SiteError(f"the map image cannot be read: {error.strerror}", where=str(path)) from error
    if data[:2] != b"P5":
        raise SiteError("this is no binary PGM image", where=str(path), mend="Save it as PGM with the magic number P5")
    fields, start = _pgm_header(data)
    if len(fields) < 3:
        raise SiteError("the PGM header is not complete", where=str(path))
    width, height, maximum = fields
    if width < 1 or height < 1 or not 1 <= maximum <= 255:
        raise SiteError(f"width {width}, height {height}, maximum {maximum} are no 8-bit image", where=str(path))
    if len(data) - start < width * height:
        raise SiteError(f"the image ends after {len(data) - start} of {width * height} pixels", where=str(path))
    pixels = np.frombuffer(data, dtype=np.uint8, count=width * height, offset=start)
    return pixels.reshape(height, width) / np.float64(maximum)


def _pgm_header(data: bytes) -> tuple[list[int], int]:
    """Return up to three numbers after the magic one, and the offset of the first pixel."""
    fields: list[int] = []
    position = 2
    while len(fields) < 3 and position < len(data):
        if data[position : position + 1] == b"#":
            end = data.find(b"\n", position)
            position = len(data) if end < 0 else end + 1
        elif data[position : position + 1].isspace():
            position += 1
        else:
            end = position
            while end < len(data) and data[end : end + 1].isdigit():
                end += 1
            if end == position:
                break
            fields.append(int(data[position:end]))
            position = end
    return fields, position + 1


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SiteError(f"the map cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise SiteError("the map is no UTF-8 text", where=str(path)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f":{mark.line + 1}"
        raise SiteError("the map is no valid YAML", where=f"{path}{line}") from error
    if not isinstance(document, dict):
        raise SiteError("the map must be a mapping with image, resolution and origin", where=str(path))
    return document


def _number(path: Path, document: dict[str, Any], name: str) -> float:
    value = document.get(name)
    if not _is_finite(value):
        raise SiteError(f"{name} must be a number", where=f"{path}, {name}")
    return float(value)


def _is_finite(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

"""Where solid shapes begin and end: heights and horizontal sections of SDF geometries."""

import math
from pathlib import Path

import numpy as np

from robot_ops.core.errors import WorldError
from robot_ops.core.poses import FloatArray
from robot_ops.simulation import sdf
from robot_ops.simulation.transforms import Transform

_CIRCLE_POINTS = 24


def obj_vertices(file: Path) -> FloatArray:
    """Return the vertices of a Wavefront OBJ file, (N, 3), in its own unit.

    Raises:
        WorldError: it has no vertices or cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        rows = [[float(word) for word in line.split()[1:4]] for line in lines if line.startswith("v ")]
        vertices: FloatArray = np.array(rows, dtype=np.float64).reshape(-1, 3)
    except (OSError, ValueError) as error:
        raise WorldError(f"is no readable Wavefront OBJ file: {error}", where=str(file)) from error
    if not len(vertices):
        raise WorldError("has no vertices", where=str(file))
    return vertices


def _box_corners(size: sdf.Vector) -> FloatArray:
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    return signs * np.array(size, dtype=np.float64) / 2


def _ring(radius: float) -> FloatArray:
    """Return points around a circle that a polygon through them contains."""
    angles = np.arange(_CIRCLE_POINTS) * (math.tau / _CIRCLE_POINTS)
    outer = radius / math.cos(math.pi / _CIRCLE_POINTS)
    return np.column_stack([outer * np.cos(angles), outer * np.sin(angles)])


def hull_points(geometry: sdf.Geometry) -> FloatArray:
    """Return points, (N, 3) in the shape's frame, whose convex hull holds the shape; empty for planes."""
    match geometry:
        case sdf.Box():
            return _box_corners(geometry.size)
        case sdf.Cylinder() | sdf.Capsule():
            extra = geometry.radius if isinstance(geometry, sdf.Capsule) else 0.0
            ring, half = _ring(geometry.radius), geometry.length / 2 + extra
            return np.vstack([np.column_stack([ring, np.full(len(ring), z)]) for z in (-half, half)])
        case sdf.Sphere():
            heights = np.linspace(-1.0, 1.0, 9) * geometry.radius
            radii = np.sqrt(np.maximum(geometry.radius**2 - heights**2, 0.0))
            return np.vstack(
                [np.column_stack([_ring(r), np.full(_CIRCLE_POINTS, z)]) for r, z in zip(radii, heights, strict=True)]
            )
        case sdf.Plane():
            return np.empty((0, 3))
        case sdf.Mesh():
            return np.asarray(obj_vertices(geometry.file) * np.asarray(geometry.scale), dtype=np.float64)


def placed(geometry: sdf.Geometry, pose: Transform) -> FloatArray:
    """Return the hull's points in the frame that `pose` is given in, (N, 3)."""
    return np.asarray(hull_points(geometry) @ pose.rotation.T + np.asarray(pose.position))


def height_range(geometry: sdf.Geometry, pose: Transform) -> tuple[float, float]:
    """Return the lowest and highest z of a shape, in meters; planes have none: (+inf, -inf)."""
    heights = placed(geometry, pose)[:, 2]
    return (float(heights.min()), float(heights.max())) if len(heights) else (math.inf, -math.inf)


def section(geometry: sdf.Geometry, pose: Transform, height: float) -> FloatArray:
    """Return the convex outline, (N, 2) counter-clockwise, of a shape's section at a height; empty where there is none.

    Meshes count as their convex hull.
    """
    points = placed(geometry, pose)
    below, above = points[points[:, 2] <= height], points[points[:, 2] > height]
    if not len(below) or not len(above):
        return np.empty((0, 2))
    share = (height - below[:, None, 2]) / (above[None, :, 2] - below[:, None, 2])
    crossing = below[:, None, :2] + share[..., None] * (above[None, :, :2] - below[:, None, :2])
    return convex_hull(crossing.reshape(-1, 2))


def convex_hull(points: FloatArray) -> FloatArray:
    """Return the convex hull of (N, 2) points, counter-clockwise (Andrew's monotone chain)."""
    ordered = sorted({(round(float(x), 9), round(float(y), 9)) for x, y in points})
    if len(ordered) < 3:
        return np.array(ordered, dtype=np.float64).reshape(-1, 2)

    def chain(sequence: list[tuple[float, float]]) -> list[tuple[float, float]]:
        hull: list[tuple[float, float]] = []
        for x, y in sequence:
            while len(hull) >= 2:
                (ax, ay), (bx, by) = hull[-2], hull[-1]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                hull.pop()
            hull.append((x, y))
        return hull[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]), dtype=np.float64)

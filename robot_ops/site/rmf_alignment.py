"""Turns the positions of an Open-RMF building map into meters, with all levels above each other.

The reference level's scale comes from its measurements; each other level is laid onto it by the fiducials that both
show, with the turn, scale and shift that fit best in the sense of least squares. Geographic maps become a plane of
meters east and north around their middle.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from robot_ops.site.rmf_documents import BuildingPlan, CoordinateSystem, LevelPlan

ToMeters = Callable[[complex], complex]
"""From a point of the map (x + iy, y north) to meters east + i meters north."""

EQUATORIAL_RADIUS: Final = 6378137.0
"""Meters, of the WGS84 ellipsoid."""
ECCENTRICITY_SQUARED: Final = 6.69437999014e-3
MISFIT: Final = 0.1
"""Meters between fiducials laid onto each other from which on it is worth a note."""


def alignments(plan: BuildingPlan) -> tuple[dict[str, ToMeters], list[str]]:
    """Return per level the way to meters, and notes on what is uncertain about it.

    Raises:
        SiteError: a drawing without a scale.
    """
    match plan.coordinates:
        case CoordinateSystem.REFERENCE_IMAGE:
            return _drawings(plan)
        case CoordinateSystem.CARTESIAN_METERS:
            return dict.fromkeys(plan.levels, _unchanged), []
        case CoordinateSystem.WGS84:
            return _geographic(plan, _unchanged)
        case CoordinateSystem.WEB_MERCATOR:
            return _geographic(plan, _degrees_of_mercator)


def similarity(source: Sequence[complex], target: Sequence[complex]) -> tuple[complex, complex]:
    """Return factor and shift (target = factor * source + shift) with the least squared error.

    Args:
        source: two different points or more; target: as many. As complex numbers: one factor turns and scales.
    """
    center_s, center_t = sum(source) / len(source), sum(target) / len(target)
    spread = sum(abs(s - center_s) ** 2 for s in source)
    factor = sum((s - center_s).conjugate() * (t - center_t) for s, t in zip(source, target, strict=True)) / spread
    return factor, center_t - factor * center_s


def _unchanged(point: complex) -> complex:
    return point


def _linear(factor: complex, shift: complex) -> ToMeters:
    return lambda point: factor * point + shift


def _drawings(plan: BuildingPlan) -> tuple[dict[str, ToMeters], list[str]]:
    notes: list[str] = []
    reference = plan.levels[plan.reference]
    scale = _scale(reference)
    found: dict[str, ToMeters] = {reference.name: _linear(scale, 0)}
    for level in plan.levels.values():
        if level is reference:
            continue
        common = [name for name in reference.fiducials if name in level.fiducials]
        source = [level.fiducials[name] for name in common]
        target = [scale * reference.fiducials[name] for name in common]
        if len(set(source)) < 2:
            shift = target[0] - _scale(level) * source[0] if common else 0j
            found[level.name] = _linear(_scale(level), shift)
            how = "one fiducial" if common else "no fiducial"
            notes.append(f"level '{level.name}' has {how} in common with '{reference.name}'; it was not turned")
            continue
        factor, shift = similarity(source, target)
        found[level.name] = _linear(factor, shift)
        misfit = max(abs(factor * s + shift - t) for s, t in zip(source, target, strict=True))
        if misfit > MISFIT:
            notes.append(
                f"the fiducials of level '{level.name}' fit those of '{reference.name}' to {misfit:.2f} m only"
            )
    return found, notes


def _scale(level: LevelPlan) -> float:
    """Return meters per pixel, the mean over the level's measurements.

    Raises:
        SiteError: no measurement, or one without length.
    """
    ratios = []
    for edge in level.measurements:
        start, end = level.vertices[edge.start], level.vertices[edge.end]
        pixels = math.hypot(end.x - start.x, end.y - start.y)
        distance = edge.parameters.number("distance", least=0.0)
        if pixels <= 0 or distance <= 0:
            raise edge.entry.wrong("the measurement has no length", "Give it two different ends and a distance")
        ratios.append(distance / pixels)
    if not ratios:
        raise level.entry.wrong(
            "the drawing has no measurement, so its scale is unknown", "Add one in rmf_traffic_editor"
        )
    return sum(ratios) / len(ratios)


def _geographic(plan: BuildingPlan, to_degrees: ToMeters) -> tuple[dict[str, ToMeters], list[str]]:
    """Return the plane that touches the ellipsoid in the middle of the lanes; 500 m off it errs by less than 0.1 m."""
    points = [
        to_degrees(complex(level.vertices[index].x, level.vertices[index].y))
        for level in plan.levels.values()
        for lane in level.lanes
        for index in (lane.start, lane.end)
    ]
    origin = sum(points) / len(points) if points else 0j
    sine = math.sin(math.radians(origin.imag))
    across = EQUATORIAL_RADIUS / math.sqrt(1 - ECCENTRICITY_SQUARED * sine**2)
    along = across * (1 - ECCENTRICITY_SQUARED) / (1 - ECCENTRICITY_SQUARED * sine**2)
    east = math.radians(1.0) * across * math.cos(math.radians(origin.imag))
    north = math.radians(1.0) * along

    def to_meters(point: complex) -> complex:
        offset = to_degrees(point) - origin
        return complex(east * offset.real, north * offset.imag)

    note = f"x and y are meters east and north of {origin.real:.6f} E, {origin.imag:.6f} N"
    return dict.fromkeys(plan.levels, to_meters), [note]


def _degrees_of_mercator(point: complex) -> complex:
    """Return longitude and latitude of a point on the 256 x 256 world map (y north, so 0 to -256)."""
    north = math.pi * (128 + point.imag) / 128
    return complex((point.real - 128) / 128 * 180, math.degrees(2 * math.atan(math.exp(north)) - math.pi / 2))


def positions(level: LevelPlan, to_meters: Mapping[str, ToMeters]) -> list[complex]:
    """Return where the level's vertices are, in meters, rounded to tenths of a millimeter."""
    points = (to_meters[level.name](complex(vertex.x, vertex.y)) for vertex in level.vertices)
    return [complex(round(point.real, 4) + 0.0, round(point.imag, 4) + 0.0) for point in points]

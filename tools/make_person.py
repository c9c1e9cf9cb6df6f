"""Writes the meshes of a walking person (sim/models/person/meshes/*.obj), one per color, z up, looking along x.

    python tools/make_person.py

Every limb is a loft: elliptic rings along a line, joined by triangles. Lofts look human enough for the pedestrian
detectors (OpenCV's HOG and the like), which capsules do not.
"""

import itertools
import math
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "sim" / "models" / "person" / "meshes"
SIDES = 10

Ring = tuple[float, float, float, float, float]
"""Center x, y, z and half-widths along x and y, meters."""


@dataclass
class Mesh:
    """Triangles with smooth normals; `winding` is outward, counter-clockwise."""

    vertices: list[tuple[float, float, float]] = field(default_factory=list)
    normals: list[tuple[float, float, float]] = field(default_factory=list)
    faces: list[tuple[int, int, int]] = field(default_factory=list)

    def loft(self, rings: list[Ring]) -> None:
        """Add a closed surface through rings, given from bottom to top."""
        first = len(self.vertices)
        for x, y, z, a, b in rings:
            for side in range(SIDES):
                cos, sin = math.cos(math.tau * side / SIDES), math.sin(math.tau * side / SIDES)
                self.vertices.append((x + a * cos, y + b * sin, z))
                length = math.hypot(cos / a, sin / b)
                self.normals.append((cos / a / length, sin / b / length, 0.0))
        for low in range(len(rings) - 1):
            for side in range(SIDES):
                a, b = first + low * SIDES + side, first + low * SIDES + (side + 1) % SIDES
                self.faces += [(a, b, b + SIDES), (a, b + SIDES, a + SIDES)]
        self._cap(first, rings[0], -1.0)
        self._cap(first + (len(rings) - 1) * SIDES, rings[-1], 1.0)

    def _cap(self, first: int, ring: Ring, up: float) -> None:
        center = len(self.vertices)
        self.vertices.append((ring[0], ring[1], ring[2]))
        self.normals.append((0.0, 0.0, up))
        for side in range(SIDES):
            a, b = first + side, first + (side + 1) % SIDES
            self.faces.append((a, b, center) if up > 0 else (b, a, center))

    def ellipsoid(self, center: tuple[float, float, float], size: tuple[float, float, float]) -> None:
        """Add an ellipsoid with half-axes `size`."""
        rings = []
        for angle in (-80, -55, -28, 0, 28, 55, 80):
            wide, high = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            rings.append((center[0], center[1], center[2] + size[2] * high, size[0] * wide, size[1] * wide))
        self.loft(rings)

    def text(self, name: str) -> str:
        """Return the mesh as Wavefront OBJ."""
        lines = ["# Written by tools/make_person.py", f"o {name}"]
        lines += [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in self.vertices]
        lines += [f"vn {x:.3f} {y:.3f} {z:.3f}" for x, y, z in self.normals]
        lines += ["f " + " ".join(f"{i + 1}//{i + 1}" for i in face) for face in self.faces]
        return "\n".join(lines) + "\n"


def limb(mesh: Mesh, points: list[tuple[float, float, float, float]]) -> None:
    """Add a limb through (x, y, z, radius), given from bottom to top, with a ring between each two."""
    rings: list[Ring] = []
    for (x0, y0, z0, r0), (x1, y1, z1, r1) in itertools.pairwise(points):
        slant = math.hypot(x1 - x0, z1 - z0) / max(abs(z1 - z0), 1e-6)
        for part in (0.0, 0.5):
            radius = r0 + (r1 - r0) * part
            x, y, z = (a + (b - a) * part for a, b in ((x0, x1), (y0, y1), (z0, z1)))
            rings.append((x, y, z, radius * min(slant, 1.5), radius))
    x, y, z, radius = points[-1]
    rings.append((x, y, z, radius, radius))
    mesh.loft(rings)


def person() -> dict[str, Mesh]:
    """Return the parts of a person in mid stride: left leg and right arm in front."""
    shirt, trousers, skin, hair, shoes = (Mesh() for _ in range(5))
    shirt.loft(
        [
            (0.0, 0.0, 0.90, 0.115, 0.165),
            (0.0, 0.0, 1.02, 0.105, 0.150),
            (0.0, 0.0, 1.15, 0.112, 0.160),
            (0.0, 0.0, 1.28, 0.125, 0.185),
            (0.0, 0.0, 1.37, 0.120, 0.205),
            (0.0, 0.0, 1.43, 0.090, 0.165),
            (0.0, 0.0, 1.475, 0.062, 0.075),
        ]
    )
    for side, swing in ((1, -1), (-1, 1)):
        elbow = (0.04 if swing > 0 else -0.12, side * 0.245, 1.11, 0.043)
        wrist = (0.16, side * 0.235, 0.92, 0.034) if swing > 0 else (-0.14, side * 0.25, 0.87, 0.034)
        limb(shirt, [wrist, elbow, (0.0, side * 0.205, 1.37, 0.058)])
        skin.ellipsoid((wrist[0] + 0.025, wrist[1], wrist[2] - 0.05), (0.045, 0.03, 0.07))
    limb(trousers, [(0.18, 0.085, 0.09, 0.048), (0.15, 0.09, 0.50, 0.062), (0.02, 0.085, 0.93, 0.092)])
    limb(trousers, [(-0.20, -0.085, 0.11, 0.048), (-0.04, -0.09, 0.50, 0.062), (-0.01, -0.085, 0.93, 0.092)])
    trousers.loft([(0.0, 0.0, 0.84, 0.09, 0.12), (0.0, 0.0, 0.90, 0.118, 0.168), (0.0, 0.0, 0.96, 0.112, 0.16)])
    shoes.ellipsoid((0.24, 0.085, 0.05), (0.135, 0.048, 0.055))
    shoes.ellipsoid((-0.15, -0.085, 0.06), (0.13, 0.048, 0.06))
    skin.loft([(0.0, 0.0, 1.44, 0.058, 0.058), (0.01, 0.0, 1.54, 0.052, 0.052)])
    skin.ellipsoid((0.02, 0.0, 1.60), (0.095, 0.074, 0.115))
    hair.ellipsoid((-0.01, 0.0, 1.635), (0.1, 0.082, 0.09))
    return {"shirt": shirt, "trousers": trousers, "skin": skin, "hair": hair, "shoes": shoes}


def main() -> None:
    """Write the meshes."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, mesh in person().items():
        (FOLDER / f"{name}.obj").write_text(mesh.text(name), encoding="utf-8")


if __name__ == "__main__":
    main()

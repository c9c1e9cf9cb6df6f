"""The person's meshes are closed, look outward and are what their generator writes."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tools.make_person import FOLDER, person

PARTS = person()


@pytest.mark.parametrize("name", PARTS)
def test_the_committed_mesh_is_what_the_generator_writes(name: str) -> None:
    assert (FOLDER / f"{name}.obj").read_text(encoding="utf-8") == PARTS[name].text(name)


@pytest.mark.parametrize("name", PARTS)
def test_a_mesh_is_closed_and_looks_outward(name: str) -> None:
    mesh = PARTS[name]
    edges = Counter((face[i], face[(i + 1) % 3]) for face in mesh.faces for i in range(3))
    assert all(count == 1 and edges[b, a] == 1 for (a, b), count in edges.items())
    corners = np.array(mesh.vertices)[np.array(mesh.faces)]
    volume = np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6
    assert volume > 0


def test_a_person_stands_on_the_floor_and_is_of_common_height() -> None:
    heights = np.concatenate([np.array(mesh.vertices)[:, 2] for mesh in PARTS.values()])
    assert abs(heights.min()) < 0.02
    assert 1.68 < heights.max() < 1.76


def test_people_are_cheap_to_draw() -> None:
    assert sum(len(mesh.faces) for mesh in PARTS.values()) < 2500
    assert all(Path(path).stat().st_size < 100_000 for path in FOLDER.glob("*.obj"))

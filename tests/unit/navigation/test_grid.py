from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from robot_ops.core.errors import SiteError
from robot_ops.navigation.grid import FREE, OCCUPIED, UNKNOWN, LevelMap, OccupancyGrid, distances_to, load_grid

YAML = """image: map.pgm
resolution: 0.1
origin: [-1.0, 2.0, 0.0]
negate: 0
occupied_thresh: 0.65
free_thresh: 0.196
"""


def write_map(
    folder: Path, text: str = YAML, image: bytes = b"P5\n# made by hand\n3 2\n255\n\xfe\xfe\x00\x00\xcd\xfe"
) -> Path:
    (folder / "map.pgm").write_bytes(image)
    path = folder / "map.yaml"
    path.write_text(text)
    return path


def test_trinary_map_is_read_with_its_top_row_at_the_highest_y(tmp_path: Path) -> None:
    grid = load_grid(write_map(tmp_path))
    assert grid.cells.tolist() == [[OCCUPIED, UNKNOWN, FREE], [FREE, FREE, OCCUPIED]]
    assert (grid.resolution, grid.origin_x, grid.origin_y) == (0.1, -1.0, 2.0)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("resolution: 0.1", "resolution: -1", "resolution"),
        ("resolution: 0.1", "resolution: wide", "resolution must be a number"),
        ("origin: [-1.0, 2.0, 0.0]", "origin: [0, 0, 1.5]", "rotated"),
        ("origin: [-1.0, 2.0, 0.0]", "origin: 3", "origin"),
        ("image: map.pgm", "image: other.pgm", "other.pgm"),
        ("image: map.pgm", "image: [1", "valid YAML"),
        ("free_thresh: 0.196", "free_thresh: 0.9", "thresholds"),
        ("negate: 0", "mode: raw", "mode"),
        (YAML, "- 1", "mapping"),
    ],
)
def test_wrong_map_files_are_told_with_their_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(SiteError, match=words) as caught:
        load_grid(write_map(tmp_path, YAML.replace(old, new)))
    assert str(tmp_path) in caught.value.where


@pytest.mark.parametrize(
    "image",
    [
        b"",
        b"P2\n1 1\n255\n0",
        b"P5\n3 2\n",
        b"P5\n3 2\n255\n\x00",
        b"P5\n3 2\n65535\n" + bytes(12),
        b"P5\n0 0\n255\n",
        b"P5 a",
    ],
)
def test_wrong_images_are_told(tmp_path: Path, image: bytes) -> None:
    with pytest.raises(SiteError):
        load_grid(write_map(tmp_path, image=image))


def test_a_missing_map_is_told(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="cannot be read"):
        load_grid(tmp_path / "none.yaml")


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=60, deadline=None)
def test_distances_are_those_of_brute_force(occupied: np.ndarray) -> None:
    limit = 6
    result = distances_to(occupied, limit)
    rows, columns = np.indices(occupied.shape)
    solid = np.argwhere(occupied)
    expected = np.full(occupied.shape, float(limit))
    for row, column in solid:
        expected = np.minimum(expected, np.hypot(rows - row, columns - column))
    assert np.allclose(result, expected, atol=1e-5)


def test_signed_distances_are_zero_at_a_wall_and_slope_away_from_it() -> None:
    cells = np.zeros((40, 40), dtype=np.int8)
    cells[:, 20:30] = OCCUPIED
    level_map = LevelMap.of(OccupancyGrid(cells=cells, resolution=0.05, origin_x=0.0, origin_y=0.0))
    points = np.array([[0.5, 1.0], [1.0, 1.0], [1.1, 1.0], [9.0, 9.0]])
    distance, slope_x, slope_y = level_map.distances_and_gradients(points)
    assert distance[:3] == pytest.approx([0.5, 0.0, -0.1], abs=0.01)
    assert slope_x[:3] == pytest.approx([-1.0, -1.0, -1.0], abs=0.01)
    assert slope_y == pytest.approx([0.0] * 4, abs=0.01)
    assert distance[3] > 1.0
    assert slope_x[3] == 0.0


@given(st.integers(0, 39), st.integers(0, 39))
def test_cells_and_centers_are_inverse(row: int, column: int) -> None:
    grid = OccupancyGrid(cells=np.zeros((40, 40), dtype=np.int8), resolution=0.05, origin_x=-3.0, origin_y=1.0)
    cell = np.array([[row, column]])
    assert grid.cells_at(grid.centers(cell)).tolist() == cell.tolist()

"""Occupancy maps made from world files."""

from pathlib import Path

import numpy as np
import pytest

from robot_ops.core.resources import shared_folder
from robot_ops.simulation.layout import lay_out
from robot_ops.simulation.mapping import FREE, OCCUPIED, RESOLUTION, UNKNOWN, LevelMap, make_map, write_maps
from robot_ops.simulation.sdf_reader import read_world
from robot_ops.site.files import load_site
from robot_ops.site.model import Site


@pytest.fixture(scope="module", params=["immigration_hall", "airport_crossing", "two_floors"])
def site(request: pytest.FixtureRequest) -> Site:
    return load_site(shared_folder("sites") / f"{request.param}.yaml")


def at(level_map: LevelMap, x: float, y: float) -> int:
    column = int((x - level_map.origin[0]) / RESOLUTION)
    row = level_map.cells.shape[0] - 1 - int((y - level_map.origin[1]) / RESOLUTION)
    return int(level_map.cells[row, column])


def test_committed_maps_are_those_of_the_world(site: Site, tmp_path: Path) -> None:
    """Run `robot_ops.simulation.mapping.write_maps` when the world has changed."""
    committed = shared_folder("sites") / "maps" / site.name
    for made in write_maps(site, tmp_path).values():
        assert (committed / made.name).read_bytes() == made.read_bytes()
        image = made.with_suffix(".pgm").name
        assert (committed / image).read_bytes() == (tmp_path / image).read_bytes()


def test_nodes_and_docks_are_free_walls_are_not(site: Site) -> None:
    assert site.world_file is not None
    layout = lay_out(read_world(site.world_file), site)
    maps = {level.id: make_map(layout, site, level) for level in site.levels.values()}
    for node in site.nodes.values():
        assert at(maps[node.level], node.x, node.y) == FREE, node.id
    for place in site.places.values():
        if place.dock is not None:
            assert at(maps[site.node_of(place.id).level], place.dock.x, place.dock.y) == FREE, place.id
    for door in site.doors.values():
        middle = (np.array(door.start) + np.array(door.end)) / 2
        assert at(maps[door.level], *middle) == FREE
    for level_map in maps.values():
        edge = np.concatenate([level_map.cells[0], level_map.cells[-1], level_map.cells[:, 0], level_map.cells[:, -1]])
        assert (edge == UNKNOWN).all()
        assert (level_map.cells == OCCUPIED).mean() > 0.005

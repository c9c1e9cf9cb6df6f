"""The maps of a site's levels."""

from collections.abc import Iterable

from robot_ops.core.errors import SiteError
from robot_ops.core.ids import LevelId
from robot_ops.navigation.grid import LevelMap, load_grid
from robot_ops.site.model import Level


def load_maps(levels: Iterable[Level]) -> dict[LevelId, LevelMap]:
    """Return the maps of the levels; load them once per process and share them among its robots.

    Raises:
        SiteError: a level has no map, or a map's files are wrong.
    """
    maps = {}
    for level in levels:
        if level.map_file is None:
            raise SiteError("this level has no map", where=f"levels.{level.id}", mend="Give it a map")
        maps[level.id] = LevelMap.of(load_grid(level.map_file))
    return maps

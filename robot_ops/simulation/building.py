"""A world's doors and lifts: their state machines, and the bodies that show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robot_ops.core.errors import StateError
from robot_ops.core.ids import DoorId, LevelId, LiftId
from robot_ops.core.poses import LevelPose
from robot_ops.core.world import DoorPosition, LiftReading
from robot_ops.simulation.devices import Door, Lift
from robot_ops.simulation.layout import Layout, Mover
from robot_ops.simulation.scene import Scene
from robot_ops.simulation.shapes import placed
from robot_ops.site.model import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """A disk on a floor; radius in meters."""

    at: LevelPose
    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A rectangle along the axes of the map; meters."""

    min_x: float
    min_y: float
    max_x: float
    max_y: float

    @classmethod
    def of(cls, mover: Mover) -> "Region":
        """Return the ground that a mover covers at joint position 0."""
        points = [placed(s.shape.geometry, mover.pose_in_world.compose(s.pose)) for s in mover.shapes]
        points = [p for p in points if len(p)]
        if not points:
            x, y, _ = mover.pose_in_world.position
            return cls(min_x=x, min_y=y, max_x=x, max_y=y)
        both = np.vstack(points)
        low, high = both.min(axis=0), both.max(axis=0)
        return cls(min_x=float(low[0]), min_y=float(low[1]), max_x=float(high[0]), max_y=float(high[1]))

    def distance(self, x: float, y: float) -> float:
        """Return the distance of a point, 0 inside."""
        dx = max(self.min_x - x, 0.0, x - self.max_x)
        dy = max(self.min_y - y, 0.0, y - self.max_y)
        return float(np.hypot(dx, dy))


class Building:
    """Doors and lifts of one world.

    Args:
        site: for the levels that lifts serve.
        layout: of the world file.
        scene: whose bodies are moved.
        data: MuJoCo's.
    """

    def __init__(self, site: Site, layout: Layout, scene: Scene, data: Any) -> None:
        self._layout = layout
        self._scene = scene
        self._data = data
        self._doors = {door: Door() for door in layout.doors}
        self._door_levels = {door: site.doors[door].level for door in layout.doors}
        self._door_regions = {door: Region.of(leaf) for door, leaf in layout.doors.items()}
        self._lifts = {
            lift: Lift({level: site.levels[level].elevation for level in site.lifts[lift].stops})
            for lift in layout.lifts
        }
        self._lowest = {
            lift: min(site.levels[level].elevation for level in site.lifts[lift].stops) for lift in layout.lifts
        }
        self._cabins = {lift: Region.of(parts.cabin) for lift, parts in layout.lifts.items()}
        self._lift_regions = {
            (lift, level): Region.of(leaf)
            for lift, parts in layout.lifts.items()
            for level, leaf in parts.doors.items()
        }
        self._shown: dict[int, float] = {}
        self._show()

    def request_door(self, door: DoorId, requester: str, *, is_needed: bool, now_ns: int) -> None:
        """Pass a request on.

        Raises:
            StateError: no such door.
        """
        if door not in self._doors:
            raise StateError(f"there is no door {door!r}")
        self._doors[door].request(requester, is_needed=is_needed, now_ns=now_ns)

    def request_lift(self, lift: LiftId, session: str, level: LevelId, *, is_needed: bool, now_ns: int) -> None:
        """Pass a request on.

        Raises:
            StateError: no such lift or level.
        """
        if lift not in self._lifts:
            raise StateError(f"there is no lift {lift!r}")
        self._lifts[lift].request(session, level, is_needed=is_needed, now_ns=now_ns)

    def door_position(self, door: DoorId) -> DoorPosition:
        """Return where a door's leaf is."""
        if door not in self._doors:
            raise StateError(f"there is no door {door!r}")
        return self._doors[door].position

    def lift_reading(self, lift: LiftId) -> LiftReading:
        """Return where a lift is."""
        if lift not in self._lifts:
            raise StateError(f"there is no lift {lift!r}")
        return self._lifts[lift].reading

    def cabin_at(self, at: LevelPose) -> LiftId | None:
        """Return the lift in whose cabin something stands, if any."""
        for lift, region in self._cabins.items():
            if self._lifts[lift].reading.level == at.level and region.distance(at.pose.x, at.pose.y) == 0.0:
                return lift
        return None

    def advance(self, now_ns: int, duration: float, footprints: Sequence[Footprint]) -> dict[LiftId, float]:
        """Let time pass, in seconds, with disks standing about; return the height of each cabin that moved."""
        for name, door in self._doors.items():
            level = self._door_levels[name]
            is_obstructed = _stands_in(self._door_regions[name], level, footprints) if door.openness > 0 else False
            door.advance(now_ns, duration, is_obstructed=is_obstructed)
        moved: dict[LiftId, float] = {}
        for lift_name, lift in self._lifts.items():
            level, height = lift.reading.level, lift.height
            region = self._lift_regions[lift_name, level]
            is_obstructed = _stands_in(region, level, footprints) if lift.openness(level) > 0 else False
            lift.advance(now_ns, duration, is_obstructed=is_obstructed)
            if lift.height != height:
                moved[lift_name] = lift.height
        self._show()
        return moved

    def _show(self) -> None:
        for door, device in self._doors.items():
            leaf = self._layout.doors[door]
            self._put(self._scene.doors[door], leaf, device.openness * leaf.open_at)
        for lift, parts in self._layout.lifts.items():
            machine = self._lifts[lift]
            self._put(self._scene.cabins[lift], parts.cabin, machine.height - self._lowest[lift])
            for level, leaf in parts.doors.items():
                self._put(self._scene.lift_doors[lift, level], leaf, machine.openness(level) * leaf.open_at)

    def _put(self, mocap: int, mover: Mover, position: float) -> None:
        if self._shown.get(mocap) != position:
            self._shown[mocap] = position
            self._data.mocap_pos[mocap] = mover.pose_at(position).position


def _stands_in(region: Region, level: LevelId, footprints: Sequence[Footprint]) -> bool:
    return any(f.at.level == level and region.distance(f.at.pose.x, f.at.pose.y) < f.radius for f in footprints)


def heights(site: Site) -> Mapping[LevelId, float]:
    """Return the height of each level's floor in meters."""
    return {level.id: level.elevation for level in site.levels.values()}

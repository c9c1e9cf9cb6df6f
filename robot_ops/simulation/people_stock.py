"""The bodies of people: a fixed stock, put where people are and parked far below where there is nobody."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from robot_ops.core.errors import StateError
from robot_ops.core.ids import LevelId
from robot_ops.core.poses import FloatArray
from robot_ops.core.world import PersonPose
from robot_ops.simulation import sdf
from robot_ops.simulation.scene import GROUP_HIDDEN, GROUP_VISIBLE, Scene
from robot_ops.simulation.sdf_reader import read_model
from robot_ops.simulation.transforms import Transform

_PARKED: Final = (0.0, 0.0, -50.0)


class PeopleStock:
    """People as bodies.

    Args:
        scene: with the stock.
        data: MuJoCo's.
        elevations: of the levels' floors, in meters.
    """

    def __init__(self, scene: Scene, data: Any, elevations: Mapping[LevelId, float]) -> None:
        self._scene = scene
        self._data = data
        self._elevations = elevations
        self._level_index = {level: i for i, level in enumerate(elevations)}
        self._bodies: dict[str, int] = {}
        self._free = list(range(len(scene.people)))
        self.people: tuple[PersonPose, ...] = ()
        self.positions: FloatArray = np.empty((0, 2))
        self.levels: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def set(self, people: Sequence[PersonPose]) -> None:
        """Put these people, and nobody else, where they are.

        Raises:
            StateError: there are more people than bodies, or a level is unknown; nobody was moved.
        """
        if len(people) > len(self._scene.people):
            raise StateError(f"{len(people)} people, but the world was made for {len(self._scene.people)}")
        unknown = next((p.at.level for p in people if p.at.level not in self._elevations), None)
        if unknown is not None:
            raise StateError(f"there is no level {unknown!r}")
        present = {p.person for p in people}
        for gone in [p for p in self._bodies if p not in present]:
            self._send_away(self._bodies.pop(gone))
        for person in people:
            body = self._bodies.get(person.person)
            if body is None:
                body = self._bodies[person.person] = self._call(person.kind)
            pose = Transform.from_planar(person.at.pose, self._elevations[person.at.level])
            mocap = self._scene.people[body].mocap
            self._data.mocap_pos[mocap] = pose.position
            self._data.mocap_quat[mocap] = pose.quaternion
        self.people = tuple(people)
        self.positions = np.array([[p.at.pose.x, p.at.pose.y] for p in people]).reshape(-1, 2)
        self.levels = np.array([self._level_index[p.at.level] for p in people], dtype=np.int64)

    def _call(self, kind: str) -> int:
        """Return a free body of a kind, or any where that kind is used up."""
        parts = self._scene.people
        body = next((i for i in self._free if parts[i].kind.startswith(kind)), self._free[0])
        self._free.remove(body)
        self._scene.model.geom_group[parts[body].visual_geoms] = GROUP_VISIBLE
        return body

    def _send_away(self, body: int) -> None:
        self._free.append(body)
        parts = self._scene.people[body]
        self._scene.model.geom_group[parts.visual_geoms] = GROUP_HIDDEN
        self._data.mocap_pos[parts.mocap] = _PARKED


def people_models(world_file: Path) -> list[tuple[str, sdf.Model | None]]:
    """Return the kinds of visitors that the world's models hold, and their bodies."""
    folders = [world_file.resolve().parent.parent / "models", world_file.resolve().parent / "models"]
    found: list[tuple[str, sdf.Model | None]] = [
        (path.name, read_model(path))
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.glob("visitor*"))
    ]
    return found or [("visitor", None)]

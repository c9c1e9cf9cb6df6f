"""Which of a scene's contacts are collisions of robots."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from robot_ops.core.poses import LevelPose
from robot_ops.simulation.devices import DOCKED_DISTANCE
from robot_ops.simulation.encounters import Contact, Hit
from robot_ops.simulation.scene import Scene
from robot_ops.site.model import Site


class Touches:
    """Reads contacts. Touching a lift, or what a robot docks to while it is docked, is no collision.

    Args:
        scene: whose robots, in order, are the rows.
        site: for the docks.
    """

    def __init__(self, scene: Scene, site: Site) -> None:
        self._model = scene.model
        self._lift_bodies = scene.lift_bodies
        self._row_of_body = np.full(scene.model.nbody, -1)
        self._person_of_body = np.full(scene.model.nbody, -1)
        for row, robot in enumerate(scene.robots.values()):
            self._row_of_body[robot.body] = row
        for index, person in enumerate(scene.people):
            self._person_of_body[person.body] = index
        self._docks = [
            LevelPose(level=site.node_of(place.id).level, pose=place.dock)
            for place in site.places.values()
            if place.dock is not None
        ]

    def read(self, data: Any, truths: Sequence[LevelPose]) -> set[Contact]:
        """Return the collisions of this moment.

        Args:
            data: MuJoCo's.
            truths: where the robots are, by row.
        """
        contact = data.contact
        bodies = self._model.geom_bodyid[contact.geom[contact.dist < 0]]
        found: set[Contact] = set()
        for first, second in {(int(a), int(b)) for a, b in bodies}:
            rows = int(self._row_of_body[first]), int(self._row_of_body[second])
            if min(rows) >= 0:
                found.add((Hit.ROBOT, min(rows), max(rows)))
                continue
            row, other = (rows[0], second) if rows[0] >= 0 else (rows[1], first)
            if row < 0:
                continue
            if self._person_of_body[other] >= 0:
                found.add((Hit.PERSON, row, int(self._person_of_body[other])))
            elif other not in self._lift_bodies and not self._is_at_dock(truths[row]):
                found.add((Hit.WORLD, row, other))
        return found

    def _is_at_dock(self, at: LevelPose) -> bool:
        return any(dock.level == at.level and dock.pose.distance_to(at.pose) <= DOCKED_DISTANCE for dock in self._docks)

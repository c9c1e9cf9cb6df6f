"""Operators who carry a robot out of the hall and, when it is repaired, back to its charger."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from robot_ops.core.ids import RobotId
from robot_ops.core.poses import LevelPose
from robot_ops.simulation.invariants.geometry import distance_of, way_of
from robot_ops.simulation.kinematic import charging_pose
from robot_ops.simulation.scheduler import Alarm
from robot_ops.simulation.station import OUT
from robot_ops.tasks.rule_changes import RuleChange, bring_back, take_out

if TYPE_CHECKING:
    from robot_ops.simulation.deterministic import DeterministicRun

_TELLING: Final = (5.0, 60.0)  # s until an operator is back at the console
_AGAIN: Final = 5.0  # s between two looks at whether the robot's place is free
_CLEAR: Final = 0.3  # m to the footprints of others, and to their ways, besides the footprint


class Removal:
    """The removal of one robot, from `begin` until some time after `finish`.

    Args:
        rng: draws how quick the operators are.
        arrival: seconds until somebody comes for the robot.
        tell: changes the traffic rules, sooner or later.
    """

    def __init__(
        self,
        run: "DeterministicRun",
        robot: RobotId,
        rng: np.random.Generator,
        *,
        arrival: float,
        tell: Callable[[RuleChange], None],
    ) -> None:
        self._run = run
        self._station = run.stations[robot]
        self._rng = rng
        self._arrival = arrival
        self._tell = tell
        self._alarm = Alarm(run.scheduler, self._go_on)
        self._is_finished = False

    def begin(self) -> None:
        """Let the robot die where it stands, and somebody come."""
        self._station.break_down()
        self._alarm.wake(self._arrival)

    def finish(self) -> None:
        """Have it repaired; it comes back as soon as there is room for it at its charger."""
        self._is_finished = True
        self._alarm.wake(0.0)

    def _go_on(self) -> None:
        station = self._station
        if not station.is_out:
            station.kill(None)
            station.set_brake(OUT, is_on=True)
            self._run.watcher.ticked(station.robot)
            self._tell_later(take_out([station.robot]))
            if self._is_finished:
                self._alarm.wake(_AGAIN)
            return
        if not self._is_finished:
            return
        place = charging_pose(self._run.site, station.robot)
        if not self._is_free(place):
            self._alarm.wake(_AGAIN)
            return
        station.body.put_down(place)
        station.set_brake(OUT, is_on=False)
        station.repair()
        self._tell_later(bring_back([station.robot]))

    def _tell_later(self, change: RuleChange) -> None:
        self._run.scheduler.after(float(self._rng.uniform(*_TELLING)), lambda: self._tell(change))

    def _is_free(self, place: LevelPose) -> bool:
        """Return whether the fleet will hear the robot at its place, and nobody stands there or is about to."""
        run, site = self._run, self._run.site
        if not run.network.is_good(self._station.robot):
            return False
        for other in run.stations.values():
            if other is self._station or other.is_out:
                continue
            other.advance()
            at = other.body.true_pose
            room = self._station.record.model.radius + other.record.model.radius + _CLEAR
            ways = distance_of(way_of(site, other.held), place.level, place.pose.x, place.pose.y)
            stands = at.pose.distance_to(place.pose) if at.level == place.level else math.inf
            if min(ways, stands) < room:
                return False
        return True

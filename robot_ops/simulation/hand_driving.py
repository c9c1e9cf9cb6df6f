"""An operator who drives a robot by hand: off its lane a little, while nobody else is near, and back."""

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from robot_ops.core.ids import RobotId
from robot_ops.core.poses import Pose
from robot_ops.missions.ports import NavigationStatus
from robot_ops.simulation.scheduler import Alarm

if TYPE_CHECKING:
    from robot_ops.simulation.deterministic import DeterministicRun

_STEP: Final = 0.5  # s between two commands
_REACH: Final = 0.15  # m driven in that time
_FAR: Final = 1.2  # m from where the robot was taken over
_CAREFUL: Final = 1.5  # m to a robot that drives, below which the operator comes no nearer
_APART: Final = 0.4  # m to one that stands
_SIGHT: Final = 1.0  # m between footprints from which on lidars have robots stop
_BESIDE: Final = 0.1  # m beside what a robot sweeps that is in its way, too


class HandDriver:
    """Drives one robot from `begin` until, some time after `finish`, it is back where it was.

    Args:
        rng: draws where to.
    """

    def __init__(self, run: "DeterministicRun", robot: RobotId, rng: np.random.Generator) -> None:
        self._run = run
        self._station = run.stations[robot]
        self._rng = rng
        self._alarm = Alarm(run.scheduler, self._drive)
        self._home: Pose | None = None
        self._heading = 0.0
        self._is_finishing = False

    def begin(self) -> None:
        """Take the robot over, unless it is dead or somebody else has it."""
        station = self._station
        if station.agent is None or station.driver is not None or station.body.is_lost:
            return
        station.advance()
        station.driver = "operator"
        station.set_brake("hand", is_on=True)
        self._home = station.body.true_pose.pose
        self._heading = float(self._rng.uniform(-math.pi, math.pi))
        self._drive()

    def finish(self) -> None:
        """Bring the robot back and let it go."""
        self._is_finishing = True

    def _drive(self) -> None:
        station, home = self._station, self._home
        if home is None:
            return
        if station.is_out:
            self._let_go()
            return
        if station.agent is not None:
            station.agent.note_hand()
            station.wake()
        at = station.body.true_pose.pose
        if self._is_finishing and at.distance_to(home) < 1e-6:
            self._let_go()
            return
        there = self._next(at, home)
        if station.is_running and not station.safety.is_standing and self._is_clear(there):
            station.advance()
            station.body.push(there)
            self._run.watcher.ticked(station.robot)
        self._be_seen()
        self._alarm.wake(_STEP)

    def _next(self, at: Pose, home: Pose) -> Pose:
        if self._is_finishing:
            distance = at.distance_to(home)
            share = min(1.0, _REACH / distance)
            if share >= 1.0:
                return home
            return Pose(x=at.x + share * (home.x - at.x), y=at.y + share * (home.y - at.y), yaw=home.yaw)
        self._heading += float(self._rng.uniform(-0.5, 0.5))
        there = Pose(x=at.x + _REACH * math.cos(self._heading), y=at.y + _REACH * math.sin(self._heading), yaw=home.yaw)
        return there if there.distance_to(home) <= _FAR else at

    def _is_clear(self, there: Pose) -> bool:
        """Return whether nobody who drives is near, and nobody who stands would be touched."""
        here = self._station.body.true_pose
        radius = self._station.record.model.radius
        for other in self._run.stations.values():
            if other is self._station or other.is_out or other.body.true_pose.level != here.level:
                continue
            other.advance()
            at = other.body.true_pose.pose
            room = radius + other.record.model.radius + (_CAREFUL if other.body.speed > 0.0 else _APART)
            distance = at.distance_to(there)
            if distance < room and distance < at.distance_to(here.pose):
                return False
        return True

    def _be_seen(self) -> None:
        """Have robots stop whose lidars see this one in their way, or near while the fleet does not know of it.

        The fleet keeps the others off one that it knows of, but for what they were cleared for and cannot give up.
        """
        here, radius = self._station.body.true_pose, self._station.record.model.radius
        why, is_driven = f"sight of {self._station.robot}", self._home is not None
        is_hidden = is_driven and not self._is_known()
        for other in self._run.stations.values():
            if other is self._station:
                continue
            if is_driven and other.body.status is NavigationStatus.ACTIVE:
                other.advance()
            there = other.body.true_pose
            x, y = here.pose.x - there.pose.x, here.pose.y - there.pose.y
            along = x * math.cos(there.pose.yaw) + y * math.sin(there.pose.yaw)
            beside = abs(y * math.cos(there.pose.yaw) - x * math.sin(there.pose.yaw))
            reach = radius + other.record.model.radius
            is_in_way = is_driven and beside < reach + _BESIDE
            is_near = math.hypot(x, y) < reach + _SIGHT and along > 0.0 and there.level == here.level
            is_seen = is_near and (is_hidden or is_in_way)
            if is_seen != (why in other.body.brakes):
                other.set_brake(why, is_on=is_seen)

    def _is_known(self) -> bool:
        """Return whether the fleet has heard that a person drives the robot: it keeps the others off then."""
        dispatcher = self._run.fleet.dispatcher
        return dispatcher is not None and any(
            view.is_by_hand for view in dispatcher.robots() if view.robot == self._station.robot
        )

    def _let_go(self) -> None:
        self._home = None
        self._be_seen()
        self._station.driver = None
        self._station.set_brake("hand", is_on=False)

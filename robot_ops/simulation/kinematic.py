"""A robot's body without physics: it drives its waypoints at lane speed and stands still for people now and then."""

import itertools
import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from robot_ops.core.ids import LevelId, PlaceId, RobotId
from robot_ops.core.poses import LevelPose, Pose, wrap_angle
from robot_ops.missions.ports import NavigationStatus
from robot_ops.simulation.devices import DOCKED_DISTANCE, Battery
from robot_ops.site.model import Robot, Site
from robot_ops.tasks.routes import Waypoint

_DOCKING_SPEED: Final = 0.2  # m/s, as the docking controller's
_DOCKING_TIME: Final = 3.0  # s to find the tag and align
_PAUSE: Final = (1.0, 5.0)  # s that people stand in the way
_PAUSE_EVERY: Final = 60.0  # m driven between two such pauses, mean
_PATIENCE: Final = 30.0  # s without getting on after which a navigator gives up
_BARRIER: Final = 0.9  # m from the middle of a group of people to the robot's footprint
_INSTANT: Final = 1e-3  # s

Barrier = tuple[LevelId, float, float]
"""Where people bar the way: level, x, y in meters, map frame."""


class KinematicRobot:
    """Implements the ports Navigator and Battery of `robot_ops.missions.ports`.

    Args:
        start: where it stands at first.
        soc: state of charge at the start, 0-1.
        rng: draws where people stand in the way.

    Attributes:
        brakes: what keeps it from moving (a stop, a fault); it moves only while this is empty.
        barriers: people who stand on lanes; it waits before them.
        is_lost: it does not know where it is, and so does not move.
        false_soc: what its gauge tells, None for the truth; NaN for nothing.
        driven: meters so far.
    """

    def __init__(self, robot: Robot, site: Site, *, start: LevelPose, soc: float, rng: np.random.Generator) -> None:
        self._robot = robot
        self._site = site
        self._rng = rng
        self._level = start.level
        self._pose = start.pose
        self._true_pose = start
        self._docked_at: tuple[Pose, LevelId, bool] | None = None
        self._dock = None if site.places[robot.charger].dock is None else charging_pose(site, robot.id)
        self._battery = Battery(robot.model, soc)
        self._status = NavigationStatus.IDLE
        self._way: list[tuple[Pose, float]] = []  # what remains, with the speed towards it
        self._final_yaw: float | None = None
        self._pause = 0.0
        self._until_pause = float(rng.exponential(_PAUSE_EVERY))
        self._share = 0.0  # of the top speed, over the last step
        self._failure = ""
        self._stood = 0.0  # s without getting on
        self.brakes: set[str] = set()
        self.barriers: Sequence[Barrier] = ()
        self.is_lost = False
        self.false_soc: float | None = None
        self.driven = 0.0

    @property
    def status(self) -> NavigationStatus:
        """See Navigator."""
        return self._status

    @property
    def failure(self) -> str:
        """See Navigator."""
        return self._failure

    @property
    def pose(self) -> LevelPose | None:
        """See Navigator."""
        return None if self.is_lost else self.true_pose

    @property
    def true_pose(self) -> LevelPose:
        """Return where the robot is, whether it knows or not."""
        if self._true_pose.pose is not self._pose or self._true_pose.level != self._level:
            self._true_pose = LevelPose(level=self._level, pose=self._pose)
        return self._true_pose

    @property
    def level(self) -> LevelId:
        """Return the level it is on."""
        return self._level

    @property
    def position(self) -> Pose:
        """Return where it is on its level."""
        return self._pose

    @property
    def is_full(self) -> bool:
        """Return whether it stands at its charger and is full: nothing about it changes with time."""
        stands = not self._way and self._status is not NavigationStatus.ACTIVE
        return stands and self._battery.soc >= 1.0 and self._battery.is_charging and self._is_docked()

    @property
    def is_docked(self) -> bool:
        """Return whether it stands at its charger's docked pose."""
        return self._is_docked()

    @property
    def time_to_change(self) -> float:
        """Return the seconds until it is at the next point of its way, or gives up; infinite while it has none."""
        if not self._way:
            return 0.0 if self._status is NavigationStatus.ACTIVE else math.inf
        if self.brakes or self.is_lost:
            return max(_PATIENCE - self._stood, 0.0) + _INSTANT
        target, speed = self._way[0]
        return self._pause + self._pose.distance_to(target) / speed + _INSTANT

    @property
    def speed(self) -> float:
        """Return the mean speed over the last step in m/s."""
        return self._share * self._robot.model.max_speed

    @property
    def soc(self) -> float:
        """See Battery."""
        return self._battery.soc if self.false_soc is None else self.false_soc

    @property
    def is_charging(self) -> bool:
        """See Battery."""
        return self._battery.is_charging

    def follow(self, waypoints: Sequence[Waypoint], *, final_yaw: float | None, speed_limit: float) -> None:
        """See Navigator."""
        top = min(self._robot.model.max_speed, speed_limit)
        points = [(Pose(x=at.x, y=at.y), min(at.speed_limit, top)) for at in waypoints]
        self._way = points[_next_index([pose for pose, _ in points], self._pose) :]
        self._final_yaw = final_yaw
        self._begin()

    def dock(self, place: PlaceId) -> None:
        """See Navigator."""
        dock = self._site.places[place].dock
        self._move_straight(dock if dock is not None else self._site.pose_at(place).pose)

    def undock(self, place: PlaceId) -> None:
        """See Navigator."""
        self._move_straight(self._site.pose_at(place).pose)

    def stop(self) -> None:
        """See Navigator."""
        self._way = []
        self._status = NavigationStatus.IDLE

    def enter_level(self, level: LevelId) -> None:
        """See Navigator."""
        self._level = level

    def push(self, pose: Pose) -> None:
        """Let somebody move it by hand."""
        self.driven += self._pose.distance_to(pose)
        self._pose = pose

    def put_down(self, at: LevelPose) -> None:
        """Let somebody carry it elsewhere."""
        self.stop()
        self._level, self._pose = at.level, at.pose

    def advance(self, duration: float) -> None:
        """Let time pass, in seconds."""
        if duration <= 0.0:
            return
        if not self._way and self._status is not NavigationStatus.ACTIVE:
            self._share = 0.0
            self._battery.advance(duration, drive=0.0, is_docked=self._is_docked())
            return
        remaining = duration
        before = self.driven
        while self._way and remaining > 1e-9 and not (self.brakes or self.is_lost or self._is_barred()):
            remaining = self._advance_towards_next(remaining)
        if self._way:
            self._note_standing(duration, before)
        if not self._way and self._status is NavigationStatus.ACTIVE:
            if self._final_yaw is not None:
                self._pose = Pose(x=self._pose.x, y=self._pose.y, yaw=self._final_yaw)
            self._status = NavigationStatus.SUCCEEDED
        self._share = (self.driven - before) / duration / self._robot.model.max_speed
        self._battery.advance(duration, drive=self._share, is_docked=self._is_docked())

    def _advance_towards_next(self, remaining: float) -> float:
        """Drive, turn or stand for at most `remaining` seconds; return what is left of them."""
        if self._pause > 0.0:
            spent = min(self._pause, remaining)
            self._pause -= spent
            return remaining - spent
        target, speed = self._way[0]
        distance = self._pose.distance_to(target)
        if distance < 1e-6:
            self._way.pop(0)
            return remaining
        heading = math.atan2(target.y - self._pose.y, target.x - self._pose.x)
        turn = abs(wrap_angle(heading - self._pose.yaw)) / self._robot.model.max_yaw_rate
        if speed > _DOCKING_SPEED and turn > 0.5:  # gentle bends are driven, sharp ones turned on the spot
            self._pose = Pose(x=self._pose.x, y=self._pose.y, yaw=heading)
            self._pause = turn
            return remaining
        reach = min(distance, speed * remaining, max(self._until_pause, 1e-3))
        yaw = heading if speed > _DOCKING_SPEED else self._pose.yaw  # docking and undocking keep the heading
        share = reach / distance
        self._stood = 0.0
        self._pose = Pose(
            x=self._pose.x + share * (target.x - self._pose.x),
            y=self._pose.y + share * (target.y - self._pose.y),
            yaw=yaw,
        )
        self._drive(reach)
        return remaining - reach / speed

    def _drive(self, distance: float) -> None:
        self.driven += distance
        self._until_pause -= distance
        if self._until_pause <= 0.0:
            self._pause = float(self._rng.uniform(*_PAUSE))
            self._until_pause = float(self._rng.exponential(_PAUSE_EVERY))

    def _move_straight(self, target: Pose) -> None:
        self._way = [(target, _DOCKING_SPEED)]
        self._final_yaw = target.yaw
        self._pause = _DOCKING_TIME
        self._begin()

    def _begin(self) -> None:
        self._status = NavigationStatus.ACTIVE
        self._failure = ""
        self._stood = 0.0

    def _note_standing(self, duration: float, before: float) -> None:
        """Give up after a while without getting on; what people call a pause is none."""
        if self.driven > before or self._pause > 0.0:
            self._stood = 0.0
            return
        self._stood += duration
        if self._stood >= _PATIENCE:
            self._way, self._stood = [], 0.0
            self._status, self._failure = NavigationStatus.FAILED, "the way is blocked"

    def _is_barred(self) -> bool:
        """Return whether people stand ahead on the way."""
        if not self.barriers:
            return False
        heading = self._way[0][0]
        for level, x, y in self.barriers:
            if level != self._level:
                continue
            near = self._pose.distance_to(Pose(x=x, y=y))
            is_ahead = (heading.x - self._pose.x) * (x - self._pose.x) + (heading.y - self._pose.y) * (
                y - self._pose.y
            ) > 0.0
            if near < _BARRIER + self._robot.model.radius and is_ahead:
                return True
        return False

    def _is_docked(self) -> bool:
        known, dock = self._docked_at, self._dock
        if known is not None and known[0] is self._pose and known[1] == self._level:
            return known[2]
        is_docked = (
            dock is not None and dock.level == self._level and self._pose.distance_to(dock.pose) < DOCKED_DISTANCE
        )
        self._docked_at = self._pose, self._level, is_docked
        return is_docked


def charging_pose(site: Site, robot: RobotId) -> LevelPose:
    """Return the robot's pose at its charger, docked where that can be."""
    charger = site.places[site.robots[robot].charger]
    at = site.pose_at(charger.id)
    return at if charger.dock is None else LevelPose(level=at.level, pose=charger.dock)


def _next_index(points: Sequence[Pose], at: Pose) -> int:
    """Return the index of the first point that still lies ahead, for a robot on or near the polyline."""
    best, index = math.inf, 0
    for number, (start, end) in enumerate(itertools.pairwise(points), start=1):
        dx, dy = end.x - start.x, end.y - start.y
        square = dx * dx + dy * dy
        share = 0.0 if square == 0.0 else ((at.x - start.x) * dx + (at.y - start.y) * dy) / square
        is_before = number == 1 and share < 0.0
        share = min(1.0, max(0.0, share))
        distance = math.hypot(start.x + share * dx - at.x, start.y + share * dy - at.y)
        if distance < best - 1e-9:
            best, index = distance, 0 if is_before else number
    return index if best < 0.5 else 0

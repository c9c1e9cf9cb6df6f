"""A visitor who asks for a guide and follows it, with habits of their own.

The visitor sees and hears what a real one would: where the robots are and what their screens say.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from robot_ops.core.clock import seconds_between
from robot_ops.core.ids import LevelId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.core.poses import Pose
from robot_ops.missions.ports import Announcement, AnnouncementKind
from robot_ops.simulation.crowd import ARRIVAL_RADIUS, Crowd
from robot_ops.simulation.demand import VisitWish
from robot_ops.simulation.scenario import Habits

_WALK: Final = 1.25  # m/s, a relaxed pace (Weidmann 1993 gives 1.34 as the mean of free walkers)
_HURRY: Final = 1.5  # m/s
_GAP: Final = 1.2  # m between a guide and its follower, center to center, the near edge of social space (Hall 1966)
_MEETING_SPOT: Final = Pose(x=0.6, y=0.75)  # where one reads a robot's screen, as seen from the robot
_PATIENCE: Final = 420.0  # s at the kiosk before a visitor gives up


class VisitorState(Enum):
    """What the visitor is up to."""

    COMING = "coming"  # from the entrance to the kiosk
    ASKING = "asking"  # has asked, no answer yet
    WAITING = "waiting"
    FOLLOWING = "following"
    STANDING = "standing"  # stopped for a while on the way
    STRAYING = "straying"  # walked off on the way
    GOING_ON = "going_on"  # from where a guide left them at an exchange to where another one meets them
    SERVED = "served"  # arrived, stays a moment
    LEAVING = "leaving"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class _Temper:
    pace: float
    stand_after: float | None
    stand_for: float
    stray_after: float | None
    stray_to: tuple[float, float]
    comes_back: bool


def _draw_temper(habits: Habits, rng: np.random.Generator) -> _Temper:
    lags, stops, strays, returns = rng.random(4)
    after = rng.uniform(5.0, 15.0, 2)
    angle, reach = rng.uniform(-math.pi, math.pi), rng.uniform(4.0, 6.0)
    return _Temper(
        pace=float(rng.uniform(0.6, 0.75)) if lags < habits.lag else _HURRY,
        stand_after=float(after[0]) if stops < habits.stop else None,
        stand_for=float(rng.uniform(4.0, 10.0)),
        stray_after=float(after[1]) if strays < habits.stray else None,
        stray_to=(reach * math.cos(angle), reach * math.sin(angle)),
        comes_back=bool(returns < 0.75),
    )


class Visitor:
    """One visitor's mind; their body walks in a `Crowd`.

    Args:
        person: their body's name in the crowd.
        wish: where they want to be led from and to.
        level: of the place they are met at.
        kiosk_spot, exit_spot: where they wait and where they leave, meters, map frame.
        rng: draws their habits.

    Attributes:
        level: where they are, or come out next while they are away.
        meets_at: the place where a guide meets them.
        onward: the place that a guide has just told them to go to, until `go_on` says how.
        away_until_ns: when they come out on another level, None while they are on the floor.
    """

    def __init__(
        self,
        person: PersonId,
        wish: VisitWish,
        *,
        level: LevelId,
        kiosk_spot: tuple[float, float],
        exit_spot: tuple[float, float],
        habits: Habits,
        rng: np.random.Generator,
    ) -> None:
        self.person = person
        self.wish = wish
        self.state = VisitorState.COMING
        self.task_id: TaskId | None = None
        self.has_walked_away = False
        self.level = level
        self.meets_at = wish.pickup
        self.onward: PlaceId | None = None
        self.away_until_ns: int | None = None
        self._kiosk_spot = kiosk_spot
        self._exit_spot = exit_spot
        self._temper = _draw_temper(habits, rng)
        self._since_ns = 0
        self._followed = 0.0  # s on the way so far, standing and straying not counted
        self._robot: RobotId | None = None
        self._is_called = False
        self._stray_spot = (0.0, 0.0)

    @property
    def is_at_kiosk(self) -> bool:
        """Return whether the visitor stands at the kiosk or comes to it."""
        return self.state in (VisitorState.COMING, VisitorState.ASKING, VisitorState.WAITING)

    @property
    def is_restless(self) -> bool:
        """Return whether others see soon what the visitor does: walking to the kiosk, or with a robot."""
        if self.state is VisitorState.WAITING:
            return self._robot is not None
        if self.state is VisitorState.GOING_ON:
            return self.away_until_ns is None
        return self.state in (VisitorState.COMING, *_ON_THE_WAY)

    @property
    def can_leave(self) -> bool:
        """Return whether the visitor waits for a guide or follows one."""
        return self.state is VisitorState.WAITING or self.state in _ON_THE_WAY

    def accept(self, task_id: TaskId, now_ns: int) -> None:
        """Take the ticket that the kiosk prints."""
        self.task_id = task_id
        self._enter(VisitorState.WAITING, now_ns)

    def give_up(self, now_ns: int) -> None:
        """Leave; the kiosk refused, or nobody came."""
        self.has_walked_away = True
        self._enter(VisitorState.LEAVING, now_ns)

    def hear(self, robot: RobotId, announcement: Announcement, now_ns: int) -> None:
        """See and hear a robot's screen; only what concerns the visitor's own ticket matters."""
        if self.task_id is None or announcement.task_id != self.task_id:
            return
        match announcement.kind:
            case AnnouncementKind.GREETING if self.state is VisitorState.WAITING:
                self._robot = robot
            case AnnouncementKind.FOLLOW_ME if self.state is VisitorState.WAITING:
                self._robot = robot
                self._enter(VisitorState.FOLLOWING, now_ns)
            case AnnouncementKind.PLEASE_CATCH_UP:
                self._is_called = True
            case AnnouncementKind.ARRIVED if self.state in _ON_THE_WAY:
                self._enter(VisitorState.SERVED, now_ns)
            case AnnouncementKind.ONWARD if self.state in (*_ON_THE_WAY, VisitorState.SERVED):
                self.onward = announcement.place
                self._enter(VisitorState.GOING_ON, now_ns)
            case AnnouncementKind.FAREWELL | AnnouncementKind.SORRY if self.state in _LEADABLE:
                self._enter(VisitorState.LEAVING, now_ns)
            case _:
                pass

    def go_on(self, place: PlaceId, spot: tuple[float, float], level: LevelId, until_ns: int, now_ns: int) -> None:
        """Go to where the next guide comes, which on another level takes until an instant, out of everybody's sight."""
        if level != self.level:
            self.level, self.away_until_ns = level, until_ns
        self.meets_at, self.onward = place, None
        self._kiosk_spot, self._robot, self._is_called = spot, None, False
        self._enter(VisitorState.GOING_ON, now_ns)

    @property
    def comes_out_at(self) -> tuple[float, float]:
        """Return where they come out on the other level, meters, map frame."""
        return self._kiosk_spot

    def come_out(self, now_ns: int) -> None:
        """Be on the other level, and wait there."""
        self.away_until_ns = None
        self._enter(VisitorState.WAITING, now_ns)

    def step(self, now_ns: int, duration: float, crowd: Crowd, robots: dict[RobotId, Pose]) -> bool:
        """Decide and walk for `duration` seconds; True at the moment the visitor presses the kiosk's button."""
        here = crowd.pose(self.person)
        waited = seconds_between(self._since_ns, now_ns)
        robot = robots.get(self._robot) if self._robot else None
        match self.state:
            case VisitorState.COMING:
                crowd.steer(self.person, *self._kiosk_spot, _WALK)
                if _distance(here, self._kiosk_spot) < 2 * ARRIVAL_RADIUS or waited > 60.0:
                    self._enter(VisitorState.ASKING, now_ns)
                    return True
            case VisitorState.ASKING:
                crowd.steer(self.person, *self._kiosk_spot, _WALK)
            case VisitorState.WAITING:
                self._wait(now_ns, waited, crowd, robot)
            case VisitorState.FOLLOWING:
                self._follow(now_ns, duration, crowd, here, robot)
            case VisitorState.STANDING:
                crowd.steer(self.person, here.x, here.y, 0.0)
                if waited > self._temper.stand_for:
                    self._enter(VisitorState.FOLLOWING, now_ns)
            case VisitorState.STRAYING:
                self._stray(now_ns, waited, crowd)
            case VisitorState.GOING_ON:
                crowd.steer(self.person, *self._kiosk_spot, _WALK)
                if _distance(here, self._kiosk_spot) < 2 * ARRIVAL_RADIUS or waited > 120.0:
                    self._enter(VisitorState.WAITING, now_ns)
            case VisitorState.SERVED:
                crowd.steer(self.person, here.x, here.y, 0.0)
                if waited > 30.0:
                    self._enter(VisitorState.LEAVING, now_ns)
            case VisitorState.LEAVING:
                crowd.steer(self.person, *self._exit_spot, _WALK)
                if _distance(here, self._exit_spot) < 4 * ARRIVAL_RADIUS or waited > 120.0:
                    self._enter(VisitorState.GONE, now_ns)
            case VisitorState.GONE:
                pass
        return False

    def _wait(self, now_ns: int, waited: float, crowd: Crowd, robot: Pose | None) -> None:
        if waited > _PATIENCE:
            self.give_up(now_ns)
        elif robot is None:
            crowd.steer(self.person, *self._kiosk_spot, _WALK)
        else:
            spot = robot.compose(_MEETING_SPOT)
            crowd.steer(self.person, spot.x, spot.y, _WALK)

    def _follow(self, now_ns: int, duration: float, crowd: Crowd, here: Pose, robot: Pose | None) -> None:
        self._followed += duration
        if self._temper.stand_after is not None and self._followed > self._temper.stand_after:
            self._temper = _without_stand(self._temper)
            self._enter(VisitorState.STANDING, now_ns)
        elif self._temper.stray_after is not None and self._followed > self._temper.stray_after:
            self._temper = _without_stray(self._temper)
            self._stray_spot = (here.x + self._temper.stray_to[0], here.y + self._temper.stray_to[1])
            self._is_called = False
            self._enter(VisitorState.STRAYING, now_ns)
        elif robot is not None:
            gap = math.hypot(robot.x - here.x, robot.y - here.y)
            speed = min(self._temper.pace, max(0.0, 0.9 * (gap - _GAP) + 0.4))
            crowd.steer(self.person, *_short_of(robot, here, _GAP), speed)

    def _stray(self, now_ns: int, waited: float, crowd: Crowd) -> None:
        crowd.steer(self.person, *self._stray_spot, _WALK)
        if waited < 8.0:
            return
        if not self._temper.comes_back:
            self.give_up(now_ns)
        elif self._is_called or waited > 20.0:
            self._enter(VisitorState.FOLLOWING, now_ns)

    def _enter(self, state: VisitorState, now_ns: int) -> None:
        self.state, self._since_ns = state, now_ns


_ON_THE_WAY: Final = (VisitorState.FOLLOWING, VisitorState.STANDING, VisitorState.STRAYING)
_LEADABLE: Final = (*_ON_THE_WAY, VisitorState.WAITING, VisitorState.SERVED)


def _without_stand(temper: _Temper) -> _Temper:
    return _Temper(temper.pace, None, temper.stand_for, temper.stray_after, temper.stray_to, temper.comes_back)


def _without_stray(temper: _Temper) -> _Temper:
    return _Temper(temper.pace, temper.stand_after, temper.stand_for, None, temper.stray_to, temper.comes_back)


def _distance(here: Pose, spot: tuple[float, float]) -> float:
    return math.hypot(spot[0] - here.x, spot[1] - here.y)


def _short_of(robot: Pose, here: Pose, gap: float) -> tuple[float, float]:
    """Return the point at `gap` meters from the robot, on the line from it to the person."""
    dx, dy = here.x - robot.x, here.y - robot.y
    distance = math.hypot(dx, dy)
    if distance < 1e-6:
        return robot.x + gap, robot.y
    return robot.x + gap * dx / distance, robot.y + gap * dy / distance

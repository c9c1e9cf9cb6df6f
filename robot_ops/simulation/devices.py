"""Doors, lifts and batteries: pure state machines, the same in every kind of simulation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import StateError
from robot_ops.core.ids import LevelId
from robot_ops.core.world import BatteryReading, DoorPosition, LiftReading
from robot_ops.site.model import RobotModel

DOCKED_DISTANCE: Final = 0.15
"""A robot charges within this distance of its charger's docked pose, in meters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorTiming:
    """How a door moves, in seconds: how long from closed to open, and how long it stays open after the last request."""

    travel: float = 2.0
    hold: float = 3.0


class Leaf:
    """A leaf that slides between closed (0) and open (1); it reopens rather than close on something.

    Args:
        travel: from closed to open, in seconds.
    """

    def __init__(self, travel: float) -> None:
        if travel <= 0:
            raise ValueError(f"a leaf needs time to move: {travel} s")
        self._travel = travel
        self.openness = 0.0

    @property
    def position(self) -> DoorPosition:
        """Return where the leaf is."""
        if self.openness <= 0.0:
            return DoorPosition.CLOSED
        return DoorPosition.OPEN if self.openness >= 1.0 else DoorPosition.MOVING

    def move(self, duration: float, *, is_opening: bool, is_obstructed: bool) -> None:
        """Let time pass, in seconds. A closed leaf cannot be obstructed."""
        if is_opening or (is_obstructed and self.openness > 0.0):
            self.openness = min(1.0, self.openness + duration / self._travel)
        else:
            self.openness = max(0.0, self.openness - duration / self._travel)


class Door:
    """An automatic door: open while somebody needs it, closing a while after the last request."""

    def __init__(self, timing: DoorTiming | None = None) -> None:
        self._timing = timing or DoorTiming()
        self._leaf = Leaf(self._timing.travel)
        self._asked: dict[str, int] = {}

    @property
    def openness(self) -> float:
        """Return how far the leaf is open, 0-1."""
        return self._leaf.openness

    @property
    def position(self) -> DoorPosition:
        """Return where the leaf is."""
        return self._leaf.position

    @property
    def is_resting(self) -> bool:
        """Return whether it is closed and nobody needs it."""
        return not self._asked and self._leaf.position is DoorPosition.CLOSED

    def request(self, requester: str, *, is_needed: bool, now_ns: int) -> None:
        """Note that somebody needs the door, or no longer does; requests are repeated while it is needed."""
        if is_needed:
            self._asked[requester] = now_ns
        else:
            self._asked.pop(requester, None)

    def advance(self, now_ns: int, duration: float, *, is_obstructed: bool) -> None:
        """Let time pass.

        Args:
            now_ns: the instant reached.
            duration: since the last call, in seconds.
            is_obstructed: something stands in the doorway.
        """
        oldest = now_ns - to_ns(self._timing.hold)
        self._asked = {who: at for who, at in self._asked.items() if at >= oldest}
        self._leaf.move(duration, is_opening=bool(self._asked), is_obstructed=is_obstructed)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftTiming:
    """How a lift moves.

    Attributes:
        speed: of the cabin, m/s.
        travel: of its doors from closed to open, seconds.
        hold: how long doors stay open without a session, seconds.
        session: how long a session lasts without its holder's requests, seconds.
    """

    speed: float = 1.0
    travel: float = 2.0
    hold: float = 4.0
    session: float = 10.0


class Lift:
    """A lift for one robot at a time. The cabin moves only while all doors are closed.

    Args:
        stops: height of the cabin's floor at each level it serves, in meters; it starts at the first.
    """

    def __init__(self, stops: Mapping[LevelId, float], timing: LiftTiming | None = None) -> None:
        if not stops:
            raise ValueError("a lift needs a stop")
        self._timing = timing or LiftTiming()
        self._stops = dict(stops)
        self._level = next(iter(stops))
        self._wanted = self._level
        self._session = ""
        self._asked_ns = 0
        self._hold_until_ns = 0
        self._leaf = Leaf(self._timing.travel)
        self.height = self._stops[self._level]

    @property
    def levels(self) -> tuple[LevelId, ...]:
        """Return the levels it serves."""
        return tuple(self._stops)

    @property
    def is_moving(self) -> bool:
        """Return whether the cabin is between two stops."""
        return self.height != self._stops[self._level]

    @property
    def is_resting(self) -> bool:
        """Return whether nothing moves and nobody holds it."""
        is_there = self._wanted == self._level and not self.is_moving
        return is_there and not self._session and self._leaf.position is DoorPosition.CLOSED

    @property
    def reading(self) -> LiftReading:
        """Return what everybody is told."""
        is_open = self._leaf.position is DoorPosition.OPEN and not self.is_moving
        return LiftReading(level=self._level, is_open=is_open, session=self._session)

    def openness(self, level: LevelId) -> float:
        """Return how far the door of a level is open, 0-1."""
        return self._leaf.openness if level == self._level else 0.0

    def request(self, session: str, level: LevelId, *, is_needed: bool, now_ns: int) -> None:
        """Ask for the lift, or end the session; refused, silently, while somebody else holds it.

        Raises:
            StateError: the lift does not serve the level.
        """
        if level not in self._stops:
            raise StateError(f"the lift does not serve level {level!r}")
        if not session or self._session not in ("", session):
            return
        if is_needed:
            self._session, self._wanted, self._asked_ns = session, level, now_ns
        elif self._session:
            self._session = ""
            self._hold_until_ns = now_ns + to_ns(self._timing.hold)

    def advance(self, now_ns: int, duration: float, *, is_obstructed: bool) -> None:
        """Let time pass.

        Args:
            now_ns: the instant reached.
            duration: since the last call, in seconds.
            is_obstructed: something stands in the doorway of the level the cabin is at.
        """
        if self._session and now_ns - self._asked_ns > to_ns(self._timing.session):
            self._session = ""
            self._hold_until_ns = now_ns + to_ns(self._timing.hold)
        is_elsewhere = self._wanted != self._level or self.is_moving
        if is_elsewhere and self._leaf.position is DoorPosition.CLOSED:
            self._travel(duration)
            return
        is_wanted_here = bool(self._session) and self._wanted == self._level
        is_held = now_ns < self._hold_until_ns and self._wanted == self._level and self._leaf.openness > 0.0
        self._leaf.move(duration, is_opening=is_wanted_here or is_held, is_obstructed=is_obstructed)

    def _travel(self, duration: float) -> None:
        goal = self._stops[self._wanted]
        reach = self._timing.speed * duration
        if abs(goal - self.height) <= reach:
            self.height = goal
            self._level = self._wanted
        else:
            self.height += reach if goal > self.height else -reach


class Battery:
    """A battery as its gauge tells: charge counted in watt hours, voltage by a straight line.

    Args:
        soc: state of charge at the start, 0-1.
    """

    EMPTY_V: Final = 22.0  # a 7-cell lithium-ion pack, discharged to 3.15 V and charged to 4.15 V per cell
    FULL_V: Final = 29.0
    CHARGER_V: Final = 0.4

    def __init__(self, model: RobotModel, soc: float) -> None:
        if not 0.0 <= soc <= 1.0:
            raise ValueError(f"a state of charge is 0-1, not {soc}")
        self._model = model
        self._soc = soc
        self._is_charging = False

    @property
    def reading(self) -> BatteryReading:
        """Return what the gauge tells."""
        voltage = self.EMPTY_V + (self.FULL_V - self.EMPTY_V) * self._soc + (self.CHARGER_V if self._is_charging else 0)
        return BatteryReading(soc=self._soc, is_charging=self._is_charging, voltage=voltage)

    @property
    def soc(self) -> float:
        """Return the state of charge, 0-1."""
        return self._soc

    @property
    def is_charging(self) -> bool:
        """Return whether current flows into it."""
        return self._is_charging

    def advance(self, duration: float, *, drive: float, is_docked: bool) -> None:
        """Let time pass.

        Args:
            duration: in seconds.
            drive: share of the top speed driven, 0-1.
            is_docked: at its charger.
        """
        self._is_charging = is_docked
        watts = self._model.idle_w + self._model.drive_w * drive - (self._model.charge_w if is_docked else 0.0)
        self._soc = min(1.0, max(0.0, self._soc - watts * duration / 3600.0 / self._model.battery_wh))

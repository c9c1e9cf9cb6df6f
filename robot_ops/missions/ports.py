"""What missions need from the outside: the robot's body, its people sense, its panel and its fleet.

Implementations: `robot_ops.ros_nodes` on a live robot, `robot_ops.simulation` in deterministic runs. All are called
from one thread, at the tick; none blocks. Commands start something, properties tell how it stands at this tick.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from robot_ops.core.ids import DoorId, LevelId, LiftId, PersonId, PlaceId, TaskId
from robot_ops.core.poses import LevelPose
from robot_ops.core.world import CompartmentReading
from robot_ops.tasks.orders import MissionReport
from robot_ops.tasks.routes import RouteProgress, Waypoint


class NavigationStatus(Enum):
    """How the latest command to the navigator stands."""

    IDLE = "idle"
    ACTIVE = "active"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Navigator(Protocol):
    """Drives the robot (nav2_msgs NavigateThroughPoses and docking on a live robot)."""

    @property
    def status(self) -> NavigationStatus:
        """Return how the latest `follow` or `dock` stands."""
        ...

    @property
    def failure(self) -> str:
        """Return why the latest command failed, or an empty text."""
        ...

    @property
    def pose(self) -> LevelPose | None:
        """Return the robot's pose in the map, None while it is not localized."""
        ...

    def follow(self, waypoints: Sequence[Waypoint], *, final_yaw: float | None, speed_limit: float) -> None:
        """Drive along the waypoints, all on the robot's level, and stop at the last.

        A new call replaces the way without a stop in between. `final_yaw` in radians, None for any; `speed_limit`
        in m/s.
        """
        ...

    def dock(self, place: PlaceId) -> None:
        """Drive from the place's node to its docked pose, measuring by the place's tag."""
        ...

    def undock(self, place: PlaceId) -> None:
        """Drive back from the docked pose to the place's node."""
        ...

    def stop(self) -> None:
        """Give up the latest command; the robot brakes and stands."""
        ...

    def enter_level(self, level: LevelId) -> None:
        """Tell that the lift has carried the robot to another level; x, y and yaw are kept."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonTrack:
    """A person near the robot.

    Attributes:
        track_id: stays the same as long as the person is tracked.
        x, y: in the map frame of the robot's level, meters; vx, vy in m/s.
        stamp_ns: capture instant of the last measurement, nanoseconds.
        is_confirmed: seen by more than one sensor or for long enough.
    """

    track_id: int
    x: float
    y: float
    vx: float
    vy: float
    stamp_ns: int
    is_confirmed: bool


class PeopleSource(Protocol):
    """Who is near."""

    @property
    def tracks(self) -> tuple[PersonTrack, ...]:
        """Return the people tracked now, in order of `track_id`. Consumers check stamps against a maximum age."""
        ...


class AnnouncementKind(Enum):
    """What the robot tells the people around it; the screen's text comes with it."""

    IDLE = "idle"
    ON_THE_WAY = "on_the_way"
    GREETING = "greeting"  # at the kiosk: this robot is for you
    FOLLOW_ME = "follow_me"
    PLEASE_CATCH_UP = "please_catch_up"
    ARRIVED = "arrived"
    ONWARD = "onward"  # at an exchange: another guide meets you there
    FAREWELL = "farewell"
    AUTHENTICATE = "authenticate"  # at a desk: enter your code
    LOAD = "load"
    UNLOAD = "unload"
    THANK_YOU = "thank_you"
    SORRY = "sorry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What stands on the robot's screen and is spoken.

    Attributes:
        language: BCP 47 code; `place` is the place it speaks of, if any.
    """

    kind: AnnouncementKind
    text: str
    language: str = "en"
    task_id: TaskId | None = None
    place: PlaceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelEntry:
    """Somebody at the robot's panel typed a code.

    Attributes:
        entry_seq: raised by one with every entry, so that each is judged once.
    """

    entry_seq: int
    person: PersonId
    code: str


class Panel(Protocol):
    """The robot's screen, speaker and buttons."""

    def announce(self, announcement: Announcement) -> None:
        """Show and speak it; the same announcement again is not repeated."""
        ...

    @property
    def entry(self) -> PanelEntry | None:
        """Return the latest code entry since `clear`, or None."""
        ...

    @property
    def is_confirmed(self) -> bool:
        """Return whether somebody pressed the button "done" since `clear`."""
        ...

    def answer(self, entry_seq: int, is_granted: bool, text: str) -> None:
        """Tell the person what became of their entry."""
        ...

    def clear(self) -> None:
        """Forget entries and button presses; called before people are asked for a new one."""
        ...


class Compartments(Protocol):
    """The lockable compartments. Whoever unlocks must hold a durable custody record first."""

    def state(self, compartment: str) -> CompartmentReading | None:
        """Return the latest state, None while it is unknown."""
        ...

    def unlock(self, compartment: str) -> None:
        """Unlock; the lid springs open. Repeating it does nothing."""
        ...

    def lock(self, compartment: str) -> None:
        """Lock as soon as the lid is closed. Repeating it does nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftState:
    """Where a lift is. `level` is the one its doors are open at, None while they are not open."""

    level: LevelId | None
    session: str


class Building(Protocol):
    """Doors and lifts. Requests are repeated by the adapter until they are released."""

    def request_door(self, door: DoorId) -> None:
        """Ask for the door to be open."""
        ...

    def release_door(self, door: DoorId) -> None:
        """Let the door close."""
        ...

    def is_door_open(self, door: DoorId) -> bool:
        """Return whether the door is fully open."""
        ...

    def request_lift(self, lift: LiftId, level: LevelId) -> None:
        """Ask for the lift's doors to be open at the level; holds the lift for this robot until released."""
        ...

    def release_lift(self, lift: LiftId) -> None:
        """End the hold."""
        ...

    def lift_state(self, lift: LiftId) -> LiftState | None:
        """Return the state; `session` is the id of the robot that holds it; None while it is unknown."""
        ...


class Battery(Protocol):
    """The robot's battery."""

    @property
    def soc(self) -> float:
        """Return the state of charge, 0-1, NaN while unmeasured."""
        ...

    @property
    def is_charging(self) -> bool:
        """Return whether current flows in."""
        ...


class FleetLink(Protocol):
    """The way to the fleet. Nothing here waits; lost messages are repeated by the caller's next one."""

    def send_progress(self, progress: RouteProgress) -> None:
        """Send where the robot is on its route and what it wants."""
        ...

    def send_report(self, report: MissionReport) -> None:
        """Send how the mission stands."""
        ...

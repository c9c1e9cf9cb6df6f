"""A kinematic robot body with a door, a lift, compartments and a panel, for tests of missions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from robot_ops.core.clock import Clock
from robot_ops.core.errors import LedgerError
from robot_ops.core.ids import DoorId, LevelId, LiftId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.core.world import CompartmentReading
from robot_ops.missions.ports import (
    Announcement,
    AnnouncementKind,
    LiftState,
    NavigationStatus,
    PanelEntry,
    PersonTrack,
)
from robot_ops.site.model import Site
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, link
from robot_ops.tasks.orders import MissionReport
from robot_ops.tasks.routes import RouteProgress, Waypoint

DOCK_SPEED = 0.2  # m/s


class FakeNavigator:
    """Moves in straight lines without inertia; `fail_next` commands fail at once with the text.

    Attributes:
        driven_to: the last waypoint of every `follow`, in order.
    """

    def __init__(self, site: Site, at: LevelPose | None) -> None:
        self._site = site
        self._at = at
        self._targets: list[tuple[float, float, float]] = []  # x, y, speed
        self._final_yaw: float | None = None
        self._status = NavigationStatus.IDLE
        self._failure = ""
        self.fail_next: list[str] = []
        self.driven_to: list[Waypoint] = []
        self.stops = 0

    @property
    def status(self) -> NavigationStatus:
        """Return how the latest command stands."""
        return self._status

    @property
    def failure(self) -> str:
        """Return why it failed."""
        return self._failure

    @property
    def pose(self) -> LevelPose | None:
        """Return the true pose."""
        return self._at

    def place_at(self, at: LevelPose | None) -> None:
        """Carry the robot away, or take its localization."""
        self._at = at

    def follow(self, waypoints: Sequence[Waypoint], *, final_yaw: float | None, speed_limit: float) -> None:
        """Start driving."""
        if self._at is None or any(waypoint.level != self._at.level for waypoint in waypoints) or not waypoints:
            raise ValueError("waypoints must be some, all on the robot's level")
        self.driven_to.append(waypoints[-1])
        self._start([(w.x, w.y, min(w.speed_limit, speed_limit)) for w in waypoints], final_yaw)

    def dock(self, place: PlaceId) -> None:
        """Start docking."""
        dock = self._site.places[place].dock
        if dock is None:
            raise ValueError(f"nothing to dock to at {place}")
        self._start([(dock.x, dock.y, DOCK_SPEED)], dock.yaw)

    def undock(self, place: PlaceId) -> None:
        """Start undocking."""
        node = self._site.node_of(place)
        self._start([(node.x, node.y, DOCK_SPEED)], None)

    def stop(self) -> None:
        """Stand still."""
        self._targets, self._status = [], NavigationStatus.IDLE
        self.stops += 1

    def enter_level(self, level: LevelId) -> None:
        """Be on another level."""
        if self._at is not None:
            self._at = replace(self._at, level=level)
        self._targets, self._status = [], NavigationStatus.IDLE

    def step(self, dt: float) -> None:
        """Move on by a duration in seconds."""
        if self._status is not NavigationStatus.ACTIVE or self._at is None:
            return
        x, y, yaw = self._at.pose.x, self._at.pose.y, self._at.pose.yaw
        while dt > 0.0 and self._targets:
            tx, ty, speed = self._targets[0]
            distance = math.hypot(tx - x, ty - y)
            share = 1.0 if distance <= speed * dt else speed * dt / distance
            if distance > 1e-6:
                yaw = math.atan2(ty - y, tx - x)
            x, y = x + share * (tx - x), y + share * (ty - y)
            dt -= share * distance / speed if share == 1.0 else dt
            if share == 1.0:
                self._targets.pop(0)
        if not self._targets:
            self._status = NavigationStatus.SUCCEEDED
            yaw = yaw if self._final_yaw is None else self._final_yaw
        self._at = LevelPose(level=self._at.level, pose=Pose(x=x, y=y, yaw=yaw))

    def _start(self, targets: list[tuple[float, float, float]], final_yaw: float | None) -> None:
        self._targets, self._final_yaw = targets, final_yaw
        self._status, self._failure = NavigationStatus.ACTIVE, ""
        if self.fail_next:
            self._targets, self._status, self._failure = [], NavigationStatus.FAILED, self.fail_next.pop(0)


@dataclass(slots=True)
class FakeBuilding:
    """One robot's doors and lifts; they take `door_time` and `lift_time` seconds.

    Attributes:
        log: every command, in order.
    """

    robot: RobotId
    door_time: float = 3.0
    lift_time: float = 8.0
    is_stuck: bool = False
    log: list[str] = field(default_factory=list)
    _doors: dict[DoorId, float] = field(default_factory=dict)
    _lifts: dict[LiftId, tuple[LevelId, float]] = field(default_factory=dict)

    def request_door(self, door: DoorId) -> None:
        """Begin to open."""
        self.log.append(f"request {door}")
        self._doors.setdefault(door, self.door_time)

    def release_door(self, door: DoorId) -> None:
        """Close."""
        self.log.append(f"release {door}")
        self._doors.pop(door, None)

    def is_door_open(self, door: DoorId) -> bool:
        """Return whether it is open."""
        return self._doors.get(door, math.inf) <= 0.0

    def request_lift(self, lift: LiftId, level: LevelId) -> None:
        """Begin to move."""
        self.log.append(f"request {lift} to {level}")
        if lift not in self._lifts or self._lifts[lift][0] != level:
            self._lifts[lift] = (level, self.lift_time)

    def release_lift(self, lift: LiftId) -> None:
        """End the hold."""
        self.log.append(f"release {lift}")
        self._lifts.pop(lift, None)

    def lift_state(self, lift: LiftId) -> LiftState | None:
        """Return the state."""
        if lift not in self._lifts:
            return LiftState(level=None, session="")
        level, remaining = self._lifts[lift]
        return LiftState(level=level if remaining <= 0.0 else None, session=self.robot)

    def step(self, dt: float) -> None:
        """Move doors and lifts."""
        if self.is_stuck:
            return
        self._doors = {door: remaining - dt for door, remaining in self._doors.items()}
        self._lifts = {lift: (level, remaining - dt) for lift, (level, remaining) in self._lifts.items()}


class FakeCompartments:
    """Compartments whose lids spring open when they are unlocked.

    Attributes:
        log: every command that changed something, in order.
    """

    def __init__(self, compartments: Sequence[str]) -> None:
        self._states = {c: CompartmentReading(is_locked=True, is_closed=True, is_occupied=False) for c in compartments}
        self._to_lock: set[str] = set()
        self.log: list[str] = []

    def state(self, compartment: str) -> CompartmentReading | None:
        """Return the state."""
        return self._states.get(compartment)

    def unlock(self, compartment: str) -> None:
        """Unlock and open."""
        self._to_lock.discard(compartment)
        if self._states[compartment].is_locked:
            self.log.append(f"unlock {compartment}")
            self._states[compartment] = replace(self._states[compartment], is_locked=False, is_closed=False)

    def lock(self, compartment: str) -> None:
        """Lock as soon as it is closed."""
        self._to_lock.add(compartment)
        self._settle()

    def use(self, compartment: str, *, is_occupied: bool, is_closed: bool = True) -> None:
        """Put something in or take it out, and close the lid or not."""
        if self._states[compartment].is_locked:
            raise ValueError(f"compartment {compartment} is locked")
        state = replace(self._states[compartment], is_occupied=is_occupied, is_closed=is_closed)
        self._states[compartment] = state
        self._settle()

    def empty_by_key(self, compartment: str) -> None:
        """Take out what lies inside, whatever the lock says, and leave it locked."""
        state = self._states[compartment]
        self._states[compartment] = replace(state, is_occupied=False, is_closed=True, is_locked=True)

    def _settle(self) -> None:
        for compartment in sorted(self._to_lock):
            state = self._states[compartment]
            if state.is_closed and not state.is_locked:
                self.log.append(f"lock {compartment}")
                self._states[compartment] = replace(state, is_locked=True)


class FakePanel:
    """A screen that keeps what was shown, and buttons a test presses."""

    def __init__(self) -> None:
        self.shown: list[Announcement] = []
        self.answers: list[tuple[int, bool, str]] = []
        self._entry: PanelEntry | None = None
        self._seq = 0
        self._is_confirmed = False

    def announce(self, announcement: Announcement) -> None:
        """Show it."""
        if not self.shown or self.shown[-1] != announcement:
            self.shown.append(announcement)

    @property
    def kinds(self) -> list[AnnouncementKind]:
        """Return the kinds of what was shown, in order."""
        return [announcement.kind for announcement in self.shown]

    @property
    def entry(self) -> PanelEntry | None:
        """Return the latest code entry."""
        return self._entry

    @property
    def is_confirmed(self) -> bool:
        """Return whether "done" was pressed."""
        return self._is_confirmed

    def answer(self, entry_seq: int, is_granted: bool, text: str) -> None:
        """Keep the answer."""
        self.answers.append((entry_seq, is_granted, text))

    def clear(self) -> None:
        """Forget entries and presses."""
        self._entry, self._is_confirmed = None, False

    def type_code(self, person: str, code: str) -> int:
        """Type a code; returns the entry's number."""
        self._seq += 1
        self._entry = PanelEntry(entry_seq=self._seq, person=PersonId(person), code=code)
        return self._seq

    def press_done(self) -> None:
        """Press the button."""
        self._is_confirmed = True


@dataclass(slots=True)
class FakePeople:
    """The tracks a test sets."""

    tracks: tuple[PersonTrack, ...] = ()


@dataclass(slots=True)
class FakeBattery:
    """A battery a test sets."""

    soc: float = 0.8
    is_charging: bool = False


@dataclass(slots=True)
class FakeFleet:
    """Keeps what the robot sent."""

    progress: list[RouteProgress] = field(default_factory=list)
    reports: list[MissionReport] = field(default_factory=list)

    def send_progress(self, progress: RouteProgress) -> None:
        """Keep it."""
        self.progress.append(progress)

    def send_report(self, report: MissionReport) -> None:
        """Keep it."""
        self.reports.append(report)


class MemoryCustodyLog:
    """Implements `robot_ops.tasks.custody.CustodyLog` in a list; fails while `is_broken` or full."""

    def __init__(self, robot: RobotId) -> None:
        self._robot = robot
        self._events: list[CustodyEvent] = []
        self.is_broken = False
        self.capacity = 1_000_000

    def record(
        self, *, kind: CustodyKind, task_id: TaskId, person: PersonId, compartment: str, stamp_ns: int
    ) -> CustodyEvent:
        """Append an event.

        Raises:
            LedgerError: while it is broken or full.
        """
        if self.is_broken or len(self._events) >= self.capacity:
            raise LedgerError("disk full")
        event = link(
            self._events[-1] if self._events else None,
            robot=self._robot,
            kind=kind,
            task_id=task_id,
            person=person,
            compartment=compartment,
            stamp_ns=stamp_ns,
        )
        self._events.append(event)
        return event

    def events(self, task_id: TaskId | None = None) -> tuple[CustodyEvent, ...]:
        """Return the events in order.

        Raises:
            LedgerError: while it is broken.
        """
        if self.is_broken:
            raise LedgerError("disk full")
        return tuple(event for event in self._events if task_id is None or event.task_id == task_id)


class WalkingVisitor:
    """Somebody who walks behind the robot when told to.

    Args:
        x, y: where they stand, meters.
    """

    def __init__(self, people: FakePeople, x: float, y: float) -> None:
        self._people = people
        self.x, self.y = x, y
        self.speed = 1.2
        self.is_following = False
        self.is_visible = True

    def step(self, dt: float, clock: Clock, robot: LevelPose | None) -> None:
        """Walk toward the robot, up to 1.2 m, for a duration in seconds."""
        vx = vy = 0.0
        if self.is_following and robot is not None:
            dx, dy = robot.pose.x - self.x, robot.pose.y - self.y
            distance = math.hypot(dx, dy)
            step = min(max(distance - 1.2, 0.0), self.speed * dt)
            if distance > 0.0:
                vx, vy = dx / distance * step / dt, dy / distance * step / dt
                self.x, self.y = self.x + vx * dt, self.y + vy * dt
        track = PersonTrack(track_id=7, x=self.x, y=self.y, vx=vx, vy=vy, stamp_ns=clock.now_ns(), is_confirmed=True)
        self._people.tracks = (track,) if self.is_visible else ()

"""The doors and lifts of a site as devices, for simulations without physics."""

from collections.abc import Callable

from robot_ops.core.clock import Clock
from robot_ops.core.ids import DoorId, LevelId, LiftId, RobotId
from robot_ops.core.world import DoorPosition
from robot_ops.missions.ports import LiftState
from robot_ops.simulation.devices import Door, Lift
from robot_ops.site.model import Site


class SimulatedBuilding:
    """All doors and lifts of a site.

    Args:
        on_asked: called when somebody asks for a door or lift or gives it back.

    Attributes:
        stuck: doors and lifts that do not move.
    """

    def __init__(self, site: Site, on_asked: Callable[[], object] = lambda: None) -> None:
        self.on_asked = on_asked
        self.stuck: set[DoorId | LiftId] = set()
        self.doors = {door: Door() for door in site.doors}
        self.lifts = {
            lift.id: Lift({level: site.levels[level].elevation for level in lift.stops}) for lift in site.lifts.values()
        }

    def advance(self, now_ns: int, duration: float) -> None:
        """Let time pass; nothing obstructs doors here."""
        for door_id, door in self.doors.items():
            if door_id not in self.stuck:
                door.advance(now_ns, duration, is_obstructed=False)
        for lift_id, lift in self.lifts.items():
            if lift_id not in self.stuck:
                lift.advance(now_ns, duration, is_obstructed=False)

    @property
    def is_resting(self) -> bool:
        """Return whether nothing moves and nobody wants anything."""
        return all(door.is_resting for door in self.doors.values()) and all(
            lift.is_resting for lift in self.lifts.values()
        )


class BuildingLink:
    """Implements the port Building for one robot: repeats its requests until they are released.

    Args:
        robot: its id is the session at lifts.
    """

    def __init__(self, building: SimulatedBuilding, robot: RobotId, clock: Clock) -> None:
        self._building = building
        self._robot = robot
        self._clock = clock
        self._doors: set[DoorId] = set()
        self._lifts: dict[LiftId, LevelId] = {}

    @property
    def is_in_use(self) -> bool:
        """Return whether the robot needs a door or lift now."""
        return bool(self._doors or self._lifts)

    def request_door(self, door: DoorId) -> None:
        """See Building."""
        self._doors.add(door)

    def release_door(self, door: DoorId) -> None:
        """See Building."""
        self._doors.discard(door)
        self._building.doors[door].request(self._robot, is_needed=False, now_ns=self._clock.now_ns())
        self._building.on_asked()

    def is_door_open(self, door: DoorId) -> bool:
        """See Building."""
        return self._building.doors[door].position is DoorPosition.OPEN

    def request_lift(self, lift: LiftId, level: LevelId) -> None:
        """See Building."""
        self._lifts[lift] = level

    def release_lift(self, lift: LiftId) -> None:
        """See Building."""
        level = self._lifts.pop(lift, None)
        if level is not None:
            self._building.lifts[lift].request(self._robot, level, is_needed=False, now_ns=self._clock.now_ns())
            self._building.on_asked()

    def lift_state(self, lift: LiftId) -> LiftState | None:
        """See Building."""
        reading = self._building.lifts[lift].reading
        return LiftState(level=reading.level if reading.is_open else None, session=reading.session)

    def repeat(self) -> None:
        """Repeat what is still needed; called at every step."""
        if not self._doors and not self._lifts:
            return
        now_ns = self._clock.now_ns()
        for door in sorted(self._doors):
            self._building.doors[door].request(self._robot, is_needed=True, now_ns=now_ns)
        for lift, level in sorted(self._lifts.items()):
            self._building.lifts[lift].request(self._robot, level, is_needed=True, now_ns=now_ns)
        self._building.on_asked()

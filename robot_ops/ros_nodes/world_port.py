"""What the world node asks of a simulated world and of the people in it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from robot_ops.core.ids import DoorId, LevelId, LiftId, RobotId
from robot_ops.core.poses import LevelPose, Twist
from robot_ops.core.sensors import CameraModel, Image, LaserScan, Odometry
from robot_ops.core.world import (
    BatteryReading,
    CompartmentReading,
    DoorPosition,
    LiftReading,
    PersonPose,
    WorldStatistics,
)


class SimulatedWorld(Protocol):
    """A world with robots; all calls from one thread. Unknown names raise StateError."""

    @property
    def robots(self) -> tuple[RobotId, ...]:
        """Return the robots that take part."""
        ...

    @property
    def now_ns(self) -> int:
        """Return the simulated time since the start, in nanoseconds."""
        ...

    def step(self, duration: float) -> None:
        """Let time pass, in seconds."""
        ...

    def set_velocity(self, robot: RobotId, twist: Twist) -> None:
        """Set the velocity a robot's motors aim at."""
        ...

    def odometry(self, robot: RobotId) -> Odometry:
        """Return a robot's wheel odometry."""
        ...

    def truth(self, robot: RobotId) -> LevelPose:
        """Return where a robot really is."""
        ...

    def lidar_height(self, robot: RobotId) -> float:
        """Return the height of a robot's lidar above the floor, in meters."""
        ...

    def scan(self, robot: RobotId) -> LaserScan:
        """Return what a robot's lidar sees now."""
        ...

    def cameras(self, robot: RobotId) -> tuple[str, ...]:
        """Return the names of a robot's cameras."""
        ...

    def camera_model(self, robot: RobotId, camera: str) -> CameraModel:
        """Return the pinhole model of a robot's camera."""
        ...

    def image(self, robot: RobotId, camera: str) -> Image:
        """Return what a robot's camera sees now."""
        ...

    def battery(self, robot: RobotId) -> BatteryReading:
        """Return what a robot's battery gauge tells."""
        ...

    def compartments(self, robot: RobotId) -> dict[str, CompartmentReading]:
        """Return what the sensors of a robot's compartments tell."""
        ...

    def set_lock(self, robot: RobotId, compartment: str, *, is_locked: bool) -> None:
        """Command a compartment's lock."""
        ...

    def request_door(self, door: DoorId, requester: str, is_needed: bool) -> None:
        """Ask for a door to be open, or no longer."""
        ...

    def door_state(self, door: DoorId) -> DoorPosition:
        """Return where a door's leaf is."""
        ...

    def request_lift(self, lift: LiftId, session: str, level: LevelId, is_needed: bool) -> None:
        """Ask for a lift at a level, or end the session."""
        ...

    def lift_state(self, lift: LiftId) -> LiftReading:
        """Return where a lift is and who holds it."""
        ...

    def set_people(self, people: Sequence[PersonPose]) -> None:
        """Put these people, and nobody else, where they are."""
        ...

    def statistics(self) -> WorldStatistics:
        """Return what has happened since the start."""
        ...


class PeopleOfWorld(Protocol):
    """Who walks about in the world."""

    def step(self, now_ns: int, robots: Mapping[RobotId, LevelPose]) -> Sequence[PersonPose]:
        """Let everybody act until `now_ns`, given where the robots really are; return where everybody is."""
        ...

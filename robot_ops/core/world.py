"""What a simulated world tells and takes, without any simulator's or middleware's types."""

import math
from dataclasses import dataclass, field
from enum import Enum

from robot_ops.core.ids import LevelId, RobotId
from robot_ops.core.poses import LevelPose


class DoorPosition(Enum):
    """Where an automatic door's leaf is."""

    CLOSED = "closed"
    MOVING = "moving"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftReading:
    """Where a lift is.

    Attributes:
        level: where the cabin is or was last.
        is_open: the doors are fully open at that level.
        session: who holds the lift, empty for nobody.
    """

    level: LevelId
    is_open: bool
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompartmentReading:
    """What a compartment's sensors tell."""

    is_locked: bool
    is_closed: bool
    is_occupied: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryReading:
    """What a battery's gauge tells: state of charge 0-1, whether current flows in, and volts."""

    soc: float
    is_charging: bool
    voltage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPose:
    """Where a simulated person is.

    Attributes:
        person: id, unique among the people of one moment.
        number: the same id as a small whole number (0 or more), for messages that count.
        at: yaw is where the person faces.
        vx, vy: in the level's map frame, m/s.
        kind: which body it has: the name of an SDF model, "visitor" for any of the visitors.
    """

    person: str
    number: int
    at: LevelPose
    vx: float = 0.0
    vy: float = 0.0
    kind: str = "visitor"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldStatistics:
    """What has happened in a world since it began.

    Attributes:
        robot_robot_collisions, robot_person_collisions, robot_world_collisions: contacts begun; with persons only while
            the robot drives.
        least_robot_robot, least_robot_person: least distances between footprints so far, meters, +inf for none.
        distances: driven, meters.
    """

    robot_robot_collisions: int = 0
    robot_person_collisions: int = 0
    robot_world_collisions: int = 0
    least_robot_robot: float = math.inf
    least_robot_person: float = math.inf
    distances: dict[RobotId, float] = field(default_factory=dict)

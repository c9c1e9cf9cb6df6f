"""What can go wrong in a simulation: kinds of faults, and one fault as it is drawn, injected, kept and replayed."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class FaultKind(Enum):
    """What goes wrong; the value is its name in files and reports."""

    LOSS = "loss"
    DELAY = "delay"
    DUPLICATION = "duplication"
    CUT = "cut"
    CUT_FROM_ROBOT = "cut_from_robot"
    CUT_TO_ROBOT = "cut_to_robot"
    FLEET_CRASH = "fleet_crash"
    FLEET_CRASH_AT_WRITE = "fleet_crash_at_write"
    LEDGER_FAILS = "ledger_fails"
    ROBOT_CRASH = "robot_crash"
    ROBOT_CRASH_AT_WRITE = "robot_crash_at_write"
    CUSTODY_FAILS = "custody_fails"
    ROBOT_DIES = "robot_dies"
    ROBOT_STUCK = "robot_stuck"
    LOCALIZATION_LOST = "localization_lost"
    BATTERY_LIES = "battery_lies"
    SIGHT_SILENT = "sight_silent"
    LIDAR_SILENT = "lidar_silent"
    LOCKS_SILENT = "locks_silent"
    DOOR_STUCK = "door_stuck"
    LIFT_STUCK = "lift_stuck"
    LANE_BARRED = "lane_barred"
    VISITOR_LEAVES = "visitor_leaves"
    STAFF_AWAY = "staff_away"
    TASK_CANCELED = "task_canceled"
    ROBOT_STOPPED = "robot_stopped"
    ROBOT_BY_HAND = "robot_by_hand"
    ROBOT_TAKEN_OUT = "robot_taken_out"
    LANE_CLOSED = "lane_closed"
    EMERGENCY = "emergency"


class Victim(Enum):
    """What a fault happens to."""

    ROBOT = "robot"
    FLEET = "fleet"
    DOOR = "door"
    LIFT = "lift"
    LANE = "lane"
    STAFF = "member of staff"
    HALL = "hall"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSort:
    """How faults of a kind are described.

    Attributes:
        says: what happens, in a few words.
        lasts: it ends by itself after a duration.
        amount: what the number that comes with it means; empty for none.
        most: the largest amount; the least is 0.
    """

    victim: Victim
    says: str
    lasts: bool = True
    amount: str = ""
    most: float = 1.0


SORTS: Final[dict[FaultKind, FaultSort]] = {
    FaultKind.LOSS: FaultSort(victim=Victim.ROBOT, says="messages are lost, both ways", amount="chance"),
    FaultKind.DELAY: FaultSort(
        victim=Victim.ROBOT, says="messages are late and overtake each other", amount="seconds at most", most=60.0
    ),
    FaultKind.DUPLICATION: FaultSort(victim=Victim.ROBOT, says="messages come twice", amount="chance"),
    FaultKind.CUT: FaultSort(victim=Victim.ROBOT, says="no message gets through"),
    FaultKind.CUT_FROM_ROBOT: FaultSort(victim=Victim.ROBOT, says="the fleet does not hear the robot"),
    FaultKind.CUT_TO_ROBOT: FaultSort(victim=Victim.ROBOT, says="the robot does not hear the fleet"),
    FaultKind.FLEET_CRASH: FaultSort(victim=Victim.FLEET, says="the fleet's process dies and is down for a while"),
    FaultKind.FLEET_CRASH_AT_WRITE: FaultSort(
        victim=Victim.FLEET,
        says="the fleet's process dies at its next write to the ledger",
        lasts=False,
        amount="from 0.5: the write has reached the disk",
    ),
    FaultKind.LEDGER_FAILS: FaultSort(
        victim=Victim.FLEET, says="writes to the ledger fail, before or after they reach the disk", amount="chance"
    ),
    FaultKind.ROBOT_CRASH: FaultSort(victim=Victim.ROBOT, says="the robot's process dies and is down for a while"),
    FaultKind.ROBOT_CRASH_AT_WRITE: FaultSort(
        victim=Victim.ROBOT,
        says="the robot's process dies at its next custody record",
        lasts=False,
        amount="from 0.5: the write has reached the disk",
    ),
    FaultKind.CUSTODY_FAILS: FaultSort(
        victim=Victim.ROBOT, says="custody records fail, before or after they reach the disk", amount="chance"
    ),
    FaultKind.ROBOT_DIES: FaultSort(victim=Victim.ROBOT, says="the robot is dead where it stands until it is repaired"),
    FaultKind.ROBOT_STUCK: FaultSort(victim=Victim.ROBOT, says="the robot does not move"),
    FaultKind.LOCALIZATION_LOST: FaultSort(victim=Victim.ROBOT, says="the robot does not know where it is"),
    FaultKind.BATTERY_LIES: FaultSort(
        victim=Victim.ROBOT, says="the battery's gauge tells this, above 0.9 nothing", amount="state of charge"
    ),
    FaultKind.SIGHT_SILENT: FaultSort(victim=Victim.ROBOT, says="the robot sees nobody"),
    FaultKind.LIDAR_SILENT: FaultSort(victim=Victim.ROBOT, says="the lidar is silent, so the robot's safety stands"),
    FaultKind.LOCKS_SILENT: FaultSort(victim=Victim.ROBOT, says="the sensors of the locks tell nothing"),
    FaultKind.DOOR_STUCK: FaultSort(victim=Victim.DOOR, says="the door does not move"),
    FaultKind.LIFT_STUCK: FaultSort(victim=Victim.LIFT, says="the lift does not move"),
    FaultKind.LANE_BARRED: FaultSort(victim=Victim.LANE, says="people stand on the lane"),
    FaultKind.VISITOR_LEAVES: FaultSort(victim=Victim.HALL, says="a visitor walks away", lasts=False),
    FaultKind.STAFF_AWAY: FaultSort(victim=Victim.STAFF, says="a member of staff is not at the desk"),
    FaultKind.TASK_CANCELED: FaultSort(victim=Victim.HALL, says="an operator cancels an open task", lasts=False),
    FaultKind.ROBOT_STOPPED: FaultSort(victim=Victim.ROBOT, says="an operator stops the robot and releases it"),
    FaultKind.ROBOT_BY_HAND: FaultSort(victim=Victim.ROBOT, says="an operator drives the robot off and brings it back"),
    FaultKind.ROBOT_TAKEN_OUT: FaultSort(
        victim=Victim.ROBOT,
        says="the robot is dead for good: an operator carries it out of the hall and, repaired, back to its charger",
        amount="seconds until somebody comes",
        most=3600.0,
    ),
    FaultKind.LANE_CLOSED: FaultSort(victim=Victim.LANE, says="an operator closes the lane and opens it again"),
    FaultKind.EMERGENCY: FaultSort(victim=Victim.HALL, says="an operator declares an emergency and ends it"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        number: its place in the list as drawn; what it draws itself comes from the seed and this, so that it does the
            same when others are left out.
        at: seconds after the beginning.
        target: who or what it happens to, an id; empty where the kind has only one.
        duration: seconds, 0 where it does not last.
        amount: see FaultSort.
    """

    number: int
    kind: FaultKind
    at: float
    target: str = ""
    duration: float = 0.0
    amount: float = 0.0

    def __str__(self) -> str:
        """Return a line for people."""
        parts = [f"{self.at:9.1f} s  {self.kind.value}", self.target]
        if SORTS[self.kind].lasts:
            parts.append(f"for {self.duration:.0f} s")
        if SORTS[self.kind].amount:
            parts.append(f"({SORTS[self.kind].amount}: {self.amount:.2f})")
        return " ".join(part for part in parts if part)

"""What the fleet orders one robot to do, and how the robot answers."""

from dataclasses import dataclass
from enum import Enum

from robot_ops.core.ids import MissionId, PersonId, PlaceId, RobotId, TaskId


class MissionKind(Enum):
    """Which behavior tree executes the mission; the value is the tree's name."""

    GUIDE_VISITOR = "guide_visitor"
    DELIVER_DOCUMENT = "deliver_document"
    HAND_OVER_DOCUMENT = "hand_over_document"  # where it stands, to a custodian
    CHARGE = "charge"
    PARK = "park"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """Who may open the compartment at one end of a delivery.

    Attributes:
        code_hash: salted scrypt hash of the one-time code, as `robot_ops.tasks.codes` writes it.
    """

    person: PersonId
    code_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionOrder:
    """One robot's part of a task, or a chore of its own (charge, park).

    Attributes:
        mission_id: the same id again is the same mission (idempotence key).
        task_id: None for chores.
        pickup: kiosk or sender's place; None for chores.
        destination: where the visitor or document goes, or the charger or waiting spot.
        sender, recipient, document, compartment: of a delivery, else None or empty. Of a document that is handed over
            the recipient is the custodian, and there is no sender.
        onward: where another robot takes over from this one, which ends at an exchange: a visitor is told to go there,
            a document's recipient is the exchange's keeper, who gives no receipt; None for a mission to the end.
        custody_count: of a mission to an exchange the events of the robot's chain of custody that are older than it.
        has_cargo: the fleet knows that the document has been loaded; a robot whose own record does not tell of it
            must not fetch it again.
    """

    mission_id: MissionId
    task_id: TaskId | None
    robot: RobotId
    kind: MissionKind
    destination: PlaceId
    pickup: PlaceId | None = None
    language: str = "en"
    party_size: int = 1
    sender: Handover | None = None
    recipient: Handover | None = None
    document: str = ""
    compartment: str = ""
    onward: PlaceId | None = None
    custody_count: int = 0
    has_cargo: bool = False

    def __post_init__(self) -> None:
        match self.kind:
            case MissionKind.GUIDE_VISITOR:
                is_whole = self.task_id is not None and self.pickup is not None
            case MissionKind.DELIVER_DOCUMENT:
                is_whole = (
                    self.task_id is not None
                    and self.pickup is not None
                    and self.sender is not None
                    and self.recipient is not None
                    and bool(self.compartment)
                )
            case MissionKind.HAND_OVER_DOCUMENT:
                is_whole = self.task_id is not None and self.recipient is not None and bool(self.compartment)
            case MissionKind.CHARGE | MissionKind.PARK:
                is_whole = True
        if not is_whole:
            raise ValueError(f"mission {self.mission_id} lacks what {self.kind.value} needs")


class MissionPhase(Enum):
    """What a robot is doing about its mission, in the order of events; shown to operators."""

    STARTING = "starting"
    TO_PICKUP = "to_pickup"
    MEETING = "meeting"  # at the kiosk, waiting for the visitor
    LEADING = "leading"
    WAITING_FOR_VISITOR = "waiting_for_visitor"  # the visitor lags or has stopped
    SEARCHING_VISITOR = "searching_visitor"  # the visitor is out of sight
    LOADING = "loading"  # at the sender: authenticate, open, load, lock
    CARRYING = "carrying"
    UNLOADING = "unloading"  # at the recipient: authenticate, open, confirm
    RETURNING = "returning"  # a document nobody took goes back to its sender
    FAREWELL = "farewell"
    TO_CHARGER = "to_charger"
    CHARGING = "charging"
    PARKING = "parking"
    DONE = "done"


class MissionOutcome(Enum):
    """How a mission ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionReport:
    """Robot -> fleet: where a mission stands. Repeating one changes nothing.

    Attributes:
        outcome: None while the mission is running.
        reason: why it failed or was canceled, or what it waits for; a sentence for operators.
        has_cargo: the visitor follows, or the document is on board.
    """

    robot: RobotId
    mission_id: MissionId
    task_id: TaskId | None
    phase: MissionPhase
    outcome: MissionOutcome | None
    reason: str
    has_cargo: bool
    stamp_ns: int

"""What the leaves of one mission share."""

from dataclasses import dataclass
from typing import Final

from robot_ops.core.clock import Clock, to_ns
from robot_ops.core.errors import LedgerError
from robot_ops.core.ids import PersonId, PlaceId
from robot_ops.missions.ports import (
    Announcement,
    AnnouncementKind,
    Battery,
    Compartments,
    Navigator,
    Panel,
    PeopleSource,
)
from robot_ops.missions.route import RouteFollower
from robot_ops.missions.stages import DeliveryStage, custodian_after, custodian_of, stage_after, stage_of
from robot_ops.missions.texts import announcement_text
from robot_ops.perception.follower import FollowerMonitor
from robot_ops.site.model import Robot, Site
from robot_ops.tasks.custody import CustodyKind, CustodyLog
from robot_ops.tasks.orders import Handover, MissionOrder, MissionPhase

LEDGER_RETRY: Final = 1.0
"""s between two tries to write a custody record that failed."""


@dataclass(slots=True, kw_only=True)
class Dock:
    """Which place the robot is docked at, or was sent to dock at and has not left since."""

    place: PlaceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A robot and everything it acts through; lives as long as the robot's process."""

    robot: Robot
    site: Site
    clock: Clock
    navigator: Navigator
    people: PeopleSource
    panel: Panel
    compartments: Compartments
    battery: Battery
    custody: CustodyLog
    follower: RouteFollower
    monitor: FollowerMonitor
    dock: Dock


class MissionContext:
    """One mission's working state; made anew for each.

    Attributes:
        phase, reason: as they go into the report; `reason` is emptied before every tick.
        failure: why the latest leaf failed; `notes` are failures that were handled and are told all the same.
        authenticated: whose authentication is on record and has opened nothing yet, None for nobody's.
        custodian: who has the document by this mission without being its recipient, None for nobody; read with
            `stage`.
        wrong_codes: wrong codes typed in a row; `locked_until_ns` is when the next one is judged.
    """

    def __init__(self, order: MissionOrder, body: Body) -> None:
        self.order = order
        self.body = body
        self.phase = MissionPhase.STARTING
        self.reason = ""
        self.failure = ""
        self.notes: list[str] = []
        self.authenticated: PersonId | None = None
        self.wrong_codes = 0
        self.locked_until_ns = 0
        self.custodian: PersonId | None = None
        self._stage: DeliveryStage | None = None
        self._ledger_retry_ns = 0
        self._ledger_failure = ""

    @property
    def now_ns(self) -> int:
        """Return the present instant in nanoseconds."""
        return self.body.clock.now_ns()

    @property
    def has_cargo(self) -> bool:
        """Return whether the visitor follows, or the document is on board."""
        return self.body.monitor.is_locked or (self._stage is not None and self._stage.is_aboard)

    def place(self, name: str) -> PlaceId:
        """Return the place that "{name}" stands for.

        Raises:
            KeyError: the order has none.
        """
        places = {
            "pickup": self.order.pickup,
            "destination": self.order.destination,
            "charger": self.body.robot.charger,
            "park": self.body.robot.park,
        }
        place = places[name]
        if place is None:
            raise KeyError(name)
        return place

    def handover(self, role: str) -> Handover:
        """Return who stands at the "sender" or "recipient" end.

        Raises:
            KeyError: the order is no delivery.
        """
        handover = {"sender": self.order.sender, "recipient": self.order.recipient}[role]
        if handover is None:
            raise KeyError(role)
        return handover

    def announce(self, kind: AnnouncementKind, place: PlaceId | None = None) -> None:
        """Show and speak a text in the order's language."""
        label = self.body.site.places[place].label if place is not None else ""
        text = announcement_text(kind, self.order.language, place=label, document=self.order.document)
        self.body.panel.announce(
            Announcement(kind=kind, text=text, language=self.order.language, task_id=self.order.task_id, place=place)
        )

    def stage(self) -> DeliveryStage | None:
        """Return how far the delivery has come, None while the custody log cannot be read."""
        if self._stage is None and self._may_try_ledger():
            try:
                events = self.body.custody.events(self.order.task_id)
                own = [event for event in events if event.seq >= self.order.custody_count]
                self._stage, self.custodian = stage_of(events), custodian_of(own)
            except LedgerError as error:
                self._note_ledger_failure(error)
        if self._stage is None:
            self.reason = self._ledger_failure
        return self._stage

    def read_again(self) -> None:
        """Read the custody log again: somebody else than the mission has written to it."""
        self._stage = None
        self.stage()

    def record(self, kind: CustodyKind, person: PersonId) -> bool:
        """Write a custody event; return whether it is durable. If not, `reason` tells, and it is to be tried again."""
        task_id, stage = self.order.task_id, self.stage()
        if task_id is None or stage is None:
            return False
        if self._may_try_ledger():
            try:
                self.body.custody.record(
                    kind=kind,
                    task_id=task_id,
                    person=person,
                    compartment=self.order.compartment,
                    stamp_ns=self.now_ns,
                )
            except LedgerError as error:
                self._note_ledger_failure(error)
            else:
                self._stage = stage_after(stage, kind)
                self.custodian = custodian_after(self.custodian, kind, person)
                self._note_authentication(kind, person)
                return True
        self.reason = self._ledger_failure
        return False

    def _note_authentication(self, kind: CustodyKind, person: PersonId) -> None:
        if kind is CustodyKind.AUTHENTICATED:
            self.authenticated = person
        elif kind is CustodyKind.UNLOCKED:
            self.authenticated = None  # every opening asks for a code of its own

    def _may_try_ledger(self) -> bool:
        return self.now_ns >= self._ledger_retry_ns

    def _note_ledger_failure(self, error: LedgerError) -> None:
        self._ledger_failure = f"blocked: the custody log does not work: {error}"
        self._ledger_retry_ns = self.now_ns + to_ns(LEDGER_RETRY)

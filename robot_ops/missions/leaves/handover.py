"""Leaves that hand a document over: authenticate, open, wait for the person, put it on record."""

from typing import ClassVar, Final

from py_trees.common import Status

from robot_ops.core.clock import seconds_between, to_ns
from robot_ops.core.ids import PersonId
from robot_ops.missions.ports import NavigationStatus, PanelEntry
from robot_ops.missions.stages import DeliveryStage
from robot_ops.missions.tree_nodes import Attribute, Leaf, ValueKind, choices_of
from robot_ops.tasks.codes import Role, is_code
from robot_ops.tasks.custody import CustodyKind

MOST_WRONG_CODES: Final = 5
"""Wrong codes in a row after which entries are refused for `LOCK_OUT` seconds."""
LOCK_OUT: Final = 60.0
STANDING_PATIENCE: Final = 120.0
"""s in which a robot that still drives has to come to stand before its compartment is opened."""
MAX_TYPED: Final = 64
"""Characters of a typed name that go on record."""


_ROLE: Final = Attribute(choices=choices_of(Role))
_BROUGHT: Final = (DeliveryStage.TAKEN, DeliveryStage.DELIVERED)
_TO_FETCH: Final = (DeliveryStage.WITH_SENDER, DeliveryStage.WITH_CUSTODIAN)


class _HandoverLeaf(Leaf):
    @property
    def role(self) -> str:
        return self.member("role", Role).value

    @property
    def person(self) -> PersonId:
        return self.context.handover(self.role).person


def _outcome(leaf: Leaf) -> str:
    """Return what it means that nobody came: `at_exchange` where the mission ends at one and that is given."""
    is_at_exchange = leaf.context.order.onward is not None
    return (leaf.text("at_exchange") if is_at_exchange else "") or leaf.text("outcome")


class _StageLeaf(Leaf):
    STAGES: ClassVar[frozenset[DeliveryStage]]

    def update(self) -> Status:
        """Ask the chain of custody."""
        stage = self.context.stage()
        if stage is None:
            return Status.RUNNING
        return Status.SUCCESS if stage in self.STAGES else Status.FAILURE


class IsDocumentAboard(_StageLeaf):
    """Succeeds when the document was loaded, in an earlier life of the process or this one."""

    STAGES = frozenset({*(stage for stage in DeliveryStage if stage.is_aboard), *_BROUGHT})


class IsTaken(_StageLeaf):
    """Succeeds when the recipient has taken the document out and the receipt is missing."""

    STAGES = frozenset({DeliveryStage.TAKEN})


class IsHandedOver(_StageLeaf):
    """Succeeds when a custodian has taken the document out."""

    STAGES = frozenset({DeliveryStage.WITH_CUSTODIAN})


class IsDelivered(_StageLeaf):
    """Succeeds when the recipient has the document."""

    STAGES = frozenset({DeliveryStage.DELIVERED})


class EndsAtExchange(Leaf):
    """Succeeds when the mission ends at an exchange, whose keeper has the document until the next robot comes."""

    def update(self) -> Status:
        """Look at the order."""
        return Status.FAILURE if self.context.order.onward is None else Status.SUCCESS


class IsKept(Leaf):
    """Succeeds when the keeper of the exchange that the mission ends at has the document.

    Who has it may also be the keeper of an exchange before, or a custodian, from whom the robot is to fetch it.
    """

    def update(self) -> Status:
        """Ask the chain of custody."""
        stage, order = self.context.stage(), self.context.order
        if stage is None:
            return Status.RUNNING
        is_kept = stage is DeliveryStage.WITH_CUSTODIAN and order.onward is not None and order.recipient is not None
        if not is_kept or order.recipient is None or self.context.custodian != order.recipient.person:
            return Status.FAILURE
        return Status.SUCCESS


class IsReturned(_StageLeaf):
    """Succeeds when the sender has taken the document back."""

    STAGES = frozenset({DeliveryStage.RETURNED})


class MayFetch(Leaf):
    """Fails when the fleet knows that the document was loaded: then this robot's record should tell of it."""

    def update(self) -> Status:
        """Look at the order."""
        if self.context.order.has_cargo:
            return self.fail("the robot has forgotten the document: its custody log does not tell of it")
        return Status.SUCCESS


class Authenticate(_HandoverLeaf):
    """Waits until the sender or recipient has typed their one-time code; every try goes on record."""

    ATTRIBUTES: ClassVar = {
        "role": _ROLE,
        "timeout": Attribute(kind=ValueKind.NUMBER, default=300.0),
        "outcome": Attribute(),
        "at_exchange": Attribute(default=""),
    }

    def initialise(self) -> None:
        """Forget what was typed before."""
        super().initialise()
        self.context.body.panel.clear()
        self._judged_seq: int | None = None
        self._granted: PanelEntry | None = None

    def update(self) -> Status:
        """Judge the latest entry."""
        entry = self._granted or self._new_entry()
        if entry is not None:
            self._judged_seq = entry.entry_seq
            if self._judge(entry):
                return Status.SUCCESS
        if self.elapsed >= self.number("timeout"):
            return self.fail(_outcome(self))
        return self.wait(self.context.reason or f"waits for the {self.role}'s code")

    def end(self, _status: Status) -> None:
        """Tell somebody whose code is right, but not on record, that nothing will open."""
        self._dismiss()

    def _new_entry(self) -> PanelEntry | None:
        entry = self.context.body.panel.entry
        return None if entry is None or entry.entry_seq == self._judged_seq else entry

    def _judge(self, entry: PanelEntry) -> bool:
        context, panel = self.context, self.context.body.panel
        if self._granted is None:
            remaining = seconds_between(context.now_ns, context.locked_until_ns)
            if remaining > 0.0:
                panel.answer(entry.entry_seq, False, f"Too many wrong codes. Try again in {remaining:.0f} s")
                return False
            handover = context.handover(self.role)
            is_right = entry.person == handover.person and is_code(entry.code, handover.code_hash)
            if not is_right:
                self._refuse(entry)
                return False
        if not context.record(CustodyKind.AUTHENTICATED, entry.person):
            self._granted = entry  # tried again until it is on record: before that nothing opens
            return False
        self._granted = None
        context.wrong_codes = 0
        panel.answer(entry.entry_seq, True, "Thank you")
        return True

    def _refuse(self, entry: PanelEntry) -> None:
        context = self.context
        context.record(CustodyKind.REFUSED, PersonId(entry.person[:MAX_TYPED]))
        context.wrong_codes += 1
        text = "This code is not right"
        if context.wrong_codes >= MOST_WRONG_CODES:
            context.wrong_codes = 0
            context.locked_until_ns = context.now_ns + to_ns(LOCK_OUT)
            text = f"Too many wrong codes. Try again in {LOCK_OUT:.0f} s"
        context.body.panel.answer(entry.entry_seq, False, text)

    def _dismiss(self) -> None:
        if self._granted is not None:
            self.context.body.panel.answer(self._granted.entry_seq, False, "The robot cannot keep its record now")
            self._granted = None


class OpenCompartment(_HandoverLeaf):
    """Puts the opening on record, then unlocks the order's compartment.

    Whatever the tree says, it opens only for the person whose authentication is on record, never shows a sender what
    somebody else has left inside, and waits until the robot stands: a mission may begin while it still drives.
    """

    ATTRIBUTES: ClassVar = {"role": _ROLE, "timeout": Attribute(kind=ValueKind.NUMBER, default=15.0)}

    def initialise(self) -> None:
        """Begin with nothing on record."""
        super().initialise()
        self._recorded_at: float | None = None

    def update(self) -> Status:
        """Record, unlock, wait for the lock."""
        compartment = self.context.order.compartment
        if self._recorded_at is None:
            refusal = self._refusal(compartment)
            if refusal:
                return self.fail(refusal)
            if self.context.body.navigator.status is NavigationStatus.ACTIVE:
                if self.elapsed >= STANDING_PATIENCE:
                    return self.fail("the robot does not come to stand")
                return self.wait("waits for the robot to stand")
            if not self.context.record(CustodyKind.UNLOCKED, self.person):
                return self.wait(self.context.reason)
            self._recorded_at = self.elapsed
            self.context.body.compartments.unlock(compartment)
        state = self.context.body.compartments.state(compartment)
        if state is not None and not state.is_locked:
            return Status.SUCCESS
        if self.elapsed - self._recorded_at >= self.number("timeout"):
            self.context.body.compartments.lock(compartment)
            return self.fail(f"compartment {compartment} does not unlock")
        return self.wait(f"waits for compartment {compartment} to unlock")

    def _refusal(self, compartment: str) -> str:
        """Return why the compartment stays locked, empty where it may be opened."""
        if self.context.authenticated != self.person:
            return f"{self.person} has not authenticated"
        state = self.context.body.compartments.state(compartment)
        if self.context.stage() in _TO_FETCH and state is not None and state.is_occupied:
            return f"compartment {compartment} is not empty"
        return ""


class _WaitForPerson(Leaf):
    IS_LOADING: ClassVar[bool]

    ATTRIBUTES: ClassVar = {
        "timeout": Attribute(kind=ValueKind.NUMBER, default=300.0),
        "outcome": Attribute(),
        "at_exchange": Attribute(default=""),
    }

    def initialise(self) -> None:
        super().initialise()
        self.context.body.panel.clear()

    def update(self) -> Status:
        compartment = self.context.order.compartment
        state = self.context.body.compartments.state(compartment)
        is_ready = state is not None and state.is_closed and state.is_occupied == self.IS_LOADING
        if is_ready and self.context.body.panel.is_confirmed:
            return Status.SUCCESS
        if self.elapsed >= self.number("timeout"):
            return self.fail(_outcome(self))
        if state is not None and not state.is_closed:
            return self.wait(f"compartment {compartment} is open")
        return self.wait("waits for somebody to press done" if is_ready else f"waits at compartment {compartment}")


class WaitLoaded(_WaitForPerson):
    """Waits until the document lies inside, the lid is closed and "done" was pressed."""

    IS_LOADING: ClassVar = True


class WaitUnloaded(_WaitForPerson):
    """Waits until the compartment is empty, the lid is closed and "done" was pressed."""

    IS_LOADING: ClassVar = False


class RecordCustody(_HandoverLeaf):
    """Puts an event on record, trying until it is durable."""

    ATTRIBUTES: ClassVar = {"kind": Attribute(choices=choices_of(CustodyKind)), "role": _ROLE}

    def update(self) -> Status:
        """Record it."""
        if self.context.record(self.member("kind", CustodyKind), self.person):
            return Status.SUCCESS
        return self.wait(self.context.reason)

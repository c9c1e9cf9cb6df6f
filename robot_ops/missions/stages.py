"""How far a delivery has come, as its chain of custody tells; this is what survives a restart of the robot."""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from robot_ops.core.ids import PersonId
from robot_ops.tasks.custody import CustodyEvent, CustodyKind


class DeliveryStage(Enum):
    """Where the document is."""

    WITH_SENDER = "with_sender"
    LOADING = "loading"  # opened for the sender, who has not confirmed yet
    ABOARD = "aboard"
    UNLOADING = "unloading"  # opened at the other end, nobody has confirmed yet
    TAKEN = "taken"  # the recipient has it; the receipt is not on record
    DELIVERED = "delivered"
    RETURNED = "returned"
    WITH_CUSTODIAN = "with_custodian"  # from there a robot may fetch it like from a sender

    @property
    def is_aboard(self) -> bool:
        """Return whether the document lies in the compartment, as far as people confirmed."""
        return self in (DeliveryStage.ABOARD, DeliveryStage.UNLOADING)


_OVER: Final = frozenset({DeliveryStage.TAKEN, DeliveryStage.DELIVERED, DeliveryStage.RETURNED})


def stage_after(stage: DeliveryStage, kind: CustodyKind) -> DeliveryStage:
    """Return the stage after one more custody event."""
    match kind:
        case CustodyKind.UNLOCKED:
            return DeliveryStage.UNLOADING if stage.is_aboard else DeliveryStage.LOADING
        case CustodyKind.LOADED:
            return DeliveryStage.ABOARD
        case CustodyKind.UNLOADED:
            return DeliveryStage.TAKEN
        case CustodyKind.RECEIPT:
            return DeliveryStage.DELIVERED
        case CustodyKind.RETURNED:
            return DeliveryStage.RETURNED
        case CustodyKind.HANDED_OVER:
            return DeliveryStage.WITH_CUSTODIAN
        case CustodyKind.TAKEN_OUT:
            # what the robot itself has seen after the loading counts for more than what it is told later
            return DeliveryStage.WITH_CUSTODIAN if stage not in _OVER else stage
        case CustodyKind.AUTHENTICATED | CustodyKind.REFUSED | CustodyKind.LOCKED:
            return stage


def stage_of(events: Iterable[CustodyEvent]) -> DeliveryStage:
    """Return the stage after the events of one task."""
    stage = DeliveryStage.WITH_SENDER
    for event in events:
        stage = stage_after(stage, event.kind)
    return stage


def custodian_of(events: Iterable[CustodyEvent]) -> PersonId | None:
    """Return to whom the document of one task was handed over after it was loaded last, None for nobody."""
    custodian = None
    for event in events:
        custodian = custodian_after(custodian, event.kind, event.person)
    return custodian


def custodian_after(custodian: PersonId | None, kind: CustodyKind, person: PersonId) -> PersonId | None:
    """Return to whom it was handed over, after one more custody event."""
    match kind:
        case CustodyKind.HANDED_OVER:
            return person
        case CustodyKind.LOADED:
            return None
        case _:
            return custodian

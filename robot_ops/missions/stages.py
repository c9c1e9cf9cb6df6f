"""How far a delivery has come, as its chain of custody tells; this is what survives a restart of the robot."""

from collections.abc import Iterable
from enum import Enum

from robot_ops.tasks.custody import CustodyEvent, CustodyKind


class DeliveryStage(Enum):
    """Where the document is."""

    WITH_SENDER = "with_sender"
    LOADING = "loading"  # opened for the sender, who has not confirmed yet
    ABOARD = "aboard"
    UNLOADING = "unloading"  # opened at the other end, nobody has confirmed yet
    DELIVERED = "delivered"
    RETURNED = "returned"

    @property
    def is_aboard(self) -> bool:
        """Return whether the document lies in the compartment, as far as people confirmed."""
        return self in (DeliveryStage.ABOARD, DeliveryStage.UNLOADING)


def stage_after(stage: DeliveryStage, kind: CustodyKind) -> DeliveryStage:
    """Return the stage after one more custody event."""
    match kind:
        case CustodyKind.UNLOCKED:
            return DeliveryStage.UNLOADING if stage.is_aboard else DeliveryStage.LOADING
        case CustodyKind.LOADED:
            return DeliveryStage.ABOARD
        case CustodyKind.UNLOADED | CustodyKind.RECEIPT:
            return DeliveryStage.DELIVERED
        case CustodyKind.RETURNED:
            return DeliveryStage.RETURNED
        case CustodyKind.AUTHENTICATED | CustodyKind.REFUSED | CustodyKind.LOCKED:
            return stage


def stage_of(events: Iterable[CustodyEvent]) -> DeliveryStage:
    """Return the stage after the events of one task."""
    stage = DeliveryStage.WITH_SENDER
    for event in events:
        stage = stage_after(stage, event.kind)
    return stage

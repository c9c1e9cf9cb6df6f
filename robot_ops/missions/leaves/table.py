"""All leaves by the names that tree files call them."""

from collections.abc import Mapping
from typing import Final

from robot_ops.missions.leaves.charging import ChargeUntil
from robot_ops.missions.leaves.docking import Dock, EnsureUndocked, IsDockedAt
from robot_ops.missions.leaves.driving import GoToPlace
from robot_ops.missions.leaves.guiding import MeetVisitor, SayGoodbye, SendOnward, WaitForVisitor
from robot_ops.missions.leaves.handover import (
    Authenticate,
    EndsAtExchange,
    IsDelivered,
    IsDocumentAboard,
    IsHandedOver,
    IsKept,
    IsReturned,
    IsTaken,
    MayFetch,
    OpenCompartment,
    RecordCustody,
    WaitLoaded,
    WaitUnloaded,
)
from robot_ops.missions.leaves.locking import LockCompartment, SecureCompartments
from robot_ops.missions.leaves.talking import Announce, EndFailed, NoteFailure, SetPhase
from robot_ops.missions.tree_nodes import Leaf

LEAVES: Final[Mapping[str, type[Leaf]]] = {
    leaf.__name__: leaf
    for leaf in (
        Announce,
        Authenticate,
        ChargeUntil,
        Dock,
        EndFailed,
        EndsAtExchange,
        EnsureUndocked,
        GoToPlace,
        IsDelivered,
        IsDockedAt,
        IsDocumentAboard,
        IsHandedOver,
        IsKept,
        IsReturned,
        IsTaken,
        LockCompartment,
        MayFetch,
        MeetVisitor,
        NoteFailure,
        OpenCompartment,
        RecordCustody,
        SayGoodbye,
        SecureCompartments,
        SendOnward,
        SetPhase,
        WaitForVisitor,
        WaitLoaded,
        WaitUnloaded,
    )
}

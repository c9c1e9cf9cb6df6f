"""A document that somebody took out by key while the robot could not know: the robot puts it on record afterward."""

from robot_ops.core.errors import LedgerError
from robot_ops.missions.context import Body
from robot_ops.tasks.custody import CustodyKind
from robot_ops.tasks.documents import TakenOut


def note_emptied(body: Body, taken: TakenOut) -> bool:
    """Put on record that the document is with whom the fleet says; return whether that is news.

    A compartment in which something lies is not taken as empty, whatever anybody says; nothing is put on record then,
    nor while the log cannot be written. The fleet says it again.
    """
    state = body.compartments.state(taken.compartment)
    if taken.robot != body.robot.id or state is None or state.is_occupied:
        return False
    try:
        events = body.custody.events(taken.task_id)
        if sum(event.kind is CustodyKind.TAKEN_OUT for event in events) >= taken.count:
            return False
        body.custody.record(
            kind=CustodyKind.TAKEN_OUT,
            task_id=taken.task_id,
            person=taken.person,
            compartment=taken.compartment,
            stamp_ns=body.clock.now_ns(),
        )
    except LedgerError:
        return False
    return True

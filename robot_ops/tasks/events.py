"""The ledger's events: their kinds, and values as flat payloads and back."""

from enum import Enum

from robot_ops.core.ids import ExchangeId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.tasks.custody import CustodyEvent, CustodyKind
from robot_ops.tasks.ledger import Payload
from robot_ops.tasks.requests import DeliveryRequest, GuidanceRequest, TaskKind, TaskRequest


class EventKind(Enum):
    """What a ledger event is about; the value is its name in the ledger."""

    ACCEPTED = "task.accepted"
    ASSIGNED = "task.assigned"  # a mission for a robot; the task becomes standby
    RELEASED = "task.released"  # the mission is void; the task becomes queued
    STATUS = "task.status"
    CARGO = "task.cargo"  # the visitor follows, or the document is on board, or no longer
    CANCEL_ASKED = "task.cancel_asked"
    STRANDED = "task.stranded"  # the mission has ended with the document on board; the task becomes blocked
    HAND_OVER_ORDERED = "task.hand_over_ordered"  # a mission to let a custodian take the document out
    TAKEN_OUT = "task.taken_out"  # an operator says who took the document out of a robot by key
    CHORE_ORDERED = "chore.ordered"
    CHORE_ENDED = "chore.ended"
    CUSTODY = "custody.recorded"
    TRAFFIC_RULES = "traffic.rules"  # all rules that hold from now on
    ARCHIVED = "tasks.archived"  # events of tasks that have ended are in an archive file, no longer in the ledger


def request_payload(request: TaskRequest) -> Payload:
    """Return the request as a flat payload; `request_of` reads it."""
    common: dict[str, str | int | None] = {
        "task_kind": request.kind.value,
        "request_id": request.request_id,
        "pickup": request.pickup,
        "destination": request.destination,
        "priority": request.priority,
        "due_ns": request.due_ns,
    }
    match request:
        case GuidanceRequest():
            return {**common, "language": request.language, "party_size": request.party_size}
        case DeliveryRequest():
            return {
                **common,
                "sender": request.sender,
                "recipient": request.recipient,
                "document": request.document,
            }


def request_of(payload: Payload) -> TaskRequest:
    """Return the request that `request_payload` wrote.

    Raises:
        KeyError, ValueError, TypeError: the payload is not one.
        RequestError: a field is wrong.
    """
    due_ns = None if payload["due_ns"] is None else int_of(payload, "due_ns")
    request_id, priority = str(payload["request_id"]), int_of(payload, "priority")
    pickup, destination = PlaceId(str(payload["pickup"])), PlaceId(str(payload["destination"]))
    match TaskKind(payload["task_kind"]):
        case TaskKind.GUIDE:
            return GuidanceRequest(
                request_id=request_id,
                pickup=pickup,
                destination=destination,
                language=str(payload["language"]),
                party_size=int_of(payload, "party_size"),
                priority=priority,
                due_ns=due_ns,
            )
        case TaskKind.DELIVER:
            return DeliveryRequest(
                request_id=request_id,
                pickup=pickup,
                destination=destination,
                sender=PersonId(str(payload["sender"])),
                recipient=PersonId(str(payload["recipient"])),
                document=str(payload["document"]),
                priority=priority,
                due_ns=due_ns,
            )


def leg_payload(
    exchange: ExchangeId | None, onward: PlaceId | None, keeper: PersonId | None, custody_count: int
) -> Payload:
    """Return what a mission's payload has besides when it ends at an exchange, nothing when it does not."""
    if exchange is None or onward is None:
        return {}
    payload: dict[str, str | int] = {"exchange": exchange, "onward": onward}
    return payload if keeper is None else payload | {"keeper": keeper, "custody_count": custody_count}


def leg_of(payload: Payload) -> tuple[ExchangeId | None, PlaceId | None, PersonId | None, int]:
    """Return what `leg_payload` wrote: exchange, place where the next robot begins, keeper, and custody count.

    Raises:
        KeyError: an exchange without the place.
    """
    exchange, keeper = payload.get("exchange"), payload.get("keeper")
    if exchange is None:
        return None, None, None, 0
    onward = PlaceId(str(payload["onward"]))
    if keeper is None:
        return ExchangeId(str(exchange)), onward, None, 0
    count = int_of(payload, "custody_count") if "custody_count" in payload else 0
    return ExchangeId(str(exchange)), onward, PersonId(str(keeper)), count


def custody_payload(custody: CustodyEvent) -> Payload:
    """Return the custody event as a flat payload; `custody_of` reads it."""
    return {
        "robot": custody.robot,
        "seq": custody.seq,
        "stamp_ns": custody.stamp_ns,
        "kind": custody.kind.value,
        "task_id": custody.task_id,
        "person": custody.person,
        "compartment": custody.compartment,
        "previous": custody.previous,
        "digest": custody.digest,
    }


def custody_of(payload: Payload) -> CustodyEvent:
    """Return the custody event that `custody_payload` wrote.

    Raises:
        KeyError, ValueError, TypeError: the payload is not one.
    """
    return CustodyEvent(
        robot=RobotId(str(payload["robot"])),
        seq=int_of(payload, "seq"),
        stamp_ns=int_of(payload, "stamp_ns"),
        kind=CustodyKind(payload["kind"]),
        task_id=TaskId(str(payload["task_id"])),
        person=PersonId(str(payload["person"])),
        compartment=str(payload["compartment"]),
        previous=str(payload["previous"]),
        digest=str(payload["digest"]),
    )


def int_of(payload: Payload, key: str) -> int:
    """Return a whole number of the payload.

    Raises:
        KeyError, TypeError: it is not there or not a whole number.
    """
    value = payload[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{key} is no whole number")
    return value


def optional_int_of(payload: Payload, key: str) -> int | None:
    """Return a whole number of the payload, None where it is not there.

    Raises:
        TypeError: it is something else.
    """
    return None if payload.get(key) is None else int_of(payload, key)

"""What people ask for."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import PersonId, PlaceId, TaskId

MAX_TEXT: Final = 200
MAX_PARTY: Final = 8
_LATEST_NS: Final = 2**31 * 10**9
"""What ROS's time in 32 bit of seconds holds."""


class TaskKind(Enum):
    """What a task is about."""

    GUIDE = "guide"
    DELIVER = "deliver"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidanceRequest:
    """Lead a visitor and their party from a place, usually a kiosk, to another.

    Attributes:
        request_id: chosen by the client; the same id again is the same request (idempotence key).
        due_ns: instant by which it should be done, in nanoseconds, or None.
        priority: larger goes first; 0 is ordinary, -10 to 10.
    """

    request_id: str
    pickup: PlaceId
    destination: PlaceId
    language: str = "en"
    party_size: int = 1
    priority: int = 0
    due_ns: int | None = None

    def __post_init__(self) -> None:
        _check_common(self.request_id, self.priority, self.due_ns)
        if self.pickup == self.destination:
            raise RequestError("pickup and destination are the same place", where="destination")
        _check_whole("party_size", self.party_size)
        if not 1 <= self.party_size <= MAX_PARTY:
            raise RequestError(f"{self.party_size} is not in 1..{MAX_PARTY}", where="party_size")
        _check_text("language", self.language)

    @property
    def kind(self) -> TaskKind:
        """Return what the request is about."""
        return TaskKind.GUIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRequest:
    """Carry a document under lock from one member of staff to another.

    Attributes are those of `GuidanceRequest` where named alike; `document` is what the document is called.
    """

    request_id: str
    pickup: PlaceId
    destination: PlaceId
    sender: PersonId
    recipient: PersonId
    document: str
    priority: int = 0
    due_ns: int | None = None

    def __post_init__(self) -> None:
        _check_common(self.request_id, self.priority, self.due_ns)
        if self.pickup == self.destination:
            raise RequestError("pickup and destination are the same place", where="destination")
        for name in ("sender", "recipient", "document"):
            _check_text(name, getattr(self, name))

    @property
    def kind(self) -> TaskKind:
        """Return what the request is about."""
        return TaskKind.DELIVER


TaskRequest = GuidanceRequest | DeliveryRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer to a request that was accepted: it is on disk.

    Attributes:
        estimated_finish_ns: promised instant in nanoseconds.
        promise: how long that was when the answer was given, for people ("about 4 minutes"); may be empty.
        sender_code, recipient_code: one-time codes that the two people of a delivery authenticate with at the robot;
            empty for guidance. Told only here; the ledger keeps what derives them, never the codes.
    """

    task_id: TaskId
    estimated_finish_ns: int
    sender_code: str = ""
    recipient_code: str = ""
    promise: str = field(default="", compare=False)


def _check_common(request_id: str, priority: int, due_ns: int | None) -> None:
    _check_text("request_id", request_id)
    _check_whole("priority", priority)
    if due_ns is not None:
        _check_whole("due", due_ns)
        if not 0 <= due_ns < _LATEST_NS:
            raise RequestError("is no instant that a clock tells", where="due", mend="leave it out or name another")
    if not -10 <= priority <= 10:
        raise RequestError(f"{priority} is not in -10..10", where="priority")


def _check_whole(field: str, value: object) -> None:
    """Refuse NaN, infinity and fractions, which come from clients' arithmetic, and truth values."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise RequestError(f"{value!r} is no whole number", where=field)


def _check_text(field: str, text: str) -> None:
    if not text.strip():
        raise RequestError("is empty", where=field, mend="give it a value")
    if len(text) > MAX_TEXT:
        raise RequestError(f"is {len(text)} characters long", where=field, mend=f"use at most {MAX_TEXT}")
    if not text.isprintable():
        raise RequestError("has unprintable characters", where=field)

"""What clients send: the bodies of the console's HTTP API."""

from typing import Annotated, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import PersonId, PlaceId
from robot_ops.tasks.requests import DeliveryRequest, GuidanceRequest, TaskRequest

OPERATOR = "console"
"""Who stops and releases when the client does not say."""


class _TaskBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    request_id: str = Field(
        default_factory=lambda: f"console-{uuid4()}",
        description="Idempotence key: the same id again is the same request.",
    )
    pickup: str = Field(description="Id of a place.")
    destination: str = Field(description="Id of a place.")
    priority: int = Field(default=0, description="-10..10, larger goes first.")
    due_in: float | None = Field(default=None, gt=0, le=86_400, description="Seconds from now, null for no hurry.")

    def _due_ns(self, now_ns: int) -> int | None:
        return None if self.due_in is None else now_ns + to_ns(self.due_in)


class GuideBody(_TaskBody):
    """Lead a visitor."""

    kind: Literal["guide"]
    language: str = "en"
    party_size: int = 1

    def request(self, now_ns: int) -> TaskRequest:
        """Return the request.

        Raises:
            RequestError: a field is wrong.
        """
        return GuidanceRequest(
            request_id=self.request_id,
            pickup=PlaceId(self.pickup),
            destination=PlaceId(self.destination),
            language=self.language,
            party_size=self.party_size,
            priority=self.priority,
            due_ns=self._due_ns(now_ns),
        )


class DeliverBody(_TaskBody):
    """Carry a document."""

    kind: Literal["deliver"]
    sender: str = Field(description="Id of a member of staff.")
    recipient: str = Field(description="Id of a member of staff.")
    document: str = Field(description="What the document is called.")

    def request(self, now_ns: int) -> TaskRequest:
        """Return the request.

        Raises:
            RequestError: a field is wrong.
        """
        return DeliveryRequest(
            request_id=self.request_id,
            pickup=PlaceId(self.pickup),
            destination=PlaceId(self.destination),
            sender=PersonId(self.sender),
            recipient=PersonId(self.recipient),
            document=self.document,
            priority=self.priority,
            due_ns=self._due_ns(now_ns),
        )


TaskBody = Annotated[GuideBody | DeliverBody, Field(discriminator="kind")]


class CancelBody(BaseModel):
    """Why a task is canceled."""

    reason: str = Field(default="canceled at the console", min_length=1, max_length=200)


class HandOverBody(BaseModel):
    """Who takes a document out of a robot that cannot go on."""

    model_config = ConfigDict(extra="forbid")

    custodian: str = Field(description="Id of a member of staff.")


class TakenOutBody(BaseModel):
    """Who took a document out of a robot by key, and who says so."""

    model_config = ConfigDict(extra="forbid")

    person: str = Field(description="Id of a member of staff.")
    operator: str = Field(default=OPERATOR, min_length=1, max_length=60, pattern=r"\S", description="Who says so.")


class StopBody(BaseModel):
    """Who stops or releases."""

    operator: str = Field(default=OPERATOR, min_length=1, max_length=60, pattern=r"\S")


class _RulesBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    operator: str = Field(default=OPERATOR, min_length=1, max_length=60, pattern=r"\S", description="Who asks.")


class LaneBody(_RulesBody):
    """Whether robots may drive on a lane."""

    is_closed: bool


class ZoneBody(_RulesBody):
    """How fast robots may drive in a zone."""

    speed: float | None = Field(gt=0, le=10, description="m/s, null for the lanes' own limits.")


class AbsenceBody(_RulesBody):
    """Whether a robot was taken out of the hall."""

    is_absent: bool


class EmergencyBody(_RulesBody):
    """Whether there is an emergency."""

    is_on: bool

"""Requests refuse wrong fields by name."""

from typing import Any

import pytest

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import PersonId, PlaceId
from robot_ops.tasks.requests import DeliveryRequest, GuidanceRequest, TaskKind

GUIDE: dict[str, Any] = {"request_id": "r1", "pickup": PlaceId("kiosk_1"), "destination": PlaceId("counter_1")}
DELIVER: dict[str, Any] = {
    "request_id": "r2",
    "pickup": PlaceId("counter_1"),
    "destination": PlaceId("desk_1"),
    "sender": PersonId("clerk.ada"),
    "recipient": PersonId("officer.bob"),
    "document": "passport",
}


def test_kinds() -> None:
    assert GuidanceRequest(**GUIDE).kind is TaskKind.GUIDE
    assert DeliveryRequest(**DELIVER).kind is TaskKind.DELIVER


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_id", ""),
        ("request_id", "   "),
        ("request_id", "x" * 201),
        ("request_id", "a\nb"),
        ("destination", "kiosk_1"),
        ("party_size", 0),
        ("party_size", 9),
        ("priority", 11),
        ("priority", -11),
        ("language", ""),
        ("language", "\x00"),
    ],
)
def test_guidance_names_the_wrong_field(field: str, value: object) -> None:
    with pytest.raises(RequestError) as caught:
        GuidanceRequest(**{**GUIDE, field: value})
    assert caught.value.where == field


@pytest.mark.parametrize("field", ["sender", "recipient", "document"])
@pytest.mark.parametrize("value", ["", "\t", "y" * 201])
def test_delivery_names_the_wrong_field(field: str, value: str) -> None:
    with pytest.raises(RequestError) as caught:
        DeliveryRequest(**{**DELIVER, field: value})
    assert caught.value.where == field

"""What does not fit changes nothing: an event is taken over as a whole or not at all."""

from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.errors import StateError
from robot_ops.core.ids import PlaceId
from robot_ops.tasks.book import TaskBook
from robot_ops.tasks.events import EventKind, request_payload
from robot_ops.tasks.ledger import LedgerEvent, Payload
from robot_ops.tasks.orders import MissionKind
from robot_ops.tasks.requests import GuidanceRequest
from robot_ops.tasks.status import TaskStatus

_TASKS: Final = ("guide-000001", "guide-000002")
_MISSIONS: Final = ("m1", "m2", "m3")
_Value = str | int | float | bool | None
_WRONG: Final[st.SearchStrategy[_Value]] = st.sampled_from([None, "", "nonsense", -1, 0.5, True, 10**400])
_flag, _word = st.booleans(), st.sampled_from(["so", "because"])
_mission: Final[dict[str, st.SearchStrategy[_Value]]] = {
    "mission_id": st.sampled_from(_MISSIONS),
    "robot": st.sampled_from(["guide_1", "guide_2"]),
    "mission_kind": st.sampled_from([kind.value for kind in MissionKind]),
    "destination": st.just("counter_1"),
    "compartment": st.just(""),
}
_fields: Final[dict[EventKind, Mapping[str, st.SearchStrategy[_Value]]]] = {
    EventKind.ACCEPTED: {"request_id": st.sampled_from(["r1", "r2"]), "promised_ns": st.integers(1, 99)},
    EventKind.ASSIGNED: {**_mission, "reason": _word},
    EventKind.RELEASED: {"is_void": _flag, "reason": _word, "is_robot_failure": _flag},
    EventKind.STATUS: {"status": st.sampled_from([each.value for each in TaskStatus]), "reason": _word},
    EventKind.CARGO: {"has_cargo": _flag},
    EventKind.STRANDED: {"is_void": _flag, "reason": _word},
    EventKind.HAND_OVER_ORDERED: {**_mission, "reason": _word, "custodian": st.just("mona")},
    EventKind.TAKEN_OUT: {
        "robot": st.sampled_from(["guide_1", "guide_2"]),
        "compartment": st.just("c1"),
        "person": st.just("mona"),
        "operator": st.just("olga"),
        "status": st.sampled_from([each.value for each in TaskStatus]),
        "reason": _word,
        "is_void": _flag,
        "is_robot_failure": _flag,
        "left_at": st.just("counter_1"),
        "custodian": st.just("mona"),
    },
    EventKind.CANCEL_ASKED: {"reason": _word},
    EventKind.CHORE_ORDERED: _mission,
    EventKind.CHORE_ENDED: {"mission_id": st.sampled_from(_MISSIONS), "is_void": _flag},
    EventKind.CUSTODY: {
        "robot": st.just("guide_1"),
        "seq": st.integers(0, 3),
        "stamp_ns": st.integers(1, 9),
        "kind": st.sampled_from(["loaded", "receipt"]),
        "task_id": st.sampled_from(_TASKS),
        "person": st.just("mona"),
        "compartment": st.just("c1"),
        "previous": st.just(""),
        "digest": st.just(""),
    },
    EventKind.TRAFFIC_RULES: {
        "closed_lanes": st.sampled_from(['["a-b"]', "[]", "{}", "[", "[" * 5000]),
        "speed_limits": st.sampled_from(['{"hall": 0.5}', '{"hall": 1e999}', '{"hall": 1' + "0" * 400 + "}", "[]"]),
        "is_emergency": _flag,
        "absent_robots": st.sampled_from(['["guide_1"]', "[]", "7"]),
    },
    EventKind.ARCHIVED: {
        "archive": st.just("a.zip"),
        "content_digest": st.just(""),
        "requests": st.sampled_from(['{"guide-000001": "mark"}', "{}", "[]"]),
        "event_counts": st.sampled_from(['{"guide-000001": 3}', "{}", '{"guide-000001": "many"}']),
        "custody": st.sampled_from(['{"guide_1": [1, ""]}', "{}", '{"guide_1": [1]}', '{"guide_1": {"seq": 1}}']),
    },
}


@st.composite
def _events(draw: st.DrawFn) -> LedgerEvent:
    kind = draw(st.sampled_from(EventKind))
    payload: dict[str, _Value] = {name: draw(value) for name, value in _fields[kind].items()}
    if kind is EventKind.ACCEPTED:
        request = GuidanceRequest(request_id="r", pickup=PlaceId("kiosk_1"), destination=PlaceId("counter_1"))
        payload = {**request_payload(request), **payload}
    for name in draw(st.lists(st.sampled_from(sorted(payload)), max_size=1)):  # one field is wrong, or not there
        if draw(_flag):
            del payload[name]
        else:
            payload[name] = draw(_WRONG)
    return LedgerEvent(
        event_id="e", kind=kind.value, subject=draw(st.sampled_from(_TASKS)), stamp_ns=9, payload=payload
    )


@given(st.lists(_events(), max_size=25))
def test_an_event_that_is_refused_changes_nothing(events: list[LedgerEvent]) -> None:
    book = TaskBook()
    for event in [*_busy_history(), *events]:
        before = repr(book)
        try:
            book.apply(event)
        except StateError:
            assert repr(book) == before


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (EventKind.ASSIGNED, {"mission_id": "m2", "robot": "guide_2", "mission_kind": "guide_visitor"}),
        (EventKind.RELEASED, {"is_void": True, "reason": "silent"}),
        (EventKind.RELEASED, {"is_void": True, "is_robot_failure": True}),
        (EventKind.STATUS, {"status": "completed"}),
        (EventKind.STRANDED, {"is_void": True}),
    ],
)
def test_a_field_that_is_missing_at_the_end_changes_nothing(kind: EventKind, payload: Payload) -> None:
    book = TaskBook()
    for event in _busy_history():
        book.apply(event)
    before = repr(book)
    with pytest.raises(StateError):
        book.apply(LedgerEvent(event_id="e", kind=kind.value, subject=_TASKS[0], stamp_ns=9, payload=payload))
    assert repr(book) == before


def _busy_history() -> tuple[LedgerEvent, ...]:
    """Return the events until a task is under way; the rest of most histories drawn blindly is refused at once."""
    request = GuidanceRequest(request_id="r1", pickup=PlaceId("kiosk_1"), destination=PlaceId("counter_1"))
    mission = {"mission_id": "m1", "robot": "guide_1", "mission_kind": "guide_visitor", "destination": "counter_1"}
    steps: tuple[tuple[EventKind, Payload], ...] = (
        (EventKind.ACCEPTED, {**request_payload(request), "promised_ns": 99}),
        (EventKind.ASSIGNED, {**mission, "reason": "nearest"}),
        (EventKind.STATUS, {"status": "underway", "reason": ""}),
    )
    return tuple(
        LedgerEvent(event_id=f"h{number}", kind=kind.value, subject=_TASKS[0], stamp_ns=number + 1, payload=payload)
        for number, (kind, payload) in enumerate(steps)
    )

"""The task book: facts in, state out, the same state from the same facts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.errors import StateError
from robot_ops.core.ids import MissionId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.tasks.book import TaskBook, replayed
from robot_ops.tasks.custody import CustodyKind, link
from robot_ops.tasks.events import EventKind, custody_of, custody_payload, request_of, request_payload
from robot_ops.tasks.ledger import LedgerEvent, Payload
from robot_ops.tasks.requests import DeliveryRequest, GuidanceRequest, TaskRequest
from robot_ops.tasks.status import TaskStatus

_ids = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=20)
_due = st.none() | st.integers(min_value=1, max_value=2**60)
_priority = st.integers(min_value=-10, max_value=10)
_guidance = st.builds(
    GuidanceRequest,
    request_id=_ids,
    pickup=st.just(PlaceId("kiosk_1")),
    destination=st.just(PlaceId("counter_1")),
    language=st.sampled_from(["en", "zh"]),
    party_size=st.integers(min_value=1, max_value=8),
    priority=_priority,
    due_ns=_due,
)
_delivery = st.builds(
    DeliveryRequest,
    request_id=_ids,
    pickup=st.just(PlaceId("counter_1")),
    destination=st.just(PlaceId("desk_1")),
    sender=_ids.map(PersonId),
    recipient=_ids.map(PersonId),
    document=_ids,
    priority=_priority,
    due_ns=_due,
)


class Writer:
    """Applies events to a book and keeps them."""

    def __init__(self) -> None:
        self.book = TaskBook()
        self.events: list[LedgerEvent] = []

    def write(self, kind: EventKind, subject: str, payload: Payload) -> None:
        event = LedgerEvent(
            event_id=self.book.next_event_id(subject),
            kind=kind.value,
            subject=subject,
            stamp_ns=len(self.events) + 1,
            payload=payload,
        )
        self.book.apply(event)
        self.events.append(event)

    def accept(self, request: TaskRequest) -> TaskId:
        task_id = self.book.next_task_id(request.kind)
        self.write(EventKind.ACCEPTED, task_id, {**request_payload(request), "promised_ns": 99})
        return task_id

    def assign(self, task_id: TaskId, mission_id: str, robot: str = "guide_1") -> None:
        self.write(
            EventKind.ASSIGNED,
            task_id,
            {
                "mission_id": mission_id,
                "robot": robot,
                "mission_kind": "guide_visitor",
                "destination": "counter_1",
                "compartment": "",
                "reason": "nearest",
            },
        )

    def status(self, task_id: TaskId, status: TaskStatus) -> None:
        self.write(EventKind.STATUS, task_id, {"status": status.value, "reason": "so"})


def guidance(request_id: str = "r1") -> GuidanceRequest:
    return GuidanceRequest(request_id=request_id, pickup=PlaceId("kiosk_1"), destination=PlaceId("counter_1"))


@given(request=_guidance | _delivery)
def test_requests_survive_the_payload(request: TaskRequest) -> None:
    assert request_of(request_payload(request)) == request


def test_custody_events_survive_the_payload() -> None:
    event = link(
        None,
        robot=RobotId("courier_1"),
        kind=CustodyKind.LOADED,
        task_id=TaskId("deliver-000001"),
        person=PersonId("ada"),
        compartment="c1",
        stamp_ns=5,
    )
    assert custody_of(custody_payload(event)) == event


def test_the_life_of_a_task() -> None:
    writer = Writer()
    task_id = writer.accept(guidance())
    assert task_id == "guide-000001"
    writer.assign(task_id, "m1")
    assert writer.book.tasks[task_id].status is TaskStatus.STANDBY
    mission = writer.book.mission_of(RobotId("guide_1"))
    assert mission is not None
    assert mission.task_id == task_id
    writer.status(task_id, TaskStatus.UNDERWAY)
    writer.write(EventKind.CARGO, task_id, {"has_cargo": True})
    writer.status(task_id, TaskStatus.BLOCKED)
    writer.status(task_id, TaskStatus.BLOCKED)
    writer.status(task_id, TaskStatus.UNDERWAY)
    writer.status(task_id, TaskStatus.COMPLETED)
    task = writer.book.tasks[task_id]
    assert (task.started_ns, task.finished_ns) == (3, 8)
    assert writer.book.open_records() == ()
    assert writer.book.mission_of(RobotId("guide_1")) is None
    assert replayed(writer.events) == writer.book


def test_a_released_task_can_be_assigned_again_even_to_the_void_mission() -> None:
    writer = Writer()
    task_id = writer.accept(guidance())
    writer.assign(task_id, "m1")
    writer.write(EventKind.RELEASED, task_id, {"reason": "silent", "is_void": True, "is_robot_failure": True})
    assert writer.book.tasks[task_id].status is TaskStatus.QUEUED
    assert writer.book.missions[MissionId("m1")].is_void
    writer.assign(task_id, "m1")
    assert writer.book.tasks[task_id].attempts == 2
    assert writer.book.tasks[task_id].robot_failures == 1


@pytest.mark.parametrize(
    ("kind", "subject", "payload"),
    [
        ("task.nonsense", "guide-000001", {}),
        ("task.status", "guide-000009", {"status": "failed", "reason": ""}),
        ("task.status", "guide-000001", {"status": "completed", "reason": ""}),
        ("task.status", "guide-000001", {"status": "nonsense", "reason": ""}),
        ("task.status", "guide-000001", {"reason": ""}),
        ("task.accepted", "guide-000002", {**request_payload(guidance()), "promised_ns": 1}),
        ("task.accepted", "guide-000002", {**request_payload(guidance("r2")), "promised_ns": "soon"}),
        ("task.accepted", "guide-000002", {**request_payload(guidance("r2")), "promised_ns": 1, "party_size": 0}),
        ("task.assigned", "guide-000001", {"mission_id": "m2"}),
        ("custody.recorded", "guide-000001", {"robot": "courier_1"}),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(kind: str, subject: str, payload: Payload) -> None:
    writer = Writer()
    writer.accept(guidance())
    with pytest.raises(StateError):
        writer.book.apply(LedgerEvent(event_id="e", kind=kind, subject=subject, stamp_ns=9, payload=payload))
    assert writer.book == replayed(writer.events)


def test_a_robot_has_one_mission_at_a_time() -> None:
    writer = Writer()
    first, second = writer.accept(guidance("r1")), writer.accept(guidance("r2"))
    writer.assign(first, "m1")
    with pytest.raises(StateError, match="guide_1 has mission m1 already"):
        writer.assign(second, "m2")
    assert writer.book == replayed(writer.events)

"""No change, drop, swap or insertion in a chain of custody goes unnoticed."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.errors import StateError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, link, verify

ROBOT = RobotId("courier_1")
_facts = st.tuples(
    st.sampled_from(CustodyKind),
    st.sampled_from(["deliver-000001", "deliver-000002"]),
    st.text(max_size=10),
    st.sampled_from(["c1", "c2"]),
    st.integers(min_value=0, max_value=2**62),
)


def chain(facts: list[tuple[CustodyKind, str, str, str, int]]) -> list[CustodyEvent]:
    events: list[CustodyEvent] = []
    for kind, task_id, person, compartment, stamp_ns in facts:
        events.append(
            link(
                events[-1] if events else None,
                robot=ROBOT,
                kind=kind,
                task_id=TaskId(task_id),
                person=PersonId(person),
                compartment=compartment,
                stamp_ns=stamp_ns,
            )
        )
    return events


@given(facts=st.lists(_facts, max_size=8))
def test_a_whole_chain_verifies(facts: list[tuple[CustodyKind, str, str, str, int]]) -> None:
    verify(chain(facts))


@given(facts=st.lists(_facts, min_size=1, max_size=8), data=st.data())
def test_every_changed_field_is_found(facts: list[tuple[CustodyKind, str, str, str, int]], data: st.DataObject) -> None:
    events = chain(facts)
    index = data.draw(st.integers(min_value=0, max_value=len(events) - 1))
    field = data.draw(st.sampled_from([field.name for field in fields(CustodyEvent)]))
    old = getattr(events[index], field)
    new: object
    match old:
        case CustodyKind():
            new = data.draw(st.sampled_from([kind for kind in CustodyKind if kind is not old]))
        case int():
            new = old + data.draw(st.integers(min_value=1, max_value=10**9))
        case _:
            new = data.draw(st.text(max_size=20).filter(lambda text: text != old))
    events[index] = replace(events[index], **{field: new})
    with pytest.raises(StateError, match="broken at event"):
        verify(events)


@given(facts=st.lists(_facts, min_size=2, max_size=8), data=st.data())
def test_a_dropped_event_is_found(facts: list[tuple[CustodyKind, str, str, str, int]], data: st.DataObject) -> None:
    events = chain(facts)
    # what was cut off at the end leaves a whole, shorter chain: only the fleet's copy shows that
    del events[data.draw(st.integers(min_value=0, max_value=len(events) - 2))]
    with pytest.raises(StateError):
        verify(events)


@given(facts=st.lists(_facts, min_size=2, max_size=8), data=st.data())
def test_swapped_and_repeated_events_are_found(
    facts: list[tuple[CustodyKind, str, str, str, int]], data: st.DataObject
) -> None:
    events = chain(facts)
    index = data.draw(st.integers(min_value=0, max_value=len(events) - 2))
    swapped = [*events[:index], events[index + 1], events[index], *events[index + 2 :]]
    repeated = [*events[: index + 1], *events[index:]]
    for broken in (swapped, repeated):
        with pytest.raises(StateError):
            verify(broken)


def test_an_event_of_another_robot_is_found() -> None:
    first = chain([(CustodyKind.LOADED, "deliver-000001", "a", "c1", 1)])[0]
    foreign = link(
        first,
        robot=RobotId("courier_2"),
        kind=CustodyKind.LOCKED,
        task_id=first.task_id,
        person=first.person,
        compartment="c1",
        stamp_ns=2,
    )
    with pytest.raises(StateError, match="courier_1 is broken at event 1"):
        verify([first, foreign])

import pytest

from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, link
from robot_ops.testing.fleet_stand import FleetStand

COURIER = RobotId("courier_1")
GAP = "custody_gap/courier_1"


def chain(length: int) -> list[CustodyEvent]:
    events: list[CustodyEvent] = []
    for number in range(length):
        events.append(
            link(
                events[-1] if events else None,
                robot=COURIER,
                kind=CustodyKind.REFUSED,
                task_id=TaskId("deliver-000001"),
                person=PersonId("eve"),
                compartment="c1",
                stamp_ns=number,
            )
        )
    return events


@pytest.fixture
def stand() -> FleetStand:
    made = FleetStand()
    made.run(1.0)
    return made


def alarms(stand: FleetStand) -> list[str]:
    return [alarm.alarm_id for alarm in stand.fleet.alarms()]


def test_a_dropped_event_is_an_alarm_until_it_comes(stand: FleetStand) -> None:
    events = chain(4)
    for event in (events[0], events[1], events[3]):
        stand.fleet.on_custody(event)
    assert alarms(stand) == [GAP]
    stand.fleet.on_custody(events[0])
    assert alarms(stand) == [GAP]
    stand.fleet.on_custody(events[2])
    assert alarms(stand) == []


def test_a_chain_that_is_heard_from_its_middle_on_has_no_gap(stand: FleetStand) -> None:
    for event in chain(5)[2:]:
        stand.fleet.on_custody(event)
    assert alarms(stand) == []

from dataclasses import replace

import pytest

from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, head_of, link
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


def tell_head(stand: FleetStand, events: list[CustodyEvent], seconds: float) -> None:
    """Let the robot tell for a while how its log ends."""
    for _ in range(round(seconds)):
        stand.run(1.0)
        status = stand.robots.status(stand.robots.robots[COURIER])
        stand.fleet.on_status(replace(status, custody=head_of(events)))
    stand.fleet.step()


@pytest.mark.parametrize(
    ("left", "told"), [(0, "is empty and the fleet has event 3"), (3, "ends at event 2 and the fleet has event 3")]
)
def test_a_log_that_was_cut_at_its_end_is_an_alarm(stand: FleetStand, left: int, told: str) -> None:
    events = chain(4)
    for event in events:
        stand.fleet.on_custody(event)
    stand.robots.robots[COURIER].is_silent = True  # what it says otherwise has no head
    tell_head(stand, events[:left], 3.0)
    assert "custody_cut/courier_1" not in alarms(stand)  # its status may be older than the event
    tell_head(stand, events[:left], 5.0)
    (alarm,) = (alarm for alarm in stand.fleet.alarms() if alarm.alarm_id == "custody_cut/courier_1")
    assert (alarm.robot, alarm.severity) == (COURIER, "error")
    assert f"the custody log of courier_1 {told}" in alarm.text
    assert "robot-ops ledger custody courier_1" in alarm.text
    task_id = stand.deliver().task_id
    assert "its custody log lacks events" in str(stand.fleet.explain_dispatch(task_id))
    tell_head(stand, events, 1.0)
    assert "custody_cut/courier_1" not in alarms(stand)


def test_a_log_with_another_end_is_an_alarm_and_a_longer_one_is_not(stand: FleetStand) -> None:
    events = chain(4)
    for event in events[:3]:
        stand.fleet.on_custody(event)
    stand.robots.robots[COURIER].is_silent = True
    tell_head(stand, events, 10.0)
    assert "custody_cut/courier_1" not in alarms(stand)  # the fourth is on its way
    other = [*events[:2], replace(events[2], digest="0" * 64)]
    tell_head(stand, other, 10.0)
    assert "custody_cut/courier_1" in alarms(stand)
    stand.restart_fleet()
    tell_head(stand, other, 10.0)
    (alarm,) = (alarm for alarm in stand.fleet.alarms() if alarm.alarm_id == "custody_cut/courier_1")
    assert "ends at event 2 and the fleet has another one" in alarm.text


def test_a_log_without_any_event_is_as_it_should_be(stand: FleetStand) -> None:
    stand.robots.robots[COURIER].is_silent = True
    tell_head(stand, [], 10.0)
    assert alarms(stand) == []
    tell_head(stand, chain(3), 10.0)  # whose events are on their way
    assert alarms(stand) == []

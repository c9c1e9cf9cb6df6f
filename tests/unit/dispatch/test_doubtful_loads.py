"""Documents that may lie in a robot though no record tells of them."""

import pytest

from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.tasks.custody import CustodyKind, link
from robot_ops.tasks.orders import MissionPhase
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand

ADA = PersonId("ada")
YEAR_NS = 365 * 86_400 * 10**9


@pytest.fixture
def stand() -> FleetStand:
    made = FleetStand()
    made.run(2.0)
    return made


def dead_while_loading(stand: FleetStand) -> tuple[TaskId, RobotId]:
    """Return a delivery whose first robot died with the document laid in, and nothing on record; and that robot."""
    task_id = stand.deliver().task_id
    stand.run(12.0)
    task = stand.task(task_id)
    assert task.phase is MissionPhase.LOADING
    assert task.robot is not None
    robot = stand.robots.robots[task.robot]
    robot.loaded, robot.is_silent = "c1", True
    robot.phase_ends_ns += YEAR_NS
    return task_id, task.robot


def others(stand: FleetStand, robot: RobotId) -> list[RobotId]:
    return [other for other in stand.robots.robots if other != robot]


def alarms(stand: FleetStand) -> dict[str, str]:
    return {alarm.alarm_id: alarm.text for alarm in stand.fleet.alarms()}


def test_somebody_is_sent_to_look_into_a_robot_that_died_while_it_was_loaded(stand: FleetStand) -> None:
    task_id, dead = dead_while_loading(stand)
    stand.run(62.0)
    assert stand.task(task_id).robot not in (dead, None)
    assert alarms(stand)[f"document/{dead}"] == (
        f"the document of {task_id} may lie in {dead}, which was sent for it and is silent: "
        "look inside; if it is there, say who has it then"
    )
    stand.restart_fleet()
    stand.run(7.0)
    assert f"document/{dead}" in alarms(stand)


def test_who_finds_it_says_so_and_it_goes_on_from_there(stand: FleetStand) -> None:
    task_id, dead = dead_while_loading(stand)
    stand.run(65.0)
    assert stand.task(task_id).key_robot == dead
    assert stand.fleet.report_taken_out(task_id, ADA, operator="olga")
    assert stand.task(task_id).key_robot is None
    assert f"document/{dead}" not in alarms(stand)
    stand.run(60.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    back = stand.robots.robots[dead]
    back.loaded, back.is_silent = "", False
    stand.run(60.0)
    assert [event.kind for event in stand.fleet.custody_of(dead)] == [CustodyKind.TAKEN_OUT]
    assert alarms(stand) == {}
    assert len(stand.robots.served) == 1


def test_a_robot_that_is_heard_again_with_nothing_inside_ends_the_doubt(stand: FleetStand) -> None:
    task_id, dead = dead_while_loading(stand)
    stand.run(62.0)
    assert stand.task(task_id).key_robot == dead
    stand.robots.restart(dead)
    stand.robots.robots[dead].loaded = ""
    stand.run(3.0)
    assert stand.task(task_id).key_robot is None
    stand.run(10.0)
    assert alarms(stand) == {}
    stand.run(10.0)  # it was given something to do since, or stands at its charger
    stand.robots.robots[dead].is_silent = True
    stand.run(10.0)
    assert f"offline/{dead}" in alarms(stand)


def test_a_robot_that_is_heard_again_with_the_document_is_to_be_emptied(stand: FleetStand) -> None:
    task_id, dead = dead_while_loading(stand)
    for other in others(stand, dead):
        stand.robots.robots[other].is_silent = True
    stand.run(62.0)
    stand.robots.restart(dead)
    stand.run(20.0)
    assert stand.task(task_id).status is TaskStatus.QUEUED  # it is not sent for what it has
    text = f"the document of {task_id} lies in {dead}, which does not go on with it: take it out"
    assert alarms(stand)[f"document/{dead}"] == text
    assert stand.task(task_id).key_robot == dead


def test_what_lies_in_a_robot_without_a_task_is_an_alarm_whatever_it_is(stand: FleetStand) -> None:
    courier = RobotId("courier_2")
    stand.robots.robots[courier].loaded = "c2"
    stand.run(5.0)
    assert alarms(stand) == {}
    stand.run(10.0)
    assert alarms(stand) == {
        f"document/{courier}": f"something lies in compartment c2 of {courier}, which has no task: take it out"
    }
    stand.robots.robots[courier].loaded = ""
    stand.run(10.0)
    assert alarms(stand) == {}


def test_a_task_that_fails_for_want_of_its_document_tells_where_that_may_be(stand: FleetStand) -> None:
    task_id, dead = dead_while_loading(stand)
    other = next(RobotId(name) for name in ("courier_1", "courier_2") if name != dead)
    stand.robots.robots[other].fail_in = MissionPhase.LOADING
    stand.robots.robots[other].fail_reason = "sender did not load the document"
    stand.run(100.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.FAILED
    assert task.reason == f"sender did not load the document; the document may lie in {dead}"
    assert task.key_robot == dead
    stand.fleet.report_taken_out(task_id, ADA, operator="olga")
    assert stand.task(task_id).key_robot is None


def test_a_load_that_its_robot_tells_of_too_late_and_does_not_go_on_with_is_to_be_taken_out(stand: FleetStand) -> None:
    task_id, dead = dead_while_loading(stand)
    stand.run(62.0)
    stand.robots.restart(dead)  # it has forgotten its mission; its chain has not
    loaded = link(
        None,
        robot=dead,
        kind=CustodyKind.LOADED,
        task_id=task_id,
        person=ADA,
        compartment="c1",
        stamp_ns=stand.clock.now_ns(),
    )
    stand.robots.chains[dead] = [loaded]
    stand.run(3.0)
    assert stand.task(task_id).key_robot == dead
    second = stand.deliver("d2").task_id
    assert "has a document that somebody must take out" in str(stand.fleet.explain_dispatch(second))
    stand.fleet.report_taken_out(task_id, ADA, operator="olga")
    stand.robots.robots[dead].loaded = ""
    stand.run(90.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert [event.kind for event in stand.fleet.custody_of(dead)] == [CustodyKind.LOADED, CustodyKind.TAKEN_OUT]

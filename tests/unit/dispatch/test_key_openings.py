"""Documents that staff take by key out of robots that are dead or cannot go on."""

import pytest

from robot_ops.core.errors import LedgerError, RequestError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.tasks.codes import is_code
from robot_ops.tasks.custody import CustodyKind, link
from robot_ops.tasks.ledger import LedgerEvent
from robot_ops.tasks.orders import MissionKind, MissionOrder, MissionPhase
from robot_ops.tasks.rule_changes import take_out
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.memory_ledger import MemoryLedger

MONA, BEN, GITA = PersonId("mona"), PersonId("ben"), PersonId("gita")
YEAR_NS = 365 * 86_400 * 10**9


@pytest.fixture
def stand() -> FleetStand:
    made = FleetStand()
    made.run(2.0)
    return made


def carried(stand: FleetStand) -> tuple[TaskId, RobotId]:
    """Return a delivery that is under way with its document, and its robot."""
    task_id = stand.deliver().task_id
    stand.run(20.0)
    task = stand.task(task_id)
    assert task.phase is MissionPhase.CARRYING
    assert task.robot is not None
    return task_id, task.robot


def die(stand: FleetStand, robot: RobotId) -> None:
    """Let a robot be silent and do nothing for a year."""
    scripted = stand.robots.robots[robot]
    scripted.is_silent = True
    scripted.phase_ends_ns += YEAR_NS


def revive(stand: FleetStand, robot: RobotId, *, is_restarted: bool) -> None:
    """Let a robot be heard again: as it was, or started anew. A key has emptied it."""
    if is_restarted:
        stand.robots.restart(robot)
    stand.robots.robots[robot].is_silent = False
    stand.robots.robots[robot].loaded = ""


def orders_of(stand: FleetStand, task_id: TaskId) -> list[MissionOrder]:
    return list({order.mission_id: order for order in stand.robots.orders if order.task_id == task_id}.values())


def key_events(stand: FleetStand) -> list[LedgerEvent]:
    return [event for event in stand.ledger.events() if event.kind == "task.taken_out"]


def alarms(stand: FleetStand) -> list[str]:
    return [alarm.alarm_id for alarm in stand.fleet.alarms()]


def test_a_document_of_a_dead_robot_goes_on_by_who_took_it_out(stand: FleetStand) -> None:
    task_id, dead = carried(stand)
    die(stand, dead)
    stand.run(10.0)
    assert stand.task(task_id).key_robot == dead
    code = stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    (event,) = key_events(stand)
    assert event.payload["person"] == "mona"
    assert event.payload["operator"] == "olga"
    assert event.payload["robot"] == dead
    assert event.payload["compartment"] == "c1"
    assert stand.task(task_id).reason == f"mona took the document out of {dead} by key"
    assert stand.task(task_id).key_robot is None
    stand.run(60.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.COMPLETED
    assert task.robot not in (dead, None)
    _, brought = orders_of(stand, task_id)
    assert brought.sender is not None
    assert brought.sender.person == MONA
    assert is_code(code, brought.sender.code_hash)
    assert brought.pickup == stand.site.staff[MONA].place
    assert alarms(stand) == [f"offline/{dead}"]
    assert code not in repr(list(stand.ledger.events()))


@pytest.mark.parametrize("is_restarted", [False, True], ids=["as it was", "started anew"])
def test_a_robot_that_comes_back_learns_of_it_and_does_not_deliver_again(stand: FleetStand, is_restarted: bool) -> None:
    task_id, dead = carried(stand)
    die(stand, dead)
    stand.run(100.0)
    stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    stand.run(5.0)
    other = stand.task(task_id).robot
    revive(stand, dead, is_restarted=is_restarted)
    before = len(stand.robots.cancelations)
    stand.run(100.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert stand.robots.served == [(task_id, other)]
    assert [taken.person for taken in stand.robots.taken_out] == [MONA]
    (event,) = stand.fleet.custody_of(dead)
    assert (event.kind, event.person) == (CustodyKind.TAKEN_OUT, MONA)
    assert alarms(stand) == []
    cancelations = [robot for robot, _, _ in stand.robots.cancelations[before:]]
    assert cancelations == ([] if is_restarted else [dead])
    assert stand.robots.robots[dead].order is None or stand.robots.robots[dead].order.task_id is None


def test_it_gets_no_task_until_its_chain_tells_of_the_key(stand: FleetStand) -> None:
    task_id, dead = carried(stand)
    die(stand, dead)
    stand.run(10.0)
    stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    stand.run(700.0)
    revive(stand, dead, is_restarted=True)
    stand.robots.robots[dead].loaded = "c1"  # its sensor does not agree
    for other in (robot for robot in ("courier_1", "courier_2") if robot != dead):
        stand.robots.robots[RobotId(other)].is_silent = True
    stand.run(10.0)
    second = stand.deliver("d2").task_id
    stand.run(30.0)
    assert stand.task(second).status is TaskStatus.QUEUED
    assert "has not noted yet that its document was taken out by key" in str(stand.fleet.explain_dispatch(second))
    assert f"taken_out/{dead}" in alarms(stand)
    (alarm,) = (alarm for alarm in stand.fleet.alarms() if alarm.alarm_id == f"taken_out/{dead}")
    assert "something lies in its compartment c1 still" in alarm.text
    stand.robots.robots[dead].loaded = ""
    stand.run(60.0)
    assert f"taken_out/{dead}" not in alarms(stand)
    assert stand.task(second).robot == dead


def test_saying_it_again_changes_nothing(stand: FleetStand) -> None:
    task_id, dead = carried(stand)
    die(stand, dead)
    stand.run(10.0)
    code = stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    digest = stand.fleet.ledger_digest
    assert stand.fleet.report_taken_out(task_id, MONA, operator="otto") == code
    with pytest.raises(RequestError, match=r"mona has taken the document .* as olga said"):
        stand.fleet.report_taken_out(task_id, BEN, operator="otto")
    assert stand.fleet.ledger_digest == digest
    stand.restart_fleet()
    assert stand.fleet.report_taken_out(task_id, MONA, operator="olga") == code
    assert stand.fleet.ledger_digest == digest
    stand.run(60.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert stand.fleet.report_taken_out(task_id, MONA, operator="olga") == ""


def test_a_document_that_is_stranded_or_waits_for_its_custodian_may_be_taken_out_by_key(stand: FleetStand) -> None:
    stand.robots.robots[RobotId("courier_1")].fail_in = MissionPhase.CARRYING
    stand.robots.robots[RobotId("courier_2")].fail_in = MissionPhase.CARRYING
    task_id = stand.deliver().task_id
    stand.run(30.0)
    first = stand.task(task_id).key_robot
    assert first is not None
    stand.fleet.hand_over(task_id, BEN)
    stand.run(3.0)
    die(stand, first)
    stand.run(10.0)
    assert stand.task(task_id).key_robot == first
    stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    for robot in stand.robots.robots.values():
        robot.fail_in = None
    stand.run(5.0)
    revive(stand, first, is_restarted=False)
    stand.run(90.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    brought = orders_of(stand, task_id)[-1]
    assert brought.kind is MissionKind.DELIVER_DOCUMENT
    assert brought.sender is not None
    assert brought.sender.person == MONA
    assert alarms(stand) == []


def test_a_canceled_task_ends_with_who_has_its_document(stand: FleetStand) -> None:
    task_id, dead = carried(stand)
    die(stand, dead)
    stand.run(10.0)
    stand.fleet.cancel(task_id, "not needed")
    assert stand.fleet.report_taken_out(task_id, MONA, operator="olga") == ""
    task = stand.task(task_id)
    assert task.status is TaskStatus.CANCELED
    assert task.reason == f"not needed; mona took the document out of {dead} by key"


def test_a_task_that_has_ended_is_told_who_has_its_document(stand: FleetStand) -> None:
    task_id, dead = carried(stand)
    stand.fleet.cancel(task_id, "not needed")
    die(stand, dead)
    stand.run(90.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.CANCELED
    assert task.key_robot == dead
    assert f"document/{dead}" in alarms(stand)
    finished_ns = task.finished_ns
    assert stand.fleet.report_taken_out(task_id, MONA, operator="olga") == ""
    task = stand.task(task_id)
    assert task.reason.endswith(f"; mona took the document out of {dead} by key")
    assert (task.status, task.finished_ns, task.key_robot) == (TaskStatus.CANCELED, finished_ns, None)
    assert alarms(stand) == [f"offline/{dead}"]
    revive(stand, dead, is_restarted=False)
    stand.run(60.0)
    assert alarms(stand) == []


def test_a_recipient_who_took_it_out_has_it(stand: FleetStand) -> None:
    task_id, dead = carried(stand)
    die(stand, dead)
    stand.run(10.0)
    assert stand.fleet.report_taken_out(task_id, GITA, operator="olga") == ""
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert stand.task(task_id).reason == f"gita took the document out of {dead} by key; no receipt"
    revive(stand, dead, is_restarted=False)
    stand.run(60.0)
    assert stand.robots.served == []
    assert alarms(stand) == []


def test_only_a_document_in_a_robot_that_does_not_go_on_is_taken_out(stand: FleetStand) -> None:
    guide, deliver = stand.guide().task_id, stand.deliver().task_id
    digest = stand.fleet.ledger_digest
    for task_id, text in (
        (TaskId("deliver-000009"), "no task"),
        (guide, "has no document"),
        (deliver, "no robot has the document of deliver-000002 \\(queued\\)"),
    ):
        with pytest.raises(RequestError, match=text):
            stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    assert stand.fleet.ledger_digest == digest
    stand.run(5.0)
    with pytest.raises(RequestError, match="no robot has"):
        stand.fleet.report_taken_out(deliver, MONA, operator="olga")
    stand.run(15.0)
    with pytest.raises(RequestError, match="is heard and goes on"):
        stand.fleet.report_taken_out(deliver, MONA, operator="olga")
    with pytest.raises(RequestError, match="no member of staff 'eve'"):
        stand.fleet.report_taken_out(deliver, PersonId("eve"), operator="olga")
    stand.run(40.0)
    with pytest.raises(RequestError, match="completed"):
        stand.fleet.report_taken_out(deliver, MONA, operator="olga")


def test_a_robot_that_was_carried_out_of_the_hall_is_opened_by_key_at_once(stand: FleetStand) -> None:
    task_id, dead = carried(stand)
    die(stand, dead)
    stand.fleet.set_traffic_rules(take_out([dead])(stand.fleet.traffic_rules))
    assert stand.task(task_id).key_robot == dead
    stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    stand.run(60.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED


def test_the_same_robot_may_have_it_taken_out_twice(stand: FleetStand) -> None:
    task_id, dead = carried(stand)
    other = next(robot for robot in ("courier_1", "courier_2") if robot != dead)
    stand.robots.robots[RobotId(other)].is_silent = True
    stand.run(10.0)
    for person in (MONA, BEN):
        die(stand, dead)
        stand.run(10.0)
        stand.fleet.report_taken_out(task_id, person, operator="olga")
        revive(stand, dead, is_restarted=True)
        for _ in range(800):
            if stand.task(task_id).phase is MissionPhase.CARRYING:
                break
            stand.run(1.0)
    stand.run(60.0)
    assert [(taken.person, taken.count) for taken in stand.robots.taken_out] == [(MONA, 1), (BEN, 2)]
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert stand.robots.served == [(task_id, dead)]


def test_a_book_read_again_is_the_same(stand: FleetStand) -> None:
    task_id, dead = carried(stand)
    die(stand, dead)
    stand.run(10.0)
    stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    before = stand.fleet._context.book
    stand.restart_fleet()
    assert stand.fleet._context.book == before
    revive(stand, dead, is_restarted=False)
    stand.run(20.0)
    before = stand.fleet._context.book
    assert before.documents.owed(dead) == ()
    stand.restart_fleet()
    assert stand.fleet._context.book == before


def test_nothing_is_promised_that_is_not_on_disk() -> None:
    class FailingLedger(MemoryLedger):
        is_broken = False

        def append(self, *events: LedgerEvent) -> None:
            if self.is_broken:
                raise LedgerError("no space left on the disk")
            super().append(*events)

    ledger = FailingLedger()
    stand = FleetStand(ledger=ledger)
    stand.run(2.0)
    task_id, dead = carried(stand)
    die(stand, dead)
    stand.run(10.0)
    ledger.is_broken = True
    with pytest.raises(LedgerError):
        stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    ledger.is_broken = False
    stand.run(1.0)
    assert stand.task(task_id).key_robot == dead
    stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    assert len(key_events(stand)) == 1


def test_a_document_in_a_robot_that_came_too_late_is_fetched_where_it_is_then(stand: FleetStand) -> None:
    task_id = stand.deliver().task_id
    stand.run(12.0)
    first = stand.task(task_id).robot
    assert first is not None
    silent = stand.robots.robots[first]
    assert silent.loaded == ""
    die(stand, first)  # with the document, as only its chain knows: the fleet gives the task to another robot
    stand.run(65.0)
    other = stand.task(task_id).robot
    assert other not in (first, None)
    loaded = link(
        None,
        robot=first,
        kind=CustodyKind.LOADED,
        task_id=task_id,
        person=PersonId("ada"),
        compartment="c1",
        stamp_ns=stand.clock.now_ns(),
    )
    stand.robots.chains[first] = [loaded]
    stand.fleet.on_custody(loaded)
    stand.run(10.0)
    if stand.task(task_id).status.is_final or stand.task(task_id).phase is MissionPhase.CARRYING:
        pytest.fail("the other robot was meant to be on its way still")
    assert stand.task(task_id).key_robot == first
    stand.fleet.report_taken_out(task_id, MONA, operator="olga")
    stand.run(90.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    brought = orders_of(stand, task_id)[-1]
    assert brought.sender is not None
    assert brought.sender.person == MONA

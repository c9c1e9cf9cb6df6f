"""Tasks whose robot cannot go on: another robot takes them over where the visitor or document was left."""

import pytest

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import PersonId, PlaceId, RobotId, TaskId
from robot_ops.dispatch.transfers import MAX_HAND_OVERS
from robot_ops.tasks.codes import is_code
from robot_ops.tasks.orders import MissionKind, MissionOrder, MissionPhase
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand

GUIDE_1, GUIDE_2 = RobotId("guide_1"), RobotId("guide_2")
MONA, BEN = PersonId("mona"), PersonId("ben")


@pytest.fixture
def stand() -> FleetStand:
    made = FleetStand()
    made.run(2.0)
    return made


def orders_of(stand: FleetStand, task_id: TaskId) -> list[MissionOrder]:
    """Return the task's orders in order, each once."""
    return list({order.mission_id: order for order in stand.robots.orders if order.task_id == task_id}.values())


def strand(stand: FleetStand) -> tuple[TaskId, RobotId]:
    """Return a delivery whose document is stuck, and the robot it is stuck in."""
    for robot in ("courier_1", "courier_2"):
        stand.robots.robots[RobotId(robot)].fail_in = MissionPhase.CARRYING
    task_id = stand.deliver().task_id
    stand.run(30.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.BLOCKED
    assert task.is_stranded
    assert task.robot is not None
    for robot in ("courier_1", "courier_2"):
        stand.robots.robots[RobotId(robot)].fail_in = None
    return task_id, task.robot


def test_a_visitor_whose_guide_breaks_down_is_met_by_another_near_it(stand: FleetStand) -> None:
    task_id = stand.guide().task_id
    stand.run(20.0)
    first = stand.task(task_id).robot
    assert first is not None
    broken = stand.robots.robots[first]
    assert broken.place == "kiosk_1"
    broken.fail_in = MissionPhase.LEADING
    stand.run(70.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.COMPLETED
    assert task.robot not in (first, None)
    _, second = orders_of(stand, task_id)
    # the broken robot stands at the kiosk itself, so the place next to it is taken
    assert second.pickup == "counter_1"
    assert second.destination == "counter_2"
    assert len(stand.robots.served) == 1


def test_a_visitor_whose_guide_falls_silent_is_met_by_another(stand: FleetStand) -> None:
    task_id = stand.guide().task_id
    stand.run(20.0)
    first = stand.task(task_id).robot
    assert first is not None
    stand.robots.robots[first].is_silent = True
    stand.robots.robots[first].phase_ends_ns += 10**15
    stand.run(150.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert stand.task(task_id).robot not in (first, None)


def test_a_silent_guide_that_comes_back_with_the_visitor_keeps_them(stand: FleetStand) -> None:
    task_id = stand.guide(language="fr").task_id
    stand.robots.robots[GUIDE_1].is_silent = True
    stand.run(20.0)
    stand.robots.robots[GUIDE_2].is_silent = True
    stand.robots.robots[GUIDE_2].phase_ends_ns += 90_000_000_000
    stand.run(70.0)
    assert stand.task(task_id).status is TaskStatus.QUEUED
    stand.robots.robots[GUIDE_2].is_silent = False
    stand.run(60.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert len(orders_of(stand, task_id)) == 1
    assert len(stand.robots.served) == 1


def test_a_restarted_guide_meets_its_visitor_again_near_where_it_is(stand: FleetStand) -> None:
    task_id = stand.guide(language="fr").task_id
    stand.run(20.0)
    stand.robots.restart(GUIDE_2)
    stand.run(120.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert [order.robot for order in orders_of(stand, task_id)] == [GUIDE_2, GUIDE_2]
    assert len(stand.robots.served) == 1


def test_a_visitor_is_passed_on_at_most_twice(stand: FleetStand) -> None:
    task_id = stand.guide().task_id
    for _ in range(400):
        for robot in (GUIDE_1, GUIDE_2):
            stand.robots.robots[robot].fail_in = MissionPhase.LEADING
        stand.run(1.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.FAILED
    assert task.reason == "3 robots failed, the last: the way is blocked"


def test_a_document_goes_on_by_a_custodian_and_another_robot(stand: FleetStand) -> None:
    task_id, first = strand(stand)
    assert stand.task(task_id).reason == f"document in {first}: the way is blocked"
    assert f"document/{first}" in [alarm.alarm_id for alarm in stand.fleet.alarms()]
    code = stand.fleet.hand_over(task_id, MONA)
    assert stand.fleet.hand_over(task_id, MONA) == code
    stand.restart_fleet()
    assert stand.fleet.hand_over(task_id, MONA) == code
    stand.run(60.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.COMPLETED
    assert task.robot not in (first, None)
    fetched, handed_over, brought = orders_of(stand, task_id)
    assert (fetched.robot, handed_over.robot) == (first, first)
    assert handed_over.kind is MissionKind.HAND_OVER_DOCUMENT
    assert handed_over.recipient is not None
    assert brought.sender is not None
    assert brought.recipient is not None
    for handover in (handed_over.recipient, brought.sender):
        assert handover.person == MONA
        assert is_code(code, handover.code_hash)
    assert brought.pickup == stand.site.staff[MONA].place
    assert brought.recipient.person == "gita"
    assert stand.fleet.alarms() == ()
    assert code not in repr(list(stand.ledger.events()))


def test_a_custodian_who_does_not_come_leaves_it_blocked_for_another_one(stand: FleetStand) -> None:
    task_id, first = strand(stand)
    stand.robots.robots[first].fail_in = MissionPhase.UNLOADING
    stand.robots.robots[first].fail_reason = "the custodian did not come"
    stand.fleet.hand_over(task_id, MONA)
    stand.run(15.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.BLOCKED
    assert task.reason == f"document in {first}: the custodian did not come"
    stand.fleet.hand_over(task_id, BEN)
    stand.run(60.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert len({order.mission_id for order in orders_of(stand, task_id)}) == 4


@pytest.mark.parametrize(
    ("custodian", "where", "text"),
    [("gita", "custodian", "is the recipient"), ("eve", "custodian", "there is no member of staff 'eve'")],
)
def test_not_everybody_can_be_custodian(stand: FleetStand, custodian: str, where: str, text: str) -> None:
    task_id, _ = strand(stand)
    digest = stand.fleet.ledger_digest
    with pytest.raises(RequestError, match=text) as caught:
        stand.fleet.hand_over(task_id, PersonId(custodian))
    assert caught.value.where == where
    assert stand.fleet.ledger_digest == digest


def test_only_a_stranded_document_is_handed_over(stand: FleetStand) -> None:
    guide, deliver = stand.guide().task_id, stand.deliver().task_id
    for task_id, text in (
        (TaskId("deliver-000009"), "no task"),
        (guide, "has no document"),
        (deliver, "has no document in a robot that cannot go on"),
    ):
        with pytest.raises(RequestError, match=text):
            stand.fleet.hand_over(task_id, MONA)
    stand.run(20.0)
    with pytest.raises(RequestError, match="cannot go on"):
        stand.fleet.hand_over(deliver, MONA)
    stand.run(40.0)
    with pytest.raises(RequestError, match="completed"):
        stand.fleet.hand_over(deliver, MONA)


def test_a_document_with_a_custodian_that_nobody_fetches_is_told_to_be_there(stand: FleetStand) -> None:
    task_id, _ = strand(stand)
    stand.fleet.hand_over(task_id, MONA)
    for _ in range(400):
        for robot in ("courier_1", "courier_2"):
            stand.robots.robots[RobotId(robot)].fail_in = MissionPhase.TO_PICKUP
        stand.run(2.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.FAILED
    assert task.reason == "3 robots failed, the last: the way is blocked; mona has the document"


def test_a_book_read_again_knows_custodians_and_places(stand: FleetStand) -> None:
    task_id, _ = strand(stand)
    stand.fleet.hand_over(task_id, MONA)
    for robot in ("courier_1", "courier_2"):
        stand.robots.robots[RobotId(robot)].phase_ends_ns += 1
    stand.run(9.0)
    before = stand.fleet._context.book.tasks[task_id]
    stand.restart_fleet()
    after = stand.fleet._context.book.tasks[task_id]
    assert after == before
    assert (after.custodian, after.pickup) == (MONA, PlaceId("archive"))


def test_a_robot_that_resumes_late_after_all_keeps_its_document(stand: FleetStand) -> None:
    task_id = stand.deliver().task_id
    stand.run(20.0)
    robot = stand.task(task_id).robot
    assert robot is not None
    stand.robots.restart(robot)
    stand.robots.robots[robot].is_deaf = True
    stand.run(75.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.BLOCKED
    assert task.reason == f"document in {robot}: {robot} has forgotten the task, perhaps it was restarted"
    stand.robots.robots[robot].is_deaf = False
    stand.robots.start_mission(orders_of(stand, task_id)[-1])  # an order was on its way all the time
    stand.run(30.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    assert stand.task(task_id).robot == robot
    assert len(stand.robots.served) == 1
    assert stand.fleet.alarms() == ()


def test_a_hand_over_that_fails_again_and_again_ends_the_task(stand: FleetStand) -> None:
    task_id, first = strand(stand)
    for _ in range(MAX_HAND_OVERS):
        assert stand.task(task_id).status is TaskStatus.BLOCKED
        stand.robots.robots[first].fail_in = MissionPhase.UNLOADING
        stand.robots.robots[first].fail_reason = "the custody log does not tell of a document on board"
        stand.fleet.hand_over(task_id, MONA)
        stand.run(1.0)
        stand.robots.robots[first].loaded = "c1"  # giving up a chore has emptied it
        stand.run(14.0)
    task = stand.task(task_id)
    assert task.status is TaskStatus.FAILED
    assert task.reason == (
        f"document in {first}: the custody log does not tell of a document on board; handing it over failed 3 times"
    )
    assert f"document/{first}" in [alarm.alarm_id for alarm in stand.fleet.alarms()]


def test_a_robot_with_a_document_that_nobody_has_taken_out_gets_nothing_to_do(stand: FleetStand) -> None:
    _, first = strand(stand)
    other = next(robot for robot in ("courier_1", "courier_2") if robot != first)
    stand.robots.robots[RobotId(other)].is_silent = True
    stand.run(10.0)
    second = stand.deliver("d2").task_id
    stand.run(60.0)
    assert stand.task(second).status is TaskStatus.QUEUED
    assert stand.task(second).reason == "no courier is in service"
    explanation = stand.fleet.explain_dispatch(second)
    assert "has a document that somebody must take out" in str(explanation)
    stand.robots.robots[RobotId(other)].is_silent = False
    stand.run(90.0)
    assert stand.task(second).status is TaskStatus.COMPLETED
    assert stand.task(second).robot == other


def test_no_task_waits_for_a_robot_that_is_to_be_seen_to(stand: FleetStand) -> None:
    task_id, first = strand(stand)
    stand.fleet.hand_over(task_id, MONA)
    stand.run(5.0)
    stand.robots.robots[first].phase_ends_ns += 10**15  # the custodian takes their time
    other = next(robot for robot in ("courier_1", "courier_2") if robot != first)
    busy, waiting = stand.deliver("d2").task_id, stand.deliver("d3").task_id
    stand.run(10.0)
    assert stand.task(busy).robot == other
    assert other in stand.task(waiting).reason  # not: planned for the robot that waits for its custodian


def test_the_alarm_of_a_document_stays_while_its_custodian_is_waited_for(stand: FleetStand) -> None:
    task_id, first = strand(stand)
    stand.fleet.hand_over(task_id, MONA)
    stand.run(5.0)
    stand.robots.robots[first].phase_ends_ns += 10**15
    stand.restart_fleet()
    stand.run(5.0)
    assert stand.task(task_id).reason == f"document in {first}: mona takes it out"
    assert f"document/{first}" in [alarm.alarm_id for alarm in stand.fleet.alarms()]


def test_the_alarm_of_a_document_is_as_old_as_that_though_its_compartment_seems_empty(stand: FleetStand) -> None:
    _, first = strand(stand)
    stand.robots.robots[first].loaded = ""
    (before,) = (alarm for alarm in stand.fleet.alarms() if alarm.alarm_id == f"document/{first}")
    stand.run(30.0)
    assert before in stand.fleet.alarms()

"""Tasks that change robots at an exchange: one robot brings the visitor or document, another goes on from there."""

from dataclasses import replace

import pytest

from robot_ops.allocation.model import Assignment
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import ExchangeId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.dispatch.ports import TaskView
from robot_ops.site.model import Exchange, Site
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.codes import is_code
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, link
from robot_ops.tasks.orders import MissionKind, MissionOrder, MissionOutcome, MissionPhase
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.relay_site import relay_site
from robot_ops.testing.scripted_robots import ScriptedRobot
from robot_ops.testing.small_site import small_site

HALF_WAY = ExchangeId("half_way")
DROP, PICKUP = PlaceId("counter_2"), PlaceId("kiosk_2")
BEN, MONA, GITA = PersonId("ben"), PersonId("mona"), PersonId("gita")
GUIDE_1, COURIER_1, COURIER_2 = RobotId("guide_1"), RobotId("courier_1"), RobotId("courier_2")
SECONDS = 30.0


def exchange_site() -> Site:
    """Return the small site with an exchange whose keeper is ben."""
    exchange = Exchange(id=HALF_WAY, drop=DROP, pickup=PICKUP, keeper=BEN, seconds=SECONDS)
    return replace(small_site(), exchanges={HALF_WAY: exchange})


@pytest.fixture
def stand() -> FleetStand:
    made = FleetStand(site=exchange_site())
    made.run(2.0)
    return made


def relay(stand: FleetStand, task_id: TaskId, robot: RobotId) -> None:
    """Give the robot a task up to the exchange."""
    leg = Assignment(
        task_id=task_id, robot=robot, position=0, start=0.0, finish=60.0, reason="by hand", exchange=HALF_WAY
    )
    stand.fleet._assigner._assign(stand.fleet._context.robots[robot], leg)


def guided(stand: FleetStand) -> TaskId:
    """Return a guidance to the desk whose first robot brings the visitor to the exchange."""
    task_id = stand.guide(destination=PlaceId("desk_1")).task_id
    relay(stand, task_id, GUIDE_1)
    return task_id


def delivered(stand: FleetStand) -> TaskId:
    """Return a delivery whose first robot brings the document to the exchange."""
    task_id = stand.deliver().task_id
    relay(stand, task_id, COURIER_1)
    return task_id


def record(stand: FleetStand, task_id: TaskId) -> TaskRecord:
    return stand.fleet._context.book.tasks[task_id]


def orders_of(stand: FleetStand, task_id: TaskId) -> list[MissionOrder]:
    """Return the task's orders in order, each once."""
    return list({order.mission_id: order for order in stand.robots.orders if order.task_id == task_id}.values())


def run_until(stand: FleetStand, task_id: TaskId, status: TaskStatus, limit: float = 120.0) -> TaskView:
    for _ in range(round(limit / 0.5)):
        stand.run(0.5)
        if stand.task(task_id).status is status:
            break
    task = stand.task(task_id)
    assert task.status is status
    return task


def run_to_exchange(stand: FleetStand, task_id: TaskId) -> TaskView:
    """Run until the task is queued again, and no robot has been given it yet."""
    robots = stand.fleet._context.robots.values()
    for state in robots:
        state.rest_until_ns = 10**19
    task = run_until(stand, task_id, TaskStatus.QUEUED)
    for state in robots:
        state.rest_until_ns = 0
    return task


def keep(stand: FleetStand, task_id: TaskId, *kinds: CustodyKind, person: PersonId = BEN) -> None:
    """Have the first courier's chain of custody tell what happened."""
    before: CustodyEvent | None = None
    for kind in kinds:
        event = link(
            before,
            robot=COURIER_1,
            kind=kind,
            task_id=task_id,
            person=person,
            compartment="c1",
            stamp_ns=stand.clock.now_ns(),
        )
        stand.fleet.on_custody(event)
        before = event


def test_a_visitor_changes_guides(stand: FleetStand) -> None:
    task_id = guided(stand)
    assert record(stand, task_id).exchange == HALF_WAY
    task = run_to_exchange(stand, task_id)
    after = record(stand, task_id)
    assert (after.left_at, after.pickup, after.custodian, after.exchange) == (PICKUP, PICKUP, None, None)
    assert after.ready_ns == pytest.approx(stand.clock.now_ns() + SECONDS * 1e9, abs=1e9)
    assert after.robot_failures == 0
    assert task.started_ns is not None
    run_until(stand, task_id, TaskStatus.COMPLETED)
    first, second = orders_of(stand, task_id)
    assert (first.robot, first.pickup, first.destination, first.onward) == (GUIDE_1, "kiosk_1", DROP, PICKUP)
    assert (second.pickup, second.destination, second.onward) == (PICKUP, "desk_1", None)
    assert stand.fleet.alarms() == ()


def test_a_document_changes_couriers_by_its_keeper(stand: FleetStand) -> None:
    task_id = delivered(stand)
    run_to_exchange(stand, task_id)
    after = record(stand, task_id)
    assert (after.left_at, after.custodian, after.attempts) == (PICKUP, BEN, 1)
    run_until(stand, task_id, TaskStatus.COMPLETED)
    first, second = orders_of(stand, task_id)
    assert first.kind is second.kind is MissionKind.DELIVER_DOCUMENT
    assert (first.destination, first.onward) == (DROP, PICKUP)
    assert (second.pickup, second.destination, second.onward) == (PICKUP, "desk_1", None)
    assert first.sender is not None
    assert first.recipient is not None
    assert second.sender is not None
    assert second.recipient is not None
    assert [first.sender.person, first.recipient.person] == ["ada", BEN]
    assert [second.sender.person, second.recipient.person] == [BEN, GITA]


def test_the_keeper_is_told_one_code_that_opens_both_robots_and_nobody_else_is(stand: FleetStand) -> None:
    task_id = delivered(stand)
    digest = stand.fleet.ledger_digest
    code = stand.fleet.hand_over(task_id, BEN)
    assert stand.fleet.hand_over(task_id, BEN) == code
    with pytest.raises(RequestError, match="has no document in a robot that cannot go on"):
        stand.fleet.hand_over(task_id, MONA)
    with pytest.raises(RequestError, match="is the recipient"):
        stand.fleet.hand_over(task_id, GITA)
    assert stand.fleet.ledger_digest == digest
    run_to_exchange(stand, task_id)
    stand.restart_fleet()
    assert stand.fleet.hand_over(task_id, BEN) == code
    stand.run(5.0)
    assert stand.fleet.hand_over(task_id, BEN) == code
    run_until(stand, task_id, TaskStatus.COMPLETED)
    first, second = orders_of(stand, task_id)
    for handover in (first.recipient, second.sender):
        assert handover is not None
        assert is_code(code, handover.code_hash)
    assert code not in repr(list(stand.ledger.events()))
    with pytest.raises(RequestError, match="completed"):
        stand.fleet.hand_over(task_id, BEN)


def test_a_book_read_again_knows_where_a_task_changes_robots(stand: FleetStand) -> None:
    task_id = delivered(stand)
    for go_on in (lambda: stand.run(20.0), lambda: run_to_exchange(stand, task_id), lambda: stand.run(60.0)):
        go_on()
        before = stand.fleet._context.book
        stand.restart_fleet()
        after = stand.fleet._context.book
        assert after.tasks == before.tasks
        assert after.missions == before.missions


def test_an_exchange_that_the_site_no_longer_has_still_ends_the_mission(stand: FleetStand) -> None:
    task_id = delivered(stand)
    stand.run(15.0)
    stand.site = small_site()
    stand.restart_fleet()
    run_to_exchange(stand, task_id)
    assert record(stand, task_id).ready_ns == pytest.approx(stand.clock.now_ns(), abs=1e9)
    run_until(stand, task_id, TaskStatus.COMPLETED)
    assert len({order.robot for order in orders_of(stand, task_id)}) >= 1


@pytest.mark.parametrize("phase", [None, MissionPhase.TO_PICKUP, MissionPhase.LEADING])
def test_a_guidance_is_canceled_on_the_way_to_the_exchange(stand: FleetStand, phase: MissionPhase | None) -> None:
    task_id = guided(stand)
    while phase is not None and stand.task(task_id).phase is not phase:
        stand.run(0.5)
    stand.fleet.cancel(task_id, "changed their mind")
    task = run_until(stand, task_id, TaskStatus.CANCELED)
    assert task.reason == "changed their mind"
    assert len(orders_of(stand, task_id)) <= 1


def test_a_document_that_its_keeper_has_stays_there_when_the_task_is_canceled(stand: FleetStand) -> None:
    task_id = delivered(stand)
    run_to_exchange(stand, task_id)
    stand.fleet.cancel(task_id, "not needed")
    assert stand.task(task_id).reason == "not needed; ben has the document"
    assert stand.task(task_id).status is TaskStatus.CANCELED


def test_a_robot_that_is_done_before_it_hears_of_the_cancelation_ends_the_task(stand: FleetStand) -> None:
    led, carried = guided(stand), delivered(stand)
    while stand.task(carried).phase is not MissionPhase.UNLOADING:
        stand.run(0.5)
    for robot in (GUIDE_1, COURIER_1):
        stand.robots.robots[robot].is_silent = True
    for task_id in (led, carried):
        stand.fleet.cancel(task_id, "not needed")
    stand.run(10.0)
    for robot in (GUIDE_1, COURIER_1):
        stand.robots.robots[robot].is_silent = False
    stand.run(2.0)
    assert stand.task(carried).reason == "not needed; ben has the document"
    assert stand.task(led).reason == "not needed; the visitor is at counter_2"
    assert stand.task(led).status is stand.task(carried).status is TaskStatus.CANCELED


def test_a_keeper_has_the_document_though_the_robot_gives_up_after_that(stand: FleetStand) -> None:
    task_id = delivered(stand)
    while stand.task(task_id).phase is not MissionPhase.UNLOADING:
        stand.run(0.5)
    keep(stand, task_id, CustodyKind.LOADED, CustodyKind.HANDED_OVER)
    robot = stand.robots.robots[COURIER_1]
    robot.loaded = ""
    stand.robots._finish(robot, MissionOutcome.FAILED, "it does not get off its dock")
    run_to_exchange(stand, task_id)
    assert record(stand, task_id).custodian == BEN
    run_until(stand, task_id, TaskStatus.COMPLETED)


def test_a_robot_that_falls_silent_after_its_keeper_has_the_document_is_not_waited_for(stand: FleetStand) -> None:
    task_id = delivered(stand)
    while stand.task(task_id).phase is not MissionPhase.UNLOADING:
        stand.run(0.5)
    keep(stand, task_id, CustodyKind.LOADED, CustodyKind.HANDED_OVER)
    robot = stand.robots.robots[COURIER_1]
    robot.is_silent, robot.loaded = True, ""
    stand.run(65.0)
    assert record(stand, task_id).custodian == BEN
    robot.is_silent = False
    run_until(stand, task_id, TaskStatus.COMPLETED)
    assert stand.task(task_id).robot == COURIER_2
    assert len(orders_of(stand, task_id)) == 2


def test_what_its_keeper_had_before_the_mission_does_not_end_it(stand: FleetStand) -> None:
    task_id = stand.deliver().task_id
    keep(stand, task_id, CustodyKind.UNLOCKED, CustodyKind.LOADED, CustodyKind.UNLOCKED, CustodyKind.HANDED_OVER)
    relay(stand, task_id, COURIER_1)
    stand.run(1.0)
    assert [order.custody_count for order in orders_of(stand, task_id)] == [4]
    context, transfers = stand.fleet._context, stand.fleet._transfers
    mission = context.book.mission_of(COURIER_1)
    assert mission is not None
    loaded_again = replace(record(stand, task_id), is_picked_up=True)
    assert not transfers.is_kept(loaded_again, mission)
    assert transfers.is_kept(loaded_again, replace(mission, custody_count=0))


def test_a_document_that_strands_before_its_keeper_has_it_goes_on_by_a_custodian(stand: FleetStand) -> None:
    task_id = delivered(stand)
    stand.robots.robots[COURIER_1].fail_in = MissionPhase.CARRYING
    run_until(stand, task_id, TaskStatus.BLOCKED)
    with pytest.raises(RequestError):
        stand.fleet.hand_over(task_id, GITA)
    stand.fleet.hand_over(task_id, MONA)
    run_until(stand, task_id, TaskStatus.COMPLETED)
    assert record(stand, task_id).custodian == MONA


def test_a_guide_that_breaks_down_before_the_exchange_leaves_its_visitor_where_it_is(stand: FleetStand) -> None:
    task_id = guided(stand)
    stand.robots.robots[GUIDE_1].fail_in = MissionPhase.LEADING
    run_to_exchange(stand, task_id)
    after = record(stand, task_id)
    assert (after.exchange, after.ready_ns) == (None, None)
    run_until(stand, task_id, TaskStatus.COMPLETED)


def test_a_silent_guide_that_comes_back_goes_on_to_the_exchange(stand: FleetStand) -> None:
    task_id = guided(stand)
    stand.run(20.0)
    silent: ScriptedRobot = stand.robots.robots[GUIDE_1]
    silent.is_silent = True
    silent.phase_ends_ns += 90_000_000_000
    stand.robots.robots[RobotId("guide_2")].is_silent = True
    stand.run(70.0)
    assert stand.task(task_id).status is TaskStatus.QUEUED
    silent.is_silent = False
    stand.run(5.0)
    assert record(stand, task_id).exchange == HALF_WAY
    stand.robots.robots[RobotId("guide_2")].is_silent = False
    run_until(stand, task_id, TaskStatus.COMPLETED)
    assert record(stand, task_id).left_at == PICKUP


def test_a_task_without_an_exchange_is_written_as_ever(stand: FleetStand) -> None:
    stand.deliver()
    stand.guide()
    stand.run(90.0)
    for event in stand.ledger.events():
        assert not {"exchange", "onward", "keeper", "ready_ns"} & event.payload.keys()


def test_the_next_robot_is_sent_ahead_and_the_plan_does_the_whole_task() -> None:
    stand = FleetStand(site=relay_site(1.2, seconds=0.0))
    stand.run(2.0)
    task_id = stand.deliver().task_id
    stand.run(30.0)
    assert record(stand, task_id).exchange == "up"
    for _ in range(200):
        if stand.task(task_id).status.is_final:
            break
        stand.run(1.0)
    assert stand.task(task_id).status is TaskStatus.COMPLETED
    first, second = orders_of(stand, task_id)
    assert (first.robot, first.onward, second.robot, second.pickup) == (
        COURIER_1,
        "lift_office",
        COURIER_2,
        "lift_office",
    )
    ahead = [order for order in stand.robots.orders if order.robot == COURIER_2 and order.kind is MissionKind.PARK]
    assert ahead[0].destination == "lift_office"
    assert stand.robots.orders.index(ahead[0]) < stand.robots.orders.index(second)
    chores = [event for event in stand.ledger.events() if event.payload.get("mission_id") == ahead[0].mission_id]
    assert chores[0].payload["reason"] == f"meets the document of {task_id} soon"


def test_what_two_robots_can_do_together_is_accepted_and_nothing_else() -> None:
    stand = FleetStand(site=relay_site(1.2))
    stand.run(2.0)
    with pytest.raises(RequestError, match="nor can two that change at an exchange"):
        stand.deliver(
            pickup=PlaceId("desk_1"), destination=PlaceId("counter_1"), sender=GITA, recipient=PersonId("ada")
        )
    assert stand.deliver().task_id

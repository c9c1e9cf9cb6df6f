"""The dispatcher against scripted robots: acceptance, orders, outcomes, failures, recovery."""

from dataclasses import replace

import pytest

from robot_ops.core.errors import LedgerError, ParameterError, RequestError
from robot_ops.core.ids import MissionId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.tasks.codes import is_code
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, link
from robot_ops.tasks.orders import MissionKind, MissionOrder, MissionPhase
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand, delivery, guidance
from robot_ops.testing.memory_ledger import FailingLedger, MemoryLedger

GUIDE_1, GUIDE_2, COURIER_1 = RobotId("guide_1"), RobotId("guide_2"), RobotId("courier_1")


@pytest.fixture
def stand() -> FleetStand:
    stand = FleetStand()
    stand.run(2.0)
    return stand


def started_orders(stand: FleetStand) -> list[MissionOrder]:
    return [order for order in stand.robots.orders if order.task_id is not None]


def test_a_guidance_is_done(stand: FleetStand) -> None:
    accepted = stand.guide()
    assert accepted.task_id == "guide-000001"
    assert accepted.sender_code == accepted.recipient_code == ""
    assert accepted.estimated_finish_ns > stand.clock.now_ns()
    assert stand.task(accepted.task_id).status is TaskStatus.QUEUED
    stand.fleet.step()
    assert stand.task(accepted.task_id).status is TaskStatus.STANDBY
    stand.run(1.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.UNDERWAY
    assert task.phase is MissionPhase.TO_PICKUP
    assert task.reason
    assert task.estimated_finish_ns is not None
    stand.run(40.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.COMPLETED
    assert task.finished_ns is not None
    assert stand.robots.served == [(accepted.task_id, task.robot)]
    assert stand.fleet.tasks(with_finished=False) == ()
    assert stand.fleet.alarms() == ()


def test_a_delivery_is_ordered_with_hashes_of_the_codes_told(stand: FleetStand) -> None:
    accepted = stand.deliver()
    stand.run(1.0)
    (order,) = started_orders(stand)
    assert order.kind is MissionKind.DELIVER_DOCUMENT
    assert order.compartment == "c1"
    assert order.sender is not None
    assert order.recipient is not None
    assert order.sender.person == "ada"
    assert is_code(accepted.sender_code, order.sender.code_hash)
    assert is_code(accepted.recipient_code, order.recipient.code_hash)
    assert order.sender.code_hash != order.recipient.code_hash
    stand.run(40.0)
    assert stand.task(accepted.task_id).status is TaskStatus.COMPLETED


def test_codes_are_nowhere_in_the_ledger(stand: FleetStand) -> None:
    accepted = stand.deliver()
    stand.run(60.0)
    text = repr(list(stand.ledger.events()))
    assert accepted.sender_code not in text
    assert accepted.recipient_code not in text


def test_the_same_request_gets_the_same_answer_even_after_a_restart(stand: FleetStand) -> None:
    first = stand.deliver("once", due_ns=stand.clock.now_ns() + 30_000_000_000)
    request = delivery("once", due_ns=stand.clock.now_ns() + 30_000_000_000)
    assert stand.fleet.submit(request) == first
    stand.run(60.0)
    stand.restart_fleet()
    assert stand.fleet.submit(request) == first
    assert len(stand.fleet.tasks(with_finished=True)) == 1


def test_another_request_with_a_used_id_is_refused(stand: FleetStand) -> None:
    stand.guide("once")
    with pytest.raises(RequestError, match="guide-000001") as caught:
        stand.guide("once", party_size=2)
    assert caught.value.where == "request_id"


@pytest.mark.parametrize(
    ("changes", "where", "text"),
    [
        ({"pickup": PlaceId("kiosk_3")}, "pickup", "did you mean kiosk_"),
        ({"destination": PlaceId("zzz")}, "destination", "use one of"),
        ({"destination": PlaceId("charger_guide_1")}, "destination", "is a charger"),
        ({"destination": PlaceId("archive")}, "destination", "is a archive"),
        ({"language": "xx"}, "language", "use one of en, fr"),
        ({"due_ns": 5}, "due", "in the past"),
    ],
)
def test_wrong_guidance_is_refused_and_changes_nothing(
    stand: FleetStand, changes: dict[str, object], where: str, text: str
) -> None:
    before = stand.fleet.ledger_digest
    with pytest.raises(RequestError, match=text) as caught:
        stand.fleet.submit(guidance(**changes))
    assert caught.value.where == where
    assert stand.fleet.ledger_digest == before
    assert stand.fleet.tasks(with_finished=True) == ()


@pytest.mark.parametrize(
    ("changes", "where", "text"),
    [
        ({"sender": PersonId("adda")}, "sender", "did you mean ada"),
        ({"recipient": PersonId("nobody")}, "recipient", "there is no member of staff"),
        ({"sender": PersonId("ben")}, "pickup", "works at 'counter_2'"),
        ({"recipient": PersonId("mona")}, "destination", "works at 'archive'"),
        ({"pickup": PlaceId("kiosk_1")}, "pickup", "is a kiosk"),
    ],
)
def test_wrong_delivery_is_refused(stand: FleetStand, changes: dict[str, object], where: str, text: str) -> None:
    with pytest.raises(RequestError, match=text) as caught:
        stand.fleet.submit(delivery(**changes))
    assert caught.value.where == where


def test_unknown_robots_of_the_fleet_are_refused() -> None:
    stand = FleetStand()
    with pytest.raises(ParameterError, match="no robot 'r2d2'"):
        Dispatcher(
            site=stand.site,
            ledger=MemoryLedger(),
            link=stand.robots,
            clock=stand.clock,
            secret=b"s",
            robots=[RobotId("r2d2")],
        )


def test_only_a_guide_that_speaks_the_language_gets_the_task(stand: FleetStand) -> None:
    accepted = stand.guide(language="fr")
    stand.run(1.0)
    assert stand.task(accepted.task_id).robot == GUIDE_2


def test_one_robot_has_one_task_and_the_rest_wait(stand: FleetStand) -> None:
    ids = [stand.guide(f"g{number}").task_id for number in range(5)]
    stand.run(1.0)
    statuses = [stand.task(task_id).status for task_id in ids]
    assert statuses.count(TaskStatus.QUEUED) == 3
    stand.run(150.0)
    assert {stand.task(task_id).status for task_id in ids} == {TaskStatus.COMPLETED}
    assert sorted(task_id for task_id, _ in stand.robots.served) == ids


def test_priority_goes_first(stand: FleetStand) -> None:
    ordinary = [stand.guide(f"g{number}", language="fr").task_id for number in range(3)]
    stand.run(1.0)
    urgent = stand.guide("urgent", language="fr", priority=10).task_id
    stand.run(160.0)
    done = [task_id for task_id, _ in stand.robots.served]
    assert done[:2] == [ordinary[0], urgent]
    assert set(done) == {*ordinary, urgent}


def test_an_idle_robot_that_stands_in_the_way_parks_at_once(stand: FleetStand) -> None:
    accepted = stand.guide()
    stand.run(36.0)
    robot = stand.task(accepted.task_id).robot
    assert robot is not None
    stand.run(20.0)
    assert stand.robots.robots[robot].place == f"park_{robot}"
    parks = [order for order in stand.robots.orders if order.kind is MissionKind.PARK]
    assert {order.robot for order in parks} == {robot}


def test_a_low_battery_charges_and_a_full_one_does_not(stand: FleetStand) -> None:
    stand.robots.robots[GUIDE_1].soc = 0.25
    stand.run(3.0)
    charges = [order for order in stand.robots.orders if order.kind is MissionKind.CHARGE]
    assert {order.robot for order in charges} == {GUIDE_1}
    stand.run(30.0)
    assert stand.robots.robots[GUIDE_1].soc == 1.0


def test_an_empty_robot_charges_before_its_next_task(stand: FleetStand) -> None:
    stand.robots.robots[GUIDE_2].soc = 0.15
    accepted = stand.guide(language="fr")
    stand.run(3.0)
    assert stand.task(accepted.task_id).status is TaskStatus.QUEUED
    assert [order.kind for order in stand.robots.orders] == [MissionKind.CHARGE]
    stand.run(60.0)
    assert stand.task(accepted.task_id).status is TaskStatus.COMPLETED


def test_charging_is_preempted_when_the_battery_will_do(stand: FleetStand) -> None:
    robot = stand.robots.robots[GUIDE_2]
    robot.soc = 0.25
    stand.run(3.0)
    robot.soc = 0.6
    accepted = stand.guide(language="fr")
    stand.run(3.0)
    assert stand.task(accepted.task_id).status is TaskStatus.UNDERWAY
    assert [robot for robot, _, _ in stand.robots.cancelations] == [GUIDE_2]


def test_cancel_of_a_queued_task_is_at_once(stand: FleetStand) -> None:
    accepted = stand.guide()
    stand.fleet.cancel(accepted.task_id, "changed my mind")
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.CANCELED
    assert task.reason == "changed my mind"
    stand.fleet.cancel(accepted.task_id, "again")
    stand.run(5.0)
    assert started_orders(stand) == []


def test_cancel_of_an_active_task_goes_by_its_robot(stand: FleetStand) -> None:
    accepted = stand.deliver()
    stand.run(20.0)
    stand.fleet.cancel(accepted.task_id, "wrong document")
    stand.fleet.cancel(accepted.task_id, "twice")
    assert stand.task(accepted.task_id).status is TaskStatus.UNDERWAY
    stand.run(2.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.CANCELED
    assert task.reason == "wrong document"


def test_cancel_of_unknown_or_ended_tasks_is_refused(stand: FleetStand) -> None:
    with pytest.raises(RequestError, match="no task 'guide-000009'"):
        stand.fleet.cancel(TaskId("guide-000009"), "")
    accepted = stand.guide()
    stand.run(40.0)
    with pytest.raises(RequestError, match="already been completed"):
        stand.fleet.cancel(accepted.task_id, "")


def test_cancel_before_a_silent_robot_began(stand: FleetStand) -> None:
    for robot in (GUIDE_1, GUIDE_2):
        stand.robots.robots[robot].is_silent = True
    accepted = stand.guide()
    stand.fleet.step()
    assert stand.task(accepted.task_id).status is TaskStatus.STANDBY
    stand.fleet.cancel(accepted.task_id, "no longer needed")
    stand.run(70.0)
    assert stand.task(accepted.task_id).status is TaskStatus.CANCELED


def test_a_robot_that_fails_on_the_way_is_replaced(stand: FleetStand) -> None:
    for robot in (GUIDE_1, GUIDE_2):
        stand.robots.robots[robot].fail_in = MissionPhase.TO_PICKUP
    accepted = stand.guide()
    stand.run(120.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.COMPLETED
    assert len({order.mission_id for order in started_orders(stand)}) > 1
    assert len(stand.robots.served) == 1


def test_a_task_fails_after_three_failed_robots(stand: FleetStand) -> None:
    accepted = stand.guide()
    for _ in range(80):
        for robot in (GUIDE_1, GUIDE_2):
            stand.robots.robots[robot].fail_in = MissionPhase.TO_PICKUP
        stand.run(1.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.FAILED
    assert task.reason == "3 robots failed, the last: the way is blocked"


def test_a_task_without_its_visitor_fails(stand: FleetStand) -> None:
    for robot in (GUIDE_1, GUIDE_2):
        stand.robots.robots[robot].fail_in = MissionPhase.MEETING
        stand.robots.robots[robot].fail_reason = "no visitor"
    accepted = stand.guide()
    stand.run(60.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.FAILED
    assert task.reason == "no visitor"
    assert len({order.mission_id for order in started_orders(stand)}) == 1


def test_a_failed_delivery_with_the_document_on_board_is_an_alarm(stand: FleetStand) -> None:
    for robot in ("courier_1", "courier_2"):
        stand.robots.robots[RobotId(robot)].fail_in = MissionPhase.UNLOADING
        stand.robots.robots[RobotId(robot)].fail_reason = "recipient did not come"
    accepted = stand.deliver()
    stand.run(60.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.BLOCKED
    assert task.reason == f"document in {task.robot}: recipient did not come"
    assert [alarm.alarm_id for alarm in stand.fleet.alarms()] == [f"document/{task.robot}"]
    stand.run(1800.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.FAILED
    assert task.reason.endswith("nobody took it over")
    assert task.robot is not None
    stand.robots.robots[task.robot].loaded = ""
    stand.run(10.0)
    assert stand.fleet.alarms() == ()


def test_a_document_that_was_laid_in_but_never_confirmed_is_an_alarm(stand: FleetStand) -> None:
    for robot in ("courier_1", "courier_2"):
        stand.robots.robots[RobotId(robot)].fail_in = MissionPhase.LOADING
    accepted = stand.deliver()
    stand.run(12.0)
    task = stand.task(accepted.task_id)
    assert task.robot is not None
    order = stand.robots.robots[task.robot].order
    assert order is not None
    stand.robots.robots[task.robot].loaded = order.compartment
    stand.run(30.0)
    assert stand.task(accepted.task_id).status is TaskStatus.FAILED
    assert [alarm.alarm_id for alarm in stand.fleet.alarms()] == [f"document/{task.robot}"]


def test_a_blocked_robot_makes_a_blocked_task(stand: FleetStand) -> None:
    accepted = stand.guide()
    for robot in (GUIDE_1, GUIDE_2):
        stand.robots.robots[robot].remark = "blocked: a trolley stands on the lane"
    stand.run(10.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.BLOCKED
    assert task.reason == "a trolley stands on the lane"
    for robot in (GUIDE_1, GUIDE_2):
        stand.robots.robots[robot].remark = ""
    stand.run(40.0)
    assert stand.task(accepted.task_id).status is TaskStatus.COMPLETED


def test_a_stopped_robot_blocks_its_task_then_delays_it(stand: FleetStand) -> None:
    accepted = stand.guide()
    stand.run(2.0)
    robot = stand.task(accepted.task_id).robot
    assert robot is not None
    stand.robots.robots[robot].is_stopped = True
    stand.run(300.0)
    assert stand.task(accepted.task_id).status is TaskStatus.BLOCKED
    assert f"stopped/{robot}" in [alarm.alarm_id for alarm in stand.fleet.alarms()]
    stand.robots.robots[robot].is_stopped = False
    stand.robots.robots[robot].phase_ends_ns = stand.clock.now_ns() + 5_000_000_000
    stand.run(1.0)
    assert stand.task(accepted.task_id).status is TaskStatus.DELAYED
    stand.run(60.0)
    assert stand.task(accepted.task_id).status is TaskStatus.COMPLETED


def test_a_silent_robot_without_visitor_loses_its_task(stand: FleetStand) -> None:
    accepted = stand.guide()
    stand.run(3.0)
    robot = stand.task(accepted.task_id).robot
    assert robot is not None
    silent = stand.robots.robots[robot]
    silent.is_silent = True
    silent.phase_ends_ns += 10**15
    stand.run(8.0)
    assert f"offline/{robot}" in [alarm.alarm_id for alarm in stand.fleet.alarms()]
    assert stand.task(accepted.task_id).status is TaskStatus.UNDERWAY
    stand.run(100.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.COMPLETED
    assert task.robot != robot
    silent.is_silent = False
    stand.run(5.0)
    assert (robot, MissionId(f"{accepted.task_id}.1")) in [entry[:2] for entry in stand.robots.cancelations]
    assert len(stand.robots.served) == 1
    assert stand.fleet.alarms() == ()


def test_a_silent_robot_with_a_document_keeps_its_task(stand: FleetStand) -> None:
    accepted = stand.deliver()
    stand.run(20.0)
    robot = stand.task(accepted.task_id).robot
    assert robot is not None
    stand.robots.robots[robot].is_silent = True
    stand.run(120.0)
    task = stand.task(accepted.task_id)
    assert task.status is TaskStatus.BLOCKED
    assert task.robot == robot
    stand.robots.robots[robot].is_silent = False
    stand.run(5.0)
    assert stand.task(accepted.task_id).status is TaskStatus.COMPLETED
    assert len(stand.robots.served) == 1


def test_a_robot_given_up_that_comes_back_with_the_visitor_goes_on(stand: FleetStand) -> None:
    stand.robots.robots[GUIDE_1].is_silent = True  # so that nobody else can take the task over
    accepted = stand.guide(language="fr")
    stand.run(3.0)
    stand.robots.robots[GUIDE_2].is_silent = True
    stand.robots.robots[GUIDE_2].phase_ends_ns += 60_000_000_000
    stand.run(80.0)
    assert stand.task(accepted.task_id).status is TaskStatus.QUEUED
    stand.robots.robots[GUIDE_2].is_silent = False
    stand.run(1.0)
    task = stand.task(accepted.task_id)
    assert task.robot == GUIDE_2
    stand.run(60.0)
    assert stand.task(accepted.task_id).status is TaskStatus.COMPLETED
    assert len(stand.robots.served) == 1


def test_a_restarted_robot_begins_anew_before_the_pickup(stand: FleetStand) -> None:
    accepted = stand.guide()
    stand.run(3.0)
    robot = stand.task(accepted.task_id).robot
    assert robot is not None
    stand.robots.restart(robot)
    stand.run(60.0)
    assert stand.task(accepted.task_id).status is TaskStatus.COMPLETED


def test_a_restarted_robot_with_a_document_resumes_its_mission(stand: FleetStand) -> None:
    accepted = stand.deliver()
    stand.run(20.0)
    robot = stand.task(accepted.task_id).robot
    assert robot is not None
    stand.robots.restart(robot)
    stand.run(30.0)
    assert stand.task(accepted.task_id).status is TaskStatus.COMPLETED
    orders = started_orders(stand)
    assert len({order.mission_id for order in orders}) == 1
    assert not orders[0].has_cargo
    assert orders[-1].has_cargo
    assert len(stand.robots.served) == 1


def test_open_tasks_go_on_after_a_restart_of_the_fleet(stand: FleetStand) -> None:
    ids = [stand.guide(f"g{number}").task_id for number in range(4)]
    stand.run(12.0)
    stand.restart_fleet()
    assert {task.task_id for task in stand.fleet.tasks(with_finished=True)} == set(ids)
    stand.run(150.0)
    assert {stand.task(task_id).status for task_id in ids} == {TaskStatus.COMPLETED}
    assert sorted(task_id for task_id, _ in stand.robots.served) == ids


def test_a_mission_that_the_ledger_does_not_know_is_canceled(stand: FleetStand) -> None:
    stand.guide()
    stand.run(3.0)
    other = FleetStand(clock=stand.clock)
    other.robots = stand.robots
    other.restart_fleet()
    other.run(2.0)
    assert stand.robots.cancelations[0][2] == "the fleet does not know this mission"


def test_messages_of_unknown_robots_are_one_alarm(stand: FleetStand) -> None:
    status = stand.robots.status(stand.robots.robots[GUIDE_1])
    for _ in range(3):
        stand.fleet.on_status(replace(status, robot=RobotId("ghost")))
        stand.fleet.on_custody(custody_event(None, robot=RobotId("ghost")))
    assert [alarm.alarm_id for alarm in stand.fleet.alarms()] == ["unknown/ghost"]


def test_old_statuses_are_ignored(stand: FleetStand) -> None:
    old = stand.robots.status(stand.robots.robots[GUIDE_1])
    stand.robots.robots[GUIDE_1].soc = 0.5
    stand.run(1.0)
    stand.fleet.on_status(old)
    (view,) = [view for view in stand.fleet.robots() if view.robot == GUIDE_1]
    assert view.status is not None
    assert view.status.battery_soc == 0.5
    assert view.is_online


def custody_event(
    previous: CustodyEvent | None, *, robot: RobotId = COURIER_1, kind: CustodyKind = CustodyKind.LOADED
) -> CustodyEvent:
    return link(
        previous,
        robot=robot,
        kind=kind,
        task_id=TaskId("deliver-000001"),
        person=PersonId("ada"),
        compartment="c1",
        stamp_ns=7,
    )


def test_custody_events_are_kept_once_in_any_order(stand: FleetStand) -> None:
    first = custody_event(None)
    second = custody_event(first, kind=CustodyKind.LOCKED)
    for event in (second, first, first, second):
        stand.fleet.on_custody(event)
    recorded = [event for event in stand.ledger.events() if event.kind == "custody.recorded"]
    assert len(recorded) == 2
    assert stand.fleet.alarms() == ()


def test_custody_events_that_do_not_fit_are_an_alarm(stand: FleetStand) -> None:
    first = custody_event(None)
    stand.fleet.on_custody(first)
    stand.fleet.on_custody(replace(first, person=PersonId("mallory")))
    assert [alarm.alarm_id for alarm in stand.fleet.alarms()] == ["custody/courier_1"]


@pytest.mark.parametrize("fail_after", [False, True])
def test_a_failing_ledger_stops_promises_and_loses_nothing(fail_after: bool) -> None:
    numbers = frozenset(range(1, 40, 2))
    ledger = FailingLedger(
        MemoryLedger(),
        fail_before=frozenset() if fail_after else numbers,
        fail_after=numbers if fail_after else frozenset(),
    )
    stand = FleetStand(ledger=ledger)
    stand.run(2.0)
    accepted, refused = [], 0
    for number in range(6):
        try:
            accepted.append(stand.guide(f"g{number}").task_id)
        except LedgerError:
            refused += 1
        stand.run(2.0)
    assert refused
    assert accepted
    stand.run(300.0)
    for task_id in accepted:
        assert stand.task(task_id).status is TaskStatus.COMPLETED
    served = [task_id for task_id, _ in stand.robots.served]
    assert len(served) == len(set(served))
    assert "ledger" not in [alarm.alarm_id for alarm in stand.fleet.alarms()]


def test_a_ledger_that_fails_for_long_is_an_alarm_and_nothing_is_ordered() -> None:
    ledger = FailingLedger(MemoryLedger(), fail_before=frozenset(range(1, 1000)))
    stand = FleetStand(ledger=ledger)
    stand.run(2.0)
    accepted = stand.guide()
    stand.run(30.0)
    assert "ledger" in [alarm.alarm_id for alarm in stand.fleet.alarms()]
    assert stand.robots.orders == []
    with pytest.raises(LedgerError):
        stand.guide("g2")
    ledger._fail_before = frozenset()
    stand.run(60.0)
    assert stand.task(accepted.task_id).status is TaskStatus.COMPLETED


def test_tasks_that_nobody_can_do_now_are_an_alarm() -> None:
    stand = FleetStand()
    stand.robots.robots[GUIDE_2].is_silent = True
    stand.run(2.0)
    accepted = stand.guide(language="fr")
    stand.run(40.0)
    assert stand.task(accepted.task_id).reason == "no guide that speaks fr is in service"
    assert "unserved_tasks" in [alarm.alarm_id for alarm in stand.fleet.alarms()]
    stand.robots.robots[GUIDE_2].is_silent = False
    stand.run(60.0)
    assert stand.task(accepted.task_id).status is TaskStatus.COMPLETED
    assert stand.fleet.alarms() == ()

"""Documents that a keeper has and does not give on; keepers who send or receive documents themselves."""

from dataclasses import replace

import pytest

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import ExchangeId, LaneId, LevelId, NodeId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.site.model import Exchange, Lane, Level, Node, PlaceKind, StaffMember
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.orders import MissionOutcome, MissionPhase, MissionReport
from robot_ops.tasks.requests import DeliveryRequest
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.relay_site import KEEPER, relay_site

ADA, GITA = PersonId("ada"), PersonId("gita")
COURIER_2 = RobotId("courier_2")


@pytest.fixture
def stand() -> FleetStand:
    made = FleetStand(site=relay_site(1.2))
    made.run(2.0)
    return made


def record(stand: FleetStand, task_id: TaskId) -> TaskRecord:
    return stand.fleet._context.book.tasks[task_id]


def alarms(stand: FleetStand) -> dict[str, str]:
    return {alarm.alarm_id: alarm.text for alarm in stand.fleet.alarms()}


def run_until(stand: FleetStand, task_id: TaskId, *statuses: TaskStatus, limit: float = 300.0) -> TaskRecord:
    for _ in range(round(limit / 0.5)):
        if record(stand, task_id).status in statuses:
            break
        stand.run(0.5)
    assert record(stand, task_id).status in statuses
    return record(stand, task_id)


def relayed(stand: FleetStand) -> TaskId:
    """Return a delivery whose document the keeper has."""
    task_id = stand.deliver().task_id
    for _ in range(200):
        stand.run(0.5)
        if record(stand, task_id).custodian == KEEPER:
            return task_id
    raise AssertionError("it does not come to the keeper")


def miss(stand: FleetStand, task_id: TaskId) -> None:
    """Let the next courier come to the keeper in vain."""
    run_until(stand, task_id, TaskStatus.UNDERWAY)
    robot = stand.robots.robots[COURIER_2]
    robot.fail_in, robot.fail_reason = MissionPhase.LOADING, "sender did not come"
    run_until(stand, task_id, TaskStatus.QUEUED, TaskStatus.FAILED)


def test_a_keeper_who_does_not_come_is_asked_again_and_operators_are_told(stand: FleetStand) -> None:
    task_id = relayed(stand)
    assert alarms(stand) == {}
    miss(stand, task_id)
    assert record(stand, task_id).reason == "ben did not give the document to courier_2: sender did not come"
    stand.run(1.0)
    alarm = f"kept/{task_id}"
    assert alarms(stand)[alarm] == f"ben has the document of {task_id} and did not give it to a robot: call them"
    task = run_until(stand, task_id, TaskStatus.COMPLETED)
    assert (task.robot_failures, task.attempts, task.kept_by) == (1, 3, None)
    stand.run(1.0)
    assert alarms(stand) == {}


def test_in_the_end_the_record_says_who_has_the_document(stand: FleetStand) -> None:
    task_id = relayed(stand)
    for _ in range(3):
        miss(stand, task_id)
    task = record(stand, task_id)
    assert task.status is TaskStatus.FAILED
    assert task.reason == "ben did not give it to 3 robots, the last: sender did not come; ben has the document"
    assert task.kept_by == KEEPER
    text = f"ben has the document of {task_id}, which has failed: have it brought on by hand"
    stand.run(1.0)
    assert alarms(stand) == {f"kept/{task_id}": text}
    stand.restart_fleet()
    stand.run(10.0)
    assert alarms(stand)[f"kept/{task_id}"] == text
    stand.run(1830.0)
    assert alarms(stand) == {}


def test_a_document_that_comes_back_to_its_keeper_is_kept_there(stand: FleetStand) -> None:
    task_id = relayed(stand)
    run_until(stand, task_id, TaskStatus.UNDERWAY)
    robot = stand.robots.robots[COURIER_2]
    while robot.loaded == "":
        stand.run(0.5)
    stand.run(1.0)
    order, robot.order, robot.loaded = robot.order, None, ""
    assert order is not None
    robot.report = MissionReport(
        robot=COURIER_2,
        mission_id=order.mission_id,
        task_id=task_id,
        phase=MissionPhase.RETURNING,
        outcome=MissionOutcome.FAILED,
        reason="recipient did not come; returned to the sender",
        has_cargo=False,
        stamp_ns=stand.clock.now_ns(),
    )
    stand.run(2.0)
    task = record(stand, task_id)
    assert (task.status, task.kept_by) == (TaskStatus.FAILED, KEEPER)
    assert task.reason == "recipient did not come; returned to the sender; ben has the document"
    assert f"kept/{task_id}" in alarms(stand)


def test_a_sender_who_has_it_back_is_no_alarm(stand: FleetStand) -> None:
    task_id = stand.deliver().task_id
    run_until(stand, task_id, TaskStatus.UNDERWAY)
    robot = stand.robots.robots[RobotId("courier_1")]
    robot.fail_in, robot.fail_reason = MissionPhase.LOADING, "sender did not come"
    task = run_until(stand, task_id, TaskStatus.FAILED)
    assert (task.reason, task.kept_by) == ("sender did not come", None)
    stand.run(1.0)
    assert alarms(stand) == {}


@pytest.mark.parametrize(("sender", "recipient", "field"), [(KEEPER, GITA, "sender"), (ADA, KEEPER, "recipient")])
def test_who_keeps_the_only_exchange_gets_no_robot_to_it(sender: PersonId, recipient: PersonId, field: str) -> None:
    site = relay_site(1.2)
    if recipient == KEEPER:
        moved = StaffMember(id=KEEPER, name="Ben", place=PlaceId("desk_1"))
        site = replace(site, staff={**site.staff, KEEPER: moved})
    stand = FleetStand(site=site)
    stand.run(1.0)
    request = DeliveryRequest(
        request_id="own",
        pickup=site.staff[sender].place,
        destination=site.staff[recipient].place,
        sender=sender,
        recipient=recipient,
        document="file",
    )
    digest = stand.fleet.ledger_digest
    with pytest.raises(RequestError, match="'ben' keeps the documents at the only exchange that leads there") as told:
        stand.fleet.submit(request)
    assert told.value.where == field
    assert stand.fleet.ledger_digest == digest


def test_another_keeper_passes_it_on() -> None:
    site = relay_site(1.2)
    (up,) = site.exchanges.values()
    other = replace(up, id=type(up.id)("stairs"), keeper=PersonId("mona"))
    stand = FleetStand(site=replace(site, exchanges={up.id: up, other.id: other}))
    stand.run(1.0)
    request = DeliveryRequest(
        request_id="own",
        pickup=site.staff[KEEPER].place,
        destination=PlaceId("desk_1"),
        sender=KEEPER,
        recipient=GITA,
        document="file",
    )
    task_id = stand.fleet.submit(request).task_id
    run_until(stand, task_id, TaskStatus.UNDERWAY)
    assert record(stand, task_id).exchange == "stairs"
    run_until(stand, task_id, TaskStatus.COMPLETED)


def test_what_needs_two_exchanges_in_a_row_is_refused() -> None:
    site = relay_site(1.2)
    (up,) = site.exchanges.values()
    attic, desk = LevelId("attic"), NodeId("attic_desk")
    charger = NodeId("attic_charger")
    lane = Lane(id=LaneId("attic"), start=desk, end=charger)
    (courier,) = (robot for robot in site.robots.values() if robot.id == COURIER_2)
    third = replace(
        courier,
        id=RobotId("courier_3"),
        charger=PlaceId(charger),
        park=PlaceId(charger),
        levels=frozenset({attic}),
    )
    place = replace(site.places[PlaceId("desk_1")], id=PlaceId(desk), node=desk)
    further = replace(
        up, id=ExchangeId("further"), drop=PlaceId("lift_office"), pickup=PlaceId(charger), keeper=PersonId("mona")
    )
    higher = replace(
        site,
        levels={**site.levels, attic: Level(id=attic, elevation=8.0)},
        nodes={
            **site.nodes,
            desk: Node(id=desk, level=attic, x=0.0, y=0.0),
            charger: Node(id=charger, level=attic, x=3.0, y=0.0),
        },
        lanes={**site.lanes, lane.id: lane},
        places={
            **site.places,
            place.id: place,
            PlaceId(charger): replace(place, id=PlaceId(charger), kind=PlaceKind.CHARGER, node=charger),
        },
        robots={**site.robots, third.id: third},
        staff={**site.staff, PersonId("otto"): StaffMember(id=PersonId("otto"), name="Otto", place=place.id)},
        exchanges={up.id: up, further.id: further},
    )
    stand = FleetStand(site=higher)
    stand.run(1.0)
    wanted = DeliveryRequest(
        request_id="far",
        pickup=PlaceId("counter_1"),
        destination=place.id,
        sender=ADA,
        recipient=PersonId("otto"),
        document="file",
    )
    with pytest.raises(RequestError, match="nor can two that change at an exchange"):
        stand.fleet.submit(wanted)
    half = replace(wanted, request_id="half", pickup=PlaceId("desk_1"), sender=GITA)
    task_id = stand.fleet.submit(half).task_id
    run_until(stand, task_id, TaskStatus.COMPLETED)


def test_an_exchange_without_a_keeper_is_nobodys_own() -> None:
    site = relay_site(1.2)
    (up,) = site.exchanges.values()
    visitors_only = Exchange(id=up.id, drop=up.drop, pickup=up.pickup, keeper=None, seconds=up.seconds)
    stand = FleetStand(site=replace(site, exchanges={up.id: visitors_only}))
    stand.run(1.0)
    with pytest.raises(RequestError, match="nor can two that change at an exchange"):
        stand.deliver()

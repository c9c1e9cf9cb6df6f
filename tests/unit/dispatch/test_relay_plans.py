"""What the dispatcher makes of a site whose robots stay on their floors: it plans by way of the lift's exchanges."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from robot_ops.core.ids import ExchangeId, LevelId, PersonId, PlaceId, TaskId
from robot_ops.dispatch.waiting_line import WaitingLine, ability
from robot_ops.site.files import load_site
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.requests import DeliveryRequest, GuidanceRequest, TaskKind
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand

SITE = Path(__file__).resolve().parents[3] / "sites" / "two_floors.yaml"
UPSTAIRS = PlaceId("desk_1")


@pytest.fixture
def stand() -> FleetStand:
    made = FleetStand(site=load_site(SITE))
    made.run(2.0)
    return made


def lead(stand: FleetStand, name: str = "a", pickup: str = "kiosk_1") -> TaskId:
    request = GuidanceRequest(request_id=name, pickup=PlaceId(pickup), destination=UPSTAIRS, language="en")
    return stand.fleet.submit(request).task_id


def record(stand: FleetStand, task_id: TaskId) -> TaskRecord:
    return stand.fleet._context.book.tasks[task_id]


def test_a_task_to_another_floor_is_given_to_a_robot_up_to_the_exchange(stand: FleetStand) -> None:
    task_id = lead(stand)
    stand.run(3.0)
    task = record(stand, task_id)
    assert task.exchange == ExchangeId("up")
    assert stand.site.robots[task.robot].levels == {LevelId("hall")}
    plan = stand.fleet._assigner.plan
    assert task_id not in plan.assignments
    rest = plan.onward[task_id]
    assert stand.site.robots[rest.robot].levels == {LevelId("office")}
    assert plan.finish[task_id] == rest.finish
    assert all(each.robot != rest.robot or each.position > 0 for each in plan.assignments.values())


def test_the_rest_goes_to_no_robot_before_the_first_is_done(stand: FleetStand) -> None:
    task_id = lead(stand)
    robots = []
    for _ in range(800):
        stand.run(0.5)
        task = record(stand, task_id)
        if task.status is TaskStatus.COMPLETED:
            break
        if task.robot is not None and task.robot not in robots:
            robots.append(task.robot)
            assert (task.exchange is None) == (len(robots) == 2)
    assert task.status is TaskStatus.COMPLETED
    assert [stand.site.robots[robot].levels for robot in robots] == [{LevelId("hall")}, {LevelId("office")}]


def test_a_promise_covers_both_robots(stand: FleetStand) -> None:
    near = stand.fleet._assigner._estimate(
        GuidanceRequest(request_id="n", pickup=PlaceId("kiosk_1"), destination=PlaceId("counter_3"), language="en")
    )
    far = stand.fleet._assigner._estimate(
        GuidanceRequest(request_id="f", pickup=PlaceId("kiosk_1"), destination=UPSTAIRS, language="en")
    )
    assert near < far
    assert far > stand.site.exchanges[ExchangeId("up")].seconds + 60.0
    document = DeliveryRequest(
        request_id="d",
        pickup=stand.site.staff[PersonId("clerk_ada")].place,
        destination=stand.site.staff[PersonId("officer_dora")].place,
        sender=PersonId("clerk_ada"),
        recipient=PersonId("officer_dora"),
        document="Letter",
    )
    assert math.isfinite(stand.fleet._assigner._estimate(document))


def test_explain_tells_both_parts_of_a_task_that_waits_and_of_one_underway(stand: FleetStand) -> None:
    tasks = [lead(stand, f"t{number}") for number in range(5)]
    stand.run(3.0)
    waiting = next(each for each in tasks if record(stand, each).status is TaskStatus.QUEUED)
    found = stand.fleet.explain_dispatch(waiting)
    first, second, *_ = found.options
    assert first.is_chosen
    assert second.is_chosen
    text = "\n".join(found.lines)
    assert f"{first.robot}: brings it to {stand.site.places[PlaceId('lift_up')].label}, done in" in text
    assert f"{second.robot}: goes on with it from" in text
    assert "stays on hall" in text
    underway = next(each for each in tasks if record(stand, each).exchange is not None)
    text = "\n".join(stand.fleet.explain_dispatch(underway).lines)
    assert "where it changes robots; " in text
    assert "goes on with it, expected to be done in" in text


def test_a_place_that_the_site_has_no_longer_stops_nothing(stand: FleetStand) -> None:
    other = lead(stand)
    book = stand.fleet._context.book
    book.tasks[other] = replace(book.tasks[other], left_at=PlaceId("gone"))
    stand.fleet._assigner._line = WaitingLine(stand.fleet._assigner._levels)
    task_id = lead(stand, "b")
    stand.run(3.0)
    assert record(stand, task_id).robot is not None
    assert record(stand, other).status is TaskStatus.QUEUED


def test_tasks_of_one_floor_do_not_stand_in_line_with_those_of_another() -> None:
    def levels(pickup: PlaceId, destination: PlaceId) -> tuple[LevelId, ...]:
        return LevelId(pickup[0]), LevelId(destination[0])

    line = WaitingLine(levels)
    for number in range(40):
        start = "h" if number < 39 else "o"
        request = GuidanceRequest(
            request_id=str(number), pickup=PlaceId(f"{start}1"), destination=PlaceId(f"{start}2"), language="en"
        )
        line.add(TaskId(f"guide-{number:02d}"), request, number)
    assert "guide-39" in line.front(lambda _: 1)
    assert (TaskKind.GUIDE, "en", (LevelId("o"), LevelId("o"))) in line.abilities
    assert ability(request) == (TaskKind.GUIDE, "en", ())

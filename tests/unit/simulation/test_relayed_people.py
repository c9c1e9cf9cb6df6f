"""People at an exchange: visitors go on to the next guide, keepers take documents and give them on."""

from dataclasses import replace

import numpy as np
import pytest

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import ExchangeId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.core.poses import LevelPose
from robot_ops.core.resources import shared_folder
from robot_ops.missions.ports import Announcement, AnnouncementKind
from robot_ops.simulation.compartments import CompartmentBanks
from robot_ops.simulation.crowd import FreeCrowd
from robot_ops.simulation.population import Population
from robot_ops.simulation.scenario import Scenario, load_scenario
from robot_ops.site.model import Exchange
from robot_ops.tasks.requests import Accepted, DeliveryRequest, GuidanceRequest
from tests.unit.simulation.test_people import DeskRecord, run

GUIDE, COURIER, TASK = RobotId("guide_1"), RobotId("courier_1"), TaskId("guide-1")
PORTER = PersonId("porter_gus")


@pytest.fixture(scope="module")
def floors() -> Scenario:
    loaded = load_scenario(shared_folder("sim") / "scenarios" / "two_floors.yaml")
    assert loaded.guidance is not None
    return replace(loaded, guidance=replace(loaded.guidance, pickups=(PlaceId("kiosk_1"),)))


def population(scenario: Scenario) -> Population:
    hall = scenario.site.node_of(PlaceId("kiosk_1")).level
    return Population(
        scenario,
        crowd=FreeCrowd(),
        other_crowds={level: FreeCrowd() for level in scenario.site.levels if level != hall},
        hands=CompartmentBanks({robot: scenario.site.robots[robot].model.compartments for robot in scenario.robots}),
        level=hall,
        robots=scenario.robots,
        rng=np.random.default_rng(1),
    )


def say(people: Population, kind: AnnouncementKind, at: float, place: str | None = None) -> None:
    told = Announcement(kind=kind, text="", task_id=TASK, place=None if place is None else PlaceId(place))
    people.hear(GUIDE, told, to_ns(at))


def led(people: Population, desk: DeskRecord) -> str:
    """Return a visitor whom a guide has told to go on, 40 seconds after the beginning."""
    run(people, desk, 30.0, {})
    request = next(request for request in desk.requests if isinstance(request, GuidanceRequest))
    people.accepted(request.request_id, Accepted(task_id=TASK, estimated_finish_ns=0), to_ns(30.0))
    for kind in (AnnouncementKind.GREETING, AnnouncementKind.FOLLOW_ME, AnnouncementKind.ARRIVED):
        say(people, kind, 30.0)
    run(people, desk, 10.0, {}, start=30.0)
    say(people, AnnouncementKind.ONWARD, 40.0, "from_lift_up")
    say(people, AnnouncementKind.FAREWELL, 44.0)
    return request.request_id


def where(people: Population, person: str) -> LevelPose | None:
    return next((each.at for each in people.people() if each.person == person), None)


def test_a_visitor_rides_alone_and_waits_where_the_next_guide_comes(floors: Scenario) -> None:
    people, desk = population(floors), DeskRecord()
    visitor = led(people, desk)
    run(people, desk, 44.0, {}, start=40.0)
    assert where(people, visitor) is None
    run(people, desk, 3.0, {}, start=84.0)
    at = where(people, visitor)
    assert at is not None
    lift = floors.site.pose_at(PlaceId("from_lift_up"))
    assert at.level == lift.level == "office"
    assert at.pose.distance_to(lift.pose) < 2.0
    ahead = floors.site.pose_at(PlaceId("desk_4"))
    say(people, AnnouncementKind.FOLLOW_ME, 87.0)
    run(people, desk, 60.0, {GUIDE: ahead}, start=87.0)
    at = where(people, visitor)
    assert at is not None
    assert at.pose.distance_to(ahead.pose) < 2.0


def test_on_the_same_level_a_visitor_walks_on(floors: Scenario) -> None:
    exchange = Exchange(id=ExchangeId("here"), drop=PlaceId("lift_up"), pickup=PlaceId("counter_1"), seconds=20.0)
    scenario = replace(floors, site=replace(floors.site, exchanges={exchange.id: exchange}))
    people, desk = population(scenario), DeskRecord()
    run(people, desk, 30.0, {})
    visitor = next(request for request in desk.requests if isinstance(request, GuidanceRequest)).request_id
    people.accepted(visitor, Accepted(task_id=TASK, estimated_finish_ns=0), to_ns(30.0))
    say(people, AnnouncementKind.FOLLOW_ME, 30.0)
    say(people, AnnouncementKind.ARRIVED, 31.0)
    say(people, AnnouncementKind.ONWARD, 32.0, "counter_1")
    run(people, desk, 1.0, {}, start=32.0)
    assert where(people, visitor) is not None
    run(people, desk, 40.0, {}, start=33.0)
    at = where(people, visitor)
    assert at is not None
    assert at.pose.distance_to(scenario.site.pose_at(PlaceId("counter_1")).pose) < 2.0


@pytest.mark.parametrize("is_told_first", [True, False])
def test_the_keeper_goes_to_both_ends_of_the_exchange(floors: Scenario, is_told_first: bool) -> None:
    people, desk = population(floors), DeskRecord()
    run(people, desk, 30.0, {})
    request = next(request for request in desk.requests if isinstance(request, DeliveryRequest))
    task_id = TaskId("deliver-1")
    people.accepted(
        request.request_id,
        Accepted(task_id=task_id, estimated_finish_ns=0, sender_code="1", recipient_code="2"),
        to_ns(30.0),
    )

    def ask(place: str, at: float) -> None:
        told = Announcement(kind=AnnouncementKind.AUTHENTICATE, text="", task_id=task_id, place=PlaceId(place))
        people.hear(COURIER, told, to_ns(at))

    if is_told_first:
        people.make_keeper(PORTER, task_id, "333333", to_ns(30.0))
        ask("lift_up", 30.0)
    else:
        ask("lift_up", 30.0)
        people.make_keeper(PORTER, task_id, "333333", to_ns(30.0))
    run(people, desk, 8.0, {}, start=30.0)
    ask("counter_1", 38.0)
    run(people, desk, 12.0, {}, start=38.0)
    first = [person for person, _ in desk.codes]
    assert set(first) == {PORTER}
    ask("from_lift_up", 50.0)
    run(people, desk, 8.0, {}, start=50.0)
    assert len(desk.codes) > len(first)
    assert {person for person, _ in desk.codes} == {PORTER}


def test_nobody_is_made_keeper_of_what_nobody_sends(floors: Scenario) -> None:
    people = population(floors)
    people.make_keeper(PORTER, TaskId("deliver-9"), "333333", 0)


def test_levels_on_which_visitors_are_met(floors: Scenario) -> None:
    assert floors.visited_levels == {"hall", "office"}
    assert load_scenario(shared_folder("sim") / "scenarios" / "immigration_hall.yaml").visited_levels == {"hall"}

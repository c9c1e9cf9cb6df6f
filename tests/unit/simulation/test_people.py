"""Visitors, staff and demand: what they do, and that a seed repeats it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import shapely

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import ScenarioError
from robot_ops.core.ids import LevelId, PersonId, RobotId, TaskId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.core.resources import shared_folder
from robot_ops.missions.ports import Announcement, AnnouncementKind
from robot_ops.simulation.compartments import CompartmentBanks
from robot_ops.simulation.crowd import Disk, FreeCrowd, PedestrianCrowd
from robot_ops.simulation.population import Population
from robot_ops.simulation.scenario import Scenario, load_scenario
from robot_ops.simulation.staff import Clerk
from robot_ops.tasks.requests import Accepted, DeliveryRequest, GuidanceRequest, TaskRequest
from robot_ops.tasks.status import TaskStatus

STEP = 0.1
SCENARIOS = sorted((shared_folder("sim") / "scenarios").glob("*.yaml"))


class DeskRecord:
    """Writes down what people do; accepts every request at once."""

    def __init__(self) -> None:
        self.requests: list[TaskRequest] = []
        self.codes: list[tuple[str, str]] = []
        self.done: list[str] = []

    def submit(self, request: TaskRequest) -> None:
        self.requests.append(request)

    def enter_code(self, robot: RobotId, person: PersonId, code: str) -> None:
        self.codes.append((person, code))

    def press_done(self, robot: RobotId, person: PersonId) -> None:
        self.done.append(person)


def population(scenario: Scenario, seed: int = 1) -> tuple[Population, CompartmentBanks]:
    banks = CompartmentBanks({robot: scenario.site.robots[robot].model.compartments for robot in scenario.robots})
    people = Population(
        scenario,
        crowd=FreeCrowd(),
        hands=banks,
        level=LevelId("hall"),
        robots=scenario.robots,
        rng=np.random.default_rng(seed),
    )
    return people, banks


def run(
    people: Population, desk: DeskRecord, seconds: float, robots: Mapping[RobotId, LevelPose], start: float = 0.0
) -> None:
    for step in range(round(seconds / STEP)):
        people.step(to_ns(start + step * STEP), robots, desk)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(shared_folder("sim") / "scenarios" / "immigration_hall.yaml")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_loads(path: Path) -> None:
    assert load_scenario(path).robots


def test_requests_come_at_the_rates_of_the_scenario(scenario: Scenario) -> None:
    people, _ = population(scenario)
    desk = DeskRecord()
    run(people, desk, 1200.0, {})
    guidance = [request for request in desk.requests if isinstance(request, GuidanceRequest)]
    deliveries = [request for request in desk.requests if isinstance(request, DeliveryRequest)]
    assert 34 <= len(guidance) <= 46
    assert 17 <= len(deliveries) <= 23
    assert len({request.request_id for request in desk.requests}) == len(desk.requests)
    assert all(request.due_ns is not None for request in desk.requests)


def test_a_seed_repeats_all_requests(scenario: Scenario) -> None:
    records = []
    for seed in (3, 3, 4):
        people, _ = population(scenario, seed)
        desk = DeskRecord()
        run(people, desk, 300.0, {})
        records.append(desk.requests)
    assert records[0] == records[1]
    assert records[0] != records[2]


def test_a_visitor_follows_the_called_robot_and_leaves_after_the_farewell(scenario: Scenario) -> None:
    people, _ = population(scenario)
    desk = DeskRecord()
    robot = RobotId("guide_1")
    run(people, desk, 20.0, {})
    request = next(request for request in desk.requests if isinstance(request, GuidanceRequest))
    now_ns = to_ns(20.0)
    people.accepted(request.request_id, Accepted(task_id=TaskId("guide-1"), estimated_finish_ns=0), now_ns)
    kiosk = scenario.site.pose_at(request.pickup)
    follow_me = Announcement(kind=AnnouncementKind.FOLLOW_ME, text="", task_id=TaskId("guide-1"))
    other = Announcement(kind=AnnouncementKind.FOLLOW_ME, text="", task_id=TaskId("guide-2"))
    people.hear(robot, other, now_ns)
    people.hear(robot, follow_me, now_ns)
    ahead = LevelPose(level=kiosk.level, pose=kiosk.pose.compose(Pose(x=-8.0, y=0.0)))
    run(people, desk, 60.0, {robot: ahead}, start=20.0)
    visitor = next(person for person in people.people() if person.person == request.request_id)
    assert visitor.at.pose.distance_to(ahead.pose) < 2.0
    people.hear(robot, Announcement(kind=AnnouncementKind.FAREWELL, text="", task_id=TaskId("guide-1")), to_ns(80.0))
    run(people, desk, 100.0, {robot: ahead}, start=80.0)
    assert request.request_id not in {person.person for person in people.people()}
    assert people.expected(request.request_id) == {TaskStatus.COMPLETED}


def test_a_visitor_nobody_fetches_gives_up_and_a_failure_is_expected(scenario: Scenario) -> None:
    people, _ = population(scenario)
    desk = DeskRecord()
    run(people, desk, 20.0, {})
    request = next(request for request in desk.requests if isinstance(request, GuidanceRequest))
    people.accepted(request.request_id, Accepted(task_id=TaskId("guide-1"), estimated_finish_ns=0), to_ns(20.0))
    run(people, desk, 500.0, {}, start=20.0)
    assert TaskStatus.FAILED in people.expected(request.request_id)


def test_what_staff_draw_for_one_document_does_not_depend_on_others() -> None:
    def instants(*documents: str) -> list[int]:
        robot, typed = RobotId("courier_1"), []
        clerk = Clerk(PersonId("ada"), wrong_code=0.5, seed=7)
        for document in documents:
            clerk.learn(TaskId(document), "111111", document)
            clerk.hear(robot, Announcement(kind=AnnouncementKind.AUTHENTICATE, text="", task_id=TaskId(document)), 0)
        banks = CompartmentBanks({robot: ("c1",)})
        while clerk.next_ns is not None and clerk.next_ns < to_ns(60.0):
            typed.append(clerk.next_ns)
            clerk.step(clerk.next_ns, banks, DeskRecord())
        return typed

    alone, other = instants("file 1"), instants("file 2")
    assert sorted({*alone, *other}) == instants("file 1", "file 2") == instants("file 2", "file 1")
    assert alone != other


def test_staff_type_their_code_load_close_and_confirm(scenario: Scenario) -> None:
    people, banks = population(scenario)
    desk = DeskRecord()
    run(people, desk, 30.0, {})
    request = next(request for request in desk.requests if isinstance(request, DeliveryRequest))
    answer = Accepted(task_id=TaskId("deliver-1"), estimated_finish_ns=0, sender_code="111111", recipient_code="222222")
    people.accepted(request.request_id, answer, to_ns(30.0))
    robot = RobotId("courier_1")

    def announce(kind: AnnouncementKind, at: float) -> None:
        announcement = Announcement(kind=kind, text="", task_id=TaskId("deliver-1"), place=request.pickup)
        people.hear(robot, announcement, to_ns(at))

    announce(AnnouncementKind.AUTHENTICATE, 30.0)
    run(people, desk, 20.0, {}, start=30.0)
    assert (request.sender, "111111") in desk.codes
    assert request.recipient not in {person for person, _ in desk.codes}
    announce(AnnouncementKind.LOAD, 50.0)
    run(people, desk, 10.0, {}, start=50.0)
    assert not desk.done, "nothing can be loaded into a closed compartment"
    banks.of(robot).set_lock("compartment_2", is_locked=False)
    run(people, desk, 10.0, {}, start=60.0)
    reading = banks.of(robot).readings["compartment_2"]
    assert reading.is_occupied
    assert reading.is_closed
    assert desk.done == [request.sender]


def test_pedestrians_reach_their_targets_and_walk_around_robots() -> None:
    hall = shapely.box(0, 0, 20, 10).difference(shapely.box(9, -1, 10, 6))
    crowd = PedestrianCrowd(hall)
    ada, ben = PersonId("ada"), PersonId("ben")
    assert crowd.add(ada, 2.0, 2.0)
    assert crowd.add(ben, 18.0, 8.0)
    assert not crowd.add(PersonId("carl"), 2.1, 2.0), "two people cannot stand on one spot"
    crowd.steer(ada, 18.0, 2.0, 1.3)
    crowd.steer(ben, 2.0, 8.0, 1.3)
    robot = Disk(x=9.5, y=8.0, radius=0.35)
    nearest = np.inf
    for _ in range(800):
        crowd.set_robots({RobotId("guide_1"): robot})
        crowd.step(0.05)
        for person in (ada, ben):
            pose = crowd.pose(person)
            nearest = min(nearest, float(np.hypot(pose.x - robot.x, pose.y - robot.y)))
    assert nearest > 0.45
    assert crowd.pose(ada).distance_to(Pose(x=18.0, y=2.0)) < 0.5
    assert crowd.pose(ben).distance_to(Pose(x=2.0, y=8.0)) < 0.5


def test_people_who_are_squeezed_through_a_wall_are_put_back() -> None:
    """JuPedSim refuses to go on with anybody off the floor; this crush pushes a robot's stand-in out."""
    hall = shapely.box(0, 0, 6, 3)
    hall = hall.difference(shapely.box(2.9, -1, 3.1, 1.4)).difference(shapely.box(2.9, 1.9, 3.1, 4))
    rng = np.random.default_rng(21)
    crowd = PedestrianCrowd(hall)
    persons = [PersonId(f"p{number}") for number in range(40)]
    persons = [person for person in persons if crowd.add(person, rng.uniform(0.3, 5.7), rng.uniform(0.3, 2.7))]
    for step in range(1500):
        for person in persons:
            crowd.steer(person, *((5.9, 0.1) if (step // 300) % 2 else (0.1, 2.9)), 1.5)
        robot = Disk(x=0.6 + 4.8 * (0.5 - 0.5 * np.cos(step / 100)), y=1.6, radius=0.45)
        crowd.set_robots({RobotId("guide_1"): robot})
        crowd.step(0.05)
    assert all(hall.buffer(0.1).contains(shapely.Point(crowd.pose(p).x, crowd.pose(p).y)) for p in persons)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("robots: [guide_1,", "robots: [guide_9,", "robots.0"),
        ("lag: 0.2", "lag: 2", "visitors.habits.lag"),
        ("mean_interval_s: 30", "mean_interval_s: 0", "requests.guidance.mean_interval_s"),
        ("{counter_2: 1,", "{cuonter: 1,", "cuonter"),
        ("walking: 20", "wlaking: 20", "wlaking"),
    ],
)
def test_a_broken_scenario_is_told_with_line_field_and_mend(tmp_path: Path, old: str, new: str, named: str) -> None:
    original = shared_folder("sim") / "scenarios" / "immigration_hall.yaml"
    text = original.read_text().replace("../../sites", str(shared_folder("sites")))
    assert old in text
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace(old, new))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(broken)
    assert named in str(caught.value)
    assert f"{broken}:" in caught.value.where
    assert caught.value.mend

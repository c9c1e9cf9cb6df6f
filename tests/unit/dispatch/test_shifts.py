"""Robots work in their shifts and end them at their chargers; what a robot has begun it keeps."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robot_ops.core.clock import NS_PER_S
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import RobotId, TaskId
from robot_ops.site.model import Site
from robot_ops.site.shifts import Shift
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.small_site import small_site

START_S = 1000
GUIDE = RobotId("guide_1")


def site_with_shifts(shifts: dict[str, tuple[int, int]]) -> Site:
    """Return the small site; seconds of the stand's clock, which begins at 1000 s of a day."""
    site = small_site()
    robots = {
        robot.id: replace(robot, shifts=tuple(Shift(start=a, end=b) for a, b in [shifts[robot.id]]))
        if robot.id in shifts
        else robot
        for robot in site.robots.values()
    }
    return replace(site, robots=robots)


def test_a_robot_gets_tasks_in_its_shift_only() -> None:
    stand = FleetStand(site=site_with_shifts({"guide_1": (START_S + 400, START_S + 4000)}))
    stand.run(1.0)
    tasks = [stand.guide(f"g{number}").task_id for number in range(2)]
    stand.run(300.0)
    assert {stand.task(task).robot for task in tasks} == {RobotId("guide_2")}
    later = [stand.guide(f"h{number}").task_id for number in range(6)]
    stand.run(900.0)
    assert GUIDE in {stand.task(task).robot for task in later}
    assert all(stand.task(task).status is TaskStatus.COMPLETED for task in later)


def test_who_is_off_shift_waits_at_the_charger_and_the_promise_reckons_with_it() -> None:
    shifts = {"guide_1": (START_S - 900, START_S + 100), "guide_2": (START_S + 2000, START_S + 9000)}
    stand = FleetStand(site=site_with_shifts(shifts))
    stand.run(150.0)
    promised = stand.guide().estimated_finish_ns
    assert promised > (START_S + 2000) * NS_PER_S
    stand.run(200.0)
    charger = stand.site.places[stand.site.robots[GUIDE].charger].node
    assert stand.fleet._context.robots[GUIDE].node(stand.site) == charger
    options = {each.robot: each for each in stand.fleet.explain_dispatch(TaskId("guide-000001")).options}
    assert options[RobotId("guide_2")].is_chosen
    assert options[RobotId("guide_2")].arrival > 1000.0


_action = st.one_of(
    st.tuples(st.just("guide"), st.integers(-3, 3)),
    st.tuples(st.just("deliver"), st.integers(-3, 3)),
    st.tuples(st.just("cancel"), st.integers(0, 10)),
    st.tuples(st.just("run"), st.integers(1, 60)),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions=st.lists(_action, min_size=5, max_size=30))
def test_a_task_that_a_robot_has_moves_only_when_that_fails(actions: list[tuple[str, int]]) -> None:
    stand = FleetStand()
    stand.run(1.0)
    tasks: list[TaskId] = []
    for number, (what, value) in enumerate(actions):
        match what:
            case "guide":
                tasks.append(stand.guide(f"r{number}", priority=value).task_id)
            case "deliver":
                tasks.append(stand.deliver(f"r{number}", priority=value).task_id)
            case "cancel" if value < len(tasks):
                try:
                    stand.fleet.cancel(tasks[value], "")
                except RequestError:
                    continue
            case _:
                stand.run(float(value))
    stand.run(60.0)
    assert all(record.attempts <= 1 for record in stand.fleet._context.book.tasks.values())

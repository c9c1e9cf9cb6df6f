"""Allocation: only able robots, nothing twice, energy respected, urgent first, stable."""

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.allocation.estimates import TRAFFIC_FACTOR, can_return, charging_time, effort_of, energy
from robot_ops.allocation.explanation import explain
from robot_ops.allocation.model import Candidate, OpenTask, Plan
from robot_ops.allocation.planner import MAX_PLANNED, allocate, is_able
from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.ids import NodeId, RobotId, TaskId
from robot_ops.site.model import RobotKind
from robot_ops.tasks.requests import TaskKind
from robot_ops.testing.small_site import robot_model


def travel(start: NodeId, goal: NodeId, max_speed: float) -> float:
    """Nodes are numbers on a line, in meters; "island" cannot be reached."""
    if "island" in (start, goal) and start != goal:
        return math.inf
    return 0.0 if start == goal else abs(float(start) - float(goal)) / max_speed


def node(x: float) -> NodeId:
    return NodeId(str(x))


def guide(number: int, x: float = 0.0, *, soc: float = 0.8, free_in: float = 0.0, languages: str = "en") -> Candidate:
    return Candidate(
        robot=RobotId(f"guide_{number}"),
        model=robot_model(RobotKind.GUIDE),
        node=node(x),
        charger=node(0.0),
        free_in=free_in,
        soc=soc,
        languages=tuple(languages.split()),
    )


def courier(number: int, x: float = 0.0) -> Candidate:
    model = robot_model(RobotKind.COURIER)
    return replace(guide(number, x), robot=RobotId(f"courier_{number}"), model=model, languages=())


def lead(number: int, start: float, goal: float, **changes: object) -> OpenTask:
    task = OpenTask(
        task_id=TaskId(f"guide-{number:06d}"),
        kind=TaskKind.GUIDE,
        pickup=node(start),
        destination=node(goal),
        language="en",
    )
    return replace(task, **changes)  # type: ignore[arg-type]


def test_the_nearest_robot_gets_the_task_and_says_why() -> None:
    plan = allocate([lead(1, 10, 30)], [guide(1, 100), guide(2, 12)], travel)
    assignment = plan.assignments[TaskId("guide-000001")]
    assert assignment.robot == "guide_2"
    assert assignment.reason.startswith("guide_2 is done in")
    assert "next best was guide_1" in assignment.reason
    assert plan.next_of(RobotId("guide_2")) == assignment
    assert plan.next_of(RobotId("guide_1")) is None


def test_a_busy_robot_nearby_beats_an_idle_one_far_away() -> None:
    plan = allocate([lead(1, 10, 30)], [guide(1, 300), guide(2, 10, free_in=20.0)], travel)
    assignment = plan.assignments[TaskId("guide-000001")]
    assert (assignment.robot, assignment.start) == ("guide_2", 20.0)


def test_a_task_nobody_can_do_says_why() -> None:
    tasks = [lead(1, 0, 10, language="fr"), replace(lead(2, 0, 10), kind=TaskKind.DELIVER)]
    plan = allocate(tasks, [guide(1)], travel)
    assert plan.unassigned == {
        TaskId("guide-000001"): "no guide that speaks fr is in service",
        TaskId("guide-000002"): "no courier is in service",
    }
    assert plan.short_of_energy == frozenset()


def test_a_robot_that_lacks_energy_for_what_waits_charges_first() -> None:
    (plan, task) = allocate([lead(1, 10, 400)], [guide(1, soc=0.12)], travel), TaskId("guide-000001")
    assert plan.short_of_energy == {"guide_1"}
    (charge,) = plan.charges
    assert (charge.robot, charge.position, charge.start) == ("guide_1", 0, 0.0)
    assert charge.soc >= 0.4
    assert plan.assignments[task].start == charge.finish > 600.0
    assert "after it has charged" in plan.assignments[task].reason
    assert plan.next_of(RobotId("guide_1")) == plan.assignments[task]


def test_a_way_that_no_battery_holds_out_is_named() -> None:
    plan = allocate([lead(1, 10, 9000)], [guide(1)], travel)
    assert plan.unassigned[TaskId("guide-000001")] == "battery too low or no way: guide_1"
    assert plan.short_of_energy == {"guide_1"}


def test_a_charging_stop_goes_between_tasks_where_the_reserve_would_be_touched() -> None:
    tasks = [lead(number, 10, 1000) for number in range(1, 10)]
    plan = allocate(tasks, [guide(1, soc=0.5)], travel)
    assert len(plan.finish) == len(tasks) > len(plan.assignments) > 5
    assert not plan.unassigned
    assert plan.charges
    assert plan.charges[0].position > 0
    assert not plan.short_of_energy
    _check_route(plan, guide(1, soc=0.5), {task.task_id: task for task in tasks})


def test_a_task_goes_to_the_next_shift_where_it_does_not_fit_into_this() -> None:
    tasks = [lead(number, 10, 60) for number in range(1, 5)]
    alone = allocate(tasks, [guide(1)], travel)
    ends = sorted(alone.finish.values())
    robot = replace(guide(1), until=ends[1] + 100.0, next_shift=(5000.0, 9000.0))
    plan = allocate(tasks, [robot], travel)
    starts = sorted(assignment.start for assignment in plan.assignments.values())
    assert [start >= 5000.0 for start in starts] == [False, False, True, True]
    late = replace(robot, until=ends[1] + 100.0, next_shift=None)
    plan = allocate(tasks, [late, replace(late, robot=RobotId("guide_2"), until=0.0)], travel)
    assert len(plan.assignments) == 2
    missing = next(iter(plan.unassigned))
    obstacles = {each.obstacle for each in explain(missing, tasks, [late], travel)}
    assert obstacles == {"its shift ends too early"}


def test_no_way_is_no_answer() -> None:
    task = replace(lead(1, 0, 10), destination=NodeId("island"))
    assert allocate([task], [guide(1)], travel).unassigned


def test_a_plan_is_kept_unless_another_robot_wins_clearly() -> None:
    task = lead(1, 50, 80)
    near, nearer = guide(1, 40), guide(2, 45)
    assert allocate([task], [near, nearer], travel).assignments[task.task_id].robot == "guide_2"
    kept = replace(task, planned=RobotId("guide_1"))
    assert allocate([kept], [near, nearer], travel).assignments[task.task_id].robot == "guide_1"
    moved = allocate([kept], [guide(1, 200), nearer], travel)
    assert moved.assignments[task.task_id].robot == "guide_2"


def test_priority_and_due_order_the_route() -> None:
    tasks = [lead(1, 10, 20), lead(2, 10, 20, priority=8), lead(3, 10, 20, due=90.0)]
    plan = allocate(tasks, [guide(1)], travel)
    positions = {task_id: assignment.position for task_id, assignment in plan.assignments.items()}
    assert positions == {"guide-000002": 0, "guide-000003": 1, "guide-000001": 2}


def test_a_task_that_has_waited_long_is_not_starved() -> None:
    tasks = [lead(1, 150, 160, waited=3000.0), *(lead(number, 0, 5) for number in range(2, 8))]
    plan = allocate(tasks, [guide(1)], travel)
    assert plan.assignments[TaskId("guide-000001")].position <= 1


def test_thousands_of_tasks_get_estimates() -> None:
    tasks = [lead(number, number % 90, (number * 7) % 90 + 100) for number in range(1, 3001)]
    plan = allocate(tasks, [guide(1), guide(2), guide(3)], travel)
    assert len(plan.assignments) <= MAX_PLANNED
    assert len(plan.finish) + len(plan.unassigned) == 3000
    assert all(math.isfinite(finish) for finish in plan.finish.values())


_x = st.integers(min_value=0, max_value=120)
_tasks = st.lists(
    st.tuples(
        _x,
        _x,
        st.integers(min_value=-10, max_value=10),
        st.none() | st.floats(min_value=-100, max_value=1000),
        st.sampled_from(TaskKind),
        st.sampled_from(["en", "fr", "xx"]),
        st.sampled_from([None, "guide_0", "guide_1"]),
        st.floats(min_value=0, max_value=3000),
    ),
    max_size=14,
)
_robots = st.lists(
    st.tuples(
        st.booleans(),
        _x,
        st.floats(min_value=0.05, max_value=1.0),
        st.floats(min_value=0, max_value=200),
        st.sampled_from(["en", "en fr", "fr"]),
    ),
    max_size=4,
)


@settings(deadline=None, max_examples=150)
@given(rows=_tasks, fleet=_robots)
def test_plans_are_possible(rows: list[tuple], fleet: list[tuple]) -> None:
    tasks = [
        OpenTask(
            task_id=TaskId(f"t{number:02d}"),
            kind=kind,
            pickup=node(start),
            destination=node(goal + 0.5),
            priority=priority,
            due=due,
            language=language,
            planned=planned,
            waited=waited,
        )
        for number, (start, goal, priority, due, kind, language, planned, waited) in enumerate(rows)
    ]
    candidates = [
        guide(number, x, soc=soc, free_in=free_in, languages=languages) if is_guide else courier(number, x)
        for number, (is_guide, x, soc, free_in, languages) in enumerate(fleet)
    ]
    plan = allocate(tasks, candidates, travel)
    assert set(plan.assignments) | set(plan.unassigned) == {task.task_id for task in tasks}
    assert not set(plan.assignments) & set(plan.unassigned)
    assert plan == allocate(tasks, candidates, travel)
    by_id = {task.task_id: task for task in tasks}
    for candidate in candidates:
        _check_route(plan, candidate, by_id)


def _check_route(plan: Plan, candidate: Candidate, tasks: dict[TaskId, OpenTask]) -> None:
    """Drive the robot's route by hand: able, in order, never out of energy."""
    route = sorted(
        (assignment for assignment in plan.assignments.values() if assignment.robot == candidate.robot),
        key=lambda assignment: assignment.position,
    )
    assert [assignment.position for assignment in route] == list(range(len(route)))
    where, now, soc = candidate.node, candidate.free_in, candidate.soc
    charges = {charge.position: charge for charge in plan.charges if charge.robot == candidate.robot}
    for assignment in route:
        task = tasks[assignment.task_id]
        assert is_able(task, candidate)
        charge = charges.get(assignment.position)
        if charge is not None:
            assert math.isclose(charge.start, now)
            way = TRAFFIC_FACTOR * travel(where, candidate.charger, candidate.model.max_speed)
            soc = max(0.0, soc - energy(candidate.model, way, 0.0) / candidate.model.battery_wh)
            assert charge.finish >= now + way + charging_time(candidate.model, soc, charge.soc) - 1e-6
            where, now, soc = candidate.charger, charge.finish, charge.soc
        assert math.isclose(assignment.start, now)
        effort = effort_of(task, candidate.model, where, travel)
        now += effort.duration
        soc -= effort.energy_wh / candidate.model.battery_wh
        where = task.destination
        assert math.isclose(assignment.finish, now)
        assert can_return(candidate, where, soc + 1e-9, travel)


def test_explain_says_what_each_robot_would_make_of_a_task() -> None:
    tasks = [lead(1, 10, 30), lead(2, 60, 80)]
    robots = [guide(1, 0), guide(2, 70), guide(3, 200, languages="fr"), guide(4, 20, soc=0.1)]
    plan = allocate(tasks, robots, travel)
    chosen, second, *others = explain(TaskId("guide-000001"), tasks, robots, travel)
    assert (chosen.robot, chosen.is_chosen, chosen.obstacle) == ("guide_1", True, "")
    assert math.isclose(chosen.finish, plan.assignments[TaskId("guide-000001")].finish)
    assert chosen.arrival < chosen.finish
    assert (second.robot, second.is_chosen) == ("guide_2", False)
    assert chosen.cost < second.cost < others[0].cost == math.inf
    assert {each.robot: each.obstacle for each in others} == {
        "guide_3": "speaks fr, not en",
        "guide_4": "battery too low for it at 10%",
    }
    assert explain(TaskId("guide-000009"), tasks, robots, travel) == ()


def test_explain_tells_how_late_each_would_be() -> None:
    task = lead(1, 10, 30, due=40.0)
    chosen, other = explain(task.task_id, [task], [guide(1, 10), guide(2, 100)], travel)
    assert (chosen.robot, chosen.late) == ("guide_1", chosen.finish - 40.0)
    assert other.late == other.finish - 40.0 > chosen.late


def test_equal_tasks_are_served_in_the_order_they_came() -> None:
    tasks = [lead(number, 10, 40) for number in range(1, 7)]
    plan = allocate(tasks, [guide(1), guide(2, 5)], travel)
    finishes = [plan.finish[task.task_id] for task in tasks]
    assert finishes == sorted(finishes)


def test_ways_are_asked_for_once() -> None:
    asked: list[tuple[NodeId, NodeId, float]] = []

    def counted(start: NodeId, goal: NodeId, max_speed: float) -> float:
        asked.append((start, goal, max_speed))
        return travel(start, goal, max_speed)

    matrix = TravelMatrix(counted)
    tasks = [lead(number, number, 100 - number) for number in range(1, 40)]
    robots = [guide(number, number) for number in range(4)]
    first = allocate(tasks, robots, matrix)
    assert len(asked) == len(set(asked))
    count = len(asked)
    assert allocate(tasks, robots, matrix) == first == allocate(tasks, robots, travel)
    assert len(asked) == count
    matrix.forget()
    allocate(tasks, robots, matrix)
    assert len(asked) == 2 * count

"""Tasks that change robots: always possible, never worse than without, near the best, kept while nothing changes."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.allocation.estimates import TRAFFIC_FACTOR, can_return, effort_of, energy
from robot_ops.allocation.explanation import explain
from robot_ops.allocation.fairness import PRESSING_S
from robot_ops.allocation.fleet_work import MOVE_GAIN_S, TARDINESS, is_able, weight
from robot_ops.allocation.legs import split
from robot_ops.allocation.model import Assignment, Candidate, OpenTask, Plan, Transfer
from robot_ops.allocation.outline import RELAY_GAIN_S
from robot_ops.allocation.planner import allocate
from robot_ops.benchmarks.dispatch_relays import as_planned
from robot_ops.core.ids import ExchangeId, LevelId, NodeId, RobotId, TaskId
from robot_ops.site.model import RobotKind
from robot_ops.tasks.requests import TaskKind
from robot_ops.testing.small_site import robot_model

HALL, OFFICE = LevelId("hall"), LevelId("office")
RIDE_S = 90.0


def node(level: LevelId, x: float) -> NodeId:
    return NodeId(f"{level} {x}")


def travel(start: NodeId, goal: NodeId, max_speed: float) -> float:
    """Two corridors of meters, over each other; a lift joins them at 0."""
    (level, x), (other, y) = start.split(), goal.split()
    if level == other:
        return abs(float(x) - float(y)) / max_speed
    return (abs(float(x)) + abs(float(y))) / max_speed + RIDE_S


def exchange(name: str, level: LevelId, other: LevelId, *, seconds: float = 30.0, keeps: bool = True) -> Transfer:
    return Transfer(
        id=ExchangeId(name),
        drop=node(level, 1.0),
        pickup=node(other, 1.0),
        drop_level=level,
        pickup_level=other,
        takes_documents=keeps,
        seconds=seconds,
    )


UP, DOWN = exchange("up", HALL, OFFICE), exchange("down", OFFICE, HALL)


def guide(name: str, level: LevelId, x: float, *, is_bound: bool = True, free_in: float = 0.0) -> Candidate:
    return Candidate(
        robot=RobotId(name),
        model=robot_model(RobotKind.GUIDE),
        node=node(level, x),
        charger=node(level, 0.0),
        free_in=free_in,
        soc=0.9,
        languages=("en",),
        levels=frozenset({level}) if is_bound else None,
    )


def lead(number: int, level: LevelId, start: float, other: LevelId, goal: float) -> OpenTask:
    return OpenTask(
        task_id=TaskId(f"guide-{number:02d}"),
        kind=TaskKind.GUIDE,
        pickup=node(level, start),
        destination=node(other, goal),
        pickup_level=level,
        destination_level=other,
        language="en",
    )


def checked(tasks: Sequence[OpenTask], robots: Sequence[Candidate], exchanges: Sequence[Transfer] = (UP, DOWN)) -> Plan:
    """Return the plan, all its routes driven by hand."""
    plan = allocate(tasks, robots, travel, exchanges)
    by_id = {task.task_id: task for task in tasks}
    of = {each.id: each for each in exchanges}
    # those that begin later have only a finish
    assert set(plan.assignments) | set(plan.onward) | set(plan.unassigned) | set(plan.finish) == set(by_id)
    assert not set(plan.finish) & set(plan.unassigned)
    assert not (set(plan.assignments) | set(plan.onward)) & set(plan.unassigned)
    ready: dict[TaskId, float] = {}
    for task_id, first in plan.assignments.items():
        assert (first.exchange is not None) == (task_id in plan.onward)
        assert not by_id[task_id].is_underway
        if first.exchange is not None:
            assert plan.onward[task_id].robot != first.robot
            ready[task_id] = first.finish + of[first.exchange].seconds
    for task_id, second in plan.onward.items():
        assert second.exchange is None
        assert task_id in ready or by_id[task_id].is_underway
        assert plan.finish[task_id] == second.finish
    for robot in robots:
        _drive(plan, robot, by_id, of, ready)
    return plan


def _drive(
    plan: Plan,
    robot: Candidate,
    tasks: dict[TaskId, OpenTask],
    of: dict[ExchangeId, Transfer],
    ready: dict[TaskId, float],
) -> None:
    route: list[tuple[Assignment, OpenTask]] = []
    for assignment in plan.assignments.values():
        task = tasks[assignment.task_id]
        route.append((assignment, task if assignment.exchange is None else split(task, of[assignment.exchange])[0]))
    for assignment in plan.onward.values():
        task, first = tasks[assignment.task_id], plan.assignments.get(assignment.task_id)
        if first is not None and first.exchange is not None:
            task = replace(split(task, of[first.exchange])[1], ready=ready[task.task_id])
        route.append((assignment, task))
    own = sorted((each for each in route if each[0].robot == robot.robot), key=lambda each: each[0].position)
    assert [assignment.position for assignment, _ in own] == list(range(len(own)))
    where, now, soc = robot.node, robot.free_in, robot.soc
    charges = {charge.position: charge for charge in plan.charges if charge.robot == robot.robot}
    for assignment, task in own:
        assert is_able(task, robot)
        charge = charges.get(assignment.position)
        if charge is not None:
            way = TRAFFIC_FACTOR * travel(where, robot.charger, robot.model.max_speed)
            assert soc - energy(robot.model, way, 0.0) / robot.model.battery_wh > 0.0
            where, now, soc = robot.charger, charge.finish, charge.soc
        effort = effort_of(task, robot.model, where, travel)
        assert assignment.start >= now - 1e-6
        begin = max(now + effort.approach, task.ready)
        assert assignment.start + effort.approach <= begin + 1e-6
        now = begin + effort.trip + effort.service
        soc -= effort.energy_wh / robot.model.battery_wh
        where = task.destination
        assert math.isclose(assignment.finish, now, abs_tol=1e-6)
        assert can_return(robot, where, soc + 1e-9, travel)
        until = robot.until if charge is None or robot.next_shift is None else robot.next_shift[1]
        assert now + TRAFFIC_FACTOR * travel(where, robot.charger, robot.model.max_speed) <= until + 1e-6


def test_what_no_robot_can_do_alone_two_do() -> None:
    task = lead(1, HALL, 40, OFFICE, 30)
    plan = checked([task], [guide("hall_1", HALL, 10), guide("office_1", OFFICE, 50)])
    first, second = plan.assignments[task.task_id], plan.onward[task.task_id]
    assert (first.robot, first.exchange, second.robot) == ("hall_1", "up", "office_1")
    assert first.finish < second.finish == plan.finish[task.task_id]
    assert "brings it to up" in first.reason
    assert plan.next_of(RobotId("hall_1")) == first
    assert plan.next_of(RobotId("office_1")) is None


def test_a_visitor_whom_a_robot_has_lost_at_the_exchange_goes_on_from_there() -> None:
    task = lead(1, HALL, 1.0, OFFICE, 30)
    assert task.pickup == UP.drop
    plan = checked([task], [guide("hall_1", HALL, 10), guide("office_1", OFFICE, 50)])
    assert plan.assignments[task.task_id].exchange == "up"
    assert plan.onward[task.task_id].robot == "office_1"


def test_the_second_robot_leaves_in_time_and_not_before() -> None:
    task = lead(1, HALL, 100, OFFICE, 30)
    near, far = guide("office_1", OFFICE, 2), guide("office_1", OFFICE, 80)
    waits = checked([task], [guide("hall_1", HALL, 10), near]).onward[task.task_id]
    leaves = checked([task], [guide("hall_1", HALL, 10), far]).onward[task.task_id]
    assert waits.start > leaves.start > 0.0
    assert waits.finish == leaves.finish


def test_a_robot_that_waits_for_another_does_something_else_first() -> None:
    far, near = lead(1, HALL, 120, OFFICE, 30), lead(2, OFFICE, 5, OFFICE, 20)
    plan = checked([far, near], [guide("hall_1", HALL, 0), guide("office_1", OFFICE, 0)])
    assert plan.assignments[near.task_id].position == 0
    assert plan.onward[far.task_id].position == 1


def test_documents_need_a_keeper() -> None:
    model = robot_model(RobotKind.COURIER)
    couriers = [replace(each, model=model, languages=()) for each in (guide("a", HALL, 0), guide("b", OFFICE, 0))]
    document = replace(lead(1, HALL, 40, OFFICE, 30), kind=TaskKind.DELIVER, language="")
    assert checked([document], couriers).onward
    plan = checked([document], couriers, [exchange("up", HALL, OFFICE, keeps=False)])
    assert plan.unassigned == {
        document.task_id: "no courier in service goes from hall to office, alone or with another"
    }


def test_a_relay_that_wins_clearly_is_chosen_though_one_could_do_it() -> None:
    tasks = [lead(number, HALL, 60, OFFICE, 60) for number in range(1, 9)]
    robots = [guide("a", HALL, 50, is_bound=False), guide("b", OFFICE, 50, is_bound=False)]
    with_relays, without = checked(tasks, robots), allocate(tasks, robots, travel)
    assert with_relays.onward
    assert sum(with_relays.finish.values()) < 0.9 * sum(without.finish.values())
    one = [tasks[0]]
    assert not checked(one, robots, [exchange("up", HALL, OFFICE, seconds=400.0)]).onward


def test_the_rest_of_a_task_that_is_underway_is_planned_and_never_given() -> None:
    rest = replace(lead(1, OFFICE, 1, OFFICE, 40), is_underway=True, ready=50.0)
    robots = [guide("hall_1", HALL, 0), guide("office_1", OFFICE, 30)]
    plan = checked([rest], robots)
    assert not plan.assignments
    assert plan.next_of(RobotId("office_1")) is None
    leg = plan.onward[rest.task_id]
    assert (leg.robot, leg.position) == ("office_1", 0)
    assert 0.0 < leg.start < 50.0
    assert plan.finish[rest.task_id] == leg.finish
    waiting = replace(rest, is_underway=False)
    assert checked([waiting], robots).assignments[rest.task_id].start == leg.start


def test_a_task_that_waits_long_for_two_robots_goes_first() -> None:
    near = [lead(number, HALL, 5, HALL, 10) for number in range(2, 20)]
    old = replace(lead(1, HALL, 150, OFFICE, 150), waited=PRESSING_S + 1.0)
    plan = checked([*near, old], [guide("hall_1", HALL, 0), guide("office_1", OFFICE, 0)])
    assert plan.assignments[old.task_id].position == 0
    rest = replace(lead(1, OFFICE, 1, OFFICE, 150), waited=PRESSING_S + 200.0, ready=20.0)
    near = [lead(number, OFFICE, 5, OFFICE, 10) for number in range(2, 20)]
    plan = checked([*near, rest], [guide("hall_1", HALL, 0), guide("office_1", OFFICE, 0)])
    assert plan.assignments[rest.task_id].position == 0


def test_nothing_is_brought_to_where_nobody_goes_on() -> None:
    task = lead(1, HALL, 40, OFFICE, 30)
    tired = replace(guide("office_1", OFFICE, 10), until=100.0)
    plan = checked([task], [guide("hall_1", HALL, 0), tired])
    assert not plan.assignments
    assert "battery or shift" in plan.unassigned[task.task_id]
    rested = replace(tired, next_shift=(3000.0, 9000.0))
    plan = checked([task], [guide("hall_1", HALL, 0), rested])
    assert not plan.assignments
    assert plan.finish[task.task_id] >= 3000.0
    long = replace(task, waited=PRESSING_S + 1.0)
    assert checked([long], [guide("hall_1", HALL, 0), rested]).assignments


def test_explain_tells_both_robots_and_what_one_alone_would_cost() -> None:
    tasks = [lead(number, HALL, 60, OFFICE, 60) for number in range(1, 9)]
    robots = [guide("a", HALL, 50, is_bound=False), guide("b", OFFICE, 50, is_bound=False)]
    robots.append(replace(guide("c", HALL, 300), languages=("fr",)))
    plan = checked(tasks, robots)
    task_id = next(iter(sorted(plan.onward)))
    first, second, *alone = explain(task_id, tasks, robots, travel, (UP, DOWN))
    assert (first.robot, first.exchange, first.is_onward) == (plan.assignments[task_id].robot, "up", False)
    assert (second.robot, second.exchange, second.is_onward) == (plan.onward[task_id].robot, "up", True)
    assert first.is_chosen
    assert second.is_chosen
    assert math.isclose(second.finish, plan.finish[task_id])
    assert {each.robot for each in alone} == {"a", "b", "c"}
    assert all(each.exchange is None and not each.is_chosen for each in alone)
    assert next(each for each in alone if each.robot == "c").obstacle == "speaks fr, not en"


_x = st.integers(0, 100)
_level = st.sampled_from([HALL, OFFICE])
_tasks = st.lists(
    st.tuples(_level, _x, _level, _x, st.none() | st.integers(0, 900), st.sampled_from([0.0, 0.0, 400.0, 1500.0])),
    max_size=9,
)
_robots = st.lists(st.tuples(_level, _x, st.booleans(), st.integers(0, 200), st.floats(0.15, 1.0)), max_size=4)


def _instance(rows: list[tuple], fleet: list[tuple]) -> tuple[list[OpenTask], list[Candidate]]:
    tasks = [
        replace(lead(number, level, start, other, goal + 0.5), due=due, waited=waited)
        for number, (level, start, other, goal, due, waited) in enumerate(rows)
    ]
    robots = [
        replace(guide(f"r{number}", level, x, is_bound=is_bound, free_in=free_in), soc=soc)
        for number, (level, x, is_bound, free_in, soc) in enumerate(fleet)
    ]
    return tasks, robots


@settings(deadline=None, max_examples=80)
@given(rows=_tasks, fleet=_robots)
def test_plans_are_possible(rows: list[tuple], fleet: list[tuple]) -> None:
    tasks, robots = _instance(rows, fleet)
    tasks = [
        replace(task, is_underway=True, ready=10.0 * number)
        if number % 4 == 3 and task.pickup_level == task.destination_level
        else task
        for number, task in enumerate(tasks)
    ]
    plan = checked(tasks, robots)
    assert plan == allocate(tasks, robots, travel, (UP, DOWN))


@settings(deadline=None, max_examples=30)
@given(rows=_tasks, fleet=_robots)
def test_no_plan_is_worse_for_its_relays_and_it_settles(rows: list[tuple], fleet: list[tuple]) -> None:
    tasks, robots = _instance(rows, fleet)
    without = allocate(tasks, robots, travel)
    plan = checked(tasks, robots)
    assert set(plan.finish) >= set(without.finish)
    # tasks that only two robots can do take time from the others
    if set(plan.finish) == set(without.finish):
        assert cost(plan, tasks) <= cost(without, tasks) + 1e-6
    for _ in range(4):
        tasks = [as_planned(plan, task) for task in tasks]
        before, plan = plan, checked(tasks, robots)
        gain = cost(before, tasks) - cost(plan, tasks)
        changed = [task for task in tasks if _exchange(plan, task) != _exchange(before, task)]
        assert gain >= RELAY_GAIN_S * sum(weight(task) for task in changed) - 1e-6
    assert {each: leg.exchange for each, leg in plan.assignments.items()} == {
        each: leg.exchange for each, leg in before.assignments.items()
    }


def _exchange(plan: Plan, task: OpenTask) -> ExchangeId | None:
    assignment = plan.assignments.get(task.task_id)
    return None if assignment is None else assignment.exchange


def cost(plan: Plan, tasks: Sequence[OpenTask]) -> float:
    """Return what the tasks cost that the plan finishes."""
    total = 0.0
    for task in tasks:
        if task.task_id in plan.finish:
            finish = plan.finish[task.task_id]
            late = 0.0 if task.due is None else max(0.0, finish - task.due)
            total += weight(task) * (finish + TARDINESS * late)
    return total


@settings(deadline=None, max_examples=30, derandomize=True)
@given(
    rows=st.lists(st.tuples(_level, _x, _level, _x), min_size=1, max_size=2),
    fleet=st.lists(st.tuples(_level, _x, st.booleans()), min_size=2, max_size=3),
)
def test_tiny_plans_are_near_the_best(rows: list[tuple], fleet: list[tuple]) -> None:
    tasks = [lead(number, level, start, other, goal + 0.5) for number, (level, start, other, goal) in enumerate(rows)]
    robots = [guide(f"r{number}", level, x, is_bound=bound) for number, (level, x, bound) in enumerate(fleet)]
    plan = checked(tasks, robots)
    best = least_cost(tasks, robots)
    if best == math.inf:
        assert plan.unassigned
        return
    assert not plan.unassigned
    assert cost(plan, tasks) <= 1.05 * best + (RELAY_GAIN_S + MOVE_GAIN_S) * len(tasks)


def least_cost(tasks: Sequence[OpenTask], robots: Sequence[Candidate]) -> float:
    """Return the least cost of all plans there are."""
    best = math.inf
    for chosen in itertools.product([None, UP, DOWN], repeat=len(tasks)):
        jobs: list[OpenTask] = []
        for task, transfer in zip(tasks, chosen, strict=True):
            jobs.extend([task] if transfer is None else split(task, transfer))
        if all(any(is_able(job, robot) for robot in robots) for job in jobs):
            best = min([best, *(_driven(routes, robots) for routes in _routes(jobs, robots))])
    return best


def _routes(jobs: Sequence[OpenTask], robots: Sequence[Candidate]) -> Iterator[list[list[OpenTask]]]:
    for doers in itertools.product(range(len(robots)), repeat=len(jobs)):
        if all(is_able(job, robots[number]) for job, number in zip(jobs, doers, strict=True)):
            own = [[job for job, doer in zip(jobs, doers, strict=True) if doer == n] for n in range(len(robots))]
            for routes in itertools.product(*(itertools.permutations(each) for each in own)):
                yield [list(route) for route in routes]


def _driven(routes: Sequence[list[OpenTask]], robots: Sequence[Candidate]) -> float:
    ends: dict[TaskId, float] = {}
    total, state = 0.0, [(robot.node, robot.free_in, 0) for robot in robots]
    is_moving = True
    while is_moving:
        is_moving = False
        for number, (robot, route) in enumerate(zip(robots, routes, strict=True)):
            where, now, done = state[number]
            while done < len(route):
                job = route[done]
                if job.is_underway and job.task_id not in ends:
                    break
                effort = effort_of(job, robot.model, where, travel)
                ready = ends[job.task_id] + UP.seconds if job.is_underway else 0.0
                now, where = max(now + effort.approach, ready) + effort.trip + effort.service, job.destination
                if job.exchange is not None and not job.is_underway:
                    ends[job.task_id] = now
                else:
                    total += weight(job) * now
                done, is_moving = done + 1, True
            state[number] = where, now, done
    is_done = all(done == len(route) for (_, _, done), route in zip(state, routes, strict=True))
    return total if is_done else math.inf

"""No task waits for ever while others of its kind that came later are served; plans do not change without a gain."""

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.allocation.estimates import effort_of
from robot_ops.allocation.fairness import PRESSING_S, pressing_after
from robot_ops.allocation.fleet_work import MOVE_GAIN_S, weight
from robot_ops.allocation.model import Candidate, OpenTask, Plan
from robot_ops.allocation.planner import allocate
from robot_ops.core.ids import NodeId, RobotId, TaskId
from robot_ops.site.model import RobotKind
from robot_ops.tasks.requests import TaskKind
from robot_ops.testing.small_site import robot_model

MODEL = robot_model(RobotKind.GUIDE)
STEP_S = 20.0


def travel(start: NodeId, goal: NodeId, max_speed: float) -> float:
    return abs(float(start) - float(goal)) / max_speed


def task(number: int, start: float, goal: float) -> OpenTask:
    return OpenTask(
        task_id=TaskId(f"guide-{number:06d}"),
        kind=TaskKind.GUIDE,
        pickup=NodeId(str(start)),
        destination=NodeId(str(goal)),
        language="en",
    )


def robot(number: int, x: float, free_in: float = 0.0) -> Candidate:
    return Candidate(
        robot=RobotId(f"guide_{number}"),
        model=MODEL,
        node=NodeId(str(x)),
        charger=NodeId("0"),
        free_in=free_in,
        soc=1.0,
        languages=("en",),
    )


class Hall:
    """Robots that do what the plan says is next; batteries are always full."""

    def __init__(self, robots: int) -> None:
        self.now = 0.0
        self.robots = [robot(number, 0.0) for number in range(robots)]
        self.open: dict[TaskId, tuple[OpenTask, float]] = {}
        self.started: dict[TaskId, float] = {}
        self.came: dict[TaskId, float] = {}
        self.plan: Plan | None = None

    def add(self, new: OpenTask) -> None:
        self.open[new.task_id] = (new, self.now)
        self.came[new.task_id] = self.now

    def step(self) -> None:
        known = {} if self.plan is None else self.plan.assignments
        waiting = []
        for each, came in self.open.values():
            before = known.get(each.task_id)
            planned = {"planned": before.robot, "planned_position": before.position} if before else {}
            waiting.append(replace(each, waited=self.now - came, **planned))
        self.plan = allocate(waiting, self.robots, travel)
        for number, each in enumerate(self.robots):
            following = self.plan.next_of(each.robot)
            if following is not None and each.free_in <= 0.0:
                done, _ = self.open.pop(following.task_id)
                self.started[done.task_id] = self.now
                duration = effort_of(done, MODEL, each.node, travel).duration
                self.robots[number] = replace(each, node=done.destination, free_in=duration)
        self.robots = [replace(each, free_in=max(0.0, each.free_in - STEP_S)) for each in self.robots]
        self.now += STEP_S


@settings(deadline=None, max_examples=8)
@given(
    robots=st.integers(1, 4),
    stream=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40), st.integers(0, 3)), min_size=30, max_size=60),
    far=st.integers(100, 160),
)
def test_no_task_waits_longer_than_the_bound_while_later_ones_are_served(
    robots: int, stream: list[tuple[int, int, int]], far: int
) -> None:
    """A few far tasks in a stream of near ones that keeps all robots busy; the bound is that of the documentation."""
    hall, number = Hall(robots), 0
    for index, (start, goal, gap) in enumerate(stream):
        if index % 20 == 5:
            hall.add(task(number, float(far), float(far + 20)))
            number += 1
        for _ in range(max(1, robots)):
            hall.add(task(number, float(start), float(start + goal)))
            number += 1
        for _ in range(gap):
            hall.step()
    while hall.open:
        hall.step()
    longest = effort_of(task(0, far, far + 20), MODEL, NodeId("0"), travel).duration * 2 + 2 * STEP_S
    order = sorted(hall.came, key=lambda task_id: (hall.came[task_id], task_id))
    for place, task_id in enumerate(order):
        pressing = hall.came[task_id] + PRESSING_S
        earlier = sum(hall.started[other] >= pressing for other in order[:place])
        assert hall.started[task_id] <= pressing + (earlier + 1) * longest


def test_a_priority_is_worth_a_share_of_the_patience() -> None:
    assert pressing_after(0) == PRESSING_S
    assert math.isclose(pressing_after(2) * 1.5**2, PRESSING_S)
    assert pressing_after(-10) > 10 * 3600.0


def test_the_longest_waiting_goes_first_whatever_it_costs() -> None:
    near = [task(number, 0.0, 5.0) for number in range(1, 9)]
    old = replace(task(0, 300.0, 310.0), waited=PRESSING_S + 1.0)
    assert allocate([*near, old], [robot(1, 0.0)], travel).assignments[old.task_id].position == 0
    young = replace(old, waited=60.0)
    assert allocate([*near, young], [robot(1, 0.0)], travel).assignments[young.task_id].position == 8


_place = st.integers(0, 120)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.tuples(_place, _place, st.integers(-3, 3)), min_size=1, max_size=12),
    places=st.lists(st.tuples(_place, st.integers(0, 60)), min_size=2, max_size=4),
    delays=st.lists(st.integers(0, 40), min_size=4, max_size=4),
    new=st.none() | st.tuples(_place, _place),
)
def test_a_task_changes_its_robot_only_for_a_gain(
    rows: list[tuple[int, int, int]],
    places: list[tuple[int, int]],
    delays: list[int],
    new: tuple[int, int] | None,
) -> None:
    """What changes hands wins at least the threshold each, against doing all as it was planned."""
    tasks = [
        replace(task(number, float(start), float(goal) + 0.5), priority=priority)
        for number, (start, goal, priority) in enumerate(rows)
    ]
    robots = [robot(number, float(x), float(free_in)) for number, (x, free_in) in enumerate(places)]
    plan = allocate(tasks, robots, travel)
    later = [replace(each, free_in=each.free_in + delay) for each, delay in zip(robots, delays, strict=False)]
    planned = [kept(each, plan) for each in tasks]
    again = allocate(planned, later, travel)

    moved = [each for each in planned if again.assignments[each.task_id].robot != each.planned]
    gain = driven(planned, later) - sum(weight(each) * again.finish[each.task_id] for each in planned)
    assert gain >= MOVE_GAIN_S * sum(weight(each) for each in moved) - 1e-6
    if new is not None:  # another one does not make the others worse than if it were put at the end of a route
        other = task(99, float(new[0]), float(new[1]) + 0.5)
        more = allocate([*planned, other], later, travel)
        moved = [each for each in planned if more.assignments[each.task_id].robot != each.planned]
        least = min(driven([*planned, at_end(other, each, plan)], later) for each in later)
        total = sum(weight(each) * more.finish[each.task_id] for each in [*planned, other])
        assert total + MOVE_GAIN_S * sum(weight(each) for each in moved) <= least + 1e-6


def kept(each: OpenTask, plan: Plan) -> OpenTask:
    before = plan.assignments[each.task_id]
    return replace(each, planned=before.robot, planned_position=before.position)


def at_end(each: OpenTask, last: Candidate, plan: Plan) -> OpenTask:
    return replace(each, planned=last.robot, planned_position=len(plan.assignments))


def driven(tasks: list[OpenTask], robots: list[Candidate]) -> float:
    """Return what it costs to do all as it was planned."""
    cost = 0.0
    for each in robots:
        where, now = each.node, each.free_in
        own = [one for one in tasks if one.planned == each.robot]
        for one in sorted(own, key=lambda one: one.planned_position):
            now += effort_of(one, MODEL, where, travel).duration
            where = one.destination
            cost += weight(one) * now
    return cost

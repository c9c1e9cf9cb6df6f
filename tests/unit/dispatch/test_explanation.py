"""Why a task has its robot: for waiting, underway and ended tasks."""

import math

import pytest

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import RobotId, TaskId
from robot_ops.tasks.status import TaskStatus
from robot_ops.testing.fleet_stand import FleetStand


def test_a_waiting_task_tells_what_each_robot_would_make_of_it() -> None:
    stand = FleetStand()
    stand.run(1.0)
    first, second = (stand.guide(name).task_id for name in ("a", "b"))
    third = stand.guide("c", language="fr").task_id
    stand.robots.robots[RobotId("courier_2")].is_silent = True
    stand.run(30.0)
    queued = next(each for each in (first, second, third) if stand.task(each).status is TaskStatus.QUEUED)

    found = stand.fleet.explain_dispatch(queued)

    chosen, *others = found.options
    assert chosen.is_chosen
    assert chosen.cost == 0.0
    assert f"{chosen.robot} does it next, when it is free in" in found.lines[0]
    assert {option.robot for option in found.options} == set(stand.robots.robots)
    why = {option.robot: option.obstacle for option in others}
    assert why[RobotId("courier_1")] == "leads no visitors"
    assert why[RobotId("courier_2")].startswith("silent for ")
    assert found.task.task_id == queued


def test_a_task_that_a_robot_has_tells_the_choice_and_the_others() -> None:
    stand = FleetStand()
    stand.run(1.0)
    task = stand.guide().task_id
    stand.run(5.0)

    found = stand.fleet.explain_dispatch(task)

    chosen, other, *_ = found.options
    assert chosen.robot == stand.task(task).robot
    assert chosen.is_chosen
    assert found.lines[0].startswith(f"{chosen.robot} has it: {chosen.robot} is done in")
    assert math.isfinite(other.cost)
    assert other.arrival < other.finish
    assert f"{other.robot}: at the pickup in" in "\n".join(found.lines)


def test_nobody_else_can_do_it_while_the_robot_has_the_visitor() -> None:
    stand = FleetStand()
    stand.run(1.0)
    task = stand.guide().task_id
    for _ in range(400):
        stand.run(0.5)
        if stand.fleet._context.book.tasks[task].has_cargo:
            break
    chosen, *others = stand.fleet.explain_dispatch(task).options
    assert {option.obstacle for option in others if option.robot.startswith("guide")} == {
        f"{chosen.robot} has the visitor"
    }


def test_an_ended_task_tells_the_recorded_choice() -> None:
    stand = FleetStand()
    stand.run(1.0)
    task = stand.guide().task_id
    stand.run(300.0)
    assert stand.task(task).status is TaskStatus.COMPLETED

    found = stand.fleet.explain_dispatch(task)

    assert found.options == ()
    assert found.lines[0].startswith(f"{task} was completed")
    assert found.lines[1].startswith(f"{stand.task(task).robot} had it: ")


def test_a_task_that_is_not_there_is_refused() -> None:
    with pytest.raises(RequestError, match="there is no task 'guide-000009'"):
        FleetStand().fleet.explain_dispatch(TaskId("guide-000009"))

"""What is not due is not done, and that changes nothing: not the ledger, not what robots and operators are told."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.clock import END_OF_TIME_NS
from robot_ops.core.errors import RequestError
from robot_ops.dispatch.duties import Duty
from robot_ops.testing.every_step import everything_at_every_step
from robot_ops.testing.fleet_stand import FleetStand


class Work:
    """Counts how often it was done; says when it is due next."""

    def __init__(self, due_ns: int = END_OF_TIME_NS) -> None:
        self.due_ns = due_ns
        self.count = 0

    def step(self) -> int:
        self.count += 1
        return self.due_ns


def test_a_duty_is_done_once_and_then_after_news_only() -> None:
    work = Work()
    duty = Duty(work.step)
    assert [duty.perform(now_ns, changes) for now_ns, changes in ((1, 0), (2, 0), (3, 1), (4, 1))] == [
        True,
        False,
        True,
        False,
    ]
    assert work.count == 2


def test_a_duty_is_done_when_it_is_due() -> None:
    duty = Duty(Work(due_ns=10).step)
    assert [duty.perform(now_ns, 0) for now_ns in (1, 9, 10, 11)] == [True, False, True, True]


def test_a_duty_that_fails_is_tried_again() -> None:
    def fail() -> int:
        raise RuntimeError("no")

    duty = Duty(fail)
    for now_ns in (1, 2):
        with pytest.raises(RuntimeError):
            duty.perform(now_ns, 0)


Act = tuple[str, int, float]
"""What happens, to which robot or task, and how many seconds pass afterward."""

ACTS = st.lists(
    st.tuples(
        st.sampled_from(("guide", "deliver", "cancel", "silent", "heard", "stop", "release", "low", "full", "restart")),
        st.integers(0, 3),
        st.sampled_from((0.5, 1.0, 4.0, 11.0, 30.0, 70.0)),
    ),
    min_size=1,
    max_size=8,
)


def do(stand: FleetStand, act: Act, number: int) -> None:
    what, which, _ = act
    robots = list(stand.robots.robots.values())
    robot = robots[which % len(robots)]
    match what:
        case "guide":
            stand.guide(f"request {number}")
        case "deliver":
            stand.deliver(f"request {number}")
        case "cancel":
            tasks = stand.fleet.tasks(with_finished=True)
            try:
                stand.fleet.cancel(tasks[which % len(tasks)].task_id, "no longer needed")
            except (RequestError, ZeroDivisionError):
                return  # it has ended, or there is none
        case "silent" | "heard":
            robot.is_silent = what == "silent"
        case "stop" | "release":
            robot.is_stopped = what == "stop"
        case "low" | "full":
            robot.soc = 0.15 if what == "low" else 1.0
        case "restart":
            stand.robots.restart(robot.robot)


def history(acts: list[Act]) -> tuple[Any, ...]:
    """Return all that came of it."""
    stand, alarms = FleetStand(), []
    for number, act in enumerate(acts):
        do(stand, act, number)
        stand.run(act[2])
        alarms.append(stand.fleet.alarms())
    stand.run(30.0)
    return stand.fleet.ledger_digest, stand.robots.orders, stand.robots.cancelations, stand.robots.clearances, alarms


@settings(max_examples=25, deadline=None)
@given(acts=ACTS)
def test_what_is_not_due_would_change_nothing(acts: list[Act]) -> None:
    with everything_at_every_step():
        expected = history(acts)
    assert history(acts) == expected


@pytest.mark.parametrize("seconds", [60.0, 600.0])
def test_a_hall_in_which_nothing_happens_costs_nothing(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    stand, done = FleetStand(), 0
    stand.run(120.0)  # until all are parked and have told it
    perform: Callable[[Duty, int, int], bool] = Duty.perform

    def count(duty: Duty, now_ns: int, changes: int) -> bool:
        nonlocal done
        was_done = perform(duty, now_ns, changes)
        done += was_done
        return was_done

    monkeypatch.setattr(Duty, "perform", count)
    stand.run(seconds)

    assert done == 0

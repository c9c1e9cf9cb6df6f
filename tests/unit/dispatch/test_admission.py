"""Thousands of requests at once: each is admitted with an honest time or refused, and nobody waits for the answer."""

import math

import pytest

from robot_ops.allocation.model import Candidate, OpenTask, Plan, Transfer, Travel
from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import RequestError
from robot_ops.dispatch import assigner
from robot_ops.tasks.requests import Accepted
from robot_ops.testing.fleet_stand import FleetStand, guidance


def flood(stand: FleetStand, count: int) -> tuple[list[Accepted], list[str]]:
    accepted, refused = [], []
    for number in range(count):
        try:
            submit = stand.guide if number % 2 else stand.deliver
            accepted.append(submit(f"r{number}", priority=number % 3 - 1))
        except RequestError as error:
            refused.append(str(error))
    return accepted, refused


def test_a_flood_is_admitted_with_growing_times_until_the_queue_is_full() -> None:
    stand = FleetStand()
    stand.run(1.0)
    accepted, refused = flood(stand, 3000)
    now = stand.clock.now_ns()
    promised = [seconds_between(now, each.estimated_finish_ns) for each in accepted]
    assert 500 < len(accepted) < 3000
    assert len(accepted) + len(refused) == 3000
    assert all(text.startswith("the queue is full: it would take about") for text in refused)
    assert all(math.isfinite(each) and 0.0 < each <= assigner.MAX_PROMISE_S for each in promised)
    ordinary = promised[1::3]
    assert ordinary[-1] > 10 * ordinary[0]
    stand.run(2.0)
    views = stand.fleet.tasks(with_finished=False)
    assert all(view.estimated_finish_ns is not None and view.estimated_finish_ns > now for view in views)
    assert len(stand.fleet.tasks_since(0, most_waiting=50)) <= 50 + len(stand.site.robots)


def test_planning_a_flood_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    plan = assigner.allocate

    def counted(tasks: list[OpenTask], robots: list[Candidate], travel: Travel, by: tuple[Transfer, ...]) -> Plan:
        sizes.append(len(tasks))
        return plan(tasks, robots, travel, by)

    monkeypatch.setattr(assigner, "allocate", counted)
    stand = FleetStand()
    stand.run(1.0)
    flood(stand, 1500)
    assert len(sizes) < 150  # one by one only while few wait
    stand.run(2.0)
    assert max(sizes) < 130


def test_a_request_that_needs_all_robots_out_of_service_still_gets_a_time() -> None:
    stand = FleetStand()  # nobody has spoken yet
    accepted, _ = flood(stand, 200)
    assert all(each.estimated_finish_ns > stand.clock.now_ns() for each in accepted)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"due_ns": math.inf}, "due"),
        ({"due_ns": math.nan}, "due"),
        ({"due_ns": 10**30}, "due"),
        ({"due_ns": -1}, "due"),
        ({"priority": math.nan}, "priority"),
        ({"priority": 1.5}, "priority"),
        ({"party_size": 0}, "party_size"),
        ({"party_size": math.inf}, "party_size"),
        ({"party_size": True}, "party_size"),
    ],
)
def test_what_is_no_number_is_refused(changes: dict[str, object], where: str) -> None:
    with pytest.raises(RequestError) as caught:
        guidance(**changes)
    assert caught.value.where == where

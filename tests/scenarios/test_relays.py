"""Two floors that no robot changes: visitors and documents change robots at the lift, and none of them is lost."""

import pytest

from robot_ops.bringup.simulation_storage import open_storage
from robot_ops.core.resources import shared_folder
from robot_ops.simulation.fault_profile import draw_faults, load_profile
from robot_ops.simulation.scenario import Scenario, load_scenario
from robot_ops.simulation.soak import Case, run_case
from robot_ops.tasks.book import TaskBook, TaskRecord
from robot_ops.tasks.custody import CustodyEvent, CustodyKind
from robot_ops.tasks.requests import DeliveryRequest, TaskKind
from robot_ops.tasks.status import TaskStatus
from tests.scenarios.test_simulate import Ended, run

SIM = shared_folder("sim")
_HANDS = (CustodyKind.LOADED, CustodyKind.HANDED_OVER, CustodyKind.RECEIPT)


@pytest.fixture(scope="module")
def floors() -> Scenario:
    return load_scenario(SIM / "scenarios" / "two_floors.yaml")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Twenty simulated minutes."""
    return run(tmp_path_factory.mktemp("run"), "two_floors", seed=1, duration=1200.0)


def relayed(book: TaskBook, kind: TaskKind) -> list[TaskRecord]:
    """Return the tasks of a kind that were completed by way of an exchange."""
    by_exchange = {mission.task_id for mission in book.missions.values() if mission.exchange is not None}
    return [
        task
        for task in book.tasks.values()
        if task.request.kind is kind and task.task_id in by_exchange and task.status is TaskStatus.COMPLETED
    ]


@pytest.mark.parametrize("kind", TaskKind)
def test_tasks_change_robots_both_ways(ended: Ended, floors: Scenario, kind: TaskKind) -> None:
    levels = {
        (floors.site.node_of(task.request.pickup).level, floors.site.node_of(task.request.destination).level)
        for task in relayed(ended.book, kind)
    }
    assert levels == {("hall", "office"), ("office", "hall")}
    assert ended.result.broken is None
    assert ended.result.conflicts == 0


def test_no_robot_changes_floors_and_each_part_has_its_own(ended: Ended, floors: Scenario) -> None:
    for task in (*relayed(ended.book, TaskKind.GUIDE), *relayed(ended.book, TaskKind.DELIVER)):
        missions = [mission for mission in ended.book.missions.values() if mission.task_id == task.task_id]
        assert len({mission.robot for mission in missions}) >= 2
        for mission in missions:
            assert floors.site.robots[mission.robot].may_go_to(floors.site.node_of(mission.destination).level)


def test_chains_of_custody_tell_who_had_a_document_all_the_way(ended: Ended) -> None:
    events = sorted(
        (event for chain in ended.custody.values() for event in chain), key=lambda event: (event.stamp_ns, event.seq)
    )
    tasks = relayed(ended.book, TaskKind.DELIVER)
    assert tasks
    for task in tasks:
        request = task.request
        assert isinstance(request, DeliveryRequest)
        hands = _hands(events, task)
        assert [(kind, person) for kind, person, _ in hands] == [
            (CustodyKind.LOADED, request.sender),
            (CustodyKind.HANDED_OVER, "porter_gus"),
            (CustodyKind.LOADED, "porter_gus"),
            (CustodyKind.RECEIPT, request.recipient),
        ]
        robots = [robot for _, _, robot in hands]
        assert robots[0] == robots[1] != robots[2] == robots[3]


def test_tasks_that_change_robots_survive_faults(floors: Scenario) -> None:
    faults = draw_faults(load_profile(SIM / "faults" / "full.yaml"), floors, duration=600.0, seed=2)
    case = Case(scenario=floors, seed=2, duration=600.0, faults=faults)
    outcome = run_case(case, open_storage=open_storage, behaviors=shared_folder("behaviors"))
    assert outcome.failure is None
    assert sum(outcome.injected.values()) > 5
    assert all(task.status.is_final for task in outcome.result.tasks)


def _hands(events: list[CustodyEvent], task: TaskRecord) -> list[tuple[CustodyKind, str, str]]:
    return [
        (event.kind, event.person, event.robot)
        for event in events
        if event.task_id == task.task_id and event.kind in _HANDS
    ]

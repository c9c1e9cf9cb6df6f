"""Robots that die for good are carried out and brought back: they are in nobody's way, and nobody in theirs."""

import pytest

from robot_ops.bringup.simulation_storage import open_storage
from robot_ops.core.resources import shared_folder
from robot_ops.dispatch.ports import TaskView
from robot_ops.simulation.deterministic import DeterministicRun
from robot_ops.simulation.fault_profile import draw_faults, load_profile
from robot_ops.simulation.faults import Fault, FaultKind
from robot_ops.simulation.injection import Injector
from robot_ops.simulation.kinematic import charging_pose
from robot_ops.simulation.operators import HallOperator
from robot_ops.simulation.scenario import Scenario, load_scenario
from robot_ops.simulation.soak import Case, run_case
from robot_ops.tasks.custody import CustodyKind
from robot_ops.tasks.orders import MissionPhase
from robot_ops.tasks.status import TaskStatus

SIM, BEHAVIORS = shared_folder("sim"), shared_folder("behaviors")


@pytest.fixture(scope="module")
def hall() -> Scenario:
    return load_scenario(SIM / "scenarios" / "immigration_hall.yaml")


def test_a_robot_is_out_of_everybodys_way_until_it_comes_back(hall: Scenario) -> None:
    robot = hall.robots[0]
    fault = Fault(number=0, kind=FaultKind.ROBOT_TAKEN_OUT, at=100.0, target=robot, duration=300.0, amount=30.0)
    with open_storage() as storage:
        run = DeterministicRun(hall, ledger=storage.ledger, custody=storage.custody, behaviors=BEHAVIORS, seed=3)
        Injector(run, [fault], seed=3)
        run.begin()
        run.go_on(120.0)
        station, fleet = run.stations[robot], run.fleet.dispatcher
        assert fleet is not None
        assert not station.is_running
        assert not station.is_out
        died_at = station.body.true_pose
        run.go_on(100.0)
        assert station.is_out
        assert fleet.traffic_rules.absent_robots == {robot}
        assert not any(alarm.alarm_id == f"offline/{robot}" for alarm in fleet.alarms())
        run.go_on(300.0)
        assert station.is_running
        assert fleet.traffic_rules.absent_robots == frozenset()
        run.settle()
        assert run.watcher.broken is None
        assert all(task.status.is_final for task in fleet.tasks(with_finished=True))
        assert any(task.robot == robot for task in fleet.tasks(with_finished=True))
    assert died_at != charging_pose(hall.site, robot)


def test_the_document_of_a_dead_robot_is_taken_out_by_key_and_goes_on(hall: Scenario) -> None:
    with open_storage() as storage:
        run = DeterministicRun(hall, ledger=storage.ledger, custody=storage.custody, behaviors=BEHAVIORS, seed=3)
        operator = HallOperator(run)
        run.begin()
        operator.begin()
        fleet = run.fleet.dispatcher
        assert fleet is not None
        while not (carried := [task for task in fleet.tasks(with_finished=False) if _is_carried(task)]):
            run.go_on(5.0)
        task = carried[0]
        assert task.robot is not None
        station = run.stations[task.robot]
        station.break_down()
        run.go_on(1200.0)
        ended = next(each for each in fleet.tasks(with_finished=True) if each.task_id == task.task_id)
        assert ended.status is TaskStatus.COMPLETED
        assert ended.robot not in (task.robot, None)
        station.repair()
        run.settle()
        assert run.watcher.broken is None
        assert [event.kind for event in station.chain() if event.task_id == task.task_id][-1] is CustodyKind.TAKEN_OUT


def _is_carried(task: TaskView) -> bool:
    return task.phase is MissionPhase.CARRYING


def test_many_removals_break_nothing(hall: Scenario) -> None:
    drawn = draw_faults(load_profile(SIM / "faults" / "people.yaml"), hall, duration=40_000.0, seed=4)
    removals = tuple(
        Fault(
            number=fault.number,
            kind=fault.kind,
            at=fault.at / 80.0,
            target=fault.target,
            duration=fault.duration / 20.0,
            amount=fault.amount / 10.0,
        )
        for fault in drawn
        if fault.kind is FaultKind.ROBOT_TAKEN_OUT
    )
    assert removals
    case = Case(scenario=hall, seed=4, duration=500.0, faults=removals)
    outcome = run_case(case, open_storage=open_storage, behaviors=BEHAVIORS)
    assert outcome.failure is None
    assert any(task.status is TaskStatus.COMPLETED for task in outcome.result.tasks)

"""The whole system under faults: invariants hold, runs repeat exactly, and a broken product is found and made small."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from robot_ops.bringup.simulation_storage import open_storage
from robot_ops.core.resources import shared_folder
from robot_ops.dispatch.supervisor import Supervisor
from robot_ops.missions.leaves.handover import Authenticate, OpenCompartment
from robot_ops.missions.leaves.locking import LockCompartment, SecureCompartments
from robot_ops.missions.route import RouteFollower
from robot_ops.simulation.fault_profile import draw_faults, load_profile, victims
from robot_ops.simulation.faults import SORTS, Fault, FaultKind
from robot_ops.simulation.scenario import Scenario, load_scenario
from robot_ops.simulation.shrinking import shrink
from robot_ops.simulation.soak import Case, Failure, Outcome, run_case
from robot_ops.simulation.storage_faults import FallibleLedger
from robot_ops.tasks.ledger import LedgerEvent
from robot_ops.traffic import clearing

ROOT = Path(__file__).parents[2]
SIM = shared_folder("sim")
FLEET_CRASH = Fault(number=0, kind=FaultKind.FLEET_CRASH, at=90.0, duration=3.0)


@pytest.fixture(scope="module")
def hall() -> Scenario:
    return load_scenario(SIM / "scenarios" / "immigration_hall.yaml")


def run(scenario: Scenario, *faults: Fault, seed: int = 1, duration: float = 150.0) -> Outcome:
    case = Case(scenario=scenario, seed=seed, duration=duration, faults=faults)
    return run_case(case, open_storage=open_storage, behaviors=shared_folder("behaviors"))


def command(*arguments: str, hash_seed: int = 0) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "robot_ops.bringup.cli", "simulate", *arguments, "--json"],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_every_kind_of_fault_happens_and_ends_and_all_tasks_come_to_their_end(hall: Scenario) -> None:
    faults = tuple(
        Fault(
            number=number,
            kind=kind,
            at=30.0 + 5.0 * number,
            target=victims(hall, SORTS[kind].victim)[number % len(victims(hall, SORTS[kind].victim))],
            duration=10.0 if SORTS[kind].lasts else 0.0,
            amount=0.6 * SORTS[kind].most if SORTS[kind].amount else 0.0,
        )
        for number, kind in enumerate(FaultKind)
    )
    outcome = run(hall, *faults, duration=200.0)

    assert outcome.failure is None
    assert set(outcome.injected) == set(FaultKind)
    assert all(task.status.is_final for task in outcome.result.tasks)


def test_who_has_got_no_answer_when_the_hours_end_is_waited_for(hall: Scenario) -> None:
    # the kiosk asks the fleet that has just started again, when no task is open yet
    outcome = run(hall, Fault(number=0, kind=FaultKind.FLEET_CRASH, at=0.5, duration=5.5), duration=6.0)

    assert outcome.failure is None
    (task,) = outcome.result.tasks
    assert task.status.is_final


@pytest.mark.parametrize("profile", ["network", "crashes", "hardware", "people"])
def test_invariants_hold_under_each_profile(hall: Scenario, profile: str) -> None:
    # ten times as many faults as the profile has, since the run is short
    loaded = load_profile(SIM / "faults" / f"{profile}.yaml")
    faults = list(draw_faults(loaded, hall, duration=2000.0, seed=5))
    dense = [
        Fault(
            number=fault.number,
            kind=fault.kind,
            at=fault.at / 10.0,
            target=fault.target,
            duration=min(fault.duration, 40.0),
            amount=fault.amount,
        )
        for fault in faults
    ]
    outcome = run(hall, *dense, duration=240.0)

    assert outcome.failure is None
    assert sum(outcome.injected.values()) == len(dense)


def test_equal_seeds_give_equal_ledgers_in_two_processes() -> None:
    words = ("immigration_hall", "--faults", "full", "--hours", "0.04", "--seed", "21")
    (first_code, first), (second_code, second) = (command(*words, hash_seed=seed) for seed in (1, 2))

    for record in (first, second):
        record.pop("speed_factor")
    assert first == second
    assert (first_code, second_code) == (0, 0)
    assert sum(first["injected"].values()) > 0


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The product with a mistake in it."""
    return monkeypatch


def test_clearing_without_looking_is_found(hall: Scenario, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(clearing, "_is_in_way", lambda *_arguments: False)
    outcome = run(hall, duration=600.0)
    assert outcome.failure is not None
    assert outcome.failure.invariant in ("cleared_ways", "footprints")


def test_driving_on_at_the_end_of_a_clearance_is_found(hall: Scenario, broken: pytest.MonkeyPatch) -> None:
    def extend(self: RouteFollower, clearance: Any) -> None:
        honest(self, clearance)
        if self._itinerary is not None and self._itinerary.route_id == clearance.route_id:
            self._navigator.follow(clearance.waypoints, final_yaw=None, speed_limit=1.0)

    honest = RouteFollower.on_clearance
    broken.setattr(RouteFollower, "on_clearance", extend)
    outcome = run(hall, duration=600.0)
    assert outcome.failure is not None
    assert outcome.failure.invariant in ("motion", "cleared_ways", "footprints")


def test_opening_for_anybody_is_found(hall: Scenario, broken: pytest.MonkeyPatch) -> None:
    broken.setattr(OpenCompartment, "_refusal", lambda *_arguments: "")
    broken.setattr(Authenticate, "_judge", lambda *_arguments: True)
    outcome = run(hall, duration=600.0)
    assert outcome.failure is not None
    assert outcome.failure.invariant == "locks"


def test_driving_with_an_open_lid_is_found(hall: Scenario, broken: pytest.MonkeyPatch) -> None:
    for leaf in (LockCompartment, SecureCompartments):
        broken.setattr(leaf, "initialise", lambda self: None)
        broken.setattr(leaf, "update", lambda self: self.status.SUCCESS)
    staff_never_close = "robot_ops.simulation.compartments.CompartmentBanks.close_lid"
    broken.setattr(staff_never_close, lambda *_arguments: None)
    outcome = run(hall, duration=600.0)
    assert outcome.failure is not None
    assert outcome.failure.invariant == "motion"


def test_forgetting_an_accepted_task_is_found_and_made_small(hall: Scenario, broken: pytest.MonkeyPatch) -> None:
    def events(self: FallibleLedger) -> Iterator[LedgerEvent]:
        return (event for event in self._ledger.events() if event.subject != "deliver-000002")

    broken.setattr(FallibleLedger, "events", events)
    others = [Fault(number=n, kind=FaultKind.VISITOR_LEAVES, at=50.0 + n) for n in range(1, 3)]
    case = Case(scenario=hall, seed=1, duration=200.0, faults=(*others, FLEET_CRASH))
    failure = run(hall, *case.faults, duration=200.0).failure
    assert failure is not None
    assert failure.invariant == "tasks_kept"

    def replay(each: Case) -> tuple[Failure | None, float]:
        outcome = run(hall, *each.faults, duration=each.duration)
        return outcome.failure, outcome.seconds

    small, again = shrink(case, failure, replay, most_seconds=3000.0)
    assert small.faults == (FLEET_CRASH,)
    assert again.invariant == "tasks_kept"
    assert small.duration < 110.0


def test_a_mistake_in_the_fleet_is_found_though_it_goes_on(hall: Scenario, broken: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("a mistake")

    broken.setattr(Supervisor, "_watch", fail)
    outcome = run(hall, duration=200.0)
    assert outcome.failure is not None
    assert outcome.failure.invariant in ("soundness", "no_crash")
    assert "a mistake" in outcome.failure.text


def test_a_replay_file_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "replay.yaml"
    path.write_text(
        "format: 1\nscenario: quiet\nrobots: 2\nseed: 3\nduration_s: 60.0\nbreaks: once\n"
        "faults:\n  - {number: 0, kind: fleet_crash, at_s: 30.0, lasts_s: 5.0}\n"
    )
    code, record = command("--replay", str(path))
    assert code == 0
    assert record["injected"] == {"fleet_crash": 1}
    assert record["broken"] is None

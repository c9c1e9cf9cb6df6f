"""`robot-ops simulate` with faults: one seed, or a replay."""

import argparse
import logging
import math
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from robot_ops.bringup.commands.simulate import check_length
from robot_ops.bringup.kernels import ensure_kernels, load_kernels
from robot_ops.bringup.named_files import find_file
from robot_ops.bringup.output import ProgressLine, say, show_json, show_table
from robot_ops.bringup.simulation_storage import open_storage
from robot_ops.core.errors import ParameterError
from robot_ops.core.resources import shared_folder
from robot_ops.simulation.fault_profile import FaultProfile, draw_faults, load_profile
from robot_ops.simulation.faults import SORTS, FaultKind
from robot_ops.simulation.replay_file import load_replay, write_replay
from robot_ops.simulation.scenario import Scenario
from robot_ops.simulation.shrinking import shrink
from robot_ops.simulation.soak import Case, Failure, Outcome, run_case
from robot_ops.simulation.soak_progress import ProgressFile
from robot_ops.tasks.status import TaskStatus

_SHRINK_S: Final = 20_000.0
"""How many simulated seconds are spent at most on making a failed run small: some minutes."""

Load = Callable[[str, int | None], Scenario]


def run_with_faults(arguments: argparse.Namespace, load: Load) -> int:
    """Run with faults and check all invariants; 1 when one was broken."""
    if arguments.replay is not None:
        return _replay(arguments, load)
    if not arguments.failures.is_dir():
        raise ParameterError("no such folder", where=f"argument --failures {arguments.failures}", mend="Make it first")
    check_length(arguments)
    scenario = load(arguments.scenario, arguments.robots)
    profile = load_profile(find_file(arguments.faults or "full", "faults", what="fault profile", argument="--faults"))
    if arguments.until_stopped:
        ProgressFile(arguments.failures).load()  # bad input is told before anything takes long
    _prepare(scenario)
    bench = Bench(arguments, scenario, profile)
    if arguments.until_stopped:
        from robot_ops.bringup.commands.simulate_soak import run_until_stopped

        return run_until_stopped(bench)
    record = bench.run(arguments.seed)
    if record["broken"] is not None:
        bench.make_small(record)
    if arguments.json:
        show_json(record)
    else:
        _show(record)
    return 0 if record["broken"] is None else 1


def _replay(arguments: argparse.Namespace, load: Load) -> int:
    replay = load_replay(arguments.replay)
    scenario = load(replay.scenario, replay.robots)
    _prepare(scenario)
    case = Case(scenario=scenario, seed=replay.seed, duration=replay.duration, faults=replay.faults)
    if not arguments.json:
        for fault in replay.faults:
            say(str(fault))
    outcome, cpu = _timed(case, is_shown=not arguments.json)
    record = _record(case, outcome, name=replay.scenario, profile=str(arguments.replay), cpu=cpu)
    if arguments.json:
        show_json(record)
    else:
        _show(record)
    return 0 if record["broken"] is None else 1


@dataclass(slots=True)
class Bench:
    """Runs a scenario with seeds, and keeps what fails.

    Attributes:
        broken: the last run that broke an invariant, None before.
    """

    arguments: argparse.Namespace
    scenario: Scenario
    profile: FaultProfile
    broken: tuple[Case, Failure] | None = None

    def run(self, seed: int) -> dict[str, Any]:
        """Run one seed and return what came of it; what fails is written at once, as it is."""
        duration = self.arguments.hours * 3600.0
        faults = draw_faults(self.profile, self.scenario, duration=duration, seed=seed)
        case = Case(scenario=self.scenario, seed=seed, duration=duration, faults=faults)
        outcome, cpu = _timed(case, is_shown=not self.arguments.json)
        record = _record(case, outcome, name=self.arguments.scenario, profile=self.profile.name, cpu=cpu)
        if outcome.failure is not None:
            self.broken = case, outcome.failure
            record["broken"] |= self._write(case, outcome.failure)
        return record

    def make_small(self, record: dict[str, Any]) -> None:
        """Make the run that failed last small, in its file and its record."""
        if self.broken is not None:
            small, failure = shrink(*self.broken, _replayed, most_seconds=_SHRINK_S)
            record["broken"] |= self._write(small, failure)

    def _write(self, case: Case, failure: Failure) -> dict[str, Any]:
        stem = Path(self.arguments.scenario).stem
        path = self.arguments.failures / f"{stem}-{self.profile.name}-{case.seed}-{failure.invariant}.yaml"
        write_replay(path, case, failure, scenario=self.arguments.scenario)
        return {
            "replay": f"robot-ops simulate --replay {shlex.quote(str(path))}",
            "faults_needed": [str(fault) for fault in case.faults],
            "shrunk_to_s": case.duration,
        }


def _prepare(scenario: Scenario) -> None:
    logging.getLogger("robot_ops").setLevel(logging.CRITICAL)  # the product rightly complains about every fault
    ensure_kernels(lambda text: sys.stderr.write(f"{text}\n"))
    load_kernels(scenario.site)


def _run(case: Case, on_progress: Callable[[float], None] | None = None) -> Outcome:
    return run_case(case, open_storage=open_storage, behaviors=shared_folder("behaviors"), on_progress=on_progress)


def _replayed(case: Case) -> tuple[Failure | None, float]:
    outcome = _run(case)
    return outcome.failure, outcome.seconds


def _timed(case: Case, *, is_shown: bool) -> tuple[Outcome, float]:
    with ProgressLine(case.duration / 3600.0, is_shown=is_shown) as line:
        began = time.process_time()
        outcome = _run(case, line.show)
        return outcome, time.process_time() - began


def _record(case: Case, outcome: Outcome, *, name: str, profile: str, cpu: float) -> dict[str, Any]:
    robots = len(case.scenario.robots)
    broken: dict[str, Any] | None = None
    if outcome.failure is not None:
        failure = outcome.failure
        broken = {
            "invariant": failure.invariant,
            "at_s": round(failure.at, 3),
            "text": failure.text,
            "details": failure.details,
        }
    return {
        "scenario": name,
        "faults": profile,
        "seed": case.seed,
        "robots": robots,
        "hours": round(case.duration / 3600.0, 4),
        "robot_hours": round(min(outcome.seconds, case.duration) / 3600.0 * robots, 3),
        "injected": {kind.value: outcome.injected.get(kind, 0) for kind in FaultKind if outcome.injected.get(kind, 0)},
        "tasks": dict(sorted(Counter(task.status.value for task in outcome.result.tasks).items())),
        "least_distance_m": outcome.result.least_distance,
        "ledger_digest": outcome.result.ledger_digest,
        "broken": broken,
        "speed_factor": outcome.seconds / cpu if cpu > 0 else math.inf,
    }


def _show(record: dict[str, Any]) -> None:
    title = f"{record['scenario']}, faults: {record['faults']}, seed {record['seed']}, {record['hours']:g} h"
    rows = [(kind, count, SORTS[FaultKind(kind)].says) for kind, count in record["injected"].items()]
    if rows:
        show_table(title, ["fault", "times", "what happens"], rows)
    else:
        say(title)
    counts = [f"{record['tasks'].get(status.value, 0)} {status.value}" for status in TaskStatus]
    say(f"{record['robot_hours']:g} robot-hours; tasks: {', '.join(counts)}")
    say(f"ledger digest: {record['ledger_digest']}")
    say(f"{record['speed_factor']:.0f} simulated seconds per second of processor time")
    broken = record["broken"]
    if broken is None:
        say("all invariants hold")
        return
    say(f"BROKEN after {broken['at_s']:.1f} s: {broken['invariant']}: {broken['text']}")
    if broken["details"]:
        say(broken["details"].rstrip())
    if "replay" in broken:
        say(f"it needs {len(broken['faults_needed'])} faults and {broken['shrunk_to_s']:g} s:")
        for fault in broken["faults_needed"]:
            say(f"  {fault}")
        say(f"replay it: {broken['replay']}")

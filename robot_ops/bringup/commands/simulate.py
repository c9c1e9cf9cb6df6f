"""`robot-ops simulate`: a scenario without ROS, faster than real time; equal seeds give equal ledgers."""

import argparse
import math
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from robot_ops.bringup.named_files import find_file
from robot_ops.bringup.output import ProgressLine, add_json, say, show_json, show_table
from robot_ops.bringup.task_records import promise_record, promise_text
from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import ParameterError
from robot_ops.core.resources import shared_folder
from robot_ops.missions.agent import load_behaviors
from robot_ops.simulation.scenario import Scenario, load_scenario
from robot_ops.tasks.requests import TaskKind
from robot_ops.tasks.status import TaskStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "scenario", nargs="?", help="scenario file, or the name of one that comes with robot_ops, as quiet"
    )
    what.add_argument("--replay", type=Path, metavar="FILE", help="do again what a failed run has written")
    parser.add_argument(
        "--robots", type=int, default=None, metavar="N", help="how many of the scenario's and site's robots"
    )
    parser.add_argument("--hours", type=float, default=1.0, metavar="H", help="simulated hours (default: 1)")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn (default: 1)")
    parser.add_argument(
        "--faults",
        default=None,
        metavar="PROFILE",
        help="what goes wrong: none, network, crashes, hardware, people, full, or a file; all invariants are checked",
    )
    parser.add_argument(
        "--until-stopped",
        action="store_true",
        help="one seed after another until Ctrl-C, going on where it stopped last time; faults: full by default",
    )
    parser.add_argument(
        "--failures", type=Path, default=Path(), metavar="FOLDER", help="where failed runs are written (default: here)"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the simulation; 1 when a task ended wrongly, robots came into conflict or an invariant was broken."""
    from robot_ops.bringup.kernels import ensure_kernels, load_kernels

    if arguments.faults or arguments.replay or arguments.until_stopped:
        from robot_ops.bringup.commands.simulate_faults import run_with_faults

        return run_with_faults(arguments, load_named)
    check_length(arguments)
    scenario = load_named(arguments.scenario, arguments.robots)
    ensure_kernels(lambda text: sys.stderr.write(f"{text}\n"))
    load_kernels(scenario.site)
    record = _run_once(arguments, scenario)
    if arguments.json:
        show_json(record)
    else:
        _show(record)
    return 0 if record["is_good"] else 1


def check_length(arguments: argparse.Namespace) -> None:
    """Check hours and seed.

    Raises:
        ParameterError: one is wrong.
    """
    if not 0 < arguments.hours <= 10_000 or arguments.seed < 0:
        raise ParameterError("hours must be more than 0 and the seed not negative", where="arguments --hours, --seed")


def load_named(name: str, robots: int | None) -> Scenario:
    """Return a scenario by file or name, with so many robots; all that a run reads is read here once.

    Raises:
        ParameterError: there is none, or it has not so many.
        ScenarioError, SiteError, TreeError: a file is wrong.
    """
    scenario = load_scenario(find_file(name, "scenarios", what="scenario", argument="SCENARIO"))
    load_behaviors(shared_folder("behaviors"), scenario.site)
    return _with_robots(scenario, robots)


def _run_once(arguments: argparse.Namespace, scenario: Scenario) -> dict[str, Any]:
    from robot_ops.bringup.simulation_storage import open_storage
    from robot_ops.simulation.deterministic import DeterministicRun

    with open_storage() as storage:
        simulation = DeterministicRun(
            scenario,
            ledger=storage.ledger,
            custody=storage.custody,
            behaviors=shared_folder("behaviors"),
            seed=arguments.seed,
        )
        with ProgressLine(arguments.hours, is_shown=not arguments.json) as line:
            began = time.process_time()
            result = simulation.run(arguments.hours * 3600.0, line.show)
        return _record(arguments, scenario, result, time.process_time() - began)


def _with_robots(scenario: Scenario, count: int | None) -> Scenario:
    if count is None:
        return scenario
    robots = [*scenario.robots, *(robot for robot in scenario.site.robots if robot not in scenario.robots)]
    if not 1 <= count <= len(robots):
        raise ParameterError(
            f"{count} robots cannot take part", where="argument --robots", mend=f"The site has {len(robots)} robots"
        )
    return replace(scenario, robots=tuple(robots[:count]))


def _record(arguments: argparse.Namespace, scenario: Scenario, result: Any, cpu: float) -> dict[str, Any]:
    duration = seconds_between(result.start_ns, result.end_ns)
    wrong = [
        {"task_id": task.task_id, "status": task.status.value, "reason": task.reason}
        for task in result.tasks
        if task.status.is_final
        and task.status not in result.expected.get(task.request.request_id, {TaskStatus.COMPLETED})
    ]
    overdue = [
        task.task_id
        for task in result.tasks
        if not task.status.is_final and task.request.due_ns is not None and task.request.due_ns <= result.end_ns
    ]
    return {
        "scenario": scenario.name,
        "seed": arguments.seed,
        "hours": arguments.hours,
        "robots": list(scenario.robots),
        "is_good": not wrong and result.conflicts == 0 and result.broken is None,
        "tasks": {
            kind.value: dict(
                sorted(Counter(task.status.value for task in result.tasks if task.request.kind is kind).items())
            )
            for kind in TaskKind
        },
        "wrong": wrong,
        "overdue": overdue,
        "mean_time_s": {kind.value: _mean_time(result.tasks, kind) for kind in TaskKind},
        "promises": promise_record(result.tasks),
        "conflicts": result.conflicts,
        "broken": result.broken,
        "least_distance_m": result.least_distance,
        "distance_m": {robot: round(meters, 3) for robot, meters in result.distances.items()},
        "custody_events": dict(result.custody_events),
        "ledger_digest": result.ledger_digest,
        "speed_factor": duration / cpu if cpu > 0 else math.inf,
    }


def _mean_time(tasks: Any, kind: TaskKind) -> float | None:
    times = [
        seconds_between(task.submitted_ns, task.finished_ns)
        for task in tasks
        if task.request.kind is kind and task.status is TaskStatus.COMPLETED and task.finished_ns is not None
    ]
    return round(sum(times) / len(times), 3) if times else None


def _show(record: dict[str, Any]) -> None:
    statuses = [status.value for status in TaskStatus]
    rows = [
        (kind, *(counts.get(status, 0) for status in statuses), record["mean_time_s"][kind] or "-")
        for kind, counts in record["tasks"].items()
    ]
    title = f"{record['scenario']}, seed {record['seed']}, {record['hours']:g} h, {len(record['robots'])} robots"
    show_table(title, ["task", *statuses, "mean time, s"], rows)
    say(promise_text(record["promises"]))
    say(f"conflicts between robots: {record['conflicts']}; least distance {record['least_distance_m']:.2f} m")
    say(f"ledger digest: {record['ledger_digest']}")
    say(f"{record['speed_factor']:.0f} simulated seconds per second of processor time")
    if record["broken"] is not None:
        say(f"broken: {record['broken']}")
    for task in record["wrong"]:
        say(f"not as it should be: {task['task_id']} is {task['status']} ({task['reason']})")

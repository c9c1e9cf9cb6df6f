"""`robot-ops demo`: the immigration hall live, over real ROS 2, in the embedded simulator."""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from robot_ops.bringup.demo_report import DemoReport
from robot_ops.bringup.named_files import find_file
from robot_ops.bringup.output import add_json, say, show_json
from robot_ops.bringup.process_table import Supervisor
from robot_ops.core.errors import LinkError, ParameterError, SetupError
from robot_ops.core.ids import RobotId
from robot_ops.dispatch.ports import TaskView
from robot_ops.tasks.status import TaskStatus

_START_PATIENCE: Final = 90.0  # s until everybody has reported
_SHOW_EVERY: Final = 10.0  # s between two lines of progress
_HEADLESS_SPEED: Final = 1.1  # where nobody watches, time need not pass as people feel it
_FLEET_TRIES: Final = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--scenario", default="immigration_hall", help="scenario file or name (default: the immigration hall)"
    )
    parser.add_argument("--headless", action="store_true", help="without the web console")
    parser.add_argument(
        "--duration", type=float, default=None, metavar="S", help="end after S seconds of simulated time"
    )
    parser.add_argument("--seed", type=int, default=1, help="of people and noise (default: 1)")
    parser.add_argument("--report", type=Path, default=None, metavar="FILE", help="write a JSON report at the end")
    parser.add_argument("--port", type=int, default=8080, help="of the console (default: 8080)")
    parser.add_argument(
        "--speed",
        type=float,
        default=None,
        help=f"simulated seconds per real second, if the machine can (default: 1; {_HEADLESS_SPEED} with --headless)",
    )
    parser.add_argument("--folder", type=Path, default=None, help="for ledger and logs (default: a new temporary one)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 only if every task due within the run ended as it should."""
    from robot_ops.bringup.environment import require_environment
    from robot_ops.bringup.kernels import ensure_kernels
    from robot_ops.bringup.live_system import check_files, check_port, environment, table
    from robot_ops.simulation.scenario import load_scenario

    if arguments.speed is None:
        arguments.speed = _HEADLESS_SPEED if arguments.headless else 1.0
    _check(arguments)
    require_environment()
    path = find_file(arguments.scenario, "scenarios", what="scenario", argument="--scenario").resolve()
    scenario = load_scenario(path)
    check_files(scenario.site)
    if not arguments.headless:
        check_port(arguments.port)
    ensure_kernels(lambda text: _say(arguments, text))
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="robot_ops_demo_"))
    _say(arguments, f"{scenario.site.title}: {len(scenario.robots)} robots, seed {arguments.seed}; logs in {folder}")
    processes = table(
        scenario,
        scenario_file=path,
        folder=folder,
        seed=arguments.seed,
        speed=arguments.speed,
        port=None if arguments.headless else arguments.port,
    )
    os.environ.update(environment())
    with _interruption() as interrupted, Supervisor(processes, folder=folder, environment=os.environ) as supervisor:
        _say(arguments, f"starting {len(processes)} processes ...")
        report = _watch(arguments, supervisor, interrupted, scenario.robots, folder, scenario.name)
    if report is None:
        return 130
    if arguments.report is not None:
        report.write(arguments.report)
    if arguments.json:
        show_json(report.record())
    else:
        report.show()
    return 0 if report.is_good else 1


def _watch(
    arguments: argparse.Namespace,
    supervisor: Supervisor,
    interrupted: threading.Event,
    robots: tuple[RobotId, ...],
    folder: Path,
    name: str,
) -> DemoReport | None:
    from robot_ops.ros_nodes.fleet_client import FleetClient

    with FleetClient() as fleet:
        fleet.watch(robots)
        start = _await_start(supervisor, interrupted, fleet, robots)
        if start is None:
            return None
        if not arguments.headless and not interrupted.is_set():
            _say(arguments, f"the console is at http://localhost:{arguments.port}/ ; Ctrl-C ends the demo")
        shown = 0.0
        while not interrupted.is_set():
            supervisor.wait(interrupted, 1.0)
            elapsed = _elapsed(fleet.statistics, start)
            if arguments.duration is not None and elapsed >= arguments.duration:
                break
            if elapsed - shown >= _SHOW_EVERY:
                shown = elapsed
                _say(arguments, _progress(fleet, start))
        tasks = _final_tasks(fleet, supervisor, threading.Event())
        statistics = fleet.statistics
    supervisor.stop()
    people = _read(folder / "population.json")
    return DemoReport(
        scenario=name,
        seed=arguments.seed,
        duration=_elapsed(statistics, start),
        tasks=tasks,
        expected={
            request: frozenset(TaskStatus(status) for status in statuses)
            for request, statuses in people.get("expected", {}).items()
        },
        end_ns=_now_ns(statistics),
        statistics=_flat(statistics, start),
    )


def _await_start(supervisor: Supervisor, interrupted: threading.Event, fleet: Any, robots: tuple[RobotId, ...]) -> Any:
    """Return the world's statistics when every robot and the fleet are at work, None after an interruption."""
    missing: list[str] = list(robots)
    for _ in range(round(_START_PATIENCE)):
        supervisor.wait(interrupted, 1.0)
        if interrupted.is_set():
            return None
        statuses = fleet.statuses
        missing = [robot for robot in robots if robot not in statuses or statuses[robot].at is None]
        if missing or fleet.statistics is None:
            continue
        try:
            fleet.tasks(with_finished=False)
        except LinkError:
            missing = ["fleet"]
        else:
            return fleet.statistics
    raise LinkError(
        f"the system did not come up within {_START_PATIENCE:.0f} s; not at work: {', '.join(missing) or 'the world'}"
    )


def _final_tasks(fleet: Any, supervisor: Supervisor, never: threading.Event) -> tuple[TaskView, ...]:
    """Return all tasks; a fleet that is just being started again has a moment to come up."""
    for _ in range(_FLEET_TRIES - 1):
        with suppress(LinkError):
            return tuple(fleet.tasks(with_finished=True))
        supervisor.wait(never, 1.0)
    return tuple(fleet.tasks(with_finished=True))


def _elapsed(statistics: Any, start: Any) -> float:
    return float(statistics.sim_time - start.sim_time)


def _progress(fleet: Any, start: Any) -> str:
    try:
        tasks = fleet.tasks(with_finished=True)
        counts = {status: sum(1 for task in tasks if task.status is status) for status in TaskStatus}
        texts = [f"{count} {status.value}" for status, count in counts.items() if count]
    except LinkError:
        texts = ["the fleet does not answer just now"]
    elapsed = _elapsed(fleet.statistics, start)
    factor = _factor(fleet.statistics, start)
    return f"{elapsed:6.0f} s  real-time factor {factor:.2f}  tasks: {', '.join(texts) or 'none yet'}"


def _factor(statistics: Any, start: Any) -> float:
    wall = statistics.wall_time - start.wall_time
    return _elapsed(statistics, start) / wall if wall > 0 else 0.0


def _now_ns(statistics: Any) -> int:
    from robot_ops.ros_nodes.conversions import from_time

    return from_time(statistics.stamp)


def _flat(statistics: Any, start: Any) -> dict[str, Any]:
    return {
        "sim_time": _elapsed(statistics, start),
        "wall_time": statistics.wall_time - start.wall_time,
        "real_time_factor": _factor(statistics, start),
        "robot_robot_collisions": statistics.robot_robot_collisions,
        "robot_person_collisions": statistics.robot_person_collisions,
        "robot_world_collisions": statistics.robot_world_collisions,
        "least_robot_robot": statistics.least_robot_robot,
        "least_robot_person": statistics.least_robot_person,
        "distances": dict(zip(statistics.robots, statistics.distances, strict=True)),
    }


def _read(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise LinkError(f"the world left no record of its people in {path}: {error}") from error
    return value if isinstance(value, dict) else {}


def _check(arguments: argparse.Namespace) -> None:
    if arguments.duration is not None and not 0 < arguments.duration <= 86_400:
        raise ParameterError(
            f"{arguments.duration} s is out of range", where="argument --duration", mend="Use 1 to 86400"
        )
    if not 0.1 <= arguments.speed <= 10.0:
        raise ParameterError(f"{arguments.speed} is out of range", where="argument --speed", mend="Use 0.1 to 10")
    if not 1 <= arguments.port <= 65_535:
        raise ParameterError(f"{arguments.port} is no port", where="argument --port", mend="Use 1024 to 65535")
    if arguments.seed < 0:
        raise ParameterError("a seed is not negative", where="argument --seed", mend="Use 0 or more")
    if arguments.report is not None:
        _check_report(arguments.report)
    folder = arguments.folder
    if folder is not None and not _nearest(folder).is_dir():
        raise SetupError("is no folder", where=f"argument --folder {folder}", mend="Name a new folder")
    if folder is not None and not os.access(_nearest(folder), os.W_OK):
        raise SetupError("cannot be written", where=f"argument --folder {folder}", mend="Name one of your own")
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise SetupError("is not empty", where=f"argument --folder {folder}", mend="Name a new folder")


def _check_report(path: Path) -> None:
    """Check that the report can be written, which is found out too late otherwise."""
    where = f"argument --report {path}"
    if path.is_dir():
        raise ParameterError("is a folder", where=where, mend="Name a file")
    nearest = _nearest(path)
    if not (nearest.is_dir() or nearest == path.absolute()) or not os.access(nearest, os.W_OK):
        raise ParameterError("cannot be written", where=where, mend="Name a file in a folder of your own")


def _nearest(path: Path) -> Path:
    """Return the path itself or the nearest above it that exists."""
    absolute = path.absolute()
    return next(each for each in (absolute, *absolute.parents) if each.exists())


def _say(arguments: argparse.Namespace, text: str) -> None:
    if arguments.json:
        sys.stderr.write(text + "\n")
    else:
        say(text)


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set, so that the demo ends in order and still reports."""
    event = threading.Event()
    previous = {number: signal.signal(number, lambda *_: event.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

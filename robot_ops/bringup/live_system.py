"""The process tables of live systems, simulated and real, and the environment their processes need."""

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from robot_ops.bringup.process_table import Process
from robot_ops.core.errors import ParameterError, SetupError, SiteError, WorldError
from robot_ops.core.ids import RobotId
from robot_ops.core.resources import shared_folder
from robot_ops.missions.agent import load_behaviors
from robot_ops.navigation.maps import load_maps
from robot_ops.simulation.layout import LIDAR, lay_out
from robot_ops.simulation.scenario import Scenario
from robot_ops.simulation.sdf_reader import read_world
from robot_ops.site.model import RobotKind, Site

_PROCESSES = "robot_ops.bringup.processes"


def table(
    scenario: Scenario, *, scenario_file: Path, folder: Path, seed: int, speed: float, port: int | None
) -> list[Process]:
    """Return the processes in the order of their start.

    Args:
        folder: for the ledger, custody logs and latched stops.
        speed: simulated seconds per real second.
        port: of the console, None for no console.
    """
    common = _common(scenario_file, folder)
    world = Process(
        name="world", module=f"{_PROCESSES}.world", arguments=(*common, f"--seed={seed}", f"--speed={speed}")
    )
    return [world, *team_table(scenario, scenario_file=scenario_file, folder=folder, port=port)]


def team_table(
    scenario: Scenario, *, scenario_file: Path, folder: Path, port: int | None, parameters: Path | None = None
) -> list[Process]:
    """Return what runs beside any simulator: fleet, robots, their safety and the console.

    Args:
        folder, port: as for `table`.
        parameters: folder with the parameter files of the nodes, None for launch/params.
    """
    common = _common(scenario_file, folder)
    guides, couriers = (
        [robot for robot in scenario.robots if scenario.site.robots[robot].model.kind is kind]
        for kind in (RobotKind.GUIDE, RobotKind.COURIER)
    )
    processes = [
        Process(name="fleet", module=f"{_PROCESSES}.fleet", arguments=common, is_vital=False),
        *(
            _robots(name, robots, common, parameters)
            for name, robots in (("guides", guides), ("couriers", couriers))
            if robots
        ),
        *(_safety(robot, common, parameters) for robot in scenario.robots),
    ]
    if port is not None:
        processes.append(_console(port, common))
    return processes


def fleet_table(*, scenario_file: Path, folder: Path, port: int | None, ledger: str = "") -> list[Process]:
    """Return what runs on the fleet's machine beside real robots.

    Args:
        folder, port: as for `table`.
        ledger: file or URL of the ledger; empty for the one in the folder.
    """
    common = (*_common(scenario_file, folder), "--system-clock")
    place = ("--ledger", ledger) if ledger else ()
    processes = [Process(name="fleet", module=f"{_PROCESSES}.fleet", arguments=(*common, *place), is_vital=False)]
    return processes if port is None else [*processes, _console(port, common)]


def robot_table(robot: RobotId, *, scenario_file: Path, folder: Path, parameters: Path | None = None) -> list[Process]:
    """Return what runs on a real robot's computer; arguments as for `team_table`."""
    common = (*_common(scenario_file, folder), "--system-clock")
    return [_safety(robot, common, parameters), _robots(robot, [robot], common, parameters)]


def markers_table(*, scenario_file: Path, is_simulated: bool) -> list[Process]:
    """Return what runs beside RViz."""
    clock = () if is_simulated else ("--system-clock",)
    arguments = ("--scenario", str(scenario_file), *clock)
    return [Process(name="markers", module=f"{_PROCESSES}.markers", arguments=arguments, is_vital=False)]


def _common(scenario_file: Path, folder: Path) -> tuple[str, ...]:
    return ("--scenario", str(scenario_file), "--folder", str(folder))


def _safety(robot: RobotId, common: tuple[str, ...], parameters: Path | None) -> Process:
    return Process(
        name=f"safety.{robot}",
        module=f"{_PROCESSES}.safety",
        arguments=(*common, "--robots", robot, *_parameter_files(parameters, "safety")),
        is_vital=False,  # wheels stand without it, and a latched stop is on disk
    )


def _robots(name: str, robots: Sequence[RobotId], common: tuple[str, ...], parameters: Path | None) -> Process:
    return Process(
        name=name,
        module=f"{_PROCESSES}.robots",
        arguments=(*common, "--robots", *robots, *_parameter_files(parameters, "navigation", "perception")),
        is_vital=False,  # last poses and chains of custody are on disk
    )


def _console(port: int, common: tuple[str, ...]) -> Process:
    return Process(
        name="console", module=f"{_PROCESSES}.console", arguments=(*common, f"--port={port}"), is_vital=False
    )


def _parameter_files(folder: Path | None, *nodes: str) -> tuple[str, ...]:
    """Return the arguments that hand the nodes' parameter files to rclpy.

    Raises:
        ParameterError: a file is missing.
    """
    arguments = ["--ros-args"]
    for node in nodes:
        file = (folder or shared_folder("launch") / "params") / f"{node}.yaml"
        if not file.is_file():
            raise ParameterError("there is no such file", where=str(file), mend="Copy launch/params and edit the copy")
        arguments += ["--params-file", str(file)]
    return tuple(arguments)


def environment(*, is_one_machine: bool = True) -> Mapping[str, str]:
    """Return what to set for processes that speak ROS 2, leaving what the user has set as it is.

    Args:
        is_one_machine: nobody else's processes are heard then; real robots must hear each other's machines.
    """
    wanted = {
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "FASTDDS_DEFAULT_PROFILES_FILE": str(shared_folder("launch") / "fastdds.xml"),
        "MUJOCO_GL": "egl",
        "PYTHONUNBUFFERED": "1",
        # one thread per process: matrices here are small, and two cores are shared by all processes
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    if not is_one_machine:
        del wanted["ROS_AUTOMATIC_DISCOVERY_RANGE"]
    return {name: os.environ.get(name, value) for name, value in wanted.items()}


def check_port(port: int) -> None:
    """Check that the console's port is free.

    Raises:
        SetupError: it is taken, or not allowed.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SetupError(
                f"port {port} cannot be used: {error.strerror}",
                where="argument --port",
                mend="Name another, as --port 8081, or --headless",
            ) from error


def check_files(site: Site) -> None:
    """Check all that the processes of a simulated system will read of a site, before any of them is started.

    Raises:
        WorldError, SiteError, TreeError: with file, line and the mend.
    """
    if site.world_file is None:
        raise SiteError("names no world file", where=site.name, mend="Add `world: FILE.sdf` to the site file")
    layout = lay_out(read_world(site.world_file), site)
    for robot, parts in layout.robots.items():
        if LIDAR not in parts.sensors:
            raise WorldError(
                f"robot {robot} has no sensor {LIDAR!r}", where=str(site.world_file), mend="Give its model one"
            )
    load_maps(site.levels.values())
    load_behaviors(shared_folder("behaviors"), site)

"""The process table of a live system in the embedded simulator, and the environment its processes need."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from robot_ops.bringup.process_table import Process
from robot_ops.core.errors import SetupError
from robot_ops.core.resources import shared_folder
from robot_ops.simulation.scenario import Scenario
from robot_ops.site.model import RobotKind

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
    common = ("--scenario", str(scenario_file), "--folder", str(folder))
    guides, couriers = (
        [robot for robot in scenario.robots if scenario.site.robots[robot].model.kind is kind]
        for kind in (RobotKind.GUIDE, RobotKind.COURIER)
    )
    processes = [
        Process(name="world", module=f"{_PROCESSES}.world", arguments=(*common, f"--seed={seed}", f"--speed={speed}")),
        Process(name="fleet", module=f"{_PROCESSES}.fleet", arguments=common, is_vital=False),
        *(
            Process(name=name, module=f"{_PROCESSES}.robots", arguments=(*common, "--robots", *robots))
            for name, robots in (("guides", guides), ("couriers", couriers))
            if robots
        ),
        *(
            Process(name=f"safety.{robot}", module=f"{_PROCESSES}.safety", arguments=(*common, "--robots", robot))
            for robot in scenario.robots
        ),
    ]
    if port is not None:
        processes.append(
            Process(
                name="console",
                module=f"{_PROCESSES}.console",
                arguments=(*common, f"--port={port}"),
                is_vital=False,
            )
        )
    return processes


def environment() -> Mapping[str, str]:
    """Return what to set for processes that speak ROS 2, leaving what the user has set as it is."""
    wanted = {
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "FASTDDS_DEFAULT_PROFILES_FILE": str(shared_folder("launch") / "fastdds.xml"),
        "MUJOCO_GL": "egl",
        "PYTHONUNBUFFERED": "1",
        # one thread per process: matrices here are small, and two cores are shared by all processes
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
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

"""Launch actions for the process tables: what the files in launch/ have in common. Needs ROS 2's launch."""

import math
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, ExecuteProcess, Shutdown
from launch.substitutions import LaunchConfiguration

from robot_ops.bringup.live_system import environment
from robot_ops.bringup.process_table import Process
from robot_ops.core.errors import ParameterError
from robot_ops.core.resources import shared_folder

_RESTART_DELAY = 1.0  # s


def scenario_argument() -> DeclareLaunchArgument:
    """Return the argument `scenario`; also real robots take site and names from one."""
    return DeclareLaunchArgument(
        "scenario",
        default_value=str(shared_folder("sim") / "scenarios" / "immigration_hall.yaml"),
        description="scenario file, which names the site and the robots that take part",
    )


def port_argument() -> DeclareLaunchArgument:
    """Return the argument `port`."""
    return DeclareLaunchArgument("port", default_value="8080", description="of the console; 0 for no console")


def folder_argument(default: str = "") -> DeclareLaunchArgument:
    """Return the argument `folder`; an empty one stands for a new temporary folder."""
    return DeclareLaunchArgument(
        "folder", default_value=default, description="for ledger, custody logs and stops; empty: a new temporary one"
    )


def ledger_argument() -> DeclareLaunchArgument:
    """Return the argument `ledger`; an empty one stands for a file in the folder."""
    return DeclareLaunchArgument(
        "ledger", default_value="", description="SQLite file or postgresql:// URL; empty: ledger.sqlite in the folder"
    )


def parameters_argument() -> DeclareLaunchArgument:
    """Return the argument `params`."""
    return DeclareLaunchArgument(
        "params",
        default_value=str(shared_folder("launch") / "params"),
        description="folder with navigation.yaml, perception.yaml and safety.yaml",
    )


def text(context: LaunchContext, name: str) -> str:
    """Return an argument's value."""
    return str(LaunchConfiguration(name).perform(context))


def path(context: LaunchContext, name: str) -> Path:
    """Return an argument that names a file or folder, as an absolute path."""
    return Path(text(context, name)).expanduser().resolve()


def folder(context: LaunchContext) -> Path:
    """Return the folder that the argument `folder` names; it is there."""
    named = text(context, "folder")
    if not named:
        return Path(tempfile.mkdtemp(prefix="robot_ops_"))
    place = Path(named).expanduser().resolve()
    place.mkdir(parents=True, exist_ok=True)
    return place


def number(context: LaunchContext, name: str, *, low: float, high: float) -> float:
    """Return an argument that is a number.

    Raises:
        ParameterError: it is none, or out of range.
    """
    value = text(context, name)
    try:
        parsed = float(value)
    except ValueError:
        parsed = math.nan
    if not low <= parsed <= high:
        raise ParameterError(
            f"{value!r} is not a number from {low:g} to {high:g}",
            where=f"launch argument {name}",
            mend="Give one",
        )
    return parsed


def port(context: LaunchContext) -> int | None:
    """Return the console's port, None for no console.

    Raises:
        ParameterError: it is no port.
    """
    return int(number(context, "port", low=0, high=65_535)) or None


def executions(table: Iterable[Process], *, is_one_machine: bool = True) -> list[ExecuteProcess]:
    """Return an action per process: a vital one ends the launch with it, others are started again."""
    wanted = environment(is_one_machine=is_one_machine)
    additional = {key: value for key, value in wanted.items() if os.environ.get(key) != value}
    return [
        ExecuteProcess(
            cmd=process.command,
            name=process.name,
            output="screen",
            additional_env=additional,
            **(
                {"on_exit": Shutdown(reason=f"{process.name} has ended")}
                if process.is_vital
                else {"respawn": True, "respawn_delay": _RESTART_DELAY}
            ),
        )
        for process in table
    ]

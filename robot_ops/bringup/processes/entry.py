"""What all processes have in common: their arguments, their end with their parent, and how they tell an error."""

import argparse
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rclpy.parameter import Parameter
from rclpy.utilities import remove_ros_args

from robot_ops.bringup.process_table import PARENT_VARIABLE
from robot_ops.core.errors import InputError, ParameterError, RobotOpsError
from robot_ops.core.ids import RobotId
from robot_ops.site.model import Site

_PR_SET_PDEATHSIG: Final = 1  # Linux prctl(2)


def process_parser(description: str | None, *, has_folder: bool = True) -> argparse.ArgumentParser:
    """Return a parser with the arguments that every process takes.

    Args:
        has_folder: False for a process that keeps nothing.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--scenario", type=Path, required=True, help="scenario file, which names the site")
    if has_folder:
        parser.add_argument("--folder", type=Path, required=True, help="for what must outlive the process")
    parser.add_argument(
        "--system-clock", action="store_true", help="time is the machine's, as on real robots, not a simulator's /clock"
    )
    return parser


def parse_arguments(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Return the process' own arguments. Those after --ros-args, as parameter files, are left to rclpy.

    Raises:
        ParameterError: rclpy does not understand what is left to it.
    """
    try:
        return parser.parse_args(remove_ros_args(sys.argv)[1:])
    except RuntimeError as error:  # the root of rclpy's errors about arguments
        raise ParameterError(str(error), where="arguments after --ros-args") from error


def clock_parameter(arguments: argparse.Namespace) -> Parameter:
    """Return the parameter that tells a node which clock to go by."""
    return Parameter("use_sim_time", value=not arguments.system_clock)


def known_robots(names: Sequence[str], site: Site) -> tuple[RobotId, ...]:
    """Return the robots named on the command line.

    Raises:
        ParameterError: one is not in the site.
    """
    for name in names:
        if name not in site.robots:
            raise ParameterError(
                f"{site.name} has no robot {name!r}",
                where="argument --robots",
                mend=f"Choose from {', '.join(site.robots)}",
            )
    return tuple(RobotId(name) for name in names)


def run_process(main: Callable[[], None]) -> None:
    """Run a process' main function and exit: 0 done, 2 wrong input, 1 any other error, 130 interrupted."""
    # until `spin` or the web server listens to it: what is open already is closed in order, with code 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    _end_with_parent()
    try:
        main()
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except RobotOpsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _end_with_parent() -> None:
    """Let the kernel send SIGTERM when the supervisor dies, so that a killed one leaves no robots driving."""
    if sys.platform != "linux":
        return
    parent = int(os.environ.get(PARENT_VARIABLE, os.getppid()))
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before; importing has taken its time
        sys.exit(1)

"""What all processes have in common: their arguments, their end with their parent, and how they tell an error."""

import argparse
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from robot_ops.core.errors import InputError, RobotOpsError

_PR_SET_PDEATHSIG: Final = 1  # Linux prctl(2)


def process_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the arguments that every process takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--scenario", type=Path, required=True, help="scenario file, which names the site")
    parser.add_argument("--folder", type=Path, required=True, help="for what must outlive the process")
    return parser


def run_process(main: Callable[[], None]) -> None:
    """Run a process' main function and exit: 0 done, 2 wrong input, 1 any other error."""
    _end_with_parent()
    try:
        main()
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    except RobotOpsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def _end_with_parent() -> None:
    """Let the kernel send SIGTERM when the supervisor dies, so that a killed one leaves no robots driving."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died just before
        sys.exit(1)

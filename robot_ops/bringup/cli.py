"""The command line `robot-ops`. Subcommands import what they need only when they run, so that --help is quick.

Exit codes: 0 done; 1 done, and the answer is no (a check failed, a task did not end as it should); 2 wrong input or
environment, nothing was changed; 3 the running system did not answer; 130 interrupted.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final, Protocol, cast

from robot_ops.core.errors import InputError, LinkError, RobotOpsError

EXIT_OK: Final = 0
EXIT_NO: Final = 1
EXIT_INPUT: Final = 2
EXIT_SILENT: Final = 3
EXIT_INTERRUPTED: Final = 130

_COMMANDS: Final = ("demo", "simulate", "task", "robot", "traffic", "dispatch", "site", "ledger", "bench", "doctor")
_HELP: Final = {
    "demo": "run the immigration hall live: simulator, fleet, robots and console",
    "simulate": "run a scenario without ROS, faster than real time and repeatable",
    "task": "submit, cancel and list tasks of a running system",
    "robot": "list robots, stop them and release the stop",
    "traffic": "see who waits for whom and why, close lanes, limit speeds, declare an emergency",
    "dispatch": "see why a task has its robot and what the others would make of it",
    "site": "check or draw a site file",
    "ledger": "back up, restore, verify, read and archive what the fleet has on disk",
    "bench": "measure against goals and published figures",
    "doctor": "check this machine and its environment",
}


class Command(Protocol):
    """A module of robot_ops.bringup.commands."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser(words)
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
    arguments = parser.parse_args(words)
    try:
        return _command(arguments.command).run(arguments)
    except InputError as error:
        return _say(error, EXIT_INPUT)
    except LinkError as error:
        return _say(error, EXIT_SILENT)
    except RobotOpsError as error:
        return _say(error, EXIT_NO)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK


def build_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; arguments are declared only for the command that `words` name (all for completion)."""
    parser = argparse.ArgumentParser(
        prog="robot-ops",
        description="Collaborative robot orchestration for public halls, on ROS 2.",
        epilog=__doc__.split("\n\n")[1] if __doc__ else None,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = next((word for word in words if word in _COMMANDS), None)
    for name in _COMMANDS:
        command = commands.add_parser(name, help=_HELP[name], description=_HELP[name])
        if name == wanted or "_ARGCOMPLETE" in os.environ:
            _command(name).add_arguments(command)
    return parser


def _command(name: str) -> Command:
    return cast("Command", importlib.import_module(f"robot_ops.bringup.commands.{name}"))


def _say(error: RobotOpsError, code: int) -> int:
    sys.stderr.write(f"robot-ops: {error}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())

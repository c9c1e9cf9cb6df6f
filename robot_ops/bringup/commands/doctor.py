"""`robot-ops doctor`: check this machine and its environment."""

import argparse
from dataclasses import asdict

from robot_ops.bringup.output import add_json, show_json, show_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show every check; 2 when one failed."""
    from robot_ops.bringup.environment import inspect_environment, this_machine

    checks = inspect_environment(this_machine())
    if arguments.json:
        show_json([asdict(check) for check in checks])
    else:
        show_table(
            "This machine",
            ["check", "", "found", "mend"],
            [(check.name, "ok" if check.is_ok else "not ok", check.found, check.mend) for check in checks],
        )
    return 0 if all(check.is_ok for check in checks) else 2

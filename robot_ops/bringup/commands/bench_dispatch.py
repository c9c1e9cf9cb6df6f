"""`robot-ops bench dispatch`: measure allocation against goals and known figures."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from robot_ops.bringup.output import add_json, show_json, show_table
from robot_ops.core.errors import ParameterError

if TYPE_CHECKING:
    from robot_ops.benchmarks.measures import Outcome


def add_dispatch_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--check", action="store_true", help="exit 1 when a goal is missed or an answer is not valid")
    parser.add_argument("--only", nargs="+", metavar="CASE", default=None, help="run only these cases of the table")
    parser.add_argument(
        "--instances", type=Path, help="folder with Li and Lim's lc101, lr201, lr1_2_1 (.txt, .sol) for the table"
    )
    parser.add_argument(
        "--long", type=float, default=None, metavar="S", help="look for the best known anew, S CPU seconds each"
    )
    parser.add_argument("--instance", type=Path, help="one instance of Li and Lim's form instead of the table")
    parser.add_argument("--time-limit", type=float, default=10.0, metavar="S", help="its CPU seconds (default 10)")
    parser.add_argument("--output", type=Path, help="where its routes go (default: NAME.sol in this folder)")
    parser.add_argument("--seed", type=int, default=1, help="of its search (default 1)")
    add_json(parser)


def run_dispatch(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask and return the exit code."""
    _check_arguments(arguments)
    if arguments.instance is not None:
        return _run_instance(arguments)
    from robot_ops.benchmarks.dispatch import NAMES, run_cases

    names = arguments.only or [name for name in NAMES if name != "li-lim" or arguments.instances is not None]
    for name in names:
        if name not in NAMES:
            raise ParameterError(
                f"there is no case '{name}'", where="argument --only", mend=f"One of {', '.join(NAMES)}"
            )
    if "li-lim" in names and arguments.instances is None:
        raise ParameterError("that case needs instances", where="argument --only", mend="Give --instances FOLDER")
    outcomes: list[Outcome] = []
    for outcome in run_cases(names, instances=arguments.instances, long=arguments.long, progress=_say_progress):
        outcomes.append(outcome)
        _say_progress(f"{outcome.name}: {'goals met' if outcome.is_passed else 'MISSED'}")
    is_passed = all(outcome.is_passed for outcome in outcomes)
    if arguments.json:
        show_json({"is_passed": is_passed, "cases": [outcome.record() for outcome in outcomes]})
    else:
        _show(outcomes)
    return int(arguments.check and not is_passed)


def _check_arguments(arguments: argparse.Namespace) -> None:
    if not 0.0 <= arguments.time_limit <= 86_400.0:
        raise ParameterError(
            f"{arguments.time_limit} is no time limit", where="argument --time-limit", mend="Give 0 to 86400 seconds"
        )
    if not 0 <= arguments.seed < 2**31:
        raise ParameterError(f"{arguments.seed} is no seed", where="argument --seed", mend="Give 0 or more")
    if arguments.long is not None and not 0.0 < arguments.long <= 86_400.0:
        raise ParameterError(
            f"{arguments.long} is no time", where="argument --long", mend="Give above 0 to 86400 seconds"
        )
    if arguments.instance is None and arguments.output is not None:
        raise ParameterError("it belongs to --instance", where="argument --output", mend="Leave it out")
    if arguments.instance is not None:
        for name in ("only", "instances", "long"):
            if getattr(arguments, name) is not None:
                raise ParameterError("it belongs to the table", where=f"argument --{name}", mend="Leave it out")


def _run_instance(arguments: argparse.Namespace) -> int:
    from robot_ops.benchmarks import dispatch_cases, pdptw

    instance = pdptw.read_instance(arguments.instance)  # what is wrong is said before anything is compiled
    dispatch_cases.warm_up(_say_progress)
    outcome, answer = dispatch_cases.li_lim_case(
        arguments.instance, arguments.time_limit, progress=_say_progress, seed=arguments.seed
    )
    output = Path(f"{instance.name}.sol") if arguments.output is None else arguments.output
    if not outcome.faults:
        pdptw.write_solution(output, instance, answer.routes, reference=f"{arguments.time_limit:g} s of CPU time")
    record = outcome.record() | {"output": None if outcome.faults else str(output), "routes": answer.routes}
    if arguments.json:
        show_json(record)
    else:
        _show([outcome])
        values = (f"{key.replace('_', ' ')} {value}" for key, value in outcome.details.items())
        sys.stdout.write(f"{', '.join(values)}; {output}\n")
    return int(bool(outcome.faults) or (arguments.check and not outcome.is_passed))


def _show(outcomes: list["Outcome"]) -> None:
    rows = [
        (
            outcome.name,
            measure.what,
            f"{measure.value:.4g} {measure.unit}".strip(),
            f"<= {measure.goal:.4g}",
            "yes" if measure.is_met else "NO",
            measure.anchor_text,
        )
        for outcome in outcomes
        for measure in outcome.measures
    ]
    show_table("Dispatch (process CPU time, one core)", ["case", "measured", "value", "goal", "met", "known"], rows)
    for outcome in outcomes:
        for fault in outcome.faults:
            sys.stdout.write(f"{outcome.name}: {fault}\n")


def _say_progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

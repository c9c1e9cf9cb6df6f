"""`robot-ops bench`: measure traffic control and dispatch against goals and published figures."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robot_ops.bringup.commands.bench_dispatch import add_dispatch_arguments, run_dispatch
from robot_ops.bringup.output import add_json, show_json, show_table
from robot_ops.core.errors import ParameterError

if TYPE_CHECKING:
    from robot_ops.benchmarks.measures import Measure, Outcome
    from robot_ops.benchmarks.planning import Planned

_MOST_ROBOTS = 5000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    traffic = subjects.add_parser(
        "traffic",
        help="plan, carry out under delays and improve; times are process CPU time of one core",
        description="Runs the table of cases, or one case of your own with --map and --scen, or --site.",
    )
    traffic.add_argument("--check", action="store_true", help="exit 1 when a goal is missed or a plan is not valid")
    traffic.add_argument("--only", nargs="+", metavar="CASE", default=None, help="run only these cases of the table")
    traffic.add_argument("--quick", action="store_true", help="fewer instances of each case")
    traffic.add_argument("--maps", type=Path, help="folder with MovingAI maps and scenarios for the table")
    traffic.add_argument("--map", type=Path, help="MovingAI map (.map)")
    traffic.add_argument("--scen", type=Path, help="its scenario (.scen)")
    traffic.add_argument("--agents", type=int, default=None, help="take the scenario's first robots (default 100)")
    traffic.add_argument("--site", type=Path, help="site file or Open-RMF map (*.building.yaml)")
    traffic.add_argument("--robots", type=int, default=None, help="robots on the site's lanes (default 12)")
    traffic.add_argument("--seed", type=int, default=0, help="of starts, goals and search (default 0)")
    traffic.add_argument("--time-limit", type=float, default=1.0, metavar="S", help="seconds of CPU time (default 1)")
    add_json(traffic)
    dispatch = subjects.add_parser(
        "dispatch",
        help="allocate tasks to robots; times are process CPU time of one core",
        description="Runs the table of cases, or one instance in the form of Li and Lim with --instance.",
    )
    add_dispatch_arguments(dispatch)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask."""
    if arguments.subject == "dispatch":
        return run_dispatch(arguments)
    _check_arguments(arguments)
    if arguments.map is not None:
        return _run_map(arguments)
    if arguments.site is not None:
        return _run_site(arguments)
    return _run_table(arguments)


def _check_arguments(arguments: argparse.Namespace) -> None:
    if (arguments.map is None) != (arguments.scen is None):
        missing = "--scen" if arguments.scen is None else "--map"
        raise ParameterError("a map needs its scenario", where=f"argument {missing}", mend="Give --map and --scen")
    if arguments.map is not None and arguments.site is not None:
        raise ParameterError("a map and a site are given", where="argument --site", mend="Give one of them")
    of_kind = {"--agents": "map", "--robots": "site"}
    for name, kind in of_kind.items():
        value = getattr(arguments, name.removeprefix("--"))
        if value is None:
            continue
        if getattr(arguments, kind) is None:
            raise ParameterError(f"it counts with --{kind} only", where=f"argument {name}", mend=f"Give --{kind} too")
        if not 1 <= value <= _MOST_ROBOTS:
            raise ParameterError(
                f"{value} is no number of robots", where=f"argument {name}", mend=f"Give 1 to {_MOST_ROBOTS}"
            )
    is_single = arguments.map is not None or arguments.site is not None
    for name, value in (("--only", arguments.only), ("--quick", arguments.quick), ("--maps", arguments.maps)):
        if value and is_single:
            raise ParameterError("it belongs to the table", where=f"argument {name}", mend="Leave it out")
    if not 0.0 <= arguments.time_limit <= 3600.0:
        raise ParameterError(
            f"{arguments.time_limit} is no time limit", where="argument --time-limit", mend="Give 0 to 3600 seconds"
        )
    if not 0 <= arguments.seed < 2**31:
        raise ParameterError(f"{arguments.seed} is no seed", where="argument --seed", mend="Give 0 or more")


def _run_table(arguments: argparse.Namespace) -> int:
    from robot_ops.benchmarks.traffic import NAMES, run_cases

    for name in arguments.only or ():
        if name not in NAMES:
            raise ParameterError(
                f"there is no case '{name}'", where="argument --only", mend=f"One of {', '.join(NAMES)}"
            )
    outcomes: list[Outcome] = []
    for outcome in run_cases(
        arguments.only or NAMES,
        is_quick=arguments.quick,
        maps=arguments.maps,
        seed=arguments.seed,
        progress=_say_progress,
    ):
        outcomes.append(outcome)
        _say_progress(f"{outcome.name}: {'goals met' if outcome.is_passed else 'MISSED'}")
    is_passed = all(outcome.is_passed for outcome in outcomes)
    if arguments.json:
        show_json({"is_passed": is_passed, "cases": [outcome.record() for outcome in outcomes]})
    else:
        rows = [_row(outcome, measure) for outcome in outcomes for measure in outcome.measures]
        columns = ["case", "measured", "value", "goal", "met", "anchor", "value / anchor"]
        show_table("Traffic (process CPU time, one core)", columns, rows)
        for outcome in outcomes:
            for fault in outcome.faults:
                sys.stdout.write(f"{outcome.name}: {fault}\n")
    return int(arguments.check and not is_passed)


def _row(outcome: "Outcome", measure: "Measure") -> tuple[str, ...]:
    ratio = measure.ratio
    return (
        outcome.name,
        measure.what,
        f"{measure.value:.4g} {measure.unit}".strip(),
        f"{'>=' if measure.is_floor else '<='} {measure.goal:.4g}",
        "yes" if measure.is_met else "NO",
        measure.anchor_text,
        "" if ratio is None else f"{ratio:.2f}",
    )


def _run_map(arguments: argparse.Namespace) -> int:
    from robot_ops.benchmarks import movingai, planning, planning_cases

    case = movingai.read_case(arguments.map, arguments.scen, 100 if arguments.agents is None else arguments.agents)
    planning_cases.warm_up(_say_progress)
    _say_progress(case.name)
    planned, _ = planning.plan_grid(case, time_limit=arguments.time_limit, seed=arguments.seed)
    return _show_planned(arguments, case.name, planned, {"map": str(arguments.map), "scenario": str(arguments.scen)})


def _run_site(arguments: argparse.Namespace) -> int:
    from robot_ops.benchmarks import generated, planning, planning_cases
    from robot_ops.site.rmf_buildings import read_map

    site = read_map(arguments.site).site
    robots = 12 if arguments.robots is None else arguments.robots
    models = [robot.model for robot in site.robots.values()]
    model = max(models, key=lambda each: each.radius, default=generated.COURIER)
    apart = planning.clearance(site, model)
    starts, goals = generated.lane_pairs(site, robots, arguments.seed, clearance=apart)
    case = planning.lane_case(site, starts, goals, model)
    planning_cases.warm_up(_say_progress)
    name = f"{site.name}, {robots} robots"
    _say_progress(name)
    planned, _, gap = planning.plan_lanes(case, time_limit=arguments.time_limit, seed=arguments.seed)
    more = {"site": str(arguments.site), "seed": arguments.seed, "least_gap_m": gap, "nodes": len(site.nodes)}
    return _show_planned(arguments, name, planned, more)


def _show_planned(arguments: argparse.Namespace, name: str, planned: "Planned", more: dict[str, Any]) -> int:
    from robot_ops.benchmarks.planning_cases import record

    values = {"case": name, **more, "time_limit": arguments.time_limit, **record(planned)}
    if arguments.json:
        show_json(values)
    else:
        rows = [
            (key.replace("_", " "), f"{value:.6g}" if isinstance(value, float) else value)
            for key, value in values.items()
        ]
        show_table(name, ["", ""], rows)
    return int(arguments.check and not planned.is_solved)


def _say_progress(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

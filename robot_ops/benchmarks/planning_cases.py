"""The cases in which a plan is made: airports, corridors, MovingAI grids."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from robot_ops.benchmarks import generated
from robot_ops.benchmarks.grids import GridCase
from robot_ops.benchmarks.measures import Measure, Outcome, Progress, percentile
from robot_ops.benchmarks.movingai import read_case
from robot_ops.benchmarks.planning import LaneCase, Planned, clearance, lane_case, plan_grid, plan_lanes
from robot_ops.core.errors import ParameterError
from robot_ops.traffic import joint

RANDOM: Final = "random-32-32-20"
WAREHOUSE: Final = "warehouse-10-20-10-2-1"
_LIMIT: Final = 1.0
"""Seconds until the sum of costs is taken."""
_CORRIDOR_BAYS: Final = (2, 3, 4)


def warm_up(progress: Progress) -> None:
    """Compile all planning kernels, so that nothing measured waits for that."""
    progress("compiling")
    joint.compile_kernels()
    grid = generated.grid_case("", generated.random_grid(0, side=8), 8, 0)
    site = generated.corridor_site(bays=2, robots=4)
    starts, goals = generated.lane_pairs(site, 2, 0, clearance=1.0)
    plans = [
        plan_grid(grid, time_limit=0.0, seed=0)[1],
        plan_lanes(_corridor_case(2, 4), time_limit=0.0, seed=0)[1],
        plan_lanes(lane_case(site, starts, goals), time_limit=0.0, seed=0)[1],
    ]
    for plan in plans:
        plan.improve(20)


def airport(robots: int, *, instances: int, seed: int, progress: Progress) -> Outcome:
    """Let robots cross a terminal, whose form and whose starts and goals differ from instance to instance."""
    began = time.process_time()
    cases = []
    for number in range(seed, seed + instances):
        site = generated.airport_site(number)
        make = generated.crossing_pairs if robots <= 20 else generated.lane_pairs
        starts, goals = make(site, robots, number, clearance=clearance(site, generated.COURIER))
        cases.append(lane_case(site, starts, goals))
    goal, lacam = (50.0, 10.0) if robots <= 12 else (250.0, 54.0)
    return _first_plans(
        f"airport-{robots}",
        f"{robots} robots crossing an airport lane graph (126 nodes, 139 lanes)",
        cases,
        goal=goal,
        anchor=lacam,
        anchor_text=f"LaCAM3 (C++, topology only) {lacam:g} ms; Open-RMF 0 of 3 in 40 s with 12 robots",
        began=began,
        progress=progress,
    )


def corridor(robots: int, *, progress: Progress) -> Outcome:
    """Let robots change ends of single lanes with bays."""
    began = time.process_time()
    return _first_plans(
        f"corridor-{robots}",
        f"{robots} robots change ends of a single lane with {_CORRIDOR_BAYS[0]} to {_CORRIDOR_BAYS[-1]} bays",
        [_corridor_case(bays, robots) for bays in _CORRIDOR_BAYS],
        goal=50.0,
        anchor=None,
        anchor_text="Open-RMF: no plan with 4 robots",
        began=began,
        progress=progress,
    )


def grids(kind: str, *, robots: int, instances: int, seed: int, maps: Path | None, progress: Progress) -> Outcome:
    """Plan MovingAI cases, or cases generated alike, and improve them for a second.

    Args:
        kind: the map's name; maps: a folder with the map and its scenarios, None to generate.
    """
    began = time.process_time()
    cases = grid_cases(kind, robots=robots, instances=instances, maps=maps, seed=seed)
    results = []
    for number, case in enumerate(cases):
        progress(f"{kind}: {number + 1} of {len(cases)}")
        results.append(plan_grid(case, time_limit=_LIMIT, seed=seed + number)[0])
    is_random = kind == RANDOM
    first = Measure(
        what="first plan, worst",
        value=max(result.first_seconds for result in results) * 1e3,
        unit="ms",
        goal=100.0,
        anchor=None,
        anchor_text="no figure known",
    )
    cost = Measure(
        what=f"sum of costs / lower bound after {_LIMIT:g} s, mean",
        value=sum(result.ratio for result in results) / len(results),
        unit="",
        goal=1.08 if is_random else 1.005,
        anchor=1.077 if is_random else 1.003,
        anchor_text="LNS2 1.077, EECBS 1.106" if is_random else "PBS 1.003",
    )
    return Outcome(
        name="random" if is_random else "warehouse",
        work=f"{kind} ({'files' if maps else 'generated'}), {robots} robots",
        measures=(first, cost) if is_random else (cost,),
        cpu_seconds=time.process_time() - began,
        faults=_faults(results),
        details={"instances": [record(result) for result in results]},
    )


def grid_cases(kind: str, *, robots: int, instances: int, maps: Path | None, seed: int = 0) -> list[GridCase]:
    """Return cases of one kind, from files where a folder is given.

    Args:
        seed: of the first generated case; the others follow.

    Raises:
        ParameterError: the folder has no scenario of this map.
        ScenarioError: a file is wrong.
    """
    if maps is not None:
        scenarios = sorted(maps.glob(f"{kind}-random-*.scen"))[:instances]
        if not scenarios:
            raise ParameterError(
                f"{maps} has no {kind}-random-*.scen",
                where="argument --maps",
                mend=f"Name a folder with {kind}.map and its scenarios of the MovingAI benchmarks",
            )
        return [read_case(maps / f"{kind}.map", scenario, robots) for scenario in scenarios]
    cases = []
    for number in range(seed, seed + instances):
        grid = generated.random_grid(number) if kind == RANDOM else generated.warehouse_grid()
        cases.append(generated.grid_case(f"{kind}, {robots} robots, seed {number}", grid, robots, number))
    return cases


def record(result: Planned) -> dict[str, Any]:
    """Return a result for JSON."""
    return {
        "robots": result.robots,
        "first_plan_ms": result.first_seconds * 1e3,
        "first_by": "joint planning" if result.is_joint else "prioritized planning",
        "first_cost": result.first_cost,
        "cost": result.cost,
        "lower_bound": result.lower_bound,
        "cost_by_lower_bound": result.ratio,
        "total_cpu_seconds": result.total_seconds,
        "is_valid": result.is_solved,
        "fault": result.first_fault or result.fault,
    }


def _corridor_case(bays: int, robots: int) -> LaneCase:
    site = generated.corridor_site(bays=bays, robots=robots)
    starts = [site.places[robot.park].node for robot in site.robots.values()]
    return lane_case(site, starts, generated.corridor_goals(site))


def _first_plans(
    name: str,
    work: str,
    cases: Sequence[LaneCase],
    *,
    goal: float,
    anchor: float | None,
    anchor_text: str,
    began: float,
    progress: Progress,
) -> Outcome:
    results, gaps = [], []
    for number, case in enumerate(cases):
        progress(f"{name}: {number + 1} of {len(cases)}")
        planned, _, gap = plan_lanes(case, time_limit=_LIMIT, seed=number)
        results.append(planned)
        gaps.append(gap)
    times = [result.first_seconds * 1e3 for result in results]
    solved = Measure(
        what="solved",
        value=float(sum(result.is_solved for result in results)),
        unit=f"of {len(results)}",
        goal=float(len(results)),
        anchor=0.0,
        anchor_text="Open-RMF",
        is_floor=True,
    )
    worst = Measure(
        what="first plan, worst",
        value=max(times),
        unit="ms",
        goal=goal,
        anchor=anchor,
        anchor_text=anchor_text,
    )
    return Outcome(
        name=name,
        work=work,
        measures=(solved, worst),
        cpu_seconds=time.process_time() - began,
        faults=_faults(results),
        details={
            "median_first_plan_ms": percentile(times, 50),
            "least_gap_m": min(gaps),
            "instances": [record(result) for result in results],
        },
    )


def _faults(results: Sequence[Planned]) -> tuple[str, ...]:
    return tuple(
        f"instance {number}: {result.first_fault or result.fault}"
        for number, result in enumerate(results)
        if result.first_fault or result.fault
    )

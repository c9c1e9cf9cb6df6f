"""The table of traffic benchmarks: each case with its goal and the figure that is known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from robot_ops.benchmarks import execution_cases, planning_cases
from robot_ops.benchmarks.measures import Outcome, Progress
from robot_ops.benchmarks.planning_cases import RANDOM, WAREHOUSE

PLANNING: Final = ("airport-12", "airport-50", "corridor-4", "corridor-6", "random", "warehouse")
NAMES: Final = (*PLANNING, "reorder", "delays-random", "delays-warehouse", "closed-loop", "lifelong")


def run_cases(
    names: Sequence[str] = NAMES,
    *,
    is_quick: bool = False,
    maps: Path | None = None,
    seed: int = 0,
    progress: Progress,
) -> Iterator[Outcome]:
    """Run cases of the table, in its order.

    Args:
        is_quick: fewer instances, for a first look.
        maps: a folder with the MovingAI maps and scenarios, None to generate cases alike.
        seed: of the first case of each kind, and of the searches; the others follow.

    Raises:
        ParameterError, ScenarioError: the folder or a file in it is wrong.
    """
    wanted = [name for name in NAMES if name in names]
    if not wanted:
        return
    planning_cases.warm_up(progress)
    if any(name not in PLANNING for name in wanted):
        execution_cases.warm_up(progress)
    cases = _cases(is_quick=is_quick, maps=maps, seed=seed, progress=progress)
    for name in wanted:
        yield cases[name]()


def _cases(*, is_quick: bool, maps: Path | None, seed: int, progress: Progress) -> Mapping[str, Callable[[], Outcome]]:
    few = 2 if is_quick else 10
    return {
        "airport-12": lambda: planning_cases.airport(12, instances=few, seed=seed, progress=progress),
        "airport-50": lambda: planning_cases.airport(50, instances=few, seed=seed, progress=progress),
        "corridor-4": lambda: planning_cases.corridor(4, progress=progress),
        "corridor-6": lambda: planning_cases.corridor(6, progress=progress),
        "random": lambda: planning_cases.grids(
            RANDOM, robots=100, instances=few, seed=seed, maps=maps, progress=progress
        ),
        "warehouse": lambda: planning_cases.grids(
            WAREHOUSE, robots=100, instances=few, seed=seed, maps=maps, progress=progress
        ),
        "reorder": lambda: execution_cases.reorder(robots=150, runs=1 if is_quick else 3, seed=seed, progress=progress),
        "delays-random": lambda: execution_cases.delays(
            RANDOM, instances=1 if is_quick else 5, runs=few // 2, seed=seed, maps=maps, progress=progress
        ),
        "delays-warehouse": lambda: execution_cases.delays(
            WAREHOUSE, instances=1 if is_quick else 3, runs=few // 2, seed=seed, maps=maps, progress=progress
        ),
        "closed-loop": lambda: execution_cases.closed_loop(
            robot_steps=50_000 if is_quick else 1_000_000, seed=seed, progress=progress
        ),
        "lifelong": lambda: execution_cases.lifelong(
            instances=1 if is_quick else 5, rounds=3 if is_quick else 8, maps=maps, progress=progress
        ),
    }

"""The table of dispatch benchmarks: each case with its goal and the figure that is known."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from robot_ops.benchmarks import dispatch_cases, dispatch_relays
from robot_ops.benchmarks.measures import Outcome, Progress
from robot_ops.core.errors import ScenarioError

NAMES: Final = ("10x50", "50x200", "new-task", "relays", "li-lim")
LI_LIM: Final = ("lc101", "lr201", "lr1_2_1")
"""Instances of the table; they have no licence, so that they must be given with `--instances`."""
_LI_LIM_S: Final = 10.0


def run_cases(
    names: Sequence[str] = NAMES, *, instances: Path | None = None, long: float | None = None, progress: Progress
) -> Iterator[Outcome]:
    """Run cases of the table, in its order.

    Args:
        instances: folder with instances of Li and Lim (.txt) and their best known solutions (.sol); without it that
            case is left out.
        long: CPU seconds that a best known is looked for anew, per random instance; None takes the stored.

    Raises:
        ScenarioError: an instance is missing or wrong.
    """
    wanted = [name for name in NAMES if name in names]
    if not wanted:
        return
    dispatch_cases.warm_up(progress)
    if "10x50" in wanted:
        yield dispatch_cases.random_case(10, 50, 0.05, long=long, progress=progress)
    if "50x200" in wanted:
        yield dispatch_cases.random_case(50, 200, 0.2, long=long, progress=progress)
    if "new-task" in wanted:
        yield dispatch_cases.new_task_case(200, 1000, progress=progress)
    if "relays" in wanted:
        yield dispatch_relays.relay_case(progress=progress)
    if "li-lim" in wanted and instances is not None:
        for name in LI_LIM:
            file = instances / f"{name}.txt"
            if not file.exists():
                raise ScenarioError("there is no such instance", where=f"{file}", mend="Give its folder")
            yield dispatch_cases.li_lim_case(file, _LI_LIM_S, progress=progress)[0]

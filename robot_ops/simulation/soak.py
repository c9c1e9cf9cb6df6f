"""One run under faults, from its seed to what it broke."""

import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from robot_ops.core.ids import RobotId
from robot_ops.simulation.deterministic import DeterministicRun, RunResult
from robot_ops.simulation.faults import Fault, FaultKind
from robot_ops.simulation.injection import Injector
from robot_ops.simulation.operators import HallOperator
from robot_ops.simulation.scenario import Scenario
from robot_ops.tasks.custody import CustodyLog
from robot_ops.tasks.ledger import Ledger

CRASH: Final = "no_crash"
"""Name of the invariant that no process dies by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where one run writes."""

    ledger: Ledger
    custody: Callable[[RobotId], CustodyLog]


OpenStorage = Callable[[], AbstractContextManager[Storage]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that a run depends on.

    Attributes:
        duration: seconds in which people ask for things and faults happen; what is open then comes to its end.
        faults: see `draw_faults`.
    """

    scenario: Scenario
    seed: int
    duration: float
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What was broken first.

    Attributes:
        invariant: its name.
        at: seconds after the beginning.
        details: more lines for people, perhaps a traceback.
    """

    invariant: str
    text: str
    at: float
    details: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run.

    Attributes:
        injected: how many faults of each kind have begun.
        seconds: simulated, with the time to come to an end.
    """

    failure: Failure | None
    injected: Mapping[FaultKind, int]
    seconds: float
    result: RunResult


def run_case(
    case: Case,
    *,
    open_storage: OpenStorage,
    behaviors: Path,
    on_progress: Callable[[float], None] | None = None,
) -> Outcome:
    """Run to the end, or to the first invariant that is broken."""
    with open_storage() as storage:
        run = DeterministicRun(
            case.scenario, ledger=storage.ledger, custody=storage.custody, behaviors=behaviors, seed=case.seed
        )
        injector = Injector(run, case.faults, seed=case.seed)
        operator = HallOperator(run)
        details = ""
        try:
            run.begin()
            operator.begin()
            run.go_on(case.duration, on_progress)
            injector.mend()
            if run.watcher.broken is None:
                run.settle()
        except Exception as error:  # noqa: BLE001 - a process that dies by itself is what is looked for
            run.watcher.broken = run.watcher.broken or (CRASH, f"{type(error).__name__}: {error}")
            details = traceback.format_exc()
        failure = None
        if run.watcher.broken is not None:
            name, text = run.watcher.broken
            failure = Failure(invariant=name, text=text, at=run.seconds, details=details)
        return Outcome(
            failure=failure,
            injected=Counter(fault.kind for fault in injector.injected),
            seconds=run.seconds,
            result=run.result(),
        )

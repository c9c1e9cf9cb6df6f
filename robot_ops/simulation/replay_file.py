"""A run kept in a small file: scenario, seed, length and the faults that are needed, to be replayed exactly."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from robot_ops.core.errors import ScenarioError
from robot_ops.simulation.faults import SORTS, Fault, FaultKind
from robot_ops.simulation.soak import Case, Failure
from robot_ops.site.documents import Entry, nearest, read_document

_DAY: Final = 86_400.0  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay file holds.

    Attributes:
        scenario: as the user named it; robots: how many of its robots took part.
        invariant: which one the run breaks.
    """

    scenario: str
    robots: int
    seed: int
    duration: float
    faults: tuple[Fault, ...]
    invariant: str


def write_replay(path: Path, case: Case, failure: Failure, *, scenario: str) -> None:
    """Write a replay file.

    Raises:
        ScenarioError: it cannot be written.
    """
    lines = [
        f"# Breaks '{failure.invariant}' after {failure.at:.1f} s: {' '.join(failure.text.split())}",
        f"# Replay it with: robot-ops simulate --replay {path.name}",
        "format: 1",
        f"scenario: {json.dumps(scenario)}",
        f"robots: {len(case.scenario.robots)}",
        f"seed: {case.seed}",
        f"duration_s: {case.duration!r}",
        f"breaks: {failure.invariant}",
        "faults:" if case.faults else "faults: []",
        *(_line(fault) for fault in case.faults),
    ]
    try:
        path.write_text("\n".join(lines) + "\n")
    except OSError as error:
        raise ScenarioError(f"cannot be written: {error.strerror}", where=str(path)) from error


def load_replay(path: Path) -> Replay:
    """Read and check a replay file.

    Raises:
        ScenarioError: it is wrong; file, line and field are told.
    """
    root = read_document(path, ScenarioError)
    fields = root.fields(required=("format", "scenario", "robots", "seed", "duration_s", "breaks", "faults"))
    fields["format"].integer(least=1, most=1)
    return Replay(
        scenario=fields["scenario"].text(),
        robots=fields["robots"].integer(least=1, most=1000),
        seed=fields["seed"].integer(least=0, most=2**63 - 1),
        duration=fields["duration_s"].number(above=0.0),
        faults=tuple(_fault(entry) for entry in fields["faults"].items()),
        invariant=fields["breaks"].text(),
    )


def _line(fault: Fault) -> str:
    fields = [f"number: {fault.number}", f"kind: {fault.kind.value}", f"at_s: {fault.at!r}"]
    if fault.target:
        fields.append(f"target: {json.dumps(fault.target)}")
    if SORTS[fault.kind].lasts:
        fields.append(f"lasts_s: {fault.duration!r}")
    if SORTS[fault.kind].amount:
        fields.append(f"amount: {fault.amount!r}")
    return f"  - {{{', '.join(fields)}}}"


def _fault(entry: Entry) -> Fault:
    fields = entry.fields(required=("number", "kind", "at_s"), optional=("target", "lasts_s", "amount"))
    kinds = {kind.value: kind for kind in FaultKind}
    name = fields["kind"].text()
    if name not in kinds:
        raise fields["kind"].wrong(f"there is no fault '{name}'", nearest(name, list(kinds)))
    return Fault(
        number=fields["number"].integer(least=0, most=10**9),
        kind=kinds[name],
        at=fields["at_s"].number(least=0.0),
        target=fields["target"].text() if "target" in fields else "",
        duration=fields["lasts_s"].number(least=0.0, most=_DAY) if "lasts_s" in fields else 0.0,
        amount=fields["amount"].number(least=0.0) if "amount" in fields else 0.0,
    )

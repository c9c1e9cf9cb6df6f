"""What all nights of seed after seed add up to, in a file beside the failures that they have found.

Several processes may work on one folder at a time: each seed is taken by one of them, and never again.
"""

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from robot_ops.core.durable_files import replace_file
from robot_ops.core.errors import ScenarioError
from robot_ops.site.documents import Entry, read_document

FILE_NAME: Final = "soak.yaml"
_LOCK_NAME: Final = "soak.lock"
_LAST_SEED: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the runs of one scenario with one fault profile add up to.

    Attributes:
        version: digest of the code that ran.
        seeds: how many have run; robot_hours: simulated in them.
        failed: the seeds that broke an invariant.
    """

    scenario: str
    profile: str
    version: str
    seeds: int = 0
    robot_hours: float = 0.0
    failed: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what its runs have in common."""
        return self.scenario, self.profile, self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """All tallies, and the first seed that nobody has taken."""

    next_seed: int = 0
    tallies: tuple[Tally, ...] = ()

    @property
    def seeds(self) -> int:
        """Return how many seeds have run."""
        return sum(tally.seeds for tally in self.tallies)

    @property
    def robot_hours(self) -> float:
        """Return the robot-hours simulated in all."""
        return sum(tally.robot_hours for tally in self.tallies)

    @property
    def failed(self) -> int:
        """Return how many seeds broke an invariant."""
        return sum(len(tally.failed) for tally in self.tallies)

    def with_run(
        self, *, scenario: str, profile: str, version: str, seed: int, robot_hours: float, has_failed: bool
    ) -> "Progress":
        """Return the progress with one more run."""
        new = Tally(scenario=scenario, profile=profile, version=version)
        tallies = {tally.key: tally for tally in self.tallies}
        old = tallies.get(new.key, new)
        tallies[new.key] = replace(
            old,
            seeds=old.seeds + 1,
            robot_hours=old.robot_hours + robot_hours,
            failed=(*old.failed, seed) if has_failed else old.failed,
        )
        return replace(self, tallies=tuple(tallies.values()))


class ProgressFile:
    """The progress kept in a folder.

    Args:
        folder: of the failures; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME

    def load(self) -> Progress:
        """Return what the folder's file tells; nothing where there is none yet.

        Raises:
            ScenarioError: the file is wrong; file, line and field are told.
        """
        return _progress(self._path) if self._path.exists() else Progress()

    def take_seed(self, least: int) -> int:
        """Return a seed of at least this that nobody has taken before.

        Raises:
            ScenarioError: the file is wrong or cannot be written.
        """
        progress = self._change(lambda known: replace(known, next_seed=max(known.next_seed, least) + 1))
        return progress.next_seed - 1

    def add(
        self, *, scenario: str, profile: str, version: str, seed: int, robot_hours: float, has_failed: bool
    ) -> Progress:
        """Add a run that has ended; return what all add up to now.

        Raises:
            ScenarioError: the file is wrong or cannot be written.
        """
        return self._change(
            lambda known: known.with_run(
                scenario=scenario,
                profile=profile,
                version=version,
                seed=seed,
                robot_hours=robot_hours,
                has_failed=has_failed,
            )
        )

    def _change(self, change: Callable[[Progress], Progress]) -> Progress:
        try:
            with self._locked():
                progress = change(self.load())
                replace_file(self._path, _text(progress).encode())
        except OSError as error:
            raise ScenarioError(f"cannot be written: {error.strerror}", where=str(self._path)) from error
        return progress

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / _LOCK_NAME).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _text(progress: Progress) -> str:
    lines = [
        "# What `robot-ops simulate --until-stopped` has done with this folder for its failures; it goes on from here.",
        "format: 1",
        f"next_seed: {progress.next_seed}",
        "runs:" if progress.tallies else "runs: []",
    ]
    for tally in progress.tallies:
        lines += [
            f"  - scenario: {json.dumps(tally.scenario)}",
            f"    faults: {json.dumps(tally.profile)}",
            f"    code: {json.dumps(tally.version)}",
            f"    seeds: {tally.seeds}",
            f"    robot_hours: {round(tally.robot_hours, 3)!r}",
            f"    failed: {list(tally.failed)}",
        ]
    return "\n".join(lines) + "\n"


def _progress(path: Path) -> Progress:
    root = read_document(path, ScenarioError)
    fields = root.fields(required=("format", "next_seed", "runs"))
    fields["format"].integer(least=1, most=1)
    return Progress(
        next_seed=fields["next_seed"].integer(least=0, most=_LAST_SEED),
        tallies=tuple(_tally(entry) for entry in fields["runs"].items()),
    )


def _tally(entry: Entry) -> Tally:
    fields = entry.fields(required=("scenario", "faults", "code", "seeds", "robot_hours", "failed"))
    return Tally(
        scenario=fields["scenario"].text(),
        profile=fields["faults"].text(),
        version=fields["code"].text(),
        seeds=fields["seeds"].integer(least=0, most=_LAST_SEED),
        robot_hours=fields["robot_hours"].number(least=0.0),
        failed=tuple(seed.integer(least=0, most=_LAST_SEED) for seed in fields["failed"].items()),
    )

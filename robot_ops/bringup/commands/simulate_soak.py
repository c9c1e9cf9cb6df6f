"""`robot-ops simulate --until-stopped`: seed after seed; what the nights add up to is kept beside what they find."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from robot_ops.bringup.code_digest import code_digest
from robot_ops.bringup.commands.simulate_faults import Bench
from robot_ops.bringup.output import say, show_json, show_table
from robot_ops.simulation.soak_progress import FILE_NAME, Progress, ProgressFile


def run_until_stopped(bench: Bench) -> int:
    """Run seed after seed until Ctrl-C or a request to terminate; 1 when one of them broke an invariant.

    Raises:
        ScenarioError: the folder's progress is wrong or cannot be written.
    """
    night = _Night(bench)
    with _stopped_by_signals(), suppress(KeyboardInterrupt):
        night.go_on()
    return night.finish()


class _Night:
    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._arguments = bench.arguments
        self._file = ProgressFile(bench.arguments.failures)
        self._progress = self._file.load()
        self._version = code_digest()
        self._seeds = 0
        self._hours = 0.0
        self._failed: list[dict[str, Any]] = []

    def go_on(self) -> None:
        """Run seed after seed."""
        if self._progress.seeds and not self._arguments.json:
            say(f"goes on with seed {self._progress.next_seed} ({self._arguments.failures / FILE_NAME})")
        while True:
            self._run(self._file.take_seed(self._arguments.seed))

    def finish(self) -> int:
        """Say what has come of it; return the exit code."""
        failed = [record["broken"] | {"seed": record["seed"]} for record in self._failed]
        if self._arguments.json:
            summary = {
                "scenario": self._arguments.scenario,
                "profile": self._bench.profile.name,
                "code": self._version,
                "seeds": self._seeds,
                "robot_hours": round(self._hours, 2),
                "failed": failed,
                "in_all": _in_all(self._progress),
            }
            show_json(summary)
        else:
            self._say(failed)
        return 1 if failed else 0

    def _run(self, seed: int) -> None:
        record = self._bench.run(seed)
        is_broken = record["broken"] is not None
        self._progress = self._file.add(
            scenario=self._arguments.scenario,
            profile=self._bench.profile.name,
            version=self._version,
            seed=seed,
            robot_hours=record["robot_hours"],
            has_failed=is_broken,
        )
        self._seeds += 1
        self._hours += record["robot_hours"]
        if is_broken:
            self._failed.append(record)
        if not self._arguments.json:
            say(_line(record, self._progress))
        if is_broken:
            self._bench.make_small(record)

    def _say(self, failed: list[dict[str, Any]]) -> None:
        say(f"\n{self._seeds} seeds, {self._hours:.1f} robot-hours, {len(failed)} failed")
        for broken in failed:
            say(f"  seed {broken['seed']}: {broken['invariant']}: {broken['text']}\n    {broken['replay']}")
        progress = self._progress
        rows = [(*tally.key, tally.seeds, f"{tally.robot_hours:.1f}", len(tally.failed)) for tally in progress.tallies]
        if rows:
            show_table("in all", ["scenario", "faults", "code", "seeds", "robot-hours", "failed"], rows)
        say(f"in all {progress.seeds} seeds, {progress.robot_hours:.1f} robot-hours, {progress.failed} failed")


def _line(record: dict[str, Any], progress: Progress) -> str:
    faults, tasks = sum(record["injected"].values()), sum(record["tasks"].values())
    end = "all invariants hold" if record["broken"] is None else f"BROKEN: {record['broken']['invariant']}"
    done = f"{record['robot_hours']:.1f} robot-hours ({progress.robot_hours:.1f} in all)"
    return f"seed {record['seed']}: {done}, {faults} faults, {tasks} tasks: {end}"


def _in_all(progress: Progress) -> dict[str, Any]:
    return {
        "seeds": progress.seeds,
        "robot_hours": round(progress.robot_hours, 2),
        "failed": progress.failed,
        "runs": [
            {
                "scenario": tally.scenario,
                "profile": tally.profile,
                "code": tally.version,
                "seeds": tally.seeds,
                "robot_hours": round(tally.robot_hours, 2),
                "failed": list(tally.failed),
            }
            for tally in progress.tallies
        ],
    }


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Have a request to terminate, as a nightly job's time limit sends it, end the night as Ctrl-C does.

    So does Ctrl-C where the shell that started it in the background has it ignored.
    """
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

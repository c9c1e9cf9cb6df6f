"""A night of seeds ends cleanly whenever it is stopped, and the next one goes on from there."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from robot_ops.simulation.soak_progress import ProgressFile

ROOT = Path(__file__).parents[2]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    words = ["simulate", "quiet", "--until-stopped", "--hours", "0.01", "--failures", str(folder), *arguments]
    return subprocess.Popen(
        [sys.executable, "-m", "robot_ops.bringup.cli", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_night_is_stopped_and_the_next_one_goes_on(tmp_path: Path) -> None:
    first = start(tmp_path, "--seed", "7", "--faults", "none")
    assert first.stdout is not None
    lines = [first.stdout.readline() for _ in range(2)]
    first.send_signal(signal.SIGINT)
    rest, errors = first.communicate(timeout=60)

    assert [line.split(":")[0] for line in lines] == ["seed 7", "seed 8"]
    assert "all invariants hold" in lines[0]
    assert first.returncode == 0
    assert errors == ""
    kept = ProgressFile(tmp_path).load()
    assert f"in all {kept.seeds} seeds, {kept.robot_hours:.1f} robot-hours, 0 failed" in rest
    assert kept.robot_hours > 0.0

    second = start(tmp_path, "--seed", "7", "--faults", "none")
    assert second.stdout is not None
    told, line = second.stdout.readline(), second.stdout.readline()
    second.send_signal(signal.SIGTERM)  # as the time limit of a nightly job
    second.communicate(timeout=60)

    assert told.startswith(f"goes on with seed {kept.next_seed} ")
    assert line.startswith(f"seed {kept.next_seed}: ")
    assert second.returncode == 0
    assert ProgressFile(tmp_path).load().seeds > kept.seeds


def test_a_night_that_is_stopped_at_once_has_a_summary_too(tmp_path: Path) -> None:
    process = start(tmp_path, "--hours", "1000", "--json")
    path = tmp_path / "soak.yaml"
    while not path.exists() and process.poll() is None:  # until it has taken its first seed
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)

    assert errors == ""
    assert process.returncode == 0
    summary = json.loads(output)
    assert (summary["seeds"], summary["in_all"]["seeds"]) == (0, 0)

"""The steps of the set-up: once per state of their inputs, safe to interrupt, clear when they fail."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = Path(__file__).parents[3] / "tools/setup/steps.sh"
SYSTEM = Path(__file__).parents[3] / "tools/setup/system.sh"


def script(folder: Path, text: str) -> list[str]:
    head = f'set -euo pipefail; cd "{folder}"; stamps=$PWD/stamps; logs=$PWD/log; . "{STEPS}"; . "{SYSTEM}"\n'
    return ["bash", "-c", head + text]


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(script(folder, text), capture_output=True, text=True, timeout=60, check=False)


def test_a_step_runs_once_for_its_inputs(tmp_path: Path) -> None:
    text = 'work() { echo x >>ran; }; step one "$(digest input)" "the work" work'
    (tmp_path / "input").write_text("a")

    first, second = run(tmp_path, text), run(tmp_path, text)
    (tmp_path / "input").write_text("b")
    third = run(tmp_path, text)

    assert "the work" in first.stdout
    assert second.stdout == ""
    assert "the work" in third.stdout
    assert (tmp_path / "ran").read_text() == "x\nx\n"


def test_a_failing_step_names_its_log_and_is_done_again(tmp_path: Path) -> None:
    text = "work() { echo the reason; false; echo never; }; step one 1 'the work' work; echo later"

    failed = run(tmp_path, text)

    assert failed.returncode == 1
    assert "later" not in failed.stdout
    assert "the reason" in failed.stderr
    assert str(tmp_path / "log/setup-one.log") in failed.stderr
    assert "the work" in run(tmp_path, text).stdout


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_step_ends_its_children_and_is_done_again(tmp_path: Path, signum: signal.Signals) -> None:
    os.mkfifo(tmp_path / "started")
    text = "work() { sleep 300 & echo $! >started; wait; }; step one 1 'the work' work"
    # whoever runs the tests in the background ignores SIGINT, and so would the script
    command = ["env", "--default-signal=INT,TERM", *script(tmp_path, text)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    child = int((tmp_path / "started").read_text())

    process.send_signal(signum)
    _, words = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "interrupted" in words
    assert not (tmp_path / "stamps/one").exists()
    assert not Path(f"/proc/{child}/exe").exists()


def test_stops_with_the_mend(tmp_path: Path) -> None:
    stopped = run(tmp_path, "fail 'no such thing' 'install it'")

    assert stopped.returncode == 2
    assert stopped.stderr == "\nset-up stopped: no such thing\n  install it\n"


def test_packages_without_root_are_listed(tmp_path: Path) -> None:
    listed = run(tmp_path, "can_be_root() { false; }; apt-get() { false; }; require_packages gcc libegl1")

    assert listed.returncode == 2
    assert "sudo apt-get install --no-install-recommends gcc libegl1" in listed.stderr


def test_finds_a_python_by_its_version(tmp_path: Path) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    found = run(tmp_path, f'PYTHON="{sys.executable}"; find_python {version}')

    assert found.stdout.strip() == sys.executable
    assert run(tmp_path, "find_python 2.7").returncode == 1

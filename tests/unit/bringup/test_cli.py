"""The command line itself: quick help, what words it knows, and which error becomes which exit code."""

import argparse
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from robot_ops.bringup import cli
from robot_ops.core.errors import (
    InputError,
    LedgerError,
    LinkError,
    ParameterError,
    RequestError,
    RobotOpsError,
    ScenarioError,
    SetupError,
    SiteError,
    StateError,
    TreeError,
    WorldError,
)

HEAVY = ("mujoco", "rclpy", "sqlalchemy", "jupedsim", "cv2", "fastapi", "py_trees", "shapely", "rich", "yaml")


def modules_after(code: str) -> list[str]:
    """Return which heavy modules a fresh Python has imported after running the code."""
    program = f"""
import contextlib, io, json, sys
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    {code}
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    found = json.loads(done.stdout)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("words", [["--help"], ["doctor", "--help"], ["task", "list", "--help"], ["robot", "-h"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    assert modules_after(f"from robot_ops.bringup.cli import main; main({words!r})") == []


@pytest.mark.parametrize(
    "command", ["demo", "simulate", "task", "robot", "traffic", "site", "ledger", "bench", "doctor"]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])

    assert ended.value.code == 0
    assert "--" in capsys.readouterr().out


def test_the_exit_codes_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])

    out = capsys.readouterr().out
    assert "Exit codes" in out
    assert "130" in out


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["dance"],
        ["demo", "--fast"],
        ["demo", "--seed", "one"],
        ["task"],
        ["task", "guide", "kiosk_1"],
        ["task", "deliver", "clerk_ada", "clerk_ben", "file"],
        ["simulate"],
        ["site", "paint", "hall.yaml"],
    ],
)
def test_words_it_does_not_know(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)

    assert ended.value.code == cli.EXIT_INPUT
    assert "usage: robot-ops" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        *(
            (kind("is wrong", where="here:1", mend="Mend it"), cli.EXIT_INPUT)
            for kind in (
                InputError,
                SiteError,
                WorldError,
                ScenarioError,
                RequestError,
                TreeError,
                ParameterError,
                SetupError,
            )
        ),
        (LinkError("nobody answers"), cli.EXIT_SILENT),
        (LedgerError("disk full"), cli.EXIT_NO),
        (StateError("busy"), cli.EXIT_NO),
        (KeyboardInterrupt(), cli.EXIT_INTERRUPTED),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exit_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_arguments: argparse.Namespace) -> int:
        raise error

    broken = SimpleNamespace(add_arguments=lambda _parser: None, run=fail)
    monkeypatch.setattr(cli, "_command", lambda _name: broken)

    assert cli.main(["doctor"]) == code

    shown = capsys.readouterr()
    assert shown.out == ""
    if isinstance(error, RobotOpsError):
        assert shown.err == f"robot-ops: {error}\n"
    else:
        assert shown.err == ""


def test_a_reader_that_has_had_enough_is_no_error() -> None:
    """`robot-ops doctor | head -0` ends quietly."""
    done = subprocess.run(
        f"{sys.executable} -m robot_ops.bringup.cli doctor --json | head -c 0",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr

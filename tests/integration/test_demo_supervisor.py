"""The supervisor and the live system's own processes: a killed supervisor, a fleet whose ledger cannot be had."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from robot_ops.bringup import process_table
from robot_ops.bringup.live_system import fleet_table
from robot_ops.bringup.process_table import Supervisor
from robot_ops.core.errors import LinkError
from robot_ops.core.resources import shared_folder
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger

SCENARIO = shared_folder("sim") / "scenarios" / "quiet.yaml"
PATIENCE = 60.0  # s
PAUSE = threading.Event()

CHILD = """
import signal
from robot_ops.bringup.processes.entry import run_process

def main():
    print("up", flush=True)
    signal.pause()

run_process(main)
"""
PARENT = """
import os, sys, threading
from pathlib import Path
from robot_ops.bringup.process_table import Process, Supervisor

table = [Process(name="child", module="child")]
with Supervisor(table, folder=Path(sys.argv[1]), environment=os.environ) as supervisor:
    print(supervisor.pid("child"), flush=True)
    supervisor.wait(threading.Event(), 1000.0)
"""


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and that nobody asked about does not."""
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("is_up", [True, False], ids=["at work", "still starting"])
def test_kill_9_of_the_supervisor_leaves_nobody(is_up: bool, tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    command = [sys.executable, "-c", PARENT, str(tmp_path / "run")]
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    environment = os.environ | {"PYTHONPATH": path}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        log = tmp_path / "run" / "child.log"
        while is_up and log.read_text() != "up\n":
            assert is_alive(child)
            PAUSE.wait(0.05)
        parent.kill()
    for _ in range(int(PATIENCE / 0.05)):
        if not is_alive(child):
            break
        PAUSE.wait(0.05)
    assert not is_alive(child)
    assert log.read_text() == ("up\n" if is_up else "")


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    with SqlLedger(sqlite_url(folder / "ledger.sqlite")):
        yield


@contextmanager
def damaged(folder: Path) -> Iterator[None]:
    (folder / "ledger.sqlite").write_bytes(b"this was a database once" * 100)
    yield


@contextmanager
def not_a_file(folder: Path) -> Iterator[None]:
    (folder / "ledger.sqlite").mkdir()
    yield


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (in_use, "is in use by another process; only one may write it"),
        (damaged, "not a database"),
        (not_a_file, "open"),
    ],
)
def test_a_fleet_without_its_ledger_is_given_up_and_why_is_told(
    trouble: object, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(trouble)
    monkeypatch.setattr(process_table, "_RESTART_DELAY", 0.1)
    monkeypatch.setattr(process_table, "_MOST_SHORT_LIVES", 2)
    monkeypatch.setattr(process_table, "_SHORT_LIFE", 1e9)
    table = fleet_table(scenario_file=SCENARIO, folder=tmp_path, port=None)
    with trouble(tmp_path):
        before = sorted(path.name for path in tmp_path.iterdir())
        supervised = Supervisor(table, folder=tmp_path, environment=os.environ)
        with (
            pytest.raises(LinkError, match="process fleet ended 2 times in a row, at last with 1: ") as raised,
            supervised,
        ):
            supervised.wait(threading.Event(), PATIENCE)
    assert "ledger.sqlite" in str(raised.value)
    assert told in str(raised.value)
    log = (tmp_path / "fleet.log").read_text(encoding="utf-8").splitlines()
    assert len(log) == 2  # one clear line per life, no traceback
    left = {path.name for path in tmp_path.iterdir()} - set(before)
    assert left <= {"fleet.log", "fleet.secret", "ledger.sqlite.lock"}


def test_a_secret_that_others_may_read_is_wrong_input(tmp_path: Path) -> None:
    secret = tmp_path / "fleet.secret"
    secret.write_bytes(bytes(32))
    secret.chmod(0o644)
    done = subprocess.run(
        fleet_table(scenario_file=SCENARIO, folder=tmp_path, port=None)[0].command,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"{secret}: others may read the secret. run chmod 600 {secret}.\n"


def test_a_fleet_that_is_told_to_end_ends_well(tmp_path: Path) -> None:
    """With the ledger closed: no write-ahead log is left beside it."""
    command = fleet_table(scenario_file=SCENARIO, folder=tmp_path, port=None)[0].command
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as fleet:
        assert fleet.stderr is not None
        for line in fleet.stderr:
            if "0 open tasks in the ledger" in line:
                break
        fleet.send_signal(signal.SIGTERM)
        assert fleet.wait(PATIENCE) == 0
    assert not (tmp_path / "ledger.sqlite-wal").exists()
    with SqlLedger(sqlite_url(tmp_path / "ledger.sqlite")) as ledger:
        assert list(ledger.events()) == []

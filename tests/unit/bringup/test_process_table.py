"""The supervisor with real processes: whom it starts again, when it gives up, and that it leaves nobody behind."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from robot_ops.bringup import process_table
from robot_ops.bringup.process_table import PARENT_VARIABLE, Process, Supervisor
from robot_ops.core.errors import LinkError, SetupError

PATIENCE = 20.0  # s
NEVER = threading.Event()

PROGRAMS = {
    # writes a line per life, then waits for the end
    "patient": """
        print("alive as", os.getpid(), os.environ["MARK"], os.environ["ROBOT_OPS_PARENT"], flush=True)
        signal.sigwait({signal.SIGTERM})
        print("goes in peace", flush=True)
    """,
    "brief": 'print("nothing to do", flush=True)',
    "broken": 'sys.exit("disk full")',
    "misled": """
        sys.stderr.write("hall.sdf:7, <pose>: expected 6 numbers. Write them.\\n")
        sys.exit(2)
    """,
    # what a process must not do, and does
    "stubborn": """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = os.fork()
        print("alive as", os.getpid(), flush=True)
        while True:
            signal.pause()
    """,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_table, "_RESTART_DELAY", 0.1)
    monkeypatch.setattr(process_table, "_WATCH_PERIOD", 0.05)
    monkeypatch.setattr(process_table, "_GRACE", 1.0)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Supervisor]]:
    for name, text in PROGRAMS.items():
        lines = [line[8:] if line.startswith(" " * 8) else line for line in text.strip("\n").splitlines()]
        (tmp_path / f"{name}.py").write_text("\n".join(["import os, signal, sys", *lines]) + "\n")

    def make_one(*names: str, is_vital: bool = True) -> Supervisor:
        table = [Process(name=name, module=name, is_vital=is_vital) for name in names]
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "MARK": "x27"}
        return Supervisor(table, folder=tmp_path / "run", environment=environment)

    # inherited, so that no program has a moment in which the signal finds it unprepared
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    yield make_one
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def watch(supervisor: Supervisor, until: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE / 0.05)):
        supervisor.wait(NEVER, 0.05)
        if until():
            return
    raise AssertionError("it did not come to that")


def log(folder: Path, name: str) -> list[str]:
    return (folder / "run" / f"{name}.log").read_text(encoding="utf-8").splitlines()


def group_is_gone(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_processes_get_environment_arguments_and_logs_and_end_with_the_block(
    make: Callable[..., Supervisor], tmp_path: Path
) -> None:
    with make("patient") as supervisor:
        pid = supervisor.pid("patient")
        watch(supervisor, lambda: bool(log(tmp_path, "patient")))
    assert log(tmp_path, "patient") == [f"alive as {pid} x27 {os.getpid()}", "goes in peace"]
    assert group_is_gone(pid)
    assert PARENT_VARIABLE not in os.environ


def test_who_may_is_started_again_and_goes_on_in_the_same_log(make: Callable[..., Supervisor], tmp_path: Path) -> None:
    with make("patient", is_vital=False) as supervisor:
        first = supervisor.pid("patient")
        watch(supervisor, lambda: len(log(tmp_path, "patient")) == 1)
        os.kill(first, signal.SIGKILL)
        watch(supervisor, lambda: len(log(tmp_path, "patient")) == 2)
        assert supervisor.pid("patient") != first
    assert len(log(tmp_path, "patient")) == 3


def test_the_end_of_a_vital_process_is_told_with_its_last_words(make: Callable[..., Supervisor]) -> None:
    with make("patient", "broken") as supervisor:
        pid = supervisor.pid("patient")
        with pytest.raises(
            LinkError, match=r"(?s)process broken ended with 1: .*disk full.*the whole log: .*broken.log"
        ):
            watch(supervisor, lambda: False)
    assert group_is_gone(pid)


def test_a_vital_process_must_not_even_end_well(make: Callable[..., Supervisor]) -> None:
    with make("brief") as supervisor, pytest.raises(LinkError, match="ended with 0"):
        watch(supervisor, lambda: False)


@pytest.mark.parametrize("is_vital", [True, False])
def test_wrong_input_is_told_at_once_as_such(make: Callable[..., Supervisor], is_vital: bool, tmp_path: Path) -> None:
    with make("misled", is_vital=is_vital) as supervisor, pytest.raises(SetupError, match=r"hall.sdf:7, <pose>"):
        watch(supervisor, lambda: False)
    assert len(log(tmp_path, "misled")) == 1


def test_who_fails_time_after_time_is_given_up(make: Callable[..., Supervisor], tmp_path: Path) -> None:
    words = r"(?s)process broken ended 3 times in a row, at last with 1: .*disk full"
    with make("broken", is_vital=False) as supervisor, pytest.raises(LinkError, match=words):
        watch(supervisor, lambda: False)
    assert log(tmp_path, "broken") == ["disk full"] * 3


def test_long_lives_are_not_counted_against_it(
    make: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process_table, "_SHORT_LIFE", 0.0)
    with make("brief", is_vital=False) as supervisor:
        watch(supervisor, lambda: len(log(tmp_path, "brief")) >= 5)


def test_who_does_not_go_is_killed_with_all_its_children(make: Callable[..., Supervisor], tmp_path: Path) -> None:
    with make("stubborn") as supervisor:
        pid = supervisor.pid("stubborn")
        watch(supervisor, lambda: len(log(tmp_path, "stubborn")) == 2)
    watch(make(), lambda: group_is_gone(pid))


def test_nobody_stays_when_one_cannot_be_started(
    make: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = make("patient", "brief")
    pids: list[int] = []
    start = supervisor._start

    def start_or_fail(process: Process) -> None:
        if process.name == "brief":
            pids.append(supervisor.pid("patient"))
            raise OSError("out of memory")
        start(process)

    monkeypatch.setattr(supervisor, "_start", start_or_fail)
    with pytest.raises(OSError, match="out of memory"), supervisor:
        pass
    assert group_is_gone(pids[0])


def test_an_interruption_ends_the_watch_at_once(make: Callable[..., Supervisor]) -> None:
    interrupted = threading.Event()
    interrupted.set()
    with make("patient") as supervisor:
        supervisor.wait(interrupted, 1e9)

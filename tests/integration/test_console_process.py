"""The console as a process: it serves, ends when told to, and says what is wrong with its address."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from robot_ops.core.resources import shared_folder

DEADLINE = 30.0  # s


def command(folder: Path, port: int) -> list[str]:
    scenario = shared_folder("sim") / "scenarios" / "immigration_hall.yaml"
    module = "robot_ops.bringup.processes.console"
    return [sys.executable, "-m", module, "--scenario", str(scenario), "--folder", str(folder), f"--port={port}"]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield int(taken.getsockname()[1])


def test_it_serves_and_ends_in_time_with_a_page_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(command(tmp_path, port))
    try:
        pause = threading.Event()
        for _ in range(int(DEADLINE / 0.2)):
            try:
                answer = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5.0)
                break
            except httpx.TransportError:
                assert process.poll() is None
                pause.wait(0.2)
        assert answer.json() == {"status": "ok", "is_fleet_online": False}
        refused = httpx.post(
            f"http://127.0.0.1:{port}/api/tasks",
            json={"kind": "guide", "pickup": "kiosk_1", "destination": "counter_1"},
            timeout=DEADLINE,
        )
        assert refused.status_code == 503
        with connect(f"ws://127.0.0.1:{port}/api/live") as page:
            assert "guide_1" in str(page.recv(timeout=DEADLINE))
            process.send_signal(signal.SIGTERM)
            assert process.wait(DEADLINE) == 0
    finally:
        process.kill()
        process.wait(DEADLINE)


def test_a_port_that_is_taken_is_told(tmp_path: Path, taken_port: int) -> None:
    done = subprocess.run(command(tmp_path, taken_port), capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 2
    assert str(taken_port) in done.stderr
    assert "Name another port" in done.stderr
    assert "Traceback" not in done.stderr

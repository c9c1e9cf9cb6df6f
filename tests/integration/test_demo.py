"""The whole live system by its command line: real processes, DDS and physics, and a fleet that is killed in mid-run."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLI = [sys.executable, "-m", "robot_ops.bringup.cli"]
START_PATIENCE = 120.0  # s
PAUSE = threading.Event()


def robot_ops(*words: str, domain: int | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ) | ({} if domain is None else {"ROS_DOMAIN_ID": str(domain)})
    return subprocess.run(
        [*CLI, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def answer(*words: str) -> Any:
    """Return what the command line says in JSON."""
    done = robot_ops(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def processes_of(folder: Path, word: str = "") -> dict[int, str]:
    """Return the command lines, by process id, of the processes that were given the folder."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue  # it has just ended
        if str(folder) in words and any(word in each for each in words):
            found[int(process.name)] = " ".join(words)
    return found


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    for _ in range(int(seconds / 0.2)):
        if is_so():
            return
        PAUSE.wait(0.2)
    raise AssertionError(f"it did not come to that within {seconds:.0f} s")


def foreign_shared_memory() -> set[str]:
    """Return what lies in /dev/shm and is not Fast DDS's, which leaves its locks there."""
    names = {path.name.removeprefix("sem.") for path in Path("/dev/shm").glob("*")}
    return {name for name in names if not name.startswith(("fastrtps_", "fastdds_"))}


class Demo:
    """A running `robot-ops demo`; a context manager that leaves nothing behind, however the test ends."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder / "run"
        self.report = folder / "report.json"
        self._output = folder / "output.txt"
        self._words = words

    def __enter__(self) -> "Demo":
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*CLI, "demo", "--headless", "--folder", str(self.folder), "--report", str(self.report), *self._words],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait(10.0)
        wait_until(lambda: not processes_of(self.folder), 20.0)

    @property
    def text(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def await_tasks(self) -> None:
        """Wait until robots are at work on something."""
        wait_until(lambda: self._process.poll() is not None or "underway" in self.text, START_PATIENCE)
        assert self._process.poll() is None, self.text

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def wait(self, seconds: float) -> int:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds:.0f} s:\n{self.text}") from None


def test_a_run_in_which_the_fleet_is_killed(tmp_path: Path) -> None:
    with Demo(tmp_path, "--duration", "90", "--seed", "1") as demo:
        demo.await_tasks()
        (fleet,) = processes_of(demo.folder, "processes.fleet")
        before = {task["task_id"]: task for task in answer("task", "list", "--all")}
        os.kill(fleet, signal.SIGKILL)
        # a process that was killed is there for a moment still
        wait_until(lambda: len(processes_of(demo.folder, "processes.fleet").keys() - {fleet}) == 1, 10.0)
        wait_until(lambda: fleet not in processes_of(demo.folder), 10.0)
        code = demo.wait(180.0)
        assert processes_of(demo.folder) == {}
    assert code == 0, demo.text

    report = json.loads(demo.report.read_text(encoding="utf-8"))
    after = {task["task_id"]: task for task in report["task_list"]}
    assert before
    assert set(before) <= set(after)
    for name, task in before.items():
        assert after[name]["request_id"] == task["request_id"]
        assert after[name]["submitted_s"] == task["submitted_s"]
    has_gone_on = [
        name
        for name, task in before.items()
        if after[name]["status"] == "completed" or after[name]["phase"] != task["phase"]
    ]
    assert has_gone_on  # how many are completed by then depends on the machine
    assert [name for name, task in after.items() if task["status"] in ("failed", "canceled")] == []

    world = report["world"]
    for who in ("robot", "person", "world"):
        assert world[f"robot_{who}_collisions"] == 0
    assert world["least_robot_robot"] is None or world["least_robot_robot"] > 0.0
    assert world["least_robot_person"] is None or world["least_robot_person"] > 0.0
    assert world["real_time_factor"] > 0.0
    assert 88.0 <= report["duration_s"] <= 100.0
    assert report["is_good"]
    assert report["wrong"] == []
    assert set(world["distances"]) == {"guide_1", "guide_2", "guide_3", "courier_1", "courier_2"}
    assert sum(world["distances"].values()) > 10.0
    assert "collisions robot-robot / robot-person / robot-world" in demo.text
    assert "Traceback" not in "".join(log.read_text(errors="replace") for log in demo.folder.glob("*.log"))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with Demo(tmp_path_factory.mktemp("demo"), "--scenario", "sim/scenarios/quiet.yaml", "--seed", "2") as demo:
        demo.await_tasks()
        yield demo


@pytest.mark.usefixtures("live")
def test_guide_and_cancel() -> None:
    words = ("task", "guide", "kiosk_4", "counter_7", "--request-id", "cli-1")
    task = answer(*words)
    assert task["task_id"].startswith("guide-")
    assert task["sender_code"] is None

    assert answer(*words)["task_id"] == task["task_id"]  # the same request again is no second task
    listed = [each for each in answer("task", "list") if each["request_id"] == "cli-1"]
    assert [each["task_id"] for each in listed] == [task["task_id"]]
    other = robot_ops("task", "guide", "kiosk_4", "counter_5", "--request-id", "cli-1")
    assert other.returncode == 2
    assert "cli-1" in other.stderr

    assert answer("task", "cancel", task["task_id"], "--reason", "test") == {
        "task_id": task["task_id"],
        "is_accepted": True,
    }
    wait_until(lambda: status_of(task["task_id"]) == "canceled", 60.0)
    assert task["task_id"] not in [each["task_id"] for each in answer("task", "list")]
    assert answer("task", "cancel", task["task_id"])["is_accepted"]  # again, which changes nothing


def status_of(task_id: str) -> str:
    (task,) = [task for task in answer("task", "list", "--all") if task["task_id"] == task_id]
    return str(task["status"])


@pytest.mark.usefixtures("live")
def test_deliver() -> None:
    words = ("clerk_ada", "clerk_chen", "passport file", "--pickup", "counter_1", "--destination", "counter_4")
    task = answer("task", "deliver", *words)

    assert task["task_id"].startswith("deliver-")
    assert task["sender_code"]
    assert task["recipient_code"]
    assert task["sender_code"] != task["recipient_code"]
    text = robot_ops("task", "list").stdout
    assert task["task_id"] in text
    assert task["sender_code"] not in json.dumps(answer("task", "list"))


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("guide", "kiosk_1", "counter_77"), "did you mean counter_7"),
        (("guide", "kiosk_1", "archive"), "destination"),
        (("guide", "kiosk_1", "counter_2", "--language", "tlh"), "language: no guide speaks 'tlh'"),
        (
            ("deliver", "clerk_adda", "clerk_chen", "x", "--pickup", "counter_1", "--destination", "counter_4"),
            "clerk_ada",
        ),
        (("cancel", "guide-999999"), "guide-999999"),
    ],
)
def test_refusals_of_the_fleet(words: tuple[str, ...], told: str) -> None:
    done = robot_ops("task", *words)

    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.usefixtures("live")
def test_stop_list_and_release() -> None:
    def stopped() -> dict[str, bool | None]:
        return {robot["robot"]: robot["is_stopped"] for robot in answer("robot", "list")}

    wait_until(lambda: stopped() == {"guide_2": False, "courier_1": False}, START_PATIENCE)  # all are online
    assert answer("robot", "stop", "guide_2") == {"guide_2": "ok"}
    wait_until(lambda: stopped() == {"guide_2": True, "courier_1": False}, 20.0)
    assert "stopped" in robot_ops("robot", "list").stdout
    assert answer("robot", "release", "guide_2") == {"guide_2": "ok"}
    wait_until(lambda: not any(stopped().values()), 20.0)


@pytest.mark.usefixtures("live")
def test_traffic_is_explained() -> None:
    wait_until(lambda: len(answer("traffic", "explain")["lines"]) >= 2, START_PATIENCE)
    one = answer("traffic", "explain", "courier_1")
    assert one["lines"][0].startswith("courier_1 ")
    assert {each["robot"] for each in one["itineraries"]} <= {"courier_1"}
    assert "guide_2 " in robot_ops("traffic", "explain").stdout
    unknown = robot_ops("traffic", "explain", "guide_9")
    assert unknown.returncode == 2
    assert "guide_9" in unknown.stderr


@pytest.mark.usefixtures("live")
def test_traffic_rules_are_changed_one_by_one() -> None:
    clear = {"is_emergency": False, "closed_lanes": [], "speed_limits": {}, "absent_robots": []}
    assert answer("traffic", "show") == clear
    assert answer("traffic", "close", "se16-se19", "se19-se21")["closed_lanes"] == ["se16-se19", "se19-se21"]
    assert answer("traffic", "limit", "queue_west", "0.3")["speed_limits"] == {"queue_west": 0.3}
    assert answer("traffic", "emergency", "on")["is_emergency"]
    assert answer("traffic", "open", "se16-se19") == {
        "is_emergency": True,
        "closed_lanes": ["se19-se21"],
        "speed_limits": {"queue_west": 0.3},
        "absent_robots": [],
    }
    assert answer("traffic", "absent", "guide_3")["absent_robots"] == ["guide_3"]
    assert robot_ops("traffic", "show").stdout.splitlines() == [
        "emergency: ON",
        "closed lanes: se19-se21",
        "speed limits: queue_west 0.3 m/s",
        "robots taken out of the hall: guide_3",
    ]
    assert answer("traffic", "present", "guide_3")["absent_robots"] == []
    answer("traffic", "emergency", "off")
    answer("traffic", "unlimit", "queue_west")
    assert answer("traffic", "open", "se19-se21") == clear == answer("traffic", "show")


@pytest.mark.usefixtures("live")
def test_a_robot_that_is_not_there_does_not_answer() -> None:
    done = robot_ops("robot", "stop", "guide_1", "courier_1", "--json")

    assert done.returncode == 3
    told = json.loads(done.stdout)
    assert told["courier_1"] == "ok"
    assert "set_stop" in told["guide_1"]
    assert "1 of 2 robots did not answer" in done.stderr
    assert robot_ops("robot", "release", "courier_1").returncode == 0


def test_ctrl_c_ends_it_in_order_with_a_report(live: Demo) -> None:
    """The last of those that share the system."""
    before = foreign_shared_memory()
    live.interrupt()
    code = live.wait(20.0)

    assert code in (0, 1), live.text  # whether all was done by now is not asked here
    assert processes_of(live.folder) == {}
    assert foreign_shared_memory() <= before
    report = json.loads(live.report.read_text(encoding="utf-8"))
    assert report["duration_s"] > 0.0
    assert report["task_list"]
    assert "real-time factor" in live.text
    assert "Traceback" not in live.text
    assert "Traceback" not in "".join(log.read_text(errors="replace") for log in live.folder.glob("*.log"))


@pytest.mark.parametrize(
    "words", [("task", "list"), ("robot", "list"), ("robot", "stop", "guide_1"), ("traffic", "emergency", "on")]
)
def test_nobody_there_is_an_exit_code_of_its_own(words: tuple[str, ...]) -> None:
    silent = int(os.environ["ROS_DOMAIN_ID"]) % 101 + 1
    done = robot_ops(*words, domain=silent)

    assert done.returncode == 3
    assert "is the system running, on this ROS_DOMAIN_ID?" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_ctrl_c_while_it_starts(tmp_path: Path) -> None:
    with Demo(tmp_path) as demo:
        wait_until(lambda: len(processes_of(demo.folder, "robot_ops.bringup.processes")) == 9, START_PATIENCE)
        demo.interrupt()
        code = demo.wait(20.0)
        assert processes_of(demo.folder) == {}
    assert code == 130
    assert "Traceback" not in demo.text
    assert not demo.report.exists()

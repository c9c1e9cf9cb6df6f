"""Broken files and environments at the command line: one clear message, exit code 2, and nothing was started."""

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 100.0  # s


def robot_ops(*words: str, root: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line of a checkout."""
    return subprocess.run(
        [sys.executable, "-m", "robot_ops.bringup.cli", *words],
        cwd=root,
        env={key: value for key, value in os.environ.items() if key != "DISPLAY"} | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *told: str) -> None:
    """Check that there is one message, which tells all this."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("robot-ops: ")
    for words in told:
        assert re.search(words, done.stderr), done.stderr


class Hall:
    """A copy of the immigration hall's files to break: scenario, site, world and models."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        for name in ("sites", "sim"):
            shutil.copytree(ROOT / name, folder / name)
        self.scenario = folder / "sim" / "scenarios" / "immigration_hall.yaml"
        self.site = folder / "sites" / "immigration_hall.yaml"
        self.world = folder / "sim" / "worlds" / "immigration_hall.sdf"
        self.run = folder / "run"

    def demo(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        paths = ["--scenario", str(self.scenario), "--folder", str(self.run)]
        return robot_ops("demo", "--headless", *paths, *words, **environment)


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall(tmp_path)


def edit(file: Path, pattern: str, replacement: str) -> int:
    """Replace the first match and return its line, from 1."""
    text = file.read_text(encoding="utf-8")
    found = re.search(pattern, text, re.MULTILINE)
    assert found
    file.write_text(text[: found.start()] + replacement + text[found.end() :], encoding="utf-8")
    return text[: found.start()].count("\n") + 1


def break_site_syntax(hall: Hall) -> str:
    line = edit(hall.site, r"^default_speed_limit: 1.2", "default_speed_limit: [1.2")
    return rf"immigration_hall.yaml:{line + 2}: is no valid YAML"  # where the parser gives up


def break_site_lane(hall: Hall) -> str:
    line = edit(hall.site, r"\bse16\b(?=: \[)", "se16x")
    assert line
    return r"sites/immigration_hall.yaml:\d+.*there is no node 'se16'"


def break_site_map(hall: Hall) -> str:
    return rf"immigration_hall.yaml:{edit(hall.site, r'office.yaml', 'offices.yaml')}.*there is no file"


def break_map_picture(hall: Hall) -> str:
    picture = next((hall.root / "sites" / "maps").rglob("office.p?m"))
    picture.write_bytes(picture.read_bytes()[:100])
    return "office"


def break_scenario_field(hall: Hall) -> str:
    return rf"scenarios/immigration_hall.yaml:{edit(hall.scenario, r'lag: 0.2', 'lag: 2.0')}.*habits"


def break_scenario_robot(hall: Hall) -> str:
    return rf"scenarios/immigration_hall.yaml:{edit(hall.scenario, r'guide_3', 'guide_33')}.*guide_33"


def break_world_syntax(hall: Hall) -> str:
    line = edit(hall.world, r"</include>", "</inklude>")
    return rf"immigration_hall.sdf:{line}"


def break_world_model(hall: Hall) -> str:
    line = edit(hall.world, r"model://kiosk\b", "model://kiosque")
    return rf"immigration_hall.sdf:{line}.*model://kiosque.* does not exist"


def break_world_pose(hall: Hall) -> str:
    line = edit(hall.world, r"<pose>18 14.2 0 0 0 0</pose>", "<pose>1 2 three</pose>")
    return rf"immigration_hall.sdf:{line}, <pose>.*expected 6 numbers"


def break_model(hall: Hall) -> str:
    file = hall.root / "sim" / "models" / "guide_robot" / "model.sdf"
    edit(file, r'name="lidar"', 'name="radar"')
    return "immigration_hall.sdf: robot guide_1 has no sensor 'lidar'"


BREAKERS = (
    break_site_syntax,
    break_site_lane,
    break_site_map,
    break_map_picture,
    break_scenario_field,
    break_scenario_robot,
    break_world_syntax,
    break_world_model,
    break_world_pose,
    break_model,
)


@pytest.mark.parametrize("breaker", BREAKERS, ids=lambda breaker: breaker.__name__)
def test_broken_files(breaker: Callable[[Hall], str], hall: Hall) -> None:
    told = breaker(hall)

    assert_refused(hall.demo("--duration", "5"), told)

    assert not hall.run.exists()


@pytest.mark.parametrize("breaker", [break_site_lane, break_scenario_field], ids=lambda breaker: breaker.__name__)
def test_simulate_tells_them_as_well(breaker: Callable[[Hall], str], hall: Hall) -> None:
    told = breaker(hall)

    assert_refused(robot_ops("simulate", str(hall.scenario), "--hours", "0.1", "--json"), told)


def test_a_file_that_only_the_world_s_process_reads(hall: Hall) -> None:
    """Found out too late to start nothing; what was started ends, and the message is the process' own."""
    mesh = next(path for path in sorted((hall.root / "sim" / "models").rglob("*.png")) if "tag" in str(path))
    mesh.write_bytes(b"no picture")

    done = hall.demo("--duration", "5")

    assert done.returncode == 2
    assert "process world cannot run" in done.stderr
    assert "cannot be simulated" in done.stderr
    assert "Traceback" not in done.stderr
    assert processes_of(hall.run) == []


def processes_of(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue  # it has just ended
        if str(folder) in words:
            found.append(" ".join(words))
    return found


def test_port_taken(hall: Hall) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = robot_ops("demo", "--port", port, "--folder", str(hall.run))

    assert_refused(done, f"argument --port: port {port} cannot be used: Address already in use", "--headless")
    assert not hall.run.exists()


def test_ros_sourced_beside_the_wheels(hall: Hall, tmp_path: Path) -> None:
    other = tmp_path / "opt" / "ros" / "jazzy"
    (other / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages" / "rclpy").mkdir(parents=True)

    done = hall.demo(AMENT_PREFIX_PATH=str(other))

    assert_refused(done, f"ROS 2: {other} is sourced", "do not mix", "Use a terminal that does not source it")
    assert not hall.run.exists()
    assert robot_ops("doctor", AMENT_PREFIX_PATH=str(other)).returncode == 2


def test_a_renderer_that_needs_a_window_system(hall: Hall) -> None:
    assert_refused(hall.demo(MUJOCO_GL="glfw"), "renderer: MUJOCO_GL=glfw needs a window system", "Set MUJOCO_GL=egl")
    assert not hall.run.exists()


def test_no_driver_for_pictures(hall: Hall, tmp_path: Path) -> None:
    """The libraries are there, and none of them can draw: the world's process finds out."""
    (tmp_path / "vendors").mkdir()
    done = hall.demo("--duration", "30", __EGL_VENDOR_LIBRARY_DIRS=str(tmp_path / "vendors"))

    assert done.returncode == 2
    assert "process world cannot run" in done.stderr
    assert "cameras need OpenGL, and there is none here" in done.stderr
    assert "Traceback" not in done.stderr
    assert processes_of(hall.run) == []


@pytest.mark.parametrize(
    ("pattern", "replacement", "told"),
    [
        (r"</BehaviorTree>", "</BehaviourTree>", "mismatched tag"),
        (r"<Sequence\b", "<Sequenze", "Sequenze|mismatched tag"),
        (r'BTCPP_format="4"', 'BTCPP_format="3"', "format 4"),
    ],
)
def test_a_broken_behavior_tree(pattern: str, replacement: str, told: str, tmp_path: Path) -> None:
    """Trees are read from beside the code, so the code is copied, too."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("robot_ops", "behaviors", "launch"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    for name in ("package.xml", "sites", "sim"):
        (tmp_path / name).symlink_to(ROOT / name)
    line = edit(tmp_path / "behaviors" / "guide_visitor.xml", pattern, replacement)
    run = tmp_path / "run"

    for words in (("demo", "--headless", "--folder", str(run), "--duration", "5"), ("simulate", "quiet", "--json")):
        done = robot_ops(*words, root=tmp_path)
        assert_refused(done, r"guide_visitor.xml:\d+", told)
    assert line
    assert not run.exists()


def test_all_of_the_hall_is_fine_as_it_is(hall: Hall) -> None:
    """What is refused above is refused for what was broken."""
    assert robot_ops("simulate", str(hall.scenario), "--hours", "0.01", "--json").returncode == 0
    assert robot_ops("site", "check", str(hall.site)).returncode == 0

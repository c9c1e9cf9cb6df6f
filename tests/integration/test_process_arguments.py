"""Processes take their parameters from files and refuse wrong ones with one clear message."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import rclpy
from rclpy.context import Context
from rclpy.node import Node

from robot_ops.ros_nodes.navigation_parameters import NavigationParameters
from robot_ops.ros_nodes.parameters import declare
from robot_ops.ros_nodes.perception_node import PerceptionParameters
from robot_ops.ros_nodes.safety_node import SafetyParameters

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "sim" / "scenarios" / "quiet.yaml"


@pytest.fixture
def context() -> Iterator[Context]:
    context = Context()
    rclpy.init(context=context)
    yield context
    context.try_shutdown()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("navigation", NavigationParameters), ("perception", PerceptionParameters), ("safety", SafetyParameters)],
)
def test_a_parameter_file_reaches_the_nodes_of_all_robots(
    name: str, kind: type[object], context: Context, tmp_path: Path
) -> None:
    text = (ROOT / "launch" / "params" / f"{name}.yaml").read_text(encoding="utf-8")
    assert "dock_speed: 0.2 " in text or "tag_range: 2.2 " in text
    file = tmp_path / f"{name}.yaml"
    file.write_text(text.replace("dock_speed: 0.2 ", "dock_speed: 0.11 ").replace("tag_range: 2.2 ", "tag_range: 3.3 "))
    node = Node(name, namespace="guide_7", context=context, cli_args=["--ros-args", "--params-file", str(file)])

    parameters = declare(node, kind)

    assert getattr(parameters, "dock_speed", 0.11) == 0.11
    assert getattr(parameters, "tag_range", 3.3) == 3.3
    node.destroy_node()


def run_safety(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    module = "robot_ops.bringup.processes.safety"
    return subprocess.run(
        [sys.executable, "-m", module, "--scenario", str(SCENARIO), "--folder", str(folder), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("parameter", "complaint"),
    [
        ("margin: 5.0", "parameter margin of /guide_1/safety"),
        ("margin: wide", "parameter margin of /guide_1/safety"),
        ("margin: [1.0", "arguments after --ros-args"),
    ],
)
def test_a_wrong_parameter_ends_the_process_with_one_message(parameter: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "safety.yaml"
    file.write_text(f"/**/safety:\n  ros__parameters:\n    {parameter}\n")

    ended = run_safety(tmp_path, "--robots", "guide_1", "--ros-args", "--params-file", str(file))

    assert ended.returncode == 2
    assert ended.stderr.startswith(complaint)
    assert len(ended.stderr.splitlines()) == 1


def test_an_unknown_robot_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    ended = run_safety(tmp_path, "--robots", "nobody")

    assert ended.returncode == 2
    assert "'nobody'" in ended.stderr
    assert "guide_1" in ended.stderr

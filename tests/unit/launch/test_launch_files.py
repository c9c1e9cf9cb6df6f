"""Launch files hold together: where ROS 2's launch is installed they are loaded, everywhere their imports exist."""

import ast
import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from robot_ops.site.files import load_site

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "launch").glob("*.launch.py"))
NEEDS_LAUNCH = "robot_ops.bringup.launch_processes"
ROBOTS = tuple(load_site(ROOT / "sites" / "immigration_hall.yaml").robots)


def tree_of(file: Path) -> ast.Module:
    source = file.read_text(encoding="utf-8")
    compile(source, str(file), "exec")
    return ast.parse(source)


def functions(tree: ast.Module) -> set[str]:
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_all_launch_files_are_looked_at() -> None:
    assert [file.name for file in FILES] == [
        "demo.launch.py",
        "fleet.launch.py",
        "gazebo.launch.py",
        "robot.launch.py",
        "rviz.launch.py",
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_launch_file_compiles_and_describes(file: Path) -> None:
    assert "generate_launch_description" in functions(tree_of(file))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_it_takes_from_robot_ops_exists(file: Path) -> None:
    common = functions(tree_of(ROOT / f"{NEEDS_LAUNCH.replace('.', '/')}.py"))
    tree = tree_of(file)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("robot_ops"):
            for alias in node.names:
                if f"{node.module}.{alias.name}" != NEEDS_LAUNCH:
                    assert hasattr(importlib.import_module(node.module or ""), alias.name)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "common":
            assert node.attr in common


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_loads_where_launch_is_installed(file: Path) -> None:
    pytest.importorskip("launch.actions", reason="launch comes with a full ROS 2 installation", exc_type=ImportError)
    pytest.importorskip("launch_ros.actions", reason="launch_ros does, too", exc_type=ImportError)
    sources: Any = importlib.import_module("launch.launch_description_sources")

    description = sources.PythonLaunchDescriptionSource(str(file)).get_launch_description(
        importlib.import_module("launch").LaunchContext()
    )

    assert description.entities


def topics_of(value: Any) -> set[str]:
    """Return all texts of a value that look like topics."""
    match value:
        case dict():
            return {topic for item in value.values() for topic in topics_of(item)}
        case list():
            return {topic for item in value for topic in topics_of(item)}
        case str() if value.startswith("/"):
            return {value}
        case _:
            return set()


def test_rviz_shows_all_robots() -> None:
    content = yaml.safe_load((ROOT / "launch" / "rviz" / "robot_ops.rviz").read_text(encoding="utf-8"))

    topics = topics_of(content)

    assert content["Visualization Manager"]["Global Options"]["Fixed Frame"] == "map"
    for robot in ROBOTS:
        assert {f"/{robot}/scan", f"/{robot}/plan", f"/{robot}/pose"} <= topics
    assert {topic.split("/")[1] for topic in topics} == {*ROBOTS, "fleet"}
    assert "/fleet/markers" in topics

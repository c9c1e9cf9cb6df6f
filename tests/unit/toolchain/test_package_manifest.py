"""package.xml and setup.py say what the code needs and brings."""

import ast
import re
import runpy
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import setuptools

ROOT = Path(__file__).parents[3]
ROS_PACKAGE = re.compile(r"rclpy|launch(_ros)?|\w+_(msgs|srvs|interfaces)")


def imported_modules(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.split(".")[0] for name in names}


def test_every_ros_package_that_is_imported_is_declared() -> None:
    declared = {element.text for element in ET.parse(ROOT / "package.xml").iter("exec_depend")}
    files = [*(ROOT / "robot_ops").rglob("*.py"), *(ROOT / "launch").rglob("*.py")]
    imported = {name for file in files for name in imported_modules(file) if ROS_PACKAGE.fullmatch(name)}

    assert "rclpy" in imported
    assert imported <= declared


def test_an_installation_gets_all_shared_data(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, list[tuple[str, list[str]]]] = {}
    monkeypatch.setattr(setuptools, "setup", told.update)

    runpy.run_path(str(ROOT / "setup.py"))

    files = {f"{folder}/{Path(file).name}": file for folder, entries in told["data_files"] for file in entries}
    assert files["share/robot_ops/package.xml"] == "package.xml"
    assert files["share/ament_index/resource_index/packages/robot_ops"] == "resource/robot_ops"
    assert files["share/robot_ops/sites/immigration_hall.yaml"] == "sites/immigration_hall.yaml"
    for name in ("behaviors", "launch", "sim", "sites"):
        shared = {path.relative_to(ROOT).as_posix() for path in (ROOT / name).rglob("*") if path.is_file()}
        assert {path for path in shared if "__pycache__" not in path} <= set(files.values())

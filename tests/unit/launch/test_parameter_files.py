"""The parameter files name only parameters that exist, with values that the nodes take."""

import dataclasses
import math
import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml

from robot_ops.ros_nodes.fleet_node import FleetParameters
from robot_ops.ros_nodes.mission_node import MissionParameters
from robot_ops.ros_nodes.navigation_parameters import NavigationParameters
from robot_ops.ros_nodes.perception_node import PerceptionParameters
from robot_ops.ros_nodes.safety_node import SafetyParameters
from robot_ops.ros_nodes.world_node import WorldParameters

FOLDER = Path(__file__).parents[3] / "launch" / "params"
NODES: dict[str, type[Any]] = {
    "fleet": FleetParameters,
    "missions": MissionParameters,
    "navigation": NavigationParameters,
    "perception": PerceptionParameters,
    "safety": SafetyParameters,
    "world": WorldParameters,
}
FILES = sorted(FOLDER.glob("*.yaml"))


def sections(file: Path) -> dict[str, dict[str, Any]]:
    return {key: body["ros__parameters"] for key, body in yaml.safe_load(file.read_text(encoding="utf-8")).items()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_for_the_node_that_it_is_named_after(file: Path) -> None:
    assert list(sections(file)) == [f"/**/{file.stem}"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_parameters_exist_and_are_in_their_ranges(file: Path) -> None:
    kind = NODES[file.stem]
    fields = {field.name: field for field in dataclasses.fields(kind)}
    hints = get_type_hints(kind)
    (values,) = sections(file).values()
    for name, value in values.items():
        assert name in fields
        # rclpy refuses 1 for a float; YAML reads 1e6 as a text
        assert type(value) is hints[name]
        metadata = fields[name].metadata
        if metadata["low"] is not None:
            assert metadata["low"] <= value <= metadata["high"]
    kind(**values)


@pytest.mark.parametrize("kind", NODES.values(), ids=lambda kind: kind.__name__)
def test_defaults_are_in_their_ranges_and_described(kind: type[Any]) -> None:
    for field in dataclasses.fields(kind):
        metadata = field.metadata
        assert re.search(r"\w", metadata["description"])
        assert (metadata["low"] is None) is (metadata["high"] is None)
        if metadata["low"] is not None:
            assert metadata["low"] <= field.default <= metadata["high"]
            assert math.isfinite(field.default)


def test_values_that_make_no_sense_together_are_refused() -> None:
    with pytest.raises(ValueError, match="radius"):
        SafetyParameters(radius=0.0)

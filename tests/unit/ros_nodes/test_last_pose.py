"""Where a robot stood is known again after a restart."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.ids import LevelId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.ros_nodes.last_pose import read_last_pose, write_last_pose

numbers = st.floats(-1e4, 1e4)


@given(x=numbers, y=numbers, yaw=st.floats(-math.pi, math.pi))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, x: float, y: float, yaw: float) -> None:
    path = tmp_path_factory.mktemp("pose") / "guide_1.pose.json"
    at = LevelPose(level=LevelId("office"), pose=Pose(x=x, y=y, yaw=yaw))
    write_last_pose(path, at)
    assert read_last_pose(path) == at


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"level": "hall", "x": NaN, "y": 0, "yaw": 0}', "\0"])
def test_a_damaged_file_is_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "guide_1.pose.json"
    assert read_last_pose(path) is None
    path.write_text(text)
    assert read_last_pose(path) is None

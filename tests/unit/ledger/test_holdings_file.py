import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.errors import LedgerError
from robot_ops.core.ids import LevelId, NodeId, RobotId, RouteId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.ledger.holdings_file import HoldingsFile
from robot_ops.tasks.routes import RouteProgress

ON = RouteProgress(
    robot=RobotId("guide_1"), stamp_ns=5, route_id=RouteId("r"), reached=2, held=(NodeId("a"), NodeId("b")), tail=2.5
)
OFF = RouteProgress(
    robot=RobotId("guide_2"),
    stamp_ns=7,
    route_id=RouteId(""),
    reached=0,
    held=(),
    free=LevelPose(level=LevelId("hall"), pose=Pose(x=1.5, y=-2.0, yaw=0.25)),
    free_radius=1.25,
)


def test_what_is_held_comes_back(tmp_path):
    file = HoldingsFile(tmp_path / "holdings.json")
    assert file.load() == ()
    file.save([ON, OFF])
    assert file.load() == (replace(ON, stamp_ns=0, route_id=RouteId(""), reached=0), replace(OFF, stamp_ns=0))
    file.save([OFF])
    assert [holding.robot for holding in HoldingsFile(tmp_path / "holdings.json").load()] == ["guide_2"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(LedgerError, match="cannot be written: No such file or directory"):
        HoldingsFile(tmp_path / "nowhere" / "holdings.json").save([ON])


@pytest.mark.parametrize(
    "text", ["", "{}x", "[1]", '[{"robot": "r"}]', "null", '[{"robot":"r","held":["a"],"tail":"x"}]']
)
def test_a_damaged_file_is_named_with_the_mend(tmp_path, text):
    path = tmp_path / "holdings.json"
    path.write_text(text)
    with pytest.raises(LedgerError, match=r"holdings\.json is damaged .*: see that all robots .* then delete it"):
        HoldingsFile(path).load()


@given(cut=st.integers(0, 400))
def test_a_torn_file_never_gives_something_else(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("torn") / "holdings.json"
    file = HoldingsFile(path)
    file.save([ON, OFF])
    whole = path.read_text()
    path.write_text(whole[:cut])
    if cut >= len(whole):
        assert file.load()
        return
    with pytest.raises(LedgerError):
        file.load()
    assert json.loads(whole)

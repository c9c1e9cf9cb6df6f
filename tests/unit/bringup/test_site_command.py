"""`robot-ops site` on building maps: what it prints, writes and refuses."""

import json
from pathlib import Path

import pytest

from robot_ops.bringup.cli import EXIT_INPUT, EXIT_NO, EXIT_OK, main
from robot_ops.site.files import load_site

ROOM = """\
name: room
levels:
  L1:
    measurements: [[0, 1, {distance: [3, 10]}]]
    lanes:
      - [0, 1, {bidirectional: [4, true]}]
      - [1, 2, {bidirectional: [4, true]}]
    vertices:
      - [0, 0, 0, home, {is_charger: [4, true]}]
      - [100, 0, 0, ""]
      - [100, 50, 0, desk]
"""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    path = tmp_path / "room.building.yaml"
    path.write_text(ROOM, encoding="utf-8")
    return path


def test_import_writes_a_site_that_can_be_loaded(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = room.parent / "room.yaml"
    assert main(["site", "import", str(room), "-o", str(output), "--robots", "1", "--radius", "0.3"]) == EXIT_OK
    assert "wrote" in capsys.readouterr().out
    site = load_site(output)
    assert site.nodes["desk"].y == -5.0
    assert [robot.model.radius for robot in site.robots.values()] == [0.3]
    assert output.read_text(encoding="utf-8").startswith("# Imported from room.building.yaml (Open-RMF)")


def test_import_tells_notes_and_errors_as_json(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    room.write_text(ROOM.replace("[100, 50, 0, desk]", "[100, 5, 0, desk]"), encoding="utf-8")
    assert main(["site", "import", str(room), "-o", str(room.parent / "room.yaml"), "--json"]) == EXIT_OK
    shown = json.loads(capsys.readouterr().out)
    assert (shown["nodes"], shown["lanes"], shown["errors"], shown["notes"]) == (3, 2, 1, [])


def test_check_and_draw_take_building_maps(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "check", str(room), "--json"]) == EXIT_OK
    findings = json.loads(capsys.readouterr().out)
    assert [(finding["path"], finding["severity"]) for finding in findings] == [("places.home", "warning")]
    assert f"{room}:9" in findings[0]["where"]
    assert main(["site", "draw", str(room), "-o", str(room.parent / "room.svg")]) == EXIT_OK
    assert "<svg" in (room.parent / "room.svg").read_text(encoding="utf-8")


def test_wide_robots_find_less_room(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "check", str(room), "--radius", "3"]) == EXIT_NO
    shown = capsys.readouterr().out
    assert "nodes.L1_1" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--radius", "0"], "argument --radius: 0 m is no robot's radius"),
        (["--radius", "nan"], "argument --radius"),
        (["--graph", "4"], "graph 4 has no lanes. The map's graphs are 0 (2 lanes)"),
        (["--robots", "2"], "the graph has 1 chargers for 2 robots"),
        (["--robots", "-1"], "argument --robots"),
        (["-o", "no/room.yaml"], "cannot be written"),
    ],
)
def test_import_refuses(
    words: list[str],
    message: str,
    room: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(room.parent)
    assert main(["site", "import", str(room), *words]) == EXIT_INPUT
    shown = capsys.readouterr()
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ""
    assert list(room.parent.iterdir()) == [room]


@pytest.mark.parametrize("action", ["check", "draw", "import"])
def test_broken_maps_are_told_with_file_and_line(
    action: str, room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(room.parent)
    room.write_text(ROOM.replace("[1, 2, {", "[1, 22, {"), encoding="utf-8")
    assert main(["site", action, str(room)]) == EXIT_INPUT
    shown = capsys.readouterr().err
    assert "room.building.yaml:7, levels.L1.lanes.1.1: there is no vertex 22 on this level" in shown
    assert list(room.parent.iterdir()) == [room]


def test_a_site_file_has_one_graph(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "check", "sites/immigration_hall.yaml", "--graph", "1"]) == EXIT_INPUT
    assert "one graph only" in capsys.readouterr().err

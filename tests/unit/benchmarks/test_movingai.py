"""Files of the MovingAI benchmarks are read strictly; what is wrong is named with file, line and field."""

from pathlib import Path

import pytest

from robot_ops.benchmarks.movingai import read_case, read_map, read_scenario
from robot_ops.core.errors import ScenarioError

MAP = "type octile\nheight 3\nwidth 4\nmap\n..G.\n.@TS\n@...\n"
SCEN = "version 1\n0\ta.map\t4\t3\t0\t0\t3\t2\t5.0\n1\ta.map\t4\t3\t1\t0\t0\t1\t2.41421356\n"


def written(folder: Path, map_text: str = MAP, scenario_text: str = SCEN) -> tuple[Path, Path]:
    files = folder / "a.map", folder / "a.scen"
    files[0].write_text(map_text)
    files[1].write_text(scenario_text)
    return files


def test_a_case_is_read(tmp_path: Path) -> None:
    case = read_case(*written(tmp_path), 2)
    assert case.is_free.tolist() == [[True] * 4, [True, False, False, True], [False, True, True, True]]
    assert case.starts.tolist() == [[0, 0], [0, 1]]
    assert case.goals.tolist() == [[2, 3], [1, 0]]


def test_line_ends_of_windows_do_not_matter(tmp_path: Path) -> None:
    files = written(tmp_path, MAP.replace("\n", "\r\n"), SCEN.replace("\n", "\r\n"))
    assert read_case(*files, 1).starts.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("type octile", "type tile", "a.map:1", "'type tile'"),
        ("height 3", "height three", "a.map:2, height", "height three"),
        ("width 4", "", "a.map:3, width", "missing"),
        ("width 4", "width 0", "a.map:3, width", "width 0"),
        ("map\n", "grid\n", "a.map:4", "'grid'"),
        (".@TS", ".@T", "a.map:6, row 1", "3 letters"),
        (".@TS", ".@TSS", "a.map:6, row 1", "5 letters"),
        (".@TS", ".@xS", "a.map:6, column 2", "'x' is no terrain"),
        ("@...\n", "", "a.map:6, height", "but 2 follow"),
        ("@...\n", "@...\n....\n", "a.map:7, height", "but 4 follow"),
        (MAP, "", "a.map:1", "the end of the file"),
        (".@TS", ".@TÄ", "a.map", "no ASCII"),
    ],
)
def test_a_wrong_map_is_told(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    file, _ = written(tmp_path, MAP.replace(old, new))
    with pytest.raises(ScenarioError) as told:
        read_map(file)
    assert told.value.where == f"{tmp_path}/{where}"
    assert what in told.value.what
    assert told.value.mend


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("version 1", "version 2", "a.scen:1", "'version 2'"),
        (SCEN, "", "a.scen:1", "empty"),
        ("0\t0\t3\t2\t5.0", "0\t0\t3\t2", "a.scen:2", "8 fields"),
        ("0\t0\t3\t2\t5.0", "x\t0\t3\t2\t5.0", "a.scen:2, start x", "no whole number"),
        ("0\t0\t3\t2\t5.0", "0\t0\t3\t2\tfar", "a.scen:2, length", "no length"),
        ("0\t0\t3\t2\t5.0", "0\t0\t3\t2\tnan", "a.scen:2, length", "no length"),
        ("4\t3\t1", "5\t3\t1", "a.scen:3, map width and map height", "5 x 3"),
        ("0\t0\t3\t2\t5.0", "0\t0\t4\t2\t5.0", "a.scen:2, goal x and goal y", "outside"),
        ("0\t0\t3\t2\t5.0", "-1\t0\t3\t2\t5.0", "a.scen:2, start x and start y", "outside"),
        ("0\t0\t3\t2\t5.0", "1\t1\t3\t2\t5.0", "a.scen:2, start x and start y", "blocked"),
    ],
)
def test_a_wrong_scenario_is_told(tmp_path: Path, old: str, new: str, where: str, what: str) -> None:
    map_file, file = written(tmp_path, MAP, SCEN.replace(old, new))
    with pytest.raises(ScenarioError) as told:
        read_scenario(file, read_map(map_file))
    assert told.value.where == f"{tmp_path}/{where}"
    assert what in told.value.what
    assert told.value.mend


@pytest.mark.parametrize(
    ("scenario", "robots", "what"),
    [
        (SCEN, 3, "has 2 scenarios"),
        (SCEN, 0, "0 robots"),
        (SCEN.replace("1\t0\t0\t1", "0\t0\t0\t1"), 2, "two robots have the start"),
        (SCEN.replace("1\t0\t0\t1", "1\t0\t3\t2"), 2, "two robots have the goal"),
    ],
)
def test_cases_that_cannot_be_are_told(tmp_path: Path, scenario: str, robots: int, what: str) -> None:
    with pytest.raises(ScenarioError, match=what):
        read_case(*written(tmp_path, MAP, scenario), robots)


def test_a_goal_that_is_cut_off_is_told(tmp_path: Path) -> None:
    files = written(tmp_path, MAP.replace("..G.", "..@."))
    with pytest.raises(ScenarioError, match="no way leads") as told:
        read_case(*files, 1)
    assert "a.scen:2" in told.value.where


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_map(tmp_path / "none.map")

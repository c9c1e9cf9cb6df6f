"""`robot-ops bench traffic`: what it prints, its exit codes, and what it says of wrong input."""

import json
from pathlib import Path

import pytest

from robot_ops.bringup import cli

MAP = "type octile\nheight 3\nwidth 3\nmap\n...\n.@.\n...\n"
SCEN = "version 1\n0\ta.map\t3\t3\t0\t0\t2\t2\t4\n0\ta.map\t3\t3\t2\t0\t0\t2\t4\n"


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "a.map").write_text(MAP)
    (tmp_path / "a.scen").write_text(SCEN)
    return ["--map", str(tmp_path / "a.map"), "--scen", str(tmp_path / "a.scen")]


def bench(*words: str) -> int:
    return cli.main(["bench", "traffic", *words])


def test_a_movingai_case(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*files, "--agents", "2", "--time-limit", "0", "--json", "--check") == 0
    said = capsys.readouterr()
    value = json.loads(said.out)
    assert value["is_valid"] is True
    assert value["lower_bound"] == 8
    assert value["cost"] >= 8
    assert value["first_plan_ms"] > 0.0


def test_a_case_without_a_plan_misses_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "b.map").write_text("type octile\nheight 1\nwidth 2\nmap\n..\n")
    (tmp_path / "b.scen").write_text("version 1\n0\tb.map\t2\t1\t0\t0\t1\t0\t1\n0\tb.map\t2\t1\t1\t0\t0\t0\t1\n")
    words = ["--map", str(tmp_path / "b.map"), "--scen", str(tmp_path / "b.scen"), "--agents", "2", "--json"]
    assert bench(*words) == 0
    assert json.loads(capsys.readouterr().out)["fault"] == "no plan was found"
    assert bench(*words, "--check") == 1


def test_a_site(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--site", "sites/immigration_hall.yaml", "--robots", "3", "--time-limit", "0", "--check") == 0
    assert "immigration_hall, 3 robots" in capsys.readouterr().out


def test_a_case_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("--only", "corridor-4", "--quick") == 0
    said = capsys.readouterr()
    assert "corridor-4" in said.out
    assert "corridor-4: 1 of 3" in said.err


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--map", "a.map"], "argument --scen"),
        (["--scen", "a.scen"], "argument --map"),
        (["--map", "none.map", "--scen", "none.scen"], "none.map: cannot be read"),
        (["--site", "none.yaml"], "none.yaml"),
        (["--site", "sites/immigration_hall.yaml", "--robots", "400"], "do not fit"),
        (["--site", "sites/immigration_hall.yaml", "--agents", "4"], "argument --agents"),
        (["--robots", "4"], "argument --robots"),
        (["--only", "everything"], "there is no case 'everything'"),
        (["--only", "random", "--maps", "nowhere"], "argument --maps"),
        (["--site", "sites/immigration_hall.yaml", "--robots", "0"], "0 is no number of robots"),
        (["--site", "sites/immigration_hall.yaml", "--time-limit", "nan"], "argument --time-limit"),
        (["--site", "sites/immigration_hall.yaml", "--seed", "-1"], "argument --seed"),
        (["--site", "sites/immigration_hall.yaml", "--quick"], "argument --quick"),
    ],
)
def test_wrong_input_is_told(words: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*words) == 2
    assert what in capsys.readouterr().err


def test_more_agents_than_scenarios(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*files) == 2
    assert "100 robots are wanted, but the file has 2 scenarios" in capsys.readouterr().err

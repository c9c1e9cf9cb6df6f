"""Arguments that commands refuse, before anything heavy is imported or anybody is asked."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from robot_ops.bringup.cli import EXIT_INPUT, EXIT_NO, EXIT_OK, main
from robot_ops.bringup.live_system import check_files, check_port
from robot_ops.core.errors import SetupError, SiteError
from robot_ops.core.resources import shared_folder
from robot_ops.site.files import load_site

SITE = shared_folder("sites") / "immigration_hall.yaml"


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one message with which the command line refused."""
    assert main(words) == EXIT_INPUT
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("robot-ops: ")
    assert len(shown.err.splitlines()) == 1
    return shown.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--speed", "0"], r"argument --speed: 0.0 is out of range. Use 0.1 to 10."),
        (["--speed", "nan"], "argument --speed: nan"),
        (["--speed", "-1"], "argument --speed: -1"),
        (["--duration", "0"], "argument --duration: 0.0 s is out of range. Use"),
        (["--duration", "-5"], "argument --duration"),
        (["--duration", "inf"], "argument --duration"),
        (["--duration", "nan"], "argument --duration"),
        (["--seed", "-1"], "argument --seed: a seed is not negative"),
        (["--port", "0"], "argument --port: 0 is no port"),
        (["--port", "65536"], "argument --port: 65536 is no port"),
        (["--scenario", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_demo_refuses(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert message in refused(["demo", "--headless", "--folder", "run", *words], capsys)

    assert list(tmp_path.iterdir()) == []


def test_demo_refuses_folders_that_are_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")

    assert "is not empty. Name a new folder" in refused(["demo", "--folder", str(tmp_path)], capsys)
    for inside in ("file", "file/run"):
        assert "is no folder. Name a new" in refused(["demo", "--folder", str(tmp_path / inside)], capsys)
    assert (tmp_path / "file").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_demo_refuses_reports_that_it_could_not_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    run = ["demo", "--headless", "--folder", str(tmp_path / "run"), "--report"]

    assert "is a folder. Name a file" in refused([*run, str(tmp_path)], capsys)
    assert "cannot be written" in refused([*run, str(tmp_path / "file" / "report.json")], capsys)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["quiet", "--hours", "0"], "--hours"),
        (["quiet", "--hours", "nan"], "--hours"),
        (["quiet", "--hours", "1e9"], "--hours"),
        (["quiet", "--seed", "-1"], "--seed"),
        (["quiet", "--robots", "0"], "argument --robots: 0 robots cannot take part. The site has 7 robots."),
        (["quiet", "--robots", "99"], "argument --robots: 99 robots cannot take part. The site has 7 robots."),
        (["quite"], "quite"),
    ],
)
def test_simulate_refuses(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refused(["simulate", *words, "--json"], capsys)


def test_simulate_names_the_scenarios_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(["simulate", "quite"], capsys)

    assert "busy, immigration_hall, long_concourse, quiet, quiet_concourse, two_floors" in message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["guide", "kiosk_1", "kiosk_1"], "argument destination"),
        (["guide", "kiosk_1", "counter_2", "--party", "0"], "argument party"),
        (["guide", "kiosk_1", "counter_2", "--priority", "11"], "argument priority"),
        (["guide", "kiosk_1", "counter_2", "--language", ""], "argument language"),
        (["deliver", "ada", "ben", "", "--pickup", "counter_1", "--destination", "counter_4"], "argument document"),
    ],
)
def test_task_refuses(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No fleet is asked: this takes no time and needs none."""
    assert message in refused(["task", *words], capsys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stop"], "no robot is named"),
        (["stop", "guide_9"], "there is no robot 'guide_9'"),
        (["release", "guide_1", "tram_1"], "there is no robot 'tram_1'"),
        (["stop", "guide_1", "--site", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_robot_refuses(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = refused(["robot", *words], capsys)
    assert message in found
    if "guide_9" in found:
        assert "choose from guide_1, guide_2" in found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["close", "se16-se18"], "argument LANE: the site has no lane 'se16-se18'. Did you mean se16-se19"),
        (["open", "se16-se19", "x"], "argument LANE: the site has no lane 'x'. Use one of"),
        (["limit", "queue_wst", "0.3"], "argument ZONE: the site has no zone 'queue_wst'. Did you mean queue_west"),
        (["limit", "queue_west", "0"], "argument SPEED: the speed limit of zone queue_west cannot be 0.0 m/s. Use"),
        (["limit", "queue_west", "nan"], "argument SPEED"),
        (["unlimit", "hall"], "argument ZONE"),
        (["close", "se16-se19", "--site", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_traffic_refuses(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refused(["traffic", *words], capsys)


@pytest.mark.parametrize("line", ["robots: []", "levels: 7", "{", "\t- x", "lanes: [a - b]"])
@pytest.mark.parametrize("action", ["check", "draw"])
def test_broken_site_files_are_told_with_file_and_line(
    line: str, action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "hall.yaml"
    file.write_text(f"format: 1\ntitle: Hall\n{line}\n")

    assert "hall.yaml:" in refused(["site", action, str(file)], capsys)

    assert list(tmp_path.iterdir()) == [file]


def test_site_draw_says_where_it_cannot_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "argument --output" in refused(["site", "draw", str(SITE), "-o", str(tmp_path)], capsys)
    assert "argument --output" in refused(["site", "draw", str(SITE), "-o", str(tmp_path / "no" / "it.svg")], capsys)


def test_site_check_and_draw_of_the_hall(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "check", str(SITE), "--json"]) in (EXIT_OK, EXIT_NO)
    assert all(finding["severity"] != "error" for finding in json.loads(capsys.readouterr().out))

    assert main(["site", "draw", str(SITE), "-o", str(tmp_path / "hall.svg"), "--json"]) == EXIT_OK
    assert json.loads(capsys.readouterr().out) == {"file": str(tmp_path / "hall.svg")}
    assert "<svg" in (tmp_path / "hall.svg").read_text(encoding="utf-8")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield int(taken.getsockname()[1])


def test_a_port_that_is_taken(taken_port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SetupError, match=f"port {taken_port} cannot be used: .*in use. Name another"):
        check_port(taken_port)

    run = tmp_path / "run"
    assert f"port {taken_port}" in refused(["demo", "--port", str(taken_port), "--folder", str(run)], capsys)
    assert not run.exists()


def test_the_hall_s_own_files_pass() -> None:
    check_files(load_site(SITE))


def test_a_site_without_a_world_cannot_be_simulated_live() -> None:
    with pytest.raises(SiteError, match=r"names no world file\. Add `world"):
        check_files(replace(load_site(SITE), world_file=None))

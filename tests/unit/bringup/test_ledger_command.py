"""`robot-ops ledger`: what it writes, prints and refuses."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from robot_ops.bringup.cli import EXIT_INPUT, EXIT_NO, EXIT_OK, main
from robot_ops.bringup.commands.ledger import before_instant
from robot_ops.core.clock import NS_PER_S, ManualClock, to_ns
from robot_ops.core.errors import ParameterError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.tasks.custody import CustodyKind, link
from robot_ops.testing.fleet_stand import FleetStand

START_NS = to_ns(1_700_000_000.0)  # 2023-11-14T22:13:20Z


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Return a ledger with a task of November 2023 that is done, and one that is open."""
    path = tmp_path / "ledger.sqlite"
    with SqlLedger(sqlite_url(path)) as opened:
        stand = FleetStand(ledger=opened, clock=ManualClock(START_NS))
        stand.guide("done")
        stand.run(200)
        stand.guide("open")
        stand.run(2)
    return path


def said(capsys: pytest.CaptureFixture[str], *words: object, code: int = EXIT_OK) -> Any:
    """Run a command with --json and return what it printed."""
    assert main(["ledger", *map(str, words), "--json"]) == code
    captured = capsys.readouterr()
    assert captured.err == ""
    return json.loads(captured.out)


def refused(capsys: pytest.CaptureFixture[str], *words: object, code: int) -> str:
    """Run a command that fails and return what it said."""
    assert main(["ledger", *map(str, words)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_backup_restore_and_verify(ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup, again = tmp_path / "backup.json.gz", tmp_path / "again.sqlite"
    written = said(capsys, "backup", backup, "--ledger", ledger)
    restored = said(capsys, "restore", backup, "--ledger", again)
    assert written["digest"] == restored["digest"]
    for place in (ledger, backup, again):
        found = said(capsys, "verify", "--ledger", place)
        assert (found["digest"], found["tasks"], found["open_tasks"]) == (written["digest"], 2, 1)
    assert "is there already" in refused(capsys, "backup", backup, "--ledger", ledger, code=EXIT_INPUT)
    assert "holds events already" in refused(capsys, "restore", backup, "--ledger", again, code=EXIT_INPUT)
    assert "is no file" in refused(capsys, "backup", tmp_path / "b", "--ledger", tmp_path / "none", code=EXIT_NO)


def test_show_and_info(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = said(capsys, "show", "--ledger", ledger)
    of_one = said(capsys, "show", "--ledger", ledger, "--task", "guide-000002")
    assert [event for event in events if event["subject"] == "guide-000002"] == of_one
    assert of_one[0]["kind"] == "task.accepted"
    found = said(capsys, "info", "--ledger", ledger)
    assert (found["events"], found["form"], found["schema_version"]) == (len(events), "sqlite", 2)
    assert sum(found["kinds"].values()) == len(events)
    assert main(["ledger", "show", "--ledger", str(ledger), "--task", "guide-000001"]) == EXIT_OK
    assert "2023-11-14 22:13:20Z  guide-000001  task.accepted" in capsys.readouterr().out
    assert main(["ledger", "info", "--ledger", str(ledger)]) == EXIT_OK
    assert found["digest"] in capsys.readouterr().out
    assert "no event about nobody" in refused(capsys, "show", "--ledger", ledger, "--task", "nobody", code=EXIT_INPUT)


def test_archive(ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "2023.json.gz"
    nothing = said(capsys, "archive", "--before", "2023-11-01", "--to", file, "--ledger", ledger)
    assert nothing == {"file": None, "events": 0, "tasks": 0}
    assert not file.exists()
    done = said(capsys, "archive", "--before", "30d", "--to", file, "--ledger", ledger)
    assert done["tasks"] == 1
    found = said(capsys, "verify", "--ledger", ledger, "--archive", file)
    assert (found["archived_events"], found["archives_not_given"]) == ({file.name: done["events"]}, [])
    assert said(capsys, "show", "--ledger", file, "--task", "guide-000001")[0]["payload"]["request_id"] == "done"
    assert main(["ledger", "verify", "--ledger", str(ledger)]) == EXIT_OK
    assert f"{done['events']} events more are in the archive 2023.json.gz (not given" in capsys.readouterr().out
    file.write_bytes(file.read_bytes()[:-20])
    assert "2023.json.gz:" in refused(capsys, "verify", "--ledger", ledger, "--archive", file, code=EXIT_INPUT)


def test_archiving_waits_for_the_fleet_to_end(ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("archive", "--before", "30d", "--to", tmp_path / "old.gz", "--ledger", ledger)
    with SqlLedger(sqlite_url(ledger)):
        assert "in use by another process" in refused(capsys, *words, code=EXIT_NO)
    missing = (*words[:-1], tmp_path / "none.sqlite")
    assert "is no file" in refused(capsys, *missing, code=EXIT_INPUT)
    assert not (tmp_path / "none.sqlite").exists()


def test_dates() -> None:
    now_ns = to_ns(1_700_000_000.0)
    assert before_instant("10d", now_ns) == now_ns - to_ns(864_000.0)
    assert before_instant("2023-11-01T00:00:00+00:00", now_ns) == to_ns(1_698_796_800.0)
    local = datetime(2023, 11, 1).astimezone().astimezone(UTC)
    assert before_instant("2023-11-01", now_ns) == int(local.timestamp()) * NS_PER_S
    for text in ("yesterday", "", "-5d", "2023-13-01", "10"):
        with pytest.raises(ParameterError, match="is no date"):
            before_instant(text, now_ns)
    with pytest.raises(ParameterError, match="not in the past"):
        before_instant("2024-01-01", now_ns)


def test_a_custody_log_is_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, new = tmp_path / "ledger.sqlite", tmp_path / "courier_1.custody.sqlite"
    event = link(
        None,
        robot=RobotId("courier_1"),
        kind=CustodyKind.REFUSED,
        task_id=TaskId(""),
        person=PersonId("eve"),
        compartment="c1",
        stamp_ns=1,
    )
    with SqlLedger(sqlite_url(path)) as opened:
        stand = FleetStand(ledger=opened, clock=ManualClock(START_NS))
        stand.run(1)
        stand.fleet.on_custody(event)
    done = said(capsys, "custody", "courier_1", "--ledger", path, "--to", new)
    assert done == {"robot": "courier_1", "file": str(new), "events": 1, "digest": event.digest}
    with SqliteCustodyLog(RobotId("courier_1"), new) as log:
        assert log.events() == (event,)
    again = refused(capsys, "custody", "courier_1", "--ledger", path, "--to", new, code=EXIT_INPUT)
    assert "is there already. move it away" in again
    other = tmp_path / "other.sqlite"
    assert "no custody event of guide_1" in refused(
        capsys, "custody", "guide_1", "--ledger", path, "--to", other, code=EXIT_INPUT
    )
    assert not other.exists()

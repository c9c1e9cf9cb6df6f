"""Two floors live: a document changes couriers at the lift, by its keeper, over real processes, DDS and physics."""

import json
from pathlib import Path

import pytest
import yaml

from robot_ops.core.ids import RobotId
from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.ledger.places import place_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.tasks.custody import CustodyEvent, CustodyKind
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.ledger import LedgerEvent
from tests.integration.test_demo import ROOT, START_PATIENCE, Demo, processes_of, wait_until

COURIERS = (RobotId("courier_1"), RobotId("courier_2"))
_HANDS = (CustodyKind.LOADED, CustodyKind.HANDED_OVER, CustodyKind.RECEIPT)


def scenario_in(folder: Path) -> Path:
    """Write a scenario of both couriers and one document; the porter takes less time between the floors."""
    site = yaml.safe_load((ROOT / "sites" / "two_floors.yaml").read_text(encoding="utf-8"))
    site["world"] = str(ROOT / "sim" / "worlds" / "two_floors.sdf")
    for level, value in site["levels"].items():
        value["map"] = str(ROOT / "sites" / "maps" / "two_floors" / f"{level}.yaml")
    for exchange in site["exchanges"].values():
        exchange["seconds"] = 5
    site_file = folder / "site.yaml"
    site_file.write_text(yaml.safe_dump(site), encoding="utf-8")
    scenario = {
        "format": 1,
        "site": str(site_file),
        "robots": list(COURIERS),
        "visitors": {"walking": 0, "entrances": [[1.0, 4.0]], "spots": [[6.0, 6.8], [18.0, 6.8]]},
        "requests": {"delivery": {"mean_interval_s": 9000, "first_s": 5, "staff": ["clerk_chen", "officer_emil"]}},
    }
    file = folder / "scenario.yaml"
    file.write_text(yaml.safe_dump(scenario), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run until the document is delivered; return where ledger and custody logs lie."""
    folder = tmp_path_factory.mktemp("relay")
    with Demo(folder, "--scenario", str(scenario_in(folder)), "--seed", "1", "--speed", "3") as demo:
        demo.await_tasks()
        wait_until(lambda: "1 completed" in demo.text, 2 * START_PATIENCE)
        demo.interrupt()
        code = demo.wait(20.0)
        assert processes_of(demo.folder) == {}
    assert code == 0, demo.text
    report = json.loads(demo.report.read_text(encoding="utf-8"))
    assert report["is_good"]
    assert all(report["world"]["distances"][robot] > 10.0 for robot in COURIERS)
    return demo.folder


def test_both_couriers_records_tell_who_had_the_document(folder: Path) -> None:
    told: list[CustodyEvent] = []
    for robot in COURIERS:
        with SqliteCustodyLog(robot, folder / f"{robot}.custody.sqlite") as log:
            told += log.events()
    told.sort(key=lambda event: event.stamp_ns)
    hands = [(event.robot, event.kind, event.person) for event in told if event.kind in _HANDS]
    first, second = hands[0][0], hands[-1][0]
    sender, recipient = hands[0][2], hands[-1][2]
    assert {first, second} == set(COURIERS)
    assert {sender, recipient} == {"clerk_chen", "officer_emil"}
    assert hands == [
        (first, CustodyKind.LOADED, sender),
        (first, CustodyKind.HANDED_OVER, "porter_gus"),
        (second, CustodyKind.LOADED, "porter_gus"),
        (second, CustodyKind.RECEIPT, recipient),
    ]


def test_the_ledger_tells_both_parts(folder: Path) -> None:
    def told(event: LedgerEvent) -> tuple[object, ...]:
        payload = event.payload
        match EventKind(event.kind):
            case EventKind.ASSIGNED:
                return "assigned", payload["robot"], "keeper" in payload
            case EventKind.RELEASED:
                return "released", payload["custodian"], payload["is_robot_failure"]
            case _:
                return "status", payload["status"]

    kinds = {EventKind.ASSIGNED.value, EventKind.RELEASED.value, EventKind.STATUS.value}
    with SqlLedger(place_url(str(folder / "ledger.sqlite"))) as ledger:
        story = [told(event) for event in ledger.events() if event.kind in kinds]
    first, second = story[0][1], story[3][1]
    assert {first, second} == set(COURIERS)
    assert story == [
        ("assigned", first, True),
        ("status", "underway"),
        ("released", "porter_gus", False),
        ("assigned", second, False),
        ("status", "underway"),
        ("status", "completed"),
    ]

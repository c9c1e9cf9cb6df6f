"""A robot that cannot go on gives its document to a custodian, under the same rules as to anybody else."""

from dataclasses import replace
from pathlib import Path

import pytest

from robot_ops.core.ids import PersonId
from robot_ops.missions.ports import AnnouncementKind, NavigationStatus
from robot_ops.tasks.codes import hash_code
from robot_ops.tasks.custody import CustodyKind, verify
from robot_ops.tasks.orders import Handover, MissionKind, MissionOutcome
from robot_ops.testing.mission_bench import (
    CUSTODIAN_CODE,
    RECIPIENT_CODE,
    SENDER_CODE,
    MissionBench,
    chore_order,
    delivery_order,
    hand_over_order,
)
from robot_ops.testing.mission_site import COUNTER, COURIER, SPOT
from robot_ops.testing.robot_body import MemoryCustodyLog

BEHAVIORS = Path(__file__).parents[3] / "behaviors"
LOADED = [CustodyKind.AUTHENTICATED, CustodyKind.UNLOCKED, CustodyKind.LOADED, CustodyKind.LOCKED]
HANDED_OVER = [CustodyKind.AUTHENTICATED, CustodyKind.UNLOCKED, CustodyKind.HANDED_OVER]


@pytest.fixture
def b() -> MissionBench:
    """A courier on the way with a document."""
    custody = MemoryCustodyLog(COURIER)
    order = delivery_order()
    assert order.task_id is not None
    for kind in LOADED:
        custody.record(kind=kind, task_id=order.task_id, person=PersonId("ada"), compartment="c1", stamp_ns=1)
    made = MissionBench(COURIER, SPOT, BEHAVIORS, custody=custody)
    made.compartments.unlock("c1")
    made.compartments.use("c1", is_occupied=True)
    made.compartments.lock("c1")
    made.compartments.log.clear()
    return made


def take_out(b: MissionBench) -> None:
    b.panel.type_code("carl", CUSTODIAN_CODE)
    b.run_until(lambda: b.panel.kinds[-1] is AnnouncementKind.UNLOAD)
    b.compartments.use("c1", is_occupied=False)
    b.panel.press_done()


def test_the_custodian_takes_it_out_where_the_robot_stands(b: MissionBench) -> None:
    b.agent.start_mission(hand_over_order())
    b.run(2.0)
    assert b.report.has_cargo
    take_out(b)
    report = b.run_to_end()
    assert (report.outcome, report.has_cargo) == (MissionOutcome.COMPLETED, False)
    assert b.custody_kinds == LOADED + HANDED_OVER
    assert [event.person for event in b.custody.events()[4:]] == ["carl"] * 3
    verify(b.custody.events())
    assert b.navigator.driven_to == []
    assert b.compartments.log == ["unlock c1", "lock c1"]


def test_it_opens_once_it_stands(b: MissionBench) -> None:
    b.agent.start_mission(chore_order(COURIER, MissionKind.PARK, COUNTER))
    b.run_until(lambda: b.navigator.status is NavigationStatus.ACTIVE)
    b.agent.start_mission(hand_over_order())  # it drives on to where it can stand
    b.run_until(lambda: b.panel.kinds[-1] is AnnouncementKind.AUTHENTICATE)
    assert b.navigator.status is NavigationStatus.ACTIVE
    b.panel.type_code("carl", CUSTODIAN_CODE)
    b.run_until(lambda: b.compartments.log[-1:] == ["unlock c1"])
    assert len(b.fleet.progress[-1].held) == 1
    at = b.pose
    b.run_until(lambda: b.panel.kinds[-1] is AnnouncementKind.UNLOAD)
    assert b.pose == at
    b.compartments.use("c1", is_occupied=False)
    b.panel.press_done()
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED


@pytest.mark.parametrize(
    ("person", "code"),
    [("ada", SENDER_CODE), ("bob", RECIPIENT_CODE), ("carl", SENDER_CODE), ("eve", CUSTODIAN_CODE)],
)
def test_it_opens_for_nobody_else(b: MissionBench, person: str, code: str) -> None:
    b.agent.start_mission(hand_over_order())
    b.run(2.0)
    b.panel.type_code(person, code)
    b.run(2.0)
    assert b.compartments.log == []
    assert b.custody_kinds == [*LOADED, CustodyKind.REFUSED]


def test_a_custodian_who_does_not_come_leaves_it_locked(b: MissionBench) -> None:
    b.agent.start_mission(hand_over_order())
    report = b.run_to_end(within=1000.0)
    assert report.outcome is MissionOutcome.FAILED
    assert report.reason == "the custodian did not come; the document is in compartment c1"
    assert report.has_cargo
    assert b.compartments.log == []


def test_it_is_handed_over_once_however_often_it_is_ordered(b: MissionBench) -> None:
    b.agent.start_mission(hand_over_order())
    b.run(2.0)
    take_out(b)
    b.run_to_end()
    again = MissionBench(COURIER, SPOT, BEHAVIORS, custody=b.custody)
    again.agent.start_mission(hand_over_order())
    assert again.run_to_end().outcome is MissionOutcome.COMPLETED
    assert again.compartments.log == []
    assert again.custody_kinds == LOADED + HANDED_OVER


def test_a_robot_without_the_document_says_so() -> None:
    b = MissionBench(COURIER, SPOT, BEHAVIORS)
    b.agent.start_mission(hand_over_order())
    report = b.run_to_end()
    assert (report.outcome, report.reason) == (
        MissionOutcome.FAILED,
        "the custody log does not tell of a document on board",
    )


def test_the_same_robot_may_fetch_it_from_the_custodian_later(b: MissionBench) -> None:
    b.agent.start_mission(hand_over_order())
    b.run(2.0)
    take_out(b)
    b.run_to_end()
    custodian = Handover(person=PersonId("carl"), code_hash=hash_code(CUSTODIAN_CODE, b"salt"))
    b.agent.start_mission(replace(delivery_order("m3"), sender=custodian))
    b.run_until(lambda: b.panel.kinds[-1] is AnnouncementKind.AUTHENTICATE)
    b.panel.type_code("carl", CUSTODIAN_CODE)
    b.run_until(lambda: b.panel.kinds[-1] is AnnouncementKind.LOAD)
    b.compartments.use("c1", is_occupied=True)
    b.panel.press_done()
    b.run(5.0)
    assert b.report.has_cargo
    assert b.custody_kinds == LOADED + HANDED_OVER + LOADED

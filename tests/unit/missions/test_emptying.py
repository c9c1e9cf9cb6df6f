"""A document that was taken out by key while the robot could not know is carried no further."""

from dataclasses import replace
from pathlib import Path

import pytest

from robot_ops.core.ids import PersonId, RobotId
from robot_ops.missions.ports import AnnouncementKind
from robot_ops.missions.stages import DeliveryStage, stage_of
from robot_ops.tasks.codes import hash_code
from robot_ops.tasks.custody import CustodyKind, verify
from robot_ops.tasks.documents import TakenOut
from robot_ops.tasks.orders import Handover, MissionOutcome, MissionPhase
from robot_ops.testing.mission_bench import CUSTODIAN_CODE, MissionBench, delivery_order
from robot_ops.testing.mission_site import COURIER, SPOT
from robot_ops.testing.robot_body import MemoryCustodyLog

BEHAVIORS = Path(__file__).parents[3] / "behaviors"
LOADED = [CustodyKind.AUTHENTICATED, CustodyKind.UNLOCKED, CustodyKind.LOADED, CustodyKind.LOCKED]
ORDER = delivery_order()
assert ORDER.task_id is not None
TAKEN = TakenOut(task_id=ORDER.task_id, robot=COURIER, compartment="c1", person=PersonId("carl"))


@pytest.fixture
def b() -> MissionBench:
    """A courier whose chain tells of a document, and whose compartment is empty."""
    custody = MemoryCustodyLog(COURIER)
    for kind in LOADED:
        custody.record(kind=kind, task_id=TAKEN.task_id, person=PersonId("ada"), compartment="c1", stamp_ns=1)
    return MissionBench(COURIER, SPOT, BEHAVIORS, custody=custody)


def put_in(b: MissionBench, *, is_occupied: bool) -> None:
    b.compartments.unlock("c1")
    b.compartments.use("c1", is_occupied=is_occupied)
    b.compartments.lock("c1")
    b.compartments.log.clear()


def test_it_is_put_on_record_once_for_each_time(b: MissionBench) -> None:
    for count in (1, 1, 2, 1, 2):
        b.agent.note_taken_out(replace(TAKEN, count=count))
    assert b.custody_kinds == [*LOADED, CustodyKind.TAKEN_OUT, CustodyKind.TAKEN_OUT]
    assert b.custody.events()[-1].person == "carl"
    verify(b.custody.events())


def test_a_compartment_that_is_not_empty_is_not_taken_as_empty(b: MissionBench) -> None:
    put_in(b, is_occupied=True)
    b.agent.note_taken_out(TAKEN)
    assert b.custody_kinds == LOADED


@pytest.mark.parametrize("other", [replace(TAKEN, robot=RobotId("courier_9")), replace(TAKEN, compartment="c9")])
def test_what_is_not_its_own_is_ignored(b: MissionBench, other: TakenOut) -> None:
    b.agent.note_taken_out(other)
    assert b.custody_kinds == LOADED


def test_a_mission_that_runs_carries_nothing_from_then_on(b: MissionBench) -> None:
    b.agent.start_mission(ORDER)
    b.run(2.0)
    assert b.report.has_cargo
    b.agent.note_taken_out(TAKEN)
    b.run(1.0)
    assert not b.report.has_cargo
    b.agent.cancel_mission(ORDER.mission_id, "taken from this robot")
    report = b.run_to_end()
    assert (report.outcome, report.has_cargo) == (MissionOutcome.CANCELED, False)
    assert MissionPhase.RETURNING not in [report.phase for report in b.fleet.reports]
    assert b.compartments.log == []


def test_it_fetches_the_document_from_who_took_it_out(b: MissionBench) -> None:
    b.agent.note_taken_out(TAKEN)
    custodian = Handover(person=PersonId("carl"), code_hash=hash_code(CUSTODIAN_CODE, b"salt"))
    b.agent.start_mission(replace(delivery_order("m3"), sender=custodian))
    b.run_until(lambda: b.panel.kinds[-1:] == [AnnouncementKind.AUTHENTICATE])
    b.panel.type_code("carl", CUSTODIAN_CODE)
    b.run_until(lambda: b.panel.kinds[-1] is AnnouncementKind.LOAD)
    b.compartments.use("c1", is_occupied=True)
    b.panel.press_done()
    b.run(5.0)
    assert b.report.has_cargo
    assert b.custody_kinds == [*LOADED, CustodyKind.TAKEN_OUT, *LOADED]


@pytest.mark.parametrize(
    ("last", "stage"),
    [
        (CustodyKind.UNLOADED, DeliveryStage.TAKEN),
        (CustodyKind.RECEIPT, DeliveryStage.DELIVERED),
        (CustodyKind.RETURNED, DeliveryStage.RETURNED),
        (CustodyKind.LOCKED, DeliveryStage.WITH_CUSTODIAN),
    ],
)
def test_what_the_robot_has_seen_itself_counts_for_more(
    b: MissionBench, last: CustodyKind, stage: DeliveryStage
) -> None:
    b.custody.record(kind=last, task_id=TAKEN.task_id, person=PersonId("bob"), compartment="c1", stamp_ns=2)
    b.agent.note_taken_out(TAKEN)
    assert stage_of(b.custody.events(TAKEN.task_id)) is stage

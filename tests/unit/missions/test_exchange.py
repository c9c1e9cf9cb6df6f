"""Missions that end at an exchange, where another robot goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import MissionId, PersonId, PlaceId
from robot_ops.missions.ports import AnnouncementKind
from robot_ops.missions.texts import announcement_text
from robot_ops.tasks.codes import hash_code
from robot_ops.tasks.custody import CustodyKind, verify
from robot_ops.tasks.orders import Handover, MissionOrder, MissionOutcome, MissionPhase
from robot_ops.testing.mission_bench import CUSTODIAN_CODE, RECIPIENT_CODE, MissionBench, delivery_order, guide_order
from robot_ops.testing.mission_site import COUNTER, COURIER, DESK, GUIDE, OFFICE_DESK, SPOT
from robot_ops.testing.robot_body import MemoryCustodyLog
from tests.unit.missions.test_deliver_document import DELIVERED, LOADED, TAKEN_BACK, Staff
from tests.unit.missions.test_guide_visitor import bench as guide_bench
from tests.unit.missions.test_guide_visitor import phases

BEHAVIORS = Path(__file__).parents[3] / "behaviors"
KEPT = [CustodyKind.AUTHENTICATED, CustodyKind.UNLOCKED, CustodyKind.HANDED_OVER]
CARL = PersonId("carl")
KEEPER = Handover(person=CARL, code_hash=hash_code(CUSTODIAN_CODE, b"0123456789abcdef"))


class Keeper(Staff):
    """Staff, with Carl at the exchange instead of Bob."""

    def __call__(self) -> None:
        before = len(self.b.panel.shown)
        super().__call__()
        entry = self.b.panel.entry
        if before and entry is not None and entry.person == "bob" and entry.code == RECIPIENT_CODE:
            self.b.panel.type_code(CARL, CUSTODIAN_CODE)


def first_leg(mission_id: str = "m1") -> MissionOrder:
    """Return an order to bring Ada's document to Carl, at the office desk."""
    return replace(delivery_order(mission_id), recipient=KEEPER, onward=OFFICE_DESK)


def second_leg(mission_id: str = "m2") -> MissionOrder:
    """Return an order to bring what Carl keeps from the office desk to Bob."""
    return replace(delivery_order(mission_id, pickup=OFFICE_DESK, destination=DESK), sender=KEEPER)


def bench(custody: MemoryCustodyLog | None = None) -> MissionBench:
    return MissionBench(COURIER, SPOT, BEHAVIORS, custody=custody)


def test_a_visitor_is_told_where_another_guide_meets_them() -> None:
    b, _ = guide_bench()
    b.agent.start_mission(replace(guide_order(), onward=OFFICE_DESK))
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED
    assert b.panel.kinds == [
        AnnouncementKind.ON_THE_WAY,
        AnnouncementKind.GREETING,
        AnnouncementKind.FOLLOW_ME,
        AnnouncementKind.ARRIVED,
        AnnouncementKind.ONWARD,
        AnnouncementKind.FAREWELL,
        AnnouncementKind.IDLE,
    ]
    told = next(shown for shown in b.panel.shown if shown.kind is AnnouncementKind.ONWARD)
    assert (told.place, told.text) == (OFFICE_DESK, f"Another guide will meet you at {_label(b, OFFICE_DESK)}")
    assert phases(b)[-2:] == [MissionPhase.FAREWELL, MissionPhase.DONE]
    assert b.pose.pose.distance_to(b.site.pose_at(COUNTER).pose) < 0.5


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "zh"])
def test_it_is_said_in_every_language(language: str) -> None:
    text = announcement_text(AnnouncementKind.ONWARD, language, place="Lift 2")
    assert "Lift 2" in text
    assert (text == announcement_text(AnnouncementKind.ONWARD, "en", place="Lift 2")) == (language == "en")


def test_an_order_that_goes_on_from_nowhere_is_refused() -> None:
    b = MissionBench(GUIDE, SPOT, BEHAVIORS)
    with pytest.raises(RequestError, match="is no place of"):
        b.agent.start_mission(replace(guide_order(), onward=PlaceId("moon")))
    assert not b.agent.is_busy


def test_the_keeper_takes_the_document_out_and_gives_no_receipt() -> None:
    b = bench()
    Keeper(b)
    b.agent.start_mission(first_leg())
    report = b.run_to_end()
    assert (report.outcome, report.has_cargo) == (MissionOutcome.COMPLETED, False)
    assert b.custody_kinds == LOADED + KEPT
    assert [event.person for event in b.custody.events()[4:]] == [CARL] * 3
    verify(b.custody.events())
    assert b.compartments.log == ["unlock c1", "lock c1", "unlock c1", "lock c1"]


def test_a_keeper_who_does_not_come_has_it_brought_back() -> None:
    b = bench()
    Keeper(b, has_recipient=False)
    b.agent.start_mission(first_leg())
    report = b.run_to_end(within=1200.0)
    assert (report.outcome, report.reason) == (
        MissionOutcome.FAILED,
        "the keeper of the exchange did not come; returned to the sender",
    )
    assert b.custody_kinds == LOADED + TAKEN_BACK


def test_a_robot_restarted_after_its_keeper_has_the_document_is_done() -> None:
    b = bench()
    Keeper(b)
    b.agent.start_mission(first_leg())
    b.run_until(lambda: CustodyKind.HANDED_OVER in b.custody_kinds)
    again = bench(custody=b.custody)
    again.agent.start_mission(replace(first_leg(), has_cargo=True))
    assert again.run_to_end().outcome is MissionOutcome.COMPLETED
    assert again.compartments.log == []
    assert again.custody_kinds == LOADED + KEPT


def test_the_same_robot_may_fetch_the_document_from_the_keeper_again() -> None:
    b = bench()
    Keeper(b)
    b.agent.start_mission(first_leg())
    b.run_to_end()
    b.on_tick.clear()
    Staff(b, has_sender=False)

    def carl_gives() -> None:
        if b.agent.report.phase is MissionPhase.LOADING and b.panel.kinds[-1] is AnnouncementKind.AUTHENTICATE:
            b.panel.type_code(CARL, CUSTODIAN_CODE)

    b.on_tick.append(carl_gives)
    b.agent.start_mission(second_leg())
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED
    assert b.custody_kinds == LOADED + KEPT + LOADED + DELIVERED
    assert [event.person for event in b.custody.events()[7:11]] == [CARL] * 4
    verify(b.custody.events())


def test_what_its_keeper_had_before_the_mission_does_not_end_it() -> None:
    b = bench()
    Keeper(b)
    b.agent.start_mission(first_leg())
    b.run_to_end()
    # the next robot broke down, and the document is where it was: brought to the same keeper once more
    b.agent.start_mission(replace(first_leg("m2"), custody_count=len(b.custody.events())))
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED
    assert b.custody_kinds == 2 * (LOADED + KEPT)


def test_canceled_after_its_keeper_has_the_document_nothing_opens() -> None:
    b = bench()
    Keeper(b)
    b.agent.start_mission(first_leg())
    b.run_until(lambda: CustodyKind.HANDED_OVER in b.custody_kinds)
    log = list(b.compartments.log)
    b.agent.cancel_mission(MissionId("m1"), "not needed")
    assert b.run_to_end().outcome is MissionOutcome.CANCELED
    assert b.custody_kinds == LOADED + KEPT
    assert b.compartments.log == log


def _label(b: MissionBench, place: PlaceId) -> str:
    return b.site.places[place].label

from dataclasses import replace
from pathlib import Path

import pytest

from robot_ops.core.ids import MissionId
from robot_ops.missions.ports import AnnouncementKind, PersonTrack
from robot_ops.tasks.orders import MissionOutcome, MissionPhase
from robot_ops.testing.mission_bench import TICK, MissionBench, guide_order
from robot_ops.testing.mission_site import COUNTER, GUIDE, KIOSK, SPOT
from robot_ops.testing.robot_body import WalkingVisitor

BEHAVIORS = Path(__file__).parents[3] / "behaviors"


def bench() -> tuple[MissionBench, WalkingVisitor]:
    b = MissionBench(GUIDE, SPOT, BEHAVIORS)
    visitor = WalkingVisitor(b.people, 0.0, 6.0)

    def walk() -> None:
        match b.panel.kinds[-1:]:
            case [AnnouncementKind.FOLLOW_ME]:
                visitor.is_following = True
            case [AnnouncementKind.ARRIVED | AnnouncementKind.SORRY]:
                visitor.is_following = False
        visitor.step(TICK, b.clock, b.navigator.pose)

    b.on_tick.append(walk)
    return b, visitor


def phases(b: MissionBench) -> list[MissionPhase]:
    seen: list[MissionPhase] = []
    for report in b.fleet.reports:
        if seen[-1:] != [report.phase]:
            seen.append(report.phase)
    return seen


def test_a_visitor_is_fetched_led_and_left_at_the_counter():
    b, visitor = bench()
    b.agent.start_mission(guide_order())
    report = b.run_to_end()
    assert (report.outcome, report.reason, report.has_cargo) == (MissionOutcome.COMPLETED, "", False)
    assert phases(b) == [
        MissionPhase.STARTING,
        MissionPhase.TO_PICKUP,
        MissionPhase.MEETING,
        MissionPhase.LEADING,
        MissionPhase.FAREWELL,
        MissionPhase.DONE,
    ]
    assert b.panel.kinds == [
        AnnouncementKind.ON_THE_WAY,
        AnnouncementKind.GREETING,
        AnnouncementKind.FOLLOW_ME,
        AnnouncementKind.ARRIVED,
        AnnouncementKind.FAREWELL,
        AnnouncementKind.IDLE,
    ]
    assert b.pose == b.site.pose_at(COUNTER)
    assert visitor.y > 3.0
    leading = [r for r in b.fleet.reports if r.phase is MissionPhase.LEADING]
    assert [r.has_cargo for r in leading][:-4] == [True] * (len(leading) - 4)  # until the last seconds, arrived


def test_traffic_is_told_of_the_party_while_leading_only():
    b, _ = bench()
    b.agent.start_mission(guide_order())
    b.run_to_end()
    tails = [(p.goal, p.tail) for p in b.fleet.progress]
    assert (COUNTER, 2.5) in tails
    assert all(tail == 0.0 for goal, tail in tails if goal != COUNTER)


def test_nobody_at_the_kiosk_ends_the_mission():
    b, visitor = bench()
    visitor.is_visible = False
    b.agent.start_mission(guide_order())
    report = b.run_to_end()
    assert (report.outcome, report.reason) == (MissionOutcome.FAILED, "no visitor at the kiosk")
    assert b.panel.kinds[-2:] == [AnnouncementKind.SORRY, AnnouncementKind.IDLE]
    assert b.pose == b.site.pose_at(KIOSK)


def test_the_guide_waits_for_a_visitor_who_lags_and_goes_on_with_them():
    b, visitor = bench()
    visitor.speed = 0.35
    b.agent.start_mission(guide_order())
    b.run_until(lambda: b.agent.report.phase is MissionPhase.LEADING)
    distances = []
    b.on_tick.append(
        lambda: distances.append(((visitor.x - b.pose.pose.x) ** 2 + (visitor.y - b.pose.pose.y) ** 2) ** 0.5)
    )
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED
    assert max(distances) < 5.5
    assert MissionPhase.WAITING_FOR_VISITOR in phases(b)
    assert AnnouncementKind.PLEASE_CATCH_UP in b.panel.kinds


def test_the_guide_waits_for_a_visitor_who_stops_and_gives_up_after_a_while():
    b, visitor = bench()
    b.agent.start_mission(guide_order())
    b.run_until(lambda: b.pose.pose.x > 2.0 and b.agent.report.phase is MissionPhase.LEADING)
    visitor.speed = 0.0
    b.run_until(lambda: b.agent.report.phase is MissionPhase.WAITING_FOR_VISITOR, within=30.0)
    standing_at = b.pose
    b.run(40.0)
    assert b.pose == standing_at
    visitor.speed = 1.2
    b.run_until(lambda: b.agent.report.phase is MissionPhase.LEADING, within=20.0)
    visitor.speed = 0.0
    report = b.run_to_end()
    assert (report.outcome, report.reason) == (MissionOutcome.FAILED, "visitor does not follow")


def test_the_guide_does_not_wait_for_ever_in_small_pieces():
    b, visitor = bench()
    b.agent.start_mission(guide_order())
    b.run_until(lambda: b.pose.pose.x > 2.0 and b.agent.report.phase is MissionPhase.LEADING)
    waited = 0.0
    while b.agent.report.outcome is None:
        visitor.speed = 0.0
        b.run_until(lambda: b.agent.report.phase is MissionPhase.WAITING_FOR_VISITOR, within=60.0)
        since_ns = b.clock.now_ns()
        b.run(30.0)
        waited += (b.clock.now_ns() - since_ns) / 1e9
        visitor.speed = 1.2
        b.run(4.0)
        assert waited < 150.0
    assert (b.agent.report.outcome, b.agent.report.reason) == (MissionOutcome.FAILED, "visitor does not follow")


def test_a_visitor_out_of_sight_is_searched_and_found_again():
    b, visitor = bench()
    b.agent.start_mission(guide_order())
    b.run_until(lambda: b.pose.pose.x > 2.0 and b.agent.report.phase is MissionPhase.LEADING)
    visitor.is_visible = False
    b.run_until(lambda: b.agent.report.phase is MissionPhase.SEARCHING_VISITOR, within=10.0)
    visitor.is_visible = True
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED


def test_a_visitor_who_does_not_come_back_is_lost():
    b, visitor = bench()
    b.agent.start_mission(guide_order())
    b.run_until(lambda: b.pose.pose.x > 2.0 and b.agent.report.phase is MissionPhase.LEADING)
    visitor.is_visible = False
    hidden_ns = b.clock.now_ns()
    report = b.run_to_end()
    assert (report.outcome, report.reason) == (MissionOutcome.FAILED, "visitor lost")
    assert 30.0 <= (b.clock.now_ns() - hidden_ns) / 1e9 < 40.0
    assert report.has_cargo is False


def test_somebody_else_who_was_taken_for_the_visitor_is_left_behind():
    b, visitor = bench()
    visitor.y = 6.5
    bystander = PersonTrack(track_id=3, x=0.3, y=5.8, vx=0.0, vy=0.0, stamp_ns=0, is_confirmed=True)

    def stand_there() -> None:
        b.people.tracks = (replace(bystander, stamp_ns=b.clock.now_ns()), *b.people.tracks)

    b.on_tick.append(stand_there)
    b.agent.start_mission(guide_order())
    report = b.run_to_end()
    assert report.outcome is MissionOutcome.COMPLETED
    assert MissionPhase.WAITING_FOR_VISITOR in phases(b)
    assert visitor.y > 3.0
    assert visitor.x > 10.0


@pytest.mark.parametrize("seconds", [0.0, 1.0, 5.0, 8.0, 12.0, 20.0, 30.0, 36.0])
def test_a_canceled_guide_says_sorry_and_stands_on_a_node(seconds):
    b, _ = bench()
    b.agent.start_mission(guide_order())
    b.run(seconds)
    b.agent.cancel_mission(MissionId("m1"), "the visitor changed their mind")
    report = b.run_to_end()
    assert (report.outcome, report.reason) == (MissionOutcome.CANCELED, "the visitor changed their mind")
    assert b.panel.kinds[-2:] == [AnnouncementKind.SORRY, AnnouncementKind.IDLE]
    b.run(30.0)
    assert len(b.fleet.progress[-1].held) == 1
    assert b.building.log.count("request door") == b.building.log.count("release door")


def test_two_runs_are_alike_to_the_last_report():
    def run() -> tuple[object, ...]:
        b, visitor = bench()
        visitor.speed = 0.6
        b.agent.start_mission(guide_order())
        b.run_to_end()
        return (b.fleet.reports, b.fleet.progress, b.panel.shown)

    assert run() == run()


def test_the_visitor_is_spoken_to_in_their_language():
    b, _ = bench()
    order = guide_order()
    b.agent.start_mission(
        type(order)(**{f: getattr(order, f) for f in order.__slots__ if f != "language"}, language="zh-Hans")
    )
    b.run_to_end()
    assert any(announcement.text == "请跟我来" for announcement in b.panel.shown)

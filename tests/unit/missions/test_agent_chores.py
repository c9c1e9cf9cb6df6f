from pathlib import Path

import pytest

from robot_ops.core.errors import RequestError, StateError
from robot_ops.core.ids import MissionId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.tasks.orders import MissionKind, MissionOutcome, MissionPhase
from robot_ops.testing.mission_bench import MissionBench, chore_order, guide_order
from robot_ops.testing.mission_site import CHARGER, COUNTER, COURIER, GUIDE, HALL, OFFICE_DESK, SPOT

BEHAVIORS = Path(__file__).parents[3] / "behaviors"


def bench(robot=GUIDE, at=SPOT) -> MissionBench:
    return MissionBench(robot, at, BEHAVIORS)


def test_an_idle_robot_holds_the_node_it_stands_on_and_says_so_twice_a_second():
    b = bench()
    b.run(10.0)
    assert {p.held for p in b.fleet.progress} == {("a",)}
    assert 20 <= len(b.fleet.progress) <= 26
    assert b.navigator.driven_to == []


def test_parking_drives_there_turns_and_stays():
    b = bench(at=COUNTER)
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT))
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED
    assert b.pose == b.site.pose_at(SPOT)
    assert b.report.phase is MissionPhase.DONE
    assert b.building.log == ["request door", "release door"]
    b.run(1.0)
    assert b.fleet.progress[-1].held == ("a",)
    assert b.fleet.progress[-1].goal is None


def test_charging_docks_stays_until_full_and_the_next_mission_undocks():
    b = bench()
    b.battery.soc = 0.2

    def charge() -> None:
        b.battery.is_charging = b.agent.report is not None and b.agent.report.phase is MissionPhase.CHARGING
        if b.battery.is_charging:
            b.battery.soc += 0.002

    b.on_tick.append(charge)
    b.agent.start_mission(chore_order(GUIDE, MissionKind.CHARGE, CHARGER))
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED
    assert b.pose.pose.x == pytest.approx(-4.0)
    b.run(2.0)
    assert b.fleet.progress[-1].held == ("n_charger",)
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT, "m2"))
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED
    assert b.pose == b.site.pose_at(SPOT)


def test_a_charger_without_contact_is_told_after_three_tries():
    b = bench()
    b.agent.start_mission(chore_order(GUIDE, MissionKind.CHARGE, CHARGER))
    report = b.run_to_end()
    assert report.outcome is MissionOutcome.FAILED
    assert report.reason == "no current flows at the charger"


def test_a_robot_switched_on_at_its_charger_undocks_first():
    b = bench()
    b.navigator.place_at(LevelPose(level=HALL, pose=b.site.places[CHARGER].dock))
    b.run(1.0)
    assert b.fleet.progress[-1].held == ("n_charger",)
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT))
    b.run(3.0)
    assert b.pose.pose.x < -3.0  # backs out at docking speed
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED


def test_a_robot_switched_on_between_nodes_holds_the_lane():
    b = bench()
    b.navigator.place_at(LevelPose(level=HALL, pose=Pose(x=3.0, y=0.1, yaw=3.0)))
    b.run(1.0)
    assert b.fleet.progress[-1].held == ("b", "a")
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, COUNTER))
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED


def test_a_robot_off_the_lanes_says_so():
    b = bench()
    b.navigator.place_at(LevelPose(level=HALL, pose=Pose(x=3.0, y=3.0)))
    b.run(1.0)
    assert b.fleet.progress[-1].held == ()
    assert "not on the lane graph" in b.agent.waits_for
    b.navigator.place_at(b.site.pose_at(COUNTER))
    b.run(1.0)
    assert b.fleet.progress[-1].held == ("n_counter",)


def test_an_idle_robot_that_is_carried_away_finds_itself_anew():
    b = bench()
    b.run(1.0)
    b.navigator.place_at(b.site.pose_at(OFFICE_DESK))
    b.run(2.0)
    assert b.fleet.progress[-1].held == ("n_office",)


def test_a_task_preempts_parking_and_the_chore_is_reported_canceled():
    b = bench(at=COUNTER)
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT))
    b.run(4.0)
    b.agent.start_mission(guide_order("m2"))
    canceled = [r for r in b.fleet.reports if r.outcome is MissionOutcome.CANCELED]
    assert [r.mission_id for r in canceled] == ["chore"]
    assert b.agent.mission_id == "m2"
    with pytest.raises(StateError, match="executes m2 already"):
        b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT, "m3"))
    assert b.agent.mission_id == "m2"


def test_charging_is_preempted_only_above_the_least_charge():
    b = bench()
    b.battery.soc = 0.39
    b.agent.start_mission(chore_order(GUIDE, MissionKind.CHARGE, CHARGER))
    b.run(30.0)
    with pytest.raises(StateError, match="must charge first, it is at 39 %"):
        b.agent.start_mission(guide_order())
    b.battery.soc = 0.41
    b.agent.start_mission(guide_order())
    assert b.agent.mission_id == "m1"


def test_a_mission_that_ended_is_not_executed_again():
    b = bench(at=COUNTER)
    order = chore_order(GUIDE, MissionKind.PARK, SPOT)
    b.agent.start_mission(order)
    b.agent.start_mission(order)
    ended = b.run_to_end()
    count = len(b.navigator.driven_to)
    b.agent.start_mission(order)
    assert not b.agent.is_busy
    assert b.fleet.reports[-1] == ended
    b.run(5.0)
    assert len(b.navigator.driven_to) == count


def test_a_mission_canceled_before_it_came_is_not_executed():
    b = bench(at=COUNTER)
    b.agent.cancel_mission(MissionId("chore"), "changed my mind")
    assert b.report.outcome is MissionOutcome.CANCELED
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT))
    assert not b.agent.is_busy


@pytest.mark.parametrize(
    ("order", "field"),
    [
        (chore_order(COURIER, MissionKind.PARK, SPOT), "robot"),
        (chore_order(GUIDE, MissionKind.PARK, "nowhere"), "destination"),
    ],
)
def test_a_wrong_order_is_refused_and_changes_nothing(order, field):
    b = bench()
    with pytest.raises(RequestError) as error:
        b.agent.start_mission(order)
    assert error.value.where == field
    assert not b.agent.is_busy
    assert b.fleet.reports == []


def test_navigation_failures_are_tried_again_and_told_when_they_go_on():
    b = bench(at=COUNTER)
    b.navigator.fail_next = ["no path"] * 4
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT))
    b.run_until(lambda: b.report.reason == "blocked: no path", within=20.0)
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED


def test_a_robot_that_never_gets_on_fails_with_the_reason():
    b = bench(at=COUNTER)
    b.building.is_stuck = True
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT))
    report = b.run_to_end(within=700.0)
    assert report.outcome is MissionOutcome.FAILED
    assert report.reason == "stuck on the way to Waiting spot: waits for door door"


def test_a_silent_fleet_is_told_to_people():
    b = bench(at=COUNTER)
    b.traffic.is_silent = True
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT))
    b.run(5.0)
    assert b.report.reason == "waits for the fleet to plan its way"
    b.traffic.is_silent = False
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED


def test_the_lift_carries_the_robot_and_is_released_outside():
    b = bench(at=COUNTER)
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, OFFICE_DESK))
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED
    assert b.pose == b.site.pose_at(OFFICE_DESK)
    assert b.building.log == ["request lift to hall", "request lift to office", "release lift"]


def test_a_lift_that_does_not_come_is_waited_for_outside():
    b = bench(at=COUNTER)
    b.building.is_stuck = True
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, OFFICE_DESK))
    b.run(120.0)
    assert b.pose.pose.x == pytest.approx(18.0)
    assert b.report.reason == "waits for lift lift"
    b.building.is_stuck = False
    assert b.run_to_end().outcome is MissionOutcome.COMPLETED


def test_a_canceled_chore_stops_at_the_next_node_and_gives_up_the_rest():
    b = bench(at=COUNTER)
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT))
    b.run(2.0)
    b.agent.cancel_mission(MissionId("chore"), "operator")
    assert b.report.outcome is MissionOutcome.CANCELED
    assert b.report.reason == "operator"
    b.run(20.0)
    assert b.fleet.progress[-1].held == ("c",)
    assert b.pose.pose.distance_to(Pose(x=12.0, y=0.0)) < 0.3


def test_the_tree_can_be_looked_at():
    b = bench(at=COUNTER)
    assert b.agent.tree() == ()
    b.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, SPOT))
    b.run(2.0)
    rows = b.agent.tree()
    assert rows[0] == (0, "Sequence", "Sequence", "RUNNING")
    assert (1, "GoToPlace", "GoToPlace", "RUNNING") in rows
    assert (1, "EnsureUndocked", "EnsureUndocked", "SUCCESS") in rows

"""A robot that a person drives, or that is off its lanes: it commands nothing, says where it is, and joins again."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.ids import MissionId, PlaceId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.missions.free_driving import FreeDriving
from robot_ops.missions.lane_entry import CLAIM_PATIENCE
from robot_ops.missions.ports import NavigationStatus
from robot_ops.navigation.safety import HAND_SILENCE
from robot_ops.tasks.orders import MissionKind, MissionOutcome, MissionPhase
from robot_ops.tasks.routes import RouteProgress
from robot_ops.testing.mission_bench import MissionBench, chore_order, delivery_order, guide_order
from robot_ops.testing.mission_site import CHARGER, COUNTER, COURIER, DESK, GUIDE, HALL, KIOSK, OFFICE, SPOT

BEHAVIORS = Path(__file__).parents[3] / "behaviors"


def pose(x: float, y: float, yaw: float = 0.0) -> LevelPose:
    return LevelPose(level=HALL, pose=Pose(x=x, y=y, yaw=yaw))


class Bench(MissionBench):
    """A bench with a person who may take the robot."""

    def __init__(self, robot=GUIDE, at: PlaceId = SPOT) -> None:
        super().__init__(robot, at, BEHAVIORS)
        self.is_by_hand = False
        self.on_tick.append(self._hold)

    def _hold(self) -> None:
        if self.is_by_hand:
            self.agent.note_hand()

    @property
    def progress(self) -> RouteProgress:
        return self.fleet.progress[-1]

    def take(self, *stations: LevelPose) -> None:
        """Drive by hand from station to station, and keep the hand on it."""
        self.is_by_hand = True
        self.run(0.4)
        for station in stations:
            self.navigator.place_at(station)
            self.run(0.4)

    def let_go(self) -> None:
        self.is_by_hand = False
        self.run(HAND_SILENCE + 0.4)


def on_the_way() -> Bench:
    bench = Bench()
    bench.tick()
    bench.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, COUNTER))
    bench.run(4.0)
    assert bench.progress.held[0] == "a"
    assert bench.pose.pose.x > 2.0
    return bench


def docked() -> Bench:
    bench = Bench(COURIER, CHARGER)
    bench.navigator.place_at(LevelPose(level=HALL, pose=bench.site.places[CHARGER].dock))
    return bench


def test_while_a_person_drives_the_robot_commands_nothing_and_says_where_it_is():
    bench = on_the_way()
    driven = len(bench.navigator.driven_to)
    bench.take(pose(3.0, 1.0), pose(3.0, 2.0))
    assert bench.navigator.status is NavigationStatus.IDLE
    sent = len(bench.fleet.progress)
    bench.run(10.0)
    assert len(bench.navigator.driven_to) == driven
    assert len(bench.fleet.progress) - sent >= 20  # twice a second
    assert bench.progress.is_by_hand
    assert bench.progress.held == ()
    assert bench.progress.free == pose(3.0, 2.0)
    assert bench.progress.free_radius == pytest.approx(0.3 + 0.6)
    assert bench.report.reason == "blocked: driven by hand"


def test_near_what_it_holds_it_keeps_the_next_node_and_goes_on_from_there():
    bench = on_the_way()
    bench.take()
    beside = pose(bench.pose.pose.x, 0.4)
    bench.take(beside)
    assert bench.progress.held == ("a", "b")
    assert bench.progress.free == beside
    seq = bench.progress.goal_seq
    bench.let_go()
    assert bench.progress.free is None
    assert bench.progress.goal_seq > seq
    assert bench.run_to_end().outcome is MissionOutcome.COMPLETED


def test_left_behind_where_it_has_been_on_its_lane_it_claims_that_anew():
    bench = on_the_way()
    there = bench.pose.pose
    goal_seq = bench.progress.goal_seq
    bench.take(pose(there.x - 0.5, there.y))
    sent = len(bench.fleet.progress)
    bench.let_go()
    after = [each for each in bench.fleet.progress[sent:] if not each.is_by_hand]
    assert after[0].held == ()  # others may hold by now what it had left
    assert after[0].free is not None
    bench.run(2.0)
    claim = next(each for each in bench.fleet.progress[sent:] if each.held and not each.is_by_hand)
    assert claim.route_id == ""
    assert claim.goal_seq > goal_seq + 1
    assert claim.travelled < there.x
    assert bench.run_to_end().outcome is MissionOutcome.COMPLETED


def test_left_on_another_lane_it_is_planned_anew_from_there_and_the_mission_goes_on():
    bench = on_the_way()
    bench.take(pose(3.0, 3.0), pose(0.2, 3.0, yaw=1.6))
    bench.traffic.is_silent = True
    bench.let_go()
    assert bench.progress.held == ("a", "n_kiosk")
    assert bench.progress.free is None
    at = bench.pose
    bench.run(3.0)
    assert bench.pose == at  # until the fleet has answered
    assert bench.agent.waits_for == "waits for the fleet to let it go on from here"
    bench.traffic.is_silent = False
    assert bench.run_to_end().outcome is MissionOutcome.COMPLETED


def test_where_the_fleet_does_not_let_it_go_on_it_asks_for_the_other_end_of_the_lane():
    bench = on_the_way()
    bench.take(pose(3.0, 3.0), pose(0.0, 3.0, yaw=1.6))
    bench.traffic.is_silent = True
    bench.let_go()
    seq = bench.progress.goal_seq
    bench.run(CLAIM_PATIENCE)
    assert bench.progress.held == ("n_kiosk", "a")
    assert bench.progress.goal_seq == seq + 1
    bench.run(CLAIM_PATIENCE)
    assert bench.progress.held == ("a", "n_kiosk")


def test_left_off_the_lanes_it_stays_there_and_says_what_to_do():
    bench = on_the_way()
    bench.take(pose(3.0, 2.5))
    bench.let_go()
    bench.run(20.0)
    assert bench.pose == pose(3.0, 2.5)
    assert bench.progress.free == pose(3.0, 2.5)
    assert bench.progress.free_radius == pytest.approx(0.3 + 0.3)
    assert not bench.progress.is_by_hand
    assert bench.report.reason == "blocked: the robot is not on the lane graph: drive it to a lane"
    bench.take(pose(3.0, 0.1))
    bench.let_go()
    assert bench.run_to_end().outcome is MissionOutcome.COMPLETED


@pytest.mark.parametrize("goal", [COUNTER, None], ids=["driving", "idle"])
def test_a_robot_that_finds_itself_off_its_lane_stands_and_says_so(goal: PlaceId | None):
    bench = on_the_way() if goal else Bench()
    bench.run(0.4)
    bench.navigator.place_at(pose(3.0, 2.0))  # pushed, or wrong about where it was
    bench.tick()
    at = bench.pose
    bench.run(2.0)
    assert bench.pose == at
    assert bench.progress.free == at
    assert bench.progress.held == ()
    assert bench.agent.waits_for == "blocked: the robot is not on the lane graph: drive it to a lane"
    bench.navigator.place_at(pose(3.0, 0.0))
    bench.run(1.0)
    assert bench.progress.free is None
    if goal:
        assert bench.run_to_end().outcome is MissionOutcome.COMPLETED


def test_detours_around_obstacles_are_no_leaving():
    bench = on_the_way()
    bench.navigator.place_at(pose(3.0, 1.2))
    assert bench.run_to_end().outcome is MissionOutcome.COMPLETED
    assert not any(progress.free for progress in bench.fleet.progress)


def test_without_localization_the_last_place_stands_and_the_hand_is_not_over():
    bench = on_the_way()
    bench.take(pose(3.0, 2.5))
    bench.navigator.place_at(None)
    bench.is_by_hand = False
    bench.run(10.0)
    assert bench.progress.is_by_hand
    assert bench.progress.free == pose(3.0, 2.5)
    bench.navigator.place_at(pose(0.0, 0.2))
    assert bench.run_to_end().outcome is MissionOutcome.COMPLETED


def test_clearances_are_not_taken_over_meanwhile():
    bench = on_the_way()
    bench.traffic.ahead = 1
    bench.take()
    bench.take(pose(bench.pose.pose.x, 0.2))
    bench.traffic.ahead = 4
    bench.run(5.0)
    assert bench.progress.held == ("a", "b")
    bench.let_go()
    assert bench.progress.held == ("a", "b", "c", "n_counter")


def test_a_robot_driven_off_its_dock_goes_back_and_docks_anew():
    bench = docked()
    bench.tick()
    bench.battery.soc = 0.5
    bench.agent.start_mission(chore_order(COURIER, MissionKind.CHARGE, CHARGER))
    bench.run(2.0)
    bench.take()
    bench.let_go()  # still docked: nothing has happened
    assert bench.agent.tree()[0][3] == "RUNNING"
    assert bench.report.phase is MissionPhase.CHARGING
    bench.take(pose(-2.0, 0.0), pose(2.0, 0.0))
    bench.let_go()
    bench.run_until(lambda: bench.report.phase is MissionPhase.TO_CHARGER)
    bench.run_until(lambda: bench.report.phase is MissionPhase.CHARGING)
    assert bench.pose == LevelPose(level=HALL, pose=bench.site.places[CHARGER].dock)
    bench.battery.soc = 0.95
    assert bench.run_to_end().outcome is MissionOutcome.COMPLETED


def test_docking_that_a_person_has_interrupted_is_begun_anew():
    bench = Bench(COURIER, SPOT)
    bench.tick()
    bench.agent.start_mission(delivery_order())
    bench.run_until(lambda: 5.2 < bench.pose.pose.y < 5.5)
    bench.take()
    at = bench.pose
    bench.run(5.0)
    assert bench.pose == at
    bench.let_go()
    bench.run_until(lambda: bench.report.phase is MissionPhase.LOADING, within=30.0)


def test_a_delivery_waits_for_the_robot_to_be_back_at_the_desk():
    bench = Bench(COURIER, SPOT)
    bench.tick()
    bench.agent.start_mission(delivery_order())
    bench.run_until(lambda: bench.report.phase is MissionPhase.LOADING)
    bench.take(pose(6.0, 4.0), pose(6.0, 0.0))
    bench.let_go()
    assert bench.report.phase is MissionPhase.TO_PICKUP
    bench.run_until(lambda: bench.report.phase is MissionPhase.LOADING)
    assert bench.pose == LevelPose(level=HALL, pose=bench.site.places[DESK].dock)


def test_an_idle_robot_driven_off_its_dock_makes_way_where_it_stands():
    bench = docked()
    bench.tick()
    assert bench.progress.goal == CHARGER
    bench.take(pose(-1.0, 0.0), pose(0.0, 0.1))
    bench.let_go()
    assert bench.progress.goal is None
    assert bench.progress.held == ("a",)
    bench.take(
        pose(-3.0, 0.0), bench.site.pose_at(CHARGER), LevelPose(level=HALL, pose=bench.site.places[CHARGER].dock)
    )
    bench.let_go()
    assert bench.progress.goal == CHARGER
    assert bench.progress.held == ("n_charger",)


def test_a_guide_that_was_driven_away_goes_back_to_the_kiosk():
    bench = Bench(GUIDE, KIOSK)
    bench.tick()
    bench.agent.start_mission(guide_order())
    bench.take(pose(0.0, 4.0), pose(0.0, 0.0))
    bench.let_go()
    bench.run_until(lambda: bench.pose.pose.y > 4.9)


def test_a_lift_with_the_robot_in_it_is_kept():
    bench = Bench(GUIDE, SPOT)
    bench.tick()
    bench.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, PlaceId("office_desk")))
    bench.run_until(lambda: bench.progress.held[0] == "hall_cabin")
    bench.take()
    bench.run(3.0)
    assert bench.progress.held[0] in ("hall_cabin", "office_cabin")
    assert "release lift" not in bench.building.log
    bench.let_go()
    assert bench.run_to_end().outcome is MissionOutcome.COMPLETED
    assert bench.pose.level == OFFICE


def test_a_lift_that_a_person_drives_the_robot_out_of_is_given_up():
    bench = Bench(GUIDE, SPOT)
    bench.tick()
    bench.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, PlaceId("office_desk")))
    bench.run_until(lambda: bench.progress.held[0] == "hall_cabin")
    bench.take(pose(19.5, 1.0))
    assert "release lift" not in bench.building.log
    bench.take(pose(17.0, 3.0))
    bench.run(1.0)
    assert bench.progress.held == ()
    assert bench.building.log[-1] == "release lift"


def test_an_order_that_comes_meanwhile_is_begun_afterward():
    bench = Bench()
    bench.tick()
    bench.take(pose(0.0, 1.0))
    bench.agent.start_mission(chore_order(GUIDE, MissionKind.PARK, COUNTER))
    bench.run(5.0)
    assert bench.navigator.driven_to == []
    bench.let_go()
    assert bench.run_to_end().outcome is MissionOutcome.COMPLETED


def test_a_mission_can_be_canceled_meanwhile():
    bench = on_the_way()
    bench.take(pose(3.0, 2.5))
    bench.agent.cancel_mission(MissionId("chore"), "not wanted")
    bench.run(1.0)
    assert not bench.agent.is_busy
    assert bench.progress.goal is None
    assert bench.pose == pose(3.0, 2.5)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_wherever_it_is_driven_nothing_but_the_hand_moves_it_and_it_arrives_once_it_is_on_a_lane(data: st.DataObject):
    bench = on_the_way()
    coordinates = st.floats(-4.0, 20.0), st.floats(-2.0, 6.0), st.floats(-3.0, 3.0)
    for _ in range(data.draw(st.integers(1, 3))):
        station = pose(*(data.draw(each) for each in coordinates))
        bench.take(station)
        for _ in range(data.draw(st.integers(0, 20))):
            bench.tick()
            assert bench.pose == station
            assert bench.progress.free == station
            assert bench.progress.is_by_hand
        if data.draw(st.booleans()):
            bench.let_go()
            assert bench.progress.held or (bench.pose == station and bench.progress.free == station)
    bench.take(pose(3.0, 0.0))
    bench.let_go()
    assert bench.run_to_end().outcome is MissionOutcome.COMPLETED


def test_a_circle_says_how_far_the_robot_may_get():
    bench = Bench()
    driving = FreeDriving(bench.robot.model, bench.clock)
    assert driving.circle(0.0) == (None, 0.0)
    driving.update(pose(1.0, 1.0))
    assert driving.circle(0.0) == (pose(1.0, 1.0), pytest.approx(0.6))
    driving.note_hand()
    assert driving.update(pose(1.0, 2.0))
    assert driving.circle(2.5) == (pose(1.0, 2.0), pytest.approx(0.3 + 0.6 + 2.5))
    bench.clock.advance(HAND_SILENCE)
    assert not driving.update(None)
    assert driving.update(pose(1.0, 2.0))
    assert not driving.is_by_hand

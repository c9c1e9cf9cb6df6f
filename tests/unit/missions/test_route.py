from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.clock import ManualClock
from robot_ops.core.ids import NodeId, PlaceId, RouteId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.missions.itinerary import Itinerary
from robot_ops.missions.location import docked_place, locate, waypoint_of
from robot_ops.missions.route import RouteFollower
from robot_ops.tasks.routes import Clearance, RouteProgress, Waypoint
from robot_ops.testing.mission_bench import TICK, NodeByNodeFleet, find_route
from robot_ops.testing.mission_site import (
    CHARGER,
    COUNTER,
    DESK,
    DOOR,
    GUIDE,
    HALL,
    KIOSK,
    OFFICE_DESK,
    SPOT,
    mission_site,
)
from robot_ops.testing.robot_body import FakeBuilding, FakeFleet, FakeNavigator

SITE = mission_site()


class Drive:
    """A follower over a kinematic robot, without a tree."""

    def __init__(self, at: PlaceId = SPOT) -> None:
        self.clock = ManualClock(1_000_000_000)
        self.navigator = FakeNavigator(SITE, SITE.pose_at(at))
        self.building = FakeBuilding(GUIDE)
        self.fleet = FakeFleet()
        self.follower = RouteFollower(
            robot=SITE.robots[GUIDE],
            site=SITE,
            clock=self.clock,
            navigator=self.navigator,
            building=self.building,
            fleet=self.fleet,
        )

    def tick(self) -> None:
        self.clock.advance(TICK)
        self.navigator.step(TICK)
        self.building.step(TICK)
        self.follower.sense()
        self.follower.drive()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self.tick()

    @property
    def progress(self) -> RouteProgress:
        return self.fleet.progress[-1]

    def clearance(self, goal: PlaceId, cleared: int, **changes: object) -> Clearance:
        start = self.progress.held[0]
        waypoints = (waypoint_of(SITE.nodes[start]), *find_route(SITE, start, SITE.node_of(goal).id))
        whole = Clearance(
            robot=GUIDE,
            stamp_ns=self.clock.now_ns(),
            route_id=RouteId("r1"),
            goal_seq=self.progress.goal_seq,
            waypoints=waypoints,
            cleared=cleared,
        )
        return replace(whole, **changes)


def started(goal: PlaceId = COUNTER) -> Drive:
    drive = Drive()
    drive.tick()
    drive.follower.go_to(goal)
    drive.tick()
    return drive


def test_it_stops_at_the_end_of_its_clearance_and_goes_on_when_that_grows():
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 1))
    drive.run(30.0)
    assert drive.navigator.pose.pose.x == pytest.approx(6.0)
    assert drive.progress.held == ("b",)
    drive.follower.on_clearance(drive.clearance(COUNTER, 2))
    drive.run(30.0)
    assert drive.progress.held == ("n_counter",)
    assert drive.follower.has_arrived


def test_a_growing_clearance_is_told_to_the_navigator_once():
    drive = started()
    for _ in range(5):
        drive.follower.on_clearance(drive.clearance(COUNTER, 1))
        drive.run(0.4)
    assert [w.node for w in drive.navigator.driven_to] == ["b"]


@pytest.mark.parametrize(
    "changes",
    [
        {"goal_seq": 77},
        {"robot": "guide_2"},
        {"stamp_ns": 0},
        {"waypoints": tuple(waypoint_of(SITE.nodes[NodeId(n)]) for n in ("b", "c", "n_counter"))},
        {"waypoints": (waypoint_of(SITE.nodes[NodeId("a")]), Waypoint(node="x", level=HALL, x=0, y=0, speed_limit=1))},
    ],
    ids=["another goal", "another robot", "older", "begins elsewhere", "unknown node"],
)
def test_a_clearance_that_does_not_fit_is_ignored(changes):
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 0))
    drive.follower.on_clearance(drive.clearance(COUNTER, 1, **changes))
    drive.run(5.0)
    assert drive.progress.held == ("a",)
    assert drive.navigator.driven_to == []


@pytest.mark.parametrize("goal", [COUNTER, None])
def test_a_robot_makes_way_where_it_is_asked_to_and_has_not_arrived(goal):
    drive = Drive()
    drive.tick()
    if goal is not None:
        drive.follower.go_to(goal)
    drive.tick()
    drive.follower.on_clearance(drive.clearance(KIOSK, 1))
    drive.run(20.0)
    assert drive.progress.held == ("n_kiosk",)
    assert drive.progress.goal == goal
    assert not drive.follower.has_arrived
    if goal is not None:
        drive.follower.on_clearance(drive.clearance(COUNTER, 4, route_id=RouteId("r2")))
        drive.run(60.0)
        assert drive.follower.has_arrived


def test_a_clearance_never_takes_back_what_is_held():
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 2))
    drive.tick()
    drive.follower.on_clearance(drive.clearance(COUNTER, 1))
    drive.tick()
    assert drive.progress.held == ("a", "b", "c")


def test_a_new_route_must_contain_all_that_is_held():
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 1))
    drive.tick()
    drive.follower.go_to(KIOSK)
    drive.tick()
    drive.follower.on_clearance(drive.clearance(KIOSK, 1))  # a -> kiosk, but the robot holds a and b
    drive.tick()
    assert drive.progress.held == ("a", "b")


def test_progress_counts_the_meters_since_the_last_node():
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 1))
    drive.run(4.0)
    assert drive.progress.reached == 0
    assert drive.progress.travelled == pytest.approx(drive.navigator.pose.pose.x, abs=0.45)


def test_a_door_is_asked_for_ahead_and_left_to_close_behind():
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 3))
    drive.run(40.0)
    assert drive.building.log == ["request door", "release door"]
    assert [w.node for w in drive.navigator.driven_to][-1] == "n_counter"


def test_a_closed_door_is_not_driven_through():
    drive = started()
    drive.building.is_stuck = True
    drive.follower.on_clearance(drive.clearance(COUNTER, 3))
    drive.run(60.0)
    assert drive.navigator.pose.pose.x == pytest.approx(6.0)
    assert drive.follower.reason == f"waits for door {DOOR}"


def test_a_door_stays_open_for_the_party_behind():
    drive = started()
    drive.follower.go_to(COUNTER, tail=2.5)
    drive.follower.on_clearance(drive.clearance(COUNTER, 3))
    released_at = None
    for _ in range(300):
        drive.tick()
        if released_at is None and "release door" in drive.building.log:
            released_at = drive.navigator.pose.pose
    assert released_at is not None
    assert released_at.y > 2.4


def test_a_pause_keeps_what_is_held_and_stands_still():
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 3))
    drive.run(3.0)
    drive.follower.set_pace(0.0)
    drive.tick()
    x = drive.navigator.pose.pose.x
    drive.run(30.0)
    assert drive.navigator.pose.pose.x == x
    assert drive.progress.held == ("a", "b", "c", "n_counter")
    drive.follower.set_pace(1.1)
    drive.run(40.0)
    assert drive.follower.has_arrived


def test_withdrawing_gives_up_what_lies_beyond_the_next_node():
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 3))
    drive.run(2.0)
    drive.follower.withdraw()
    drive.tick()
    assert drive.progress.held == ("a", "b")
    assert drive.progress.goal is None
    drive.run(20.0)
    assert drive.progress.held == ("b",)


def test_a_corner_that_is_cut_counts_as_passed():
    route = (NodeId("a"), NodeId("b"), NodeId("n_desk"))
    itinerary = Itinerary(tuple(waypoint_of(SITE.nodes[n]) for n in route))
    assert not itinerary.advance(LevelPose(level=HALL, pose=Pose(x=5.5, y=0.0)))
    assert itinerary.advance(LevelPose(level=HALL, pose=Pose(x=5.75, y=0.4)))
    assert itinerary.held == ("b", "n_desk")


@pytest.mark.parametrize("place", [DESK, OFFICE_DESK, CHARGER])
def test_a_docked_robot_stands_on_its_places_node(place):
    level = SITE.node_of(place).level
    at = LevelPose(level=level, pose=SITE.places[place].dock)
    assert docked_place(SITE, at) == place
    assert [w.node for w in locate(SITE, at)] == [SITE.places[place].node]


def test_a_robot_on_a_node_is_not_docked():
    assert docked_place(SITE, SITE.pose_at(CHARGER)) is None


class LossyFleet(NodeByNodeFleet):
    """Remembers which nodes it has cleared to the robot and not been given back."""

    def __init__(self, ahead: int) -> None:
        super().__init__(SITE, ahead)
        self.cleared_nodes: set[NodeId] = set()
        self.latest: RouteProgress | None = None

    def hear(self, progress: RouteProgress, now_ns: int) -> Clearance | None:
        if self.latest is not None and progress.stamp_ns < self.latest.stamp_ns:
            return None
        is_new_goal = self.latest is None or progress.goal_seq != self.latest.goal_seq
        self.latest = progress
        clearance = self.answer(progress, now_ns)
        if is_new_goal:
            self.cleared_nodes = set(progress.held)
        if clearance is not None:
            self.cleared_nodes |= {w.node for w in clearance.waypoints[: clearance.cleared + 1]}
        return clearance


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_it_never_holds_or_drives_more_than_was_cleared_whatever_the_network_does(data: st.DataObject):
    drive = Drive()
    fleet = LossyFleet(ahead=data.draw(st.integers(1, 4)))
    goals = data.draw(
        st.lists(st.sampled_from([COUNTER, KIOSK, DESK, OFFICE_DESK, CHARGER, None]), min_size=1, max_size=4)
    )
    seed = data.draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    on_air: list[tuple[int, RouteProgress | Clearance]] = []
    sent = 0
    for goal in goals:
        if goal is None:
            drive.follower.withdraw()
        else:
            drive.follower.go_to(goal)
        for _ in range(int(rng.integers(5, 200))):
            drive.tick()
            for progress in drive.fleet.progress[sent:]:
                on_air += [(int(rng.integers(0, 8)), progress)] * int(rng.integers(0, 3))
            sent = len(drive.fleet.progress)
            due = [message for delay, message in on_air if delay <= 0]
            on_air = [(delay - 1, message) for delay, message in on_air if delay > 0]
            for message in due:
                if isinstance(message, Clearance):
                    drive.follower.on_clearance(message)
                else:
                    clearance = fleet.hear(message, drive.clock.now_ns())
                    if clearance is not None:
                        on_air += [(int(rng.integers(0, 12)), clearance)] * int(rng.integers(0, 3))
            held = drive.follower.held
            assert set(held) <= fleet.cleared_nodes | {NodeId("a")}
            stretch = tuple(waypoint_of(SITE.nodes[node]) for node in held)
            pose = drive.navigator.pose
            assert Itinerary(stretch).distance_off(pose) < 0.35


def test_lost_messages_do_not_keep_it_from_arriving():
    rng = np.random.default_rng(5)
    drive, fleet, sent = Drive(), LossyFleet(2), 0
    drive.follower.go_to(OFFICE_DESK)
    for _ in range(1500):
        drive.tick()
        for progress in drive.fleet.progress[sent:]:
            clearance = fleet.hear(progress, drive.clock.now_ns()) if rng.random() < 0.3 else None
            if clearance is not None and rng.random() < 0.3:
                drive.follower.on_clearance(clearance)
        sent = len(drive.fleet.progress)
    assert drive.follower.has_arrived


def test_a_recalled_robot_gives_up_what_it_can_and_shows_it_by_a_new_number():
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 3))
    drive.run(2.0)
    seq = drive.progress.goal_seq
    recall = drive.clearance(COUNTER, 3, is_recall=True, waiting_for="the end of the emergency")
    drive.follower.on_clearance(recall)
    drive.tick()
    assert drive.progress.held == ("a", "b")
    assert (drive.progress.goal, drive.progress.goal_seq) == (COUNTER, seq + 1)
    drive.follower.on_clearance(recall)  # once more, late
    drive.run(20.0)
    assert drive.progress.held == ("b",)
    assert drive.progress.goal_seq == seq + 1
    drive.follower.on_clearance(drive.clearance(COUNTER, 1, is_recall=True))  # nothing is left to give up
    drive.run(1.0)
    assert drive.progress.goal_seq == seq + 1
    assert drive.progress.held == ("b", "c")


def test_time_in_an_emergency_is_not_the_robots():
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 1))
    drive.run(30.0)
    waiting = drive.clearance(COUNTER, 0, is_emergency=True, waiting_for="the end of the emergency")
    for _ in range(60):
        drive.run(0.5)
        drive.follower.on_clearance(replace(waiting, stamp_ns=drive.clock.now_ns()))
    assert drive.follower.idle_time < 1.0
    drive.run(30.0)
    assert drive.follower.idle_time >= 30.0  # the fleet says nothing any more


def test_switched_on_between_two_nodes_it_stands_until_the_fleet_has_answered():
    drive = Drive()
    drive.navigator.place_at(LevelPose(level=HALL, pose=Pose(x=3.0, y=0.1, yaw=0.2)))
    drive.run(3.0)
    assert drive.progress.held == ("a", "b")
    assert (drive.progress.goal_seq, drive.progress.travelled) == (1, 3.0)
    assert not drive.navigator.driven_to
    drive.follower.on_clearance(drive.clearance(COUNTER, 1, goal_seq=1))
    drive.run(20.0)
    assert drive.progress.held == ("b",)


@pytest.mark.parametrize(("off", "held"), [(0.3, ("b",)), (0.6, ())], ids=["at it", "beside it"])
def test_switched_on_near_a_node_it_holds_it_only_where_no_other_robot_can_stand(off: float, held: tuple[str, ...]):
    drive = Drive()
    drive.navigator.place_at(LevelPose(level=HALL, pose=Pose(x=6.0 + off, y=-off)))
    drive.run(3.0)
    assert drive.progress.held == held
    assert (drive.progress.free is None) == bool(held)


def test_a_fleet_whose_clock_was_set_back_is_heard_again():
    drive = started()
    drive.follower.on_clearance(drive.clearance(COUNTER, 0))
    drive.run(1.0)
    old = replace(drive.clearance(COUNTER, 1), stamp_ns=5)
    drive.follower.on_clearance(old)
    assert len(drive.follower.held) == 1  # late, as far as anybody can tell
    for _ in range(30):
        drive.run(0.5)
        drive.follower.on_clearance(old)
    assert drive.progress.held[-1] == old.waypoints[1].node

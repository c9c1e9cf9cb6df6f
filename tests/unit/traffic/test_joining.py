"""Robots that come on to the lanes: they take part as soon as nobody is in the way ahead of them."""

from dataclasses import replace

import pytest

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import LevelId, NodeId, PlaceId, RobotId, RouteId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.tasks.routes import RouteProgress
from robot_ops.testing.lane_world import LaneWorld
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.control import TrafficControl

R0, R1 = RobotId("r0"), RobotId("r1")
GROUND = LevelId("ground")
SITE = lane_site(
    {"a": (0.0, 0.0), "b": (6.0, 0.0), "c": (12.0, 0.0), "d": (6.0, 5.0)},
    ["a - b", "b - c", "b - d"],
    starts=["a", "c"],
)


def at(x: float, y: float = 0.0) -> LevelPose:
    return LevelPose(level=GROUND, pose=Pose(x=x, y=y))


class Fleet:
    """Traffic control with r0 on its lanes and r1 somewhere else."""

    def __init__(self, r0_holds: tuple[str, ...] = ("a",), goal: str | None = None) -> None:
        self.control = TrafficControl(SITE)
        self.seconds = 0.0
        self.r0 = self.report(R0, r0_holds, goal=goal)
        self.r1 = replace(self.report(R1, ()), free=at(3.0, 3.0), free_radius=0.65)
        self.step(5.0)

    def report(self, robot: RobotId, held: tuple[str, ...], goal: str | None = None) -> RouteProgress:
        place = None if goal is None else PlaceId(goal)
        return RouteProgress(
            robot=robot, stamp_ns=0, route_id=RouteId(""), reached=0, held=tuple(map(NodeId, held)), goal=place
        )

    def step(self, seconds: float = 1.0) -> dict[RobotId, tuple[NodeId, ...]]:
        """Send both reports, and return per robot the nodes that it is cleared to."""
        clearances = ()
        for _ in range(round(seconds / 0.5)):
            self.seconds += 0.5
            for report in (self.r0, self.r1):
                self.control.update(replace(report, stamp_ns=to_ns(self.seconds)))
            clearances = self.control.step(to_ns(self.seconds))
        return {c.robot: tuple(w.node for w in c.waypoints[: c.cleared + 1]) for c in clearances}

    def come_back(self, *held: str, travelled: float = 2.0, x: float = 2.0) -> dict[RobotId, tuple[NodeId, ...]]:
        self.r1 = replace(self.r1, free=at(x), free_radius=0.65)
        self.step()
        self.r1 = replace(self.report(R1, held, goal="d"), travelled=travelled, goal_seq=1)
        return self.step()

    def text(self) -> str:
        return {wait.robot: wait.text for wait in self.control.waits()}.get(R1, "")


def test_a_robot_that_is_back_on_a_free_lane_is_cleared_on():
    fleet = Fleet(("c",))
    assert fleet.text() == "r1 is off the lanes: drive it to a lane; the others keep off"
    assert fleet.come_back("a", "b")[R1] == ("a", "b", "d")
    assert fleet.text() == ""


@pytest.mark.parametrize("holds", [("b",), ("c", "b"), ("d", "b", "c")])
def test_it_is_not_while_others_hold_the_end_of_its_lane(holds: tuple[str, ...]):
    fleet = Fleet(holds)
    assert R1 not in fleet.come_back("a", "b")
    assert fleet.text() == "r1 is back on a lane and waits until the others have left it"
    fleet.r0 = replace(fleet.report(R0, ("c",)), goal_seq=1)
    assert fleet.step()[R1] == ("a", "b", "d")


def test_who_stands_behind_it_is_not_in_its_way():
    assert Fleet(("a",)).come_back("a", "b", travelled=3.0, x=3.0)[R1] == ("a", "b", "d")
    assert R1 not in Fleet(("a",)).come_back("b", "a", travelled=3.0, x=3.0)


def test_others_off_the_lanes_are_not_driven_at():
    fleet = Fleet()
    fleet.r0 = replace(fleet.report(R0, ()), free=at(4.5, 0.5), free_radius=0.65, goal_seq=1)
    assert R1 not in fleet.come_back("a", "b", travelled=3.5, x=3.5)
    fleet.r0 = replace(fleet.r0, free=at(2.0, 0.5))  # behind
    assert fleet.step(2.0)[R1] == ("a", "b", "d")


def test_a_hand_on_it_is_told_and_what_it_asks_for_then_is_not_held():
    fleet = Fleet(("b",))
    fleet.r1 = replace(fleet.r1, is_by_hand=True)
    fleet.step()
    assert fleet.text() == "r1 is driven by hand; the others keep off"
    fleet.r1 = replace(fleet.r1, held=(NodeId("a"), NodeId("b")), free=at(2.0))
    assert R1 not in fleet.step()
    fleet.r1 = replace(fleet.r1, free=None, free_radius=0.0, is_by_hand=False, goal_seq=1, goal=PlaceId("d"))
    assert R1 not in fleet.step()


def test_a_robot_taken_by_hand_on_its_lane_keeps_what_it_holds():
    fleet = Fleet()
    fleet.r0 = replace(fleet.r0, free=at(0.2), free_radius=0.95, is_by_hand=True)
    fleet.step()
    assert "r0 is driven by hand; the others keep off around it and what it holds" in fleet.control.explain(R0)


def claims(control: TrafficControl, seconds: float, *reports: RouteProgress) -> dict[RobotId, tuple[str, ...]]:
    """Repeat reports for a while, and return per robot the nodes that it is cleared to."""
    clearances = ()
    since = max(report.stamp_ns for report in reports)
    for count in range(1, round(seconds / 0.5) + 1):
        for report in reports:
            control.update(replace(report, stamp_ns=since + to_ns(0.5 * count)))
        clearances = control.step(since + to_ns(0.5 * count))
    return {c.robot: tuple(str(w.node) for w in c.waypoints[: c.cleared + 1]) for c in clearances}


def claim(robot: RobotId, *held: str, second: float = 0.0, seq: int = 1, travelled: float = 2.0) -> RouteProgress:
    return RouteProgress(
        robot=robot,
        stamp_ns=to_ns(second),
        route_id=RouteId(""),
        reached=0,
        held=tuple(map(NodeId, held)),
        travelled=travelled if len(held) > 1 else 0.0,
        goal=PlaceId("d") if robot == R1 else None,
        goal_seq=seq,
    )


@pytest.mark.parametrize("order", [1, -1])
def test_what_a_robot_claims_in_its_first_report_is_no_clearance(order: int):
    control = TrafficControl(SITE)
    assert R1 not in claims(control, 8.0, *[claim(R0, "b"), claim(R1, "a", "b")][::order])
    assert "r1 is back on a lane and waits until the others have left it" in control.explain(R1)
    assert claims(control, 2.0, claim(R0, "c", second=8.0, seq=2), claim(R1, "a", "b", second=8.0))[R1] == (
        "a",
        "b",
        "d",
    )


def test_a_claim_in_the_first_report_is_heard_as_soon_as_all_are():
    control = TrafficControl(SITE)
    assert R1 not in claims(control, 2.0, claim(R0, "c"), claim(R1, "a", "b"))
    assert claims(control, 1.0, claim(R0, "c", second=2.0), claim(R1, "a", "b", second=2.0))[R1] == ("a", "b", "d")


def test_what_the_process_before_has_cleared_is_no_claim():
    control = TrafficControl(SITE)
    cleared = replace(claim(R1, "a", "b"), route_id=RouteId("of the process before"))
    assert claims(control, 4.0, claim(R0, "c"), cleared)[R1] == ("a", "b", "d")


def test_the_other_end_of_a_lane_is_a_new_claim():
    control = TrafficControl(SITE)
    assert claims(control, 4.0, claim(R0, "a"), claim(R1, "a", "b", travelled=3.0))[R1] == ("a", "b", "d")
    turned = claim(R1, "b", "a", second=4.0, seq=2, travelled=3.0)
    assert R1 not in claims(control, 4.0, claim(R0, "a", second=4.0), turned)


def test_two_robots_never_get_what_both_claim():
    control = TrafficControl(SITE)
    both = (claim(R0, "c", "b"), claim(R1, "a", "b"))
    assert len(claims(control, 8.0, *both)) == 1


def test_what_a_silent_robot_held_is_not_for_who_is_switched_on():
    held = replace(claim(R0, "c", "b"), goal=None)
    control = TrafficControl(SITE, last_held=[held])
    assert R1 not in claims(control, 8.0, claim(R1, "a", "b"))


ONE_WAY = lane_site(
    {"a": (0.0, 0.0), "b": (6.0, 0.0), "c": (12.0, 0.0), "d": (18.0, 0.0)},
    ["a > b", "b - c", "c - d"],
    starts=["b", "d"],
)


class Entrance(LaneWorld):
    """r0 at the end of a one-way lane in which r1 is switched on; r1 only claims."""

    def claim(self, seconds: float, *held: str) -> tuple[NodeId, ...]:
        """Repeat the claim until it is cleared; return what for."""
        self.robots[R1].is_silent = True
        end = self.seconds + seconds
        while self.seconds < end:
            self.control.update(replace(claim(R1, *held), stamp_ns=self.now_ns))
            self.run(0.4)
            clearance = self.control.clearance(R1)
            if clearance is not None:
                return tuple(w.node for w in clearance.waypoints[: clearance.cleared + 1])
        return ()


def test_an_idle_robot_at_the_end_of_a_one_way_lane_makes_way():
    world = Entrance(ONE_WAY)
    assert world.claim(40.0, "a", "b")[:2] == ("a", "b")
    world.run(20.0)
    assert [waypoint.node for waypoint in world.robots[R0].held] == ["c"]  # it stays there, and is asked no more


def test_one_that_serves_a_place_there_does_not():
    world = Entrance(ONE_WAY)
    world.robots[R0].want(PlaceId("b"))
    assert world.claim(40.0, "a", "b") == ()
    assert world.robots[R0].held[0].node == "b"
    world.robots[R0].want(None)
    assert world.claim(40.0, "a", "b")[:2] == ("a", "b")


def test_one_that_can_go_nowhere_stays():
    blind = lane_site({"a": (0.0, 0.0), "b": (6.0, 0.0), "d": (18.0, 0.0)}, ["a > b"], starts=["b", "d"])
    world = Entrance(blind)
    assert world.claim(20.0, "a", "b") == ()
    assert world.robots[R0].held[0].node == "b"
    assert "r1 is back on a lane and waits" in world.control.explain(R1)


@pytest.mark.parametrize("has_spoken", [True, False])
def test_who_is_set_down_at_a_node_that_another_holds_is_not_let_on_but_kept_off(has_spoken: bool):
    control = TrafficControl(SITE)
    first = claim(R0, "b")
    before = [replace(claim(R1), free=at(6.3, 0.3), free_radius=0.65)] if has_spoken else []
    claims(control, 6.0, first, *before)
    newcomer = claim(R1, "b", second=6.0)
    assert R1 not in claims(control, 2.0, replace(first, stamp_ns=to_ns(6.0)), newcomer)
    assert "r1 is back on a lane and waits until the others have left it" in control.explain(R1)
    gone = replace(claim(R0, "c", second=8.0, seq=2), goal=None)
    assert claims(control, 2.0, gone, replace(newcomer, stamp_ns=to_ns(8.0)))[R1] == ("b", "d")


def test_what_was_cleared_through_a_node_where_a_robot_is_switched_on_is_recalled():
    control = TrafficControl(SITE)
    driving = replace(claim(R0, "a"), goal=PlaceId("d"))
    assert claims(control, 6.0, driving)[R0] == ("a", "b", "d")
    claims(control, 1.0, replace(driving, stamp_ns=to_ns(6.0)), claim(R1, "b", second=6.0))
    told = control.clearance(R0)
    assert told is not None
    assert told.is_recall

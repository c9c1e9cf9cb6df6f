"""TrafficControl on small graphs: what robots are cleared for, in closed loop with robots that obey."""

import math

import pytest

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import LevelId, NodeId, PlaceId, RobotId, RouteId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.tasks.routes import RouteProgress
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.testing.lane_world import LaneWorld
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.control import TrafficControl

R0, R1, R2 = RobotId("r0"), RobotId("r1"), RobotId("r2")

LINE = {f"n{i}": (3.0 * i, 0.0) for i in range(6)}
LINE_LANES = [f"n{i} - n{i + 1}" for i in range(5)]


def corridor(*starts: str):
    """A corridor with one bay at n2."""
    return lane_site(LINE | {"bay": (6.0, 2.5)}, [*LINE_LANES, "n2 - bay"], starts=starts)


def go(world: LaneWorld, goals: dict[RobotId, str], seconds: float = 120.0) -> bool:
    for robot, goal in goals.items():
        world.robots[robot].want(PlaceId(goal))
    return world.run(seconds, until=lambda: all(world.robots[robot].has_arrived for robot in goals))


def progress(robot: RobotId, stamp: float, held: list[str], **more) -> RouteProgress:
    nodes = tuple(NodeId(node) for node in held)
    return RouteProgress(
        robot=robot, stamp_ns=to_ns(stamp), **({"route_id": RouteId(""), "reached": 0, "held": nodes} | more)
    )


def test_one_robot_drives_to_its_goal_without_stopping_for_anybody():
    world = LaneWorld(corridor("n0"))
    assert go(world, {R0: "n5"}, seconds=4 + 15 / 1.0 + 5)


def test_robots_swap_the_ends_of_a_corridor_by_its_bay():
    world = LaneWorld(corridor("n0", "n5"))
    assert go(world, {R0: "n5", R1: "n0"})


def test_robots_swap_neighboring_dead_ends():
    world = LaneWorld(corridor("n0", "bay"))
    assert go(world, {R0: "bay", R1: "n0"})


def test_an_idle_robot_makes_way():
    world = LaneWorld(corridor("n0", "n3"))
    assert go(world, {R0: "n5"})
    assert world.robots[R1].goal is None


def test_a_robot_waits_until_its_goal_is_left():
    world = LaneWorld(corridor("n0", "n4"))
    world.robots[R1].want(PlaceId("n4"))
    assert not go(world, {R0: "n4"}, seconds=30)
    (wait,) = world.control.waits()
    assert wait.robot == R0
    assert wait.waits_for == (R1,)
    assert wait.text == "r0 waits until n4 is left by r1"
    assert go(world, {R1: "bay"})
    assert go(world, {R0: "n4"})


def test_a_robot_that_is_late_does_not_let_the_other_pass_out_of_order():
    world = LaneWorld(corridor("n0", "n5"))
    world.robots[R1].pace = 0.0
    assert not go(world, {R0: "n5", R1: "n0"}, seconds=60)
    world.robots[R1].pace = 1.0
    assert go(world, {R0: "n5", R1: "n0"})


def test_a_new_goal_on_the_way_takes_nothing_back():
    world = LaneWorld(corridor("n0"))
    robot = world.robots[R0]
    robot.want(PlaceId("n5"))
    world.run(8.0)
    held = [waypoint.node for waypoint in robot.held]
    assert len(held) > 2
    robot.want(PlaceId("bay"))
    world.run(0.6)
    clearance = world.control.clearance(R0)
    assert clearance is not None
    assert clearance.goal_seq == robot.goal_seq
    nodes = [waypoint.node for waypoint in clearance.waypoints]
    assert nodes[: clearance.cleared + 1][: len(held)] == held
    assert nodes[-1] == "bay"
    assert world.run(60.0, until=lambda: robot.has_arrived)


def test_a_robot_that_stays_where_it_is_is_told_so():
    world = LaneWorld(corridor("n0"))
    world.robots[R0].want(PlaceId("n0"))
    world.run(5.0)
    clearance = world.control.clearance(R0)
    assert clearance is not None
    assert [waypoint.node for waypoint in clearance.waypoints] == ["n0"]


def test_nothing_is_cleared_before_all_were_heard_out():
    control = TrafficControl(corridor("n0", "n5"))
    control.update(progress(R0, 0.0, ["n0"], goal=PlaceId("n3"), goal_seq=1))
    assert control.step(to_ns(0.0)) == ()
    assert control.step(to_ns(1.9)) == ()
    assert control.step(to_ns(3.9)) == ()
    (clearance,) = control.step(to_ns(4.0))
    assert clearance.cleared == 3
    assert clearance.stamp_ns == to_ns(4.0)


def test_who_is_not_heard_is_taken_for_switched_off_at_its_charger():
    control = TrafficControl(corridor("n0", "n5"))
    control.update(progress(R0, 0.0, ["n0"], goal=PlaceId("n5"), goal_seq=1))
    control.step(to_ns(0.0))
    (clearance,) = control.step(to_ns(4.0))
    assert clearance.cleared == 0
    assert "r1 stands at n5 (not heard yet)" in control.explain()
    assert control.waits()[1].text == "r1 has not been heard of; the others keep off what it holds; r0 cannot pass"
    control.update(progress(R1, 4.5, ["bay"]))  # it was carried there by hand
    (clearance,) = control.step(to_ns(5.0))
    assert clearance.waypoints[-1].node == "n5"
    assert clearance.cleared > 0


def test_who_is_not_heard_after_a_restart_still_holds_what_it_was_cleared_for():
    before = TrafficControl(corridor("n0", "n5"))
    before.update(progress(R0, 0.0, ["n0"], goal=PlaceId("n3"), goal_seq=1))
    before.update(progress(R1, 0.0, ["n5"]))
    before.step(to_ns(0.0))
    (clearance,) = before.step(to_ns(2.0))
    assert clearance.cleared == 3
    after = TrafficControl(corridor("n0", "n5"), last_held=before.holdings())
    after.update(progress(R1, 2.5, ["n5"], goal=PlaceId("n2"), goal_seq=1))
    after.step(to_ns(2.5))
    (clearance,) = (each for each in after.step(to_ns(6.5)) if each.robot == R1)
    assert clearance.cleared <= 1  # n4 at most: r0 may be anywhere from n0 to n3
    assert "r0 is at n0, cleared to n3 (not heard yet)" in after.explain()


def test_holdings_tell_parties_and_who_is_off_the_lanes():
    site = corridor("n0", "n5")
    control = TrafficControl(site)
    off = LevelPose(level=LevelId("ground"), pose=Pose(x=1.0, y=2.0))
    control.update(progress(R0, 0.0, ["n2", "n3"], tail=2.5))
    control.update(progress(R1, 0.0, [], free=off, free_radius=1.2))
    control.step(0)
    control.step(to_ns(2.0))
    again = TrafficControl(site, last_held=control.holdings())
    again.step(0)
    again.step(to_ns(4.0))
    assert again.holdings() == control.holdings()
    assert [(held.tail, held.free, held.free_radius) for held in again.holdings()] == [
        (2.5, None, 0.0),
        (0.0, off, 1.2),
    ]


def test_what_robots_held_outlives_a_process_that_ends_before_it_has_heard_them():
    before = TrafficControl(corridor("n0", "n5"))
    before.update(progress(R0, 0.0, ["n0"], goal=PlaceId("n3"), goal_seq=1))
    before.update(progress(R1, 0.0, ["n5"]))
    before.step(to_ns(0.0))
    before.step(to_ns(2.0))
    short = TrafficControl(corridor("n0", "n5"), last_held=before.holdings())
    short.update(progress(R1, 3.0, ["n4"]))
    short.step(to_ns(3.0))
    kept = {held.robot: held for held in (*short.holdings(), *short.unheard)}
    assert {robot: held.held for robot, held in kept.items()} == {R0: ("n0", "n1", "n2", "n3"), R1: ("n4",)}
    short.step(to_ns(7.0))
    assert short.unheard == ()
    assert [held.robot for held in short.holdings()] == [R0, R1]


def test_a_silent_robot_that_was_taken_out_takes_up_nothing_until_it_speaks_again():
    control = TrafficControl(corridor("n0", "n4"))
    control.step(0)
    control.update(progress(R1, 0.0, ["n4"]))
    control.update(progress(R0, 20.0, ["n0"], goal=PlaceId("n5"), goal_seq=1))
    assert control.step(to_ns(20.0))[0].cleared == 0
    with pytest.raises(RequestError, match="the site has no robot 'r9'"):
        control.set_rules(TrafficRules(absent_robots=frozenset({RobotId("r9")})))
    control.set_rules(TrafficRules(absent_robots=frozenset({R1})))
    assert control.step(to_ns(21.0))[0].cleared == 5
    control.update(progress(R1, 21.5, ["n4"]))
    control.step(to_ns(22.0))
    assert [held.robot for held in control.holdings()] == [R0, R1]


def test_a_restarted_process_carries_on_from_what_is_held():
    control = TrafficControl(corridor("n0", "n5"))
    control.step(0)
    control.update(
        progress(R0, 0.5, ["n1", "n2", "n3"], route_id=RouteId("old"), reached=4, goal=PlaceId("n3"), goal_seq=7)
    )
    control.update(progress(R1, 0.5, ["n5"], goal=PlaceId("n1"), goal_seq=2))
    clearances = {clearance.robot: clearance for clearance in control.step(to_ns(2.0))}
    assert [waypoint.node for waypoint in clearances[R0].waypoints] == ["n1", "n2", "n3"]
    assert clearances[R0].cleared == 2
    assert clearances[R0].goal_seq == 7
    assert R1 not in clearances or clearances[R1].cleared <= 1


def test_older_reports_are_ignored():
    control = TrafficControl(corridor("n0"))
    control.step(0)
    control.update(progress(R0, 1.0, ["n0"], goal=PlaceId("n3"), goal_seq=2))
    control.update(progress(R0, 0.5, ["n0"], goal=PlaceId("bay"), goal_seq=1))
    (clearance,) = control.step(to_ns(2.0))
    assert clearance.waypoints[-1].node == "n3"
    control.update(progress(R0, 1.0, ["n0"], goal=PlaceId("n3"), goal_seq=2))
    (again,) = control.step(to_ns(2.0))
    assert again == clearance


def test_robots_that_take_no_part_are_explained_and_do_no_harm():
    site = lane_site(LINE | {"island": (0.0, 9.0)}, LINE_LANES, starts=["n0", "n5"])
    control = TrafficControl(site)
    control.step(0)
    control.update(progress(R0, 0.0, [], goal=PlaceId("n3"), goal_seq=1))
    control.update(progress(R1, 0.0, ["n5"], goal=PlaceId("island"), goal_seq=1))
    control.update(progress(R2, 0.0, ["n0", "n4"], goal=PlaceId("n1"), goal_seq=1))
    assert control.step(to_ns(2.0)) == ()
    assert [wait.text for wait in control.waits()] == [
        "r0 does not know where on the lanes it is",
        "r1 cannot go to 'island': no lanes lead there from n5",
        "r2 holds nodes that no lanes join: n0, n4",
    ]
    control.update(progress(R1, 0.5, ["n5"], goal=PlaceId("nowhere"), goal_seq=2))
    assert control.step(to_ns(2.2)) == ()
    assert control.waits()[1].text == "r1 wants to go to 'nowhere', which is no place of the site"
    control.update(progress(R1, 1.0, ["n5"], goal=PlaceId("n2"), goal_seq=3))
    (clearance,) = control.step(to_ns(2.4))  # r2 may be at n4
    assert [waypoint.node for waypoint in clearance.waypoints] == ["n5"]
    assert clearance.waiting_for == "r2"
    control.remove(R2)
    (clearance,) = control.step(to_ns(3.4))
    assert clearance.robot == R1
    assert clearance.cleared == 3


def test_a_silent_robot_keeps_what_it_holds():
    control = TrafficControl(corridor("n0", "n4"))
    control.step(0)
    control.update(progress(R1, 0.0, ["n4"]))
    control.update(progress(R0, 20.0, ["n0"], goal=PlaceId("n5"), goal_seq=1))
    (clearance,) = control.step(to_ns(20.0))
    assert [waypoint.node for waypoint in clearance.waypoints] == ["n0"]
    assert clearance.waiting_for == "r1"
    assert [(wait.robot, wait.waits_for, wait.blocks) for wait in control.waits()] == [(R0, (R1,), ()), (R1, (), (R0,))]
    assert control.waits()[1].text == "r1 has not been heard of; the others keep off what it holds; r0 cannot pass"


def test_a_robot_that_does_not_know_where_it_is_keeps_what_it_held():
    control = TrafficControl(corridor("n0", "n4"))
    control.step(0)
    control.update(progress(R1, 0.0, ["n4"]))
    for second in range(1, 20):  # it was started again and is not localized yet
        control.update(progress(R1, float(second), []))
    control.update(progress(R0, 20.0, ["n0"], goal=PlaceId("n5"), goal_seq=1))
    (clearance,) = control.step(to_ns(20.0))
    assert [waypoint.node for waypoint in clearance.waypoints] == ["n0"]
    assert clearance.waiting_for == "r1"
    control.update(progress(R1, 21.0, ["bay"]))  # it was carried there
    (clearance,) = [each for each in control.step(to_ns(21.0)) if each.robot == R0]
    assert clearance.cleared > 0


def test_a_robot_that_does_not_know_where_it_is_keeps_what_it_held_also_over_a_restart_of_the_fleet():
    before = TrafficControl(corridor("n0", "n5"))
    before.update(progress(R0, 0.0, ["n0"]))
    before.update(progress(R1, 0.0, ["n3", "n4"]))
    before.step(0)
    before.step(to_ns(2.0))
    after = TrafficControl(corridor("n0", "n5"), last_held=before.holdings())
    for second in range(3, 12):
        after.update(progress(R1, float(second), []))
        after.update(progress(R0, float(second), ["n0"], goal=PlaceId("n5"), goal_seq=1))
        clearances = after.step(to_ns(float(second)))
        assert {held.robot: held.held for held in (*after.holdings(), *after.unheard)}[R1] == ("n3", "n4")
    (clearance,) = (each for each in clearances if each.robot == R0)
    assert clearance.cleared <= 2


def test_a_party_keeps_its_tail_clear_until_it_is_through():
    site = lane_site(
        LINE | {"s2": (6.0, 3.0), "t2": (6.0, -3.0)}, [*LINE_LANES, "n2 - s2", "n2 - t2"], starts=["n0", "s2"]
    )
    control = TrafficControl(site)
    control.step(0)
    party = {"goal": PlaceId("n3"), "goal_seq": 1, "tail": 2.5, "route_id": RouteId("x")}
    control.update(progress(R0, 1.0, ["n2", "n3"], travelled=1.5, **party))
    control.update(progress(R1, 1.0, ["s2"], goal=PlaceId("t2"), goal_seq=1))
    cleared = {clearance.robot: clearance.cleared for clearance in control.step(to_ns(3.0))}
    assert cleared.get(R1, 0) == 0
    control.update(progress(R0, 3.0, ["n3"], reached=1, **(party | {"tail": 0.0})))
    cleared = {clearance.robot: clearance.cleared for clearance in control.step(to_ns(5.0))}
    assert cleared[R1] == 2


def test_after_a_restart_a_party_may_be_on_any_way_that_leads_to_its_robot():
    site = lane_site(
        LINE | {"s2": (6.0, 3.0), "t2": (6.0, -3.0)}, [*LINE_LANES, "n2 - s2", "n2 - t2"], starts=["n3", "s2"]
    )
    control = TrafficControl(site)
    control.step(0)
    party = {"goal": PlaceId("n5"), "goal_seq": 1, "tail": 2.5, "route_id": RouteId("x")}
    control.update(progress(R0, 1.0, ["n3", "n4"], **party))
    control.update(progress(R1, 1.0, ["s2"], goal=PlaceId("t2"), goal_seq=1))
    cleared = {clearance.robot: clearance.cleared for clearance in control.step(to_ns(3.0))}
    assert cleared.get(R1, 0) == 0  # it would cross the lane from n2 to n3
    control.update(progress(R0, 4.0, ["n4"], reached=1, **party))
    cleared = {clearance.robot: clearance.cleared for clearance in control.step(to_ns(6.0))}
    assert cleared[R1] == 2


def test_a_lift_holds_one_robot():
    nodes = {f"{level}{i}": (3.0 * i, 0.0, level) for level in "ab" for i in range(4)}
    lanes = [f"{level}{i} - {level}{i + 1}" for level in "ab" for i in range(3)]
    nodes |= {f"{level}s": (6.0, 3.0, level) for level in "ab"}
    lanes += [f"{level}2 - {level}s" for level in "ab"]
    site = lane_site(nodes, lanes, starts=["a3", "b3"], lifts={"lift": {"a": ("a0", "a1"), "b": ("b0", "b1")}})
    world = LaneWorld(site)
    assert go(world, {R0: "b3", R1: "a3"}, seconds=200)
    assert world.robots[R0].level == "b"


def test_least_distance_is_more_than_two_radii():
    world = LaneWorld(corridor("n0", "n5", "bay"))
    assert go(world, {R0: "n5", R1: "n0", R2: "n3"}, seconds=200)
    assert 0.7 <= world.least_distance < math.inf

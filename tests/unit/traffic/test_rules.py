"""What operators impose on traffic, and robots that do not keep to the lanes, in closed loop."""

import itertools
import math

import pytest

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import LaneId, LevelId, NodeId, PlaceId, RobotId, ZoneId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.site.model import Zone
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.testing.lane_world import LaneWorld
from robot_ops.testing.lanes import lane_site
from robot_ops.traffic.travel import TravelTimes

R0, R1, R2 = RobotId("r0"), RobotId("r1"), RobotId("r2")

SQUARE = {"a": (0.0, 0.0), "b": (6.0, 0.0), "c": (12.0, 0.0), "d": (12.0, 6.0), "e": (6.0, 6.0), "f": (0.0, 6.0)}
SQUARE_LANES = ["a - b", "b - c", "c - d", "d - e", "e - f", "f - a"]


def square(*starts: str, **more):
    return lane_site(SQUARE, SQUARE_LANES, starts=starts, **more)


def box(name: str, kind: str, west: float, south: float, east: float, north: float) -> Zone:
    corners = ((west, south), (east, south), (east, north), (west, north))
    return Zone(id=ZoneId(name), level=LevelId("ground"), kind=kind, corners=corners)


def closed(*lanes: str) -> TrafficRules:
    return TrafficRules(closed_lanes=frozenset(map(LaneId, lanes)))


def held(world: LaneWorld, robot: RobotId) -> list[str]:
    return [str(waypoint.node) for waypoint in world.robots[robot].held]


def way(world: LaneWorld, robot: RobotId) -> list[str]:
    clearance = world.control.clearance(robot)
    return [] if clearance is None else [str(waypoint.node) for waypoint in clearance.waypoints]


def wants(world: LaneWorld, goals: dict[RobotId, str], seconds: float = 120.0) -> bool:
    for robot, goal in goals.items():
        world.robots[robot].want(PlaceId(goal))
    return arrive(world, *goals, seconds=seconds)


def arrive(world: LaneWorld, *robots: RobotId, seconds: float = 120.0) -> bool:
    return world.run(seconds, until=lambda: all(world.robots[robot].has_arrived for robot in robots))


def test_rules_that_do_not_fit_the_site_change_nothing():
    world = LaneWorld(square("a"))
    world.control.set_rules(closed("a-b"))
    with pytest.raises(RequestError, match="no lane 'x-y', 'y-x'"):
        world.control.set_rules(closed("c-d", "x-y", "y-x"))
    with pytest.raises(RequestError, match="no zone 'moon'"):
        world.control.set_rules(TrafficRules(speed_limits={ZoneId("moon"): 1.0}))
    assert world.control.rules == closed("a-b")


def test_a_closed_lane_is_driven_around():
    world = LaneWorld(square("a"))
    world.control.set_rules(closed("a-b"))
    assert wants(world, {R0: "b"})
    assert world.robots[R0].meters > 28.0


def test_a_robot_under_way_is_planned_anew_and_drives_what_it_holds_to_its_end():
    world = LaneWorld(square("a"))
    world.robots[R0].want(PlaceId("d"))
    world.run(6.0)
    before = held(world, R0)
    assert before == ["a", "b", "c", "d"]
    world.robots[R0].want(PlaceId("e"))
    world.control.set_rules(closed("b-c", "d-e"))
    world.run(1.0)
    assert held(world, R0) == before
    assert not arrive(world, R0, seconds=60)
    assert held(world, R0) == ["d"]
    world.control.set_rules(closed("d-e"))
    assert arrive(world, R0, seconds=200)
    assert world.robots[R0].meters > 18.0 + 27.0  # back the whole way, around by f


def test_a_goal_behind_a_closed_lane_is_waited_for_and_the_lane_is_named():
    site = lane_site(SQUARE | {"g": (18.0, 0.0)}, [*SQUARE_LANES, "c - g"], starts=["a"])
    world = LaneWorld(site)
    world.control.set_rules(closed("c-g"))
    assert not wants(world, {R0: "g"}, seconds=30)
    (wait,) = world.control.waits()
    assert wait.text == "r0 cannot go to 'g': lane c-g is closed"
    clearance = world.control.clearance(R0)
    assert clearance is not None
    assert clearance.waiting_for == "lane c-g to be opened"
    assert world.robots[R0].meters == 0.0
    world.control.set_rules(TrafficRules())
    assert arrive(world, R0)


@pytest.mark.parametrize("seed", range(4))
def test_nobody_enters_a_closed_lane_whatever_happens(seed: int):
    world = LaneWorld(square("a", "d"), seed=seed)
    for number, (r0, r1) in enumerate([("d", "a"), ("b", "e"), ("f", "c"), ("c", "f")]):
        world.robots[R0].want(PlaceId(r0))
        world.robots[R1].want(PlaceId(r1))
        world.run(4.0 + seed)
        lane = ["b-c", "e-f", "a-b", "c-d"][(number + seed) % 4]
        world.control.set_rules(closed(lane))
        world.run(0.2)
        ends = set(lane.split("-"))
        allowed = {robot: is_on(held(world, robot), ends) for robot in (R0, R1)}
        for _ in range(60):
            world.run(0.5)
            for robot in (R0, R1):
                allowed[robot] = allowed[robot] and is_on(held(world, robot), ends)
                assert allowed[robot] or not is_on(held(world, robot), ends)
    world.control.set_rules(TrafficRules())
    assert arrive(world, R0, R1, seconds=200)


def is_on(nodes: list[str], ends: set[str]) -> bool:
    return any({a, b} == ends for a, b in itertools.pairwise(nodes))


def test_a_speed_limit_reaches_robots_under_way_and_travel_times():
    site = square("a", zones=[box("queue", "slow", 7.0, -1.0, 8.0, 1.0)])
    rules = TrafficRules(speed_limits={ZoneId("queue"): 0.5})
    world = LaneWorld(site)
    world.robots[R0].want(PlaceId("c"))
    world.run(5.0)
    world.control.set_rules(rules)
    world.run(1.0)
    clearance = world.control.clearance(R0)
    assert clearance is not None
    assert [waypoint.speed_limit for waypoint in clearance.waypoints] == [1.0, 1.0, 0.5]
    times = TravelTimes(site)
    before = times.seconds(NodeId("a"), NodeId("c"), 1.0)
    times.set_rules(rules)
    assert times.seconds(NodeId("a"), NodeId("c"), 1.0) == pytest.approx(before + 6.0)
    times.set_rules(closed("a-b"))
    assert times.seconds(NodeId("a"), NodeId("b"), 1.0) == pytest.approx(30.0 + 5 * 0.4)
    times.set_rules(closed(*(lane.replace(" ", "") for lane in SQUARE_LANES)))
    assert before < times.seconds(NodeId("a"), NodeId("b"), 1.0) < math.inf
    times.set_rules(TrafficRules(is_emergency=True))
    assert times.seconds(NodeId("a"), NodeId("c"), 1.0) == before


def hall_with_lift():
    nodes = {f"{level}{i}": (3.0 * i, 0.0, level) for level in ("ground", "upper") for i in range(5)}
    lanes = [f"{level}{i} - {level}{i + 1}" for level in ("ground", "upper") for i in range(4)]
    nodes |= {f"{level}s{i}": (3.0 * i, 3.0, level) for level in ("ground", "upper") for i in (2, 3, 4)}
    lanes += [f"{level}{i} - {level}s{i}" for level in ("ground", "upper") for i in (2, 3, 4)]
    lifts = {"lift": {level: (f"{level}0", f"{level}1") for level in ("ground", "upper")}}
    waiting = ["grounds3", "grounds4", "uppers3"]
    zones = [box("escape", "fire_lane", 5.0, -1.0, 13.0, 1.0)]
    return lane_site(nodes, lanes, starts=["ground2", "ground4", "upper3"], lifts=lifts, zones=zones, waiting=waiting)


def test_in_an_emergency_everybody_goes_to_a_refuge_and_afterward_on_to_the_goal():
    world = LaneWorld(hall_with_lift())
    goals = {R0: "upper4", R1: "ground2", R2: "upper2"}
    for robot, goal in goals.items():
        world.robots[robot].want(PlaceId(goal))
    world.run(5.0)
    world.control.set_rules(TrafficRules(is_emergency=True))
    refuges = {"grounds2", "grounds3", "grounds4", "uppers2", "uppers3", "uppers4", "upper4"}
    assert world.run(60, until=lambda: all(held(world, robot)[0] in refuges for robot in goals))
    for robot in goals:
        world.run(1.0)
        clearance = world.control.clearance(robot)
        assert clearance is not None
        assert way(world, robot)[-1] in refuges
        assert clearance.goal_seq == world.robots[robot].goal_seq
    assert {wait.reason for wait in world.control.waits()} == {"the end of the emergency"}
    assert "EMERGENCY" in world.control.explain()
    world.run(30.0)
    assert all(len(held(world, robot)) == 1 for robot in goals)
    world.control.set_rules(TrafficRules())
    assert arrive(world, *goals, seconds=300)


@pytest.mark.parametrize("start", [6.0, 10.0, 14.0, 18.0, 22.0, 26.0, 30.0])
def test_whoever_is_in_a_lift_leaves_it_and_whoever_is_before_it_does_not_enter(start: float):
    world = LaneWorld(hall_with_lift())
    world.robots[R0].want(PlaceId("uppers3"))
    world.run(start)
    cabins = {"ground0", "upper0"}
    was_inside = held(world, R0)[0] in cabins
    is_on_its_way = held(world, R0)[0] == "ground1" and world.robots[R0].xy[0] < 2.9
    world.control.set_rules(TrafficRules(is_emergency=True))
    world.run(3.0)
    if not (was_inside or is_on_its_way):
        assert not cabins & set(held(world, R0))
    assert world.run(60, until=lambda: len(held(world, R0)) == 1 and "s" in held(world, R0)[0])
    world.control.set_rules(TrafficRules())
    assert arrive(world, R0, seconds=100)


def by_hand(world: LaneWorld, robot: RobotId, x: float, y: float, radius: float = 1.0) -> None:
    at = LevelPose(level=LevelId("ground"), pose=Pose(x=x, y=y))
    world.robots[robot].by_hand = (at, radius)


def test_robots_keep_off_one_that_is_driven_by_hand_and_it_joins_again():
    world = LaneWorld(square("a", "e"))
    by_hand(world, R1, 3.0, 1.0)
    world.run(5.0)
    assert wants(world, {R0: "b"})
    assert world.robots[R0].meters > 28.0  # the other way around
    world.robots[R0].want(PlaceId("a"))
    for step in range(40):
        by_hand(world, R1, 3.0 + 0.1 * step, 3.0 - 0.05 * step)
        world.run(0.5)
        assert math.dist(world.robots[R0].xy, world.robots[R1].xy) > 1.35
    assert "r1 is off the lanes at (6.9, 1.0) on ground" in world.control.explain(R1)
    world.robots[R1].put_back(NodeId("e"))
    assert arrive(world, R0)
    assert wants(world, {R0: "c", R1: "f"})


def test_a_goal_near_a_robot_that_is_driven_by_hand_is_waited_for():
    world = LaneWorld(square("a", "e"))
    by_hand(world, R1, 6.0, 0.5)
    world.run(5.0)
    assert not wants(world, {R0: "b"}, seconds=60)
    waits = {wait.robot: wait for wait in world.control.waits()}
    assert waits[R0].waits_for == (R1,)
    assert waits[R0].text == "r0 cannot go to 'b': r1 is off the lanes near lane a-b"
    assert waits[R1].text == "r1 is driven by hand; the others keep off; r0 cannot pass"
    world.robots[R1].put_back(NodeId("e"))
    assert arrive(world, R0)


def test_what_was_cleared_near_a_robot_that_is_driven_by_hand_is_recalled():
    world = LaneWorld(square("a", "e"))
    world.robots[R0].want(PlaceId("d"))
    world.run(4.5)
    assert held(world, R0)[:3] == ["a", "b", "c"]
    world.robots[R0].pace = 0.0
    by_hand(world, R1, 10.0, 0.5)
    world.run(2.0)
    assert held(world, R0) == ["a", "b"]
    world.robots[R0].pace = 1.0
    assert arrive(world, R0)
    assert world.robots[R0].meters > 30.0


def test_a_robot_that_fell_silent_is_driven_around_or_named():
    world = LaneWorld(square("a", "b"))
    world.run(5.0)
    world.robots[R1].is_silent = True
    world.run(12.0)
    assert wants(world, {R0: "c"})
    assert not wants(world, {R0: "b"}, seconds=60)
    waits = {wait.robot: wait for wait in world.control.waits()}
    assert waits[R0].waits_for == (R1,)
    assert waits[R1].blocks == (R0,)
    assert waits[R1].text.endswith("r0 cannot pass")
    world.control.remove(R1)
    del world.robots[R1]
    assert arrive(world, R0)


def test_robots_go_around_one_that_cannot_pass():
    world = LaneWorld(square("a", "f"))
    world.robots[R0].want(PlaceId("b"))
    world.run(5.0)
    world.robots[R0].pace = 0.0
    world.run(32.0)
    assert [wait.text for wait in world.control.waits()] == [
        "r0 does not get on from a to b; the others go around where they can"
    ]
    assert wants(world, {R1: "c"})
    assert world.robots[R1].meters == pytest.approx(18.0, abs=0.5)  # by e and d, the other way is blocked


def test_a_robot_that_cannot_even_start_on_a_lane_takes_another():
    world = LaneWorld(square("a"))
    robot = world.robots[R0]
    robot.pace = 0.0
    robot.want(PlaceId("b"))
    world.run(10.0)
    assert held(world, R0) == ["a", "b"]
    world.run(30.0)
    assert held(world, R0)[:2] == ["a", "f"]
    robot.pace = 1.0
    assert arrive(world, R0)
    assert robot.meters > 28.0


def test_the_chain_of_waiting_is_told():
    nodes = {f"n{i}": (3.0 * i, 0.0) for i in range(7)} | {"bay": (9.0, 2.5)}
    site = lane_site(nodes, [*(f"n{i} - n{i + 1}" for i in range(6)), "n3 - bay"], starts=["n0", "n2", "n4"])
    world = LaneWorld(site)
    world.robots[R2].pace = 0.0
    for robot, goal in {R0: "n4", R1: "n5", R2: "n6"}.items():
        world.robots[robot].want(PlaceId(goal))
    world.run(20.0)
    text = world.control.explain(R0)
    assert "r0 stands at n" in text
    assert "goal: 'n4' at n4" in text
    assert "is not cleared: r1 holds" in text
    assert "r0 waits for r1" in text
    assert "which waits for r2" in text
    assert set(world.control.explain().split()) >= {"r0", "r1", "r2"}
    with pytest.raises(RequestError, match="has not heard of 'r9'"):
        world.control.explain(RobotId("r9"))
    assert to_ns(20.0) == world.now_ns


def test_in_an_emergency_everybody_is_told_so():
    world = LaneWorld(square("a", "d"))
    assert wants(world, {R0: "b"})
    world.control.set_rules(TrafficRules(is_emergency=True))
    world.robots[R1].want(PlaceId("e"))
    world.run(60.0)
    told = [world.control.clearance(robot) for robot in (R0, R1)]
    assert [clearance is not None and clearance.is_emergency for clearance in told] == [True, True]
    world.control.set_rules(TrafficRules())
    assert arrive(world, R0, R1)
    assert not any(clearance.is_emergency for robot in (R0, R1) if (clearance := world.control.clearance(robot)))

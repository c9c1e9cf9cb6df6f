"""Robots that stay on some levels are never sent to others, nor into a lift that they cannot ride."""

from collections.abc import Collection
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import LevelId, NodeId, PlaceId, RobotId, RouteId
from robot_ops.site.model import Site
from robot_ops.tasks.routes import RouteProgress
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.testing.lane_world import LaneWorld, Trouble
from robot_ops.testing.lanes import MODEL, lane_site
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.control import TrafficControl
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.joint import JointSearch
from robot_ops.traffic.making_way import find_spots
from robot_ops.traffic.schedule import Body
from robot_ops.traffic.track import Track

R0, R1 = RobotId("r0"), RobotId("r1")
A, B = LevelId("a"), LevelId("b")
BOTH = frozenset({A, B})


def floors(*starts: str, bound: dict[RobotId, LevelId], bays: Collection[str] = ("a", "b")) -> Site:
    """Two floors joined by a lift: cabin x0, lobby x1, a line to x5, a side way xp off the lobby, a bay xs off x3."""
    nodes = {f"{level}{i}": (3.0 * i, 0.0, level) for level in "ab" for i in range(6)}
    lanes = [f"{level}{i} - {level}{i + 1}" for level in "ab" for i in range(5)]
    nodes |= {f"{level}p": (3.0, 3.0, level) for level in "ab"}
    lanes += [f"{level}1 - {level}p" for level in "ab"]
    nodes |= {f"{level}s": (9.0, 3.0, level) for level in bays}
    lanes += [f"{level}3 - {level}s" for level in bays]
    site = lane_site(nodes, lanes, starts=starts, lifts={"lift": {"a": ("a0", "a1"), "b": ("b0", "b1")}})
    robots = {
        name: replace(robot, levels=frozenset({bound[name]}) if name in bound else None)
        for name, robot in site.robots.items()
    }
    return replace(site, robots=robots)


class LevelWorld(LaneWorld):
    """Looks at every clearance whether it keeps to the robot's levels."""

    def __init__(self, site: Site, *, seed: int = 0, trouble: Trouble | None = None) -> None:
        super().__init__(site, seed=seed, **({} if trouble is None else {"trouble": trouble}))
        self.bound = {robot.id: robot.levels for robot in site.robots.values() if robot.levels is not None}
        self.rides: set[RobotId] = set()

    def _check(self) -> None:
        super()._check()
        for robot in self.robots:
            clearance = self.control.clearance(robot)
            nodes = () if clearance is None else clearance.waypoints
            if any(each.node in ("a0", "b0") for each in nodes):
                self.rides.add(robot)
            for each in nodes if robot in self.bound else ():
                assert each.level in self.bound[robot], f"{robot} is sent to {each.node}"
                assert each.node not in ("a0", "b0"), f"{robot} is sent into the lift"


def drive(world: LaneWorld, goals: dict[RobotId, str], seconds: float = 90.0) -> bool:
    for robot, goal in goals.items():
        world.robots[robot].want(PlaceId(goal))
    return world.run(seconds, until=lambda: all(world.robots[robot].has_arrived for robot in goals))


def test_a_robot_that_may_ride_lets_another_pass_from_inside_the_lift():
    world = LevelWorld(floors("a1", "a2", bound={}, bays=()))
    assert drive(world, {R0: "a2", R1: "ap"})
    assert world.rides


def test_the_one_that_may_not_leaves_that_to_the_other():
    world = LevelWorld(floors("a1", "a2", bound={R0: A}, bays=()))
    assert drive(world, {R0: "a2", R1: "ap"})
    assert world.rides == {R1}


def test_where_neither_may_both_stay_out_although_nobody_gets_on():
    world = LevelWorld(floors("a1", "a2", bound={R0: A, R1: A}, bays=()))
    assert not drive(world, {R0: "a2", R1: "ap"}, seconds=30.0)
    assert "waits for r0" in world.control.explain(R1)


def test_it_makes_way_elsewhere():
    world = LevelWorld(floors("a1", "a5", bound={R0: A}))
    assert drive(world, {R0: "a5", R1: "b3"})
    assert world.rides == {R1}


def test_a_goal_where_it_never_goes_is_told():
    world = LevelWorld(floors("a3", bound={R0: A}))
    assert not drive(world, {R0: "b3"}, seconds=10.0)
    assert "r0 cannot go to 'b3': it never goes to 'b'" in world.control.explain(R0)


def test_a_refuge_is_on_its_own_levels():
    site = floors("a1", "a2", "b3", bound={R0: A, R1: A})
    control = TrafficControl(site)
    control.set_rules(TrafficRules(is_emergency=True))
    for index, (robot, node) in enumerate(((R0, "a1"), (R1, "a2"), (RobotId("r2"), "b3"))):
        control.update(
            RouteProgress(
                robot=robot, stamp_ns=to_ns(1.0), route_id=RouteId(""), reached=0, held=(NodeId(node),), goal_seq=index
            )
        )
    control.step(to_ns(1.0))
    for clearance in control.step(to_ns(4.0)):
        levels = site.robots[clearance.robot].levels or BOTH
        assert {each.level for each in clearance.waypoints} <= levels


def test_who_makes_way_for_one_back_on_its_lane_stays_on_its_levels():
    site = floors("a1", bound={R0: A})
    graph = LaneGraph(site)
    conflicts = ConflictMap(graph)
    report = RouteProgress(robot=R0, stamp_ns=0, route_id=RouteId(""), reached=0, held=(NodeId("a1"),))
    tracks = {R0: Track(graph, report)}
    hall = frozenset(graph.number[node.id] for node in site.nodes.values() if node.level == A)
    assert find_spots(graph, conflicts, tracks, {R0: hall}, {}) == {}
    spots = find_spots(graph, conflicts, tracks, {R0: hall - {graph.number[NodeId("a5")]}}, {})
    assert spots == {R0: graph.number[NodeId("a5")]}


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_joint_plans_keep_everybody_on_its_levels(data: st.DataObject):
    site = floors("a5", bound={}, bays=())
    graph = LaneGraph(site)
    conflicts = ConflictMap(graph)
    spots = [node.id for node in site.nodes.values() if node.level == A and node.id != "a0"]
    starts = data.draw(st.lists(st.sampled_from(spots), min_size=2, max_size=5, unique=True))
    goals = data.draw(st.permutations(spots))
    bodies, wanted = [], []
    for index, (start, goal) in enumerate(zip(starts, goals, strict=False)):
        is_bound = data.draw(st.booleans())
        barred = [n for n in graph.nodes if is_bound and (site.nodes[n].level != A or n == "a0")]
        wanted.append(graph.number[goal] if data.draw(st.booleans()) else None)
        bodies.append(
            Body(
                robot=RobotId(f"r{index}"),
                node=graph.number[start],
                max_speed=MODEL.max_speed,
                priority=(index, ""),
                barred=frozenset(graph.number[n] for n in barred),
            )
        )
    moves = JointSearch(graph=graph, conflicts=conflicts, bodies=bodies, goals=wanted, firm=()).solve(2000)
    barred_of = {body.robot: body.barred for body in bodies}
    for move in moves or ():
        assert move.arc.end not in barred_of[move.robot]
    at = {body.robot: body.node for body in bodies} | {move.robot: move.arc.end for move in moves or ()}
    if moves is not None:
        assert all(goal is None or at[body.robot] == goal for body, goal in zip(bodies, wanted, strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_no_clearance_ever_leads_off_a_robots_levels(seed: int):
    bound = {R0: A, R1: B, RobotId("r2"): A}
    site = floors("a5", "b5", "ap", "a3", "bs", bound=bound)
    world = LevelWorld(site, seed=seed, trouble=Trouble(restart=0.002))
    goals = [PlaceId(node) for node in site.nodes if node not in ("a0", "b0")]
    while world.seconds < 600.0:
        world.roam(goals)
        world.run(2.0)
    assert world.rides <= {RobotId("r3"), RobotId("r4")}
    assert world.arrivals > 12

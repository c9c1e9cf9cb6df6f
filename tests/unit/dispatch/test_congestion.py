"""Travel times follow where robots wait."""

import pytest

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import NodeId, RobotId, RouteId
from robot_ops.dispatch.congestion import Congestion
from robot_ops.dispatch.robots import RobotState
from robot_ops.tasks.routes import Clearance, RouteProgress, Waypoint
from robot_ops.testing.small_site import LEVEL, small_site
from robot_ops.traffic.travel import TravelTimes

SITE = small_site()
ROBOT = SITE.robots[RobotId("guide_1")]
WAY = (NodeId("r1"), NodeId("r2"))


def state(at: str) -> RobotState:
    progress = RouteProgress(robot=ROBOT.id, stamp_ns=1, route_id=RouteId("1"), reached=0, held=(NodeId(at),))
    return RobotState(robot=ROBOT, heard_ns=0, progress=progress)


def clearance() -> Clearance:
    waypoints = tuple(
        Waypoint(node=NodeId(name), level=LEVEL, x=SITE.nodes[NodeId(name)].x, y=0.0, speed_limit=1.0)
        for name in ("r1", "r2", "r3")
    )
    return Clearance(robot=ROBOT.id, stamp_ns=1, route_id=RouteId("1"), goal_seq=1, waypoints=waypoints, cleared=0)


def wait_and_pass(congestion: Congestion, at: float, seconds: int) -> float:
    """A robot comes to r1, waits there, and drives on to r2."""
    congestion.begin(to_ns(at))
    congestion.look(state("r1"), clearance(), is_waiting=False, elapsed=0.0)
    for _ in range(seconds):
        at += 1.0
        elapsed = congestion.begin(to_ns(at))
        congestion.look(state("r1"), clearance(), is_waiting=True, elapsed=elapsed)
    congestion.look(state("r2"), clearance(), is_waiting=False, elapsed=0.0)
    congestion.look(state("r0"), None, is_waiting=False, elapsed=0.0)
    return at


def test_waiting_makes_a_way_longer_until_it_is_forgotten() -> None:
    congestion, at = Congestion(), 1000.0
    assert not congestion.renew(to_ns(at))
    for _ in range(5):
        at = wait_and_pass(congestion, at, 20)
    assert congestion.renew(to_ns(at))
    assert congestion.delays[WAY] == pytest.approx(100.0 / 6.0, rel=0.15)

    travel = TravelTimes(SITE)
    before = travel.seconds(NodeId("r0"), NodeId("r3"), 1.0)
    travel.set_delays(congestion.delays)
    assert travel.seconds(NodeId("r0"), NodeId("r3"), 1.0) == pytest.approx(before + congestion.delays[WAY])
    assert travel.seconds(NodeId("r3"), NodeId("r5"), 1.0) == TravelTimes(SITE).seconds(NodeId("r3"), NodeId("r5"), 1.0)

    for _ in range(200):
        at += 60.0
        congestion.renew(to_ns(at))
    assert congestion.delays == {}


def test_small_changes_are_no_news_and_pauses_count_little() -> None:
    congestion = Congestion()
    congestion.renew(to_ns(1000.0))
    wait_and_pass(congestion, 1000.0, 2)
    assert not congestion.renew(to_ns(1070.0))
    assert congestion.begin(to_ns(9999.0)) == 5.0
    assert congestion.begin(to_ns(5.0)) == 0.0


def test_the_same_observations_give_the_same_delays() -> None:
    one, other = Congestion(), Congestion()
    for each in (one, other):
        each.renew(to_ns(1000.0))
        at = wait_and_pass(each, 1000.0, 30)
        each.renew(to_ns(at + 60.0))
    assert one.delays == other.delays != {}

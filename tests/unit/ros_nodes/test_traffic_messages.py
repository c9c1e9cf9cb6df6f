import math

import pytest
from robot_ops_interfaces.srv import SetTrafficRules

from robot_ops.core.errors import LinkError, RequestError
from robot_ops.core.ids import LaneId, LevelId, LiftId, NodeId, PlaceId, RobotId, RouteId, ZoneId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.ros_nodes.traffic_messages import (
    TrafficPicture,
    change_rules,
    from_progress,
    from_rules,
    from_traffic,
    to_progress,
    to_rules,
    to_traffic,
)
from robot_ops.tasks.routes import Clearance, RouteProgress, Waypoint
from robot_ops.tasks.rule_changes import close_lanes, set_emergency
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.waits import Wait

GUIDE, COURIER = RobotId("guide_1"), RobotId("courier_1")
RULES = TrafficRules(
    closed_lanes=frozenset({LaneId("a-b"), LaneId("b-c")}),
    speed_limits={ZoneId("hall"): 0.4, ZoneId("door"): 0.2},
    is_emergency=True,
)


@pytest.mark.parametrize("free", [None, LevelPose(level=LevelId("hall"), pose=Pose(x=1.0, y=-2.0))])
def test_progress_comes_back_as_it_was(free: LevelPose | None) -> None:
    progress = RouteProgress(
        robot=GUIDE,
        stamp_ns=7,
        route_id=RouteId("r"),
        reached=2,
        held=(NodeId("a"), NodeId("b")),
        travelled=0.5,
        goal=PlaceId("counter_1"),
        goal_seq=3,
        tail=1.5,
        free=free,
        free_radius=0.8,
    )
    assert from_progress(to_progress(progress)) == progress


def test_progress_that_cannot_be_is_refused() -> None:
    message = to_progress(RouteProgress(robot=GUIDE, stamp_ns=7, route_id=RouteId("r"), reached=0, held=()))
    message.is_free = True  # in a circle without a radius
    with pytest.raises(ValueError, match="circle"):
        from_progress(message)
    message.free_radius, message.free_pose.position.x = 0.5, math.nan
    with pytest.raises(ValueError, match="finite"):
        from_progress(message)


def test_traffic_comes_back_as_it_was() -> None:
    waypoints = (
        Waypoint(node=NodeId("a"), level=LevelId("hall"), x=0.0, y=0.0, speed_limit=1.0),
        Waypoint(node=NodeId("b"), level=LevelId("office"), x=0.0, y=0.0, speed_limit=1.0, lift=LiftId("lift")),
    )
    clearance = Clearance(
        robot=GUIDE,
        stamp_ns=5,
        route_id=RouteId("r"),
        goal_seq=1,
        waypoints=waypoints,
        cleared=1,
        waiting_for="courier_1",
        is_recall=True,
        is_emergency=True,
    )
    wait = Wait(
        robot=GUIDE, waits_for=(COURIER,), text="guide_1 waits", since_ns=4, reason="courier_1", blocks=(COURIER,)
    )
    message = to_traffic([clearance], [wait], RULES, 9)
    assert from_traffic(message) == TrafficPicture(stamp_ns=9, clearances=(clearance,), waits=(wait,), rules=RULES)


class Fleet:
    """Keeps rules as the fleet does; others change them while somebody looks."""

    def __init__(self, rules: TrafficRules, *others: TrafficRules) -> None:
        self.rules = rules
        self.others = list(others)
        self.refusal = ""

    def call(self, request: SetTrafficRules.Request) -> SetTrafficRules.Response:
        answer = SetTrafficRules.Response(rules=to_rules(self.rules), error=self.refusal)
        if not self.refusal:
            answer.is_outdated = from_rules(request.replaces) != self.rules
            answer.is_accepted = not answer.is_outdated
        if answer.is_accepted:
            self.rules, answer.rules = from_rules(request.rules), request.rules
        elif self.others:
            self.rules = self.others.pop(0)
        return answer


def test_a_change_takes_what_others_have_changed_meanwhile_with_it() -> None:
    fleet = Fleet(TrafficRules(), TrafficRules(is_emergency=True), RULES)
    fleet.rules = TrafficRules(closed_lanes=frozenset({LaneId("x-y")}))
    rules = change_rules(close_lanes([LaneId("c-d")]), "nora", fleet.call)
    assert rules == fleet.rules
    assert rules.is_emergency
    assert rules.closed_lanes == RULES.closed_lanes | {LaneId("c-d")}


def test_a_refusal_and_endless_changes_are_told() -> None:
    fleet = Fleet(TrafficRules())
    fleet.refusal = "the site has no lane 'x'"
    with pytest.raises(RequestError, match="no lane"):
        change_rules(close_lanes([LaneId("x")]), "nora", fleet.call)
    restless = Fleet(RULES, *[TrafficRules(speed_limits={ZoneId("hall"): 1.0 + n}) for n in range(20)])
    with pytest.raises(LinkError, match="all the time"):
        change_rules(set_emergency(is_on=False), "nora", restless.call)

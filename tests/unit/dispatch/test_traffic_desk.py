"""Traffic rules through the dispatcher: in the ledger first, kept over restarts, alarms for operators."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from robot_ops.core.errors import LedgerError, RequestError
from robot_ops.core.ids import LaneId, PlaceId, RobotId, RouteId, ZoneId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.routes import RouteProgress
from robot_ops.tasks.traffic_rules import TrafficRules, rules_of, rules_payload
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.memory_ledger import FailingLedger, MemoryLedger
from robot_ops.testing.small_site import small_site

SITE = small_site()
LANES = list(SITE.lanes)
RULES = TrafficRules(closed_lanes=frozenset(LANES[:2]), is_emergency=True)


@dataclass
class ShownHoldings:
    """Keeps what robots hold where the test can see it; `is_full` as a disk."""

    kept: tuple[RouteProgress, ...] = ()
    is_full: bool = False

    def load(self) -> tuple[RouteProgress, ...]:
        return self.kept

    def save(self, holdings: Iterable[RouteProgress]) -> None:
        if self.is_full:
            raise LedgerError("no space left on the device")
        self.kept = tuple(holdings)


def alarm_ids(stand: FleetStand) -> set[str]:
    return {alarm.alarm_id for alarm in stand.fleet.alarms()}


def written(stand: FleetStand) -> list[TrafficRules]:
    return [rules_of(e.payload) for e in stand.ledger.events() if e.kind == EventKind.TRAFFIC_RULES.value]


def test_rules_survive_their_way_through_the_ledger():
    rules = replace(
        RULES, speed_limits={ZoneId("b"): 0.5, ZoneId("a"): 1.25}, absent_robots=frozenset({RobotId("guide_1")})
    )
    payload = rules_payload(rules)
    assert rules_of(payload) == rules
    older = {key: value for key, value in payload.items() if key != "absent_robots"}
    assert rules_of(older) == replace(rules, absent_robots=frozenset())
    assert rules_of(rules_payload(TrafficRules())) == TrafficRules()


@pytest.mark.parametrize("change", [{"closed_lanes": "{}"}, {"speed_limits": '{"a": -1}'}, {"speed_limits": "["}])
def test_a_payload_that_is_none_is_refused(change: dict[str, str]):
    with pytest.raises((KeyError, ValueError, TypeError)):
        rules_of({**rules_payload(RULES), **change})


def test_rules_hold_are_written_once_and_survive_a_restart():
    stand = FleetStand(site=SITE)
    stand.run(5.0)
    stand.fleet.set_traffic_rules(RULES)
    stand.fleet.set_traffic_rules(RULES)
    assert stand.fleet.traffic_rules == RULES
    assert written(stand) == [RULES]
    assert "traffic/emergency" in alarm_ids(stand)
    stand.restart_fleet()
    assert stand.fleet.traffic_rules == RULES
    stand.run(5.0)
    assert "EMERGENCY" in stand.fleet.explain_traffic()
    stand.fleet.set_traffic_rules(TrafficRules())
    assert stand.fleet.traffic_rules == TrafficRules()
    assert written(stand) == [RULES, TrafficRules()]
    assert "traffic/emergency" not in alarm_ids(stand)


def test_rules_for_another_site_are_refused_and_change_nothing():
    stand = FleetStand(site=SITE)
    stand.fleet.set_traffic_rules(RULES)
    with pytest.raises(RequestError, match="no lane 'nowhere'"):
        stand.fleet.set_traffic_rules(TrafficRules(closed_lanes=frozenset({LaneId("nowhere")})))
    assert stand.fleet.traffic_rules == RULES
    assert written(stand) == [RULES]


def test_rules_about_lanes_that_the_site_lost_are_told_and_the_rest_holds():
    stand = FleetStand(site=SITE)
    stand.fleet.set_traffic_rules(RULES)
    gone = LANES[0]
    stand.site = replace(SITE, lanes={lane: each for lane, each in SITE.lanes.items() if lane != gone})
    stand.restart_fleet()
    assert stand.fleet.traffic_rules == replace(RULES, closed_lanes=frozenset(LANES[1:2]))
    assert "traffic/rules" in alarm_ids(stand)


def test_rules_that_could_not_be_written_do_not_hold():
    stand = FleetStand(site=SITE, ledger=FailingLedger(MemoryLedger(), fail_before=frozenset({0})))
    with pytest.raises(LedgerError):
        stand.fleet.set_traffic_rules(RULES)
    stand.run(1.0)
    assert stand.fleet.traffic_rules == TrafficRules()
    stand.fleet.set_traffic_rules(RULES)
    assert stand.fleet.traffic_rules == RULES


def test_rules_that_were_written_though_the_ledger_failed_hold_at_the_next_step():
    stand = FleetStand(site=SITE, ledger=FailingLedger(MemoryLedger(), fail_after=frozenset({0})))
    with pytest.raises(LedgerError):
        stand.fleet.set_traffic_rules(RULES)
    stand.run(1.0)
    assert stand.fleet.traffic_rules == RULES


def test_tasks_are_accepted_and_promised_though_lanes_are_closed():
    stand = FleetStand(site=SITE)
    stand.run(3.0)
    stand.fleet.set_traffic_rules(TrafficRules(closed_lanes=frozenset(LANES)))
    assert stand.guide().estimated_finish_ns > stand.clock.now_ns()


def test_waits_and_explanations_reach_operators():
    stand = FleetStand(site=SITE)
    stand.run(6.0)
    assert stand.fleet.waits() == ()
    robot = next(iter(SITE.robots))
    assert stand.fleet.explain_traffic(robot).startswith(f"{robot} ")
    with pytest.raises(RequestError, match="has not heard of 'r99'"):
        stand.fleet.explain_traffic(RobotId("r99"))


def test_a_restarted_fleet_keeps_the_others_off_a_robot_that_is_silent_now():
    holdings = ShownHoldings()
    stand = FleetStand(site=SITE, holdings=holdings)
    stand.guide()
    stand.run(30.0)
    held = {each.robot: each.held for each in holdings.kept}
    assert held.keys() == SITE.robots.keys()
    for robot in stand.robots.robots.values():
        robot.is_silent = True
    stand.restart_fleet()
    stand.run(6.0)
    assert {each.robot: each.held for each in holdings.kept} == held
    assert "guide_1" in stand.fleet.explain_traffic()


def test_nobody_is_cleared_any_further_while_that_cannot_be_kept():
    holdings = ShownHoldings(is_full=True)
    stand = FleetStand(site=SITE, holdings=holdings)
    stand.run(6.0)
    assert "traffic/holdings" in alarm_ids(stand)
    robot = SITE.robots[RobotId("guide_1")]
    stand.robots.robots[robot.id].is_silent = True
    progress = RouteProgress(
        robot=robot.id,
        stamp_ns=stand.clock.now_ns(),
        route_id=RouteId(""),
        reached=0,
        held=(SITE.places[robot.charger].node,),
        goal=PlaceId("kiosk_1"),
        goal_seq=1,
    )
    stand.fleet.on_progress(progress)
    stand.run(2.0)
    assert not stand.robots.clearances
    holdings.is_full = False
    stand.run(2.0)
    assert "traffic/holdings" not in alarm_ids(stand)
    last = stand.robots.clearances[-1]
    assert last.cleared > 0
    assert [w.node for w in last.waypoints[: last.cleared + 1]] == [
        node for each in holdings.kept if each.robot == robot.id for node in each.held
    ]


def test_a_robot_that_was_taken_out_and_speaks_is_an_alarm():
    stand = FleetStand(site=SITE)
    stand.run(5.0)
    stand.fleet.set_traffic_rules(TrafficRules(absent_robots=frozenset({RobotId("guide_1")})))
    stand.run(1.0)
    assert "absent/guide_1" in alarm_ids(stand)
    stand.robots.robots[RobotId("guide_1")].is_silent = True
    stand.run(15.0)
    assert "absent/guide_1" not in alarm_ids(stand)
    assert "guide_1 stands" not in stand.fleet.explain_traffic()


def test_a_process_that_ends_at_once_keeps_what_it_has_not_heard():
    stand = FleetStand(holdings=ShownHoldings())
    stand.run(5.0)
    kept = stand.holdings.load()
    assert len(kept) == len(SITE.robots)
    for robot in stand.robots.robots.values():
        robot.is_silent = True
    stand.restart_fleet()
    stand.run(1.0)
    assert stand.holdings.load() == kept


def test_robots_are_recalled_although_what_they_hold_cannot_be_kept():
    holdings = ShownHoldings()
    stand = FleetStand(site=SITE, holdings=holdings)
    stand.run(6.0)
    robot = SITE.robots[RobotId("guide_1")]
    stand.robots.robots[robot.id].is_silent = True
    node = SITE.nodes[SITE.places[robot.charger].node]
    held = RouteProgress(
        robot=robot.id,
        stamp_ns=stand.clock.now_ns(),
        route_id=RouteId(""),
        reached=0,
        held=(node.id,),
        goal=PlaceId("kiosk_1"),
        goal_seq=1,
    )
    stand.fleet.on_progress(held)
    stand.run(2.0)
    sent = stand.robots.clearances[-1]
    assert sent.cleared > 0
    assert not sent.is_recall
    holdings.is_full = True
    other = stand.robots.robots[RobotId("guide_2")]
    ahead = sent.waypoints[1]
    other.free = LevelPose(level=ahead.level, pose=Pose(x=ahead.x, y=ahead.y))
    stand.run(2.0)
    last = stand.robots.clearances[-1]
    assert last.is_recall
    assert replace(last, stamp_ns=sent.stamp_ns, is_recall=False, waiting_for=sent.waiting_for) == sent

"""Traffic rules through the dispatcher: in the ledger first, kept over restarts, alarms for operators."""

from dataclasses import replace

import pytest

from robot_ops.core.errors import LedgerError, RequestError
from robot_ops.core.ids import LaneId, RobotId, ZoneId
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.traffic_rules import TrafficRules, rules_of, rules_payload
from robot_ops.testing.fleet_stand import FleetStand
from robot_ops.testing.memory_ledger import FailingLedger, MemoryLedger
from robot_ops.testing.small_site import small_site

SITE = small_site()
LANES = list(SITE.lanes)
RULES = TrafficRules(closed_lanes=frozenset(LANES[:2]), is_emergency=True)


def alarm_ids(stand: FleetStand) -> set[str]:
    return {alarm.alarm_id for alarm in stand.fleet.alarms()}


def written(stand: FleetStand) -> list[TrafficRules]:
    return [rules_of(e.payload) for e in stand.ledger.events() if e.kind == EventKind.TRAFFIC_RULES.value]


def test_rules_survive_their_way_through_the_ledger():
    rules = replace(RULES, speed_limits={ZoneId("b"): 0.5, ZoneId("a"): 1.25})
    assert rules_of(rules_payload(rules)) == rules
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

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import LaneId, RobotId, ZoneId
from robot_ops.tasks.rule_changes import (
    RuleChange,
    bring_back,
    close_lanes,
    limit_zone,
    open_lanes,
    set_emergency,
    take_out,
    unlimit_zone,
)
from robot_ops.tasks.traffic_rules import TrafficRules

LANES = st.sampled_from([LaneId("a-b"), LaneId("b-c"), LaneId("c-d")])
ROBOTS = st.sampled_from([RobotId("guide_1"), RobotId("courier_1")])
ZONES = st.sampled_from([ZoneId("hall"), ZoneId("doorway")])
CHANGES: st.SearchStrategy[RuleChange] = st.one_of(
    st.builds(close_lanes, st.lists(LANES)),
    st.builds(open_lanes, st.lists(LANES)),
    st.builds(limit_zone, ZONES, st.floats(0.1, 2.0)),
    st.builds(unlimit_zone, ZONES),
    st.builds(lambda is_on: set_emergency(is_on=is_on), st.booleans()),
)


@given(before=st.lists(CHANGES), change=CHANGES)
def test_the_same_change_again_changes_nothing(before: list[RuleChange], change: RuleChange) -> None:
    rules = TrafficRules()
    for each in before:
        rules = each(rules)
    assert change(change(rules)) == change(rules)


@given(lanes=st.frozensets(LANES), others=st.frozensets(LANES), zone=ZONES)
def test_a_change_leaves_all_else_as_it_is(lanes: frozenset[LaneId], others: frozenset[LaneId], zone: ZoneId) -> None:
    rules = set_emergency(is_on=True)(limit_zone(zone, 0.3)(close_lanes(lanes)(TrafficRules())))
    assert rules == TrafficRules(closed_lanes=lanes, speed_limits={zone: 0.3}, is_emergency=True)
    assert open_lanes(others)(rules).closed_lanes == lanes - others
    assert open_lanes(others)(rules).is_emergency
    assert unlimit_zone(zone)(rules) == TrafficRules(closed_lanes=lanes, is_emergency=True)
    assert not set_emergency(is_on=False)(rules).is_emergency


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan, math.inf])
def test_a_speed_that_cannot_be_is_refused(speed: float) -> None:
    with pytest.raises(RequestError, match="hall"):
        limit_zone(ZoneId("hall"), speed)


@given(robots=st.frozensets(ROBOTS), others=st.frozensets(ROBOTS))
def test_robots_are_taken_out_and_brought_back(robots: frozenset[RobotId], others: frozenset[RobotId]) -> None:
    rules = take_out(others)(take_out(robots)(set_emergency(is_on=True)(TrafficRules())))
    assert rules == TrafficRules(is_emergency=True, absent_robots=robots | others)
    assert bring_back(others)(rules).absent_robots == robots - others

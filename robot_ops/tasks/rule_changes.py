"""What an operator may change about the rules of traffic, each as a function from the rules in force to new ones.

Who changes rules says what shall be different, not what all of them shall be: what another operator has changed
meanwhile stays.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from robot_ops.core.errors import RequestError
from robot_ops.core.ids import LaneId, RobotId, ZoneId
from robot_ops.tasks.traffic_rules import TrafficRules

RuleChange = Callable[[TrafficRules], TrafficRules]


def close_lanes(lanes: Iterable[LaneId]) -> RuleChange:
    """Return the change that closes these lanes, too."""
    closed = frozenset(lanes)
    return lambda rules: replace(rules, closed_lanes=rules.closed_lanes | closed)


def open_lanes(lanes: Iterable[LaneId]) -> RuleChange:
    """Return the change that opens these lanes again."""
    opened = frozenset(lanes)
    return lambda rules: replace(rules, closed_lanes=rules.closed_lanes - opened)


def limit_zone(zone: ZoneId, speed: float) -> RuleChange:
    """Return the change that limits the speed in the zone.

    Args:
        speed: m/s.

    Raises:
        RequestError: the speed is not a number above 0.
    """
    try:
        TrafficRules(speed_limits={zone: speed})
    except ValueError as error:
        raise RequestError(str(error), where="speed", mend="Use m/s above 0; close lanes to stop all") from error
    return lambda rules: replace(rules, speed_limits={**rules.speed_limits, zone: speed})


def unlimit_zone(zone: ZoneId) -> RuleChange:
    """Return the change that lifts the zone's speed limit."""
    return lambda rules: replace(
        rules, speed_limits={other: speed for other, speed in rules.speed_limits.items() if other != zone}
    )


def set_emergency(*, is_on: bool) -> RuleChange:
    """Return the change that begins or ends an emergency."""
    return lambda rules: replace(rules, is_emergency=is_on)


def take_out(robots: Iterable[RobotId]) -> RuleChange:
    """Return the change that says that these robots were taken out of the hall."""
    absent = frozenset(robots)
    return lambda rules: replace(rules, absent_robots=rules.absent_robots | absent)


def bring_back(robots: Iterable[RobotId]) -> RuleChange:
    """Return the change that says that these robots are in the hall again."""
    present = frozenset(robots)
    return lambda rules: replace(rules, absent_robots=rules.absent_robots - present)

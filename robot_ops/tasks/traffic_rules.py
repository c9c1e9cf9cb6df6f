"""What operators impose on traffic while it runs."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from robot_ops.core.ids import LaneId, RobotId, ZoneId
from robot_ops.tasks.ledger import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficRules:
    """All rules that hold now; a new set replaces the old one.

    Attributes:
        closed_lanes: no robot may enter these any more; one that is on such a lane drives on to its end.
        speed_limits: per zone m/s, for lanes with an end or a part inside; a lane's own limit stays the upper bound.
        is_emergency: everybody leaves fire lanes and lift lobbies for a refuge and stays there; no lift is entered.
        absent_robots: taken out of the hall. One that is silent takes up nothing any more; one that speaks does.

    Raises:
        ValueError: a limit is not a number above 0.
    """

    closed_lanes: frozenset[LaneId] = frozenset()
    speed_limits: Mapping[ZoneId, float] = field(default_factory=dict)
    is_emergency: bool = False
    absent_robots: frozenset[RobotId] = frozenset()

    def __post_init__(self) -> None:
        for zone, limit in self.speed_limits.items():
            if not 0.0 < limit < math.inf:
                raise ValueError(f"the speed limit of zone {zone} cannot be {limit} m/s")


def rules_payload(rules: TrafficRules) -> Payload:
    """Return the rules as a flat payload; `rules_of` reads it."""
    return {
        "closed_lanes": json.dumps(sorted(rules.closed_lanes)),
        "speed_limits": json.dumps(dict(sorted(rules.speed_limits.items()))),
        "is_emergency": rules.is_emergency,
        "absent_robots": json.dumps(sorted(rules.absent_robots)),
    }


def rules_of(payload: Payload) -> TrafficRules:
    """Return the rules that `rules_payload` wrote.

    Raises:
        KeyError, ValueError, TypeError: the payload is not one.
    """
    lanes, limits = json.loads(str(payload["closed_lanes"])), json.loads(str(payload["speed_limits"]))
    absent = json.loads(str(payload.get("absent_robots", "[]")))  # older ledgers have no such entry
    if not isinstance(lanes, list) or not isinstance(limits, dict) or not isinstance(absent, list):
        raise TypeError("closed lanes and absent robots are lists, and speed limits a mapping")
    return TrafficRules(
        closed_lanes=frozenset(LaneId(str(lane)) for lane in lanes),
        speed_limits={ZoneId(str(zone)): float(limit) for zone, limit in limits.items()},
        is_emergency=bool(payload["is_emergency"]),
        absent_robots=frozenset(RobotId(str(robot)) for robot in absent),
    )

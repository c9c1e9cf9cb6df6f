"""What operators impose on traffic while it runs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from robot_ops.core.ids import LaneId, ZoneId


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficRules:
    """All rules that hold now; a new set replaces the old one.

    Attributes:
        closed_lanes: no robot may enter these any more; one that is on such a lane drives on to its end.
        speed_limits: per zone m/s, for lanes with an end or a part inside; a lane's own limit stays the upper bound.
        is_emergency: everybody leaves fire lanes and lift lobbies for a refuge and stays there; no lift is entered.

    Raises:
        ValueError: a limit is not a number above 0.
    """

    closed_lanes: frozenset[LaneId] = frozenset()
    speed_limits: Mapping[ZoneId, float] = field(default_factory=dict)
    is_emergency: bool = False

    def __post_init__(self) -> None:
        for zone, limit in self.speed_limits.items():
            if not 0.0 < limit < math.inf:
                raise ValueError(f"the speed limit of zone {zone} cannot be {limit} m/s")

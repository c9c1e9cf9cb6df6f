"""States and settings of the path navigator.

set_path            blocked / not localized
IDLE ---------------> ACTIVE <-----------------------> WAITING
^                   |    |                              |
|   cancel          |    +--> SUCCEEDED (goal reached)  |
+-------------------+-------> FAILED (with a reason) <--+
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from robot_ops.navigation.controller import ControllerSettings
from robot_ops.navigation.planner import DetourSettings


class NavigatorState(Enum):
    """How the latest path stands."""

    IDLE = "idle"
    ACTIVE = "active"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Failure(Enum):
    """Why a path was given up."""

    NONE = "none"
    BLOCKED = "blocked"
    NOT_LOCALIZED = "not_localized"
    STUCK = "stuck"


TRANSITIONS: Final = {
    NavigatorState.IDLE: frozenset({NavigatorState.ACTIVE}),
    NavigatorState.ACTIVE: frozenset(NavigatorState),
    NavigatorState.WAITING: frozenset(NavigatorState),
    NavigatorState.SUCCEEDED: frozenset({NavigatorState.ACTIVE, NavigatorState.IDLE}),
    NavigatorState.FAILED: frozenset({NavigatorState.ACTIVE, NavigatorState.IDLE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigatorSettings:
    """The robot and its patience.

    Attributes:
        radius: of the footprint, in meters.
        max_speed: in m/s.
        map_margin, obstacle_margin: free distance kept to the map's surfaces and to what the lidar saw, in meters.
        slow_distance: free distance beyond the margins below which the robot slows down, in meters.
        narrow_speed: speed at the margins themselves, in m/s.
        horizon: how far ahead the way is looked over, in meters.
        detour_period: between two searches for a detour, in seconds.
        back_up_after: seconds of blockage until the robot backs up; back_up_distance: by so many meters.
        fail_after: seconds of blockage until the path is given up; lost_after: the same without a pose.
        stuck_after: seconds without motion although nothing is in the way (a stop at the safety layer) until then.
    """

    radius: float
    max_speed: float
    map_margin: float = 0.08
    obstacle_margin: float = 0.13  # shoulders and arms reach about as far beyond the legs that the lidar sees
    slow_distance: float = 0.3
    narrow_speed: float = 0.35
    horizon: float = 3.0
    detour_period: float = 1.0
    back_up_after: float = 15.0
    back_up_distance: float = 0.3
    back_up_speed: float = 0.15
    fail_after: float = 60.0
    lost_after: float = 30.0
    stuck_after: float = 300.0
    controller: ControllerSettings = field(default_factory=ControllerSettings)
    detour: DetourSettings = field(default_factory=DetourSettings)

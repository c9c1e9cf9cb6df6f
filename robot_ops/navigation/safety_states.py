"""Who may command motion, and the states of a robot's safety: one table from state and finding to the next state."""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class Source(Enum):
    """Who may command motion; of several fresh ones the first in this order is obeyed."""

    TELEOP = "teleop"
    DOCK = "dock"
    NAV = "nav"


class SafetyState(Enum):
    """What the safety lets through."""

    IDLE = "idle"  # no fresh command: standing
    DRIVING = "driving"
    SLOWED = "slowed"  # a command is limited because of something near
    BLOCKED = "blocked"  # something is in the way: standing
    SENSOR_FAULT = "sensor_fault"  # the lidar is silent: standing
    STOPPED = "stopped"  # latched stop: standing until released


class Finding(Enum):
    """What one look at commands and sensors comes to."""

    STOP_LATCHED = "stop_latched"
    SCAN_LOST = "scan_lost"
    NO_COMMAND = "no_command"
    OBSTRUCTED = "obstructed"
    LIMITED = "limited"
    FREE = "free"


MOVING: Final = frozenset({SafetyState.DRIVING, SafetyState.SLOWED})


def _transitions() -> Mapping[tuple[SafetyState, Finding], SafetyState]:
    table: dict[tuple[SafetyState, Finding], SafetyState] = {}
    for state in SafetyState:
        must_stand_first = state in {SafetyState.STOPPED, SafetyState.SENSOR_FAULT}
        table[state, Finding.STOP_LATCHED] = SafetyState.STOPPED
        table[state, Finding.SCAN_LOST] = SafetyState.SENSOR_FAULT
        table[state, Finding.NO_COMMAND] = SafetyState.IDLE
        table[state, Finding.OBSTRUCTED] = SafetyState.IDLE if must_stand_first else SafetyState.BLOCKED
        table[state, Finding.LIMITED] = SafetyState.IDLE if must_stand_first else SafetyState.SLOWED
        table[state, Finding.FREE] = SafetyState.IDLE if must_stand_first else SafetyState.DRIVING
    return MappingProxyType(table)


TRANSITIONS: Final = _transitions()

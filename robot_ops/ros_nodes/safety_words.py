"""What a robot's safety node does, in words for operators."""

from typing import Final

from robot_ops_interfaces.msg import SafetyState

_SAFETY: Final = {
    SafetyState.STATE_IDLE: "standing",
    SafetyState.STATE_DRIVING: "driving",
    SafetyState.STATE_SLOWED: "slowed",
    SafetyState.STATE_BLOCKED: "blocked",
    SafetyState.STATE_SENSOR_FAULT: "sensor fault",
    SafetyState.STATE_STOPPED: "stopped",
}


def safety_text(safety: SafetyState | None) -> str:
    """Return what the safety node lets through and why, empty while it has not told."""
    if safety is None:
        return ""
    state = _SAFETY.get(safety.state, "unknown state")
    return f"{state}: {safety.reason}" if safety.reason else state

"""What the navigator is told to follow at one time."""

from dataclasses import dataclass

from robot_ops.tasks.routes import Waypoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Waypoints, all on one level, and how to drive them; final_yaw in radians, None for any; speed_limit in m/s."""

    waypoints: tuple[Waypoint, ...]
    final_yaw: float | None
    speed_limit: float

    def goes_on_as(self, other: "Stretch") -> bool:
        """Return whether `other` is what remains of this, so that the navigator need not be told."""
        is_alike = self.final_yaw == other.final_yaw and self.speed_limit == other.speed_limit
        return is_alike and self.waypoints[-len(other.waypoints) :] == other.waypoints

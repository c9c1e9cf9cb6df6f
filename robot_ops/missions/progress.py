"""Tells the fleet how far the robot is: on change, and often enough that a lost report does no harm."""

from typing import Final

from robot_ops.core.clock import seconds_between
from robot_ops.missions.ports import FleetLink
from robot_ops.tasks.routes import RouteProgress

PROGRESS_PERIOD: Final = 0.4
"""s between two RouteProgress messages without a change: at least two a second at 5 ticks a second."""


class ProgressReporter:
    """Sends reports that are news, or due."""

    def __init__(self, fleet: FleetLink) -> None:
        self._fleet = fleet
        self._sent: RouteProgress | None = None

    def tell(self, progress: RouteProgress) -> None:
        """Send the report unless one like it was sent just now; being a little further is no news."""
        last = self._sent
        is_recent = last is not None and seconds_between(last.stamp_ns, progress.stamp_ns) < PROGRESS_PERIOD
        if is_recent and last is not None and _news(last) == _news(progress):
            return
        self._sent = progress
        self._fleet.send_progress(progress)


def _news(progress: RouteProgress) -> tuple[object, ...]:
    return (
        progress.route_id,
        progress.reached,
        progress.held,
        progress.goal,
        progress.goal_seq,
        progress.tail,
        progress.free_radius,
        progress.is_by_hand,
    )

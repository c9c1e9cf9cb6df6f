"""What an operator must do something about."""

from robot_ops.core.clock import Clock
from robot_ops.core.ids import RobotId
from robot_ops.dispatch.ports import Alarm


class AlarmBoard:
    """Alarms by id; raising one that is up keeps its first instant.

    Args:
        clock: tells since when an alarm is up.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._alarms: dict[str, Alarm] = {}
        self._changes = 0

    @property
    def changes(self) -> int:
        """Return how often an alarm was raised or taken down so far; a change of its text does not count."""
        return self._changes

    def put(self, alarm_id: str, text: str, *, robot: RobotId | None = None, is_error: bool = False) -> None:
        """Raise an alarm or change its text."""
        known = self._alarms.get(alarm_id)
        if known is None:
            self._changes += 1
        self._alarms[alarm_id] = Alarm(
            alarm_id=alarm_id,
            severity="error" if is_error else "warning",
            text=text,
            robot=robot,
            since_ns=self._clock.now_ns() if known is None else known.since_ns,
        )

    def clear(self, alarm_id: str) -> None:
        """Take an alarm down, if it is up."""
        if self._alarms.pop(alarm_id, None) is not None:
            self._changes += 1

    def set(
        self, alarm_id: str, is_up: bool, text: str, *, robot: RobotId | None = None, is_error: bool = False
    ) -> None:
        """Raise the alarm or take it down."""
        if is_up:
            self.put(alarm_id, text, robot=robot, is_error=is_error)
        else:
            self.clear(alarm_id)

    def has(self, alarm_id: str) -> bool:
        """Return whether the alarm is up."""
        return alarm_id in self._alarms

    def has_any(self, robot: RobotId) -> bool:
        """Return whether an alarm about the robot is up."""
        return bool(self._alarms) and any(alarm.robot == robot for alarm in self._alarms.values())

    def all(self) -> tuple[Alarm, ...]:
        """Return the alarms, errors first, then by age."""
        return tuple(
            sorted(self._alarms.values(), key=lambda alarm: (alarm.severity != "error", alarm.since_ns, alarm.alarm_id))
        )

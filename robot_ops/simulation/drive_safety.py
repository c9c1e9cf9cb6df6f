"""The product's safety before a simulated drive, asked at the instants at which its answer can change."""

from collections.abc import Callable
from typing import Final

import numpy as np

from robot_ops.core.errors import StateError
from robot_ops.core.poses import Pose
from robot_ops.core.sensors import LaserScan
from robot_ops.navigation.safety import SafetyController, SafetyLimits
from robot_ops.navigation.safety_states import MOVING, SafetyState, Source
from robot_ops.simulation.scheduler import Alarm, Scheduler

_PERIOD: Final = 0.05  # s between two steps of the safety while the robot stands for it
_SPEED: Final = 0.5  # m/s that the navigator calls for
_STANDING: Final = frozenset({SafetyState.STOPPED, SafetyState.SENSOR_FAULT})
_RAYS: Final = np.full(8, np.inf, dtype=np.float32)


class DriveSafety:
    """Latched stops and the lidar's silence; what people and things in the way do is the body's affair.

    The navigator before it does as the product's: it calls for zero while it is told that the safety stands.

    Args:
        set_brake: told whether the drive must stand.
    """

    def __init__(self, limits: SafetyLimits, scheduler: Scheduler, set_brake: Callable[[bool], None]) -> None:
        self._controller = SafetyController(limits)
        self._scheduler = scheduler
        self._set_brake = set_brake
        self._alarm = Alarm(scheduler, self._step)
        self._state = SafetyState.DRIVING
        self._has_lidar = True

    @property
    def stopped_by(self) -> tuple[str, ...]:
        """Return who holds the latched stop."""
        return self._controller.stopped_by

    @property
    def is_standing(self) -> bool:
        """Return whether no command comes through, from whomever."""
        return self._state not in MOVING

    def engage(self, who: str) -> None:
        """Latch the stop."""
        self._controller.engage(who)
        self._step()

    def release(self) -> None:
        """Release the latched stop, whoever holds it.

        Raises:
            StateError: that alone would let the robot move.
        """
        if not self._controller.release(self._scheduler.now_ns()):
            return
        if self._judge(_SPEED) in MOVING:
            raise StateError("a release alone lets the robot move")
        self._step()

    def set_lidar(self, *, is_silent: bool) -> None:
        """Have the lidar fall silent, or speak again."""
        self._has_lidar = not is_silent
        self._alarm.wake(0.0)

    def _step(self) -> None:
        self._state = self._judge(0.0 if self._state in _STANDING else _SPEED)
        self._set_brake(self.is_standing)
        waits_for_silence = not self._has_lidar and not self.is_standing
        if waits_for_silence or (self.is_standing and self._has_lidar and not self.stopped_by):
            self._alarm.wake(_PERIOD)

    def _judge(self, speed: float) -> SafetyState:
        now_ns = self._scheduler.now_ns()
        if self._has_lidar:
            self._controller.scan(_free_floor(now_ns), now_ns)
        self._controller.command(Source.NAV, speed, 0.0, now_ns)
        return self._controller.step(now_ns).state


def _free_floor(now_ns: int) -> LaserScan:
    return LaserScan(
        stamp_ns=now_ns,
        pose_in_base=Pose(x=0.0, y=0.0),
        angle_min=0.0,
        angle_increment=0.78,
        range_min=0.05,
        range_max=12.0,
        ranges=_RAYS,
    )

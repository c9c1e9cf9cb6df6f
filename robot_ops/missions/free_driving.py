"""Driving that does not keep to the lanes: by a person's hand, or because the robot was pushed aside."""

from typing import Final

from robot_ops.core.clock import Clock, seconds_between
from robot_ops.core.poses import LevelPose
from robot_ops.navigation.safety import HAND_SILENCE, SafetyLimits
from robot_ops.site.model import RobotModel

HEARD_AGAIN: Final = 1.0
"""s in which the others hear where a robot is that was somewhere else before: a report's period and its way."""
DRIFT: Final = 0.3
"""m that a robot which stands off the lanes may still roll, or be wrong about where it is."""


class FreeDriving:
    """Knows whether a person drives the robot, and which circle the others are to keep off.

    Attributes:
        is_by_hand: a person drives the robot, or did within the last seconds.
    """

    def __init__(self, model: RobotModel, clock: Clock) -> None:
        self.is_by_hand = False
        self._model = model
        self._clock = clock
        self._heard_ns: int | None = None
        self._at: LevelPose | None = None

    def note_hand(self) -> None:
        """Note that a person's commands reach the wheels just now, or hold them."""
        self._heard_ns = self._clock.now_ns()

    def update(self, at: LevelPose | None) -> bool:
        """Bring `is_by_hand` up to date; return whether it has changed.

        It ends only where the robot knows where it is: until then nobody can tell what to do with it.
        """
        self._at = at or self._at
        silence = HAND_SILENCE if self._heard_ns is None else seconds_between(self._heard_ns, self._clock.now_ns())
        is_by_hand = silence < HAND_SILENCE or (self.is_by_hand and at is None)
        has_changed = is_by_hand != self.is_by_hand
        self.is_by_hand = is_by_hand
        return has_changed

    def circle(self, tail: float) -> tuple[LevelPose | None, float]:
        """Return the middle and the radius in meters of the circle, no middle where the robot was never localized.

        Args:
            tail: length of what follows the robot, meters.
        """
        if self._at is None:
            return None, 0.0
        speed = min(SafetyLimits().teleop_speed, self._model.max_speed)
        way = speed * HEARD_AGAIN if self.is_by_hand else DRIFT
        return self._at, round(self._model.radius + tail + way, 3)

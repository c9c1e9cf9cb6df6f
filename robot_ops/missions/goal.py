"""What the robot asks of the fleet, and which clearances answer it."""

from typing import Final

from robot_ops.core.clock import NS_PER_S, Clock, seconds_between
from robot_ops.core.ids import PlaceId
from robot_ops.tasks.routes import Clearance

HEARS_FLEET_AFTER: Final = 3.0
"""s without an answer to a goal after which people are told."""
SET_BACK: Final = 10.0
"""s of nothing but clearances with older stamps after which the fleet's clock is taken to have been set back."""


class RouteGoal:
    """Where the robot wants to go.

    Attributes:
        place: None when it wants to stay.
        seq: number of the goal, the same until it is set anew; since_ns: when that was.
        is_answered: the fleet has answered it; waiting_for: who or what must move first, as the fleet says.
    """

    def __init__(self, clock: Clock) -> None:
        self.place: PlaceId | None = None
        self.seq = 0
        self.since_ns = 0
        self.is_answered = False
        self.waiting_for = ""
        self._clock = clock
        self._stamp_ns = -1
        self._older_ns: int | None = None

    @property
    def is_unheard(self) -> bool:
        """Return whether the fleet should have answered by now."""
        return not self.is_answered and seconds_between(self.since_ns, self._clock.now_ns()) >= HEARS_FLEET_AFTER

    def want(self, place: PlaceId | None) -> None:
        """Ask anew; the place may be the same. What the fleet said before does not count any more."""
        self.place = place
        self.since_ns = self._clock.now_ns()
        # the first number is the time, so that a restarted process does not use its former numbers again
        self.seq = self.seq + 1 if self.seq else max(1, self.since_ns // NS_PER_S)
        self.is_answered = False
        self.waiting_for = ""
        self._stamp_ns, self._older_ns = -1, None

    def take(self, clearance: Clearance) -> bool:
        """Take a clearance's words in if it answers this goal and is not an old one; return whether it does."""
        if clearance.goal_seq != self.seq or self._is_old(clearance.stamp_ns):
            return False
        self._stamp_ns = clearance.stamp_ns
        self.is_answered = True
        self.waiting_for = clearance.waiting_for
        return True

    def _is_old(self, stamp_ns: int) -> bool:
        if stamp_ns >= self._stamp_ns:
            self._older_ns = None
            return False
        now_ns = self._clock.now_ns()
        if self._older_ns is None:
            self._older_ns = now_ns
        if seconds_between(self._older_ns, now_ns) <= SET_BACK:
            return True
        self._older_ns = None
        return False

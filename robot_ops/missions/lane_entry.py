"""How a robot comes on to the lanes: switched on there, left there by a person, or pushed aside and back.

At a node it is in nobody's way as it stands. Between two nodes it claims the lane through the end that it heads for and
stands until the fleet has answered: nobody has cleared that end for it, and others may hold it. Without an answer it
claims the other end.
"""

from typing import Final

from robot_ops.core.clock import Clock, seconds_between
from robot_ops.core.poses import LevelPose
from robot_ops.missions.itinerary import Itinerary
from robot_ops.missions.location import locate
from robot_ops.site.model import Site

CLAIM_DELAY: Final = 1.0
"""s for which a robot that has left its lanes tells so before it looks for another lane: the others must know first."""
CLAIM_PATIENCE: Final = 5.0
"""s without the fleet's answer after which a robot that is back on a lane would rather leave it by the other end."""


class LaneEntry:
    """Finds what the robot holds first.

    Attributes:
        is_pending: the robot is off its lanes, or claims one and stands until the fleet has answered.
    """

    def __init__(self, site: Site, clock: Clock) -> None:
        self.is_pending = False
        self._site = site
        self._clock = clock
        self._left_ns = 0
        self._is_turned = False

    def leave(self) -> None:
        """Note that the robot has left its lanes and holds nothing any more."""
        self.is_pending, self._left_ns = True, self._clock.now_ns()

    def settle(self) -> None:
        """Note that the fleet has the robot where it is."""
        self.is_pending = False

    def find(self, at: LevelPose) -> Itinerary | None:
        """Return what the robot holds from now on: the node or lane that it is on, if it is on any."""
        if self.is_pending and seconds_between(self._left_ns, self._clock.now_ns()) < CLAIM_DELAY:
            return None
        return self._claim(at)

    def find_other(self, at: LevelPose) -> Itinerary | None:
        """Return what the robot holds when it would rather leave its lane by the other end."""
        self._is_turned = not self._is_turned
        return self._claim(at)

    def _claim(self, at: LevelPose) -> Itinerary | None:
        waypoints = locate(self._site, at, is_turned=self._is_turned)
        if not waypoints:
            return None
        itinerary = Itinerary(waypoints)
        itinerary.advance(at)
        self.is_pending = len(itinerary.held) > 1
        return itinerary

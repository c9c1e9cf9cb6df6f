"""The remaining parts of a robot in a deterministic run: panel, compartments and the sense for people."""

import math
from collections.abc import Callable
from typing import Final

from robot_ops.core.clock import Clock
from robot_ops.core.ids import PersonId, RobotId
from robot_ops.core.poses import LevelPose
from robot_ops.core.world import CompartmentReading, PersonPose
from robot_ops.missions.ports import Announcement, PanelEntry, PersonTrack
from robot_ops.simulation.compartments import CompartmentBanks

_SIGHT: Final = 8.0  # m, how far lidar and camera tell people apart


class SimulatedPanel:
    """Implements the port Panel; what the robot shows is passed on to the people.

    Args:
        show: takes each new announcement.
    """

    def __init__(self, show: Callable[[Announcement], None]) -> None:
        self._show = show
        self._shown: Announcement | None = None
        self._entries = 0
        self._entry: PanelEntry | None = None
        self._is_confirmed = False

    def announce(self, announcement: Announcement) -> None:
        """See Panel."""
        if announcement != self._shown:
            self._shown = announcement
            self._show(announcement)

    @property
    def shown(self) -> Announcement | None:
        """Return what the screen says."""
        return self._shown

    @property
    def entry(self) -> PanelEntry | None:
        """See Panel."""
        return self._entry

    @property
    def is_confirmed(self) -> bool:
        """See Panel."""
        return self._is_confirmed

    def answer(self, entry_seq: int, is_granted: bool, text: str) -> None:
        """People here read the next announcement instead."""

    def clear(self) -> None:
        """See Panel."""
        self._entry, self._is_confirmed = None, False

    def type_code(self, person: PersonId, code: str) -> None:
        """Let a person type a code."""
        self._entries += 1
        self._entry = PanelEntry(entry_seq=self._entries, person=person, code=code)

    def press_done(self) -> None:
        """Let a person press "done"."""
        self._is_confirmed = True


class SimulatedCompartments:
    """Implements the port Compartments over the simulated locks of one robot.

    Args:
        on_unlocked: told each compartment whose lid was shut and springs open.
        has_sensors: whether the sensors tell anything now.
    """

    def __init__(
        self,
        banks: CompartmentBanks,
        robot: RobotId,
        *,
        on_unlocked: Callable[[str], object],
        has_sensors: Callable[[], bool],
    ) -> None:
        self._bank = banks.of(robot)
        self._on_unlocked = on_unlocked
        self._has_sensors = has_sensors

    def state(self, compartment: str) -> CompartmentReading | None:
        """See Compartments."""
        if not self._has_sensors() or compartment not in self._bank.compartments:
            return None
        return self._bank.reading(compartment)

    def unlock(self, compartment: str) -> None:
        """See Compartments."""
        if not self._bank.is_open(compartment):
            self._on_unlocked(compartment)
        self._bank.set_lock(compartment, is_locked=False)

    def lock(self, compartment: str) -> None:
        """See Compartments."""
        self._bank.set_lock(compartment, is_locked=True)

    @property
    def occupied(self) -> dict[str, bool]:
        """Return per compartment whether something lies in it; empty while the sensors tell nothing."""
        if not self._has_sensors():
            return {}
        return {name: self._bank.document(name) is not None for name in self._bank.compartments}


class SimulatedSight:
    """Implements the port PeopleSource from the truth: everybody within sight, without errors.

    Args:
        people: returns where everybody is.
        robot_at: returns where the robot is.
    """

    def __init__(
        self, people: Callable[[], tuple[PersonPose, ...]], robot_at: Callable[[], LevelPose], clock: Clock
    ) -> None:
        self._people = people
        self._robot_at = robot_at
        self._clock = clock

    @property
    def tracks(self) -> tuple[PersonTrack, ...]:
        """See PeopleSource."""
        at, now_ns = self._robot_at(), self._clock.now_ns()
        return tuple(
            PersonTrack(
                track_id=person.number,
                x=person.at.pose.x,
                y=person.at.pose.y,
                vx=person.vx,
                vy=person.vy,
                stamp_ns=now_ns,
                is_confirmed=True,
            )
            for person in self._people()
            if person.at.level == at.level
            and math.hypot(person.at.pose.x - at.pose.x, person.at.pose.y - at.pose.y) < _SIGHT
        )

"""Keeps what is known of a robot's lids: it drives with all of them shut, whoever wants it to drive."""

from robot_ops.core.world import CompartmentReading
from robot_ops.missions.ports import Compartments
from robot_ops.site.model import Robot


class WatchedCompartments:
    """Implements Compartments before others.

    A lid whose sensors fall silent counts as it was last: shut, unless it was unlocked since. One that was never heard
    of counts as open.
    """

    def __init__(self, compartments: Compartments, robot: Robot) -> None:
        self._compartments = compartments
        self._is_shut = dict.fromkeys(robot.model.compartments, False)

    def open_lids(self) -> tuple[str, ...]:
        """Return the compartments that are not known to be shut, and their locks not to be locked."""
        for compartment in self._is_shut:
            self.state(compartment)
        return tuple(compartment for compartment, is_shut in self._is_shut.items() if not is_shut)

    def state(self, compartment: str) -> CompartmentReading | None:
        """See Compartments."""
        state = self._compartments.state(compartment)
        if state is not None and compartment in self._is_shut:
            self._is_shut[compartment] = state.is_locked and state.is_closed
        return state

    def unlock(self, compartment: str) -> None:
        """See Compartments."""
        self._is_shut[compartment] = False
        self._compartments.unlock(compartment)

    def lock(self, compartment: str) -> None:
        """See Compartments."""
        self._compartments.lock(compartment)

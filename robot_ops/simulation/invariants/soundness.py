"""The fleet's own code makes no mistakes: what it turns into an alarm to go on regardless is found all the same."""

from typing import Final

from robot_ops.simulation.invariants.base import Broken, Invariant

_OWN_MISTAKES: Final = ("internal/", "traffic/planning", "custody/")
"""Alarms that no fault from outside can be the reason of: an exception in the handling of a task or robot, a plan that
does not hold, a custody event that does not fit its chain."""


class Soundness(Invariant):
    """Reads the fleet's alarms."""

    name = "soundness"
    says = "no part of the fleet's work ends in an exception, no plan has a fault"

    def minute(self) -> None:
        """Look at the alarms."""
        dispatcher = self.world.dispatcher
        if dispatcher is None:
            return
        for alarm in dispatcher.alarms():
            if alarm.alarm_id.startswith(_OWN_MISTAKES):
                raise Broken(alarm.text)

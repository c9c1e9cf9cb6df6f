"""Leaves about the battery."""

from typing import ClassVar

from py_trees.common import Status

from robot_ops.missions.tree_nodes import Attribute, Leaf, ValueKind


class ChargeUntil(Leaf):
    """Stays docked at the charger until the state of charge is `soc`, 0-1.

    Attributes in XML: fails when no current flows for `contact` seconds, and after `timeout` seconds in all.
    """

    ATTRIBUTES: ClassVar = {
        "soc": Attribute(kind=ValueKind.NUMBER, default=0.9),
        "contact": Attribute(kind=ValueKind.NUMBER, default=30.0),
        "timeout": Attribute(kind=ValueKind.NUMBER, default=21_600.0),
    }

    def initialise(self) -> None:
        """Begin to charge."""
        super().initialise()
        self._flowed_at = 0.0

    def update(self) -> Status:
        """Watch the battery."""
        battery = self.context.body.battery
        if battery.soc >= self.number("soc"):
            return Status.SUCCESS
        if battery.is_charging:
            self._flowed_at = self.elapsed
        elif self.elapsed - self._flowed_at >= self.number("contact"):
            return self.fail("no current flows at the charger")
        if self.elapsed >= self.number("timeout"):
            return self.fail("charging takes too long")
        return Status.RUNNING

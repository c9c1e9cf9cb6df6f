"""Leaves that close compartments. Nothing but `OpenCompartment` in handover.py ever opens one."""

from typing import ClassVar

from py_trees.common import Status

from robot_ops.missions.tree_nodes import Attribute, Leaf, ValueKind


class LockCompartment(Leaf):
    """Locks the order's compartment and waits until the lock reports it."""

    ATTRIBUTES: ClassVar = {"timeout": Attribute(kind=ValueKind.NUMBER, default=30.0)}

    def initialise(self) -> None:
        """Tell the lock."""
        super().initialise()
        self.context.body.compartments.lock(self.context.order.compartment)

    def update(self) -> Status:
        """Wait for the lock."""
        compartment = self.context.order.compartment
        state = self.context.body.compartments.state(compartment)
        if state is not None and state.is_locked and state.is_closed:
            return Status.SUCCESS
        if self.elapsed >= self.number("timeout"):
            return self.fail(f"compartment {compartment} does not lock")
        return self.wait(f"waits for compartment {compartment} to lock")


class SecureCompartments(Leaf):
    """Locks every compartment that is not, waiting for people to close lids; a robot never drives with an open one."""

    ATTRIBUTES: ClassVar = {
        "timeout": Attribute(kind=ValueKind.NUMBER, default=300.0),
        "outcome": Attribute(default="a compartment was left open"),
    }

    def initialise(self) -> None:
        """Tell the locks that stand open."""
        super().initialise()
        self._told: set[str] = set()

    def update(self) -> Status:
        """Wait for the locks."""
        open_ones = []
        for compartment in self.context.body.robot.model.compartments:
            state = self.context.body.compartments.state(compartment)
            if state is not None and state.is_locked:
                continue
            open_ones.append(compartment)
            if state is not None and compartment not in self._told:
                self._told.add(compartment)
                self.context.body.compartments.lock(compartment)
        if not open_ones:
            return Status.SUCCESS
        if self.elapsed >= self.number("timeout"):
            return self.fail(self.text("outcome"))
        return self.wait(
            f"blocked: somebody must close compartment {', '.join(open_ones)}" if self.elapsed > 5.0 else ""
        )

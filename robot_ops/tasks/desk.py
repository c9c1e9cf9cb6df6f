"""What people do with robot_ops: ask at a kiosk or desk, and use a robot's panel. A port of simulated people."""

from typing import Protocol

from robot_ops.core.ids import PersonId, RobotId
from robot_ops.tasks.requests import TaskRequest


class Desk(Protocol):
    """Carries out what people do; nothing here waits."""

    def submit(self, request: TaskRequest) -> None:
        """Ask for a task; the answer comes later."""
        ...

    def enter_code(self, robot: RobotId, person: PersonId, code: str) -> None:
        """Type a code at a robot's panel."""
        ...

    def press_done(self, robot: RobotId, person: PersonId) -> None:
        """Press "done" at a robot's panel."""
        ...

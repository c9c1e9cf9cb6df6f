"""Shows a courier's compartments in the scene: lids that swing, documents that lie inside."""

from typing import Any, Final

from robot_ops.simulation.compartments import CompartmentBank
from robot_ops.simulation.scene import GROUP_HIDDEN, GROUP_VISIBLE, RobotParts

_LID_TIME: Final = 0.6  # s, that a lid takes to spring open


class Lids:
    """One robot's lids.

    Args:
        model: MuJoCo's, in which they are moved.
        parts: of the robot.
        bank: that tells which are open and what is inside.
    """

    def __init__(self, model: Any, parts: RobotParts, bank: CompartmentBank) -> None:
        self._model = model
        self._parts = parts
        self._bank = bank
        self._angles = dict.fromkeys(parts.lids, 0.0)

    def advance(self, duration: float) -> None:
        """Let time pass, in seconds."""
        for compartment, (body, hinge) in self._parts.lids.items():
            is_occupied = self._bank.document(compartment) is not None
            self._model.geom_group[self._parts.documents[compartment]] = GROUP_VISIBLE if is_occupied else GROUP_HIDDEN
            goal = hinge.open_at if self._bank.is_open(compartment) else 0.0
            angle = self._angles[compartment]
            if angle == goal:
                continue
            reach = abs(hinge.open_at) * duration / _LID_TIME
            angle += max(-reach, min(reach, goal - angle))
            self._angles[compartment] = angle
            pose = hinge.pose_at(angle)
            self._model.body_pos[body], self._model.body_quat[body] = pose.position, pose.quaternion

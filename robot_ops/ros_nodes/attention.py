"""Turns a robot's cameras to what its mission needs: tags while docking, the visitor while leading, else nothing."""

from typing import Final

from rclpy.node import Node

from robot_ops.navigation.docking import DockState
from robot_ops.ros_nodes.mission_node import MissionNode
from robot_ops.ros_nodes.navigation_node import NavigationNode
from robot_ops.ros_nodes.perception_node import PerceptionMode, PerceptionNode
from robot_ops.tasks.orders import MissionPhase

_PERIOD: Final = 0.2  # s
_WITH_VISITOR: Final = frozenset(
    {
        MissionPhase.MEETING,
        MissionPhase.LEADING,
        MissionPhase.WAITING_FOR_VISITOR,
        MissionPhase.SEARCHING_VISITOR,
    }
)
_LOOKING_FOR_TAGS: Final = frozenset(
    {DockState.FACING, DockState.MEASURING, DockState.APPROACHING, DockState.ALIGNING, DockState.RETREATING}
)


class Attention(Node):
    """Watches one robot's mission and docking and sets the mode of its perception.

    Args:
        robot: namespace.
    """

    def __init__(
        self, robot: str, *, missions: MissionNode, navigation: NavigationNode, perception: PerceptionNode
    ) -> None:
        super().__init__("attention", namespace=robot)
        self._missions = missions
        self._navigation = navigation
        self._perception = perception
        self.create_timer(_PERIOD, self._on_timer)

    def _on_timer(self) -> None:
        report = self._missions.agent.report
        if self._navigation.dock_state in _LOOKING_FOR_TAGS:
            mode = PerceptionMode.DOCK
        elif report is not None and report.outcome is None and report.phase in _WITH_VISITOR:
            mode = PerceptionMode.FOLLOW
        else:
            mode = PerceptionMode.OFF
        self._perception.set_mode(mode)

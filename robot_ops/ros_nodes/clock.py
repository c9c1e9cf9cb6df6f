"""A node's clock as the Clock port; follows /clock while use_sim_time is set."""

from rclpy.node import Node


class RosClock:
    """Clock of a node.

    Args:
        node: its clock is read; zero until the first /clock message under use_sim_time.
    """

    def __init__(self, node: Node) -> None:
        self._clock = node.get_clock()

    def now_ns(self) -> int:
        """Return nanoseconds of ROS time."""
        return int(self._clock.now().nanoseconds)

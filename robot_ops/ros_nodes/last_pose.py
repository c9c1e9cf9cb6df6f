"""Remembers over a restart of a robot's process where the robot stands."""

import json
from pathlib import Path
from typing import Final

from rclpy.node import Node

from robot_ops.core.ids import LevelId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.ros_nodes.navigation_node import NavigationNode

_PERIOD: Final = 0.2  # s
_MOVED: Final = 0.05  # m, or rad, after which it is worth writing


def read_last_pose(path: Path) -> LevelPose | None:
    """Return the pose that was kept, None where there is none or it cannot be read."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        pose = Pose(x=float(kept["x"]), y=float(kept["y"]), yaw=float(kept["yaw"]))
        return LevelPose(level=LevelId(str(kept["level"])), pose=pose)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_last_pose(path: Path, at: LevelPose) -> None:
    """Keep a pose; a reader sees the old one or the new one, never half of it.

    Raises:
        OSError: it cannot be written.
    """
    kept = {"level": at.level, "x": at.pose.x, "y": at.pose.y, "yaw": at.pose.yaw}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(kept), encoding="utf-8")
    new.replace(path)


class LastPoseKeeper(Node):
    """Writes one robot's pose down whenever it has moved.

    Args:
        robot: namespace.
        path: the file.
    """

    def __init__(self, robot: str, *, navigation: NavigationNode, path: Path) -> None:
        super().__init__("last_pose", namespace=robot)
        self._navigation = navigation
        self._path = path
        self._kept: LevelPose | None = None
        self.create_timer(_PERIOD, self._on_timer)

    def _on_timer(self) -> None:
        at, kept = self._navigation.pose, self._kept
        if at is None:
            return
        if kept is not None and kept.level == at.level:
            turned = abs(kept.pose.yaw - at.pose.yaw)
            if kept.pose.distance_to(at.pose) < _MOVED and turned < _MOVED:
                return
        try:
            write_last_pose(self._path, at)
        except OSError as error:
            self.get_logger().error(f"the robot's place cannot be kept in {self._path}: {error}")
            return
        self._kept = at

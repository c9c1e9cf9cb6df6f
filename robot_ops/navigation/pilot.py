"""All of one robot's navigation behind one door: localization, costmap, path following and docking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import StateError
from robot_ops.core.ids import LevelId
from robot_ops.core.poses import STANDSTILL, FloatArray, LevelPose, Pose, Twist
from robot_ops.core.sensors import LaserScan, Odometry
from robot_ops.navigation.costmap import CostmapSettings, LocalCostmap
from robot_ops.navigation.docking import DockController, DockSettings, TagSource
from robot_ops.navigation.grid import LevelMap
from robot_ops.navigation.localization import LocalizationSettings, Localizer
from robot_ops.navigation.navigator import PathNavigator
from robot_ops.navigation.navigator_state import NavigatorSettings, NavigatorState


class MotionSource(Enum):
    """Which topic a command goes to."""

    NAV = "nav"
    DOCK = "dock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to drive; `source` is None while the robot has nothing to do, then nothing needs to be sent."""

    twist: Twist
    source: MotionSource | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotSettings:
    """Settings of the parts.

    Attributes:
        max_scan_age, max_odometry_age: older data stops the robot, in seconds.
    """

    navigator: NavigatorSettings
    localization: LocalizationSettings = field(default_factory=LocalizationSettings)
    costmap: CostmapSettings = field(default_factory=CostmapSettings)
    dock: DockSettings = field(default_factory=DockSettings)
    max_scan_age: float = 0.6
    max_odometry_age: float = 0.4


class Pilot:
    """Navigation of one robot.

    Args:
        maps: of every level.
        tags: who measures docking tags, None where nobody does.
    """

    def __init__(self, settings: PilotSettings, maps: Mapping[LevelId, LevelMap], tags: TagSource | None) -> None:
        if not maps:
            raise StateError("navigation needs the map of at least one level")
        self._settings = settings
        self._maps = maps
        self.localizer = Localizer(maps, settings.localization)
        self.costmap = LocalCostmap(next(iter(maps.values())), settings.costmap)
        self.navigator = PathNavigator(settings.navigator, self.costmap)
        self.docking = DockController(settings.dock, tags, self.localizer)
        self._odometry: Odometry | None = None
        self._scan_ns: int | None = None

    def set_pose(self, at: LevelPose, *, std: float = 0.2, std_yaw: float = 0.1) -> None:
        """Tell where the robot is; standard deviations in meters and radians.

        Raises:
            StateError: there is no map of that level.
        """
        self.localizer.set_pose(at, std=std, std_yaw=std_yaw)
        self.costmap.set_map(self._maps[at.level])

    def enter_level(self, level: LevelId) -> None:
        """Switch to the map of another level; x, y and yaw are kept.

        Raises:
            StateError: there is no map of that level, or no pose yet.
        """
        if level == self.localizer.level:
            return
        self.localizer.enter_level(level)
        self.costmap.set_map(self._maps[level])

    def add_odometry(self, odometry: Odometry) -> None:
        """Take odometry."""
        self.localizer.add_odometry(odometry)
        self._odometry = odometry

    def add_scan(self, scan: LaserScan) -> None:
        """Take a scan: correct the pose, then mark and clear obstacles."""
        self._scan_ns = scan.stamp_ns
        self.localizer.add_scan(scan)
        pose = self.localizer.pose_at(scan.stamp_ns)
        if pose is not None and self.localizer.is_localized:
            self.costmap.add_scan(scan, pose)

    def follow(
        self, waypoints: FloatArray, *, speed_limits: FloatArray | None = None, final_yaw: float | None = None
    ) -> None:
        """Follow waypoints (N, 2) in the map frame; see PathNavigator.set_path."""
        if self.docking.is_active:
            self.docking.cancel()
        self.navigator.set_path(waypoints, speed_limits=speed_limits, final_yaw=final_yaw)

    def dock(self, *, tag: int, dock: Pose) -> None:
        """Drive to a dock (map frame).

        Raises:
            StateError: the robot is not localized or docks already.
        """
        self.docking.dock(tag=tag, dock=dock, map_from_odom=self._hand_over())

    def undock(self, *, node: Pose, dock: Pose) -> None:
        """Drive back from a dock to the place's node (map frame).

        Raises:
            StateError: the robot is not localized or docks already.
        """
        self.docking.undock(node=node, dock=dock, map_from_odom=self._hand_over())

    def cancel(self) -> None:
        """Give up driving and docking; the robot brakes."""
        self.navigator.cancel()
        self.docking.cancel()

    def step(self, now_ns: int) -> Command:
        """Return what to drive until the next step, 0.1 s later."""
        odometry = self._odometry
        if odometry is None:
            return Command(twist=STANDSTILL, source=None)
        is_fresh = (
            seconds_between(odometry.stamp_ns, now_ns) <= self._settings.max_odometry_age
            and self._scan_ns is not None
            and seconds_between(self._scan_ns, now_ns) <= self._settings.max_scan_age
        )
        if self.docking.is_active:
            is_ahead_free, is_behind_free = self._free_ahead_and_behind()
            twist = self.docking.step(
                now_ns=now_ns,
                pose=odometry.pose if is_fresh else None,
                is_ahead_free=is_ahead_free,
                is_behind_free=is_behind_free,
            )
            return Command(twist=twist, source=MotionSource.DOCK)
        at = self.localizer.pose if is_fresh and self.localizer.is_localized else None
        was_driving = self.navigator.state in {NavigatorState.ACTIVE, NavigatorState.WAITING}
        twist = self.navigator.step(
            now_ns=now_ns,
            pose=at.pose if at else None,
            twist=odometry.twist,
            lost_reason="the robot does not know where it is" if is_fresh else "the lidar or the odometry is silent",
        )
        is_used = was_driving or twist != STANDSTILL
        return Command(twist=twist, source=MotionSource.NAV if is_used else None)

    def _hand_over(self) -> Pose:
        map_from_odom = self.localizer.map_from_odom
        if map_from_odom is None or not self.localizer.is_localized:
            raise StateError("the robot does not know where it is")
        self.navigator.cancel()
        return map_from_odom

    def _free_ahead_and_behind(self) -> tuple[bool, bool]:
        """Return whether nothing that the map does not know is close in front of and behind the robot."""
        at = self.localizer.pose
        obstacles = self.costmap.obstacles
        if at is None or not len(obstacles):
            return True, True
        radius = self._settings.navigator.radius
        local = at.pose.inverse().transform(obstacles)
        near = local[(np.abs(local[:, 1]) < radius + 0.02) & (np.abs(local[:, 0]) < radius + 0.3)]
        return not bool((near[:, 0] > 0.5 * radius).any()), not bool((near[:, 0] < -0.5 * radius).any())

"""Parameters of the navigation node."""

import math
from dataclasses import dataclass
from typing import Final

from rclpy.parameter import Parameter

from robot_ops.navigation.controller import ControllerSettings
from robot_ops.navigation.docking import DockSettings
from robot_ops.navigation.navigator_state import NavigatorSettings
from robot_ops.navigation.pilot import PilotSettings
from robot_ops.navigation.planner import DetourSettings
from robot_ops.ros_nodes.parameters import parameter
from robot_ops.site.model import RobotModel

_NAVIGATOR: Final = NavigatorSettings(radius=0.35, max_speed=1.0)
_CONTROLLER: Final = ControllerSettings()
_DETOUR: Final = DetourSettings()
_DOCK: Final = DockSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationParameters:
    """Parameters of the navigation node, in meters, seconds and radians."""

    radius: float = parameter(_NAVIGATOR.radius, "Radius of the footprint, m.", low=0.05, high=2.0)
    max_speed: float = parameter(_NAVIGATOR.max_speed, "Greatest speed, m/s.", low=0.05, high=3.0)
    max_acceleration: float = parameter(_CONTROLLER.acceleration, "Speeding up, m/s^2.", low=0.05, high=5.0)
    max_deceleration: float = parameter(_CONTROLLER.deceleration, "Slowing down, m/s^2.", low=0.05, high=5.0)
    max_yaw_rate: float = parameter(_CONTROLLER.max_yaw_rate, "Greatest yaw rate, rad/s.", low=0.1, high=6.0)
    max_yaw_acceleration: float = parameter(_CONTROLLER.angular_acceleration, "rad/s^2.", low=0.1, high=20.0)
    lateral_acceleration: float = parameter(_CONTROLLER.lateral_acceleration, "In bends, m/s^2.", low=0.05, high=5.0)
    goal_tolerance: float = parameter(_CONTROLLER.goal_tolerance, "At the goal, m.", low=0.02, high=0.5)
    yaw_tolerance: float = parameter(_CONTROLLER.yaw_tolerance, "At the goal, rad.", low=0.02, high=1.0)
    map_margin: float = parameter(_NAVIGATOR.map_margin, "Kept free to the map's walls, m.", low=0.0, high=1.0)
    obstacle_margin: float = parameter(_NAVIGATOR.obstacle_margin, "Kept free to obstacles, m.", low=0.0, high=1.0)
    corridor: float = parameter(_DETOUR.corridor, "Detours stay this near to the lane, m.", low=0.0, high=3.0)
    back_up_after: float = parameter(_NAVIGATOR.back_up_after, "Blocked for so long, s.", low=1.0, high=600.0)
    fail_after: float = parameter(_NAVIGATOR.fail_after, "A blocked path is given up, s.", low=5.0, high=3600.0)
    dock_speed: float = parameter(_DOCK.speed, "Speed of docking, m/s.", low=0.02, high=0.5)
    tag_distance: float = parameter(
        0.65, "From base_link to the tag when docked, m; 0 takes it from the map.", low=0.0, high=3.0
    )
    lidar_x: float = parameter(0.0, "Position of the lidar in base_link, m.", low=-2.0, high=2.0)
    lidar_y: float = parameter(0.0, "Position of the lidar in base_link, m.", low=-2.0, high=2.0)
    lidar_yaw: float = parameter(0.0, "Heading of the lidar in base_link, rad.", low=-math.pi, high=math.pi)

    def settings(self) -> PilotSettings:
        """Return the settings of the pilot's parts."""
        controller = ControllerSettings(
            acceleration=self.max_acceleration,
            deceleration=self.max_deceleration,
            angular_acceleration=self.max_yaw_acceleration,
            max_yaw_rate=self.max_yaw_rate,
            lateral_acceleration=self.lateral_acceleration,
            goal_tolerance=self.goal_tolerance,
            yaw_tolerance=self.yaw_tolerance,
        )
        navigator = NavigatorSettings(
            radius=self.radius,
            max_speed=self.max_speed,
            map_margin=self.map_margin,
            obstacle_margin=self.obstacle_margin,
            back_up_after=self.back_up_after,
            fail_after=self.fail_after,
            controller=controller,
            detour=DetourSettings(corridor=self.corridor),
        )
        dock = DockSettings(
            speed=self.dock_speed, retreat_speed=self.dock_speed, tag_distance=self.tag_distance or None
        )
        return PilotSettings(navigator=navigator, dock=dock)


def parameters_of(model: RobotModel) -> list[Parameter]:
    """Return the parameters that a robot's build settles, to be handed to `NavigationNode` as overrides."""
    return [
        Parameter(name, value=float(getattr(model, name)))
        for name in ("radius", "max_speed", "max_acceleration", "max_yaw_rate")
    ]

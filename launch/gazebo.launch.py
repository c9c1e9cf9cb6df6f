"""The immigration hall in Gazebo: ros_gz_sim, one bridge per robot, and the team as it runs everywhere.

ros2 launch robot_ops gazebo.launch.py scenario:=... headless:=true port:=8080

Needs ros_gz and tf2_ros. launch/bridge/ holds what passes between Gazebo and ROS; tools/make_bridge.py writes it.
"""

import shlex

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    AppendEnvironmentVariable,
    DeclareLaunchArgument,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from robot_ops.bringup import launch_processes as common
from robot_ops.bringup.live_system import team_table
from robot_ops.core.errors import ParameterError
from robot_ops.core.resources import shared_folder
from robot_ops.simulation.scenario import load_scenario

LIDAR_HEIGHT = 0.3  # m, as in sim/models


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, and Gazebo, bridges and processes once those are known."""
    world = shared_folder("sim") / "worlds" / "immigration_hall.sdf"
    return LaunchDescription(
        [
            common.scenario_argument(),
            DeclareLaunchArgument("world", default_value=str(world), description="SDF world of the scenario's site"),
            DeclareLaunchArgument("headless", default_value="false", description="true: without Gazebo's window"),
            common.port_argument(),
            common.parameters_argument(),
            common.folder_argument(),
            AppendEnvironmentVariable("GZ_SIM_RESOURCE_PATH", str(shared_folder("sim") / "models")),
            OpaqueFunction(function=_gazebo),
            OpaqueFunction(function=_bridges),
            OpaqueFunction(function=_team),
        ]
    )


def _gazebo(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    is_headless = common.text(context, "headless").lower() in {"true", "1", "yes"}
    world = common.path(context, "world")
    if not world.is_file():
        raise ParameterError(
            "there is no such file", where=f"launch argument world ({world})", mend="Name an SDF world"
        )
    launch_file = PathJoinSubstitution([FindPackageShare("ros_gz_sim"), "launch", "gz_sim.launch.py"])
    arguments = {
        # -r runs at once, -s is the server alone, which then renders the cameras without a window
        "gz_args": f"-r {'-s --headless-rendering ' if is_headless else ''}{shlex.quote(str(world))}",
        "on_exit_shutdown": "true",
    }
    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(launch_file),
            launch_arguments=arguments.items(),
        )
    ]


def _bridges(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    robots = load_scenario(common.path(context, "scenario")).robots
    return [
        _bridge("clock"),
        *(_bridge(robot) for robot in robots),
        *(
            Node(
                package="tf2_ros",
                executable="static_transform_publisher",
                name=f"{robot}_lidar_frame",
                arguments=[
                    *("--z", str(LIDAR_HEIGHT)),
                    *("--frame-id", f"{robot}/base_link"),
                    *("--child-frame-id", f"{robot}/lidar_link"),
                ],
            )
            for robot in robots
        ),
    ]


def _bridge(name: str) -> Node:
    file = shared_folder("launch") / "bridge" / f"{name}.yaml"
    if not file.is_file():
        raise ParameterError("there is no such file", where=str(file), mend="Run tools/make_bridge.py for the world")
    return Node(
        package="ros_gz_bridge",
        executable="parameter_bridge",
        name=f"{name}_bridge",
        parameters=[{"config_file": str(file)}],
        output="screen",
    )


def _team(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    scenario_file = common.path(context, "scenario")
    return common.executions(
        team_table(
            load_scenario(scenario_file),
            scenario_file=scenario_file,
            folder=common.folder(context),
            port=common.port(context),
            parameters=common.path(context, "params"),
        )
    )

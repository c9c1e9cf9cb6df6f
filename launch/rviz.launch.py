"""RViz with the robots' maps, scans and plans, and traffic: itineraries, clearances, who waits for whom, closed lanes.

ros2 launch robot_ops rviz.launch.py scenario:=... use_sim_time:=true
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch_ros.actions import Node

from robot_ops.bringup import launch_processes as common
from robot_ops.bringup.live_system import markers_table
from robot_ops.core.resources import shared_folder
from robot_ops.simulation.scenario import load_scenario


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, and the processes once those are known."""
    return LaunchDescription(
        [
            common.scenario_argument(),
            DeclareLaunchArgument("use_sim_time", default_value="true", description="false beside real robots"),
            OpaqueFunction(function=_processes),
        ]
    )


def _processes(context: LaunchContext) -> list[ExecuteProcess]:
    scenario_file = common.path(context, "scenario")
    load_scenario(scenario_file)  # a wrong file is told here, before anything starts
    is_simulated = common.text(context, "use_sim_time").lower() in ("true", "1", "yes")
    table = markers_table(scenario_file=scenario_file, is_simulated=is_simulated)
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", str(shared_folder("launch") / "rviz" / "robot_ops.rviz")],
        parameters=[{"use_sim_time": is_simulated}],
    )
    return [*common.executions(table, is_one_machine=is_simulated), rviz]

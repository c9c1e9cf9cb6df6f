"""One real robot: its safety, missions, navigation and perception, on its own computer beside its drivers.

ros2 launch robot_ops robot.launch.py robot:=guide_1 scenario:=... params:=... folder:=~/.ros/robot_ops

The robot's drivers serve odom, scan, camera/*, battery_state, on couriers compartments and lock_command, in the robot's
namespace, and /tf from <robot>/odom to <robot>/base_link; they take cmd_vel from the safety node alone. The robot is
switched on at its charger, or told where it is on initialpose.
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction

from robot_ops.bringup import launch_processes as common
from robot_ops.bringup.live_system import robot_table
from robot_ops.bringup.processes.entry import known_robots
from robot_ops.simulation.scenario import load_scenario


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, and the processes once those are known."""
    return LaunchDescription(
        [
            DeclareLaunchArgument("robot", description="its id in the site file, which is its namespace, too"),
            common.scenario_argument(),
            common.parameters_argument(),
            common.folder_argument("~/.ros/robot_ops"),
            OpaqueFunction(function=_processes),
        ]
    )


def _processes(context: LaunchContext) -> list[ExecuteProcess]:
    scenario_file = common.path(context, "scenario")
    site = load_scenario(scenario_file).site
    (robot,) = known_robots([common.text(context, "robot")], site)
    return common.executions(
        robot_table(
            robot,
            scenario_file=scenario_file,
            folder=common.folder(context),
            parameters=common.path(context, "params"),
        ),
        is_one_machine=False,
    )

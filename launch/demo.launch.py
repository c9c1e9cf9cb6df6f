"""The immigration hall in the embedded simulator, as `robot-ops demo` runs it, without its report.

ros2 launch robot_ops demo.launch.py scenario:=... seed:=1 speed:=1.0 port:=8080
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction

from robot_ops.bringup import launch_processes as common
from robot_ops.bringup.live_system import table
from robot_ops.simulation.scenario import load_scenario


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, and the processes once those are known."""
    return LaunchDescription(
        [
            common.scenario_argument(),
            DeclareLaunchArgument("seed", default_value="1", description="of people and noise"),
            DeclareLaunchArgument("speed", default_value="1.0", description="simulated seconds per real second"),
            common.port_argument(),
            common.folder_argument(),
            OpaqueFunction(function=_processes),
        ]
    )


def _processes(context: LaunchContext) -> list[ExecuteProcess]:
    scenario_file = common.path(context, "scenario")
    return common.executions(
        table(
            load_scenario(scenario_file),
            scenario_file=scenario_file,
            folder=common.folder(context),
            seed=int(common.number(context, "seed", low=0, high=2**31)),
            speed=common.number(context, "speed", low=0.1, high=10.0),
            port=common.port(context),
        )
    )

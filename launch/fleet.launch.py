"""The fleet and the console for real robots; runs once, anywhere in the robots' network.

ros2 launch robot_ops fleet.launch.py scenario:=... folder:=~/.ros/robot_ops port:=8080
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import ExecuteProcess, OpaqueFunction

from robot_ops.bringup import launch_processes as common
from robot_ops.bringup.live_system import fleet_table
from robot_ops.simulation.scenario import load_scenario


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, and the processes once those are known."""
    return LaunchDescription(
        [
            common.scenario_argument(),
            common.port_argument(),
            common.folder_argument("~/.ros/robot_ops"),
            common.ledger_argument(),
            OpaqueFunction(function=_processes),
        ]
    )


def _processes(context: LaunchContext) -> list[ExecuteProcess]:
    scenario_file = common.path(context, "scenario")
    load_scenario(scenario_file)  # a wrong file is told here, before anything starts
    return common.executions(
        fleet_table(
            scenario_file=scenario_file,
            folder=common.folder(context),
            port=common.port(context),
            ledger=common.text(context, "ledger"),
        ),
        is_one_machine=False,
    )

"""The safety process of one robot (several with --robots, for small machines)."""

from rclpy.parameter import Parameter

from robot_ops.bringup.processes.entry import (
    clock_parameter,
    known_robots,
    parse_arguments,
    process_parser,
    run_process,
)
from robot_ops.ros_nodes.runtime import ros, spin
from robot_ops.ros_nodes.safety_node import SafetyNode, parameters_of
from robot_ops.simulation.scenario import load_scenario


def main() -> None:
    """Run the safety nodes of the robots named on the command line."""
    parser = process_parser(__doc__)
    parser.add_argument("--robots", nargs="+", required=True)
    arguments = parse_arguments(parser)
    site = load_scenario(arguments.scenario).site
    robots = known_robots(arguments.robots, site)
    with ros():
        spin(
            *(
                SafetyNode(
                    robot,
                    overrides=[
                        *parameters_of(site.robots[robot].model),
                        Parameter("state_folder", value=str(arguments.folder)),
                        clock_parameter(arguments),
                    ],
                )
                for robot in robots
            )
        )


if __name__ == "__main__":
    run_process(main)

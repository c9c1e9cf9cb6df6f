"""Markers of traffic for RViz, as a process; start it where RViz runs."""

from robot_ops.bringup.processes.entry import clock_parameter, parse_arguments, process_parser, run_process
from robot_ops.ros_nodes.marker_node import MarkerNode
from robot_ops.ros_nodes.runtime import ros, spin
from robot_ops.simulation.scenario import load_scenario


def main() -> None:
    """Paint until SIGINT or SIGTERM."""
    arguments = parse_arguments(process_parser(__doc__, has_folder=False))
    scenario = load_scenario(arguments.scenario)
    with ros():
        spin(MarkerNode(scenario.site, robots=scenario.robots, overrides=[clock_parameter(arguments)]))


if __name__ == "__main__":
    run_process(main)

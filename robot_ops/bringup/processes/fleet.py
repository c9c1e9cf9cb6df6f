"""The fleet as a process: dispatcher, traffic and the ledger, in a SQLite file or a PostgreSQL database."""

import sys

from robot_ops.bringup.kernels import ensure_kernels, load_kernels
from robot_ops.bringup.processes.entry import clock_parameter, parse_arguments, process_parser, run_process
from robot_ops.dispatch.secret import read_secret
from robot_ops.ledger.holdings_file import HoldingsFile
from robot_ops.ledger.places import place_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.ros_nodes.fleet_node import FleetNode
from robot_ops.ros_nodes.runtime import ros, spin
from robot_ops.simulation.scenario import load_scenario


def main() -> None:
    """Run the fleet of a scenario until it is told to end; it goes on from the ledger in the folder."""
    parser = process_parser(__doc__)
    parser.add_argument(
        "--ledger", default=None, help="SQLite file or postgresql:// URL (default: ledger.sqlite in the folder)"
    )
    arguments = parse_arguments(parser)
    scenario = load_scenario(arguments.scenario)
    ensure_kernels(lambda text: sys.stderr.write(f"{text}\n"))
    load_kernels(scenario.site)
    secret = read_secret(arguments.folder / "fleet.secret")
    place = arguments.ledger or str(arguments.folder / "ledger.sqlite")
    with SqlLedger(place_url(place)) as ledger, ros():
        spin(
            FleetNode(
                site=scenario.site,
                ledger=ledger,
                secret=secret,
                robots=scenario.robots,
                holdings=HoldingsFile(arguments.folder / "holdings.json"),
                overrides=[clock_parameter(arguments)],
            )
        )


if __name__ == "__main__":
    run_process(main)

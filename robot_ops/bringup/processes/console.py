"""The console as a process: the web server for operators, and its node."""

import logging
import signal
import socket
import sys

import uvicorn
from fastapi import FastAPI

from robot_ops.bringup.processes.entry import clock_parameter, parse_arguments, process_parser, run_process
from robot_ops.console.app import create_app
from robot_ops.console.guard import LOCAL_HOSTS
from robot_ops.core.errors import SetupError
from robot_ops.ros_nodes.operations_node import OperationsNode
from robot_ops.ros_nodes.runtime import BackgroundSpin, ros
from robot_ops.simulation.scenario import load_scenario

_GRACE = 2
"""Seconds that open requests have at the end."""


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = process_parser(__doc__)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; anybody who reaches it may command")
    parser.add_argument("--name", action="append", default=[], help="host name that browsers may call the console by")
    arguments = parse_arguments(parser)
    scenario = load_scenario(arguments.scenario)
    with _bind(arguments.host, arguments.port) as listener, ros():
        node = OperationsNode(scenario.site, robots=scenario.robots, overrides=[clock_parameter(arguments)])
        app = create_app(node, scenario.site, hosts=(*LOCAL_HOSTS, arguments.host, *arguments.name))
        # without its node the page would show a hall that stands still: end, and be started again
        spin = BackgroundSpin(node, on_failure=lambda: signal.raise_signal(signal.SIGTERM))
        spin.start()
        try:
            _serve(app, listener)
        finally:
            spin.stop()


def _serve(app: FastAPI, listener: socket.socket) -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    # uvicorn raises the signal that ended it once more when it is done; the default handler would end us there and then
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE,
        ws_max_size=1024,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _bind(host: str, port: int) -> socket.socket:
    """Return the socket to serve at.

    Raises:
        SetupError: the address cannot be had.
    """
    try:
        return socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        raise SetupError(
            f"{host}:{port} cannot be served: {error}", where="arguments --host and --port", mend="Name another port"
        ) from error


if __name__ == "__main__":
    run_process(main)

"""Running nodes: one executor per process, a clean end on Ctrl-C or SIGTERM."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future


@contextmanager
def ros() -> Iterator[None]:
    """Initialize rclpy's default context and shut it down at the end. Signals stay Python's."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        yield
    finally:
        rclpy.try_shutdown()


def spin(*nodes: Node) -> None:
    """Run the nodes in this thread until SIGINT, SIGTERM or rclpy's shutdown, then destroy them.

    An EventsExecutor costs a quarter of the default executor's CPU; its own `spin()` busy-loops in rclpy 9.1, waiting
    on a future does not.
    """
    executor = EventsExecutor()
    for node in nodes:
        executor.add_node(node)
    stop: Future[None] = Future()
    with _on_signal(lambda: executor.create_task(stop.set_result, None)):
        try:
            while rclpy.ok() and not stop.done():
                executor.spin_until_future_complete(stop, timeout_sec=3600.0)
        except ExternalShutdownException:
            pass
        finally:
            for node in nodes:
                executor.remove_node(node)
                node.destroy_node()
            executor.shutdown()


@contextmanager
def _on_signal(end: Callable[[], object]) -> Iterator[None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        end()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)

"""Running nodes: one executor per process, a clean end on Ctrl-C or SIGTERM."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.experimental import EventsExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

_LOOK_EVERY: Final = 0.5  # s; signals reach Python only when the executor returns from its wait


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
                executor.spin_until_future_complete(stop, timeout_sec=_LOOK_EVERY)
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


class BackgroundSpin:
    """Runs one node in a thread of its own, for programs whose main thread does something else.

    Args:
        node: it is destroyed by `stop`.
        on_failure: called, in that thread, when a callback of the node has raised, which ends the thread.
    """

    def __init__(self, node: Node, on_failure: Callable[[], object] | None = None) -> None:
        self._node = node
        self._on_failure = on_failure
        self._failure: BaseException | None = None
        self._executor = EventsExecutor()
        self._stop: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=f"spin {node.get_name()}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._executor.add_node(self._node)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and destroy the node.

        Raises:
            BaseException: what a callback of the node has raised.
        """
        self._executor.create_task(self._stop.set_result, None)
        self._thread.join(timeout=5.0)
        self._executor.remove_node(self._node)
        self._node.destroy_node()
        self._executor.shutdown()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while rclpy.ok() and not self._stop.done():
                self._executor.spin_until_future_complete(self._stop, timeout_sec=_LOOK_EVERY)
        except ExternalShutdownException:
            pass
        except BaseException as error:  # noqa: BLE001  the thread's boundary: `stop` raises it again
            self._failure = error
            if self._on_failure is not None:
                self._on_failure()

"""A topic that is subscribed only while somebody asks for it."""

from typing import Any, Final, Generic, TypeVar

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from robot_ops.core.clock import seconds_between

PATIENCE: Final = 5.0
"""Seconds after the last question until the subscription is dropped."""

MessageT = TypeVar("MessageT")


class WatchedTopic(Generic[MessageT]):
    """Latest message of a topic, for big or rare messages that cost everybody when they are sent for nobody.

    Args:
        node: it must call `reconcile` now and then (a few times a second) in its executor's thread.
        kind: the message's class.
    """

    def __init__(self, node: Node, kind: type[MessageT], topic: str, qos: QoSProfile) -> None:
        self._node = node
        self._kind = kind
        self._topic = topic
        self._qos = qos
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._asked_ns: int | None = None
        self._message: MessageT | None = None
        self._subscription: Subscription[Any] | None = None

    def ask(self) -> MessageT | None:
        """Return the latest message, None before the first; keeps the subscription alive. From any thread."""
        self._asked_ns = self._steady.now().nanoseconds
        return self._message

    def reconcile(self) -> None:
        """Subscribe when it was asked for, drop the subscription when it was not for a while."""
        asked_ns = self._asked_ns
        is_wanted = asked_ns is not None and seconds_between(asked_ns, self._steady.now().nanoseconds) < PATIENCE
        if is_wanted and self._subscription is None:
            self._subscription = self._node.create_subscription(self._kind, self._topic, self._take, self._qos)
        elif not is_wanted and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
            self._message = None

    def _take(self, message: MessageT) -> None:
        self._message = message

"""The fleet as it would be if it knew nothing of what is due: what it leaves out otherwise must make no difference."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from robot_ops.dispatch.duties import Duty
from robot_ops.traffic.control import TrafficControl


@contextmanager
def everything_at_every_step() -> Iterator[None]:
    """Have the fleet look at everything at every step, as if something had happened before each."""
    perform, news = Duty.perform, itertools.count()
    with ExitStack() as stack:
        stack.enter_context(patch.object(Duty, "perform", lambda duty, now_ns, _: perform(duty, now_ns, next(news))))
        stack.enter_context(patch.object(TrafficControl, "is_due", lambda *_: True))
        stack.enter_context(patch.object(TrafficControl, "_is_resting", lambda *_: False))
        yield

"""What the fleet looks after at every step: all of it after news, and else only what is due.

A hall in which nothing happens costs next to nothing so, however often the fleet steps and however many robots it has.
"""

from collections.abc import Callable


class Duty:
    """One part of the fleet's step.

    Args:
        step: does it; returns the instant from which on it may have something to do although nothing has happened
            meanwhile, nanoseconds of the fleet's clock. One in the past: it wants to look at every step.
    """

    __slots__ = ("_changes", "_due_ns", "_step")

    def __init__(self, step: Callable[[], int]) -> None:
        self._step = step
        self._changes = -1
        self._due_ns = 0

    def perform(self, now_ns: int, changes: int) -> bool:
        """Do it, unless there is nothing to do; return whether it was done. What it raises leaves it due.

        Args:
            changes: how often anything has happened so far that it may depend on.
        """
        if changes == self._changes and now_ns < self._due_ns:
            return False
        # it sees what it changes itself at the next step, as the parts before it do
        self._changes, self._due_ns = changes, now_ns
        self._due_ns = self._step()
        return True

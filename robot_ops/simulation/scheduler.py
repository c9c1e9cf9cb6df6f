"""What happens next in a simulation: actions in the order of their instants, and of asking where those are equal."""

import heapq
from collections.abc import Callable

from robot_ops.core.clock import to_ns

Action = Callable[[], object]


class Scheduler:
    """A heap of actions and the clock that they move; implements `robot_ops.core.clock.Clock`.

    Args:
        now_ns: first instant, nanoseconds.
    """

    def __init__(self, now_ns: int) -> None:
        self._now_ns = now_ns
        self._count = 0
        self._heap: list[tuple[int, int, Action]] = []

    @property
    def count(self) -> int:
        """Return how many actions were asked for so far."""
        return self._count

    def now_ns(self) -> int:
        """Return the present instant in nanoseconds."""
        return self._now_ns

    def at(self, stamp_ns: int, action: Action) -> None:
        """Do something at an instant, or as soon as possible where that has passed."""
        heapq.heappush(self._heap, (max(stamp_ns, self._now_ns), self._count, action))
        self._count += 1

    def after(self, seconds: float, action: Action) -> None:
        """Do something in so many seconds (>= 0)."""
        self.at(self._now_ns + to_ns(seconds), action)

    def run(self, until_ns: int, *, stops: Callable[[], bool] | None = None) -> None:
        """Do what is due up to and including an instant, which is the present one in the end.

        Args:
            stops: asked after each action; True ends the run at once.
        """
        heap = self._heap
        while heap and heap[0][0] <= until_ns:
            stamp_ns, _, action = heapq.heappop(heap)
            self._now_ns = stamp_ns
            action()
            if stops is not None and stops():
                return
        self._now_ns = max(self._now_ns, until_ns)


class Alarm:
    """One action that is due at one instant at a time; waking it earlier moves it, and it never runs twice.

    Args:
        act: called when it is due.
    """

    def __init__(self, scheduler: Scheduler, act: Action) -> None:
        self._scheduler = scheduler
        self._act = act
        self._due_ns: int | None = None

    @property
    def is_set(self) -> bool:
        """Return whether it is due at some instant."""
        return self._due_ns is not None

    def wake(self, seconds: float) -> None:
        """Have it due in so many seconds, unless it is due before."""
        self.wake_at(self._scheduler.now_ns() + to_ns(seconds))

    def wake_at(self, stamp_ns: int) -> None:
        """Have it due at an instant, unless it is due before."""
        if self._due_ns is not None and self._due_ns <= stamp_ns:
            return
        self._due_ns = stamp_ns
        self._scheduler.at(stamp_ns, lambda: self._ring(stamp_ns))

    def cancel(self) -> None:
        """Have it due no more."""
        self._due_ns = None

    def _ring(self, due_ns: int) -> None:
        if self._due_ns != due_ns:
            return  # moved or canceled since
        self._due_ns = None
        self._act()

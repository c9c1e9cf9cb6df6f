"""The fleet's process in a simulation: takes mail, steps when something came or is due, dies and starts anew."""

from collections.abc import Callable
from typing import Final, TypeVar

from robot_ops.core.errors import LedgerError, LinkError
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.simulation.scheduler import Alarm, Scheduler
from robot_ops.simulation.storage_faults import ProcessKilled

REACTION: Final = 0.2
"""s from mail that tells news to the step that acts on it; what comes meanwhile is taken together."""
_START_RETRY: Final = 2.0  # s until a process that could not start is started again

T = TypeVar("T")


class FleetProcess:
    """One dispatcher after another on the same ledger.

    Args:
        make: a new dispatcher that has read nothing yet.
        period: s between two steps while there is no news.
        on_started: called when a dispatcher has read the ledger and takes mail.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        make: Callable[[], Dispatcher],
        *,
        period: Callable[[], float],
        on_started: Callable[[Dispatcher], None],
    ) -> None:
        self._scheduler = scheduler
        self._make = make
        self._period = period
        self._on_started = on_started
        self._step = Alarm(scheduler, self._on_step)
        self._start = Alarm(scheduler, self.start)
        self.dispatcher: Dispatcher | None = None
        self.start_count = 0

    def start(self) -> None:
        """Start the process, unless it runs; where its ledger cannot be read it is started again a little later."""
        if self.dispatcher is not None:
            return
        dispatcher = self._make()
        try:
            dispatcher.recover()
        except (LedgerError, ProcessKilled):
            self._start.wake(_START_RETRY)
            return
        self.dispatcher = dispatcher
        self.start_count += 1
        self._on_started(dispatcher)
        self._step.wake(REACTION)

    def kill(self, down: float = _START_RETRY) -> None:
        """Kill the process as kill -9 does; it is started again in so many seconds."""
        self.dispatcher = None
        self._step.cancel()
        self._start.wake(down)

    def receive(self, take: Callable[[Dispatcher], object], *, is_news: bool) -> None:
        """Hand mail to the process; lost where none runs.

        Args:
            is_news: the process shall act on it soon.
        """
        if self.dispatcher is None:
            return
        self._guarded(self.dispatcher, take)
        if is_news:
            self._step.wake(REACTION)

    def call(self, ask: Callable[[Dispatcher], T]) -> T:
        """Ask the process as a client does.

        Raises:
            LinkError: there is no answer; nobody knows what was done.
            RequestError, LedgerError: see Dispatcher.
        """
        if self.dispatcher is None:
            raise LinkError("the fleet does not answer")
        try:
            answer = ask(self.dispatcher)
        except ProcessKilled:
            self.kill()
            raise LinkError("the fleet does not answer") from None
        self._step.wake(REACTION)
        return answer

    def _on_step(self) -> None:
        if self.dispatcher is None:
            return
        self._guarded(self.dispatcher, lambda dispatcher: dispatcher.step())
        if self.dispatcher is not None:
            self._step.wake(self._period())

    def _guarded(self, dispatcher: Dispatcher, act: Callable[[Dispatcher], object]) -> None:
        try:
            act(dispatcher)
        except ProcessKilled:
            self.kill()

"""Tells the keepers of exchanges their codes, as somebody at the console does in a real hall."""

from typing import TYPE_CHECKING, Final

from robot_ops.core.errors import LedgerError, LinkError, RequestError
from robot_ops.core.ids import PersonId, TaskId
from robot_ops.dispatch.ports import TaskView
from robot_ops.simulation.scheduler import Alarm

if TYPE_CHECKING:
    from robot_ops.simulation.deterministic import DeterministicRun

_ROUND: Final = 10.0  # s between two looks at the tasks


class KeeperCalls:
    """Looks now and then which documents are brought to an exchange, and tells its keeper once."""

    def __init__(self, run: "DeterministicRun") -> None:
        self._run = run
        self._alarm = Alarm(run.scheduler, self._look)
        self._told: set[tuple[TaskId, PersonId]] = set()

    def begin(self) -> None:
        """Begin the shift."""
        self._alarm.wake(_ROUND)

    def _look(self) -> None:
        self._alarm.wake(_ROUND)
        dispatcher = self._run.fleet.dispatcher
        if dispatcher is None:
            return
        for task in dispatcher.tasks(with_finished=False):
            if task.keeper is not None and (task.task_id, task.keeper) not in self._told:
                self._tell(task, task.keeper)

    def _tell(self, task: TaskView, keeper: PersonId) -> None:
        try:
            code = self._run.fleet.call(lambda fleet: fleet.hand_over(task.task_id, keeper))
        except (LinkError, LedgerError, RequestError):
            return  # not now: at the next look
        self._told.add((task.task_id, keeper))
        now_ns = self._run.scheduler.now_ns()
        self._run.population.make_keeper(keeper, task.task_id, code, now_ns)
        self._run.wake_people()

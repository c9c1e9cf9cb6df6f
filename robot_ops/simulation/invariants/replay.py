"""What the ledger tells is what the fleet believes."""

from robot_ops.dispatch.ports import TaskView
from robot_ops.simulation.invariants.base import Broken, Invariant
from robot_ops.tasks.book import TaskRecord, replayed


class Replay(Invariant):
    """Builds the book anew from the ledger and compares it with what the fleet shows."""

    name = "replay"
    says = "the book that follows from the ledger is the one the fleet lives by"

    def restarted(self) -> None:
        """Compare after a start."""
        self._compare()

    def end(self) -> None:
        """Compare at the end."""
        self._compare()

    def _compare(self) -> None:
        dispatcher = self.world.dispatcher
        if dispatcher is None:
            return
        book = replayed(self.world.events())
        told = {task.task_id: _state(task) for task in dispatcher.tasks(with_finished=True)}
        read = {task.task_id: _state(task) for task in book.tasks.values()}
        for task_id in sorted(told.keys() | read.keys()):
            if told.get(task_id) != read.get(task_id):
                raise Broken(f"the fleet says {task_id} is {told.get(task_id)}, the ledger {read.get(task_id)}")
        if book.traffic_rules != dispatcher.traffic_rules:
            raise Broken("the fleet's traffic rules are not those of the ledger")


def _state(task: TaskView | TaskRecord) -> tuple[object, ...]:
    return (task.status.value, task.robot, task.submitted_ns, task.started_ns, task.finished_ns)

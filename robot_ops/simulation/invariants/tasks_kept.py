"""No accepted task is lost, and nothing that must be done once is done twice."""

from collections.abc import Iterable

from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.dispatch.ports import TaskView
from robot_ops.simulation.invariants.base import Broken, Invariant, World
from robot_ops.tasks.custody import CustodyEvent, CustodyKind
from robot_ops.tasks.ledger import LedgerEvent
from robot_ops.tasks.requests import DeliveryRequest
from robot_ops.tasks.status import TaskStatus


class TasksKept(Invariant):
    """Compares what people were told with what the fleet knows."""

    name = "tasks_kept"
    says = "every task that was accepted is known for ever, under one id, and ends with a reason in bounded time"

    def restarted(self) -> None:
        """Look whether the new process knows all that the old ones accepted."""
        self._compare(self._tasks())

    def end(self) -> None:
        """Look whether all have ended."""
        if self.world.dispatcher is None:
            raise Broken("the fleet does not start any more")
        tasks = self._tasks()
        self._compare(tasks)
        for task in tasks:
            if not task.status.is_final:
                raise Broken(f"{task.task_id} does not end: it is {task.status.value} ({task.reason})")
            if task.status is not TaskStatus.COMPLETED and not task.reason:
                raise Broken(f"{task.task_id} is {task.status.value} without a reason")

    def _tasks(self) -> tuple[TaskView, ...]:
        dispatcher = self.world.dispatcher
        return () if dispatcher is None else dispatcher.tasks(with_finished=True)

    def _compare(self, tasks: Iterable[TaskView]) -> None:
        known: dict[str, TaskId] = {}
        for task in tasks:
            if task.request.request_id in known:
                raise Broken(f"request {task.request.request_id} became two tasks")
            known[task.request.request_id] = task.task_id
        for request_id, answer in self.world.answers.items():
            if known.get(request_id) != answer.task_id:
                raise Broken(f"{answer.task_id} was accepted and is {known.get(request_id) or 'lost'} now")


class Once(Invariant):
    """Follows every document by the robots' own records."""

    name = "once"
    says = "a document is loaded, handed over and confirmed once, by one robot at a time, and from whoever has it"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._bearer: dict[TaskId, RobotId] = {}
        self._delivered: dict[TaskId, CustodyEvent] = {}
        self._custodian: dict[TaskId, PersonId] = {}

    def recorded(self, event: CustodyEvent) -> None:
        """Follow the document; an event that is written again after a failed write follows itself."""
        task, robot = event.task_id, event.robot
        done = self._delivered.get(task)
        match event.kind:
            case CustodyKind.LOADED:
                custodian = self._custodian.pop(task, event.person)
                if custodian != event.person:
                    raise Broken(f"{event.person} gives {robot} the document of {task}, which {custodian} has")
                bearer = self._bearer.setdefault(task, robot)
                if bearer != robot:
                    raise Broken(f"the document of {task} is loaded into {robot} and lies in {bearer}")
                if done is not None:
                    raise Broken(f"the document of {task} is loaded into {robot} after its receipt")
            case CustodyKind.RECEIPT:
                if done is not None and done.robot != robot:
                    raise Broken(f"the document of {task} is handed over by {done.robot} and by {robot}")
                if self._bearer.get(task, robot) != robot:
                    raise Broken(f"{robot} hands over the document of {task} that lies in {self._bearer[task]}")
                self._delivered[task] = event
                self._bearer.pop(task, None)
            case CustodyKind.AUTHENTICATED | CustodyKind.REFUSED | CustodyKind.UNLOCKED | CustodyKind.LOCKED:
                if event.kind is CustodyKind.UNLOCKED and done is not None:
                    raise Broken(f"{robot} opens for {task} after its receipt")
            case CustodyKind.UNLOADED:
                pass
            case CustodyKind.HANDED_OVER:
                self._bearer.pop(task, None)
                self._custodian[task] = event.person
            case CustodyKind.TAKEN_OUT:
                pass  # what an operator has said before, see below: it may have gone on with another robot since
            case _:  # returned
                self._bearer.pop(task, None)
                self._custodian.pop(task, None)

    def written(self, event: LedgerEvent) -> None:
        """Follow what somebody takes out of a dead robot by key."""
        if event.kind == "task.taken_out":
            task, robot = TaskId(event.subject), RobotId(str(event.payload["robot"]))
            bearer = self._bearer.pop(task, None)
            if bearer not in (robot, None):  # none: it died before it had the document on record
                raise Broken(f"the document of {task} is said to be taken out of {robot} and lies in {bearer}")
            self._custodian[task] = PersonId(str(event.payload["person"]))

    def end(self) -> None:
        """Look whether documents that were delivered have left the robots."""
        dispatcher = self.world.dispatcher
        if dispatcher is None:
            return
        inside = {
            bank.document(name)
            for robot in self.world.robots
            for bank in (self.world.banks.of(robot),)
            for name in bank.readings
        }
        for task in dispatcher.tasks(with_finished=True):
            request = task.request
            if task.status is TaskStatus.FAILED and task.task_id in self._delivered:
                raise Broken(f"{task.task_id} has failed ({task.reason}) and its recipient has signed for it")
            if task.status is not TaskStatus.COMPLETED or not isinstance(request, DeliveryRequest):
                continue
            if task.task_id not in self._delivered:
                raise Broken(f"{task.task_id} is completed without a receipt")
            if request.document in inside:
                raise Broken(f"{task.task_id} is completed and its document still lies in a robot")

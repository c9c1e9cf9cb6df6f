"""Documents that staff take by key out of robots that are dead or silent.

No lock opens without its record. A key opens it outside the system, so the record is an operator's word: who took the
document, out of which robot, and who says so. It is in the fleet's ledger, apart from the robot's chain of custody; the
robot learns of it when it is heard again, puts that into its own chain and carries the document no further.
"""

import logging
from typing import Final

from robot_ops.core.clock import seconds_between, to_ns
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.doubtful_loads import DoubtfulLoads, doubtful_robot
from robot_ops.dispatch.orders import custodian_code
from robot_ops.dispatch.robots import OFFLINE_S, RobotState
from robot_ops.dispatch.transfers import REPAIR_S
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.documents import TakenOut
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.ledger import Payload
from robot_ops.tasks.orders import MissionKind
from robot_ops.tasks.requests import DeliveryRequest, TaskKind
from robot_ops.tasks.status import TaskStatus

_REPEAT_S: Final = 2.0
_PATIENCE_S: Final = 20.0
"""Seconds in which a robot that is heard must put on record what was taken out of it."""
_log = logging.getLogger(__name__)


class KeyOpenings:
    """Records them, and tells the robots."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._doubtful_loads = DoubtfulLoads(context)
        self._told: dict[RobotId, tuple[int, int]] = {}  # since when a robot is told, and when it was last

    def report(self, task_id: TaskId, person: PersonId, operator: str) -> str:
        """Record that a member of staff took the task's document out of a robot by key.

        The task goes on from them as from any custodian; one that was canceled ends, and one whose recipient it was is
        completed. Saying it again changes nothing and gives the same answer.

        Returns:
            the person's one-time code for the next robot, empty where none comes.

        Raises:
            RequestError: there is no such task, robot or person, or the robot goes on with the document.
            LedgerError: it could not be recorded; nothing was changed.
        """
        context = self._context
        task = context.book.tasks.get(task_id)
        if task is None:
            raise RequestError(f"there is no task {task_id!r}", where="task_id", mend="list the tasks for their ids")
        self._check_person(task, person)
        robot, known = holder(context, task), context.book.documents.taken_out(task_id)
        if robot is None and known is not None:
            if known.person != person:
                said = f"{known.person} has taken the document of {task_id} out of {known.robot}"
                raise RequestError(f"{said}, as {known.operator} said", where="person", mend="ask who has it now")
            return self._code(context.book.tasks[task_id], person)
        if robot is None or key_robot(context, task, context.clock.now_ns()) is None:
            raise self._refusal(task, robot)
        taken = TakenOut(
            task_id=task_id, robot=robot, compartment=self._compartment(task, robot), person=person, operator=operator
        )
        self._record(task, taken)
        return self._code(context.book.tasks[task_id], person)

    def step(self) -> int:
        """Have operators look into robots, and tell those what was taken out of them until their chains have it.

        Returns:
            the instant from which on there may be more to do.
        """
        next_ns = self._doubtful_loads.step()
        for state in self._context.robots.values():
            owed = self._context.book.documents.owed(state.robot.id)
            if owed or state.robot.id in self._told:
                with self._context.isolation.part(f"the key to {state.robot.id}", robot=state.robot.id):
                    self._tell(state, owed)
                next_ns = self._context.clock.now_ns()
        return next_ns

    def _tell(self, state: RobotState, owed: tuple[TakenOut, ...]) -> None:
        context, robot = self._context, state.robot.id
        alarm_id = f"taken_out/{robot}"
        if not owed or not state.is_online(context.clock.now_ns()):
            self._told.pop(robot, None)
            context.alarms.clear(alarm_id)
            return
        steady_ns = context.time.now_ns
        since_ns, last_ns = self._told.get(robot, (steady_ns, steady_ns - to_ns(_REPEAT_S)))
        if seconds_between(last_ns, steady_ns) >= _REPEAT_S:
            last_ns = steady_ns
            for taken in owed:
                context.link.tell_taken_out(taken)
        self._told[robot] = (since_ns, last_ns)
        first = owed[0]
        why = "its custody log does not take it"
        if state.is_occupied(first.compartment):
            why = f"something lies in its compartment {first.compartment} still: look inside"
        text = f"{robot} does not agree that {first.person} has the document of {first.task_id}: {why}"
        is_late = seconds_between(since_ns, steady_ns) > _PATIENCE_S
        context.alarms.set(alarm_id, is_late, text, robot=robot, is_error=True)

    def _record(self, task: TaskRecord, taken: TakenOut) -> None:
        context, robot = self._context, taken.robot
        text = f"{taken.person} took the document out of {robot} by key"
        status, reason = TaskStatus.QUEUED, text
        if task.status.is_final:
            status, reason = task.status, f"{task.reason}; {text}" if task.reason else text
        elif task.cancel_reason is not None:
            status, reason = TaskStatus.CANCELED, f"{task.cancel_reason}; {text}"
        elif isinstance(task.request, DeliveryRequest) and taken.person == task.request.recipient:
            status, reason = TaskStatus.COMPLETED, f"{text}; no receipt"
        payload: Payload = {
            "robot": robot,
            "compartment": taken.compartment,
            "person": taken.person,
            "operator": taken.operator,
            "status": status.value,
            "reason": reason,
            "is_void": True,
            "is_robot_failure": False,
            "left_at": context.site.staff[taken.person].place,
            "custodian": taken.person,
        }
        context.journal.write(EventKind.TAKEN_OUT, task.task_id, payload)
        _log.warning("%s: %s, says %s", task.task_id, text, taken.operator)
        context.alarms.clear(f"document/{robot}")
        state = context.robots.get(robot)
        if state is not None:
            state.doubtful = None
            state.rest_until_ns = context.clock.now_ns() + to_ns(REPAIR_S)

    def _code(self, task: TaskRecord, person: PersonId) -> str:
        """Return what the person types at the next robot."""
        is_custodian = task.custodian == person and not task.status.is_final
        return custodian_code(task, person, self._context.secret) if is_custodian else ""

    def _compartment(self, task: TaskRecord, robot: RobotId) -> str:
        missions = [
            mission
            for mission in self._context.book.missions.values()
            if mission.task_id == task.task_id and mission.robot == robot and mission.compartment
        ]
        return missions[-1].compartment if missions else self._context.book.documents.compartment_of(task.task_id)

    def _check_person(self, task: TaskRecord, person: PersonId) -> None:
        staff = self._context.site.staff
        if task.request.kind is not TaskKind.DELIVER:
            raise RequestError(f"{task.task_id} has no document", where="task_id")
        if person not in staff:
            raise RequestError(
                f"there is no member of staff {person!r}", where="person", mend=f"use one of {', '.join(staff)}"
            )

    def _refusal(self, task: TaskRecord, robot: RobotId | None) -> RequestError:
        if robot is None:
            what = f"no robot has the document of {task.task_id} ({task.status.value})"
            mend = "list the tasks for those with a document in a robot"
        else:
            what = f"{robot} is heard and goes on with the document of {task.task_id}"
            mend = "cancel the task to have it brought back, or stop and switch off the robot before a key is used"
        return RequestError(what, where="task_id", mend=mend)


def holder(context: Context, task: TaskRecord) -> RobotId | None:
    """Return the robot in which the task's document lies, as far as the fleet knows, or may lie; None for none."""
    if task.status is TaskStatus.COMPLETED:
        return None
    documents, robot = context.book.documents, task.robot
    aboard = documents.robot_with(task.task_id)
    if aboard is not None:
        return aboard
    if robot is None or documents.has_left(task.task_id, robot):
        return doubtful_robot(context, task)
    if task.is_picked_up or task.has_cargo or task.stranded_ns is not None:
        return robot  # the robot has told, and its chain has not come
    mission, state = context.book.mission_of(robot), context.robots.get(robot)
    is_its_own = mission is not None and mission.task_id == task.task_id and task.status.is_active
    if is_its_own and mission is not None and state is not None and state.is_occupied(mission.compartment):
        return robot
    return doubtful_robot(context, task)


def key_robot(context: Context, task: TaskRecord, now_ns: int) -> RobotId | None:
    """Return the robot out of which the task's document may be taken by key now, None for none.

    That is so while the robot is silent or cannot go on with it, or its task has ended without it.
    """
    if task.request.kind is not TaskKind.DELIVER:
        return None
    robot = holder(context, task)
    if robot is None or task.status.is_final or task.stranded_ns is not None:
        return robot
    mission, state = context.book.mission_of(robot), context.robots.get(robot)
    is_given_out = mission is not None and mission.kind is MissionKind.HAND_OVER_DOCUMENT
    is_absent = robot in context.book.traffic_rules.absent_robots
    is_silent = state is None or state.silence(now_ns) > OFFLINE_S
    is_doubtful = state is not None and state.doubtful == task.task_id
    return robot if is_given_out or is_absent or is_silent or is_doubtful else None

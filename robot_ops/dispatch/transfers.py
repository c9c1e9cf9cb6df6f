"""What becomes of a visitor or document that changes robots, as planned at an exchange or because a robot cannot go on:
another robot takes over where they were left.

A visitor is met again at the place nearest to the robot. A document is behind a lock: the task is blocked until a
member of staff, the custodian, has taken it out of the robot with a code of their own, on that robot's record; the next
robot fetches it at the custodian's place. At an exchange nothing is wrong, and its keeper takes the document out.
"""

import logging
from typing import Final

from robot_ops.core.clock import seconds_between, to_ns
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import MissionId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.kept_documents import KeptDocuments
from robot_ops.dispatch.orders import custodian_code
from robot_ops.dispatch.robots import RobotState
from robot_ops.site.model import PlaceKind
from robot_ops.tasks.book import MissionRecord, TaskRecord
from robot_ops.tasks.custody import CustodyKind
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.ledger import Payload
from robot_ops.tasks.orders import MissionKind
from robot_ops.tasks.requests import DeliveryRequest
from robot_ops.tasks.status import TaskStatus

STRANDED_S: Final = 1800.0
"""Seconds in which somebody must take a stranded document over; then its task has failed."""
MAX_HAND_OVERS: Final = 3
"""A task has failed once its robot has failed so many times to give the document to a custodian."""
REPAIR_S: Final = 600.0
"""Seconds without a new task for a robot whose document was taken out: somebody has to see to it first."""
_MEETING_KINDS: Final = (
    PlaceKind.KIOSK,
    PlaceKind.COUNTER,
    PlaceKind.E_CHANNEL,
    PlaceKind.DESK,
    PlaceKind.WAITING,
)
_CHANGES_HANDS: Final = (
    CustodyKind.LOADED,
    CustodyKind.UNLOADED,
    CustodyKind.RECEIPT,
    CustodyKind.RETURNED,
    CustodyKind.HANDED_OVER,
)
_log = logging.getLogger(__name__)


class Transfers:
    """Passes tasks on from robots that cannot go on with them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kept = KeptDocuments(context)

    def step(self) -> int:
        """Keep stranded documents in operators' sight, and give up those that nobody takes over.

        Returns:
            the instant from which on there may be more to do.

        Raises:
            LedgerError: a fact could not be written.
        """
        context, now_ns = self._context, self._context.clock.now_ns()
        stranded = set()
        for task in context.book.open_records():
            if task.robot is None:
                continue
            if task.stranded_ns is not None:
                stranded.add(task.robot)
                with context.isolation.part(task.task_id, robot=task.robot):
                    self._watch(task, task.robot, task.stranded_ns, now_ns)
            elif task.custodian is not None and self._is_handed_over(task):
                stranded.add(task.robot)
                self._raise_alarm(task, task.robot, f"{task.custodian} takes it out")
        for state in context.robots.values():
            state.is_stranded = state.robot.id in stranded
        due_ns = self._kept.step()
        return now_ns if stranded else due_ns

    def keep_in_sight(self, task_id: TaskId) -> None:
        """Have operators see that somebody has the task's document and does not give it on."""
        self._kept.watch(task_id)

    def leave_visitor(self, state: RobotState, task: TaskRecord, why: str, *, is_void: bool) -> bool:
        """Have another guide meet the visitor where this one has left them; False where nobody knows where that is.

        Raises:
            LedgerError: it could not be recorded.
        """
        place = self.place_near(state, but=task.request.destination)
        if place is None:
            return False
        label = self._context.site.places[place].label
        self._release(task, f"{state.robot.id}: {why}; the visitor is near {label}", left_at=place, is_void=is_void)
        return True

    def strand(self, state: RobotState, task: TaskRecord, why: str, *, is_void: bool) -> None:
        """Block a delivery whose robot does not go on and has the document on board.

        The task has failed where the robot could not give the document out several times.

        Raises:
            LedgerError: it could not be recorded.
        """
        reason = f"document in {state.robot.id}: {why}"
        if self._is_handed_over(task) and self._hand_overs(task) >= MAX_HAND_OVERS:
            self._raise_alarm(task, state.robot.id, "take it out")
            self.give_up(task, f"{reason}; handing it over failed {MAX_HAND_OVERS} times", is_void=is_void)
            return
        self._context.journal.write(EventKind.STRANDED, task.task_id, {"reason": reason, "is_void": is_void})

    def hand_over(self, task_id: TaskId, custodian: PersonId) -> str:
        """Have the robot give the document to a member of staff; return the custodian's one-time code.

        Asking again for the same custodian gives the same code. The keeper of the exchange that the document is brought
        to, or lies at, is told theirs.

        Raises:
            RequestError: the task has no stranded document, or this person cannot be its custodian.
            LedgerError: it could not be recorded; nothing was changed.
        """
        context = self._context
        task = context.book.tasks.get(task_id)
        if task is None:
            raise RequestError(f"there is no task {task_id!r}", where="task_id", mend="list the tasks for their ids")
        mission = None if task.mission_id is None else context.book.missions[task.mission_id]
        code = custodian_code(task, custodian, context.secret)
        if _keeps(task, mission, custodian):
            return code
        self._check_custodian(task, custodian)
        is_ordered = mission is not None and mission.is_open and mission.kind is MissionKind.HAND_OVER_DOCUMENT
        if is_ordered and task.custodian == custodian:
            return code
        if task.stranded_ns is None or task.robot is None or mission is None:
            raise RequestError(
                f"{task_id} has no document in a robot that cannot go on ({task.status.value})",
                where="task_id",
                mend="only such a document is handed over to a custodian; cancel a delivery to have it brought back",
            )
        other = context.book.mission_of(task.robot)
        if other is not None and other.task_id is not None:
            raise RequestError(f"{task.robot} executes {other.task_id}", where="task_id", mend="wait until it is done")
        if other is not None:
            why: Payload = {"mission_id": other.mission_id, "is_void": True, "reason": f"{task_id} is handed over"}
            context.journal.write(EventKind.CHORE_ENDED, task.robot, why)
        number = sum(known.task_id == task_id for known in context.book.missions.values()) + 1
        payload: Payload = {
            "mission_id": MissionId(f"{task_id}.hand_over.{number}"),
            "robot": task.robot,
            "mission_kind": MissionKind.HAND_OVER_DOCUMENT.value,
            "destination": task.request.destination,
            "compartment": mission.compartment,
            "custodian": custodian,
            "reason": f"document in {task.robot}: {custodian} takes it out",
        }
        context.journal.write(EventKind.HAND_OVER_ORDERED, task_id, payload)
        return code

    def take_over(self, task: TaskRecord) -> None:
        """Note that the custodian has the document: the next robot fetches it there, unless the task was canceled.

        Raises:
            LedgerError: it could not be recorded.
        """
        if task.custodian is None:
            raise ValueError(f"{task.task_id} has no custodian")
        has_it = f"{task.custodian} has the document"
        if task.cancel_reason is not None:
            payload: Payload = {"status": TaskStatus.CANCELED.value, "reason": f"{task.cancel_reason}; {has_it}"}
            self._context.journal.write(EventKind.STATUS, task.task_id, payload)
            return
        state = None if task.robot is None else self._context.robots.get(task.robot)
        if state is not None:
            state.rest_until_ns = self._context.clock.now_ns() + to_ns(REPAIR_S)
        place = self._context.site.staff[task.custodian].place
        self._release(task, has_it, left_at=place, is_void=False, custodian=task.custodian)

    def change_robots(self, task: TaskRecord, mission: MissionRecord) -> None:
        """Note that a robot has left visitor or document at an exchange: another one goes on with the task.

        Raises:
            LedgerError: it could not be recorded.
        """
        site, keeper = self._context.site, mission.keeper
        label = site.places[mission.destination].label
        if task.cancel_reason is not None:
            at_end = f"the visitor is at {label}" if keeper is None else f"{keeper} has the document"
            why: Payload = {"status": TaskStatus.CANCELED.value, "reason": f"{task.cancel_reason}; {at_end}"}
            self._context.journal.write(EventKind.STATUS, task.task_id, why)
            return
        # the site may have been changed since the mission was ordered
        exchange = None if mission.exchange is None else site.exchanges.get(mission.exchange)
        seconds = 0.0 if exchange is None else exchange.seconds
        payload: Payload = {
            "reason": f"changes robots at {label}",
            "is_void": False,
            "is_robot_failure": False,
            "left_at": mission.onward,
            "custodian": keeper,
            "ready_ns": self._context.clock.now_ns() + to_ns(seconds),
        }
        self._context.journal.write(EventKind.RELEASED, task.task_id, payload)

    def is_kept(self, task: TaskRecord, mission: MissionRecord) -> bool:
        """Return whether the keeper of an exchange has taken the document out of the mission's robot."""
        if mission.keeper is None or not task.is_picked_up:
            return False
        chain = self._context.book.custody.get(mission.robot, {})
        own = sorted((seq for seq in chain if seq >= mission.custody_count), reverse=True)
        events = (chain[seq] for seq in own if chain[seq].task_id == task.task_id)
        latest = next((event for event in events if event.kind in _CHANGES_HANDS), None)
        return latest is not None and latest.kind is CustodyKind.HANDED_OVER and latest.person == mission.keeper

    def place_near(self, state: RobotState, *, but: PlaceId) -> PlaceId | None:
        """Return the place nearest to the robot that another one can get to; None while it is unknown where it is."""
        at = None if state.status is None else state.status.at
        if at is None:
            return None
        site = self._context.site
        held = set() if state.progress is None else set(state.progress.held[:1])
        near = [
            (at.pose.distance_to(site.pose_at(place.id).pose), place.id)
            for place in site.places_of(*_MEETING_KINDS)
            if place.id != but and place.node not in held and site.nodes[place.node].level == at.level
        ]
        return min(near)[1] if near else None

    def _watch(self, task: TaskRecord, robot: RobotId, since_ns: int, now_ns: int) -> None:
        self._raise_alarm(task, robot, "hand it over to somebody")
        if seconds_between(since_ns, now_ns) > STRANDED_S:
            self.give_up(task, f"{task.reason}; nobody took it over")

    def _raise_alarm(self, task: TaskRecord, robot: RobotId, what_to_do: str) -> None:
        text = f"the document of {task.task_id} lies in {robot}, which cannot go on: {what_to_do}"
        known = robot if robot in self._context.robots else None
        self._context.alarms.put(f"document/{robot}", text, robot=known, is_error=True)

    def _is_handed_over(self, task: TaskRecord) -> bool:
        """Return whether the task's robot shall give the document to the custodian just now."""
        mission = None if task.mission_id is None else self._context.book.missions[task.mission_id]
        return mission is not None and mission.is_open and mission.kind is MissionKind.HAND_OVER_DOCUMENT

    def _hand_overs(self, task: TaskRecord) -> int:
        """Return how often the task's robot has been told to give the document to somebody."""
        return sum(
            mission.task_id == task.task_id
            and mission.robot == task.robot
            and mission.kind is MissionKind.HAND_OVER_DOCUMENT
            for mission in self._context.book.missions.values()
        )

    def give_up(self, task: TaskRecord, why: str, *, is_void: bool = True) -> None:
        """End a task whose document stays where it is.

        Raises:
            LedgerError: it could not be recorded.
        """
        is_canceled = task.cancel_reason is not None
        status = TaskStatus.CANCELED if is_canceled else TaskStatus.FAILED
        reason = f"{task.cancel_reason}; {why}" if is_canceled else why
        payload: Payload = {"status": status.value, "reason": reason, "is_void": is_void}
        self._context.journal.write(EventKind.STATUS, task.task_id, payload)

    def _check_custodian(self, task: TaskRecord, custodian: PersonId) -> None:
        request, staff = task.request, self._context.site.staff
        if not isinstance(request, DeliveryRequest):
            raise RequestError(f"{task.task_id} has no document", where="task_id")
        if custodian not in staff:
            raise RequestError(
                f"there is no member of staff {custodian!r}", where="custodian", mend=f"use one of {', '.join(staff)}"
            )
        if custodian == request.recipient:
            mend = "choose somebody else; the next robot brings it to the recipient, who signs for it"
            raise RequestError(f"{custodian} is the recipient", where="custodian", mend=mend)

    def _release(
        self, task: TaskRecord, reason: str, *, left_at: PlaceId, is_void: bool, custodian: PersonId | None = None
    ) -> None:
        payload: Payload = {
            "reason": reason,
            "is_void": is_void,
            "is_robot_failure": custodian is None,
            "left_at": left_at,
            "custodian": custodian,
        }
        self._context.journal.write(EventKind.RELEASED, task.task_id, payload)
        _log.warning("%s goes to another robot: %s", task.task_id, reason)


def _keeps(task: TaskRecord, mission: MissionRecord | None, person: PersonId) -> bool:
    """Return whether the person is to take the task's document at an exchange, or has it until the next robot comes."""
    if task.status.is_final or task.stranded_ns is not None:
        return False
    if mission is not None and mission.is_open and mission.keeper == person:
        return True
    return task.custodian == person and not task.is_picked_up

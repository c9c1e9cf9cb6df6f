"""What robots report of their missions, turned into facts of the ledger."""

from typing import Final

from robot_ops.core.clock import to_ns
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.doubtful_loads import doubtful_robot
from robot_ops.dispatch.robots import RobotState
from robot_ops.dispatch.transfers import Transfers
from robot_ops.tasks.book import MissionRecord, TaskRecord
from robot_ops.tasks.custody import CustodyKind
from robot_ops.tasks.events import EventKind, leg_payload
from robot_ops.tasks.ledger import Payload
from robot_ops.tasks.orders import MissionKind, MissionOutcome, MissionPhase, MissionReport
from robot_ops.tasks.requests import TaskKind
from robot_ops.tasks.status import TaskStatus

MAX_ROBOT_FAILURES: Final = 2
"""A task goes to another robot this many times when its robots fail before the pick-up, then it has failed."""
REST_S: Final = 20.0
"""Seconds without a new mission after a robot failed at one, so that another robot gets the task."""
BROKEN_REST_S: Final = 120.0
"""The same after it broke down on the way with its visitor."""
_CHORE_BACKOFF_S: Final = 10.0
_CHORE_BACKOFF_MAX_S: Final = 300.0
_ON_THE_WAY: Final = (MissionPhase.STARTING, MissionPhase.TO_PICKUP)


class Outcomes:
    """Judges reports. Every method may be called again with the same report and then changes nothing."""

    def __init__(self, context: Context, transfers: Transfers) -> None:
        self._context = context
        self._transfers = transfers

    def take(self, state: RobotState, report: MissionReport) -> None:
        """Record what follows from a report.

        Raises:
            LedgerError: it could not be recorded; call again with the same report.
        """
        mission = self._context.book.missions.get(report.mission_id)
        if mission is None or mission.robot != state.robot.id:
            return  # the next status shows whether it executes something unknown
        previous_phase = state.phase_of(report.mission_id)
        if mission.task_id is None:
            self._take_chore(state, mission, report)
        elif mission.is_open:
            self._take_task(state, mission, self._context.book.tasks[mission.task_id], report, previous_phase)
        elif mission.is_void:
            self._take_void(state, mission, self._context.book.tasks[mission.task_id], report)
        if mission.is_open or self._context.book.missions[mission.mission_id].is_open or state.report is None:
            state.report = report

    def lose(self, state: RobotState, task: TaskRecord, why: str) -> None:
        """End a task whose robot has forgotten it or does not come back, with its visitor or document.

        It is completed where the robot's chain of custody has the recipient's receipt: only its last report got lost.

        Raises:
            LedgerError: it could not be recorded.
        """
        chain = self._context.book.custody.get(state.robot.id, {}).values()
        if any(event.task_id == task.task_id and event.kind is CustodyKind.RECEIPT for event in chain):
            self._end(task, TaskStatus.COMPLETED, "", is_void=True)
            return
        self._end(task, TaskStatus.FAILED if task.cancel_reason is None else TaskStatus.CANCELED, why, is_void=True)
        self._alarm_document(state, task)

    def break_down(self, state: RobotState, task: TaskRecord, why: str, *, is_void: bool) -> None:
        """Pass a task on whose robot cannot go on and has the visitor or document; end it where that is impossible.

        Raises:
            LedgerError: it could not be recorded.
        """
        is_delivery = task.request.kind is TaskKind.DELIVER
        if task.cancel_reason is not None:
            self._end(task, TaskStatus.CANCELED, f"{task.cancel_reason} ({why})", is_void=is_void)
            self._alarm_document(state, task)
        elif is_delivery:
            self._transfers.strand(state, task, why, is_void=is_void)
        elif task.robot_failures >= MAX_ROBOT_FAILURES:
            self._end(
                task, TaskStatus.FAILED, f"{task.robot_failures + 1} robots failed, the last: {why}", is_void=is_void
            )
        elif not self._transfers.leave_visitor(state, task, why, is_void=is_void):
            self._end(task, TaskStatus.FAILED, f"{why}; nobody knows where the visitor is", is_void=is_void)

    def fail_robot(self, state: RobotState, task: TaskRecord, why: str, *, is_void: bool) -> None:
        """Take a task from a robot that failed at it before the pick-up; another robot gets it, or it has failed.

        Raises:
            LedgerError: it could not be recorded.
        """
        if task.cancel_reason is not None:
            self._end(task, TaskStatus.CANCELED, task.cancel_reason, is_void=is_void)
        elif task.robot_failures >= MAX_ROBOT_FAILURES:
            self._end(
                task, TaskStatus.FAILED, f"{task.robot_failures + 1} robots failed, the last: {why}", is_void=is_void
            )
        else:
            self.release(task, f"{state.robot.id}: {why}", is_robot_failure=True, is_void=is_void)
        state.rest_until_ns = self._context.clock.now_ns() + to_ns(REST_S)

    def release(self, task: TaskRecord, reason: str, *, is_robot_failure: bool, is_void: bool) -> None:
        """Put a task back into the queue.

        Raises:
            LedgerError: it could not be recorded.
        """
        payload: Payload = {"reason": reason, "is_void": is_void, "is_robot_failure": is_robot_failure}
        self._context.journal.write(EventKind.RELEASED, task.task_id, payload)

    def _take_chore(self, state: RobotState, mission: MissionRecord, report: MissionReport) -> None:
        if not mission.is_open or report.outcome is None:
            return
        self._context.journal.write(
            EventKind.CHORE_ENDED,
            state.robot.id,
            {
                "mission_id": mission.mission_id,
                "is_void": False,
                "outcome": report.outcome.value,
                "reason": report.reason,
            },
        )
        now_ns = self._context.clock.now_ns()
        state.ended = (mission.mission_id, now_ns)
        alarm_id = f"chore/{state.robot.id}"
        if report.outcome is MissionOutcome.FAILED:
            backoff = min(_CHORE_BACKOFF_S * 2**state.chore_failures, _CHORE_BACKOFF_MAX_S)
            state.chore_not_before_ns = now_ns + to_ns(backoff)
            state.chore_failures += 1
            text = f"{state.robot.id} cannot {mission.kind.value}: {report.reason}"
            self._context.alarms.set(alarm_id, state.chore_failures > 2, text, robot=state.robot.id)
        else:
            state.chore_failures = 0
            self._context.alarms.clear(alarm_id)

    def _take_task(
        self,
        state: RobotState,
        mission: MissionRecord,
        task: TaskRecord,
        report: MissionReport,
        previous_phase: MissionPhase | None,
    ) -> None:
        journal = self._context.journal
        if mission.kind is MissionKind.HAND_OVER_DOCUMENT:
            self._take_hand_over(state, mission, task, report)
            return
        if task.status is TaskStatus.STANDBY:
            journal.write(EventKind.STATUS, task.task_id, {"status": TaskStatus.UNDERWAY.value, "reason": ""})
        if report.outcome is None and report.has_cargo != task.has_cargo:
            journal.write(EventKind.CARGO, task.task_id, {"has_cargo": report.has_cargo, "robot": state.robot.id})
        if report.outcome is None:
            return
        task = self._context.book.tasks[task.task_id]
        state.ended = (mission.mission_id, self._context.clock.now_ns())
        phase = report.phase if report.phase is not MissionPhase.DONE else previous_phase
        is_back = phase is MissionPhase.RETURNING and not report.has_cargo
        match report.outcome:
            case _ if mission.exchange is not None and self._has_reached_exchange(mission, task, report):
                self._transfers.change_robots(task, mission)
                return
            case MissionOutcome.COMPLETED:
                self._end(task, TaskStatus.COMPLETED, report.reason)
                return
            case MissionOutcome.CANCELED if self._has_forgotten(state, mission, task, report):
                self._transfers.strand(state, task, "it has forgotten the task", is_void=False)
                return
            case MissionOutcome.CANCELED | MissionOutcome.FAILED if report.has_cargo and mission.compartment:
                self._transfers.strand(state, task, report.reason, is_void=False)
                return
            case MissionOutcome.CANCELED if task.cancel_reason is not None:
                self._end(task, TaskStatus.CANCELED, task.cancel_reason, is_back=is_back)
            case MissionOutcome.FAILED if task.cancel_reason is not None:
                self._end(task, TaskStatus.CANCELED, f"{task.cancel_reason} ({report.reason})", is_back=is_back)
            case MissionOutcome.FAILED if phase is MissionPhase.LOADING and self._is_kept(task, report):
                self._miss_custodian(state, task, report.reason)
                return
            case MissionOutcome.CANCELED | MissionOutcome.FAILED if (
                not report.has_cargo and not task.has_cargo and phase in (None, *_ON_THE_WAY)
            ):
                self.fail_robot(state, task, report.reason or f"mission {report.outcome.value}", is_void=False)
            case MissionOutcome.FAILED if phase is MissionPhase.LEADING:
                # it cannot drive on; in other phases it is the visitor who does not come or follow
                self.break_down(state, task, report.reason or "mission failed", is_void=False)
                state.rest_until_ns = self._context.clock.now_ns() + to_ns(BROKEN_REST_S)
                return
            case MissionOutcome.CANCELED | MissionOutcome.FAILED:
                self._end(task, TaskStatus.FAILED, report.reason or f"mission {report.outcome.value}", is_back=is_back)
        if report.has_cargo or state.is_occupied(mission.compartment):
            self._alarm_document(state, task)

    def pass_on(self, state: RobotState, task: TaskRecord, mission: MissionRecord) -> bool:
        """Have another robot go on with a task whose document lies with the keeper of an exchange; False where not.

        Its robot need not tell how its mission ended: the chain of custody tells it.

        Raises:
            LedgerError: it could not be recorded.
        """
        if not self._transfers.is_kept(task, mission):
            return False
        self._transfers.change_robots(task, mission)
        state.rest_until_ns = self._context.clock.now_ns() + to_ns(REST_S)
        return True

    @staticmethod
    def _is_kept(task: TaskRecord, report: MissionReport) -> bool:
        """Return whether a keeper or custodian has the document that the robot was to fetch."""
        return task.custodian is not None and not task.is_picked_up and not report.has_cargo

    def _miss_custodian(self, state: RobotState, task: TaskRecord, why: str) -> None:
        """Note that a robot did not get the document from who has it: another one comes, three in all."""
        if task.robot_failures >= MAX_ROBOT_FAILURES:
            times = task.robot_failures + 1
            self._end(task, TaskStatus.FAILED, f"{task.custodian} did not give it to {times} robots, the last: {why}")
        else:
            reason = f"{task.custodian} did not give the document to {state.robot.id}: {why}"
            self.release(task, reason, is_robot_failure=True, is_void=False)
            self._transfers.keep_in_sight(task.task_id)
        state.rest_until_ns = self._context.clock.now_ns() + to_ns(REST_S)

    def _has_reached_exchange(self, mission: MissionRecord, task: TaskRecord, report: MissionReport) -> bool:
        """Return whether the visitor or document was left at the exchange, however the mission ended after that."""
        return report.outcome is MissionOutcome.COMPLETED or self._transfers.is_kept(task, mission)

    def _has_forgotten(
        self, state: RobotState, mission: MissionRecord, task: TaskRecord, report: MissionReport
    ) -> bool:
        """Return whether the robot knows nothing of a mission (it was restarted) whose document it has on board."""
        is_unknown = report.phase is MissionPhase.DONE and not report.has_cargo
        return is_unknown and bool(mission.compartment) and task.is_picked_up and state.is_occupied(mission.compartment)

    def _take_hand_over(
        self, state: RobotState, mission: MissionRecord, task: TaskRecord, report: MissionReport
    ) -> None:
        """A robot gives its document to the custodian."""
        if report.outcome is None:
            return
        state.ended = (mission.mission_id, self._context.clock.now_ns())
        if report.outcome is MissionOutcome.COMPLETED:
            self._transfers.take_over(task)
        else:
            self._transfers.strand(state, task, report.reason or "it was not handed over", is_void=False)

    def _take_void(self, state: RobotState, mission: MissionRecord, task: TaskRecord, report: MissionReport) -> None:
        """A robot that was given up comes back: what it has begun to carry, it finishes."""
        is_delivered = report.outcome is MissionOutcome.COMPLETED and mission.kind is not MissionKind.HAND_OVER_DOCUMENT
        if self._context.book.documents.is_emptied(task.task_id, mission.mission_id) and not is_delivered:
            return  # somebody has the document: what the robot says of it is old
        has_done = report.has_cargo or report.outcome is MissionOutcome.COMPLETED
        is_stranded_here = task.stranded_ns is not None and task.robot == state.robot.id
        is_takeable = not task.status.is_final and (not task.has_cargo or is_stranded_here)
        if not has_done or not is_takeable or task.cancel_reason is not None:
            if report.has_cargo and report.outcome is not None:
                self._alarm_document(state, task)
            return
        other = self._context.book.mission_of(state.robot.id)
        if other is not None:
            if other.task_id is not None:
                return
            payload: Payload = {"mission_id": other.mission_id, "is_void": True, "reason": f"{task.task_id} goes on"}
            self._context.journal.write(EventKind.CHORE_ENDED, state.robot.id, payload)
        if task.status is not TaskStatus.QUEUED:
            reason = f"{state.robot.id} came back and has {_cargo_word(task)}"
            self.release(task, reason, is_robot_failure=False, is_void=True)
        self._context.journal.write(
            EventKind.ASSIGNED,
            task.task_id,
            {
                "mission_id": mission.mission_id,
                "robot": state.robot.id,
                "mission_kind": mission.kind.value,
                "destination": mission.destination,
                "compartment": mission.compartment,
                **leg_payload(mission.exchange, mission.onward, mission.keeper, mission.custody_count),
                "reason": f"{state.robot.id} came back and goes on with it",
                "estimated_finish_ns": task.promised_ns,
            },
        )
        book = self._context.book
        self._take_task(state, book.missions[mission.mission_id], book.tasks[task.task_id], report, None)

    def _end(
        self, task: TaskRecord, status: TaskStatus, reason: str, *, is_void: bool = False, is_back: bool = False
    ) -> None:
        """End a task; `is_back`: its robot has given the document back to whom it had it from."""
        kept_by = task.custodian if is_back or not task.is_picked_up else None
        silent = doubtful_robot(self._context, task)
        if status is TaskStatus.COMPLETED:
            kept_by = silent = None
        if kept_by is not None:
            reason = f"{reason}; {kept_by} has the document"
        if silent is not None:
            reason = f"{reason}; the document may lie in {silent}"
        payload: Payload = {"status": status.value, "reason": reason, "is_void": is_void}
        if kept_by is not None and silent is None:
            payload = {**payload, "kept_by": kept_by}
        self._context.journal.write(EventKind.STATUS, task.task_id, payload)
        self._transfers.keep_in_sight(task.task_id)

    def _alarm_document(self, state: RobotState, task: TaskRecord) -> None:
        if task.request.kind is not TaskKind.DELIVER:
            return
        text = f"the document of {task.task_id} may still lie in {state.robot.id}: take it out"
        self._context.alarms.put(f"document/{state.robot.id}", text, robot=state.robot.id, is_error=True)


def _cargo_word(task: TaskRecord) -> str:
    return "the visitor" if task.request.kind is TaskKind.GUIDE else "the document"

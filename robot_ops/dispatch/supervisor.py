"""Watches robots and tasks: silence, forgotten missions, late or blocked tasks."""

import math
import re
from typing import Final

from robot_ops.core.clock import END_OF_TIME_NS, seconds_between, to_ns
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.forecast import remaining_time, time_after_exchange
from robot_ops.dispatch.outcomes import Outcomes
from robot_ops.dispatch.robots import LOST_S, OFFLINE_S, RobotState
from robot_ops.tasks.book import MissionRecord, TaskRecord
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.orders import MissionKind
from robot_ops.tasks.requests import TaskKind
from robot_ops.tasks.status import TaskStatus

STARTUP_S: Final = 20.0
"""Seconds that robots have to appear after the fleet has started before their silence is an alarm."""
_LATE_S: Final = 60.0
_FORGOTTEN_S: Final = 10.0
_UNANSWERED_S: Final = 60.0
"""Seconds in which a robot that is online must take up an order."""
_UNCANCELED_S: Final = 5.0
_CRITICAL_SOC: Final = 0.1
_BLOCKED: Final = "blocked:"


class Supervisor:
    """Turns what does not happen into facts and alarms."""

    def __init__(self, context: Context, outcomes: Outcomes) -> None:
        self._context = context
        self._outcomes = outcomes
        self._started_ns: int | None = None

    def step(self) -> int:
        """Look at every robot and its task; return when to look again.

        Raises:
            LedgerError: a fact could not be written.
        """
        now_ns = self._context.clock.now_ns()
        if self._started_ns is None:
            self._started_ns = now_ns
        is_starting = seconds_between(self._started_ns, now_ns) <= STARTUP_S
        next_ns = now_ns if is_starting else END_OF_TIME_NS
        for state in self._context.robots.values():
            due_ns = now_ns
            with self._context.isolation.part(str(state.robot.id), robot=state.robot.id):
                due_ns = self._look_at(state, now_ns)
            next_ns = min(next_ns, due_ns)
        return next_ns

    def follow(self) -> int:
        """Look at those only that execute tasks, since some have come further; return when to look again.

        Raises:
            LedgerError: a fact could not be written.
        """
        book, now_ns = self._context.book, self._context.clock.now_ns()
        next_ns = END_OF_TIME_NS
        for state in self._context.robots.values():
            mission = book.mission_of(state.robot.id)
            if mission is None or mission.task_id is None:
                continue
            due_ns = now_ns
            with self._context.isolation.part(str(state.robot.id), robot=state.robot.id):
                due_ns = self._look_at(state, now_ns)
            next_ns = min(next_ns, due_ns)
        return next_ns

    def _look_at(self, state: RobotState, now_ns: int) -> int:
        self._raise_alarms(state, now_ns)
        mission = self._context.book.mission_of(state.robot.id)
        if mission is not None and mission.task_id is not None:
            return self._watch(state, mission, self._context.book.tasks[mission.task_id], now_ns)
        return now_ns if self._context.alarms.has(f"document/{state.robot.id}") else END_OF_TIME_NS

    def _watch(self, state: RobotState, mission: MissionRecord, task: TaskRecord, now_ns: int) -> int:
        is_at_it = False
        if state.silence(now_ns) > LOST_S:
            self._watch_silent(state, mission, task)
        elif state.is_online(now_ns) and state.running != mission.mission_id:
            self._watch_idle(state, mission, task, now_ns)
        else:
            state.missing, is_at_it = None, True
        book = self._context.book
        task = book.tasks[task.task_id]
        due_ns = END_OF_TIME_NS
        if task.status.is_active and book.missions[mission.mission_id].is_open:
            due_ns = self._update_status(state, mission, task, now_ns)
        is_settled = is_at_it and not self._context.alarms.has(f"document/{state.robot.id}")
        return due_ns if is_settled else now_ns

    def _watch_silent(self, state: RobotState, mission: MissionRecord, task: TaskRecord) -> None:
        why = f"{state.robot.id} has been silent for a minute"
        if self._outcomes.pass_on(state, task, mission):
            return
        if self._has_cargo(state, mission, task):
            # a document stays its robot's: it may still bring it, and nobody else can get at it
            if task.request.kind is TaskKind.GUIDE or task.cancel_reason is not None:
                self._outcomes.break_down(state, task, why, is_void=True)
        elif task.is_picked_up and task.request.kind is TaskKind.GUIDE:
            self._outcomes.lose(state, task, f"{why}; the visitor was no longer with it")
        elif task.is_picked_up:
            if task.cancel_reason is not None:
                self._outcomes.lose(state, task, why)
        elif task.cancel_reason is not None:
            self._outcomes.fail_robot(state, task, why, is_void=True)
        else:
            self._outcomes.release(task, why, is_robot_failure=False, is_void=True)

    def _watch_idle(self, state: RobotState, mission: MissionRecord, task: TaskRecord, now_ns: int) -> None:
        """The robot is online and executes nothing or something else."""
        if not state.has_begun(mission.mission_id) and task.status is TaskStatus.STANDBY:
            if self._waited(state, "cancel", mission, now_ns, task.cancel_reason is not None) > _UNCANCELED_S:
                self._outcomes.fail_robot(state, task, "canceled before it began", is_void=True)
            elif self._waited(state, "order", mission, now_ns, True) > _UNANSWERED_S:
                self._outcomes.fail_robot(state, task, "did not take the order", is_void=True)
            return
        if state.missing is None or state.missing[0] != mission.mission_id:
            state.missing = (mission.mission_id, now_ns)
        missing_s = seconds_between(state.missing[1], now_ns)
        if missing_s <= _FORGOTTEN_S:
            return
        # it has had time to repeat its last report: it has forgotten the mission, as after a restart
        has_cargo, is_late = self._has_cargo(state, mission, task), missing_s > _UNANSWERED_S
        if has_cargo and (is_late or task.request.kind is TaskKind.GUIDE):
            # a document's order has been repeated all the time: a robot that has it would have gone on
            why = f"{state.robot.id} has forgotten the task, perhaps it was restarted"
            self._outcomes.break_down(state, task, why, is_void=True)
        elif has_cargo or (task.is_picked_up and not is_late and task.request.kind is TaskKind.DELIVER):
            return
        elif task.is_picked_up:
            self._outcomes.lose(state, task, f"{state.robot.id} has forgotten the task and has nothing on board")
        elif task.cancel_reason is not None or is_late:
            self._outcomes.fail_robot(state, task, "does not go on with the task", is_void=True)
        else:
            return
        state.missing = None

    def _waited(self, state: RobotState, what: str, mission: MissionRecord, now_ns: int, is_waiting: bool) -> float:
        """Return for how many seconds the robot has owed an answer; counted here, for clocks may be set."""
        if not is_waiting:
            return 0.0
        since = state.owed.get(what)
        if since is None or since[0] != mission.mission_id:
            since = state.owed[what] = (mission.mission_id, now_ns)
        return seconds_between(since[1], now_ns)

    def _has_cargo(self, state: RobotState, mission: MissionRecord, task: TaskRecord) -> bool:
        return task.has_cargo or (
            task.request.kind is TaskKind.DELIVER
            and task.status is not TaskStatus.STANDBY
            and state.is_occupied(mission.compartment)
        )

    def _update_status(self, state: RobotState, mission: MissionRecord, task: TaskRecord, now_ns: int) -> int:
        """Write a status that has changed; return when it changes by itself."""
        status, reason, due_ns = self._watched_status(state, mission, task, now_ns)
        if status is not task.status or _without_numbers(reason) != _without_numbers(task.reason):
            payload = {"status": status.value, "reason": reason}
            self._context.journal.write(EventKind.STATUS, task.task_id, payload)
        return due_ns

    def _watched_status(
        self, state: RobotState, mission: MissionRecord, task: TaskRecord, now_ns: int
    ) -> tuple[TaskStatus, str, int]:
        report = state.report_of(mission.mission_id)
        if state.silence(now_ns) > LOST_S:
            has_document = task.request.kind is TaskKind.DELIVER and task.has_cargo
            what = f"document in {state.robot.id}: it" if has_document else str(state.robot.id)
            return TaskStatus.BLOCKED, f"{what} is silent", END_OF_TIME_NS
        if mission.kind is MissionKind.HAND_OVER_DOCUMENT:
            return TaskStatus.BLOCKED, f"document in {state.robot.id}: {task.custodian} takes it out", END_OF_TIME_NS
        if state.status is not None and state.status.is_stopped:
            return TaskStatus.BLOCKED, f"{state.robot.id} is stopped; release it", END_OF_TIME_NS
        if report is not None and report.reason.startswith(_BLOCKED):
            return TaskStatus.BLOCKED, report.reason.removeprefix(_BLOCKED).strip(), END_OF_TIME_NS
        remaining = remaining_time(self._context, state, task, None if report is None else report.phase)
        remaining += time_after_exchange(self._context, state, task)
        late_s = seconds_between(task.promised_ns, now_ns) + remaining
        was_late = task.status is TaskStatus.DELAYED
        most_s = 0.0 if was_late else _LATE_S
        if late_s > most_s:
            return TaskStatus.DELAYED, "later than promised", END_OF_TIME_NS
        return TaskStatus.UNDERWAY, "", now_ns + to_ns(most_s - late_s)

    def _is_well(self, state: RobotState, now_ns: int) -> bool:
        """Return whether there is plainly nothing to tell of the robot: so most are at most steps."""
        status, progress = state.status, state.progress
        return (
            status is not None
            and progress is not None
            and progress.free is None
            and len(progress.held) > 0
            and progress.held[0] in self._context.site.nodes
            and not status.is_stopped
            and status.battery_soc >= _CRITICAL_SOC
            and state.silence(now_ns) <= OFFLINE_S
            and not self._context.alarms.has_any(state.robot.id)
        )

    def _raise_alarms(self, state: RobotState, now_ns: int) -> None:
        if self._is_well(state, now_ns):
            return
        robot, alarms, status = state.robot.id, self._context.alarms, state.status
        is_starting = seconds_between(self._started_ns or now_ns, now_ns) < STARTUP_S and not state.has_spoken
        is_silent = state.silence(now_ns) > OFFLINE_S and not is_starting
        is_missed = is_silent and robot not in self._context.book.traffic_rules.absent_robots
        is_there = status is not None and not is_silent
        is_lost = is_there and not state.is_by_hand and (state.is_off_lanes or state.node(self._context.site) is None)
        soc = state.soc
        is_empty = is_there and not math.isnan(soc) and soc < _CRITICAL_SOC and not (status and status.is_charging)
        is_stopped = is_there and status is not None and status.is_stopped
        document = f"document/{robot}"
        if (
            not state.is_stranded
            and is_there
            and alarms.has(document)
            and not any(map(state.is_occupied, state.robot.model.compartments))
        ):
            self._clear_later(document, now_ns)
        if not (is_missed or is_stopped or is_lost or is_empty or alarms.has_any(robot)):
            return
        alarms.set(f"offline/{robot}", is_missed, f"{robot} is silent: is it switched on?", robot=robot, is_error=True)
        alarms.set(f"stopped/{robot}", is_stopped, f"{robot} is stopped", robot=robot)
        alarms.set(
            f"nowhere/{robot}",
            is_lost,
            f"{robot} is not on the lane graph: drive it to a lane",
            robot=robot,
            is_error=True,
        )
        alarms.set(f"battery/{robot}", is_empty, f"{robot}'s battery is nearly empty", robot=robot, is_error=True)

    def _clear_later(self, alarm_id: str, now_ns: int) -> None:
        # the status that shows the compartment empty may be older than the alarm
        for alarm in self._context.alarms.all():
            if alarm.alarm_id == alarm_id and now_ns - alarm.since_ns > to_ns(_UNCANCELED_S):
                self._context.alarms.clear(alarm_id)


def _without_numbers(text: str) -> str:
    return re.sub(r"\d+([.,]\d+)?", "0", text)

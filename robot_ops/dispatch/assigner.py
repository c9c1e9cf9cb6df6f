"""Plans all waiting tasks and gives each free robot its next one."""

from collections.abc import Iterable
from typing import Final

from robot_ops.allocation.model import Assignment, OpenTask, Plan, Transfer
from robot_ops.allocation.planner import allocate
from robot_ops.core.clock import END_OF_TIME_NS, seconds_between, to_ns
from robot_ops.core.durations import about
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import LevelId, MissionId, PlaceId
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.forecast import (
    as_open_task,
    candidates,
    expected_candidates,
    out_of_service,
    rest_underway,
    transfers,
)
from robot_ops.dispatch.orders import mission_kind
from robot_ops.dispatch.promises import PromiseRecord
from robot_ops.dispatch.prospects import Prospects
from robot_ops.dispatch.robots import RobotState
from robot_ops.dispatch.waiting_line import Ability, WaitingLine, rank
from robot_ops.site.model import RobotKind
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.events import EventKind, leg_payload
from robot_ops.tasks.ledger import Payload
from robot_ops.tasks.orders import MissionKind
from robot_ops.tasks.requests import TaskKind, TaskRequest
from robot_ops.tasks.status import TaskStatus

_REPLAN_S: Final = 2.0
MAX_WAITING: Final = 20_000
MAX_PROMISE_S: Final = 8 * 3600.0
"""A request that would wait longer is refused, when others wait."""
_EXACT: Final = 60
"""Where at least so many wait, new requests are told what their place in the line means."""
_UNSERVED_S: Final = 30.0
"""Seconds after which it is an alarm that no robot can do a task."""
_NO_PLAN: Final = Plan(assignments={}, finish={}, unassigned={}, short_of_energy=frozenset())


class Assigner:
    """Keeps the plan. It is made anew when something happened and every two seconds.

    However many tasks wait, a call takes no longer than planning the front of their line takes.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._plan = _NO_PLAN
        self._planned_ns = 0
        self._is_stale = True
        is_bound = any(robot.levels is not None for robot in context.site.robots.values())
        self._line = WaitingLine(self._levels if is_bound else None)
        self._exchanges = transfers(context.site)
        self._prospects: Prospects | None = None
        self._prospects_ns = 0
        self._promises = PromiseRecord()
        self._changes = 0

    @property
    def changes(self) -> int:
        """Return how often the plan has changed, or is to be made anew because something happened, so far."""
        return self._changes

    @property
    def plan(self) -> Plan:
        """Return the latest plan."""
        return self._plan

    @property
    def planned_ns(self) -> int:
        """Return the instant that the plan's times count from."""
        return self._planned_ns

    def invalidate(self) -> None:
        """Have the plan made anew at the next step: something happened."""
        self._is_stale = True
        self._changes += 1

    def admit(self, task: TaskRecord) -> None:
        """Take over a task that was accepted just now."""
        self._line.add(task.task_id, task.request, task.submitted_ns)
        self.invalidate()

    def promise(self, request: TaskRequest) -> float:
        """Return the seconds until a new request will be done, with a margin that experience teaches."""
        return self._estimate(request) * self._promises.stretch(self._context.book, request.kind)

    def check_room(self, seconds: float) -> None:
        """Check that a request that would be promised in so many seconds can be admitted.

        Raises:
            RequestError: so much waits already that it would not be done within hours.
        """
        if len(self._line) >= MAX_WAITING:
            raise RequestError(f"the queue is full: {len(self._line)} tasks wait", mend="Ask again later")
        if seconds > MAX_PROMISE_S and len(self._line) >= _EXACT:
            raise RequestError(f"the queue is full: it would take {about(seconds)}", mend="Ask again later")

    def finish(self, task: TaskRecord) -> float | None:
        """Return the seconds from `planned_ns` until a task that waits will be done, None while nobody knows."""
        planned = self._plan.finish.get(task.task_id)
        place = self._line.place(task.task_id)
        if planned is not None or place is None or task.task_id in self._plan.unassigned or self._prospects is None:
            return planned
        key, rank_there = place
        if not self._prospects.has(key):
            return None
        return self._prospects.finish(key, rank_there) + seconds_between(self._planned_ns, self._prospects_ns)

    def waiting(self, now_ns: int) -> list[OpenTask]:
        """Return the front of the tasks that wait for a robot: those that are planned one by one."""
        self._line.refresh(self._context.book)
        return self._front(now_ns)

    def underway(self, now_ns: int) -> list[OpenTask]:
        """Return what is left to do of the tasks that are on their way to an exchange."""
        context, found = self._context, []
        if not self._exchanges:
            return []
        for task in context.book.open_records():
            if task.exchange is not None:
                with context.isolation.part(task.task_id):
                    planned = self._plan.onward.get(task.task_id)
                    rest = rest_underway(context, task, planned=planned, now_ns=now_ns)
                    found += [] if rest is None else [rest]
        return found

    @property
    def exchanges(self) -> tuple[Transfer, ...]:
        """Return where tasks may change robots."""
        return self._exchanges

    def step(self) -> int:
        """Plan where needed and give each free robot its next task.

        Returns:
            the instant from which on there may be more to do.

        Raises:
            LedgerError: an assignment could not be written.
        """
        now_ns = self._context.clock.now_ns()
        is_old = seconds_between(self._planned_ns, now_ns) >= _REPLAN_S
        if self._is_stale or is_old or self._is_missing_some():
            self._replan(now_ns)
        for state in self._context.robots.values():
            assignment = self._plan.next_of(state.robot.id)
            if assignment is not None and assignment.start <= 0.0 and self._is_ready(state, assignment, now_ns):
                self._assign(state, assignment)
        return END_OF_TIME_NS if self._plan is _NO_PLAN else now_ns

    def _is_missing_some(self) -> bool:
        """Return whether tasks wait though none did: of a write that failed and reached the disk nobody tells."""
        records = self._context.book.open_records()
        return self._plan is _NO_PLAN and any(task.status is TaskStatus.QUEUED for task in records)

    def _estimate(self, request: TaskRequest) -> float:
        context, now_ns = self._context, self._context.clock.now_ns()
        if len(self._line) >= _EXACT:
            return self._rough_estimate(request, now_ns)
        new = as_open_task(context, request, task=None, planned=None, now_ns=now_ns)
        tasks = [*self.waiting(now_ns), *self.underway(now_ns), new]
        plan = allocate(tasks, candidates(context, now_ns), context.travel, self._exchanges)
        if new.task_id not in plan.finish:
            plan = allocate(tasks, expected_candidates(context, now_ns), context.travel, self._exchanges)
        # nobody can do it as things stand, after all that was checked: promise what the slowest other gets
        return plan.finish.get(new.task_id, max(plan.finish.values(), default=0.0) + 600.0)

    def _rough_estimate(self, request: TaskRequest, now_ns: int) -> float:
        """Return what its place in the line means; where many wait, planning at each request takes too long."""
        key = self._line.ability(request)
        if self._prospects is None or not self._prospects.has(key):
            front = [*self._front(now_ns), *self.underway(now_ns)]
            able = expected_candidates(self._context, now_ns)
            plan = allocate(front, able, self._context.travel, self._exchanges)
            self._prospects, self._prospects_ns = Prospects(plan, self._line, self._able), now_ns
        place = rank(request, now_ns, self._context.book.next_task_id(request.kind))
        return max(0.0, self._prospects.finish(key, place) - seconds_between(self._prospects_ns, now_ns))

    def _front(self, now_ns: int) -> list[OpenTask]:
        context, front = self._context, []
        for task_id in self._line.front(self._able):
            with context.isolation.part(task_id):
                task, planned = context.book.tasks[task_id], self._plan.assignments.get(task_id)
                onward = self._plan.onward.get(task_id)
                if planned is None:
                    planned, onward = onward, None  # it was on its way and has come to the exchange
                front.append(
                    as_open_task(context, task.request, task=task, planned=planned, onward=onward, now_ns=now_ns)
                )
        return front

    def _levels(self, pickup: PlaceId, destination: PlaceId) -> tuple[LevelId, ...]:
        site = self._context.site
        if pickup not in site.places or destination not in site.places:
            return ()  # the site was changed since; planning the task tells so
        return site.node_of(pickup).level, site.node_of(destination).level

    def _able(self, key: Ability) -> int:
        kind, language, levels = key
        # of those that change robots, who begins with it
        robots = [
            state.robot for state in self._context.robots.values() if not levels or state.robot.may_go_to(levels[0])
        ]
        if kind is TaskKind.GUIDE:
            return sum(robot.model.kind is RobotKind.GUIDE and language in robot.languages for robot in robots)
        return sum(robot.model.kind is RobotKind.COURIER for robot in robots)

    def _replan(self, now_ns: int) -> None:
        waiting = self.waiting(now_ns)
        tasks = [*waiting, *self.underway(now_ns)]
        able = candidates(self._context, now_ns) if tasks else []
        self._plan = allocate(tasks, able, self._context.travel, self._exchanges) if tasks else _NO_PLAN
        self._planned_ns, self._prospects_ns, self._is_stale = now_ns, now_ns, False
        self._changes += bool(tasks)
        self._prospects = Prospects(self._plan, self._line, self._able) if len(self._line) > len(waiting) else None
        self._raise_alarms(waiting)

    def _raise_alarms(self, waiting: Iterable[OpenTask]) -> None:
        unserved = [
            f"{task.task_id}: {self._plan.unassigned[task.task_id]}"
            for task in waiting
            if task.task_id in self._plan.unassigned and task.waited > _UNSERVED_S
        ]
        text = f"{len(unserved)} tasks wait for a robot that can do them ({unserved[0]})" if unserved else ""
        self._context.alarms.set("unserved_tasks", bool(unserved), text)

    def _is_ready(self, state: RobotState, assignment: Assignment, now_ns: int) -> bool:
        """Return whether nothing has changed since the plan was made that speaks against the assignment."""
        task = self._context.book.tasks[assignment.task_id]
        mission = self._context.book.mission_of(state.robot.id)
        return (
            task.status is TaskStatus.QUEUED
            and (mission is None or mission.task_id is None)
            and not out_of_service(self._context, state, now_ns)
            and now_ns >= state.rest_until_ns
        )

    def _assign(self, state: RobotState, assignment: Assignment) -> None:
        context, journal = self._context, self._context.journal
        task = context.book.tasks[assignment.task_id]
        chore = context.book.mission_of(state.robot.id)
        if chore is not None:
            journal.write(
                EventKind.CHORE_ENDED,
                state.robot.id,
                {"mission_id": chore.mission_id, "is_void": True, "reason": f"{task.task_id} goes first"},
            )
        journal.write(
            EventKind.ASSIGNED,
            task.task_id,
            {
                "mission_id": MissionId(f"{task.task_id}.{task.attempts + 1}"),
                "robot": state.robot.id,
                "mission_kind": mission_kind(task.request.kind).value,
                **_goal(context, task, assignment),
                "compartment": _free_compartment(state, task),
                "reason": assignment.reason,
                "estimated_finish_ns": self.planned_ns + to_ns(self._plan.finish.get(task.task_id, assignment.finish)),
            },
        )
        state.idle_since_ns = None


def _goal(context: Context, task: TaskRecord, assignment: Assignment) -> Payload:
    """Return where the mission ends, and what besides where that is an exchange."""
    if assignment.exchange is None:
        return {"destination": task.request.destination}
    exchange = context.site.exchanges[assignment.exchange]
    keeper = exchange.keeper if task.request.kind is TaskKind.DELIVER else None
    custody_count = context.book.custody_count(assignment.robot)
    return {"destination": exchange.drop, **leg_payload(exchange.id, exchange.pickup, keeper, custody_count)}


def _free_compartment(state: RobotState, task: TaskRecord) -> str:
    if mission_kind(task.request.kind) is not MissionKind.DELIVER_DOCUMENT:
        return ""
    compartments = state.robot.model.compartments
    return next((name for name in compartments if not state.is_occupied(name)), compartments[0])

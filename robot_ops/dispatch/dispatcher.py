"""The fleet's brain: accepts tasks, has robots do them, and loses none.

Robots' messages and the steps of the clock go in, orders and clearances go out by the RobotLink. Everything that must
outlive the process is in the ledger before anybody is told. One thread calls all methods.
"""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final

from robot_ops.allocation.travel_matrix import TravelMatrix
from robot_ops.core.clock import Clock, to_ns
from robot_ops.core.errors import LedgerError, ParameterError, RequestError
from robot_ops.core.ids import PersonId, RobotId, TaskId
from robot_ops.dispatch.alarms import AlarmBoard
from robot_ops.dispatch.assigner import Assigner
from robot_ops.dispatch.congestion import Congestion
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.duties import Duty
from robot_ops.dispatch.errands import Errands
from robot_ops.dispatch.explanation import Explanation, explain_task
from robot_ops.dispatch.forecast import as_open_task
from robot_ops.dispatch.inbox import Inbox
from robot_ops.dispatch.inheritance import Inheritance
from robot_ops.dispatch.journal import Journal
from robot_ops.dispatch.key_openings import KeyOpenings
from robot_ops.dispatch.listing import Listing
from robot_ops.dispatch.orders import accepted_answer
from robot_ops.dispatch.outbox import Outbox
from robot_ops.dispatch.outcomes import Outcomes
from robot_ops.dispatch.overdue import Overdue
from robot_ops.dispatch.ports import Alarm, Holdings, NoHoldings, RobotLink, RobotStatus, RobotView, TaskPage, TaskView
from robot_ops.dispatch.robots import RobotState
from robot_ops.dispatch.supervisor import Supervisor
from robot_ops.dispatch.traffic_desk import TrafficDesk
from robot_ops.dispatch.transfers import Transfers
from robot_ops.dispatch.validation import check_places, check_request
from robot_ops.dispatch.views import robot_view
from robot_ops.site.model import Site
from robot_ops.tasks.codes import COST
from robot_ops.tasks.custody import CustodyEvent
from robot_ops.tasks.events import EventKind, request_payload
from robot_ops.tasks.ledger import Ledger
from robot_ops.tasks.orders import MissionReport
from robot_ops.tasks.requests import Accepted, TaskRequest
from robot_ops.tasks.routes import RouteProgress
from robot_ops.tasks.status import TaskStatus
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.control import TrafficControl
from robot_ops.traffic.travel import TravelTimes
from robot_ops.traffic.waits import Wait

_PROMISE_WITHOUT_PLAN_S: Final = 900.0
_log = logging.getLogger(__name__)


class Dispatcher:
    """Fleet side of the system.

    Args:
        site: where it works.
        ledger: open; this is its only writer.
        link: the way to the robots.
        clock: gives every instant.
        secret: one-time codes are derived from it; the same over restarts.
        robots: which of the site's robots to run, all when None.
        holdings: what robots held in the process before this one; nothing is kept when None.
        code_cost: what a try at a one-time code takes, see `robot_ops.tasks.codes.hash_code`.

    Raises:
        ParameterError: `robots` names one that the site has not.
    """

    def __init__(
        self,
        *,
        site: Site,
        ledger: Ledger,
        link: RobotLink,
        clock: Clock,
        secret: bytes,
        robots: Collection[RobotId] | None = None,
        holdings: Holdings | None = None,
        code_cost: int = COST,
    ) -> None:
        self._travel = TravelTimes(site)
        self._ways = TravelMatrix(self._travel.seconds)
        unknown = sorted(set(robots or ()) - set(site.robots))
        if unknown:
            raise ParameterError(
                f"the site has no robot {unknown[0]!r}", where="robots", mend=f"use {', '.join(sorted(site.robots))}"
            )
        now_ns = clock.now_ns()
        self._context = Context(
            site=site,
            clock=clock,
            link=link,
            journal=Journal(ledger, clock),
            alarms=AlarmBoard(clock),
            travel=self._ways,
            secret=secret,
            code_cost=code_cost,
            robots={
                robot.id: RobotState(robot=robot, heard_ns=now_ns)
                for robot in site.robots.values()
                if robots is None or robot.id in robots
            },
        )
        kept = NoHoldings() if holdings is None else holdings
        self._traffic = TrafficControl(site, self._context.robots, kept.load())
        self._desk = TrafficDesk(self._context, self._traffic, kept, self._impose)
        self._transfers = Transfers(self._context)
        self._key_openings = KeyOpenings(self._context)
        self._outcomes = Outcomes(self._context, self._transfers)
        self._assigner = Assigner(self._context)
        self._listing = Listing(self._context, self._assigner)
        self._supervisor = Supervisor(self._context, self._outcomes)
        self._overdue = Overdue(self._context)
        self._errands = Errands(self._context, self._assigner)
        self._outbox = Outbox(self._context)
        self._inheritance = Inheritance(self._context)
        self._inbox = Inbox(self._context, self._outcomes, self._traffic, self._assigner.invalidate)
        self._congestion = Congestion()
        self._supervision, self._following = Duty(self._supervisor.step), Duty(self._supervisor.follow)
        self._duties = tuple(
            map(
                Duty,
                (
                    self._transfers.step,
                    self._key_openings.step,
                    self._plan,
                    self._run_errands,
                    self._outbox.step,
                ),
            )
        )
        self._recorded = -1
        self._retries = 0

    def recover(self) -> None:
        """Read the ledger; call once before anything else. Open tasks go on with whatever the robots report.

        Raises:
            LedgerError: it cannot be read or is damaged.
        """
        self._context.journal.recover()
        self._desk.take_over()

    def submit(self, request: TaskRequest) -> Accepted:
        """Accept a task; it is in the ledger when this returns. The same request again gets the same answer.

        Raises:
            RequestError: the request is wrong; nothing was changed.
            LedgerError: it could not be written; nothing is promised.
        """
        context = self._context
        self._inbox.notice_clock()
        context.journal.settle()
        known = context.book.task_of_request(request.request_id)
        if known is not None:
            if known.request != request:
                raise RequestError(
                    f"{request.request_id!r} was used for another request ({known.task_id})",
                    where="request_id",
                    mend="choose a new one",
                )
            return accepted_answer(known, context.secret)
        self._check(request)
        now_ns = context.clock.now_ns()
        seconds = self._promise(request)
        self._assigner.check_room(seconds)
        promised_ns = now_ns + to_ns(seconds)
        task_id = context.book.next_task_id(request.kind)
        context.journal.write(EventKind.ACCEPTED, task_id, {**request_payload(request), "promised_ns": promised_ns})
        self._assigner.admit(context.book.tasks[task_id])
        return accepted_answer(context.book.tasks[task_id], context.secret)

    def cancel(self, task_id: TaskId, reason: str) -> None:
        """Cancel a task: at once while it is queued, else as soon as its robot has given it up.

        A visitor under way is told goodbye, a document on board goes back to its sender, one in a robot that cannot go
        on to a custodian (`hand_over`). Canceling again changes nothing.

        Raises:
            RequestError: there is no such task, or it has ended.
            LedgerError: it could not be written.
        """
        context = self._context
        context.journal.settle()
        task = context.book.tasks.get(task_id)
        if task is None:
            raise RequestError(f"there is no task {task_id!r}", where="task_id", mend="list the tasks for their ids")
        if task.status is TaskStatus.CANCELED or (task.cancel_reason is not None and not task.status.is_final):
            return
        if task.status.is_final:
            raise RequestError(f"{task_id} has already {_ended(task.status)}", where="task_id")
        why = reason.strip() or "canceled on request"
        if task.status is TaskStatus.QUEUED:
            why = why if task.custodian is None else f"{why}; {task.custodian} has the document"
            context.journal.write(
                EventKind.STATUS, task_id, {"status": TaskStatus.CANCELED.value, "reason": why, "is_void": False}
            )
        else:
            context.journal.write(EventKind.CANCEL_ASKED, task_id, {"reason": why})
        self._assigner.invalidate()

    def hand_over(self, task_id: TaskId, custodian: PersonId) -> str:
        """Have a robot that cannot go on give its document to a member of staff; return the one-time code for it.

        It opens for them as for a sender, on its own record. The next robot fetches the document at the custodian's
        place, with the same code; a task that was canceled ends. Asking again gives the same code.

        Raises:
            RequestError: the task has no such document, or this person cannot take it.
            LedgerError: it could not be written; nothing was changed.
        """
        self._inbox.notice_clock()
        self._context.journal.settle()
        return self._transfers.hand_over(task_id, custodian)

    def report_taken_out(self, task_id: TaskId, person: PersonId, *, operator: str) -> str:
        """Record that staff took a document by key out of a robot that is dead or cannot go on; return their code.

        See `KeyOpenings.report`.

        Raises:
            RequestError: the task has no such document, or this person is not known.
            LedgerError: it could not be written; nothing was changed.
        """
        self._inbox.notice_clock()
        self._context.journal.settle()
        code = self._key_openings.report(task_id, person, operator.strip() or "somebody")
        self._assigner.invalidate()
        return code

    def on_status(self, status: RobotStatus) -> None:
        """Take a robot's status; one older than the latest changes nothing."""
        self._inbox.add_status(status)

    def on_progress(self, progress: RouteProgress) -> None:
        """Take a robot's place on its route; one older than the latest changes nothing."""
        self._inbox.add_progress(progress)

    def on_report(self, report: MissionReport) -> None:
        """Take a robot's report of its mission; repeated and older ones change nothing."""
        if self._inbox.add_report(report):
            with self._guarded():
                self._inbox.judge()

    def on_custody(self, event: CustodyEvent) -> None:
        """Take an event of a robot's chain of custody; repeated ones change nothing."""
        if self._inbox.add_custody(event):
            with self._guarded():
                self._inbox.judge()

    def step(self) -> None:
        """Bring everything up to the present; call it five times a second. Only what is due costs anything."""
        self._inbox.begin()
        isolation, now_ns = self._context.isolation, self._context.clock.now_ns()
        if isolation.is_failing:
            self._retries += 1  # everything is tried again
        with self._guarded():
            self._context.journal.settle()
            with isolation.part("the traffic rules"):
                self._desk.take_over()
            self._inheritance.settle()
            self._inbox.judge()
            self._inbox.note_silence(now_ns)
            self._overdue.step()
            if not self._supervision.perform(now_ns, self._count_changes()):
                self._following.perform(now_ns, self._inbox.moves)
            for duty in self._duties:
                duty.perform(now_ns, self._count_changes())
            self._context.alarms.clear("ledger")
        recorded, is_moved = self._context.journal.changes + self._context.alarms.changes, True
        with isolation.part("traffic"):
            is_moved = self._desk.step(is_news=recorded != self._recorded)
        self._recorded = recorded
        with isolation.part("travel times"):
            self._watch_congestion(is_moved=is_moved)

    def tasks(self, *, with_finished: bool) -> tuple[TaskView, ...]:
        """Return all tasks in the order they were accepted; those that have ended only where asked for."""
        return self._listing.all(with_finished=with_finished)

    def task_page(self, after: TaskId | None = None, limit: int = 0, *, with_finished: bool) -> TaskPage:
        """Return the next tasks in the order they were accepted; see `Listing.page`.

        Raises:
            RequestError: the task to go on after is not there.
        """
        return self._listing.page(after, limit, with_finished=with_finished)

    def tasks_since(
        self, finished_ns: int, *, most_waiting: int | None = None, most_ended: int | None = None
    ) -> tuple[TaskView, ...]:
        """Return the tasks that are open or have ended at this instant or later; see `Listing.shown`."""
        return self._listing.shown(finished_ns, most_waiting=most_waiting, most_ended=most_ended)

    @property
    def open_count(self) -> int:
        """Return how many tasks are open."""
        return len(self._context.book.open_tasks)

    def robots(self) -> tuple[RobotView, ...]:
        """Return the robots in the site's order."""
        now_ns = self._context.clock.now_ns()
        return tuple(
            robot_view(self._context, state, self._traffic.clearance(robot), now_ns)
            for robot, state in self._context.robots.items()
        )

    def alarms(self) -> tuple[Alarm, ...]:
        """Return what an operator must do something about, errors first."""
        return self._context.alarms.all()

    def waits(self) -> tuple[Wait, ...]:
        """Return which robots cannot go on and why, in the order of their ids."""
        return self._traffic.waits()

    def explain_traffic(self, robot: RobotId | None = None) -> str:
        """Return lines of text about a robot, or all: what it holds, its way, and what it waits for and why.

        Raises:
            RequestError: traffic control has not heard of the robot.
        """
        return self._traffic.explain(robot)

    def explain_dispatch(self, task_id: TaskId) -> Explanation:
        """Return why a task has its robot, or when it will get one, and what each other robot would make of it.

        Raises:
            RequestError: there is no such task.
        """
        context = self._context
        task = context.book.tasks.get(task_id)
        if task is None:
            raise RequestError(f"there is no task {task_id!r}", where="task_id", mend="list the tasks for their ids")
        return explain_task(context, self._assigner, task, context.clock.now_ns())

    @property
    def traffic_rules(self) -> TrafficRules:
        """Return what operators have imposed on traffic."""
        return self._desk.rules

    def set_traffic_rules(self, rules: TrafficRules) -> None:
        """Replace the traffic rules; they are in the ledger when this returns. The same again changes nothing.

        Raises:
            RequestError: the site has not such a lane, zone or robot; nothing was changed.
            LedgerError: it could not be written; nothing was changed.
        """
        self._desk.set_rules(rules)
        self._assigner.invalidate()

    def custody_of(self, robot: RobotId) -> tuple[CustodyEvent, ...]:
        """Return the fleet's copy of a robot's chain of custody, in order."""
        chain = self._context.book.custody.get(robot, {})
        return tuple(chain[seq] for seq in sorted(chain))

    @property
    def ledger_digest(self) -> str:
        """Return the ledger's digest."""
        return self._context.journal.digest

    def _promise(self, request: TaskRequest) -> float:
        """Return the seconds until the request will be done; some when planning fails, for accepting must not."""
        seconds = _PROMISE_WITHOUT_PLAN_S
        with self._context.isolation.part("promises"):
            seconds = self._assigner.promise(request)
        return max(seconds, 0.0)

    def _check(self, request: TaskRequest) -> None:
        context, now_ns = self._context, self._context.clock.now_ns()
        check_places(request, context.site)
        check_request(
            request,
            site=context.site,
            robots=[state.robot for state in context.robots.values()],
            travel=context.travel,
            now_ns=now_ns,
            open_task=as_open_task(context, request, task=None, planned=None, now_ns=now_ns),
        )

    def _impose(self, rules: TrafficRules) -> None:
        """Have closed lanes and slow zones count in travel times."""
        self._travel.set_rules(rules)
        self._ways.forget()

    def _plan(self) -> int:
        with self._context.isolation.part("planning"):
            return self._assigner.step()
        return self._context.clock.now_ns()

    def _run_errands(self) -> int:
        with self._context.isolation.part("chores"):
            return self._errands.step()
        return self._context.clock.now_ns()

    def _count_changes(self) -> int:
        """Return how often anything has happened so far that the parts of a step may depend on."""
        context = self._context
        changes = context.journal.changes + context.alarms.changes + self._inbox.changes + self._assigner.changes
        return changes + self._retries

    def _watch_congestion(self, *, is_moved: bool) -> None:
        """Have travel times follow where robots wait for each other."""
        if self._congestion.watch(self._context, self._traffic, is_moved=is_moved):
            self._travel.set_delays(self._congestion.delays)
            self._ways.forget()
            self._assigner.invalidate()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn a failing ledger into an alarm; what was not written is tried again at the next step."""
        try:
            yield
        except LedgerError as error:
            if not self._context.alarms.has("ledger"):
                _log.error("the ledger fails, no task goes on until it works: %s", error)
            self._context.alarms.put("ledger", f"the ledger fails: {error}", is_error=True)


def _ended(status: TaskStatus) -> str:
    return {TaskStatus.COMPLETED: "been completed", TaskStatus.FAILED: "failed"}.get(status, "ended")

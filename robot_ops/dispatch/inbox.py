"""What robots say: kept where it is news, judged once it can be recorded."""

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from robot_ops.core.clock import NS_PER_S
from robot_ops.core.ids import MissionId, RobotId
from robot_ops.dispatch.chain_watch import ChainWatch
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.outcomes import Outcomes
from robot_ops.dispatch.ports import RobotStatus
from robot_ops.dispatch.robots import LOST_S, OFFLINE_S, RobotState
from robot_ops.tasks.custody import CustodyEvent
from robot_ops.tasks.orders import MissionReport
from robot_ops.tasks.routes import RouteProgress
from robot_ops.traffic.control import TrafficControl

_Stamped = RobotStatus | RouteProgress | MissionReport
_SOC_STEPS: Final = 20
"""A battery's charge is news by so many parts of the whole: every limit that the fleet acts on is a multiple of one."""
_log = logging.getLogger(__name__)


class Inbox:
    """Takes robots' messages; whatever is repeated, late or out of order changes nothing.

    Args:
        replan: called when something happened that a plan must follow.
    """

    def __init__(
        self, context: Context, outcomes: Outcomes, traffic: TrafficControl, replan: Callable[[], None]
    ) -> None:
        self._context = context
        self._outcomes = outcomes
        self._chains = ChainWatch(context)
        self._traffic = traffic
        self._replan = replan
        self._reports: dict[MissionId, MissionReport] = {}
        self._custody: dict[tuple[RobotId, int], CustodyEvent] = {}
        self._has_begun = False
        self._silent: tuple[RobotId, ...] = ()
        self._changes = self._moves = 0

    @property
    def moves(self) -> int:
        """Return how often a robot that executes something came to another node so far."""
        return self._moves

    @property
    def changes(self) -> int:
        """Return how often anything was said so far that the fleet may act on, or robots fell silent."""
        return self._changes

    def note_silence(self, now_ns: int) -> None:
        """Count who is silent by now, or silent for good, as news."""
        silent = []
        for robot, state in self._context.robots.items():
            silence = state.silence(now_ns)
            if silence > OFFLINE_S:
                silent += [robot, robot] if silence > LOST_S else [robot]
        if tuple(silent) != self._silent:
            self._silent = tuple(silent)
            self._changes += 1

    def begin(self) -> None:
        """Begin to count silence; further calls do nothing. The clock may jump once before (simulated time)."""
        self.notice_clock()
        if self._has_begun:
            return
        now_ns = self._context.clock.now_ns()
        for state in self._context.robots.values():
            state.heard_ns = max(state.heard_ns, now_ns)
        self._has_begun = True

    def notice_clock(self) -> None:
        """When the clock was set, or the fleet stood still, go on as if nothing had been: nobody was silent."""
        jump_ns = self._context.time.notice()
        if jump_ns == 0:
            return
        _log.warning("the clock has jumped by %.1f s", jump_ns / NS_PER_S)
        for state in self._context.robots.values():
            state.shift(jump_ns)
        self._changes += 1
        self._replan()

    def add_status(self, status: RobotStatus) -> None:
        """Take a robot's status."""
        state = self._heard(status.robot)
        if state is not None and state.status is status:
            return
        if state is None or self._is_old(state, "status", status.stamp_ns, state.status):
            return
        before = state.status
        state.status = status
        if status.custody is not None:
            was_cut = state.is_chain_cut
            self._chains.compare(state, status.custody)
            self._changes += state.is_chain_cut is not was_cut
        if before is None or self._is_news(state, before, status):
            self._changes += 1
        if before is None or (before.mission_id, before.is_stopped) != (status.mission_id, status.is_stopped):
            self._replan()

    def add_progress(self, progress: RouteProgress) -> None:
        """Take a robot's place on its route."""
        state = self._heard(progress.robot)
        if state is None or self._is_old(state, "progress", progress.stamp_ns, state.progress):
            return
        before, state.progress = state.progress, progress
        if before is None or _place(before) != _place(progress):
            self._changes += 1
        elif before.held[:1] != progress.held[:1]:
            if state.running is None:
                self._changes += 1
            else:
                self._moves += 1
        with self._context.isolation.part(f"traffic of {progress.robot}", robot=progress.robot):
            time = self._context.time
            # once the clock was set, traffic's time and the robots' clocks need not agree
            self._traffic.update(replace(progress, stamp_ns=time.now_ns) if time.has_jumped else progress)

    def add_report(self, report: MissionReport) -> bool:
        """Keep a robot's report of its mission; return whether it is to be judged."""
        state = self._heard(report.robot)
        if state is None:
            return False
        latest = self._reports.get(report.mission_id) or state.report_of(report.mission_id)
        if latest is not None:
            # a final report is never taken back, whatever the order of arrival
            is_old = report.outcome is None and self._is_old(state, "report", report.stamp_ns, latest)
            if latest.outcome is not None or is_old or report == latest:
                return False
        self._reports[report.mission_id] = report
        return True

    def add_custody(self, event: CustodyEvent) -> bool:
        """Keep an event of a robot's chain of custody; return whether it is to be judged."""
        if self._heard(event.robot) is None:
            return False
        self._custody[(event.robot, event.seq)] = event
        return True

    def judge(self) -> None:
        """Record what follows from what was kept; what cannot be recorded stays for the next time.

        Raises:
            LedgerError: it could not be recorded.
        """
        self._context.journal.settle()
        for mission_id, report in tuple(self._reports.items()):
            with self._context.isolation.part(f"reports of {mission_id}", robot=report.robot):
                state = self._context.robots[report.robot]
                before = state.report
                self._outcomes.take(state, report)
                del self._reports[mission_id]
                if before is None or state.report is None or _said(before) != _said(state.report):
                    self._changes += 1
                if report.outcome is not None:
                    self._replan()
        for key, event in sorted(self._custody.items()):
            with self._context.isolation.part(f"custody of {event.robot}", robot=event.robot):
                self._chains.take(event)
                del self._custody[key]

    def _heard(self, robot: RobotId) -> RobotState | None:
        self.notice_clock()
        state = self._context.robots.get(robot)
        if state is None:
            text = f"{robot} speaks on the network and is not a robot of this fleet: its messages are ignored"
            self._context.alarms.put(f"unknown/{robot}", text)
            return None
        state.heard_ns = self._context.clock.now_ns()
        if not state.has_spoken:
            state.has_spoken = True
            self._changes += 1
        return state

    def _is_old(self, state: RobotState, what: str, stamp_ns: int, latest: _Stamped | None) -> bool:
        return latest is not None and state.is_old(what, stamp_ns, latest.stamp_ns, self._context.clock.now_ns())

    def _is_news(self, state: RobotState, before: RobotStatus, status: RobotStatus) -> bool:
        """Return whether a status says anything that the fleet acts on and the one before did not."""
        if (
            before.mission_id != status.mission_id
            or before.is_stopped is not status.is_stopped
            or before.is_charging is not status.is_charging
            or before.compartments != status.compartments
            or _charge(before) != _charge(status)
        ):
            return True
        held = () if state.progress is None else state.progress.held
        return (not held or held[0] not in self._context.site.nodes) and before.at != status.at


def _charge(status: RobotStatus) -> int:
    return -1 if math.isnan(status.battery_soc) else math.floor(status.battery_soc * _SOC_STEPS)


def _place(progress: RouteProgress) -> tuple[bool, ...]:
    """Return whether it keeps to the lanes, and who drives it."""
    return bool(progress.held), progress.free is None, progress.is_by_hand


def _said(report: MissionReport) -> tuple[object, ...]:
    return report.mission_id, report.phase, report.outcome, report.reason, report.has_cargo

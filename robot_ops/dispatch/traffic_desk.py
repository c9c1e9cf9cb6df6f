"""The fleet's dealings with traffic control: operators' rules in, clearances and alarms out."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from robot_ops.core.clock import END_OF_TIME_NS, seconds_between, to_ns
from robot_ops.core.errors import LedgerError
from robot_ops.core.ids import RobotId
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.ports import Holdings
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.routes import Clearance, RouteProgress
from robot_ops.tasks.traffic_rules import TrafficRules, rules_payload
from robot_ops.traffic.control import TrafficControl
from robot_ops.traffic.restrictions import check_rules, known_rules
from robot_ops.traffic.waits import Wait

_CLEARANCE_REPEAT_S: Final = 0.5
_STUCK_S: Final = 120.0
_LEDGER_SUBJECT: Final = "traffic"


class TrafficDesk:
    """Keeps traffic control at the rules that the ledger holds, and robots and operators informed.

    Args:
        holdings: told what robots may take up before they are told that they may.
        impose: what else has to know the rules; called with rules that fit the site.
    """

    def __init__(
        self,
        context: Context,
        traffic: TrafficControl,
        holdings: Holdings,
        impose: Callable[[TrafficRules], None],
    ) -> None:
        self._context = context
        self._traffic = traffic
        self._holdings = holdings
        self._impose = impose
        self._taken_over = TrafficRules()
        self._saved: tuple[RouteProgress, ...] = ()
        self._sent: dict[RobotId, Clearance] = {}
        self._sent_ns: int | None = None
        self._is_kept = False
        self._long_ns = END_OF_TIME_NS  # when the next will have waited for long

    @property
    def rules(self) -> TrafficRules:
        """Return the rules that hold now."""
        return self._traffic.rules

    def set_rules(self, rules: TrafficRules) -> None:
        """Replace the rules: first in the ledger, then on the lanes. The same again changes nothing.

        Raises:
            RequestError: the site has not such a lane, zone or robot; nothing was changed.
            LedgerError: it could not be written; nothing was changed.
        """
        check_rules(self._context.site, rules)
        self._context.journal.settle()
        if rules != self._context.book.traffic_rules:
            self._context.journal.write(EventKind.TRAFFIC_RULES, _LEDGER_SUBJECT, rules_payload(rules))
        self.take_over()

    def take_over(self) -> None:
        """Have the rules of the ledger hold; call it only while ledger and book agree."""
        rules = self._context.book.traffic_rules
        if rules == self._taken_over:
            return
        fitting = known_rules(self._context.site, rules)
        self._traffic.set_rules(fitting)
        self._impose(fitting)
        self._taken_over = rules
        self._context.alarms.set(
            "traffic/rules",
            fitting != rules,
            "some lanes, zones or robots of the traffic rules are not in the site any more: set the rules anew",
        )
        self._context.alarms.set(
            "traffic/emergency",
            rules.is_emergency,
            "emergency: all robots go to their refuges, no lift is entered",
            is_error=True,
        )

    def step(self, *, is_news: bool) -> bool:
        """Send clearances that are new, or due to be repeated; raise and clear alarms.

        Args:
            is_news: book or alarms have changed.

        Returns:
            whether any robot may have moved.
        """
        now_ns = self._context.time.now_ns
        is_due = self._sent_ns is None or seconds_between(self._sent_ns, now_ns) >= _CLEARANCE_REPEAT_S
        if is_due:
            self._sent_ns = now_ns
        if is_news:
            self._traffic.set_urgency(self._urgency())
        if self._is_kept and not self._traffic.is_due(now_ns):
            for clearance in self._traffic.clearances() if is_due else ():
                self._context.link.send_clearance(clearance)
            if is_news or now_ns >= self._long_ns:
                self._raise_alarms(now_ns)
            return False
        self._is_kept = False  # should anything here fail, all is done again at the next step
        clearances = self._traffic.step(now_ns)
        is_kept = self._save()
        if is_kept:
            for clearance in clearances:
                if is_due or self._sent.get(clearance.robot) != clearance:
                    self._context.link.send_clearance(clearance)
            self._sent = {clearance.robot: clearance for clearance in clearances}
        elif is_due:
            self._recall(clearances)
        self._raise_alarms(now_ns)
        self._is_kept = is_kept
        return True

    def _recall(self, clearances: Iterable[Clearance]) -> None:
        """Have robots give up what they hold where they should, and tell them nothing else."""
        for clearance in clearances:
            sent = self._sent.get(clearance.robot)
            if clearance.is_recall and sent is not None and sent.goal_seq == clearance.goal_seq:
                why = clearance.waiting_for
                recall = replace(sent, stamp_ns=clearance.stamp_ns, is_recall=True, waiting_for=why)
                self._context.link.send_clearance(recall)

    def _save(self) -> bool:
        """Keep what robots may take up now; return whether it is kept."""
        alarms, holdings = self._context.alarms, (*self._traffic.holdings(), *self._traffic.unheard)
        try:
            if holdings != self._saved:
                self._holdings.save(holdings)
                self._saved = holdings
        except LedgerError as error:
            text = f"robots are not cleared any further until this is mended: {error}"
            alarms.put("traffic/holdings", text, is_error=True)
            return False
        alarms.clear("traffic/holdings")
        return True

    def _urgency(self) -> dict[RobotId, int]:
        """Return the priority of each busy robot's task."""
        book = self._context.book
        missions = {robot: book.mission_of(robot) for robot in self._context.robots}
        return {
            robot: book.tasks[mission.task_id].request.priority
            for robot, mission in missions.items()
            if mission is not None and mission.task_id is not None
        }

    def _raise_alarms(self, now_ns: int) -> None:
        alarm = self._traffic.alarm
        self._context.alarms.set("traffic/planning", bool(alarm), alarm, is_error=True)
        waits = {wait.robot: wait for wait in self._traffic.waits()}
        become_long = [wait.since_ns + to_ns(_STUCK_S) for wait in waits.values() if not self._is_long(wait, now_ns)]
        self._long_ns = min(become_long, default=END_OF_TIME_NS)
        absent, heard = self.rules.absent_robots, self._traffic.heard if self.rules.absent_robots else frozenset()
        for robot in self._context.robots:
            wait = waits.get(robot)
            if wait is None and robot not in absent and not self._context.alarms.has_any(robot):
                continue
            is_helpless = wait is not None and bool(wait.blocks)
            self._context.alarms.set(
                f"blocking/{robot}",
                is_helpless,
                f"{wait.text if wait else robot}: bring {robot} out of the way",
                robot=robot,
                is_error=True,
            )
            is_long = wait is not None and self._is_long(wait, now_ns) and not is_helpless
            self._context.alarms.set(
                f"absent/{robot}",
                robot in absent and robot in heard,
                f"{robot} was taken out of the hall and speaks: the others keep off where it says it is",
                robot=robot,
            )
            text = f"{robot} has waited for two minutes: {wait.text if wait else ''}"
            self._context.alarms.set(f"waiting/{robot}", is_long, text, robot=robot)

    def _is_long(self, wait: Wait, now_ns: int) -> bool:
        is_told = self.rules.is_emergency and not wait.waits_for
        return not is_told and seconds_between(wait.since_ns, now_ns) > _STUCK_S

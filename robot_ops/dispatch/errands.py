"""Chores of idle robots: charging and parking."""

import math
from typing import Final

from robot_ops.core.clock import END_OF_TIME_NS, NS_PER_S, seconds_between, to_ns
from robot_ops.core.ids import PlaceId, RobotId
from robot_ops.dispatch.assigner import Assigner
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.forecast import EMPTY_SOC, LOW_SOC, is_off_shift, out_of_reach
from robot_ops.dispatch.robots import RobotState
from robot_ops.site.model import PlaceKind
from robot_ops.site.shifts import coming_shifts
from robot_ops.tasks.book import TaskRecord
from robot_ops.tasks.events import EventKind
from robot_ops.tasks.orders import MissionKind
from robot_ops.tasks.requests import TaskKind

_PARK_AFTER_S: Final = 5.0
_FULL_SOC: Final = 0.9
_ROUNDING_S: Final = 1e-3
_SERVICE_KINDS: Final = (
    PlaceKind.KIOSK,
    PlaceKind.COUNTER,
    PlaceKind.E_CHANNEL,
    PlaceKind.DESK,
    PlaceKind.ARCHIVE,
)


class Errands:
    """Sends robots without a task to their charger or park."""

    def __init__(self, context: Context, assigner: Assigner) -> None:
        self._context = context
        self._assigner = assigner
        site = context.site
        self._service_nodes = {place.node for place in site.places_of(*_SERVICE_KINDS)}
        for exchange in site.exchanges.values():
            self._service_nodes |= {site.places[exchange.drop].node, site.places[exchange.pickup].node}

    def step(self) -> int:
        """Order the chores that are due.

        Returns:
            the instant from which on there may be more to do.

        Raises:
            LedgerError: one could not be written.
        """
        now_ns = self._context.clock.now_ns()
        next_ns = END_OF_TIME_NS
        for state in self._context.robots.values():
            if not self._is_idle(state, now_ns):
                state.idle_since_ns = None
                continue
            if state.idle_since_ns is None:
                state.idle_since_ns = now_ns
            next_ns = min(next_ns, self._next_ns(state, state.idle_since_ns, now_ns))
            if now_ns >= state.chore_not_before_ns:
                self._order(state, now_ns)
        return next_ns

    def _next_ns(self, state: RobotState, idle_since_ns: int, now_ns: int) -> int:
        """Return when an idle robot may get a chore although nothing happens."""
        instants = [idle_since_ns + to_ns(_PARK_AFTER_S), state.chore_not_before_ns]
        for begin, end in coming_shifts(state.robot.shifts, now_ns / NS_PER_S)[:1]:
            # a little later, for these seconds are rounded
            instants.append(now_ns + to_ns(_ROUNDING_S + (begin if begin > 0.0 else end)))
        return min((instant for instant in instants if instant > now_ns), default=END_OF_TIME_NS)

    def _is_idle(self, state: RobotState, now_ns: int) -> bool:
        return (
            not out_of_reach(self._context, state, now_ns)
            and state.running is None
            and self._context.book.mission_of(state.robot.id) is None
        )

    def _order(self, state: RobotState, now_ns: int) -> None:
        site, robot = self._context.site, state.robot
        node = state.node(site)
        if node is None or state.idle_since_ns is None:
            return
        at_charger = node == site.places[robot.charger].node
        if not at_charger and is_off_shift(robot, now_ns):
            self._write(state, MissionKind.CHARGE, robot.charger, "the shift has ended")
            return
        next_task = self._assigner.plan.next_of(robot.id)
        meeting = self._meeting(robot.id)
        is_wanted = (next_task is not None and next_task.start <= 0.0) or meeting is not None
        if self._needs_charge(state) and (not is_wanted or state.soc < EMPTY_SOC):
            self._write(state, MissionKind.CHARGE, robot.charger, f"battery at {state.soc:.0%}")
            return
        if meeting is not None:
            task, place = meeting
            if node != site.places[place].node:
                what = "visitor" if task.request.kind is TaskKind.GUIDE else "document"
                self._write(state, MissionKind.PARK, place, f"meets the {what} of {task.task_id} soon")
            return
        if is_wanted or at_charger or node == site.places[robot.park].node:
            return
        is_in_the_way = node in self._service_nodes
        if is_in_the_way or seconds_between(state.idle_since_ns, now_ns) >= _PARK_AFTER_S:
            self._write(state, MissionKind.PARK, robot.park, "in the way" if is_in_the_way else "idle")

    def _meeting(self, robot: RobotId) -> tuple[TaskRecord, PlaceId] | None:
        """Return the task that another robot brings to an exchange, and where this one shall go to meet it."""
        context = self._context
        for task_id, leg in self._assigner.plan.onward.items():
            if leg.robot != robot or leg.position > 0 or leg.start > 0.0:
                continue
            task = context.book.tasks[task_id]
            mission = None if task.mission_id is None else context.book.missions[task.mission_id]
            if task.exchange is not None and mission is not None and mission.is_open and mission.onward is not None:
                return task, mission.onward
        return None

    def _needs_charge(self, state: RobotState) -> bool:
        if math.isnan(state.soc):
            return False
        is_short = state.robot.id in self._assigner.plan.short_of_energy and state.soc < _FULL_SOC
        return state.soc < LOW_SOC or is_short

    def _write(self, state: RobotState, kind: MissionKind, destination: PlaceId, reason: str) -> None:
        robot = state.robot.id
        self._context.journal.write(
            EventKind.CHORE_ORDERED,
            robot,
            {
                "mission_id": self._context.book.next_chore_id(robot, kind),
                "robot": robot,
                "mission_kind": kind.value,
                "destination": destination,
                "reason": reason,
            },
        )
        state.idle_since_ns = None

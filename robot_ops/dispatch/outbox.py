"""Makes robots do what the book says: sends orders and cancelations until their statuses agree.

Nothing is remembered that a restart would lose: what is sent follows from the book and the robot's latest status.
"""

from typing import Final

from robot_ops.core.clock import END_OF_TIME_NS, seconds_between
from robot_ops.core.ids import MissionId
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.orders import OrderBook
from robot_ops.dispatch.robots import RobotState
from robot_ops.tasks.book import MissionRecord, TaskRecord
from robot_ops.tasks.orders import MissionKind

_REPEAT_S: Final = 2.0
_FAREWELL_S: Final = 3.0
"""Seconds in which a status may still show a mission that has ended."""


class Outbox:
    """Compares book and statuses at every step and sends what is missing."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._orders = OrderBook(context.secret, context.code_cost)

    def step(self) -> int:
        """Send what is due; call it only while everything in the book is on disk.

        Returns:
            the instant from which on there may be more to send.
        """
        now_ns = self._context.clock.now_ns()
        next_ns = END_OF_TIME_NS
        wanted: set[MissionId] = set()
        for state in self._context.robots.values():
            mission = self._context.book.mission_of(state.robot.id)
            if mission is not None:
                wanted.add(mission.mission_id)
            if mission is None and state.running is None:
                continue
            if state.status is not None:
                if not self._is_agreed(state, mission):
                    next_ns = now_ns
                with self._context.isolation.part(f"orders of {state.robot.id}", robot=state.robot.id):
                    self._reconcile(state, mission, now_ns)
        self._orders.forget_all_but(wanted)
        return next_ns

    def _is_agreed(self, state: RobotState, mission: MissionRecord | None) -> bool:
        """Return whether the robot executes what it shall, so that there is nothing to repeat."""
        if mission is None or state.running != mission.mission_id:
            return False
        return mission.task_id is None or self._context.book.tasks[mission.task_id].cancel_reason is None

    def _reconcile(self, state: RobotState, mission: MissionRecord | None, now_ns: int) -> None:
        running = state.running
        if running is not None and (mission is None or running != mission.mission_id):
            reason = self._why_not(state, running, now_ns)
            if reason and not self._is_to_note(state, running):
                self._cancel(state, running, reason, now_ns)
            return
        if mission is None:
            return
        task = None if mission.task_id is None else self._context.book.tasks[mission.task_id]
        # a robot that was restarted with a document resumes its mission by its own record, also to bring it back
        is_aboard = task is not None and self._is_aboard(state, mission, task)
        if task is not None and task.cancel_reason is not None and not self._is_hand_over(mission):
            if running is None and is_aboard:
                self._start(state, mission, task, now_ns)
            else:
                self._cancel(state, mission.mission_id, task.cancel_reason, now_ns)
        elif running is None and (is_aboard or task is None or not task.is_picked_up):
            self._start(state, mission, task, now_ns)

    def _is_aboard(self, state: RobotState, mission: MissionRecord, task: TaskRecord) -> bool:
        """Return whether the robot has, or had, the mission's document."""
        if not mission.compartment or not task.status.is_active:
            return False
        return task.is_picked_up or state.is_occupied(mission.compartment)

    def _is_hand_over(self, mission: MissionRecord) -> bool:
        """Return whether the mission brings the document out, which a canceled task needs all the same."""
        return mission.kind is MissionKind.HAND_OVER_DOCUMENT

    def _start(self, state: RobotState, mission: MissionRecord, task: TaskRecord | None, now_ns: int) -> None:
        if self._is_due(state, "start", mission.mission_id, now_ns):
            self._context.link.start_mission(self._orders.order(mission, task))

    def _is_to_note(self, state: RobotState, running: MissionId) -> bool:
        """Return whether the robot must learn first that its document was taken out, lest it brings back nothing."""
        documents = self._context.book.documents
        return any(documents.is_emptied(taken.task_id, running) for taken in documents.owed(state.robot.id))

    def _why_not(self, state: RobotState, running: MissionId, now_ns: int) -> str:
        """Return why the robot shall give up what it executes; empty to wait a little."""
        known = self._context.book.missions.get(running)
        if known is None or known.robot != state.robot.id:
            return "the fleet does not know this mission"
        if known.is_void:
            return "something else goes first" if known.task_id is None else "the task was taken from this robot"
        if state.ended is not None and state.ended[0] == running:
            return "" if seconds_between(state.ended[1], now_ns) < _FAREWELL_S else "the mission has ended"
        return "the mission has ended"

    def _cancel(self, state: RobotState, mission_id: MissionId, reason: str, now_ns: int) -> None:
        if self._is_due(state, "cancel", mission_id, now_ns):
            self._context.link.cancel_mission(state.robot.id, mission_id, reason)

    def _is_due(self, state: RobotState, what: str, mission_id: MissionId, now_ns: int) -> bool:
        sent = state.sent
        if sent is not None and sent[:2] == (what, mission_id) and seconds_between(sent[2], now_ns) < _REPEAT_S:
            return False
        state.sent = (what, mission_id, now_ns)
        return True

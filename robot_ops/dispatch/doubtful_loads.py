"""Documents that may lie in a robot though no record tells of them.

A robot may die between the moment in which a document is laid in and its record of it, or may have recorded it while it
was not heard, and forgotten its mission since. Its task goes to another robot, to which the sender has nothing to give:
somebody must look inside.
"""

from itertools import islice
from typing import Final

from robot_ops.core.clock import END_OF_TIME_NS, seconds_between
from robot_ops.core.ids import MissionId, RobotId, TaskId
from robot_ops.dispatch.context import Context
from robot_ops.dispatch.robots import RobotState
from robot_ops.tasks.book import MissionRecord, TaskRecord
from robot_ops.tasks.orders import MissionKind
from robot_ops.tasks.status import TaskStatus

_SETTLED_S: Final = 10.0
"""Seconds in which a robot that is heard must account for what lies in it: its latest messages may be on their way."""


class DoubtfulLoads:
    """Finds them, and has an operator look."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._told: set[RobotId] = set()
        self._since: dict[RobotId, int] = {}  # when a robot that is heard was first seen idle with something inside
        self._latest: dict[RobotId, tuple[MissionId, bool]] = {}  # latest of a task, and whether no chore came after it
        self._mission_count = 0

    def step(self) -> int:
        """Look at every robot that has compartments; raise alarms and clear them; return when to look again."""
        self._note_missions()
        now_ns = self._context.clock.now_ns()
        next_ns = END_OF_TIME_NS
        for state in self._context.robots.values():
            robot, is_heard = state.robot, state.is_online(now_ns)
            if not robot.model.compartments or (is_heard and not self._inside(state) and robot.id not in self._told):
                state.doubtful = None
                continue
            is_over = False
            with self._context.isolation.part(f"the load of {robot.id}", robot=robot.id):
                self._look(state, is_heard=is_heard)
                is_over = robot.id not in self._since
            next_ns = next_ns if is_over else now_ns
        return next_ns

    def _look(self, state: RobotState, *, is_heard: bool) -> None:
        robot, alarms = state.robot.id, self._context.alarms
        is_settled = is_heard and self._is_settled(state)
        mission = self._mission_in_doubt(state, is_heard=is_heard)
        state.doubtful = None if mission is None else mission.task_id
        text = ""
        if mission is not None and not is_heard:
            what = f"the document of {mission.task_id} may lie in {robot}, which was sent for it and is silent"
            text = f"{what}: look inside; if it is there, say who has it then"
        elif mission is not None and is_settled:
            text = f"the document of {mission.task_id} lies in {robot}, which does not go on with it: take it out"
        elif is_settled:
            text = f"something lies in compartment {self._inside(state)[0]} of {robot}, which has no task: take it out"
        alarm_id = f"document/{robot}"
        if text and not state.is_stranded and (robot in self._told or not alarms.has(alarm_id)):
            self._told.add(robot)
            alarms.put(alarm_id, text, robot=robot, is_error=is_heard)
        elif robot in self._told:
            self._told.discard(robot)
            if not text:
                alarms.clear(alarm_id)

    def _is_settled(self, state: RobotState) -> bool:
        """Return whether it has something inside and nothing to do with it, and that not only since just now."""
        robot, steady_ns = state.robot.id, self._context.time.now_ns
        own = self._context.book.mission_of(robot)
        if not self._inside(state) or (own is not None and own.task_id is not None):
            self._since.pop(robot, None)
            return False
        return seconds_between(self._since.setdefault(robot, steady_ns), steady_ns) >= _SETTLED_S

    def _mission_in_doubt(self, state: RobotState, *, is_heard: bool) -> MissionRecord | None:
        """Return the mission that was taken from the robot and has perhaps left a document in it."""
        book, robot = self._context.book, state.robot.id
        latest, is_last = self._latest.get(robot, (None, False))
        mission = None if latest is None else book.missions.get(latest)
        if mission is None or mission.task_id is None or not mission.is_void:
            return None
        task, documents = book.tasks.get(mission.task_id), book.documents
        if task is None or mission.kind is not MissionKind.DELIVER_DOCUMENT:
            return None
        is_elsewhere = task.is_picked_up or documents.robot_with(task.task_id) not in (None, robot)
        if task.status is TaskStatus.COMPLETED or is_elsewhere or documents.has_left(task.task_id, robot):
            return None
        if documents.is_emptied(task.task_id, mission.mission_id):
            return None
        return mission if state.is_occupied(mission.compartment) or (is_last and not is_heard) else None

    def _inside(self, state: RobotState) -> list[str]:
        """Return the compartments in which something lies, as far as the robot has said."""
        return [name for name in state.robot.model.compartments if state.is_occupied(name)]

    def _note_missions(self) -> None:
        """Learn of the missions that came since the last step."""
        missions = self._context.book.missions
        new_count = len(missions) - self._mission_count
        self._mission_count = len(missions)
        for mission in reversed([*islice(reversed(missions.values()), max(new_count, 0))]):
            if mission.task_id is not None:
                self._latest[mission.robot] = mission.mission_id, True
            elif mission.robot in self._latest:
                self._latest[mission.robot] = self._latest[mission.robot][0], False


def doubtful_robot(context: Context, task: TaskRecord) -> RobotId | None:
    """Return the robot in which the task's document may lie though no record tells of it, None for none."""
    if not task.attempts:
        return None
    robots = [state for state in context.robots.values() if state.doubtful == task.task_id]
    likely = max(robots, key=lambda state: _evidence(context, state, task.task_id), default=None)
    return None if likely is None else likely.robot.id


def _evidence(context: Context, state: RobotState, task_id: TaskId) -> tuple[bool, int]:
    """Return what speaks for a robot: something lies in it, its chain tells of the task."""
    chain = context.book.custody.get(state.robot.id, {}).values()
    is_full = any(map(state.is_occupied, state.robot.model.compartments))
    return is_full, sum(event.task_id == task_id for event in chain)

"""A hall in memory behind the Operations port: robots drive round tours, tasks are kept as they were submitted."""

import dataclasses
import itertools
import math
import threading
from collections import deque
from collections.abc import Collection, Sequence

import numpy as np

from robot_ops.core.clock import Clock, seconds_between, to_ns
from robot_ops.core.errors import LinkError, RequestError
from robot_ops.core.ids import NodeId, PersonId, RobotId, RouteId, TaskId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.core.sensors import Image
from robot_ops.dispatch.explanation import Explanation, RobotOption
from robot_ops.dispatch.ports import Alarm, HallView, PersonView, RobotStatus, RobotView, TaskView
from robot_ops.perception.pictures import to_jpeg
from robot_ops.site.model import PlaceKind, RobotKind, Site
from robot_ops.tasks.orders import MissionPhase
from robot_ops.tasks.requests import Accepted, DeliveryRequest, TaskRequest
from robot_ops.tasks.routes import Clearance, Waypoint
from robot_ops.tasks.rule_changes import RuleChange
from robot_ops.tasks.status import TaskStatus
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.waits import Wait

SPEED = 0.8
"""m/s of every robot on its tour."""
_AHEAD = 3
"""Waypoints that are cleared before a robot."""


class MemoryOperations:
    """Everything is public to tests.

    Attributes:
        gate: while it is cleared, `submit` and `cancel` wait (for as long as a fleet may take to answer).
        unreachable: robots whose safety node does not answer.
        silent: robots that are not heard of.
        stopped: per stopped robot who stopped it.
        alarms, people: as shown.
        is_fleet_online: False lets submit and cancel fail.
        waits, rules: as shown; rules are changed as operators ask.
        changed_by: who has changed the rules, in order.
        explained: tasks of which somebody asked why, in order.
        open_count: as shown.
        keys_used: documents taken out by key: task, who has it, who said so.
        free: per robot that does not keep to the lanes the radius of its circle, meters, and whether it is by hand; it
            stands.
    """

    def __init__(self, site: Site, clock: Clock, *, robots: Collection[RobotId] | None = None) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.unreachable: set[RobotId] = set()
        self.silent: set[RobotId] = set()
        self.stopped: dict[RobotId, str] = {}
        self.alarms: list[Alarm] = []
        self.people: list[PersonView] = []
        self.is_fleet_online = True
        self.waits: list[Wait] = []
        self.rules = TrafficRules()
        self.changed_by: list[str] = []
        self.explained: list[TaskId] = []
        self.open_count: int | None = None
        self.keys_used: list[tuple[TaskId, PersonId, str]] = []
        self.free: dict[RobotId, tuple[float, bool]] = {}
        self.tasks: dict[TaskId, TaskView] = {}
        self._site = site
        self._clock = clock
        self._seen_ns = clock.now_ns()
        self._lock = threading.Lock()
        self._tours = {
            robot: _tour(site, robot) for robot in (site.robots if robots is None else robots) if robot in site.robots
        }
        self._travelled = dict.fromkeys(self._tours, 0.0)

    def view(self) -> HallView:
        """See Operations."""
        with self._lock:
            now_ns = self._clock.now_ns()
            elapsed = seconds_between(self._seen_ns, now_ns)
            self._seen_ns = now_ns
            for robot in self._tours:
                if robot not in self.stopped and robot not in self.free:
                    self._travelled[robot] += SPEED * elapsed
            return HallView(
                stamp_ns=now_ns,
                robots=tuple(self._robot(robot, now_ns) for robot in self._tours),
                tasks=tuple(self.tasks.values()),
                people=tuple(self.people),
                doors=dict.fromkeys(self._site.doors, False),
                lifts={lift.id: next(iter(lift.stops)) for lift in self._site.lifts.values()},
                alarms=tuple(self.alarms),
                is_fleet_online=self.is_fleet_online,
                waits=tuple(self.waits),
                rules=self.rules,
                open_count=self.open_count,
            )

    def submit(self, request: TaskRequest) -> Accepted:
        """See Operations."""
        self._reach_fleet()
        for end in (request.pickup, request.destination):
            if end not in self._site.places:
                raise RequestError(f"there is no place {end!r}", where="pickup or destination", mend="Choose another")
        with self._lock:
            task_id = TaskId(f"task-{len(self.tasks) + 1}")
            now_ns = self._clock.now_ns()
            finish_ns = now_ns + to_ns(120.0)
            self.tasks[task_id] = TaskView(
                task_id=task_id,
                request=request,
                status=TaskStatus.QUEUED,
                robot=None,
                phase=None,
                reason="",
                submitted_ns=now_ns,
                started_ns=None,
                finished_ns=None,
                estimated_finish_ns=finish_ns,
                promised_ns=finish_ns,
            )
        is_delivery = isinstance(request, DeliveryRequest)
        return Accepted(
            task_id=task_id,
            estimated_finish_ns=finish_ns,
            sender_code="482913" if is_delivery else "",
            recipient_code="705126" if is_delivery else "",
        )

    def cancel(self, task_id: TaskId, reason: str) -> None:
        """See Operations."""
        self._reach_fleet()
        with self._lock:
            task = self.tasks.get(task_id)
            if task is None:
                raise RequestError(f"there is no task {task_id!r}", where="task_id")
            if task.status.is_final:
                raise RequestError(f"{task_id} is {task.status.value} already", where="task_id")
            self.tasks[task_id] = dataclasses.replace(
                task, status=TaskStatus.CANCELED, reason=reason, finished_ns=self._clock.now_ns()
            )

    def hand_over(self, task_id: TaskId, custodian: PersonId) -> str:
        """See Operations."""
        self._reach_fleet()
        if custodian not in self._site.staff:
            raise RequestError(f"there is no member of staff {custodian!r}", where="custodian")
        with self._lock:
            task = self.tasks.get(task_id)
            if task is not None and task.keeper == custodian:
                return "318842"
            if task is None or not task.is_stranded:
                raise RequestError(f"{task_id} has no document in a robot that cannot go on", where="task_id")
            self.tasks[task_id] = dataclasses.replace(task, reason=f"{custodian} takes the document out")
        return "318842"

    def report_taken_out(self, task_id: TaskId, person: PersonId, *, operator: str) -> str:
        """See Operations."""
        self._reach_fleet()
        with self._lock:
            task = self.tasks.get(task_id)
            if task is None or task.key_robot is None:
                raise RequestError(f"no robot has the document of {task_id}", where="task_id")
            self.tasks[task_id] = dataclasses.replace(
                task,
                status=TaskStatus.QUEUED,
                robot=None,
                phase=None,
                reason=f"{person} took the document out of {task.key_robot} by key",
                is_stranded=False,
                key_robot=None,
            )
            self.keys_used.append((task_id, person, operator))
        return "318842"

    def explain_dispatch(self, task_id: TaskId) -> Explanation:
        """See Operations."""
        self._reach_fleet()
        self.explained.append(task_id)
        task = self.tasks.get(task_id)
        if task is None:
            raise RequestError(f"there is no task {task_id!r}", where="task_id")
        first, *others = self._tours
        options = [RobotOption(robot=first, is_chosen=True, arrival=41.0, finish=160.0, cost=0.0)]
        options += [
            RobotOption(robot=robot, is_chosen=False, arrival=75.0, finish=194.0, late=12.0, cost=34.0)
            for robot in others[:1]
        ]
        options += [RobotOption(robot=robot, is_chosen=False, obstacle="has no screen") for robot in others[1:]]
        lines = (
            f"{first} does it next; expected to be done in about 3 minutes",
            f"{first}: done in 160 s (the choice)",
        )
        return Explanation(task=task, options=tuple(options), lines=lines)

    def strand(self, task_id: TaskId) -> None:
        """Let the robot of a task be unable to bring its document any further."""
        with self._lock:
            reason = "document in courier_1: the way is blocked"
            self.tasks[task_id] = dataclasses.replace(
                self.tasks[task_id],
                status=TaskStatus.BLOCKED,
                reason=reason,
                is_stranded=True,
                key_robot=RobotId("courier_1"),
            )

    def bring_to_keeper(self, task_id: TaskId, keeper: PersonId) -> None:
        """Let a task's document be on its way to the keeper of an exchange."""
        with self._lock:
            self.tasks[task_id] = dataclasses.replace(self.tasks[task_id], status=TaskStatus.UNDERWAY, keeper=keeper)

    def put(self, task_id: TaskId, status: TaskStatus, robot: RobotId, phase: MissionPhase) -> None:
        """Let a task that was submitted be where a test wants it."""
        with self._lock:
            self.tasks[task_id] = dataclasses.replace(self.tasks[task_id], status=status, robot=robot, phase=phase)

    def set_stop(self, robot: RobotId | None, *, is_engaged: bool, operator: str) -> None:
        """See Operations."""
        for one in self._tours if robot is None else (robot,):
            if one in self.unreachable:
                raise LinkError(f"the safety node of {one} did not answer")
            with self._lock:
                if is_engaged:
                    self.stopped[one] = operator
                else:
                    self.stopped.pop(one, None)

    def change_traffic_rules(self, change: RuleChange, *, operator: str) -> TrafficRules:
        """See Operations."""
        self._reach_fleet()
        with self._lock:
            rules = change(self.rules)
            unknown = rules.closed_lanes - self._site.lanes.keys() | rules.speed_limits.keys() - self._site.zones.keys()
            if unknown:
                raise RequestError(f"the site has no {', '.join(sorted(unknown))}", where="rules")
            self.rules = rules
            self.changed_by.append(operator)
        return rules

    def camera_jpeg(self, robot: RobotId, camera: str) -> bytes | None:
        """See Operations."""
        rows, columns = np.mgrid[0:240, 0:320]
        shade = (columns + rows + 8 * int(self._travelled[robot] * 4)) % 256
        pixels = np.stack((shade, rows, 255 - shade // 2), axis=-1).astype(np.uint8)
        return to_jpeg(Image(stamp_ns=self._clock.now_ns(), pixels=pixels))

    def tree(self, robot: RobotId) -> Sequence[tuple[int, str, str, str]]:
        """See Operations."""
        return (
            (0, "Guide a visitor", "Sequence", "RUNNING"),
            (1, "Drive to the kiosk", "GoTo", "SUCCESS"),
            (1, "Lead", "Parallel", "RUNNING"),
            (2, "Drive to the counter", "GoTo", "RUNNING"),
            (2, "Watch the visitor", "WatchFollower", "RUNNING"),
            (1, "Say goodbye", "Announce", "INVALID"),
        )

    def _reach_fleet(self) -> None:
        if not (self.gate.wait(3.0) and self.is_fleet_online):
            raise LinkError("the fleet did not answer within 3 s")

    def _robot(self, robot: RobotId, now_ns: int) -> RobotView:
        kind = self._site.robots[robot].model.kind
        is_stopped = robot in self.stopped
        task = next((task for task in self.tasks.values() if task.robot == robot and not task.status.is_final), None)
        at, reached = self._place(robot)
        free_radius, is_by_hand = self.free.get(robot, (0.0, False))
        waypoints = self._tours[robot]
        cleared = min(reached + _AHEAD, len(waypoints) - 1)
        clearance = Clearance(
            robot=robot,
            stamp_ns=now_ns,
            route_id=RouteId("tour"),
            goal_seq=1,
            waypoints=waypoints,
            cleared=cleared,
            waiting_for="guide_2 to leave the crossing" if robot == "courier_1" else "",
        )
        return RobotView(
            robot=robot,
            kind=kind,
            is_online=robot not in self.silent,
            status=RobotStatus(
                robot=robot,
                stamp_ns=now_ns,
                at=at,
                speed=0.0 if is_stopped else SPEED,
                battery_soc=0.25 + 0.15 * list(self._tours).index(robot),
                is_charging=False,
                mission_id=None,
                is_stopped=is_stopped,
                compartments={
                    name: index == 0 for index, name in enumerate(self._site.robots[robot].model.compartments)
                },
            ),
            phase=task.phase if task else None,
            task_id=task.task_id if task else None,
            clearance=clearance,
            screen="Please follow me to Counter 5" if kind is RobotKind.GUIDE else "Carrying documents",
            safety="stopped" if is_stopped else "driving",
            stopped_by=self.stopped.get(robot, ""),
            free=at if robot in self.free else None,
            free_radius=free_radius,
            is_by_hand=is_by_hand,
        )

    def _place(self, robot: RobotId) -> tuple[LevelPose, int]:
        """Return where the robot is on its tour and the index of the last waypoint passed."""
        points = self._tours[robot]
        legs = [math.hypot(b.x - a.x, b.y - a.y) for a, b in itertools.pairwise(points)]
        left = math.fmod(self._travelled[robot], sum(legs)) if sum(legs) > 0.0 else 0.0
        for index, (a, b) in enumerate(itertools.pairwise(points)):
            if left <= legs[index] and legs[index] > 0.0:
                part = left / legs[index]
                pose = Pose(
                    x=a.x + part * (b.x - a.x), y=a.y + part * (b.y - a.y), yaw=math.atan2(b.y - a.y, b.x - a.x)
                )
                return LevelPose(level=a.level, pose=pose), index
            left -= legs[index]
        return LevelPose(level=points[0].level, pose=Pose(x=points[0].x, y=points[0].y)), 0


def _tour(site: Site, robot: RobotId) -> tuple[Waypoint, ...]:
    """Return a way on the lanes of the robot's level: from its charger to some place that it serves."""
    is_guide = site.robots[robot].model.kind is RobotKind.GUIDE
    places = site.places_of(PlaceKind.COUNTER, PlaceKind.E_CHANNEL if is_guide else PlaceKind.DESK)
    goal = places[(3 * list(site.robots).index(robot)) % len(places)]
    start = site.places[site.robots[robot].charger]
    nodes = _way(site, start.node, goal.node)
    return tuple(
        Waypoint(node=node, level=site.nodes[node].level, x=site.nodes[node].x, y=site.nodes[node].y, speed_limit=SPEED)
        for node in nodes
    )


def _way(site: Site, start: NodeId, goal: NodeId) -> list[NodeId]:
    """Return a way with the fewest lanes."""
    following: dict[NodeId, list[NodeId]] = {}
    for lane in site.lanes.values():
        following.setdefault(lane.start, []).append(lane.end)
        if not lane.is_one_way:
            following.setdefault(lane.end, []).append(lane.start)
    came_from: dict[NodeId, NodeId] = {start: start}
    queue = deque([start])
    while queue and goal not in came_from:
        node = queue.popleft()
        for neighbor in following.get(node, ()):
            if neighbor not in came_from:
                came_from[neighbor] = node
                queue.append(neighbor)
    way = [goal if goal in came_from else start]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]

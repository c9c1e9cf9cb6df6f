"""The state of all tasks as it follows from the ledger's events.

`TaskBook.apply` is the only way the state changes, live and at recovery alike, so a book built from the ledger's events
equals the one that lived through them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from robot_ops.core.errors import InputError, StateError
from robot_ops.core.ids import ExchangeId, MissionId, PersonId, PlaceId, RobotId, TaskId
from robot_ops.tasks.archived import ArchivedTasks, ArchiveNote, note_of
from robot_ops.tasks.custody import CustodyEvent, CustodyKind
from robot_ops.tasks.documents import Documents, taken_out_of
from robot_ops.tasks.events import EventKind, custody_of, int_of, leg_of, optional_int_of, request_of
from robot_ops.tasks.ledger import LedgerEvent
from robot_ops.tasks.orders import MissionKind
from robot_ops.tasks.requests import TaskKind, TaskRequest
from robot_ops.tasks.status import TaskStatus, advance
from robot_ops.tasks.traffic_rules import TrafficRules, rules_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """A task as the ledger tells it. Instants in nanoseconds.

    Attributes:
        promised_ns: finish that its sender was promised.
        robot, mission_id: who has it now, None while it is queued; the last ones when it has ended.
        reason: why it has its status; empty where that needs no word.
        choice: why its robot was chosen.
        is_picked_up: the visitor was met or the document loaded, by the robot that has the task.
        left_at: where the next robot finds the visitor or the document, None for where the request says.
        custodian: who has the document until the next robot comes, or shall take it out of a robot that cannot go on.
        ready_ns: instant before which they are not at `left_at`, None for no matter.
        exchange: where its robot leaves them for another one to go on, None for a robot that goes on to the end.
        stranded_ns: instant since which the document lies in a robot that does not go on, None while it does.
        kept_by: who has the document of a task that ended before its recipient had it; None where that is its sender,
            or where nobody knows.
        attempts: missions ordered for it so far.
        robot_failures: attempts that ended because of their robot.
        cancel_reason: None while nobody asked to cancel it.
    """

    task_id: TaskId
    request: TaskRequest
    status: TaskStatus
    submitted_ns: int
    promised_ns: int
    robot: RobotId | None = None
    mission_id: MissionId | None = None
    reason: str = ""
    choice: str = ""
    has_cargo: bool = False
    is_picked_up: bool = False
    left_at: PlaceId | None = None
    custodian: PersonId | None = None
    ready_ns: int | None = None
    exchange: ExchangeId | None = None
    stranded_ns: int | None = None
    kept_by: PersonId | None = None
    attempts: int = 0
    robot_failures: int = 0
    started_ns: int | None = None
    finished_ns: int | None = None
    cancel_reason: str | None = None
    cancel_asked_ns: int | None = None

    @property
    def pickup(self) -> PlaceId:
        """Return where the next robot finds the visitor or the document."""
        return self.request.pickup if self.left_at is None else self.left_at


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionRecord:
    """A mission that was ordered.

    Attributes:
        task_id: None for a chore.
        exchange, onward, keeper: where it ends for another robot, where that one begins, who has the document between.
        custody_count: events of its robot's chain before it; those tell of missions before this one.
        is_open: the robot shall execute it.
        is_void: it was taken from the robot before it ended; whoever still executes it must give it up.
    """

    mission_id: MissionId
    robot: RobotId
    kind: MissionKind
    task_id: TaskId | None
    destination: PlaceId
    compartment: str
    ordered_ns: int
    exchange: ExchangeId | None = None
    onward: PlaceId | None = None
    keeper: PersonId | None = None
    custody_count: int = 0
    is_open: bool = True
    is_void: bool = False


@dataclass(slots=True)
class TaskBook:
    """All tasks, missions and custody events that the ledger knows, and the traffic rules that hold.

    Of tasks in an archive only what `archived` tells is known.
    """

    tasks: dict[TaskId, TaskRecord] = field(default_factory=dict)
    missions: dict[MissionId, MissionRecord] = field(default_factory=dict)
    custody: dict[RobotId, dict[int, CustodyEvent]] = field(default_factory=dict)
    open_tasks: dict[TaskId, None] = field(default_factory=dict)
    ended_tasks: list[TaskId] = field(default_factory=list)
    traffic_rules: TrafficRules = field(default_factory=TrafficRules)
    documents: Documents = field(default_factory=Documents)
    archived: ArchivedTasks = field(default_factory=ArchivedTasks)
    _by_request: dict[str, TaskId] = field(default_factory=dict)
    _by_robot: dict[RobotId, MissionId] = field(default_factory=dict)
    _event_count: dict[str, int] = field(default_factory=dict)

    def task_of_request(self, request_id: str) -> TaskRecord | None:
        """Return the task that the client's request became, if any.

        Raises:
            RequestError: that task is archived.
        """
        task_id = self._by_request.get(request_id)
        if task_id is None:
            self.archived.refuse_known(request_id)
            return None
        return self.tasks[task_id]

    def mission_of(self, robot: RobotId) -> MissionRecord | None:
        """Return the mission that the robot shall execute, if any."""
        mission_id = self._by_robot.get(robot)
        return None if mission_id is None else self.missions[mission_id]

    def custody_count(self, robot: RobotId) -> int:
        """Return how many events the robot's chain of custody has, as far as known."""
        chain, archived = self.custody.get(robot), self.archived.custody.get(robot)
        if chain:
            return max(chain) + 1
        return 0 if archived is None else archived.seq + 1

    def open_records(self) -> tuple[TaskRecord, ...]:
        """Return the tasks that have not ended, in the order they were accepted."""
        return tuple(self.tasks[task_id] for task_id in self.open_tasks)

    def next_event_id(self, subject: str) -> str:
        """Return the id of the next event about the subject: the same history always gives the same ids."""
        return f"{subject}#{self.event_count(subject)}"

    def event_count(self, subject: str) -> int:
        """Return how many events there have been about the subject, archived ones included."""
        return self._event_count.get(subject, 0)

    def next_task_id(self, kind: TaskKind) -> TaskId:
        """Return the id of the next task ("guide-000001")."""
        return TaskId(f"{kind.value}-{len(self.tasks) + len(self.archived.tasks) + 1:06d}")

    def next_chore_id(self, robot: RobotId, kind: MissionKind) -> MissionId:
        """Return the id of the robot's next chore."""
        return MissionId(f"{robot}.{kind.value}.{self._event_count.get(robot, 0) + 1:06d}")

    def apply(self, event: LedgerEvent) -> None:
        """Take one fact over.

        Raises:
            StateError: it cannot follow what is known, or it is malformed; nothing was changed.
        """
        try:
            kind = EventKind(event.kind)
            match kind:
                case EventKind.ACCEPTED:
                    self._accept(event)
                case EventKind.ASSIGNED:
                    self._assign(event)
                case EventKind.RELEASED:
                    self._release(event)
                case EventKind.STATUS:
                    self._set_status(event)
                case EventKind.CARGO:
                    self._set_cargo(self.tasks[TaskId(event.subject)], has_cargo=bool(event.payload["has_cargo"]))
                case EventKind.STRANDED:
                    self._strand(event)
                case EventKind.HAND_OVER_ORDERED:
                    self._order_hand_over(event)
                case EventKind.TAKEN_OUT:
                    self._take_out(event)
                case EventKind.CANCEL_ASKED:
                    task, reason = self.tasks[TaskId(event.subject)], str(event.payload["reason"])
                    self.tasks[task.task_id] = replace(task, cancel_reason=reason, cancel_asked_ns=event.stamp_ns)
                case EventKind.CHORE_ORDERED:
                    self._order_chore(event)
                case EventKind.CHORE_ENDED:
                    self._end_mission(
                        MissionId(str(event.payload["mission_id"])), is_void=bool(event.payload["is_void"])
                    )
                case EventKind.CUSTODY:
                    self._keep_custody(custody_of(event.payload))
                case EventKind.TRAFFIC_RULES:
                    self.traffic_rules = rules_of(event.payload)
                case EventKind.ARCHIVED:
                    self._archive(note_of(event.payload))
        except (KeyError, ValueError, TypeError, OverflowError, RecursionError, InputError) as error:
            raise StateError(f"ledger event {event.event_id} ({event.kind}) does not fit: {error!r}") from error
        self._event_count[event.subject] = self._event_count.get(event.subject, 0) + 1

    def _archive(self, note: ArchiveNote) -> None:
        if not self.open_tasks.keys().isdisjoint(note.requests):
            raise ValueError("an open task cannot be archived")
        for task_id in note.requests:
            task = self.tasks.pop(task_id, None)
            if task is not None:
                del self._by_request[task.request.request_id]
        if note.requests:
            gone = [mission.mission_id for mission in self.missions.values() if mission.task_id in note.requests]
            for mission_id in gone:
                del self.missions[mission_id]
            self.ended_tasks = [task_id for task_id in self.ended_tasks if task_id not in note.requests]
            self.documents.forget(note.requests)
        for robot, end in note.custody.items():
            chain = self.custody.get(robot, {})
            for seq in [seq for seq in chain if seq <= end.seq]:
                del chain[seq]
        for subject, count in note.event_counts.items():
            self._event_count[subject] = max(count, self._event_count.get(subject, 0))
        self.archived.take(note)

    def _accept(self, event: LedgerEvent) -> None:
        request = request_of(event.payload)
        task_id = TaskId(event.subject)
        if task_id in self.tasks or request.request_id in self._by_request:
            raise ValueError(f"{task_id} is there already")
        self.tasks[task_id] = TaskRecord(
            task_id=task_id,
            request=request,
            status=TaskStatus.QUEUED,
            submitted_ns=event.stamp_ns,
            promised_ns=int_of(event.payload, "promised_ns"),
        )
        self._by_request[request.request_id] = task_id
        self.open_tasks[task_id] = None

    def _assign(self, event: LedgerEvent) -> None:
        task = self.tasks[TaskId(event.subject)]
        mission = self._mission_of(event, task_id=task.task_id)
        assigned = replace(
            task,
            status=advance(task.status, TaskStatus.STANDBY),
            robot=mission.robot,
            mission_id=mission.mission_id,
            reason="",
            choice=str(event.payload["reason"]),
            has_cargo=False,
            is_picked_up=False,
            exchange=mission.exchange,
            attempts=task.attempts + 1,
        )
        self._open_mission(mission)
        self.documents.begin(task.task_id)
        self.tasks[task.task_id] = assigned

    def _release(self, event: LedgerEvent) -> None:
        task, is_void = self.tasks[TaskId(event.subject)], bool(event.payload["is_void"])
        left_at, custodian = event.payload.get("left_at"), event.payload.get("custodian")
        released = replace(
            task,
            status=advance(task.status, TaskStatus.QUEUED),
            robot=None,
            mission_id=None,
            reason=str(event.payload["reason"]),
            choice="",
            has_cargo=False,
            is_picked_up=False,
            left_at=task.left_at if left_at is None else PlaceId(str(left_at)),
            custodian=task.custodian if custodian is None else PersonId(str(custodian)),
            ready_ns=task.ready_ns if left_at is None else optional_int_of(event.payload, "ready_ns"),
            exchange=None,
            stranded_ns=None,
            robot_failures=task.robot_failures + int(bool(event.payload["is_robot_failure"])),
        )
        self._end_mission_of(task, is_void=is_void)
        self.tasks[task.task_id] = released

    def _set_status(self, event: LedgerEvent) -> None:
        task = self.tasks[TaskId(event.subject)]
        asked = TaskStatus(event.payload["status"])
        # the reason may change while the status stays (blocked by one thing, then by another)
        status = asked if asked is task.status and asked.is_active else advance(task.status, asked)
        started_ns, finished_ns, kept_by = task.started_ns, task.finished_ns, event.payload.get("kept_by")
        if status.is_active and started_ns is None:
            started_ns = event.stamp_ns
        if status.is_final:
            finished_ns = event.stamp_ns
        changed = replace(
            task,
            status=status,
            reason=str(event.payload["reason"]),
            started_ns=started_ns,
            finished_ns=finished_ns,
            stranded_ns=None if status.is_final else task.stranded_ns,
            kept_by=task.kept_by if kept_by is None else PersonId(str(kept_by)),
        )
        if status.is_final:
            self.open_tasks.pop(task.task_id, None)
            self.ended_tasks.append(task.task_id)
            self._end_mission_of(task, is_void=bool(event.payload.get("is_void", False)))
        self.tasks[task.task_id] = changed

    def _set_cargo(self, task: TaskRecord, *, has_cargo: bool) -> None:
        self.tasks[task.task_id] = replace(task, has_cargo=has_cargo, is_picked_up=task.is_picked_up or has_cargo)

    def _strand(self, event: LedgerEvent) -> None:
        task, is_void = self.tasks[TaskId(event.subject)], bool(event.payload["is_void"])
        stranded = replace(
            task,
            status=task.status if task.status is TaskStatus.BLOCKED else advance(task.status, TaskStatus.BLOCKED),
            reason=str(event.payload["reason"]),
            has_cargo=True,
            is_picked_up=True,
            stranded_ns=event.stamp_ns,
        )
        self._end_mission_of(task, is_void=is_void)
        self.tasks[task.task_id] = stranded

    def _order_hand_over(self, event: LedgerEvent) -> None:
        task = self.tasks[TaskId(event.subject)]
        mission = self._mission_of(event, task_id=task.task_id)
        if task.stranded_ns is None or task.robot != mission.robot:
            raise ValueError(f"{task.task_id} has no document in {mission.robot} to hand over")
        ordered = replace(
            task,
            mission_id=mission.mission_id,
            reason=str(event.payload["reason"]),
            custodian=PersonId(str(event.payload["custodian"])),
            stranded_ns=None,
        )
        self._open_mission(mission)
        self.tasks[task.task_id] = ordered

    def _take_out(self, event: LedgerEvent) -> None:
        """Let the task go on, or end, without the robot; one that has ended, or waits, only gets to know."""
        task, taken = self.tasks[TaskId(event.subject)], taken_out_of(event, self.documents)
        if task.status.is_final:
            self.tasks[task.task_id] = replace(task, reason=str(event.payload["reason"]))
        elif TaskStatus(event.payload["status"]) is not TaskStatus.QUEUED:
            self._set_status(event)
        elif task.status is not TaskStatus.QUEUED:
            self._release(event)
        else:
            left_at, reason = PlaceId(str(event.payload["left_at"])), str(event.payload["reason"])
            self.tasks[task.task_id] = replace(task, reason=reason, left_at=left_at, custodian=taken.person)
        carried = (m for m in self.missions.values() if m.task_id == task.task_id and m.robot == taken.robot)
        self.documents.take_out(taken, [mission.mission_id for mission in carried])

    def _keep_custody(self, custody: CustodyEvent) -> None:
        self.custody.setdefault(custody.robot, {})[custody.seq] = custody
        task = self.tasks.get(custody.task_id)
        if task is not None:
            self.documents.note(custody)
        is_loaded = custody.kind is CustodyKind.LOADED
        if task is not None and is_loaded and task.robot == custody.robot and not task.status.is_final:
            self.tasks[task.task_id] = replace(task, is_picked_up=True)

    def _order_chore(self, event: LedgerEvent) -> None:
        self._open_mission(self._mission_of(event, task_id=None))

    def _mission_of(self, event: LedgerEvent, *, task_id: TaskId | None) -> MissionRecord:
        payload = event.payload
        exchange, onward, keeper, custody_count = leg_of(payload)
        return MissionRecord(
            mission_id=MissionId(str(payload["mission_id"])),
            robot=RobotId(str(payload["robot"])),
            kind=MissionKind(payload["mission_kind"]),
            task_id=task_id,
            destination=PlaceId(str(payload["destination"])),
            compartment=str(payload.get("compartment", "")),
            ordered_ns=event.stamp_ns,
            exchange=exchange,
            onward=onward,
            keeper=keeper,
            custody_count=custody_count,
        )

    def _open_mission(self, mission: MissionRecord) -> None:
        known = self.missions.get(mission.mission_id)
        if known is not None and not known.is_void:
            raise ValueError(f"mission {mission.mission_id} is there already")
        if mission.robot in self._by_robot:
            raise ValueError(f"{mission.robot} has mission {self._by_robot[mission.robot]} already")
        self.missions[mission.mission_id] = mission
        self._by_robot[mission.robot] = mission.mission_id

    def _end_mission_of(self, task: TaskRecord, *, is_void: bool) -> None:
        if task.mission_id is not None:
            self._end_mission(task.mission_id, is_void=is_void)

    def _end_mission(self, mission_id: MissionId, *, is_void: bool) -> None:
        mission = self.missions[mission_id]
        self.missions[mission_id] = replace(mission, is_open=False, is_void=is_void)
        if self._by_robot.get(mission.robot) == mission_id:
            del self._by_robot[mission.robot]


def replayed(events: Iterable[LedgerEvent]) -> TaskBook:
    """Return the book that follows from the events.

    Raises:
        StateError: an event does not fit those before it.
    """
    book = TaskBook()
    for event in events:
        book.apply(event)
    return book

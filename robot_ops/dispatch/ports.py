"""What the fleet side needs from outside, and how the outside looks at it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from robot_ops.core.ids import MissionId, PersonId, RobotId, TaskId
from robot_ops.core.poses import LevelPose
from robot_ops.site.model import RobotKind
from robot_ops.tasks.custody import ChainHead
from robot_ops.tasks.documents import TakenOut
from robot_ops.tasks.orders import MissionOrder, MissionPhase
from robot_ops.tasks.requests import Accepted, TaskRequest
from robot_ops.tasks.routes import Clearance, RouteProgress
from robot_ops.tasks.rule_changes import RuleChange
from robot_ops.tasks.status import TaskStatus
from robot_ops.tasks.traffic_rules import TrafficRules
from robot_ops.traffic.waits import Wait

if TYPE_CHECKING:
    from robot_ops.dispatch.explanation import Explanation


class RobotLink(Protocol):
    """Fleet -> robots. Nothing here waits; everything may be repeated and changes nothing the second time."""

    def start_mission(self, order: MissionOrder) -> None:
        """Order a mission; one that the robot already has is only confirmed by its next report."""
        ...

    def cancel_mission(self, robot: RobotId, mission_id: MissionId, reason: str) -> None:
        """Ask the robot to give a mission up; its report tells when it has."""
        ...

    def send_clearance(self, clearance: Clearance) -> None:
        """Send how far the robot may drive."""
        ...

    def tell_taken_out(self, taken: TakenOut) -> None:
        """Tell the robot that a document was taken out of it by key, for its own record."""
        ...


class Holdings(Protocol):
    """What robots may take up of the lanes, kept for the next fleet process: it may not hear all of them."""

    def load(self) -> tuple[RouteProgress, ...]:
        """Return what was saved last, nothing at first.

        Raises:
            LedgerError: it cannot be read or is damaged.
        """
        ...

    def save(self, holdings: Iterable[RouteProgress]) -> None:
        """Replace what was saved; it is on disk when this returns.

        Raises:
            LedgerError: it could not be written; what was saved before may still be there.
        """
        ...


class NoHoldings:
    """Keeps nothing: for simulations without restarts."""

    def load(self) -> tuple[RouteProgress, ...]:
        """See Holdings."""
        return ()

    def save(self, holdings: Iterable[RouteProgress]) -> None:
        """See Holdings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotStatus:
    """Robot -> fleet, a few times a second.

    Attributes:
        at: pose in the map, None while it is not localized.
        battery_soc: 0-1, NaN while unmeasured.
        mission_id: the mission that it executes, None when idle.
        is_stopped: a software or hardware stop is latched.
        compartments: per compartment whether something lies in it.
        custody: the head of its chain of custody, None where it does not tell.
    """

    robot: RobotId
    stamp_ns: int
    at: LevelPose | None
    speed: float
    battery_soc: float
    is_charging: bool
    mission_id: MissionId | None
    is_stopped: bool
    compartments: Mapping[str, bool] = field(default_factory=dict)
    custody: ChainHead | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task as people see it. Instants in nanoseconds, None where it has not come to that.

    Attributes:
        promised_ns: finish that its sender was promised, None where nobody knows any more.
        keeper: member of staff who takes the document at an exchange, or has it until the next robot comes.
        is_stranded: a robot that cannot go on has its document; somebody must take it over.
        key_robot: robot out of which its document may be taken by key now, None for none.
    """

    task_id: TaskId
    request: TaskRequest
    status: TaskStatus
    robot: RobotId | None
    phase: MissionPhase | None
    reason: str
    submitted_ns: int
    started_ns: int | None
    finished_ns: int | None
    estimated_finish_ns: int | None
    promised_ns: int | None = None
    is_stranded: bool = False
    keeper: PersonId | None = None
    key_robot: RobotId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """Some tasks in the order they were accepted.

    Attributes:
        next: the task to go on after, None after the last page.
    """

    tasks: tuple[TaskView, ...]
    next: TaskId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotView:
    """A robot as operators see it.

    Attributes:
        is_online: heard of within the last few seconds.
        clearance: its itinerary and how far it is cleared, None without one.
        screen: what stands on its screen.
        safety: what its safety node lets through ("driving", "blocked: person ahead", ...), empty while unknown.
        stopped_by: who latched its stop, empty for nobody.
        free: where it is while it does not keep to the lanes, None while it does; free_radius: of the circle around it
            that the others keep off, meters; is_by_hand: a person drives it.
    """

    robot: RobotId
    kind: RobotKind
    is_online: bool
    status: RobotStatus | None
    phase: MissionPhase | None
    task_id: TaskId | None
    clearance: Clearance | None
    screen: str = ""
    safety: str = ""
    stopped_by: str = ""
    free: LevelPose | None = None
    free_radius: float = 0.0
    is_by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """A person on the map; x, y in meters."""

    level: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something an operator must do something about; severity "warning" or "error"."""

    alarm_id: str
    severity: str
    text: str
    robot: RobotId | None
    since_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HallView:
    """Everything an operator sees at one instant.

    Attributes:
        doors: per door whether it is open; lifts: per lift the level its cabin is at.
        waits: the robots that cannot go on, and why.
        rules: what operators have imposed on traffic.
        open_count: open tasks, those included that are too many to be seen; None where nobody tells.
    """

    stamp_ns: int
    robots: Sequence[RobotView]
    tasks: Sequence[TaskView]
    people: Sequence[PersonView]
    doors: Mapping[str, bool]
    lifts: Mapping[str, str]
    alarms: Sequence[Alarm]
    is_fleet_online: bool
    waits: Sequence[Wait] = ()
    rules: TrafficRules = field(default_factory=TrafficRules)
    open_count: int | None = None


class Operations(Protocol):
    """What an operator can do from the console. Called from any thread; each call waits at most a few seconds.

    All raise LinkError when the process in charge does not answer, RequestError when the command is wrong.
    """

    def view(self) -> HallView:
        """Return the latest picture of the hall; never waits."""
        ...

    def submit(self, request: TaskRequest) -> Accepted:
        """Submit a task; returns when it is on disk."""
        ...

    def cancel(self, task_id: TaskId, reason: str) -> None:
        """Cancel a task."""
        ...

    def hand_over(self, task_id: TaskId, custodian: PersonId) -> str:
        """Have a robot that cannot go on give its document to a member of staff; return the one-time code for it."""
        ...

    def report_taken_out(self, task_id: TaskId, person: PersonId, *, operator: str) -> str:
        """Record that a member of staff took a document out of a robot by key; return their one-time code, if any."""
        ...

    def explain_dispatch(self, task_id: TaskId) -> "Explanation":
        """Return why a task has its robot, or when it will get one, and what each other robot would make of it."""
        ...

    def set_stop(self, robot: RobotId | None, *, is_engaged: bool, operator: str) -> None:
        """Latch or release the software stop of a robot, or of all where `robot` is None."""
        ...

    def change_traffic_rules(self, change: RuleChange, *, operator: str) -> TrafficRules:
        """Change the rules of traffic, whatever others change meanwhile; return those in force then."""
        ...

    def camera_jpeg(self, robot: RobotId, camera: str) -> bytes | None:
        """Return the latest picture of a camera ("front", "rear", "compartment") as JPEG, None while there is none."""
        ...

    def tree(self, robot: RobotId) -> Sequence[tuple[int, str, str, str]]:
        """Return the behavior tree depth first as (depth, name, type, status); empty while there is none."""
        ...

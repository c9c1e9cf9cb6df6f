"""Robots that follow a timetable instead of a tree, with faults on demand: the other end of a RobotLink for tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from robot_ops.core.clock import Clock, to_ns
from robot_ops.core.ids import MissionId, PlaceId, RobotId, RouteId, TaskId
from robot_ops.core.poses import LevelPose
from robot_ops.dispatch.ports import RobotStatus
from robot_ops.site.model import Site
from robot_ops.tasks.custody import CustodyEvent, CustodyKind, link
from robot_ops.tasks.documents import TakenOut
from robot_ops.tasks.orders import MissionKind, MissionOrder, MissionOutcome, MissionPhase, MissionReport
from robot_ops.tasks.routes import Clearance, RouteProgress

STEP_S: Final = 8.0
"""Seconds that every phase lasts."""
_FREE_RADIUS: Final = 0.6  # m
PHASES: Final[Mapping[MissionKind, tuple[MissionPhase, ...]]] = {
    MissionKind.GUIDE_VISITOR: (
        MissionPhase.TO_PICKUP,
        MissionPhase.MEETING,
        MissionPhase.LEADING,
        MissionPhase.FAREWELL,
    ),
    MissionKind.DELIVER_DOCUMENT: (
        MissionPhase.TO_PICKUP,
        MissionPhase.LOADING,
        MissionPhase.CARRYING,
        MissionPhase.UNLOADING,
    ),
    MissionKind.HAND_OVER_DOCUMENT: (MissionPhase.UNLOADING,),
    MissionKind.CHARGE: (MissionPhase.TO_CHARGER, MissionPhase.CHARGING),
    MissionKind.PARK: (MissionPhase.PARKING,),
}
_WITH_CARGO: Final = (MissionPhase.LEADING, MissionPhase.CARRYING)
_WITH_DOCUMENT: Final = (MissionPhase.CARRYING, MissionPhase.UNLOADING)


class FleetInbox(Protocol):
    """What a Dispatcher takes from robots."""

    def on_status(self, status: RobotStatus) -> None:
        """Take a status."""

    def on_progress(self, progress: RouteProgress) -> None:
        """Take progress."""

    def on_report(self, report: MissionReport) -> None:
        """Take a report."""

    def on_custody(self, event: CustodyEvent) -> None:
        """Take an event of a chain of custody."""


@dataclass(slots=True)
class ScriptedRobot:
    """One robot; tests change its fields to make faults.

    Attributes:
        place: where it stands.
        is_silent: it works on, and neither hears nor is heard.
        is_deaf: it is heard and takes no orders.
        free: where it is off the lanes, None while it keeps to them; is_by_hand: a person drives it.
        fail_in: phase in which its next mission fails, None for no failure; cleared by the failure.
        fail_reason: what it says then.
        finished: final reports by mission, repeated when the mission is ordered again.
    """

    robot: RobotId
    place: PlaceId
    soc: float = 0.8
    is_silent: bool = False
    is_deaf: bool = False
    is_stopped: bool = False
    free: LevelPose | None = None
    is_by_hand: bool = False
    fail_in: MissionPhase | None = None
    fail_reason: str = "the way is blocked"
    remark: str = ""
    order: MissionOrder | None = None
    phase_index: int = 0
    phase_ends_ns: int = 0
    report: MissionReport | None = None
    loaded: str = ""
    finished: dict[MissionId, MissionReport] = field(default_factory=dict)


class ScriptedRobots:
    """Implements `robot_ops.dispatch.ports.RobotLink`.

    Args:
        site: every robot starts at its charger.
        clock: the dispatcher's.
        phase_s: seconds that every phase lasts.
    """

    def __init__(self, site: Site, clock: Clock, phase_s: float = STEP_S) -> None:
        self._phase_ns = to_ns(phase_s)
        self._site = site
        self._clock = clock
        self.robots = {robot.id: ScriptedRobot(robot=robot.id, place=robot.charger) for robot in site.robots.values()}
        self.orders: list[MissionOrder] = []
        self.cancelations: list[tuple[RobotId, MissionId, str]] = []
        self.clearances: list[Clearance] = []
        self.taken_out: list[TakenOut] = []
        self.chains: dict[RobotId, list[CustodyEvent]] = {}
        self.served: list[tuple[TaskId, RobotId]] = []

    def start_mission(self, order: MissionOrder) -> None:
        """Begin the mission, or repeat how it ended."""
        self.orders.append(order)
        robot = self.robots[order.robot]
        if robot.is_silent or robot.is_deaf or robot.order is not None:
            return
        if order.mission_id in robot.finished:
            robot.report = robot.finished[order.mission_id]
            return
        robot.order, robot.phase_index = order, 0
        robot.phase_ends_ns = self._clock.now_ns() + self._phase_ns
        if order.has_cargo and order.kind is MissionKind.DELIVER_DOCUMENT:
            if not robot.loaded:
                self._finish(robot, MissionOutcome.FAILED, "the robot has forgotten the document")
                return
            robot.phase_index = PHASES[order.kind].index(MissionPhase.CARRYING)
        self._report(robot, None, "")

    def cancel_mission(self, robot: RobotId, mission_id: MissionId, reason: str) -> None:
        """Give the mission up at once."""
        self.cancelations.append((robot, mission_id, reason))
        scripted = self.robots[robot]
        if not scripted.is_silent and scripted.order is not None and scripted.order.mission_id == mission_id:
            scripted.loaded = ""
            self._finish(scripted, MissionOutcome.CANCELED, reason)

    def send_clearance(self, clearance: Clearance) -> None:
        """Keep it."""
        self.clearances.append(clearance)

    def tell_taken_out(self, taken: TakenOut) -> None:
        """Put it into the robot's chain, unless something lies in the compartment."""
        robot, chain = self.robots[taken.robot], self.chains.setdefault(taken.robot, [])
        if robot.is_silent or robot.loaded or taken in self.taken_out:
            return
        self.taken_out.append(taken)
        event = link(
            chain[-1] if chain else None,
            robot=taken.robot,
            kind=CustodyKind.TAKEN_OUT,
            task_id=taken.task_id,
            person=taken.person,
            compartment=taken.compartment,
            stamp_ns=self._clock.now_ns(),
        )
        chain.append(event)

    def restart(self, robot: RobotId) -> None:
        """Forget everything but what lies in the compartments, as after a power cut."""
        old = self.robots[robot]
        self.robots[robot] = ScriptedRobot(robot=robot, place=old.place, soc=old.soc, loaded=old.loaded)

    def work(self) -> None:
        """Bring all robots up to the present."""
        for robot in self.robots.values():
            while robot.order is not None and not robot.is_stopped and self._clock.now_ns() >= robot.phase_ends_ns:
                self._end_phase(robot)

    def speak(self, fleet: FleetInbox) -> None:
        """Send status, progress, chain and the latest report of every robot that is not silent."""
        for robot in self.robots.values():
            if robot.is_silent:
                continue
            if robot.report is not None:
                fleet.on_report(replace(robot.report, stamp_ns=self._clock.now_ns()))
            for event in self.chains.get(robot.robot, ()):
                fleet.on_custody(event)
            fleet.on_progress(self.progress(robot))
            fleet.on_status(self.status(robot))

    def status(self, robot: ScriptedRobot) -> RobotStatus:
        """Return what the robot tells of itself now."""
        return RobotStatus(
            robot=robot.robot,
            stamp_ns=self._clock.now_ns(),
            at=self._site.pose_at(robot.place),
            speed=0.0,
            battery_soc=robot.soc,
            is_charging=False,
            mission_id=None if robot.order is None else robot.order.mission_id,
            is_stopped=robot.is_stopped,
            compartments={robot.loaded: True} if robot.loaded else {},
        )

    def progress(self, robot: ScriptedRobot) -> RouteProgress:
        """Return that the robot stands at its place and wants to stay, or where it is off the lanes."""
        return RouteProgress(
            robot=robot.robot,
            stamp_ns=self._clock.now_ns(),
            route_id=RouteId(""),
            reached=0,
            held=() if robot.free is not None else (self._site.places[robot.place].node,),
            free=robot.free,
            free_radius=0.0 if robot.free is None else _FREE_RADIUS,
            is_by_hand=robot.is_by_hand,
        )

    def _end_phase(self, robot: ScriptedRobot) -> None:
        order = robot.order
        if order is None:
            return
        phase = PHASES[order.kind][robot.phase_index]
        if robot.fail_in is phase:
            robot.fail_in = None
            self._finish(robot, MissionOutcome.FAILED, robot.fail_reason)
            return
        self._leave(robot, order, phase)
        robot.phase_index += 1
        robot.phase_ends_ns += self._phase_ns
        if robot.phase_index == len(PHASES[order.kind]):
            if order.task_id is not None and order.kind is not MissionKind.HAND_OVER_DOCUMENT:
                self.served.append((order.task_id, robot.robot))
            self._finish(robot, MissionOutcome.COMPLETED, "")
        else:
            self._report(robot, None, robot.remark)

    def _leave(self, robot: ScriptedRobot, order: MissionOrder, phase: MissionPhase) -> None:
        match phase:
            case MissionPhase.TO_PICKUP if order.pickup is not None:
                robot.place = order.pickup
            case MissionPhase.LOADING:
                robot.loaded = order.compartment
            case MissionPhase.UNLOADING:
                robot.loaded = ""
            case MissionPhase.CHARGING:
                robot.soc = 1.0
            case MissionPhase.LEADING | MissionPhase.CARRYING | MissionPhase.TO_CHARGER | MissionPhase.PARKING:
                robot.place = order.destination
            case _:
                pass

    def _finish(self, robot: ScriptedRobot, outcome: MissionOutcome, reason: str) -> None:
        self._report(robot, outcome, reason)
        if robot.order is not None and robot.report is not None:
            robot.finished[robot.order.mission_id] = robot.report
        robot.order = None

    def _report(self, robot: ScriptedRobot, outcome: MissionOutcome | None, reason: str) -> None:
        order = robot.order
        if order is None:
            return
        phases = PHASES[order.kind]
        phase = phases[min(robot.phase_index, len(phases) - 1)]
        robot.report = MissionReport(
            robot=robot.robot,
            mission_id=order.mission_id,
            task_id=order.task_id,
            phase=MissionPhase.DONE if outcome is MissionOutcome.COMPLETED else phase,
            outcome=outcome,
            reason=reason,
            has_cargo=outcome is not MissionOutcome.COMPLETED
            and (bool(robot.loaded) and phase in _WITH_DOCUMENT if order.compartment else phase in _WITH_CARGO),
            stamp_ns=self._clock.now_ns(),
        )

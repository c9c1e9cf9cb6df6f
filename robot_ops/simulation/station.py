"""One simulated robot: its body, its process (the agent, which may die and start anew), and what it sends."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import RequestError, StateError
from robot_ops.core.ids import MissionId, NodeId, PersonId
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.dispatch.ports import RobotStatus
from robot_ops.missions.agent import RobotAgent
from robot_ops.missions.ports import NavigationStatus
from robot_ops.navigation.safety import SafetyLimits
from robot_ops.simulation.bodies import SimulatedCompartments, SimulatedPanel
from robot_ops.simulation.drive_safety import DriveSafety
from robot_ops.simulation.hall import Hall
from robot_ops.simulation.kinematic import KinematicRobot
from robot_ops.simulation.plain_building import BuildingLink
from robot_ops.simulation.rest_round import HEARTBEAT, SaidAgain
from robot_ops.simulation.robot_process import make_agent
from robot_ops.simulation.scheduler import Alarm
from robot_ops.simulation.storage_faults import DiskTrouble, FallibleCustodyLog, ProcessKilled
from robot_ops.simulation.tick_rate import CALM_TICK, HANDOVER, TickRate, place_of, state_of
from robot_ops.site.model import Robot
from robot_ops.tasks.custody import CustodyEvent, CustodyLog
from robot_ops.tasks.documents import TakenOut
from robot_ops.tasks.orders import MissionOrder, MissionReport
from robot_ops.tasks.routes import Clearance, RouteProgress

RESTART: Final = 5.0
"""s until a robot's process that died is started again by the supervisor of processes."""
_DEAD: Final = "dead"
OUT: Final = "out"
"""What keeps a robot from moving that somebody has carried out of the hall."""
_OFF: Final = frozenset({_DEAD, OUT})
_GAUGE: Final = 0.001
"""Of a full charge: while a robot rests, less than that is no other reading of its gauge."""
_TOLD_CUSTODY: Final = 200  # events that a process tells again when it or the fleet starts (a latched topic's depth)


class Station:
    """One robot.

    Attributes:
        agent: its process, None while that is dead.
        disk: what is wrong with its custody log.
        has_sight: whether its sense for people works; has_locks: whether its locks' sensors tell anything.
        safety: stands between it and its wheels.
        driver: who drives it by hand, None for nobody.
        sent_progress, sent_report: what its process has sent last.
    """

    def __init__(self, robot: Robot, hall: Hall, *, body: KinematicRobot, custody: CustodyLog) -> None:
        self.robot = robot.id
        self.record = robot
        self.body = body
        self.disk = DiskTrouble()
        self.custody = FallibleCustodyLog(custody, self.disk, self._on_recorded)
        self.agent: RobotAgent | None = None
        self.has_sight = True
        self.has_locks = True
        self.safety = DriveSafety(SafetyLimits(radius=robot.model.radius), hall.scheduler, self._stand_for_safety)
        self.driver: str | None = None
        self.start_count = 0
        self._hall = hall
        self._scheduler = hall.scheduler
        self._tick = Alarm(hall.scheduler, self.tick)
        self._heartbeat = Alarm(hall.scheduler, self._beat)
        self._start = Alarm(hall.scheduler, self.start)
        self._advanced_ns = hall.scheduler.now_ns()
        self._sent_status: RobotStatus | None = None
        self.sent_progress: RouteProgress | None = None
        self.sent_report: MissionReport | None = None
        self._taken_clearance: Clearance | None = None
        self._rate = TickRate(self, hall.network)
        self._make_process_parts()

    @property
    def is_running(self) -> bool:
        """Return whether its process runs."""
        return self.agent is not None

    @property
    def is_by_hand(self) -> bool:
        """Return whether a person drives or pushes it."""
        return self.driver is not None

    @property
    def is_out(self) -> bool:
        """Return whether somebody has carried it out of the hall."""
        return OUT in self.body.brakes

    @property
    def is_with_somebody(self) -> bool:
        """Return whether somebody loads or unloads it."""
        return self.agent is not None and self.agent.report is not None and self.agent.report.phase in HANDOVER

    @property
    def is_dead(self) -> bool:
        """Return whether it is dead or out of the hall, whatever its process would do."""
        return bool(self.body.brakes & _OFF)

    @property
    def held(self) -> tuple[NodeId, ...]:
        """Return the nodes that it has told that it holds."""
        return () if self.sent_progress is None else self.sent_progress.held

    @property
    def stopped_by(self) -> tuple[str, ...]:
        """Return who latched its stop; it moves only while nobody has."""
        return self.safety.stopped_by

    def chain(self) -> tuple[CustodyEvent, ...]:
        """Return its custody events in order."""
        return self.custody.events()

    def has_taken(self, clearance: Clearance) -> bool:
        """Return whether this was the latest clearance that came to the process that runs."""
        return self.agent is not None and self._taken_clearance == clearance

    def start(self) -> None:
        """Start the robot's process, unless it runs."""
        if self.agent is not None or self.is_dead:
            return
        self._make_process_parts()
        self.agent = make_agent(self, self._hall)
        self.start_count += 1
        if self.is_by_hand:
            self.agent.note_hand()  # a person's commands come ten times a second: before it knows where it is
        self.tell_custody()
        self._tick.wake(0.0)

    def kill(self, down: float | None) -> None:
        """Kill the robot's process: its body brakes; started again in so many seconds, None for not."""
        self.advance()
        self._hall.watcher.ticked(self.robot)
        self.agent = None
        self.body.stop()
        self._tick.cancel()
        self._start.cancel()
        if down is not None:
            self._start.wake(down)

    def wake(self, seconds: float = 0.0) -> None:
        """Have the agent tick in so many seconds at the latest; something has come or happened to it."""
        if self.agent is not None:
            self._rate.wake()
            self._tick.wake(seconds)

    def advance(self) -> None:
        """Bring the body up to the present."""
        now_ns = self._scheduler.now_ns()
        if now_ns != self._advanced_ns:
            self.body.advance(seconds_between(self._advanced_ns, now_ns))
            self._advanced_ns = now_ns

    def tick(self) -> None:
        """Let the agent act, and send what is due."""
        self.advance()
        if self.agent is None:
            return
        self._guarded(self.agent.tick)
        if not self.is_running:
            return
        self.building.repeat()
        self._send_status()
        self._hall.watcher.ticked(self.robot)
        self._tick.wake(self._rate.next_tick())

    def _beat(self) -> None:
        """Between two ticks far apart, tell that the robot is there, and what its agent would say again."""
        if self.agent is None:
            return
        if not self.is_resting:
            self.advance()
            self._send_status()
            return
        said = self._say_again()
        if said is None:
            self.tick()
        else:
            self._send(said.tell, is_news=said.is_news)
            self._hall.rest_round.join(self.robot, self._say_again)

    def _say_again(self) -> SaidAgain | None:
        """Return what a robot that rests says, None where it does not, or where it might not be heard.

        Whatever has it do something makes it tick, or is looked at here.
        """
        last = self.sent_progress
        if last is None or self.agent is None or self.is_by_hand or not self._hall.network.is_good(self.robot):
            self._heartbeat.wake(0.0)
            return None
        status, now_ns = self._sent_status, self._scheduler.now_ns()
        # it looks at itself not with every heartbeat, but before traffic control misses it
        if status is not None and seconds_between(last.stamp_ns, now_ns) <= CALM_TICK - HEARTBEAT:
            return SaidAgain(status=status, progress=None, report=None, is_news=False)
        if not self.body.is_full:
            self.advance()
        is_news = False
        if status is None or not self._is_as_before(status):
            status, is_news = self._status()
        progress = self.sent_progress = replace(last, stamp_ns=now_ns)
        return SaidAgain(status=status, progress=progress, report=self.sent_report, is_news=is_news)

    def order(self, order: MissionOrder) -> None:
        """Take an order, as it arrives."""
        if self.agent is not None:
            self._guarded(lambda: self._start_mission(order))
            self.wake()

    def cancel(self, mission_id: MissionId, reason: str) -> None:
        """Take a cancelation, as it arrives."""
        if self.agent is not None:
            agent = self.agent
            self.advance()
            self._guarded(lambda: agent.cancel_mission(mission_id, reason))
            self.wake()

    def clear(self, clearance: Clearance) -> None:
        """Take a clearance, as it arrives."""
        if self.agent is not None:
            agent = self.agent
            self._guarded(lambda: agent.on_clearance(clearance))
            if clearance != self._taken_clearance:
                self._taken_clearance = clearance
                self.wake()

    def type_code(self, person: PersonId, code: str) -> None:
        """Let somebody type a code; a dead screen takes none."""
        if self.agent is not None:
            self.panel.type_code(person, code)
            self.wake()

    def press_done(self) -> None:
        """Let somebody press "done"."""
        if self.agent is not None:
            self.panel.press_done()
            self.wake()

    def break_down(self) -> None:
        """Let the whole robot be dead until it is repaired."""
        self.kill(None)
        self.body.brakes.add(_DEAD)

    def repair(self) -> None:
        """Have it alive again; its process starts."""
        self.advance()
        self.body.brakes.discard(_DEAD)
        self.start()

    def set_brake(self, why: str, *, is_on: bool) -> None:
        """Keep the body from moving, or no longer for this reason."""
        self.advance()
        if is_on:
            self.body.brakes.add(why)
        else:
            self.body.brakes.discard(why)
        self.wake()

    def set_lost(self, *, is_lost: bool) -> None:
        """Have it lose its way, or find it again."""
        self.advance()
        self.body.is_lost = is_lost
        self.wake()

    def send_progress(self, progress: RouteProgress) -> None:
        """See FleetLink."""
        last, self.sent_progress = self.sent_progress, progress
        if last is None or last.held != progress.held or last.free != progress.free or last.tail != progress.tail:
            self._hall.watcher.told(progress)
        is_news = last is None or place_of(last) != place_of(progress)
        self._send(lambda dispatcher: dispatcher.on_progress(progress), is_news=is_news)

    def send_report(self, report: MissionReport) -> None:
        """See FleetLink."""
        last, self.sent_report = self.sent_report, report
        is_news = last is None or state_of(last) != state_of(report)
        self._send(lambda dispatcher: dispatcher.on_report(report), is_news=is_news)

    def note_taken_out(self, taken: TakenOut) -> None:
        """Hear that a document was taken out by key."""
        if self.agent is not None:
            agent = self.agent
            self._guarded(lambda: agent.note_taken_out(taken))
            self.wake()

    def tell_custody(self) -> None:
        """Tell the fleet the latest events of custody, again perhaps."""
        for event in self.custody.latest(_TOLD_CUSTODY):
            self._send_custody(event)

    def _stand_for_safety(self, is_standing: bool) -> None:
        self.set_brake("safety", is_on=is_standing)

    def _make_process_parts(self) -> None:
        hall = self._hall
        self.panel = SimulatedPanel(partial(hall.show, self.robot))
        self.compartments = SimulatedCompartments(
            hall.banks,
            self.robot,
            on_unlocked=partial(hall.watcher.unlocked, self.robot),
            has_sensors=lambda: self.has_locks,
        )
        self.building = BuildingLink(hall.building, self.robot, hall.scheduler)
        self._taken_clearance = self.sent_progress = None

    def _start_mission(self, order: MissionOrder) -> None:
        if self.agent is None:
            return
        self.advance()
        try:
            self.agent.start_mission(order)
        except (StateError, RequestError):
            return  # busy with another mission, or no order for this robot; the fleet sees that nothing starts

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except ProcessKilled:
            self.kill(RESTART)

    def _on_recorded(self, event: CustodyEvent) -> None:
        self._hall.watcher.recorded(event)
        self._send_custody(event)

    def _send_custody(self, event: CustodyEvent) -> None:
        self._hall.network.send_up(
            self.robot,
            lambda: self._hall.tell_fleet(lambda dispatcher: dispatcher.on_custody(event), is_news=False),
            is_reliable=True,
        )

    def _send(self, take: Callable[[Dispatcher], object], *, is_news: bool) -> None:
        self._hall.network.send_up(self.robot, lambda: self._hall.tell_fleet(take, is_news=is_news))

    def _send_status(self) -> None:
        if self.agent is None:
            return
        status, is_news = self._status()
        self._send(lambda dispatcher: dispatcher.on_status(status), is_news=is_news)
        self._hall.rest_round.leave(self.robot)
        self._heartbeat.cancel()
        self._heartbeat.wake(HEARTBEAT)

    def _status(self) -> tuple[RobotStatus, bool]:
        """Return its status and whether that says anything new."""
        body, occupied = self.body, self.compartments.occupied
        mission_id = None if self.agent is None else self.agent.mission_id
        status = RobotStatus(
            robot=self.robot,
            stamp_ns=self._scheduler.now_ns(),
            at=body.pose,
            speed=body.speed,
            battery_soc=body.soc,
            is_charging=body.is_charging,
            mission_id=mission_id,
            is_stopped=bool(self.stopped_by),
            compartments=occupied,
        )
        last, self._sent_status = self._sent_status, status
        return status, last is None or _condition(last) != _condition(status)

    def _is_as_before(self, last: RobotStatus) -> bool:
        """Return whether its status would say nothing but what it has said last."""
        body = self.body
        return (
            body.pose is last.at
            and abs(body.soc - last.battery_soc) < _GAUGE
            and (body.speed, body.is_charging) == (last.speed, last.is_charging)
            and last.mission_id is None
            and bool(self.safety.stopped_by) is last.is_stopped
            and self.compartments.occupied == last.compartments
        )

    @property
    def is_resting(self) -> bool:
        """Return whether the agent would only say again what it has said, until something comes or happens to it."""
        agent, progress = self.agent, self.sent_progress
        if agent is None or agent.is_busy or agent.waits_for or self.is_by_hand or progress is None:
            return False
        if self.building.is_in_use:
            return False
        is_on_lanes = bool(progress.held) and progress.free is None and not progress.is_by_hand
        stands = self.body.status is not NavigationStatus.ACTIVE and len(progress.held) == 1
        return is_on_lanes and stands


def _condition(status: RobotStatus) -> tuple[object, ...]:
    return (status.mission_id, status.is_stopped, status.compartments, status.is_charging)

"""A whole system that survives the death of its processes: dispatcher, ledger, custody logs on disk, agents, staff."""

import dataclasses
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Final

from robot_ops.core.clock import ManualClock, to_ns
from robot_ops.core.errors import StateError
from robot_ops.core.ids import MissionId, PersonId, RobotId, TaskId
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.dispatch.ports import RobotStatus
from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.ledger.places import sqlite_url
from robot_ops.ledger.sql_ledger import SqlLedger
from robot_ops.missions.agent import RobotAgent
from robot_ops.missions.ports import AnnouncementKind
from robot_ops.site.model import RobotKind, Site
from robot_ops.tasks.custody import CustodyKind
from robot_ops.tasks.documents import TakenOut
from robot_ops.tasks.orders import MissionKind, MissionOrder, MissionReport
from robot_ops.tasks.routes import Clearance, RouteProgress
from robot_ops.testing.crash_points import Crash, Fuse, FusedCompartments, FusedCustodyLog, FusedLedger
from robot_ops.testing.robot_body import FakeBattery, FakeBuilding, FakeNavigator, FakePanel, FakePeople
from robot_ops.testing.scripted_robots import ScriptedRobots
from robot_ops.testing.small_site import small_site

TICK: Final = 0.5  # s
SPEED: Final = 8.0  # m/s; nothing here depends on how long driving takes
DOWN: Final = 2.0  # s until a process that died runs again
_SECRET: Final = b"crash points"
_STAFF_PAUSE: Final = 1.0  # s between two things that somebody does at a panel


class CourierProcess:
    """A courier: what lasts (body, locks, custody file), and the agent, which dies."""

    def __init__(self, stand: "CrashStand", robot: RobotId) -> None:
        record = stand.site.robots[robot]
        self.robot = robot
        self._stand = stand
        self.navigator = FakeNavigator(stand.site, stand.site.pose_at(record.charger))
        self.compartments = FusedCompartments(record.model.compartments, stand.fuse, robot)
        self.panel = FakePanel()
        self.acted_ns = 0
        self.down_until_ns: int | None = None
        self.unlocks = 0
        self._sent_custody = 0
        self._told: tuple[object, ...] = ()
        self._resources = ExitStack()
        self.agent = self._started()

    def step(self) -> None:
        """Live for a tick."""
        self.navigator.step(TICK)
        self.agent.tick()
        now_ns = self._stand.clock.now_ns()
        at = self.navigator.pose
        status = RobotStatus(
            robot=self.robot,
            stamp_ns=now_ns,
            at=at,
            speed=0.0,
            battery_soc=0.8,
            is_charging=False,
            mission_id=self.agent.mission_id,
            is_stopped=False,
            compartments={
                name: reading is not None and reading.is_occupied
                for name in self._stand.site.robots[self.robot].model.compartments
                for reading in [self.compartments.state(name)]
            },
        )
        self._stand.to_fleet(lambda fleet: fleet.on_status(status))
        events = self.custody.events() if self._recorder.has_news else ()
        self._recorder.has_news = False
        for event in events[self._sent_custody :]:
            self._stand.to_fleet(methodcaller("on_custody", event))
            self._sent_custody = event.seq + 1

    def send_progress(self, progress: RouteProgress) -> None:
        """See FleetLink."""
        self._stand.to_fleet(lambda fleet: fleet.on_progress(progress))

    def send_report(self, report: MissionReport) -> None:
        """See FleetLink; only a report with news is worth a crash."""
        news = (report.mission_id, report.phase, report.outcome, report.has_cargo)
        send = partial(self._stand.to_fleet, lambda fleet: fleet.on_report(report))
        if news == self._told:
            send()
            return
        self._told = news
        with self._stand.fuse.around(self.robot, f"reporting {report.phase.value}"):
            send()

    def repeat_custody(self) -> None:
        """A new subscriber hears all again."""
        self._sent_custody = 0
        self._recorder.has_news = True

    def die(self) -> None:
        """End the process: what is in memory is gone, and nothing commands the wheels."""
        self._resources.close()
        self.navigator.stop()
        self.panel = FakePanel()
        self.down_until_ns = self._stand.clock.now_ns() + to_ns(DOWN)

    def restart(self) -> None:
        """Begin again with what is on disk."""
        self.down_until_ns = None
        self._sent_custody = 0
        self._told = ()
        self.agent = self._started()

    def close(self) -> None:
        """End for good."""
        self._resources.close()

    def _started(self) -> RobotAgent:
        stand = self._stand
        self.custody = self._resources.enter_context(SqliteCustodyLog(self.robot, stand.folder / f"{self.robot}.db"))
        self._recorder = FusedCustodyLog(self.custody, stand.fuse, self.robot)
        return RobotAgent(
            robot=stand.site.robots[self.robot],
            site=stand.site,
            clock=stand.clock,
            navigator=self.navigator,
            people=FakePeople(),
            panel=self.panel,
            compartments=self.compartments,
            building=FakeBuilding(self.robot),
            battery=FakeBattery(),
            fleet=self,
            custody=self._recorder,
            behaviors=stand.behaviors,
        )


class CrashStand:
    """Everything on one bench; implements RobotLink. Messages arrive a tick later, or never where nobody lives.

    Args:
        folder: for ledger and custody logs; must exist.
        behaviors: folder of the tree files.
        target: number of the point at which the process that passes it dies, None for none.
        is_pair: with it, all other processes die as well.
        site: where it happens, `quick_site` when None.

    Attributes:
        codes: per task and person the code they were told.
        holders: per task who has the document, a person or a robot.
        unrecorded: unlocked without a record, in words.
    """

    def __init__(
        self,
        folder: Path,
        behaviors: Path,
        *,
        target: int | None = None,
        is_pair: bool = False,
        site: Site | None = None,
    ) -> None:
        self.folder = folder
        self.behaviors = behaviors
        self.site = quick_site() if site is None else site
        self.clock = ManualClock(1_000_000_000_000)
        self.fuse = Fuse(target)
        self._is_pair = is_pair
        self.codes: dict[tuple[TaskId, PersonId], str] = {}
        self.holders: dict[TaskId, str] = {}
        self.unrecorded: list[str] = []
        self._orders: dict[MissionId, MissionOrder] = {}
        self._sent: dict[RobotId, tuple[object, ...]] = {}
        self._fleet_mail: list[Callable[[Dispatcher], object]] = []
        self._robot_mail: list[tuple[RobotId, Callable[[CourierProcess], object]]] = []
        self.guides = ScriptedRobots(self.site, self.clock, phase_s=3.0)
        kinds = {robot.id: robot.model.kind for robot in self.site.robots.values()}
        self._guide_ids = [robot for robot, kind in kinds.items() if kind is RobotKind.GUIDE]
        self.couriers = {
            robot: CourierProcess(self, robot) for robot, kind in kinds.items() if kind is RobotKind.COURIER
        }
        self._fleet_resources = ExitStack()
        self._fleet_down_until_ns = 0
        self.fleet: Dispatcher | None = self._started()

    def close(self) -> None:
        """End all processes."""
        self._fleet_resources.close()
        for courier in self.couriers.values():
            courier.close()

    def tick(self) -> None:
        """Let a tick go by, with at most one crash in each process."""
        self.clock.advance(TICK)
        self._restart()
        fleet_mail, self._fleet_mail = self._fleet_mail, []
        robot_mail, self._robot_mail = self._robot_mail, []
        for robot, take in robot_mail:
            self._in_courier(robot, take)
        for deliver in fleet_mail:
            self.in_fleet(deliver)
        self.guides.work()
        self._guides_speak()
        for robot, courier in self.couriers.items():
            if courier.down_until_ns is None:
                self._act_at_panel(courier)
            self._in_courier(robot, CourierProcess.step)
            self._count_unlocks(courier)
        self.in_fleet(Dispatcher.step)

    def in_fleet(self, call: Callable[[Dispatcher], object]) -> None:
        """Run something in the fleet's process; it may die of it, and does nothing when dead."""
        if self.fleet is None:
            return
        try:
            call(self.fleet)
        except Crash:
            self._kill_fleet()
            if self._is_pair:
                for courier in self.couriers.values():
                    courier.die()

    def to_fleet(self, deliver: Callable[[Dispatcher], object]) -> None:
        """Send the fleet a message."""
        self._fleet_mail.append(deliver)

    def start_mission(self, order: MissionOrder) -> None:
        """See RobotLink."""
        self._orders[order.mission_id] = order
        with self.fuse.around("fleet", f"ordering {order.kind.value}"):
            if order.robot in self.couriers:
                self._robot_mail.append((order.robot, partial(_order, order=order)))
            else:
                self.guides.start_mission(order)

    def cancel_mission(self, robot: RobotId, mission_id: MissionId, reason: str) -> None:
        """See RobotLink."""
        with self.fuse.around("fleet", "canceling"):
            if robot in self.couriers:
                self._robot_mail.append((robot, lambda courier: courier.agent.cancel_mission(mission_id, reason)))
            else:
                self.guides.cancel_mission(robot, mission_id, reason)

    def send_clearance(self, clearance: Clearance) -> None:
        """See RobotLink; only a clearance with news is worth a crash."""
        robot = clearance.robot
        send = partial(self._robot_mail.append, (robot, lambda courier: courier.agent.on_clearance(clearance)))
        news = (clearance.route_id, clearance.cleared, clearance.is_recall)
        if robot not in self.couriers:
            return
        if self._sent.get(robot) == news:
            send()
            return
        self._sent[robot] = news
        with self.fuse.around("fleet", "clearing"):
            send()

    def tell_taken_out(self, taken: TakenOut) -> None:
        """See RobotLink."""
        with self.fuse.around("fleet", "telling of a key"):
            self._robot_mail.append((taken.robot, lambda courier: courier.agent.note_taken_out(taken)))

    def _started(self) -> Dispatcher:
        ledger = self._fleet_resources.enter_context(SqlLedger(sqlite_url(self.folder / "ledger.db")))
        fleet = Dispatcher(
            site=self.site, ledger=FusedLedger(ledger, self.fuse), link=self, clock=self.clock, secret=_SECRET
        )
        fleet.recover()
        for courier in self.couriers.values():
            courier.repeat_custody()
        return fleet

    def _kill_fleet(self) -> None:
        self._fleet_resources.close()
        self.fleet = None
        self._fleet_mail.clear()
        self._sent.clear()
        self._fleet_down_until_ns = self.clock.now_ns() + to_ns(DOWN)

    def _restart(self) -> None:
        now_ns = self.clock.now_ns()
        if self.fleet is None and now_ns >= self._fleet_down_until_ns:
            self.fleet = self._started()
        for courier in self.couriers.values():
            if courier.down_until_ns is not None and now_ns >= courier.down_until_ns:
                courier.restart()

    def _in_courier(self, robot: RobotId, call: Callable[[CourierProcess], object]) -> None:
        courier = self.couriers[robot]
        if courier.down_until_ns is not None:
            return
        try:
            call(courier)
        except Crash:
            courier.die()
            if self._is_pair:
                self._kill_fleet()

    def _guides_speak(self) -> None:
        now_ns = self.clock.now_ns()
        for robot in (self.guides.robots[guide] for guide in self._guide_ids):
            if robot.report is not None:
                report = dataclasses.replace(robot.report, stamp_ns=now_ns)
                self.to_fleet(methodcaller("on_report", report))
            status, progress = self.guides.status(robot), self.guides.progress(robot)
            self.to_fleet(methodcaller("on_progress", progress))
            self.to_fleet(methodcaller("on_status", status))

    def _count_unlocks(self, courier: CourierProcess) -> None:
        """Every opening has a record of its own, and the record an authentication before it."""
        opened = sum(line.startswith("unlock") for line in courier.compartments.log)
        if opened == courier.unlocks:
            return
        courier.unlocks = opened
        with (
            SqliteCustodyLog(courier.robot, self.folder / f"{courier.robot}.db")
            if courier.down_until_ns
            else (ExitStack()) as reopened
        ):
            log = reopened if isinstance(reopened, SqliteCustodyLog) else courier.custody
            kinds = [event.kind for event in log.events()]
        if opened > kinds.count(CustodyKind.UNLOCKED) or opened > kinds.count(CustodyKind.AUTHENTICATED):
            self.unrecorded.append(f"{courier.robot} opened {opened} times: {[kind.value for kind in kinds]}")

    def _act_at_panel(self, courier: CourierProcess) -> None:
        """Let sender, recipient or custodian do what the screen asks for."""
        now_ns = self.clock.now_ns()
        mission_id = courier.agent.mission_id
        if mission_id is None or not courier.panel.shown or now_ns < courier.acted_ns + to_ns(_STAFF_PAUSE):
            return
        order, shown = self._orders[mission_id], courier.panel.shown[-1]
        is_at_end = order.kind is MissionKind.HAND_OVER_DOCUMENT or shown.place == order.destination
        handover = order.recipient if is_at_end else order.sender
        if handover is None or order.task_id is None:
            return
        courier.acted_ns = now_ns
        state = courier.compartments.state(order.compartment)
        is_open = state is not None and not state.is_locked
        match shown.kind:
            case AnnouncementKind.AUTHENTICATE:
                courier.panel.type_code(handover.person, self.codes.get((order.task_id, handover.person), ""))
            case AnnouncementKind.LOAD if is_open:
                self.holders[order.task_id] = courier.robot
                self._use(courier, order, is_occupied=True)
            case AnnouncementKind.UNLOAD if is_open:
                self.holders[order.task_id] = handover.person
                self._use(courier, order, is_occupied=False)
            case _ if state is not None and not state.is_closed:
                # the robot died with the lid open, and asks that somebody close it
                courier.compartments.use(order.compartment, is_occupied=state.is_occupied)

    def _use(self, courier: CourierProcess, order: MissionOrder, *, is_occupied: bool) -> None:
        courier.compartments.use(order.compartment, is_occupied=is_occupied)
        courier.panel.press_done()


def quick_site() -> Site:
    """Return the small site with fast lanes and couriers."""
    site = small_site()
    lanes = {lane.id: dataclasses.replace(lane, speed_limit=SPEED) for lane in site.lanes.values()}
    robots = {
        robot.id: dataclasses.replace(robot, model=dataclasses.replace(robot.model, max_speed=SPEED))
        for robot in site.robots.values()
    }
    return dataclasses.replace(site, lanes=lanes, robots=robots)


def _order(courier: CourierProcess, order: MissionOrder) -> None:
    try:
        courier.agent.start_mission(order)
    except StateError:
        return  # busy; the fleet sees that nothing starts and orders it again

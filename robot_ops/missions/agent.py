"""One robot's agent: takes missions, runs their behavior trees, drives along clearances, reports to the fleet."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from py_trees.behaviour import Behaviour
from py_trees.common import Status

from robot_ops.core.clock import Clock, seconds_between
from robot_ops.core.errors import RequestError, StateError
from robot_ops.core.ids import MissionId
from robot_ops.core.poses import LevelPose
from robot_ops.missions.context import Body, Dock, MissionContext
from robot_ops.missions.emptying import note_emptied
from robot_ops.missions.leaves.table import LEAVES
from robot_ops.missions.lids import WatchedCompartments
from robot_ops.missions.location import docked_place
from robot_ops.missions.ports import (
    AnnouncementKind,
    Battery,
    Building,
    Compartments,
    FleetLink,
    NavigationStatus,
    Navigator,
    Panel,
    PeopleSource,
)
from robot_ops.missions.route import RouteFollower
from robot_ops.missions.tree_xml import TreeFile, load_trees
from robot_ops.perception.follower import FollowerLimits, FollowerMonitor
from robot_ops.site.model import Robot, Site
from robot_ops.tasks.custody import CustodyLog
from robot_ops.tasks.documents import TakenOut
from robot_ops.tasks.orders import MissionKind, MissionOrder, MissionOutcome, MissionPhase, MissionReport
from robot_ops.tasks.routes import Clearance

REPORT_PERIOD: Final = 1.0
"""s between two reports without a change; the last one goes on being sent, so that a lost one does no harm."""
REMEMBERED: Final = 50
"""Ended missions whose reports are kept, to answer orders that are repeated."""
LEAST_SOC: Final = 0.4
"""A robot with less stays at its charger whatever comes."""
_CHORES: Final = frozenset({MissionKind.CHARGE, MissionKind.PARK})


def load_behaviors(folder: Path, site: Site) -> dict[MissionKind, TreeFile]:
    """Read and check the tree of every kind of mission: "<kind>.xml".

    Raises:
        TreeError: a file is missing or wrong.
    """
    return {kind: load_trees(folder / f"{kind.value}.xml", LEAVES, places=site.places) for kind in MissionKind}


class _Mission:
    """The mission that runs: its working state and the tree it executes now."""

    def __init__(self, order: MissionOrder, context: MissionContext, trees: TreeFile) -> None:
        self.order = order
        self.context = context
        self.trees = trees
        self.tree_name = trees.main
        self.tree: Behaviour = trees.build(trees.main, context)
        self.cancel_reason: str | None = None


class RobotAgent:
    """One robot's missions.

    Args:
        behaviors: folder with a tree file per kind of mission; it is read here, so that a wrong one shows at once.

    Raises:
        TreeError: a tree file is missing or wrong.
    """

    def __init__(
        self,
        *,
        robot: Robot,
        site: Site,
        clock: Clock,
        navigator: Navigator,
        people: PeopleSource,
        panel: Panel,
        compartments: Compartments,
        building: Building,
        battery: Battery,
        fleet: FleetLink,
        custody: CustodyLog,
        behaviors: Path,
    ) -> None:
        self._trees: Mapping[MissionKind, TreeFile] = load_behaviors(behaviors, site)
        self._fleet = fleet
        self._follower = RouteFollower(
            robot=robot, site=site, clock=clock, navigator=navigator, building=building, fleet=fleet
        )
        self._lids = WatchedCompartments(compartments, robot)
        self._body = Body(
            robot=robot,
            site=site,
            clock=clock,
            navigator=navigator,
            people=people,
            panel=panel,
            compartments=self._lids,
            battery=battery,
            custody=custody,
            follower=self._follower,
            monitor=FollowerMonitor(FollowerLimits(sector=math.pi / 2)),  # a visitor may wait at the robot's side
            dock=Dock(),
        )
        self._mission: _Mission | None = None
        self._ended: OrderedDict[MissionId, MissionReport] = OrderedDict()
        self._report: MissionReport | None = None
        self._sent_ns = 0
        self._is_located = False
        self._was_at_place = self._was_docking = False  # when a person took the robot over

    @property
    def report(self) -> MissionReport | None:
        """Return the latest report, None before the first mission."""
        return self._report

    @property
    def mission_id(self) -> MissionId | None:
        """Return the mission that runs, None when idle."""
        return self._mission.order.mission_id if self._mission else None

    @property
    def is_busy(self) -> bool:
        """Return whether a mission runs."""
        return self._mission is not None

    @property
    def waits_for(self) -> str:
        """Return what the robot waits for, mission or not; empty for nothing."""
        return self._follower.reason

    def ended_report(self, mission_id: MissionId) -> MissionReport | None:
        """Return the final report of one of the latest missions, None when it is unknown or runs."""
        return self._ended.get(mission_id)

    def start_mission(self, order: MissionOrder) -> None:
        """Begin a mission. The same id again is only answered by the mission's latest report.

        A chore that runs gives way, unless the battery is too low to leave the charger.

        Raises:
            StateError: a task's mission runs, or the robot must charge first; nothing was changed.
            RequestError: the order is for another robot, or names what the site or robot does not have.
        """
        ended = self._ended.get(order.mission_id)
        if ended is not None:
            self._fleet.send_report(ended)
            return
        if self.mission_id == order.mission_id:
            if self._report is not None:
                self._fleet.send_report(self._report)
            return
        self._check(order)
        if self._mission is not None:
            self._preempt(self._mission, order)
        context = MissionContext(order, self._body)
        if order.compartment:
            context.stage()  # after a restart the first report already tells of the document on board
        self._mission = _Mission(order, context, self._trees[order.kind])
        self._tell(self._report_of(self._mission, None, ""))

    def cancel_mission(self, mission_id: MissionId, reason: str) -> None:
        """Give a mission up, by the canceled branch of its tree; idempotent.

        An unknown mission is reported as canceled: an order for it that comes later is not executed.
        """
        mission = self._mission
        if mission is None or mission.order.mission_id != mission_id:
            ended = self._ended.get(mission_id)
            if ended is None:
                ended = self._unknown_canceled(mission_id, reason)
                self._remember(ended)
            self._fleet.send_report(ended)
            return
        if mission.cancel_reason is not None:
            return
        mission.cancel_reason = reason or "canceled"
        mission.tree.stop(Status.INVALID)
        name = f"{mission.trees.main}_canceled"
        if name in mission.trees:
            mission.context.failure = ""
            mission.tree_name = name
            mission.tree = mission.trees.build(name, mission.context)
        else:
            self._end(mission, MissionOutcome.CANCELED, mission.cancel_reason)

    def note_taken_out(self, taken: TakenOut) -> None:
        """Put on record that a document was taken out by key; repeated until the chain of custody has it."""
        if note_emptied(self._body, taken) and self._mission is not None:
            self._mission.context.read_again()

    def on_clearance(self, clearance: Clearance) -> None:
        """Take over how far the robot may drive; one that does not fit is ignored."""
        self._follower.on_clearance(clearance)

    def note_hand(self) -> None:
        """Note that a person drives the robot just now; to be said again and again while that is so.

        Missions wait meanwhile, and go on afterward from where the robot was left.
        """
        self._follower.note_hand()

    def tick(self) -> None:
        """Sense, decide, act, report; call it 5 to 10 times a second."""
        self._locate()
        self._sense()
        mission = self._mission
        if mission is not None and self._follower.is_by_hand:
            self._news(self._report_of(mission, None, self._follower.reason or mission.context.reason))
        elif mission is not None:
            self._run(mission)
        else:
            self._keep_locked()
        self._follower.hold(self._lids.open_lids())
        self._follower.drive()
        now_ns = self._body.clock.now_ns()
        if self._report is not None and seconds_between(self._sent_ns, now_ns) >= REPORT_PERIOD:
            self._tell(self._report)

    def tree(self) -> tuple[tuple[int, str, str, str], ...]:
        """Return the behavior tree depth first as (depth, name, type, status); empty when idle."""
        return tuple(_rows(self._mission.tree, 0)) if self._mission else ()

    def _locate(self) -> None:
        pose = self._body.navigator.pose
        if not self._is_located and pose is not None:
            self._is_located = True
            self._find_dock(pose)

    def _find_dock(self, at: LevelPose) -> None:
        dock = self._body.dock
        dock.place = docked_place(self._body.site, at)
        if dock.place is not None:
            self._follower.suspend()
            self._follower.go_to(dock.place)

    def _sense(self) -> None:
        follower, dock = self._follower, self._body.dock
        was_by_hand, was_at_place = follower.is_by_hand, follower.has_arrived or dock.place is not None
        is_active = self._body.navigator.status is NavigationStatus.ACTIVE
        follower.sense()
        if follower.is_by_hand and not was_by_hand:
            self._was_at_place, self._was_docking = was_at_place, dock.place is not None and is_active
        elif was_by_hand and not follower.is_by_hand:
            self._take_back()

    def _take_back(self) -> None:
        """Go on after a person has driven the robot; what was done at a place that it has left is begun anew."""
        follower, dock, at = self._follower, self._body.dock, self._body.navigator.pose
        if at is None:
            return
        left = dock.place
        self._find_dock(at)
        if dock.place is not None and dock.place == left and not self._was_docking:
            return
        if left is not None and dock.place is None:
            follower.resume()
            if self._mission is None:
                follower.withdraw()
        if self._was_at_place or dock.place is not None:
            self._begin_anew()

    def _begin_anew(self) -> None:
        """Begin the mission's tree once more; not that of a guide whom a visitor follows: it leads on."""
        mission = self._mission
        if mission is None or (mission.order.kind is MissionKind.GUIDE_VISITOR and mission.context.has_cargo):
            return
        mission.tree.stop(Status.INVALID)
        mission.tree = mission.trees.build(mission.tree_name, mission.context)

    def _keep_locked(self) -> None:
        """Without a mission nothing is open: a former process may have died between opening and locking."""
        compartments = self._body.compartments
        for compartment in self._body.robot.model.compartments:
            state = compartments.state(compartment)
            if state is not None and not state.is_locked:
                compartments.lock(compartment)

    def _check(self, order: MissionOrder) -> None:
        robot, site = self._body.robot, self._body.site
        if order.robot != robot.id:
            raise RequestError(f"the order is for {order.robot}, not for {robot.id}", where="robot")
        for field, place in (("pickup", order.pickup), ("destination", order.destination), ("onward", order.onward)):
            if place is not None and place not in site.places:
                raise RequestError(f"{place} is no place of {site.name}", where=field)
        if order.compartment and order.compartment not in robot.model.compartments:
            mend = f"it has {', '.join(robot.model.compartments) or 'none'}"
            raise RequestError(f"{robot.id} has no compartment {order.compartment}", where="compartment", mend=mend)

    def _preempt(self, mission: _Mission, order: MissionOrder) -> None:
        if mission.order.kind not in _CHORES:
            raise StateError(f"{self._body.robot.id} executes {mission.order.mission_id} already")
        soc = self._body.battery.soc
        if mission.order.kind is MissionKind.CHARGE and soc < LEAST_SOC:
            raise StateError(f"{self._body.robot.id} must charge first, it is at {100.0 * soc:.0f} %")
        mission.tree.stop(Status.INVALID)
        self._end(mission, MissionOutcome.CANCELED, f"gave way to {order.mission_id}")

    def _run(self, mission: _Mission) -> None:
        mission.context.reason = ""
        mission.tree.tick_once()
        match mission.tree.status:
            case Status.SUCCESS if mission.cancel_reason is None:
                self._end(mission, MissionOutcome.COMPLETED, "")
            case Status.SUCCESS:
                self._end(mission, MissionOutcome.CANCELED, mission.cancel_reason or "")
            case Status.FAILURE:
                self._end(mission, MissionOutcome.FAILED, _failure(mission))
            case _:
                self._news(self._report_of(mission, None, mission.context.reason))

    def _end(self, mission: _Mission, outcome: MissionOutcome, reason: str) -> None:
        """Release everything the mission held, and tell how it ended."""
        report = self._report_of(mission, outcome, reason)
        mission.tree.stop(Status.INVALID)
        body = self._body
        if body.dock.place is None:
            body.follower.withdraw()
        else:  # docked, it cannot make way: the place stays its goal
            body.follower.go_to(body.dock.place)
        body.monitor.unlock()
        for compartment in body.robot.model.compartments:
            body.compartments.lock(compartment)
        body.panel.clear()
        mission.context.announce(AnnouncementKind.IDLE)
        self._mission = None
        self._remember(report)
        self._tell(report)

    def _report_of(self, mission: _Mission, outcome: MissionOutcome | None, reason: str) -> MissionReport:
        is_done = outcome is MissionOutcome.COMPLETED
        return MissionReport(
            robot=self._body.robot.id,
            mission_id=mission.order.mission_id,
            task_id=mission.order.task_id,
            phase=MissionPhase.DONE if is_done else mission.context.phase,
            outcome=outcome,
            reason=reason,
            has_cargo=mission.context.has_cargo,
            stamp_ns=self._body.clock.now_ns(),
        )

    def _unknown_canceled(self, mission_id: MissionId, reason: str) -> MissionReport:
        return MissionReport(
            robot=self._body.robot.id,
            mission_id=mission_id,
            task_id=None,
            phase=MissionPhase.DONE,
            outcome=MissionOutcome.CANCELED,
            reason=f"{reason or 'canceled'}; the robot had not begun",
            has_cargo=False,
            stamp_ns=self._body.clock.now_ns(),
        )

    def _remember(self, report: MissionReport) -> None:
        self._ended[report.mission_id] = report
        while len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)

    def _news(self, report: MissionReport) -> None:
        last = self._report
        is_same = last is not None and (last.phase, last.outcome, last.reason, last.has_cargo) == (
            report.phase,
            report.outcome,
            report.reason,
            report.has_cargo,
        )
        if not is_same or seconds_between(self._sent_ns, report.stamp_ns) >= REPORT_PERIOD:
            self._tell(report)

    def _tell(self, report: MissionReport) -> None:
        self._report = report
        self._sent_ns = self._body.clock.now_ns()
        self._fleet.send_report(report)


def _failure(mission: _Mission) -> str:
    context = mission.context
    parts = [*context.notes, context.failure or f"{mission.order.kind.value} failed"]
    if mission.cancel_reason is not None:
        parts.insert(0, mission.cancel_reason)
    if mission.order.compartment and context.has_cargo:
        parts.append(f"the document is in compartment {mission.order.compartment}")
    return "; ".join(parts)


def _rows(behavior: Behaviour, depth: int) -> list[tuple[int, str, str, str]]:
    kind, _, name = behavior.qualified_name.partition("/")
    rows = [(depth, name, kind, behavior.status.value)]
    for child in behavior.children:
        rows += _rows(child, depth + 1)
    return rows

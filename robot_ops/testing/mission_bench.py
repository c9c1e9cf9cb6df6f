"""Runs a `RobotAgent` over a kinematic body, with a fleet that clears the way node by node."""

import itertools
from collections import deque
from collections.abc import Callable
from pathlib import Path

from robot_ops.core.clock import ManualClock
from robot_ops.core.ids import MissionId, NodeId, PersonId, PlaceId, RobotId, RouteId, TaskId
from robot_ops.core.poses import LevelPose
from robot_ops.missions.agent import RobotAgent
from robot_ops.missions.location import waypoint_of
from robot_ops.site.model import Site
from robot_ops.tasks.codes import hash_code
from robot_ops.tasks.custody import CustodyKind, CustodyLog
from robot_ops.tasks.orders import Handover, MissionKind, MissionOrder, MissionReport
from robot_ops.tasks.routes import Clearance, RouteProgress, Waypoint
from robot_ops.testing.mission_site import COUNTER, DESK, KIOSK, OFFICE_DESK, mission_site
from robot_ops.testing.robot_body import (
    FakeBattery,
    FakeBuilding,
    FakeCompartments,
    FakeFleet,
    FakeNavigator,
    FakePanel,
    FakePeople,
    MemoryCustodyLog,
)

TICK = 0.2  # s
SENDER_CODE, RECIPIENT_CODE, CUSTODIAN_CODE = "111111", "222222", "333333"
_SALT = b"salt"


def find_route(site: Site, start: NodeId, goal: NodeId) -> tuple[Waypoint, ...]:
    """Return the waypoints of the way with the fewest lanes, without `start`.

    Raises:
        ValueError: there is none.
    """
    steps: dict[NodeId, list[Waypoint]] = {node: [] for node in site.nodes}
    for lane in site.lanes.values():
        for end, back in ((lane.end, lane.start), (lane.start, lane.end)):
            if back == lane.start or not lane.is_one_way:
                node = site.nodes[end]
                waypoint = Waypoint(
                    node=end, level=node.level, x=node.x, y=node.y, speed_limit=lane.speed_limit, door=lane.door
                )
                steps[back].append(waypoint)
    for lift in site.lifts.values():
        for level, node_id in lift.stops.items():
            for other, other_id in lift.stops.items():
                if other != level:
                    node = site.nodes[other_id]
                    steps[node_id].append(
                        Waypoint(node=other_id, level=other, x=node.x, y=node.y, speed_limit=1.0, lift=lift.id)
                    )
    ways: dict[NodeId, tuple[Waypoint, ...]] = {start: ()}
    queue = deque([start])
    while queue:
        node_id = queue.popleft()
        for waypoint in steps[node_id]:
            if waypoint.node not in ways:
                ways[waypoint.node] = (*ways[node_id], waypoint)
                queue.append(waypoint.node)
    if goal not in ways:
        raise ValueError(f"no way from {start} to {goal}")
    return ways[goal]


class NodeByNodeFleet:
    """Answers every goal with the shortest way and clears `ahead` waypoints beyond the reached one.

    Attributes:
        is_silent: it answers nothing.
    """

    def __init__(self, site: Site, ahead: int = 2) -> None:
        self._site = site
        self.ahead = ahead
        self.is_silent = False
        self._routes = 0
        self._goal_seq = -1
        self._route: tuple[Waypoint, ...] = ()

    def answer(self, progress: RouteProgress, now_ns: int) -> Clearance | None:
        """Return the clearance for the robot's latest progress."""
        if self.is_silent or progress.goal is None or not progress.held:
            return None
        if progress.goal_seq != self._goal_seq:
            self._goal_seq = progress.goal_seq
            self._routes += 1
            held: tuple[Waypoint, ...] = (waypoint_of(self._site.nodes[progress.held[0]]),)
            for start, end in itertools.pairwise(progress.held):
                held += find_route(self._site, start, end)
            self._route = held + find_route(self._site, progress.held[-1], self._site.node_of(progress.goal).id)
        nodes_of_route = [waypoint.node for waypoint in self._route]
        last_held = nodes_of_route.index(progress.held[-1])
        reached = nodes_of_route.index(progress.held[0])
        return Clearance(
            robot=progress.robot,
            stamp_ns=now_ns,
            route_id=RouteId(f"r{self._routes}"),
            goal_seq=progress.goal_seq,
            waypoints=self._route,
            cleared=max(last_held, min(len(self._route) - 1, reached + self.ahead)),
        )


class MissionBench:
    """A robot of the mission site with its agent, ticking at 5 Hz.

    Args:
        robot: which one.
        at: the place it stands at when it is switched on.
        behaviors: folder of the tree files.
    """

    def __init__(self, robot: RobotId, at: PlaceId, behaviors: Path, *, custody: CustodyLog | None = None) -> None:
        self.site = mission_site()
        self.clock = ManualClock(1_000_000_000)
        self.robot = self.site.robots[robot]
        self.navigator = FakeNavigator(self.site, self.site.pose_at(at))
        self.people = FakePeople()
        self.panel = FakePanel()
        self.compartments = FakeCompartments(self.robot.model.compartments)
        self.building = FakeBuilding(robot)
        self.battery = FakeBattery()
        self.fleet = FakeFleet()
        self.custody: CustodyLog = custody or MemoryCustodyLog(robot)
        self.traffic = NodeByNodeFleet(self.site)
        self.on_tick: list[Callable[[], None]] = []
        self.agent = RobotAgent(
            robot=self.robot,
            site=self.site,
            clock=self.clock,
            navigator=self.navigator,
            people=self.people,
            panel=self.panel,
            compartments=self.compartments,
            building=self.building,
            battery=self.battery,
            fleet=self.fleet,
            custody=self.custody,
            behaviors=behaviors,
        )

    @property
    def pose(self) -> LevelPose:
        """Return where the robot is."""
        pose = self.navigator.pose
        if pose is None:
            raise ValueError("the robot is not localized")
        return pose

    @property
    def report(self) -> MissionReport:
        """Return the latest report."""
        return self.fleet.reports[-1]

    @property
    def custody_kinds(self) -> list[CustodyKind]:
        """Return the kinds of all custody events in order."""
        return [event.kind for event in self.custody.events()]

    def tick(self) -> None:
        """Run one tick: world, fleet, test's hooks, agent."""
        self.clock.advance(TICK)
        self.navigator.step(TICK)
        self.building.step(TICK)
        if self.fleet.progress:
            clearance = self.traffic.answer(self.fleet.progress[-1], self.clock.now_ns())
            if clearance is not None:
                self.agent.on_clearance(clearance)
        for hook in self.on_tick:
            hook()
        self.agent.tick()

    def run(self, seconds: float) -> None:
        """Tick for a duration in seconds."""
        for _ in range(round(seconds / TICK)):
            self.tick()

    def run_until(self, condition: Callable[[], bool], *, within: float = 300.0) -> None:
        """Tick until the condition holds.

        Raises:
            AssertionError: it does not within so many seconds.
        """
        for _ in range(round(within / TICK)):
            if condition():
                return
            self.tick()
        raise AssertionError(f"not within {within} s; latest report: {self.fleet.reports[-1:]}")

    def run_to_end(self, *, within: float = 600.0) -> MissionReport:
        """Tick until no mission runs and return its final report."""
        self.run_until(lambda: not self.agent.is_busy, within=within)
        return self.report


def guide_order(mission_id: str = "m1", destination: PlaceId = COUNTER) -> MissionOrder:
    """Return an order to lead a visitor from the kiosk."""
    return MissionOrder(
        mission_id=MissionId(mission_id),
        task_id=TaskId("t1"),
        robot=RobotId("guide_1"),
        kind=MissionKind.GUIDE_VISITOR,
        pickup=KIOSK,
        destination=destination,
    )


def delivery_order(
    mission_id: str = "m1", pickup: PlaceId = DESK, destination: PlaceId = OFFICE_DESK, *, has_cargo: bool = False
) -> MissionOrder:
    """Return an order to carry a document from Ada to Bob."""
    return MissionOrder(
        mission_id=MissionId(mission_id),
        task_id=TaskId("t1"),
        robot=RobotId("courier_1"),
        kind=MissionKind.DELIVER_DOCUMENT,
        pickup=pickup,
        destination=destination,
        sender=Handover(person=PersonId("ada"), code_hash=hash_code(SENDER_CODE, _SALT)),
        recipient=Handover(person=PersonId("bob"), code_hash=hash_code(RECIPIENT_CODE, _SALT)),
        document="permit",
        compartment="c1",
        has_cargo=has_cargo,
    )


def hand_over_order(mission_id: str = "m2") -> MissionOrder:
    """Return an order to give Ada's document to Carl, where the robot stands."""
    return MissionOrder(
        mission_id=MissionId(mission_id),
        task_id=TaskId("t1"),
        robot=RobotId("courier_1"),
        kind=MissionKind.HAND_OVER_DOCUMENT,
        destination=OFFICE_DESK,
        recipient=Handover(person=PersonId("carl"), code_hash=hash_code(CUSTODIAN_CODE, _SALT)),
        document="permit",
        compartment="c1",
        has_cargo=True,
    )


def chore_order(robot: RobotId, kind: MissionKind, destination: PlaceId, mission_id: str = "chore") -> MissionOrder:
    """Return an order to charge or park."""
    return MissionOrder(mission_id=MissionId(mission_id), task_id=None, robot=robot, kind=kind, destination=destination)

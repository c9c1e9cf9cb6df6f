"""The whole system in one process under one clock and one seed: dispatch, traffic, trees, custody and ledger are the
product's own; robots, people, doors and lifts are simulated without physics. Equal seeds give equal ledgers.
"""

import itertools
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from robot_ops.core.clock import NS_PER_S, ManualClock
from robot_ops.core.errors import RequestError, StateError
from robot_ops.core.ids import MissionId, PersonId, RobotId
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.dispatch.ports import RobotStatus, TaskView
from robot_ops.missions.agent import RobotAgent
from robot_ops.missions.ports import Announcement
from robot_ops.simulation.bodies import SimulatedCompartments, SimulatedPanel, SimulatedSight
from robot_ops.simulation.crowd import FreeCrowd
from robot_ops.simulation.devices import CompartmentBanks
from robot_ops.simulation.kinematic import KinematicRobot
from robot_ops.simulation.plain_building import BuildingLink, SimulatedBuilding
from robot_ops.simulation.population import Population
from robot_ops.simulation.scenario import Scenario
from robot_ops.site.model import Site
from robot_ops.tasks.custody import CustodyLog, verify
from robot_ops.tasks.ledger import Ledger
from robot_ops.tasks.orders import MissionOrder, MissionReport
from robot_ops.tasks.requests import TaskRequest
from robot_ops.tasks.routes import Clearance, RouteProgress
from robot_ops.tasks.status import TaskStatus

STEP: Final = 0.2  # s, the rate at which robots tick their trees
_STATUS_EVERY: Final = 3  # steps
_SECRET: Final = b"deterministic simulation"  # codes must repeat with the seed; nothing real is protected by them
_START_NS: Final = 1_000 * NS_PER_S  # not zero: a zero stamp means "none" in several places

Delivery = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What came out of a run.

    Attributes:
        expected: per request id the final statuses that would be right.
        conflicts: how often two robots' footprints overlapped, counted once per beginning.
        least_distance: between two robots' footprints, meters, +inf for none.
        distances: driven per robot, meters.
        custody_events: per robot the length of its chain, which was verified.
        end_ns: the instant the run ended.
    """

    tasks: tuple[TaskView, ...]
    expected: Mapping[str, frozenset[TaskStatus]]
    conflicts: int
    least_distance: float
    distances: Mapping[RobotId, float]
    ledger_digest: str
    custody_events: Mapping[RobotId, int]
    start_ns: int
    end_ns: int


class _Station:
    """One robot: its agent and its body."""

    def __init__(
        self,
        robot: RobotId,
        run: "DeterministicRun",
        *,
        site: Site,
        custody: CustodyLog,
        behaviors: Path,
        soc: float,
        rng: np.random.Generator,
    ) -> None:
        record = site.robots[robot]
        charger = site.places[record.charger]
        start = site.pose_at(record.charger)
        if charger.dock is not None:
            start = type(start)(level=start.level, pose=charger.dock)
        self.robot = robot
        self._run = run
        self.body = KinematicRobot(record, site, start=start, soc=soc, rng=rng)
        self.panel = SimulatedPanel(self._show)
        self.compartments = SimulatedCompartments(run.banks, robot)
        self.building = BuildingLink(run.building, robot, run.clock)
        self.custody = custody
        self._sent_custody = 0
        self.agent = RobotAgent(
            robot=record,
            site=site,
            clock=run.clock,
            navigator=self.body,
            people=SimulatedSight(run.population.people, lambda: self.body.pose, run.clock),
            panel=self.panel,
            compartments=self.compartments,
            building=self.building,
            battery=self.body,
            fleet=self,
            custody=custody,
            behaviors=behaviors,
        )

    def send_progress(self, progress: RouteProgress) -> None:
        """See FleetLink."""
        self._run.post(partial(self._run.dispatcher.on_progress, progress))

    def send_report(self, report: MissionReport) -> None:
        """See FleetLink."""
        self._run.post(partial(self._run.dispatcher.on_report, report))

    def send_status(self) -> None:
        """Tell the fleet where the robot is and how it is."""
        status = RobotStatus(
            robot=self.robot,
            stamp_ns=self._run.clock.now_ns(),
            at=self.body.pose,
            speed=self.body.speed,
            battery_soc=self.body.soc,
            is_charging=self.body.is_charging,
            mission_id=self.agent.mission_id,
            is_stopped=False,
            compartments=self.compartments.occupied,
        )
        self._run.post(partial(self._run.dispatcher.on_status, status))

    def send_custody(self) -> None:
        """Tell the fleet the links of the chain that it has not got."""
        events = self.custody.events()
        for event in events[self._sent_custody :]:
            self._run.post(partial(self._run.dispatcher.on_custody, event))
        self._sent_custody = len(events)

    def _show(self, announcement: Announcement) -> None:
        self._run.post(partial(self._run.population.hear, self.robot, announcement, self._run.clock.now_ns()))


class DeterministicRun:
    """One run of a scenario; implements RobotLink and Desk for the parts that it joins.

    Messages are delivered one step after they were sent, in the order of sending.

    Args:
        custody: gives a robot's custody log.
        behaviors: folder of the behavior trees.
        seed: everything that is drawn comes from it.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        ledger: Ledger,
        custody: Callable[[RobotId], CustodyLog],
        behaviors: Path,
        seed: int,
    ) -> None:
        site = scenario.site
        population_rng, soc_rng, *robot_rngs = np.random.default_rng(seed).spawn(2 + len(scenario.robots))
        self._site = site
        self._mail: deque[Delivery] = deque()
        self.clock = ManualClock(_START_NS)
        self.building = SimulatedBuilding(site)
        self.banks = CompartmentBanks({robot: site.robots[robot].model.compartments for robot in scenario.robots})
        level = site.node_of(site.robots[scenario.robots[0]].charger).level
        self.population = Population(
            scenario,
            crowd=FreeCrowd(),
            hands=self.banks,
            level=level,
            robots=scenario.robots,
            rng=population_rng,
        )
        self._stations = {
            robot: _Station(
                robot,
                self,
                site=site,
                custody=custody(robot),
                behaviors=behaviors,
                soc=float(soc_rng.uniform(*scenario.initial_soc)),
                rng=rng,
            )
            for robot, rng in zip(scenario.robots, robot_rngs, strict=True)
        }
        self.dispatcher = Dispatcher(
            site=site, ledger=ledger, link=self, clock=self.clock, secret=_SECRET, robots=scenario.robots
        )
        self._conflicting: set[tuple[RobotId, RobotId]] = set()
        self._conflicts = 0
        self._least_distance = math.inf

    def run(self, duration: float, on_progress: Callable[[float], None] | None = None) -> RunResult:
        """Run for a duration in seconds; `on_progress` is told the seconds done, once a simulated minute."""
        self.dispatcher.recover()
        start_ns = self.clock.now_ns()
        steps = round(duration / STEP)
        for step in range(steps):
            self._step(step)
            if on_progress is not None and step % round(60.0 / STEP) == 0:
                on_progress(step * STEP)
        return self._result(start_ns)

    def post(self, delivery: Delivery) -> None:
        """Deliver a message at the next step."""
        self._mail.append(delivery)

    def start_mission(self, order: MissionOrder) -> None:
        """See RobotLink."""
        self.post(partial(self._order, order))

    def cancel_mission(self, robot: RobotId, mission_id: MissionId, reason: str) -> None:
        """See RobotLink."""
        self.post(partial(self._stations[robot].agent.cancel_mission, mission_id, reason))

    def send_clearance(self, clearance: Clearance) -> None:
        """See RobotLink."""
        self.post(partial(self._stations[clearance.robot].agent.on_clearance, clearance))

    def submit(self, request: TaskRequest) -> None:
        """See Desk."""
        now_ns = self.clock.now_ns()
        try:
            answer = self.dispatcher.submit(request)
        except RequestError:
            self.post(partial(self.population.refused, request.request_id, now_ns))
            return
        self.post(partial(self.population.accepted, request.request_id, answer, now_ns))

    def enter_code(self, robot: RobotId, person: PersonId, code: str) -> None:
        """See Desk."""
        self._stations[robot].panel.type_code(person, code)

    def press_done(self, robot: RobotId, person: PersonId) -> None:  # noqa: ARG002  the port names who pressed
        """See Desk."""
        self._stations[robot].panel.press_done()

    def _order(self, order: MissionOrder) -> None:
        try:
            self._stations[order.robot].agent.start_mission(order)
        except (StateError, RequestError):
            return  # busy with another mission, or no order for this robot; the fleet sees that nothing starts

    def _step(self, step: int) -> None:
        self.clock.advance(STEP)
        now_ns = self.clock.now_ns()
        for _ in range(len(self._mail)):
            self._mail.popleft()()
        self.population.step(now_ns, {robot: station.body.pose for robot, station in self._stations.items()}, self)
        for station in self._stations.values():
            station.agent.tick()
            station.building.repeat()
            station.body.advance(STEP)
            if step % _STATUS_EVERY == 0:
                station.send_status()
                station.send_custody()
        self.building.advance(now_ns, STEP)
        self.dispatcher.step()
        self._check_separation()

    def _check_separation(self) -> None:
        for (one, first), (other, second) in itertools.combinations(self._stations.items(), 2):
            here, there = first.body.pose, second.body.pose
            if here.level != there.level:
                continue
            radii = self._site.robots[one].model.radius + self._site.robots[other].model.radius
            distance = here.pose.distance_to(there.pose) - radii
            self._least_distance = min(self._least_distance, distance)
            if distance >= 0.0:
                self._conflicting.discard((one, other))
            elif (one, other) not in self._conflicting:
                self._conflicting.add((one, other))
                self._conflicts += 1

    def _result(self, start_ns: int) -> RunResult:
        return RunResult(
            tasks=self.dispatcher.tasks(with_finished=True),
            expected={request_id: self.population.expected(request_id) for request_id in self.population.requests},
            conflicts=self._conflicts,
            least_distance=self._least_distance,
            distances={robot: station.body.driven for robot, station in self._stations.items()},
            ledger_digest=self.dispatcher.ledger_digest,
            custody_events={robot: _verified(station.custody) for robot, station in self._stations.items()},
            start_ns=start_ns,
            end_ns=self.clock.now_ns(),
        )


def _verified(custody: CustodyLog) -> int:
    """Return the length of a chain that is whole."""
    events = custody.events()
    verify(events)
    return len(events)

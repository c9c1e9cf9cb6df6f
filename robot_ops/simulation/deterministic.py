"""The whole system in one process under one clock and one seed: dispatch, traffic, trees, custody and ledger are the
product's own; robots, people, doors and lifts are simulated without physics. Equal seeds give equal ledgers.

Things happen at instants of their own (`scheduler`): a robot that stands still and a fleet without news cost nothing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from robot_ops.core.clock import NS_PER_S, seconds_between, to_ns
from robot_ops.core.ids import MissionId, RobotId
from robot_ops.core.world import PersonPose
from robot_ops.dispatch.dispatcher import Dispatcher
from robot_ops.dispatch.ports import TaskView
from robot_ops.missions.ports import Announcement, NavigationStatus
from robot_ops.simulation.compartments import CompartmentBanks
from robot_ops.simulation.crowd import FreeCrowd
from robot_ops.simulation.fleet_process import FleetProcess
from robot_ops.simulation.front_desk import FrontDesk
from robot_ops.simulation.inspection import Inspection
from robot_ops.simulation.keepers import KeeperCalls
from robot_ops.simulation.kinematic import KinematicRobot, charging_pose
from robot_ops.simulation.network import Network
from robot_ops.simulation.plain_building import SimulatedBuilding
from robot_ops.simulation.population import Population
from robot_ops.simulation.rest_round import RestRound
from robot_ops.simulation.scenario import Scenario
from robot_ops.simulation.scheduler import Alarm, Scheduler
from robot_ops.simulation.station import Station
from robot_ops.simulation.storage_faults import DiskTrouble, FallibleHoldings, FallibleLedger
from robot_ops.tasks.custody import CustodyLog, verify
from robot_ops.tasks.documents import TakenOut
from robot_ops.tasks.ledger import Ledger
from robot_ops.tasks.orders import MissionOrder
from robot_ops.tasks.routes import Clearance
from robot_ops.tasks.status import TaskStatus

SECRET: Final = b"deterministic simulation"
"""Codes must repeat with the seed; nothing real is protected by them."""
_CODE_COST: Final = 2
START_NS: Final = 1_000 * NS_PER_S
"""Not zero: a zero stamp means "none" in several places."""
SETTLE: Final = 2_400.0
"""s after the last request and fault within which a task must end, again and again until all have: what has piled up
takes its time, but what does not go on is found."""
_LOSSY_STEP: Final = 1.0  # s between two steps of the fleet without news while messages get lost: it repeats its own
_BUSY_STEP: Final = 2.0  # s while robots wait for each other: who goes first is looked at anew
_CALM_STEP: Final = 4.0  # s while only news can change anything, or a due time: none is shorter
_BUILDING_STEP: Final = 0.5  # s while a door or lift moves
_PEOPLE_STEP: Final = 0.5  # s
_LEAST_STEP: Final = 0.05  # s
_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What came out of a run.

    Attributes:
        expected: per request id the final statuses that would be right.
        conflicts: how often two robots' footprints overlapped, counted once per beginning.
        least_distance: between two robots' footprints, meters, +inf for none.
        distances: driven per robot, meters.
        custody_events: per robot the length of its chain, which was verified.
        broken: the first invariant that did not hold, with what it said; None while all do.
        end_ns: the instant the run ended.
    """

    tasks: tuple[TaskView, ...]
    expected: Mapping[str, frozenset[TaskStatus]]
    conflicts: int
    least_distance: float
    distances: Mapping[RobotId, float]
    ledger_digest: str
    custody_events: Mapping[RobotId, int]
    broken: str | None
    start_ns: int
    end_ns: int


class DeterministicRun:
    """One run of a scenario; implements RobotLink for the fleet and Hall for the robots.

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
        self.scenario = scenario
        self.site = site
        self.behaviors = behaviors
        self.scheduler = Scheduler(START_NS)
        self.network = Network(self.scheduler, scenario.robots)
        self.rest_round = RestRound(self.scheduler, lambda take, is_news: self.tell_fleet(take, is_news=is_news))
        self.building = SimulatedBuilding(site, self._wake_building)
        self.banks = CompartmentBanks({robot: site.robots[robot].model.compartments for robot in scenario.robots})
        self.watcher: Inspection = Inspection(self, SECRET)
        self.disk = DiskTrouble()
        self.holdings = FallibleHoldings(self.disk)
        self.ledger = FallibleLedger(ledger, self.disk, self.watcher.written)
        self.stations: dict[RobotId, Station] = {}
        for robot, rng in zip(scenario.robots, robot_rngs, strict=True):
            start, soc = charging_pose(site, robot), float(soc_rng.uniform(*scenario.initial_soc))
            body = KinematicRobot(site.robots[robot], site, start=start, soc=soc, rng=rng)
            self.stations[robot] = Station(site.robots[robot], self, body=body, custody=custody(robot))
        level = site.node_of(site.robots[scenario.robots[0]].charger).level
        self.population = Population(
            scenario,
            crowd=FreeCrowd(),
            other_crowds={name: FreeCrowd() for name in site.levels if name != level},
            hands=self.banks,
            level=level,
            robots=scenario.robots,
            rng=population_rng,
            period=_PEOPLE_STEP,
        )
        self.fleet = FleetProcess(
            self.scheduler, self._make_dispatcher, period=self._fleet_period, on_started=self._greet
        )
        self.desk = FrontDesk(self.scheduler, self.fleet, self.stations, lambda: self.population)
        self._keepers = KeeperCalls(self)
        self._building_alarm = Alarm(self.scheduler, self._step_building)
        self._building_ns = START_NS
        self._people_alarm = Alarm(self.scheduler, self._step_people)
        self._last_sent: dict[RobotId, Clearance] = {}

    def run(self, duration: float, on_progress: Callable[[float], None] | None = None) -> RunResult:
        """Run for a duration in seconds; `on_progress` is told the seconds done, once a simulated minute."""
        self.begin()
        self.go_on(duration, on_progress)
        return self.result()

    def begin(self) -> None:
        """Start all processes; call once, first."""
        self.fleet.start()
        for station in self.stations.values():
            station.start()
        self._people_alarm.wake(0.2)
        if self.site.exchanges:
            self._keepers.begin()

    def go_on(self, duration: float, on_progress: Callable[[float], None] | None = None) -> None:
        """Let so many seconds pass; ends early where an invariant is broken."""
        end_ns = self.scheduler.now_ns() + to_ns(duration)
        while self.scheduler.now_ns() < end_ns:
            until_ns = min(self.scheduler.now_ns() + to_ns(_MINUTE), end_ns)
            self.scheduler.run(until_ns, stops=lambda: self.watcher.broken is not None)
            self.watcher.minute()
            if self.watcher.broken is not None:
                return
            if on_progress is not None:
                on_progress(self.seconds)

    def settle(self) -> None:
        """Let all that was asked for come to its end, while nobody asks for more."""
        self.population.stop_asking()
        left, since_ns = math.inf, self.scheduler.now_ns()
        while self.watcher.broken is None and seconds_between(since_ns, self.scheduler.now_ns()) < SETTLE:
            self.go_on(_MINUTE)
            open_tasks = self._open_tasks()
            if left == open_tasks == 0:
                break  # also those who were on their way, or got no answer, have asked
            if open_tasks != left:
                left, since_ns = open_tasks, self.scheduler.now_ns()
        if self.watcher.broken is None:
            self.watcher.end()

    def result(self) -> RunResult:
        """Return what came out so far; the fleet must be running."""
        dispatcher = self.fleet.dispatcher
        tasks = dispatcher.tasks(with_finished=True) if dispatcher is not None else ()
        requests = self.population.requests
        return RunResult(
            tasks=tasks,
            expected={request_id: self.population.expected(request_id) for request_id in requests},
            conflicts=self.watcher.footprints.count,
            least_distance=self.watcher.footprints.least,
            distances={robot: station.body.driven for robot, station in self.stations.items()},
            ledger_digest=self.ledger.digest(),
            custody_events={robot: _verified(station.custody) for robot, station in self.stations.items()},
            broken=None if self.watcher.broken is None else ": ".join(self.watcher.broken),
            start_ns=START_NS,
            end_ns=self.scheduler.now_ns(),
        )

    @property
    def seconds(self) -> float:
        """Return the seconds since the beginning."""
        return seconds_between(START_NS, self.scheduler.now_ns())

    def people(self) -> tuple[PersonPose, ...]:
        """See Hall."""
        return self.population.people()

    def show(self, robot: RobotId, announcement: Announcement) -> None:
        """See Hall."""
        self.population.hear(robot, announcement, self.scheduler.now_ns())
        self._people_alarm.wake_at(self.population.next_ns)

    def tell_fleet(self, take: Callable[[Dispatcher], object], *, is_news: bool) -> None:
        """See Hall."""
        self.fleet.receive(take, is_news=is_news)

    def wake_people(self) -> None:
        """Have people act as soon as they next want to."""
        self._people_alarm.wake_at(self.population.next_ns)

    def start_mission(self, order: MissionOrder) -> None:
        """See RobotLink."""
        station = self.stations[order.robot]
        self.network.send_down(order.robot, lambda: station.order(order))

    def cancel_mission(self, robot: RobotId, mission_id: MissionId, reason: str) -> None:
        """See RobotLink."""
        station = self.stations[robot]
        self.network.send_down(robot, lambda: station.cancel(mission_id, reason))

    def send_clearance(self, clearance: Clearance) -> None:
        """See RobotLink. What is only repeated is not sent over a good link to a robot that has it."""
        robot = clearance.robot
        station = self.stations[robot]
        if self._last_sent.get(robot) == clearance and station.has_taken(clearance) and self.network.is_good(robot):
            return
        self._last_sent[robot] = clearance
        self.network.send_down(robot, lambda: station.clear(clearance))

    def tell_taken_out(self, taken: TakenOut) -> None:
        """See RobotLink."""
        station = self.stations[taken.robot]
        self.network.send_down(taken.robot, lambda: station.note_taken_out(taken))

    def _make_dispatcher(self) -> Dispatcher:
        return Dispatcher(
            site=self.site,
            ledger=self.ledger,
            link=self,
            clock=self.scheduler,
            secret=SECRET,
            robots=self.scenario.robots,
            holdings=self.holdings,
            code_cost=_CODE_COST,
        )

    def _greet(self, _dispatcher: Dispatcher) -> None:
        """The fleet hears again what robots keep for late listeners."""
        if self.fleet.start_count > 1:
            self.watcher.restarted()
            for station in self.stations.values():
                station.tell_custody()

    def _fleet_period(self) -> float:
        if not self.network.is_all_good:
            return _LOSSY_STEP
        dispatcher = self.fleet.dispatcher
        return _BUSY_STEP if dispatcher is not None and dispatcher.waits() else _CALM_STEP

    def _open_tasks(self) -> float:
        """Return how many tasks are open, infinity while nobody can tell."""
        dispatcher = self.fleet.dispatcher
        return math.inf if dispatcher is None else len(dispatcher.tasks(with_finished=False))

    def _wake_building(self) -> None:
        if self._building_alarm.is_set:
            return
        self._building_ns = self.scheduler.now_ns()
        self._building_alarm.wake(_BUILDING_STEP)

    def _step_building(self) -> None:
        now_ns = self.scheduler.now_ns()
        self.building.advance(now_ns, seconds_between(self._building_ns, now_ns))
        self._building_ns = now_ns
        if not self.building.is_resting:
            self._building_alarm.wake(_BUILDING_STEP)

    def _step_people(self) -> None:
        for station in self.stations.values():
            if station.body.status is NavigationStatus.ACTIVE:  # the others stay where they are
                station.advance()
        poses = {robot: station.body.true_pose for robot, station in self.stations.items()}
        self.population.step(self.scheduler.now_ns(), poses, self.desk)
        self._people_alarm.wake_at(max(self.population.next_ns, self.scheduler.now_ns() + to_ns(_LEAST_STEP)))


def _verified(custody: CustodyLog) -> int:
    """Return the length of a chain that is whole."""
    events = custody.events()
    verify(events)
    return len(events)

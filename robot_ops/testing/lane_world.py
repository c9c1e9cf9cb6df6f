"""A closed loop of traffic control, robots and a bad network, watched by independent geometry."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from robot_ops.core.clock import to_ns
from robot_ops.core.ids import NodeId, PlaceId, RobotId
from robot_ops.site.model import Site
from robot_ops.site.narrow_sections import narrow_sections
from robot_ops.tasks.routes import Clearance, RouteProgress
from robot_ops.testing.lanes import MODEL, RADIUS, BadNetwork, LaneRobot
from robot_ops.traffic.conflicts import MARGIN
from robot_ops.traffic.control import TrafficControl

STEP_SECONDS: Final = 0.1
_FLEET_EVERY: Final = 2
_HELD_EVERY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How bad the world is, probabilities per robot and step of 0.1 s.

    Attributes:
        stop: a robot is stopped; change_of_pace: it goes on, at another pace; change_of_goal: it gets another goal.
        restart: the fleet process is killed and starts anew (per step).
        loss, delay: of the network, 0-1 and seconds.
        tails: lengths of parties, meters, to choose from at each new goal.
    """

    stop: float = 0.01
    change_of_pace: float = 0.04
    change_of_goal: float = 0.003
    restart: float = 0.001
    loss: float = 0.2
    delay: float = 0.6
    tails: tuple[float, ...] = (0.0,)


CALM: Final = Trouble(stop=0.0, change_of_pace=0.0, change_of_goal=0.0, restart=0.0, loss=0.0, delay=0.0)


class LaneWorld:
    """Robots on a site under one traffic control.

    Attributes:
        arrivals: goals reached; least_distance: between two robots' centers, meters.
    """

    def __init__(self, site: Site, *, seed: int = 0, trouble: Trouble = CALM) -> None:
        self._site = site
        self._rng = np.random.default_rng(seed)
        self._trouble = trouble
        self._network = BadNetwork(self._rng, loss=trouble.loss, delay=trouble.delay)
        self.control = TrafficControl(site)
        self.robots: dict[RobotId, LaneRobot] = {
            robot.id: LaneRobot(site, robot.id, site.places[robot.charger].node) for robot in site.robots.values()
        }
        self.arrivals = 0
        self.least_distance = math.inf
        self.now_ns = 0
        self._count = 0
        self._rest_until = dict.fromkeys(self.robots, 0.0)
        self._cabins = {node for lift in site.lifts.values() for node in lift.stops.values()}
        self._chains = [section.nodes for section in narrow_sections(site, 2 * RADIUS + MARGIN) if not section.bays]

    @property
    def seconds(self) -> float:
        """Return the time since the beginning."""
        return self._count * STEP_SECONDS

    def run(self, seconds: float, *, until: Callable[[], bool] | None = None) -> bool:
        """Run for a while or until something holds; return whether it did.

        Raises:
            AssertionError: two robots came too close or were cleared into conflict.
        """
        end = self._count + round(seconds / STEP_SECONDS)
        while self._count < end:
            self._step()
            if until is not None and until():
                return True
        return False

    def roam(self, goals: Sequence[PlaceId]) -> None:
        """Give robots that have arrived and rested new goals, or none for a while; call between short runs."""
        for robot in self.robots.values():
            if self.seconds < self._rest_until[robot.robot]:
                continue
            is_changing = self._rng.random() < self._trouble.change_of_goal * 10
            if not (robot.has_arrived or is_changing):
                continue
            if robot.goal is not None and robot.has_arrived:
                self.arrivals += 1
            is_resting = self._rng.random() < 0.2
            goal = None if is_resting else goals[int(self._rng.integers(len(goals)))]
            robot.want(goal, tail=float(self._rng.choice(self._trouble.tails)))
            self._rest_until[robot.robot] = self.seconds + float(self._rng.random()) * (20.0 if is_resting else 8.0)

    def restart_fleet(self) -> None:
        """Kill the fleet process and start a new one under the same rules; what is on its way still arrives."""
        rules = self.control.rules
        self.control = TrafficControl(self._site)
        self.control.set_rules(rules)

    def _step(self) -> None:
        self._count += 1
        self.now_ns = to_ns(self.seconds)
        for robot in self.robots.values():
            self._disturb(robot)
            robot.drive(STEP_SECONDS)
            report = robot.report(self.now_ns)
            if report is not None:
                self._network.send(self.now_ns, functools.partial(self._report, report))
        if self._rng.random() < self._trouble.restart:
            self.restart_fleet()
        self._network.step(self.now_ns)
        if self._count % _FLEET_EVERY == 0:
            for clearance in self.control.step(self.now_ns):
                self._network.send(self.now_ns, functools.partial(self._deliver, clearance))
        self._check()

    def _report(self, progress: RouteProgress) -> None:
        self.control.update(progress)

    def _deliver(self, clearance: Clearance) -> None:
        self.robots[clearance.robot].on_clearance(clearance)

    def _disturb(self, robot: LaneRobot) -> None:
        draw = self._rng.random()
        if draw < self._trouble.stop:
            robot.pace = 0.0
        elif draw < self._trouble.stop + self._trouble.change_of_pace:
            robot.pace = float(self._rng.uniform(0.2, MODEL.max_speed))

    def _check(self) -> None:
        for first, second in itertools.combinations(self.robots.values(), 2):
            pair = f"{first.robot} and {second.robot} at {self.seconds:.1f} s"
            is_in_cabin = [any(w.node in self._cabins for w in robot.held) for robot in (first, second)]
            assert not all(is_in_cabin), f"{pair} are both cleared into a lift"
            if first.level != second.level:
                continue
            distance = math.dist(first.xy, second.xy)
            self.least_distance = min(self.least_distance, distance)
            assert distance >= 2 * RADIUS, f"{pair} collide"
            if self._count % _HELD_EVERY == 0:
                held = first.held_shape().distance(second.held_shape())
                assert held >= 2 * RADIUS, f"{pair} are cleared into conflict"
                for chain in self._chains:
                    ways = _ways_along(first, chain) | _ways_along(second, chain)
                    assert len(ways) <= 1, f"{pair} are cleared against each other from {chain[0]} to {chain[-1]}"


def _ways_along(robot: LaneRobot, chain: Sequence[NodeId]) -> set[int]:
    """Return in which directions of a chain of nodes the robot is cleared: 1, -1, both or none."""
    if robot.by_hand is not None:
        return set()
    at = {node: index for index, node in enumerate(chain)}
    steps = [(at.get(a.node), at.get(b.node)) for a, b in itertools.pairwise(robot.held)]
    return {b - a for a, b in steps if a is not None and b is not None and abs(b - a) == 1}

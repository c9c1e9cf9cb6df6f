"""Robots with their own side of traffic control while people drive some of them across the others' lanes."""

import functools
import itertools
import math

import numpy as np
import pytest
import shapely

from robot_ops.core.clock import ManualClock
from robot_ops.core.ids import PlaceId, RobotId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.missions.route import RouteFollower
from robot_ops.site.model import Site
from robot_ops.tasks.routes import RouteProgress
from robot_ops.testing.lanes import RADIUS, BadNetwork, lane_site
from robot_ops.testing.robot_body import FakeBuilding, FakeFleet, FakeNavigator
from robot_ops.traffic.control import TrafficControl

TICK = 0.2
PATIENCE = 400.0
"""Seconds in which everybody must reach a goal once nobody drives by hand and no new goals come."""
CARE = 2 * RADIUS + 0.2
"""Meters that a person keeps from what others hold."""
HAND_SPEED = 0.6


def grid() -> Site:
    nodes = {f"n{x}{y}": (3.0 * x, 3.0 * y) for x in range(5) for y in range(4)}
    nodes |= {f"s{x}": (3.0 * x, -3.0) for x in range(5)}
    lanes = [f"n{x}{y} - n{x + 1}{y}" for x in range(4) for y in range(4)]
    lanes += [f"n{x}{y} - n{x}{y + 1}" for x in range(5) for y in range(3)] + [f"s{x} - n{x}0" for x in range(5)]
    return lane_site(nodes, lanes, starts=["s0", "s1", "s2", "s3", "s4"])


def ring() -> Site:
    turns = [i * math.tau / 8 for i in range(8)]
    nodes = {f"o{i}": (8 * math.cos(a), 8 * math.sin(a)) for i, a in enumerate(turns)}
    nodes |= {f"s{i}": (11 * math.cos(a), 11 * math.sin(a)) for i, a in enumerate(turns)}
    lanes = [f"o{i} > o{(i + 1) % 8}" for i in range(8)] + [f"o{i} - s{i}" for i in range(8)]
    return lane_site(nodes, lanes, starts=["s0", "s2", "s4", "s6"])


class Rolling:
    """One robot: its follower, its wheels, and a person who may hold it."""

    def __init__(self, site: Site, robot: RobotId, clock: ManualClock) -> None:
        self.navigator = FakeNavigator(site, site.pose_at(site.robots[robot].charger))
        self.building = FakeBuilding(robot)
        self.site = site
        self.robot = site.robots[robot]
        self.clock = clock
        self.begin()
        self.until: float | None = None  # seconds; a person drives it until then
        self.goes_back = False  # and then to the nearest lane
        self.target = (0.0, 0.0)

    def begin(self) -> None:
        """Begin anew, as a process that was restarted; its navigator has been stopped meanwhile."""
        self.navigator.stop()
        self.fleet = FakeFleet()
        self.sent = 0  # reports
        self.follower = RouteFollower(
            robot=self.robot,
            site=self.site,
            clock=self.clock,
            navigator=self.navigator,
            building=self.building,
            fleet=self.fleet,
        )

    @property
    def xy(self) -> tuple[float, float]:
        return self.navigator.pose.pose.x, self.navigator.pose.pose.y

    def held_shape(self) -> shapely.Geometry:
        """Return the line that it may still drive; nothing but itself while it waits to be let on."""
        last = self.fleet.progress[-1]
        is_free = self.follower.is_by_hand or "let it go on" in self.follower.reason
        nodes = [] if is_free else [self.site.nodes[node] for node in last.held[1:] or last.held]
        points = [self.xy, *((node.x, node.y) for node in nodes)]
        return shapely.LineString(points) if len(set(points)) > 1 else shapely.Point(points[0])

    def place(self, x: float, y: float) -> None:
        level, yaw = self.navigator.pose.level, math.atan2(y - self.xy[1], x - self.xy[0])
        self.navigator.place_at(LevelPose(level=level, pose=Pose(x=x, y=y, yaw=yaw)))


class World:
    def __init__(self, site: Site, seed: int) -> None:
        self.site = site
        self.rng = np.random.default_rng(seed)
        self.clock = ManualClock(1_000_000_000)
        self.network = BadNetwork(self.rng, loss=0.1, delay=0.4)
        self.control = TrafficControl(site)
        self.robots = {robot: Rolling(site, robot, self.clock) for robot in site.robots}
        self.least_distance = math.inf
        self.arrivals = self.rides = 0
        self.lanes = shapely.MultiLineString(
            [[(site.nodes[end].x, site.nodes[end].y) for end in (lane.start, lane.end)] for lane in site.lanes.values()]
        )

    @property
    def seconds(self) -> float:
        return self.clock.now_ns() / 1e9

    def tick(self) -> None:
        self.clock.advance(TICK)
        now_ns = self.clock.now_ns()
        for robot in self.robots.values():
            robot.navigator.step(TICK)
            robot.building.step(TICK)
            if robot.until is not None:
                robot.follower.note_hand()
            robot.follower.sense()
            robot.follower.drive()
            for progress in robot.fleet.progress[robot.sent :]:
                self.network.send(now_ns, functools.partial(self.hear, progress))
            robot.sent = len(robot.fleet.progress)
        self.network.step(now_ns)
        for clearance in self.control.step(now_ns):
            take = self.robots[clearance.robot].follower.on_clearance
            self.network.send(now_ns, functools.partial(take, clearance))
        for first, second in itertools.combinations(self.robots, 2):
            distance = math.dist(self.robots[first].xy, self.robots[second].xy)
            self.least_distance = min(self.least_distance, distance)
            assert distance >= 2 * RADIUS, f"{first} and {second} collide at {self.seconds:.1f} s"

    def hear(self, progress: RouteProgress) -> None:
        self.control.update(progress)

    def restart(self) -> None:
        """Restart the fleet, or the process of one robot."""
        if self.rng.random() < 0.3:
            self.control = TrafficControl(self.site, last_held=self.control.holdings())
        else:
            robot = self.robots[RobotId(str(self.rng.choice(sorted(self.robots))))]
            goal = robot.follower.goal
            robot.begin()
            self.tick()
            if goal is not None:
                robot.follower.go_to(goal)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self.drive_by_hand()
            self.tick()

    def drive_by_hand(self) -> None:
        """Wander about, keeping away from what others may drive; let go at the end, on a lane or off them."""
        for robot in self.robots.values():
            if robot.until is None:
                continue
            x, y = robot.xy
            if self.seconds < robot.until:
                toward = robot.target
            else:
                toward = self.nearest_lane(x, y) if robot.goes_back else (x, y)
            far = math.dist((x, y), toward)
            if far < 1e-3:
                if self.seconds >= robot.until:
                    robot.until = None
                else:
                    robot.target = self.somewhere()
                continue
            step = min(1.0, HAND_SPEED * TICK / far)
            spot = shapely.Point(x + step * (toward[0] - x), y + step * (toward[1] - y))
            others = [other for other in self.robots.values() if other is not robot]
            if all(other.held_shape().distance(spot) > CARE for other in others):
                robot.place(spot.x, spot.y)
            elif self.seconds < robot.until:
                robot.target = self.somewhere()

    def nearest_lane(self, x: float, y: float) -> tuple[float, float]:
        lane = min(self.lanes.geoms, key=shapely.Point(x, y).distance)
        on = lane.interpolate(lane.project(shapely.Point(x, y)))
        return on.x, on.y

    def somewhere(self) -> tuple[float, float]:
        low_x, low_y, high_x, high_y = self.lanes.bounds
        return float(self.rng.uniform(low_x, high_x)), float(self.rng.uniform(low_y, high_y))

    def take(self, robot: Rolling, seconds: float, *, goes_back: bool) -> None:
        robot.until, robot.goes_back, robot.target = self.seconds + seconds, goes_back, self.somewhere()
        self.rides += 1


@pytest.mark.parametrize("restarts", [0.0, 0.06])  # probability per second
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("make", [grid, ring])
def test_people_drive_robots_across_the_others_lanes(make, seed: int, restarts: float):
    site = make()
    world = World(site, seed)
    world.tick()
    goals = list(site.places)
    while world.seconds < 200.0:
        for robot in world.robots.values():
            follower = robot.follower
            if follower.has_arrived or follower.goal is None:
                world.arrivals += follower.has_arrived
                follower.go_to(goals[int(world.rng.integers(len(goals)))])
        if restarts and world.rng.random() < restarts:
            world.restart()
        held = [robot for robot in world.robots.values() if robot.until is not None]
        if len(held) < 2 and world.rng.random() < 0.05:
            robot = world.robots[str(world.rng.choice(sorted(world.robots)))]
            if robot.until is None:
                world.take(robot, float(world.rng.uniform(2.0, 20.0)), goes_back=bool(world.rng.random() < 0.7))
        world.run(1.0)
    for robot in world.robots.values():  # those that were left off the lanes are driven back to one
        if robot.until is not None or not robot.follower.held:
            world.take(robot, 1.0, goes_back=True)
    ends = [PlaceId(name) for name in site.places if name.startswith("s")]
    for robot, end in zip(world.robots.values(), ends, strict=False):
        robot.follower.go_to(end)
    for _ in range(round(PATIENCE)):
        world.run(1.0)
        if all(robot.follower.has_arrived for robot in world.robots.values()):
            break
    else:
        pytest.fail(world.control.explain())
    assert world.arrivals > 0
    assert world.rides > 2

"""People who walk: a port and two models of them.

`PedestrianCrowd` is JuPedSim's Anticipation Velocity Model (Xu et al. 2021): people give way to each other, to walls
and to robots. `FreeCrowd` walks everybody straight to their target, for deterministic runs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

import jupedsim
import shapely
from shapely.geometry.base import BaseGeometry

from robot_ops.core.errors import WorldError
from robot_ops.core.ids import PersonId, RobotId
from robot_ops.core.poses import Pose

PERSON_RADIUS: Final = 0.2  # m, half a shoulder's width, as JuPedSim's default
ARRIVAL_RADIUS: Final = 0.25  # m
_STEP: Final = 0.05  # s, the longest at which the model stays free of overlaps
_LOST_ROBOT: Final = 0.6  # m between a robot and its stand-in before it is put anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A robot as people see it; meters, map frame."""

    x: float
    y: float
    radius: float


class Crowd(Protocol):
    """People on one level; positions in meters, map frame."""

    def add(self, person: PersonId, x: float, y: float) -> bool:
        """Put a person on the floor; False where somebody or something already stands."""
        ...

    def remove(self, person: PersonId) -> None:
        """Take a person off the floor."""
        ...

    def steer(self, person: PersonId, x: float, y: float, speed: float) -> None:
        """Let a person walk to a target at up to `speed` m/s; they stand once they are within ARRIVAL_RADIUS."""
        ...

    def set_robots(self, robots: Mapping[RobotId, Disk]) -> None:
        """Tell where the robots of the level are."""
        ...

    def step(self, duration: float) -> None:
        """Let time pass, in seconds."""
        ...

    def pose(self, person: PersonId) -> Pose:
        """Return where a person is and which way they last walked."""
        ...

    def velocity(self, person: PersonId) -> tuple[float, float]:
        """Return how fast a person walks along x and y, m/s."""
        ...


@dataclass(slots=True)
class _Walker:
    x: float
    y: float
    yaw: float
    target_x: float
    target_y: float
    speed: float
    vx: float = 0.0
    vy: float = 0.0

    @property
    def distance(self) -> float:
        return math.hypot(self.target_x - self.x, self.target_y - self.y)


class FreeCrowd:
    """Everybody walks straight through everything."""

    def __init__(self) -> None:
        self._walkers: dict[PersonId, _Walker] = {}

    def add(self, person: PersonId, x: float, y: float) -> bool:
        """See Crowd."""
        self._walkers[person] = _Walker(x, y, 0.0, x, y, 0.0)
        return True

    def remove(self, person: PersonId) -> None:
        """See Crowd."""
        del self._walkers[person]

    def steer(self, person: PersonId, x: float, y: float, speed: float) -> None:
        """See Crowd."""
        walker = self._walkers[person]
        walker.target_x, walker.target_y, walker.speed = x, y, speed

    def set_robots(self, robots: Mapping[RobotId, Disk]) -> None:
        """Robots are not in the way here."""

    def step(self, duration: float) -> None:
        """See Crowd."""
        for walker in self._walkers.values():
            distance = walker.distance
            walker.vx = walker.vy = 0.0
            if distance <= ARRIVAL_RADIUS or walker.speed <= 0.0:
                continue
            share = min(1.0, walker.speed * duration / distance)
            dx, dy = walker.target_x - walker.x, walker.target_y - walker.y
            walker.x, walker.y, walker.yaw = walker.x + share * dx, walker.y + share * dy, math.atan2(dy, dx)
            walker.vx, walker.vy = share * dx / duration, share * dy / duration

    def pose(self, person: PersonId) -> Pose:
        """See Crowd."""
        walker = self._walkers[person]
        return Pose(x=walker.x, y=walker.y, yaw=walker.yaw)

    def velocity(self, person: PersonId) -> tuple[float, float]:
        """See Crowd."""
        walker = self._walkers[person]
        return walker.vx, walker.vy


class PedestrianCrowd:
    """People of one level as JuPedSim agents; robots are agents that are steered to where the robots are.

    Args:
        walkable: the floor people can walk on, a polygon with holes, meters, map frame.
    """

    def __init__(self, walkable: shapely.Polygon) -> None:
        self._walkable = walkable
        self._inside: BaseGeometry = walkable.buffer(-1.5 * PERSON_RADIUS)
        shapely.prepare(self._inside)
        self._walkers: dict[PersonId, _Walker] = {}
        self._agents: dict[PersonId, int] = {}
        self._robots: dict[RobotId, Disk] = {}
        self._robot_agents: dict[RobotId, int] = {}
        self._owed = 0.0
        self._simulation = jupedsim.Simulation(model=jupedsim.AnticipationVelocityModel(), geometry=walkable, dt=_STEP)
        self._stage = self._simulation.add_direct_steering_stage()
        self._journey = self._simulation.add_journey(jupedsim.JourneyDescription([self._stage]))

    def add(self, person: PersonId, x: float, y: float) -> bool:
        """See Crowd."""
        x, y = self._walkable_point(x, y)
        agent = self._add_agent(x, y, radius=PERSON_RADIUS, is_robot=False)
        if agent is None:
            return False
        self._agents[person] = agent
        self._walkers[person] = _Walker(x, y, 0.0, x, y, 0.0)
        return True

    def remove(self, person: PersonId) -> None:
        """See Crowd."""
        self._simulation.mark_agent_for_removal(self._agents.pop(person))
        del self._walkers[person]

    def steer(self, person: PersonId, x: float, y: float, speed: float) -> None:
        """See Crowd."""
        walker = self._walkers[person]
        if math.hypot(x - walker.target_x, y - walker.target_y) > 0.05:
            walker.target_x, walker.target_y = self._walkable_point(x, y)
        walker.speed = speed

    def set_robots(self, robots: Mapping[RobotId, Disk]) -> None:
        """See Crowd."""
        self._robots = dict(robots)

    def step(self, duration: float) -> None:
        """See Crowd."""
        self._owed += duration
        while self._owed >= _STEP - 1e-9:
            self._owed -= _STEP
            self._steer_robots()
            for person, walker in self._walkers.items():
                agent = self._simulation.agent(self._agents[person])
                agent.target = (walker.target_x, walker.target_y)
                is_there = walker.distance <= ARRIVAL_RADIUS
                agent.model.desired_speed = 0.0 if is_there else walker.speed
            self._iterate()
            self._read_back()

    def pose(self, person: PersonId) -> Pose:
        """See Crowd."""
        walker = self._walkers[person]
        return Pose(x=walker.x, y=walker.y, yaw=walker.yaw)

    def velocity(self, person: PersonId) -> tuple[float, float]:
        """See Crowd."""
        walker = self._walkers[person]
        return walker.vx, walker.vy

    def _iterate(self) -> None:
        """Let a step pass; who was squeezed through a wall is put back first, for the model refuses to go on."""
        try:
            self._simulation.iterate()
        except RuntimeError:
            if not self._put_back():
                raise
            self._simulation.iterate()

    def _put_back(self) -> bool:
        """Put everybody who is off the floor back on it; return whether it was anybody."""
        persons = [person for person, agent in self._agents.items() if not self._is_on_floor(agent)]
        robots = [robot for robot, agent in self._robot_agents.items() if not self._is_on_floor(agent)]
        for person in persons:
            self._simulation.mark_agent_for_removal(self._agents[person])
            self._agents[person] = self._stand_near(self._walkers[person])
        for robot in robots:  # put anew at the next step
            self._simulation.mark_agent_for_removal(self._robot_agents.pop(robot))
        return bool(persons or robots)

    def _is_on_floor(self, agent: int) -> bool:
        return bool(self._walkable.contains(shapely.Point(self._simulation.agent(agent).position)))

    def _stand_near(self, walker: _Walker) -> int:
        """Return a new agent as near to where the walker was as there is room.

        Raises:
            WorldError: there is no room within some meters.
        """
        for reach in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0):
            for angle in range(0, 360, 45):
                x = walker.x + reach * math.cos(math.radians(angle))
                y = walker.y + reach * math.sin(math.radians(angle))
                agent = self._add_agent(*self._walkable_point(x, y), radius=PERSON_RADIUS, is_robot=False)
                if agent is not None:
                    return agent
        raise WorldError(
            f"nobody finds room to stand near ({walker.x:.1f}, {walker.y:.1f})", mend="Let fewer people in"
        )

    def _read_back(self) -> None:
        for person, walker in self._walkers.items():
            x, y = self._simulation.agent(self._agents[person]).position
            walker.vx, walker.vy = (x - walker.x) / _STEP, (y - walker.y) / _STEP
            if math.hypot(walker.vx, walker.vy) > 0.2:
                walker.yaw = math.atan2(walker.vy, walker.vx)
            walker.x, walker.y = x, y

    def _steer_robots(self) -> None:
        for robot in [robot for robot in self._robot_agents if robot not in self._robots]:
            self._simulation.mark_agent_for_removal(self._robot_agents.pop(robot))
        for robot, disk in self._robots.items():
            agent_id = self._robot_agents.get(robot)
            if agent_id is None:
                self._put_robot(robot, disk)
                continue
            agent = self._simulation.agent(agent_id)
            distance = math.hypot(disk.x - agent.position[0], disk.y - agent.position[1])
            if distance > _LOST_ROBOT:
                self._simulation.mark_agent_for_removal(self._robot_agents.pop(robot))
                continue
            agent.target = self._walkable_point(disk.x, disk.y)
            agent.model.desired_speed = distance / _STEP if distance > 0.01 else 0.0

    def _put_robot(self, robot: RobotId, disk: Disk) -> None:
        x, y = self._walkable_point(disk.x, disk.y)
        if math.hypot(x - disk.x, y - disk.y) > _LOST_ROBOT / 2:
            return  # docked in a corner where nobody walks
        agent = self._add_agent(x, y, radius=disk.radius, is_robot=True)
        if agent is not None:
            self._robot_agents[robot] = agent

    def _add_agent(self, x: float, y: float, *, radius: float, is_robot: bool) -> int | None:
        parameters = jupedsim.AnticipationVelocityModelAgentParameters(
            position=(x, y), radius=radius, desired_speed=0.0, journey_id=self._journey, stage_id=self._stage
        )
        if is_robot:
            parameters.strength_neighbor_repulsion, parameters.time_gap = 0.0, 0.1
        try:
            return int(self._simulation.add_agent(parameters))
        except RuntimeError:
            return None  # JuPedSim refuses overlaps

    def _walkable_point(self, x: float, y: float) -> tuple[float, float]:
        point = shapely.Point(x, y)
        if self._inside.contains(point):
            return x, y
        nearest = shapely.shortest_line(self._inside, point).coords[0]
        return float(nearest[0]), float(nearest[1])

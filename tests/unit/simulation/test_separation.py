"""What counts as cleared into each other's ways."""

from dataclasses import dataclass
from typing import cast

import pytest

from robot_ops.core.ids import LevelId, NodeId, RobotId, RouteId
from robot_ops.core.poses import Pose
from robot_ops.simulation.invariants.base import Broken, World
from robot_ops.simulation.invariants.separation import ClearedWays
from robot_ops.site.model import Site
from robot_ops.tasks.routes import RouteProgress
from robot_ops.testing.lanes import lane_site


@dataclass
class Body:
    position: Pose
    level: LevelId


@dataclass
class View:
    body: Body
    is_by_hand: bool = False
    is_out: bool = False

    def advance(self) -> None:
        """It stands."""


class Hall:
    """A corridor of three nodes, and a spur in its middle."""

    def __init__(self) -> None:
        nodes = {"w": (0.0, 0.0), "m": (4.0, 0.0), "e": (8.0, 0.0), "s": (4.0, 2.0)}
        self.site: Site = lane_site(nodes, ["w - m", "m - e", "m - s"], starts=["w", "s"])
        self.ids = tuple(self.site.robots)
        self.robots = {robot: View(Body(*self.at(node))) for robot, node in zip(self.ids, ("w", "s"), strict=True)}

    def at(self, node: str) -> tuple[Pose, LevelId]:
        found = self.site.nodes[NodeId(node)]
        return Pose(x=found.x, y=found.y), found.level


def told(robot: RobotId, *held: str) -> RouteProgress:
    return RouteProgress(
        robot=robot,
        stamp_ns=1,
        route_id=RouteId("r"),
        reached=0,
        held=tuple(NodeId(node) for node in held),
        travelled=0.0,
        goal=None,
        goal_seq=1,
    )


@pytest.fixture
def hall() -> Hall:
    return Hall()


def test_ways_that_meet_are_found(hall: Hall) -> None:
    ways = ClearedWays(cast("World", hall))
    first, second = hall.ids
    ways.told(told(first, "w", "m"))
    ways.told(told(second, "s"))
    with pytest.raises(Broken):
        ways.told(told(second, "s", "m"))


def test_where_a_person_drives_a_robot_is_not_what_it_is_cleared_for(hall: Hall) -> None:
    ways = ClearedWays(cast("World", hall))
    first, second = hall.ids
    hall.robots[first].body.position = Pose(x=3.5, y=1.9)  # pushed beside the lane that it holds
    hall.robots[first].is_by_hand = True
    ways.told(told(first, "w", "m"))
    ways.told(told(second, "s"))
    with pytest.raises(Broken):
        ways.told(told(second, "s", "m"))


def test_a_robot_that_is_out_of_the_hall_is_in_nobodys_way(hall: Hall) -> None:
    ways = ClearedWays(cast("World", hall))
    first, second = hall.ids
    ways.told(told(first, "w", "m"))
    hall.robots[first].is_out = True
    ways.ticked(first)
    ways.told(told(second, "s", "m"))

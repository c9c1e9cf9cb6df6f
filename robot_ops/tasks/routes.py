"""What robot and fleet say to each other about driving.

Both messages carry whole state, so that a lost, late, doubled or reordered one does no harm: each side repeats its own
until the other's shows that it was heard.
"""

import math
from dataclasses import dataclass

from robot_ops.core.ids import DoorId, LevelId, LiftId, NodeId, PlaceId, RobotId, RouteId
from robot_ops.core.poses import LevelPose


@dataclass(frozen=True, slots=True, kw_only=True)
class Waypoint:
    """A node on a route.

    Attributes:
        x, y: map frame of the level, meters.
        speed_limit: of the lane that leads here from the waypoint before, in m/s.
        door: the door on that lane, if any. It must be open before the robot leaves the waypoint before.
        lift: set where the robot gets here from the waypoint before by riding this lift.
    """

    node: NodeId
    level: LevelId
    x: float
    y: float
    speed_limit: float
    door: DoorId | None = None
    lift: LiftId | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y) and 0.0 < self.speed_limit < math.inf):
            raise ValueError(
                f"waypoint {self.node} at ({self.x}, {self.y}), {self.speed_limit} m/s cannot be driven to"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteProgress:
    """Robot -> fleet: what the robot holds of the lane graph and where it wants to go.

    Attributes:
        stamp_ns: instant of writing, nanoseconds; an older report than the last one is ignored.
        route_id: the route it follows; empty before the first.
        reached: index on that route of the last waypoint it reached (its center within 0.3 m, or passed).
        held: nodes from the last reached one through the end of its clearance, in order. Empty when the robot does not
            know where on the graph it is or does not keep to it. This alone lets a restarted fleet carry on.
        travelled: meters driven since `held[0]` was reached.
        goal: where it wants to go, None when it wants to stay.
        goal_seq: raised by one with every new goal or withdrawal of one.
        tail: length in meters of what follows the robot (a party), 0 for none.
        free: where it is while it does not keep to the lanes (driven by hand, pushed aside), in the level's map frame;
            None while it does. Others keep off the circle around it. What it holds besides stays held: a robot that has
            left its lanes for good reports no held nodes, and holds nodes again as soon as it is back on a lane.
        free_radius: radius of that circle in meters: its footprint, and how far it may get until it is heard again.
        is_by_hand: a person drives it; then it is free, too, unless it does not know where it is.
    """

    robot: RobotId
    stamp_ns: int
    route_id: RouteId
    reached: int
    held: tuple[NodeId, ...]
    travelled: float = 0.0
    goal: PlaceId | None = None
    goal_seq: int = 0
    tail: float = 0.0
    free: LevelPose | None = None
    free_radius: float = 0.0
    is_by_hand: bool = False

    def __post_init__(self) -> None:
        if self.reached < 0 or not (0.0 <= self.travelled < math.inf and 0.0 <= self.tail < math.inf):
            numbers = f"reached {self.reached}, travelled {self.travelled} m, tail {self.tail} m"
            raise ValueError(f"progress of {self.robot} cannot be: {numbers}")
        if not 0.0 <= self.free_radius < math.inf or (self.free is not None and self.free_radius == 0.0):
            raise ValueError(f"{self.robot} cannot drive freely in a circle of {self.free_radius} m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """Fleet -> robot: the itinerary, and how far along it the robot may drive now.

    Attributes:
        goal_seq: the goal that this answers; a robot ignores a clearance for another, and one with an older stamp than
            the last it took over.
        waypoints: the whole way from a node the robot held to the goal's node. It starts with nodes that the robot held
            when it was planned, in their order; no node occurs twice on its cleared part. A robot that must make way
            for others (without a goal, or before it can get to its goal) is led to a refuge instead; it has arrived
            only at its goal's node.
        cleared: the robot may drive until the waypoint with this index and stops there.
        waiting_for: who or what must move first, for people; empty when nothing.
        is_recall: the robot is to stop at the next waypoint where it can, give up what it holds beyond, and show that
            by a raised `goal_seq` (the goal may be the same). Where it holds nothing that it can give up it goes on.
        is_emergency: the fleet leads everybody to a refuge and keeps them there, whatever their goals; who comes no
            nearer to its goal meanwhile has not failed.
    """

    robot: RobotId
    stamp_ns: int
    route_id: RouteId
    goal_seq: int
    waypoints: tuple[Waypoint, ...]
    cleared: int
    waiting_for: str = ""
    is_recall: bool = False
    is_emergency: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.cleared < len(self.waypoints):
            raise ValueError(f"cleared {self.cleared} is not an index into {len(self.waypoints)} waypoints")

"""A site: levels, lanes, places, doors, lifts and the robots that work there.

All positions are in the map frame of their level (REP-105; meters, x east, y north). The levels of one site share their
x and y axes, so a lift shaft has the same coordinates on every level it serves.
"""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from robot_ops.core.ids import DoorId, ExchangeId, LaneId, LevelId, LiftId, NodeId, PersonId, PlaceId, RobotId, ZoneId
from robot_ops.core.poses import LevelPose, Pose
from robot_ops.site.shifts import Shift


class PlaceKind(Enum):
    """What a place is for."""

    KIOSK = "kiosk"
    COUNTER = "counter"
    E_CHANNEL = "e_channel"
    DESK = "desk"
    ARCHIVE = "archive"
    CHARGER = "charger"
    WAITING = "waiting"


class RobotKind(Enum):
    """What a robot is built for."""

    GUIDE = "guide"
    COURIER = "courier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One floor.

    Attributes:
        elevation: height of the floor in the world frame, in meters.
        map_file: occupancy map of the level in map_server's YAML format, or None where none was made yet.
    """

    id: LevelId
    elevation: float
    map_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A point of the lane graph where a robot can be told to stop."""

    id: NodeId
    level: LevelId
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A straight stretch between two nodes of one level.

    Attributes:
        is_one_way: True where robots may only drive from start to end.
        speed_limit: in m/s, > 0.
        door: the door that the lane passes through, if any.
    """

    id: LaneId
    start: NodeId
    end: NodeId
    is_one_way: bool = False
    speed_limit: float = 1.0
    door: DoorId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Somewhere that people know by name; a robot serves it standing on its node.

    Attributes:
        label: what people call it ("Counter 5").
        yaw: heading of a robot that serves the place, in radians, map frame.
        tag: id of the AprilTag (36h11) a robot docks to here, or None where no docking is needed. The tag faces a
            docked robot, on the ray from the node along `yaw`.
        dock: pose of the robot's base when docked, map frame; None without a tag.
    """

    id: PlaceId
    kind: PlaceKind
    node: NodeId
    label: str
    yaw: float
    tag: int | None = None
    dock: Pose | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """An automatic door; `start` and `end` are the ends of its leaf, map frame, meters."""

    id: DoorId
    level: LevelId
    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """A lift for one robot at a time.

    Attributes:
        stops: the node inside the cabin on each level it serves (all at the shaft's x and y). A robot changes level
            only between these nodes.
        lobbies: the node in front of the lift on each level; one lane joins it with the cabin's node.
    """

    id: LiftId
    stops: dict[LevelId, NodeId]
    lobbies: dict[LevelId, NodeId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A polygon with a meaning of its own; corners in meters, map frame.

    Attributes:
        kind: "queue" (people stand there), "slow" (robots drive slowly), "no_wait" (robots do not wait there) or
            "fire_lane" (robots clear it in an emergency).
    """

    id: ZoneId
    level: LevelId
    kind: str
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotModel:
    """What all robots of one build have in common.

    Attributes:
        radius: of the circle around base_link that holds the whole footprint, in meters.
        max_speed: m/s; max_acceleration: m/s²; max_yaw_rate: rad/s.
        max_deceleration: what the brakes surely hold, m/s²; stopping distances are computed from it.
        compartments: ids of the lockable compartments; empty for guides.
        battery_wh: capacity in watt hours; idle_w and drive_w: power at rest and what driving adds, in watts.
        charge_w: power taken in at a charger, in watts.
    """

    id: str
    kind: RobotKind
    radius: float
    max_speed: float
    max_acceleration: float
    max_deceleration: float = 1.5
    max_yaw_rate: float
    compartments: tuple[str, ...]
    battery_wh: float
    idle_w: float
    drive_w: float
    charge_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Robot:
    """One robot of the site; its ROS namespace is its id.

    Attributes:
        charger: its own charger, where it also starts in simulation.
        park: the waiting spot it parks at when idle.
        languages: BCP 47 codes it speaks; empty for couriers.
        shifts: when it works; always where there are none.
        levels: it stays on these, for no lift takes it; None where it may go everywhere.
    """

    id: RobotId
    model: RobotModel
    charger: PlaceId
    park: PlaceId
    languages: tuple[str, ...] = ()
    shifts: tuple[Shift, ...] = ()
    levels: frozenset[LevelId] | None = None

    def may_go_to(self, level: LevelId) -> bool:
        """Return whether the robot may be on the level."""
        return self.levels is None or level in self.levels


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """Somebody a document can be sent to or from, and where they work."""

    id: PersonId
    name: str
    place: PlaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Where a task may change robots, in one direction: one brings the visitor or document, another takes it on.

    Attributes:
        drop: place where the first robot leaves them; pickup: place where the next one finds them.
        keeper: has the document in between; without one only visitors change robots here.
        seconds: from leaving at `drop` to being at `pickup`, which the visitor walks or rides alone and the keeper
            carries the document.
    """

    id: ExchangeId
    drop: PlaceId
    pickup: PlaceId
    keeper: PersonId | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything robot_ops knows of one site. Construct it with `robot_ops.site.files.load_site`, which checks it."""

    name: str
    title: str
    world_file: Path | None
    levels: dict[LevelId, Level]
    nodes: dict[NodeId, Node]
    lanes: dict[LaneId, Lane]
    places: dict[PlaceId, Place]
    doors: dict[DoorId, Door]
    lifts: dict[LiftId, Lift]
    zones: dict[ZoneId, Zone]
    robots: dict[RobotId, Robot]
    staff: dict[PersonId, StaffMember]
    exchanges: dict[ExchangeId, Exchange] = field(default_factory=dict)

    def node_of(self, place: PlaceId) -> Node:
        """Return the node a robot serves the place from.

        Raises:
            KeyError: no such place.
        """
        return self.nodes[self.places[place].node]

    def pose_at(self, place: PlaceId) -> LevelPose:
        """Return the pose of a robot that stands on the place's node, heading as the place asks.

        Raises:
            KeyError: no such place.
        """
        node = self.node_of(place)
        return LevelPose(level=node.level, pose=Pose(x=node.x, y=node.y, yaw=self.places[place].yaw))

    def places_of(self, *kinds: PlaceKind) -> tuple[Place, ...]:
        """Return the places of these kinds in the site's order."""
        return tuple(place for place in self.places.values() if place.kind in kinds)

    def nearest_node(self, at: LevelPose) -> tuple[Node, float]:
        """Return the node of the level that is nearest to the position, and its distance in meters.

        Raises:
            KeyError: the level has no node.
        """
        on_level = [node for node in self.nodes.values() if node.level == at.level]
        if not on_level:
            raise KeyError(at.level)
        distances = [((n.x - at.pose.x) ** 2 + (n.y - at.pose.y) ** 2) ** 0.5 for n in on_level]
        index = min(range(len(on_level)), key=distances.__getitem__)
        return on_level[index], distances[index]

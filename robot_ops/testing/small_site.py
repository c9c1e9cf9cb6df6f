"""A small site in code, for tests of fleet and robots without a file."""

from robot_ops.core.ids import LaneId, LevelId, NodeId, PersonId, PlaceId, RobotId
from robot_ops.site.model import (
    Lane,
    Level,
    Node,
    Place,
    PlaceKind,
    Robot,
    RobotKind,
    RobotModel,
    Site,
    StaffMember,
)

LEVEL = LevelId("hall")
SPACING = 8.0
"""m between the nodes of the road."""
_PLACES: tuple[tuple[str, PlaceKind], ...] = (
    ("kiosk_1", PlaceKind.KIOSK),
    ("counter_1", PlaceKind.COUNTER),
    ("counter_2", PlaceKind.COUNTER),
    ("desk_1", PlaceKind.DESK),
    ("archive", PlaceKind.ARCHIVE),
    ("kiosk_2", PlaceKind.KIOSK),
)
_ROBOTS: tuple[tuple[str, RobotKind, tuple[str, ...]], ...] = (
    ("guide_1", RobotKind.GUIDE, ("en",)),
    ("guide_2", RobotKind.GUIDE, ("en", "fr")),
    ("courier_1", RobotKind.COURIER, ()),
    ("courier_2", RobotKind.COURIER, ()),
)


def robot_model(kind: RobotKind) -> RobotModel:
    """Return the model of the small site's robots of a kind."""
    is_courier = kind is RobotKind.COURIER
    return RobotModel(
        id=kind.value,
        kind=kind,
        radius=0.35 if is_courier else 0.30,
        max_speed=1.2 if is_courier else 1.1,
        max_acceleration=0.6,
        max_yaw_rate=1.2,
        compartments=("c1", "c2") if is_courier else (),
        battery_wh=400.0,
        idle_w=25.0,
        drive_w=90.0,
        charge_w=400.0,
    )


def small_site() -> Site:
    """Return a ring road with six places, and charger and waiting spot for each of four robots, all on spurs."""
    nodes: dict[NodeId, Node] = {}
    lanes: dict[LaneId, Lane] = {}
    places: dict[PlaceId, Place] = {}
    spots = [*_PLACES]
    for name, _, _ in _ROBOTS:
        spots += [(f"charger_{name}", PlaceKind.CHARGER), (f"park_{name}", PlaceKind.WAITING)]
    half = len(spots) // 2
    for index, (name, kind) in enumerate(spots):
        # east along y = 0, back west along y = 4
        column = index if index < half else len(spots) - 1 - index
        road_y, spot_y = (0.0, -3.0) if index < half else (4.0, 7.0)
        road, spot = NodeId(f"r{index}"), NodeId(name)
        nodes[road] = Node(id=road, level=LEVEL, x=column * SPACING, y=road_y)
        nodes[spot] = Node(id=spot, level=LEVEL, x=column * SPACING, y=spot_y)
        places[PlaceId(name)] = Place(id=PlaceId(name), kind=kind, node=spot, label=name, yaw=0.0)
        _join(lanes, spot, road, is_one_way=False)
        if index:
            _join(lanes, NodeId(f"r{index - 1}"), road, is_one_way=True)
    _join(lanes, NodeId(f"r{len(spots) - 1}"), NodeId("r0"), is_one_way=True)
    return Site(
        name="small",
        title="Small site",
        world_file=None,
        levels={LEVEL: Level(id=LEVEL, elevation=0.0)},
        nodes=nodes,
        lanes=lanes,
        places=places,
        doors={},
        lifts={},
        zones={},
        robots={RobotId(name): _robot(name, kind, languages) for name, kind, languages in _ROBOTS},
        staff={
            PersonId(person): StaffMember(id=PersonId(person), name=person, place=PlaceId(place))
            for person, place in (("ada", "counter_1"), ("ben", "counter_2"), ("gita", "desk_1"), ("mona", "archive"))
        },
    )


def _join(lanes: dict[LaneId, Lane], start: NodeId, end: NodeId, *, is_one_way: bool) -> None:
    lane = LaneId(f"{start}-{end}")
    lanes[lane] = Lane(id=lane, start=start, end=end, is_one_way=is_one_way, speed_limit=1.2)


def _robot(name: str, kind: RobotKind, languages: tuple[str, ...]) -> Robot:
    return Robot(
        id=RobotId(name),
        model=robot_model(kind),
        charger=PlaceId(f"charger_{name}"),
        park=PlaceId(f"park_{name}"),
        languages=languages,
    )

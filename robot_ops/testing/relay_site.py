"""Two floors in code that no robot changes, with an exchange between them: for tests of tasks that change robots."""

from dataclasses import replace

from robot_ops.core.ids import ExchangeId, LaneId, LevelId, NodeId, PersonId, PlaceId, RobotId
from robot_ops.site.model import Exchange, Lane, Level, Node, Place, PlaceKind, Robot, RobotKind, Site, StaffMember
from robot_ops.testing.small_site import SPACING, robot_model

HALL, OFFICE = LevelId("hall"), LevelId("office")
KEEPER = PersonId("ben")
_SPOTS: dict[LevelId, tuple[tuple[str, PlaceKind], ...]] = {
    HALL: (
        ("counter_1", PlaceKind.COUNTER),
        ("archive", PlaceKind.ARCHIVE),
        ("lift_hall", PlaceKind.WAITING),
        ("counter_2", PlaceKind.COUNTER),
        ("charger_courier_1", PlaceKind.CHARGER),
        ("park_courier_1", PlaceKind.WAITING),
    ),
    OFFICE: (
        ("lift_office", PlaceKind.WAITING),
        ("desk_1", PlaceKind.DESK),
        ("park_courier_2", PlaceKind.WAITING),
        ("charger_courier_2", PlaceKind.CHARGER),
    ),
}


def relay_site(speed: float, seconds: float = 2.0) -> Site:
    """Return a road with places beside it on each of two floors, and a courier of its own on each.

    Args:
        speed: top speed of robots and lanes, m/s.
        seconds: between both ends of the exchange.
    """
    nodes: dict[NodeId, Node] = {}
    lanes: dict[LaneId, Lane] = {}
    places: dict[PlaceId, Place] = {}
    for level, spots in _SPOTS.items():
        for index, (name, kind) in enumerate(spots):
            road, spot = NodeId(f"{level}_{index}"), NodeId(name)
            nodes[road] = Node(id=road, level=level, x=SPACING * index, y=0.0)
            nodes[spot] = Node(id=spot, level=level, x=SPACING * index, y=-3.0)
            places[PlaceId(name)] = Place(id=PlaceId(name), kind=kind, node=spot, label=name, yaw=0.0)
            joined = [(road, spot)] if index == 0 else [(road, spot), (NodeId(f"{level}_{index - 1}"), road)]
            for start, end in joined:
                lane = LaneId(f"{start}-{end}")
                lanes[lane] = Lane(id=lane, start=start, end=end, speed_limit=speed)
    up = Exchange(
        id=ExchangeId("up"),
        drop=PlaceId("lift_hall"),
        pickup=PlaceId("lift_office"),
        keeper=KEEPER,
        seconds=seconds,
    )
    works = (("ada", "counter_1"), (KEEPER, "counter_2"), ("gita", "desk_1"), ("mona", "archive"))
    return Site(
        name="relay",
        title="Two floors",
        world_file=None,
        levels={HALL: Level(id=HALL, elevation=0.0), OFFICE: Level(id=OFFICE, elevation=4.0)},
        nodes=nodes,
        lanes=lanes,
        places=places,
        doors={},
        lifts={},
        zones={},
        robots={
            robot.id: robot for robot in (_courier("courier_1", HALL, speed), _courier("courier_2", OFFICE, speed))
        },
        staff={
            PersonId(person): StaffMember(id=PersonId(person), name=person, place=PlaceId(place))
            for person, place in works
        },
        exchanges={up.id: up},
    )


def _courier(name: str, level: LevelId, speed: float) -> Robot:
    return Robot(
        id=RobotId(name),
        model=replace(robot_model(RobotKind.COURIER), max_speed=speed),
        charger=PlaceId(f"charger_{name}"),
        park=PlaceId(f"park_{name}"),
        levels=frozenset({level}),
    )

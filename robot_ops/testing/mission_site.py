"""A small two-level site for tests of missions: kiosk, counter, two desks with tags, charger, waiting spot, door, lift.

```
hall    charger (-3, 0) - a (0, 0) - b (6, 0) -[door]- c (12, 0) - lobby (18, 0) - cabin (20, 0)
                             |          |                |
                        kiosk (0, 5)  desk (6, 5)   counter (12, 5)
office  cabin (20, 0) - lobby (18, 0) - office desk (12, 0)
```
"""

import math

from robot_ops.core.ids import DoorId, LaneId, LevelId, LiftId, NodeId, PersonId, PlaceId, RobotId
from robot_ops.core.poses import Pose
from robot_ops.site.model import (
    Door,
    Lane,
    Level,
    Lift,
    Node,
    Place,
    PlaceKind,
    Robot,
    RobotKind,
    RobotModel,
    Site,
    StaffMember,
)

HALL = LevelId("hall")
OFFICE = LevelId("office")
KIOSK, COUNTER = PlaceId("kiosk"), PlaceId("counter")
DESK, OFFICE_DESK = PlaceId("desk"), PlaceId("office_desk")
CHARGER, SPOT = PlaceId("charger"), PlaceId("spot")
DOOR, LIFT = DoorId("door"), LiftId("lift")
GUIDE, COURIER = RobotId("guide_1"), RobotId("courier_1")

_NODES = {
    "a": (HALL, 0.0, 0.0),
    "b": (HALL, 6.0, 0.0),
    "c": (HALL, 12.0, 0.0),
    "n_kiosk": (HALL, 0.0, 5.0),
    "n_desk": (HALL, 6.0, 5.0),
    "n_counter": (HALL, 12.0, 5.0),
    "n_charger": (HALL, -3.0, 0.0),
    "hall_lobby": (HALL, 18.0, 0.0),
    "hall_cabin": (HALL, 20.0, 0.0),
    "office_cabin": (OFFICE, 20.0, 0.0),
    "office_lobby": (OFFICE, 18.0, 0.0),
    "n_office": (OFFICE, 12.0, 0.0),
}
_LANES = [
    ("n_charger", "a", None),
    ("a", "b", None),
    ("b", "c", DOOR),
    ("a", "n_kiosk", None),
    ("b", "n_desk", None),
    ("c", "n_counter", None),
    ("c", "hall_lobby", None),
    ("hall_lobby", "hall_cabin", None),
    ("office_cabin", "office_lobby", None),
    ("office_lobby", "n_office", None),
]
_MODEL = RobotModel(
    id="guide",
    kind=RobotKind.GUIDE,
    radius=0.30,
    max_speed=1.1,
    max_acceleration=0.8,
    max_yaw_rate=1.2,
    compartments=(),
    battery_wh=500.0,
    idle_w=30.0,
    drive_w=60.0,
    charge_w=200.0,
)


def mission_site() -> Site:
    """Return the site."""
    up = math.pi / 2
    places = [
        Place(id=KIOSK, kind=PlaceKind.KIOSK, node=NodeId("n_kiosk"), label="Kiosk", yaw=up),
        Place(id=COUNTER, kind=PlaceKind.COUNTER, node=NodeId("n_counter"), label="Counter 1", yaw=up),
        _tagged(DESK, PlaceKind.DESK, "n_desk", "Desk 1", 1, Pose(x=6.0, y=6.0, yaw=up)),
        _tagged(OFFICE_DESK, PlaceKind.DESK, "n_office", "Office desk", 2, Pose(x=11.0, y=0.0, yaw=math.pi)),
        _tagged(CHARGER, PlaceKind.CHARGER, "n_charger", "Charger 1", 3, Pose(x=-4.0, y=0.0, yaw=math.pi)),
        Place(id=SPOT, kind=PlaceKind.WAITING, node=NodeId("a"), label="Waiting spot", yaw=0.0),
    ]
    courier = RobotModel(
        id="courier",
        kind=RobotKind.COURIER,
        radius=0.35,
        max_speed=1.2,
        max_acceleration=0.8,
        max_yaw_rate=1.2,
        compartments=("c1", "c2"),
        battery_wh=700.0,
        idle_w=30.0,
        drive_w=70.0,
        charge_w=250.0,
    )
    stops = {HALL: NodeId("hall_cabin"), OFFICE: NodeId("office_cabin")}
    lobbies = {HALL: NodeId("hall_lobby"), OFFICE: NodeId("office_lobby")}
    return Site(
        name="mission_site",
        title="Mission site",
        world_file=None,
        levels={HALL: Level(id=HALL, elevation=0.0), OFFICE: Level(id=OFFICE, elevation=4.0)},
        nodes={NodeId(n): Node(id=NodeId(n), level=level, x=x, y=y) for n, (level, x, y) in _NODES.items()},
        lanes={
            LaneId(f"{start}-{end}"): Lane(
                id=LaneId(f"{start}-{end}"), start=NodeId(start), end=NodeId(end), speed_limit=1.0, door=door
            )
            for start, end, door in _LANES
        },
        places={place.id: place for place in places},
        doors={DOOR: Door(id=DOOR, level=HALL, start=(9.0, -1.0), end=(9.0, 1.0))},
        lifts={LIFT: Lift(id=LIFT, stops=stops, lobbies=lobbies)},
        zones={},
        robots={
            GUIDE: Robot(id=GUIDE, model=_MODEL, charger=CHARGER, park=SPOT, languages=("en", "zh")),
            COURIER: Robot(id=COURIER, model=courier, charger=CHARGER, park=SPOT),
        },
        staff={
            PersonId("ada"): StaffMember(id=PersonId("ada"), name="Ada", place=DESK),
            PersonId("bob"): StaffMember(id=PersonId("bob"), name="Bob", place=OFFICE_DESK),
        },
    )


def _tagged(place: PlaceId, kind: PlaceKind, node: str, label: str, tag: int, dock: Pose) -> Place:
    return Place(id=place, kind=kind, node=NodeId(node), label=label, yaw=dock.yaw, tag=tag, dock=dock)

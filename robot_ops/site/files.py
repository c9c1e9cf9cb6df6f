"""Site files: YAML that a site engineer writes by hand (docs/site_format.md), read into a checked Site.

`load_site` either returns a site that can be worked with or raises one SiteError that says what to mend first.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from robot_ops.core.errors import SiteError
from robot_ops.core.ids import DoorId, ExchangeId, LaneId, LevelId, LiftId, NodeId, PersonId, PlaceId, RobotId, ZoneId
from robot_ops.core.poses import Pose, wrap_angle
from robot_ops.site.check import Severity, check_site
from robot_ops.site.documents import Entry, nearest, read_document
from robot_ops.site.model import (
    Door,
    Exchange,
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
    Zone,
)
from robot_ops.site.shifts import Shift, do_overlap, shift_of

FORMAT: Final = 1
LAST_TAG: Final = 586
"""The 36h11 family has the ids 0 to 586 (AprilRobotics)."""
ZONE_KINDS: Final = ("queue", "slow", "no_wait", "fire_lane")
_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
_ROBOT_ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WAY: Final = re.compile(r"\s+(-|>)\s+")


@dataclass(slots=True)
class SiteFile:
    """A site as read, before its parts are checked against each other.

    Attributes:
        lines: where in the file ("hall.yaml:12, lanes.a-b") the part of a path ("lanes.a-b") stands.
        notes: what an import left out or changed, one sentence each without a full stop.
    """

    site: Site
    lines: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def where(self, path: str) -> str:
        """Return file and line of a part of the site."""
        return self.lines.get(path, path)


def load_site(path: Path) -> Site:
    """Return the site that a file describes.

    Raises:
        SiteError: the file or the site is wrong; of several mistakes the first is told, with the number of others.
    """
    parsed = read_site(path)
    errors = [finding for finding in check_site(parsed.site) if finding.severity is Severity.ERROR]
    if errors:
        first, others = errors[0], len(errors) - 1
        rest = f" (and {others} more; `check_site` lists all)" if others else ""
        raise SiteError(f"{first.text}{rest}", where=parsed.where(first.path), mend=first.mend)
    return parsed.site


def read_site(path: Path) -> SiteFile:
    """Return the site of a file without checking how its parts fit each other (`check_site` does).

    Raises:
        SiteError: the file is not in the format, or names something that it does not hold.
    """
    return _Reader(read_document(path, SiteError)).read()


class _Reader:
    def __init__(self, root: Entry) -> None:
        self._top = root.fields(
            required=("format", "name", "levels", "nodes", "lanes", "places", "robot_models", "robots"),
            optional=("title", "world", "default_speed_limit", "doors", "lifts", "zones", "staff", "exchanges"),
        )
        self._root = root
        self._lines: dict[str, str] = {}

    def read(self) -> SiteFile:
        top = self._top
        if top["format"].integer(least=1, most=1000) != FORMAT:
            raise top["format"].wrong(f"only format {FORMAT} can be read", "Update robot_ops or the file")
        name = self._id(top["name"])
        levels = self._levels()
        nodes = self._nodes(levels)
        doors = self._doors(levels)
        places = self._places(nodes)
        staff = self._staff(places)
        site = Site(
            name=name,
            title=top["title"].text() if "title" in top else name,
            world_file=self._file(top["world"]) if "world" in top else None,
            levels=levels,
            nodes=nodes,
            lanes=self._lanes(nodes, doors),
            places=places,
            doors=doors,
            lifts=self._lifts(levels, nodes),
            zones=self._zones(levels),
            robots=self._robots(places, levels),
            staff=staff,
            exchanges=self._exchanges(places, staff),
        )
        return SiteFile(site=site, lines=self._lines)

    def _section(self, name: str) -> dict[str, Entry]:
        if name not in self._top:
            return {}
        entries = self._top[name].mapping()
        for key, entry in entries.items():
            self._id(entry, key)
            self._lines[entry.path] = entry.where
        return entries

    def _id(self, entry: Entry, word: str | None = None) -> str:
        word = entry.text() if word is None else word
        if not _ID.fullmatch(word):
            raise entry.wrong(f"'{word}' cannot be an id", "Use letters, digits, '_' and '.', and start with a letter")
        return word

    def _file(self, entry: Entry) -> Path:
        return (entry.file.parent / entry.text()).resolve()

    def _levels(self) -> dict[LevelId, Level]:
        levels: dict[LevelId, Level] = {}
        for name, entry in self._section("levels").items():
            fields = entry.fields(required=("elevation",), optional=("map",))
            map_file = self._file(fields["map"]) if "map" in fields else None
            if map_file is not None and not map_file.is_file():
                raise fields["map"].wrong(f"there is no file {map_file}", "Give the path of map_server's YAML file")
            elevation = fields["elevation"].number()
            levels[LevelId(name)] = Level(id=LevelId(name), elevation=elevation, map_file=map_file)
        if not levels:
            raise self._top["levels"].wrong("a site needs a level", "Add 'hall: {elevation: 0.0}'")
        return levels

    def _nodes(self, levels: Mapping[LevelId, Level]) -> dict[NodeId, Node]:
        nodes: dict[NodeId, Node] = {}
        for level, group in self._top["nodes"].mapping().items():
            if level not in levels:
                raise group.wrong(f"there is no level '{level}'", "Group the nodes by level: 'hall: {a: [1, 2]}'")
            for name, entry in group.mapping().items():
                node = NodeId(self._id(entry, name))
                path = f"nodes.{node}"
                if node in nodes:
                    raise entry.wrong(f"node '{node}' is also on level '{nodes[node].level}'", "Give it another id")
                self._lines[path] = entry.where
                x, y = entry.point()
                nodes[node] = Node(id=node, level=LevelId(level), x=x, y=y)
        return nodes

    def _lanes(self, nodes: Mapping[NodeId, Node], doors: Mapping[DoorId, Door]) -> dict[LaneId, Lane]:
        default = self._top["default_speed_limit"].number(above=0) if "default_speed_limit" in self._top else 1.0
        lanes: dict[LaneId, Lane] = {}
        for entry in self._top["lanes"].items():
            fields = entry.fields(required=("way",), optional=("door", "speed_limit")) if entry.is_mapping else {}
            way = fields.get("way", entry)
            door = DoorId(fields["door"].one_of(doors, "door")) if "door" in fields else None
            speed_limit = fields["speed_limit"].number(above=0) if "speed_limit" in fields else default
            pieces = self._pieces(way, nodes)
            if door is not None and len(pieces) > 1:
                raise way.wrong("a way with a door must have two nodes", "Write the lane of the door by itself")
            for start, sign, end in pieces:
                lane = LaneId(f"{start}-{end}")
                if lane in lanes or f"{end}-{start}" in lanes:
                    raise way.wrong(f"'{start}' and '{end}' are joined twice", "Two-way lanes are written once: a - b")
                self._lines[f"lanes.{lane}"] = way.where
                lanes[lane] = Lane(
                    id=lane, start=start, end=end, is_one_way=sign == ">", speed_limit=speed_limit, door=door
                )
        return lanes

    @staticmethod
    def _pieces(way: Entry, nodes: Mapping[NodeId, Node]) -> list[tuple[NodeId, str, NodeId]]:
        words = _WAY.split(way.text().strip())
        if len(words) < 3:
            raise way.wrong("a way joins two or more nodes", "Write 'a - b' (both ways) or 'a > b > c' (one way)")
        for word in words[::2]:
            if word not in nodes:
                raise way.wrong(f"there is no node '{word}'", nearest(word, nodes))
        return [(NodeId(words[i]), words[i + 1], NodeId(words[i + 2])) for i in range(0, len(words) - 2, 2)]

    def _doors(self, levels: Mapping[LevelId, Level]) -> dict[DoorId, Door]:
        doors: dict[DoorId, Door] = {}
        for name, entry in self._section("doors").items():
            fields = entry.fields(required=("level", "from", "to"))
            level = LevelId(fields["level"].one_of(levels, "level"))
            start, end = fields["from"].point(), fields["to"].point()
            if math.dist(start, end) <= 0:
                raise entry.wrong("the door has no width", "Give the two ends of its leaf")
            doors[DoorId(name)] = Door(id=DoorId(name), level=level, start=start, end=end)
        return doors

    def _places(self, nodes: Mapping[NodeId, Node]) -> dict[PlaceId, Place]:
        places: dict[PlaceId, Place] = {}
        for name, entry in self._section("places").items():
            fields = entry.fields(required=("kind", "at", "facing"), optional=("label", "tag", "dock"))
            node = nodes[NodeId(fields["at"].one_of(nodes, "node"))]
            yaw = math.radians(fields["facing"].number(least=-360, most=360))
            if ("tag" in fields) != ("dock" in fields):
                raise entry.wrong("'tag' and 'dock' go together", "Give both or none")
            tag = fields["tag"].integer(least=0, most=LAST_TAG) if "tag" in fields else None
            dock = None
            if "dock" in fields:
                ahead = fields["dock"].number(least=0, most=3)
                dock = Pose(x=node.x, y=node.y, yaw=yaw).compose(Pose(x=ahead, y=0.0))
            places[PlaceId(name)] = Place(
                id=PlaceId(name),
                kind=fields["kind"].choice(PlaceKind),
                node=node.id,
                label=fields["label"].text() if "label" in fields else name,
                yaw=wrap_angle(yaw),
                tag=tag,
                dock=dock,
            )
        return places

    def _lifts(self, levels: Mapping[LevelId, Level], nodes: Mapping[NodeId, Node]) -> dict[LiftId, Lift]:
        def by_level(entry: Entry) -> dict[LevelId, NodeId]:
            found: dict[LevelId, NodeId] = {}
            for level, stop in entry.mapping().items():
                if level not in levels:
                    raise stop.wrong(f"there is no level '{level}'", f"Known are {', '.join(levels)}")
                found[LevelId(level)] = NodeId(stop.one_of(nodes, "node"))
            return found

        lifts: dict[LiftId, Lift] = {}
        for name, entry in self._section("lifts").items():
            fields = entry.fields(required=("stops", "lobbies"))
            stops, lobbies = by_level(fields["stops"]), by_level(fields["lobbies"])
            lifts[LiftId(name)] = Lift(id=LiftId(name), stops=stops, lobbies=lobbies)
        return lifts

    def _zones(self, levels: Mapping[LevelId, Level]) -> dict[ZoneId, Zone]:
        zones: dict[ZoneId, Zone] = {}
        for name, entry in self._section("zones").items():
            fields = entry.fields(required=("level", "kind", "corners"))
            level = LevelId(fields["level"].one_of(levels, "level"))
            kind = fields["kind"].one_of(ZONE_KINDS, "zone kind")
            corners = tuple(corner.point() for corner in fields["corners"].items())
            if len(corners) < 3:
                raise fields["corners"].wrong("a zone needs three corners or more", "Write [[x, y], [x, y], [x, y]]")
            zones[ZoneId(name)] = Zone(id=ZoneId(name), level=level, kind=kind, corners=corners)
        return zones

    def _models(self) -> dict[str, RobotModel]:
        numbers = ("radius", "max_speed", "max_acceleration", "max_yaw_rate", "battery_wh", "idle_w", "charge_w")
        models: dict[str, RobotModel] = {}
        for name, entry in self._section("robot_models").items():
            fields = entry.fields(required=("kind", "drive_w", *numbers), optional=("compartments", "max_deceleration"))
            compartments = [item.text() for item in fields["compartments"].items()] if "compartments" in fields else []
            if len(set(compartments)) < len(compartments):
                raise fields["compartments"].wrong("a compartment is named twice", "Give each an id of its own")
            brakes = (
                {"max_deceleration": fields["max_deceleration"].number(above=0)} if "max_deceleration" in fields else {}
            )
            models[name] = RobotModel(
                id=name,
                kind=fields["kind"].choice(RobotKind),
                compartments=tuple(compartments),
                drive_w=fields["drive_w"].number(least=0),
                **{number: fields[number].number(above=0) for number in numbers},
                **brakes,
            )
        return models

    def _robots(self, places: Mapping[PlaceId, Place], levels: Mapping[LevelId, Level]) -> dict[RobotId, Robot]:
        models = self._models()
        robots: dict[RobotId, Robot] = {}
        for name, entry in self._section("robots").items():
            if not _ROBOT_ID.fullmatch(name):
                raise entry.wrong(f"'{name}' cannot be a ROS namespace", "Use letters, digits and '_'")
            fields = entry.fields(required=("model", "charger", "park"), optional=("languages", "shifts", "levels"))
            languages = [item.text() for item in fields["languages"].items()] if "languages" in fields else []
            robots[RobotId(name)] = Robot(
                id=RobotId(name),
                model=models[fields["model"].one_of(models, "robot model")],
                charger=PlaceId(fields["charger"].one_of(places, "place")),
                park=PlaceId(fields["park"].one_of(places, "place")),
                languages=tuple(languages),
                shifts=_shifts(fields["shifts"]) if "shifts" in fields else (),
                levels=_levels_of_robot(fields["levels"], levels) if "levels" in fields else None,
            )
        return robots

    def _staff(self, places: Mapping[PlaceId, Place]) -> dict[PersonId, StaffMember]:
        staff: dict[PersonId, StaffMember] = {}
        for name, entry in self._section("staff").items():
            fields = entry.fields(required=("name", "at"))
            place = PlaceId(fields["at"].one_of(places, "place"))
            staff[PersonId(name)] = StaffMember(id=PersonId(name), name=fields["name"].text(), place=place)
        return staff

    def _exchanges(
        self, places: Mapping[PlaceId, Place], staff: Mapping[PersonId, StaffMember]
    ) -> dict[ExchangeId, Exchange]:
        exchanges: dict[ExchangeId, Exchange] = {}
        for name, entry in self._section("exchanges").items():
            fields = entry.fields(required=("drop",), optional=("pickup", "keeper", "seconds"))
            drop = PlaceId(fields["drop"].one_of(places, "place"))
            exchanges[ExchangeId(name)] = Exchange(
                id=ExchangeId(name),
                drop=drop,
                pickup=PlaceId(fields["pickup"].one_of(places, "place")) if "pickup" in fields else drop,
                keeper=PersonId(fields["keeper"].one_of(staff, "member of staff")) if "keeper" in fields else None,
                seconds=fields["seconds"].number(least=0) if "seconds" in fields else 0.0,
            )
        return exchanges


def _levels_of_robot(entry: Entry, levels: Mapping[LevelId, Level]) -> frozenset[LevelId]:
    found = frozenset(LevelId(item.one_of(levels, "level")) for item in entry.items())
    if not found:
        raise entry.wrong("a robot needs a level to be on", "Name one, or leave 'levels' out")
    return found


def _shifts(entry: Entry) -> tuple[Shift, ...]:
    shifts = []
    for item in entry.items():
        try:
            shifts.append(shift_of(item.text()))
        except ValueError as error:
            raise item.wrong(str(error), 'Write "06:00-14:30", times of the day in UTC') from error
    if do_overlap(shifts):
        raise entry.wrong("shifts overlap", "Give each time of the day once")
    return tuple(shifts)

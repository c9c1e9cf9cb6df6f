"""Writes a site as a site file (docs/site_format.md) that `robot_ops.site.files` reads back as the same site."""

import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from robot_ops.core.errors import ParameterError
from robot_ops.site.files import FORMAT
from robot_ops.site.model import Exchange, Lane, Place, RobotModel, Site

DIGITS: Final = 6
"""Digits after the point; a micrometer."""
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]*( [A-Za-z0-9_.]+)*")
_NOT_TEXT: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def write_site(site: Site, path: Path, *, notes: Iterable[str] = ()) -> None:
    """Write the site's file; `notes` become comments at its top.

    Raises:
        ParameterError: the file cannot be written.
    """
    text = "".join(f"# {' '.join(note.split())}\n" for note in notes) + site_text(site, path.parent)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ParameterError(
            f"cannot be written: {error.strerror}", where=str(path), mend="Name another file"
        ) from error


def site_text(site: Site, folder: Path) -> str:
    """Return the text of a site file that will lie in the folder."""
    speeds = Counter(lane.speed_limit for lane in site.lanes.values())
    default_speed = speeds.most_common(1)[0][0] if speeds else 1.0
    lines = [f"format: {FORMAT}", f"name: {site.name}", f"title: {_text(site.title)}"]
    if site.world_file is not None:
        lines.append(f"world: {_path(site.world_file, folder)}")
    lines.append(f"default_speed_limit: {_number(default_speed)}")
    for_levels = {
        level.id: {"elevation": _number(level.elevation)}
        | ({"map": _path(level.map_file, folder)} if level.map_file else {})
        for level in site.levels.values()
    }
    lines += _section("levels", for_levels.items())
    lines += ["", "nodes:"]
    for level in site.levels:
        lines.append(f"  {level}:")
        lines += [f"    {node.id}: {_point((node.x, node.y))}" for node in site.nodes.values() if node.level == level]
    if not site.nodes:
        lines[-1] = "nodes: {}"
    lines += ["", "lanes:" if site.lanes else "lanes: []"]
    lines += [f"  - {_lane(lane, default_speed)}" for lane in site.lanes.values()]
    lines += _section("places", ((place.id, _place(place, site)) for place in site.places.values()), is_required=True)
    doors = {
        door.id: {"level": door.level, "from": _point(door.start), "to": _point(door.end)}
        for door in site.doors.values()
    }
    lines += _section("doors", doors.items())
    lifts = {
        lift.id: {"stops": _mapping(lift.stops.items()), "lobbies": _mapping(lift.lobbies.items())}
        for lift in site.lifts.values()
    }
    lines += _section("lifts", lifts.items())
    zones = {
        zone.id: {"level": zone.level, "kind": zone.kind, "corners": _list(map(_point, zone.corners))}
        for zone in site.zones.values()
    }
    lines += _section("zones", zones.items())
    models = {robot.model.id: robot.model for robot in site.robots.values()}
    lines += _section("robot_models", ((name, _model(model)) for name, model in models.items()), is_required=True)
    robots = {
        robot.id: {
            "model": robot.model.id,
            "charger": robot.charger,
            "park": robot.park,
            **({"languages": _list(map(_text, robot.languages))} if robot.languages else {}),
            **({"levels": _list(sorted(robot.levels))} if robot.levels is not None else {}),
            **({"shifts": _list(_text(str(shift)) for shift in robot.shifts)} if robot.shifts else {}),
        }
        for robot in site.robots.values()
    }
    lines += _section("robots", robots.items(), is_required=True)
    staff = {member.id: {"name": _text(member.name), "at": member.place} for member in site.staff.values()}
    lines += _section("staff", staff.items())
    lines += _section("exchanges", ((exchange.id, _exchange(exchange)) for exchange in site.exchanges.values()))
    return "\n".join(lines) + "\n"


def _section(name: str, entries: Iterable[tuple[str, Mapping[str, str]]], *, is_required: bool = False) -> list[str]:
    rows = [f"  {key}: {_mapping(fields.items())}" for key, fields in entries]
    if not rows:
        return ["", f"{name}: {{}}"] if is_required else []
    return ["", f"{name}:", *rows]


def _mapping(fields: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in fields) + "}"


def _list(items: Iterable[str]) -> str:
    return "[" + ", ".join(items) + "]"


def _number(value: float) -> str:
    """Return a number in few digits and, for YAML's sake, never with an exponent."""
    text = f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _point(point: tuple[float, float]) -> str:
    return _list(map(_number, point))


def _text(text: str) -> str:
    """Return a text, in quotes unless no YAML could take it for something else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    escaped = "".join(f"\\U{ord(c):08x}" if not c.isprintable() else f"\\{c}" if c in '"\\' else c for c in text)
    return f'"{escaped}"'


def _path(file: Path, folder: Path) -> str:
    return _text(Path(os.path.relpath(file, folder.resolve())).as_posix())


def _lane(lane: Lane, default_speed: float) -> str:
    way = f"{lane.start} {'>' if lane.is_one_way else '-'} {lane.end}"
    extra: dict[str, str] = {} if lane.door is None else {"door": lane.door}
    if lane.speed_limit != default_speed:
        extra["speed_limit"] = _number(lane.speed_limit)
    return _mapping({"way": way, **extra}.items()) if extra else way


def _place(place: Place, site: Site) -> dict[str, str]:
    fields = {"kind": place.kind.value, "at": place.node, "label": _text(place.label)}
    fields["facing"] = _number(math.degrees(place.yaw))
    if place.tag is not None and place.dock is not None:
        node = site.nodes[place.node]
        ahead = math.hypot(place.dock.x - node.x, place.dock.y - node.y)
        fields |= {"tag": str(place.tag), "dock": _number(ahead)}
    return fields


def _exchange(exchange: Exchange) -> dict[str, str]:
    fields: dict[str, str] = {"drop": exchange.drop, "pickup": exchange.pickup}
    if exchange.keeper is not None:
        fields["keeper"] = exchange.keeper
    return fields | {"seconds": _number(exchange.seconds)}


def _model(model: RobotModel) -> dict[str, str]:
    numbers = (
        "radius",
        "max_speed",
        "max_acceleration",
        "max_deceleration",
        "max_yaw_rate",
        "battery_wh",
        "idle_w",
        "drive_w",
        "charge_w",
    )
    fields = {"kind": model.kind.value, **{name: _number(getattr(model, name)) for name in numbers}}
    if model.compartments:
        fields["compartments"] = _list(map(_text, model.compartments))
    return fields

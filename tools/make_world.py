"""Writes sites' Gazebo worlds: furniture, tags, doors, lifts and robots from the site file, walls from the layout.

    python tools/make_world.py [--check | --maps] [SITE ...]

The site file is the one source of where things stand. The layout file (sim/worlds/<name>.layout.yaml) holds what robots
need not know: walls, floors, columns, barriers, benches. Without a name, the worlds of all sites with a layout are
written. `--check` writes nothing and fails where a file differs. `--maps` draws the maps that the site file names, too.
"""

import argparse
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from robot_ops.core.poses import Pose  # noqa: E402
from robot_ops.simulation.mapping import write_maps  # noqa: E402
from robot_ops.site.files import read_site  # noqa: E402
from robot_ops.site.model import Place, PlaceKind, Site  # noqa: E402
from tools.world_parts import (  # noqa: E402  (the tools run from a checkout, without being installed)
    add_box,
    add_door,
    add_include,
    add_lift,
    add_robot,
    add_tag,
    add_text,
    new_world,
)

WORLDS = ROOT / "sim" / "worlds"
LAYOUT = ".layout.yaml"
NAMES = tuple(sorted(path.name.removesuffix(LAYOUT) for path in WORLDS.glob(f"*{LAYOUT}")))

TAG_AHEAD = 0.65  # meters from a docked robot's center to the tag (docs/site_format.md)
KIOSK_AHEAD = 2.4  # a visitor stands between the robot and the kiosk
GATE_AHEAD = 1.2
STAFF_AHEAD = {PlaceKind.COUNTER: 1.4, PlaceKind.DESK: 1.15, PlaceKind.ARCHIVE: None}  # behind the tag
ARCHIVIST_ASIDE = 1.6
FURNITURE = {
    PlaceKind.KIOSK: "kiosk",
    PlaceKind.COUNTER: "counter",
    PlaceKind.E_CHANNEL: "e_channel_gate",
    PlaceKind.DESK: "desk",
    PlaceKind.ARCHIVE: "archive",
    PlaceKind.CHARGER: "charger",
}
CAMERA_HEIGHT = {"guide": 1.1, "courier": 0.9}


def front_of(site: Site, place: Place) -> Pose:
    """Return where the front of a place's furniture stands: facing the robot, its x axis leading away from it."""
    at = site.pose_at(place.id).pose
    if place.dock is not None:
        return place.dock.compose(Pose(x=TAG_AHEAD, y=0.0))
    return at.compose(Pose(x=KIOSK_AHEAD if place.kind is PlaceKind.KIOSK else GATE_AHEAD, y=0.0))


def tag_height(site: Site, place: Place) -> float:
    """Return the height of a tag's center above the floor: that of the camera which looks for it."""
    users = [robot.model.kind.value for robot in site.robots.values() if robot.charger == place.id]
    return CAMERA_HEIGHT[users[0]] if users else CAMERA_HEIGHT["courier"]


def build_world(site: Site, layout: dict[str, Any]) -> str:
    """Return the world file's text."""
    root, world = new_world(site.name, **layout["ground"])
    structure = ET.SubElement(world, "model", name="building")
    add_text(structure, "static", "true")
    link = ET.SubElement(structure, "link", name="link")
    for index, part in enumerate(layout["boxes"]):
        add_box(link, f"box_{index}", **part)
    for index, item in enumerate(layout["furniture"]):
        add_include(world, f"{item['model']}_{index}", str(item["model"]), item["pose"])
    for place in site.places.values():
        _add_place(world, site, place)
    for member in site.staff.values():
        place = site.places[member.place]
        elevation = site.levels[site.node_of(place.id).level].elevation
        behind = STAFF_AHEAD[place.kind]
        offset = Pose(x=behind, y=0.0, yaw=3.141593) if behind else Pose(x=0.0, y=ARCHIVIST_ASIDE, yaw=3.141593)
        at = front_of(site, place).compose(offset)
        add_include(world, member.id, "staff", (at.x, at.y, elevation, 0, 0, at.yaw), is_static=True)
    for door in site.doors.values():
        add_door(world, door, site.levels[door.level].elevation)
    for lift in site.lifts.values():
        add_lift(world, lift, site)
    for robot in site.robots.values():
        start = site.pose_at(robot.charger)
        add_robot(world, robot, start.pose, site.levels[start.level].elevation)
    ET.indent(root)
    head = f"<!-- Written by tools/make_world.py from sites/{site.name}.yaml and the layout beside this file. -->\n"
    return f'<?xml version="1.0" ?>\n{head}' + ET.tostring(root, encoding="unicode") + "\n"


def _add_place(world: ET.Element, site: Site, place: Place) -> None:
    if place.kind not in FURNITURE:
        return
    at, elevation = front_of(site, place), site.levels[site.node_of(place.id).level].elevation
    add_include(world, place.id, FURNITURE[place.kind], (at.x, at.y, elevation, 0, 0, at.yaw))
    if place.tag is not None:
        add_tag(world, place.tag, at, elevation + tag_height(site, place))


def _begin_maps(site_file: Path) -> None:
    """Put empty files where maps are to be: a site whose maps are not there cannot be read."""
    for level in yaml.safe_load(site_file.read_text(encoding="utf-8"))["levels"].values():
        if "map" in level:
            (site_file.parent / level["map"]).parent.mkdir(parents=True, exist_ok=True)
            (site_file.parent / level["map"]).touch()


def main() -> int:
    """Write or check the world files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file differs")
    parser.add_argument("--maps", action="store_true", help="write the levels' maps, too")
    parser.add_argument("sites", nargs="*", metavar="SITE", help=f"default: {', '.join(NAMES)}")
    arguments = parser.parse_args()
    is_same = True
    for name in arguments.sites or NAMES:
        layout = yaml.safe_load((WORLDS / f"{name}{LAYOUT}").read_text(encoding="utf-8"))
        site_file = ROOT / "sites" / f"{name}.yaml"
        if arguments.maps:
            _begin_maps(site_file)
        site = read_site(site_file).site
        text = build_world(site, layout)
        world_file = WORLDS / f"{name}.sdf"
        if arguments.check:
            is_same &= world_file.is_file() and world_file.read_text(encoding="utf-8") == text
        else:
            world_file.write_text(text, encoding="utf-8")
        if arguments.maps:
            write_maps(site, ROOT / "sites" / "maps" / name)
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())

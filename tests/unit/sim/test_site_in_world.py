"""The committed worlds are those that the site files ask for."""

import itertools
import math
import subprocess
import sys
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import shapely

from robot_ops.core.poses import Pose, wrap_angle
from robot_ops.site.files import load_site
from robot_ops.site.model import PlaceKind, Site

ROOT = Path(__file__).parents[3]
NAMES = ("immigration_hall", "airport_crossing", "two_floors")
SITES = {name: load_site(ROOT / "sites" / f"{name}.yaml") for name in NAMES}
HALL = SITES["immigration_hall"]
LIDAR_HEIGHT = 0.30
CLEARANCE = 1.1
"""Meters that stay free on both sides of a lane: 2.2 m in all, so that a robot and a person can pass."""
DOORWAY = 0.7
CABIN = 0.85


def each(part: str) -> pytest.MarkDecorator:
    """Run a test for each part of that kind ("robots") of every site."""
    cases = [(site, item) for site in SITES.values() for item in getattr(site, part).values()]
    return pytest.mark.parametrize(("site", "item"), cases, ids=[f"{site.name}-{item.id}" for site, item in cases])


each_site = pytest.mark.parametrize("site", SITES.values(), ids=SITES)


@cache
def things_of(name: str) -> dict[str, ET.Element]:
    file = SITES[name].world_file
    assert file is not None
    world = ET.parse(file).getroot().find("world")
    assert world is not None
    found: dict[str, ET.Element] = {}
    for element in (*world.findall("model"), *world.findall("include")):
        name = element.get("name") or element.findtext("name") or ""
        assert name not in found, f"{name} stands twice in the world"
        found[name] = element
    return found


def pose_of(element: ET.Element) -> tuple[Pose, float]:
    """Return the planar pose and the height of a model."""
    x, y, z, _, _, yaw = (float(word) for word in (element.findtext("pose") or "0 0 0 0 0 0").split())
    return Pose(x=x, y=y, yaw=yaw), z


def elevation(site: Site, place: str) -> float:
    return next(site.levels[site.nodes[p.node].level].elevation for p in site.places.values() if p.id == place)


def test_the_committed_worlds_are_what_the_generator_writes() -> None:
    run = subprocess.run([sys.executable, str(ROOT / "tools" / "make_world.py"), "--check"], timeout=60, check=False)
    assert run.returncode == 0, "run: python tools/make_world.py"
    assert {path.stem for path in (ROOT / "sim" / "worlds").glob("*.sdf")} == set(SITES)


@each("robots")
def test_a_robot_stands_at_its_charger_with_topics_of_its_own(site: Site, item) -> None:
    robot, things = item, things_of(site.name)
    element = things[robot.id]
    at, z = pose_of(element)
    start = site.pose_at(robot.charger).pose
    assert at.distance_to(start) < 1e-3
    assert abs(wrap_angle(at.yaw - start.yaw)) < 1e-3
    assert z == elevation(site, robot.charger)
    assert element.findtext("uri") == f"model://{robot.model.kind.value}_robot"
    topics = [topic.text or "" for topic in element.iter("topic")]
    assert f"/{robot.id}/cmd_vel" in topics
    assert f"/{robot.id}/scan" in topics
    assert all(topic.startswith(f"/{robot.id}/") for topic in topics)


@each("places")
def test_a_tag_hangs_before_the_docked_robot_and_faces_it(site: Site, item) -> None:
    place, things = item, things_of(site.name)
    if place.tag is None:
        return
    at, z = pose_of(things[f"tag_{place.tag}"])
    in_dock = place.dock.inverse().compose(at)
    assert (in_dock.x, in_dock.y) == pytest.approx((0.65, 0.0), abs=1e-3)
    assert abs(in_dock.yaw) < 1e-3
    assert 0.85 <= z - elevation(site, place.id) <= 1.15
    texture = things[f"tag_{place.tag}"].find(".//albedo_map").text
    assert texture == f"model://april_tags/materials/textures/tag36h11_{place.tag:05d}.png"
    assert (ROOT / "sim" / "models" / texture.removeprefix("model://")).is_file()


@each("doors")
def test_a_doors_leaf_closes_its_doorway_and_slides_out_of_it(site: Site, item) -> None:
    door, things = item, things_of(site.name)
    at, z = pose_of(things[door.id])
    assert (at.x, at.y, z) == (*door.start, site.levels[door.level].elevation)
    joint = things[door.id].find("joint[@name='leaf_joint']")
    assert joint is not None
    assert joint.get("type") == "prismatic"
    assert float(joint.findtext("axis/limit/upper", "0")) == pytest.approx(math.dist(door.start, door.end))


@each("lifts")
def test_a_lift_serves_all_its_levels(site: Site, item) -> None:
    lift, things = item, things_of(site.name)
    at, z = pose_of(things[lift.id])
    heights = [site.levels[level].elevation for level in lift.stops]
    stop = site.nodes[next(iter(lift.stops.values()))]
    assert (at.x, at.y, z) == (stop.x, stop.y, min(heights))
    cabin = things[lift.id].find("joint[@name='cabin_joint']")
    assert cabin is not None
    assert float(cabin.findtext("axis/limit/upper", "0")) == max(heights) - min(heights)
    for level in lift.stops:
        assert things[lift.id].find(f"joint[@name='door_{level}_joint']") is not None


@each("staff")
def test_staff_stand_near_their_place_off_all_lanes(site: Site, item) -> None:
    member, things = item, things_of(site.name)
    at, z = pose_of(things[member.id])
    assert at.distance_to(site.pose_at(member.place).pose) < 3.0
    assert z == elevation(site, member.place)
    for lane in site.lanes.values():
        start, end = site.nodes[lane.start], site.nodes[lane.end]
        if site.levels[start.level].elevation == z:
            way = shapely.LineString([(start.x, start.y), (end.x, end.y)])
            assert way.distance(shapely.Point(at.x, at.y)) > 1.0


def footprints(element: ET.Element, at: Pose, z: float, floor: float):
    """Yield the outlines, at the lidar's height above a floor, of a model's collision shapes."""
    for collision in element.iter("collision"):
        numbers = [float(word) for word in (collision.findtext("pose") or "0 0 0 0 0 0").split()]
        size = collision.findtext("geometry/box/size")
        radius = collision.findtext("geometry/cylinder/radius")
        if size is None and radius is None:
            continue
        if size is not None:
            dx, dy, dz = (float(word) / 2 for word in size.split())
        else:
            dx = dy = float(radius)
            dz = float(collision.findtext("geometry/cylinder/length", "0")) / 2
        if abs(z + numbers[2] - floor - LIDAR_HEIGHT) > dz:
            continue
        corners = [(numbers[0] + sx * dx, numbers[1] + sy * dy) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        yield shapely.Polygon([(p.x, p.y) for p in (at.compose(Pose(x=x, y=y)) for x, y in corners)])


@cache
def solids_of(name: str) -> dict[str, shapely.Geometry]:
    """What the lidar sees on each level, without robots and what moves."""
    site, things = SITES[name], things_of(name)
    found = {}
    for level in site.levels.values():
        shapes: list[shapely.Polygon] = []
        for thing, element in things.items():
            if thing in site.robots or thing in site.doors or thing in site.lifts:
                continue
            at, z = pose_of(element)
            uri = element.findtext("uri")
            body = element
            if uri is not None:
                body = ET.parse(ROOT / "sim" / "models" / uri.removeprefix("model://") / "model.sdf").getroot()
            shapes += footprints(body, at, z, level.elevation)
        found[level.id] = shapely.union_all(shapes)
    return found


@each_site
def test_lanes_are_clear_of_what_the_lidar_sees(site: Site) -> None:
    solids = solids_of(site.name)
    docks = {place.node for place in site.places.values()}
    cabins = {node for lift in site.lifts.values() for node in (*lift.stops.values(), *lift.lobbies.values())}
    for lane in site.lanes.values():
        start, end = site.nodes[lane.start], site.nodes[lane.end]
        way = shapely.LineString([(start.x, start.y), (end.x, end.y)])
        clearance = CLEARANCE if not {lane.start, lane.end} & docks else 1.0
        if {lane.start, lane.end} & cabins:
            clearance = CABIN
        if lane.door:
            clearance = DOORWAY
        assert way.distance(solids[start.level]) >= clearance, lane.id


@each_site
def test_robots_have_room_where_they_dock(site: Site) -> None:
    solids = solids_of(site.name)
    radius = max(robot.model.radius for robot in site.robots.values())
    for place in site.places.values():
        if place.dock is not None:
            point = shapely.Point(place.dock.x, place.dock.y)
            assert point.distance(solids[site.nodes[place.node].level]) > radius + 0.2, place.id


def meters(site: Site) -> dict[tuple[str, str], float]:
    """Return shortest ways along the lanes of one level (Floyd and Warshall)."""
    nodes = list(site.nodes)
    index = {node: number for number, node in enumerate(nodes)}
    way = np.full((len(nodes), len(nodes)), math.inf)
    np.fill_diagonal(way, 0.0)
    for lane in site.lanes.values():
        a, b = site.nodes[lane.start], site.nodes[lane.end]
        length = math.hypot(a.x - b.x, a.y - b.y)
        way[index[a.id], index[b.id]] = length
        if not lane.is_one_way:
            way[index[b.id], index[a.id]] = length
    for k in range(len(nodes)):
        way = np.minimum(way, way[:, k : k + 1] + way[k : k + 1, :])
    return {(a, b): float(way[index[a], index[b]]) for a, b in itertools.product(nodes, nodes)}


def test_trips_are_short_enough_for_the_demonstration() -> None:
    way = meters(HALL)
    kiosks = HALL.places_of(PlaceKind.KIOSK)
    counters = HALL.places_of(PlaceKind.COUNTER)
    parks = [HALL.places[robot.park] for robot in HALL.robots.values() if robot.model.kind.value == "guide"]
    led = [way[kiosk.node, counter.node] for kiosk, counter in itertools.product(kiosks, counters)]
    assert sum(led) / len(led) < 26.0
    assert max(led) < 35.0
    for kiosk in kiosks:
        assert min(way[park.node, kiosk.node] for park in parks) < 10.0

"""Checks robots, staff, zones and the world file of a site."""

from collections.abc import Iterator

import shapely

from robot_ops.core.ids import LevelId, NodeId
from robot_ops.site.findings import Finding, error, listed, warning
from robot_ops.site.model import Place, PlaceKind, Robot, RobotKind, RobotModel, Site
from robot_ops.site.ways import forward_ways, reach, turned


def check_robots(site: Site) -> Iterator[Finding]:
    """Yield what is wrong with robots, staff, zones and the world file."""
    yield from _zones(site)
    yield from _robots(site)
    yield from _staff(site)
    yield from _world(site)


def _zones(site: Site) -> Iterator[Finding]:
    for zone in site.zones.values():
        polygon = shapely.Polygon(zone.corners)
        if not polygon.is_valid or polygon.area <= 0:
            yield error(f"zones.{zone.id}", "the outline crosses itself or is flat", "Go around the zone once")


def _robots(site: Site) -> Iterator[Finding]:
    spots: dict[NodeId, tuple[Robot, Place, str]] = {}
    for robot in site.robots.values():
        path = f"robots.{robot.id}"
        charger, park = site.places[robot.charger], site.places[robot.park]
        if charger.kind is not PlaceKind.CHARGER:
            yield error(path, f"'{charger.id}' is a {charger.kind.value}, no charger", "Name a charger")
        if park.kind is not PlaceKind.WAITING and park.id != charger.id:
            yield error(path, f"'{park.id}' is a {park.kind.value}, no waiting spot", "Name a waiting spot")
        for place, role in ((charger, "charger"), (park, "waiting spot")):
            other, others_place, others_role = spots.setdefault(place.node, (robot, place, role))
            if other is robot:
                continue
            if others_place.id == place.id:
                text = f"{role} '{place.id}' also belongs to '{other.id}'"
            else:
                text = f"{role} '{place.id}' is on the spot of '{other.id}', whose {others_role} is '{others_place.id}'"
            yield error(path, text, f"Give each robot a {role} of its own", site.nodes[place.node])
        if robot.levels is not None:
            yield from _levels(site, robot)
        if robot.model.kind is RobotKind.GUIDE and not robot.languages:
            yield warning(path, "the guide speaks no language", "Add 'languages: [en]'")
    for model in {robot.model.id: robot.model for robot in site.robots.values()}.values():
        yield from _model(model)


def _levels(site: Site, robot: Robot) -> Iterator[Finding]:
    path, levels = f"robots.{robot.id}", robot.levels or frozenset()
    for unknown in sorted(levels - site.levels.keys()):
        yield error(path, f"there is no level '{unknown}'", "Name a level of the site")
    for place, role in ((robot.charger, "charger"), (robot.park, "waiting spot")):
        node = site.node_of(place)
        if node.level not in levels:
            text = f"its {role} '{place}' is on '{node.level}', where it never goes"
            yield error(path, text, "Correct 'levels', or give it another", node)
    if site.node_of(robot.charger).level in levels:
        yield from _cut_off(site, robot, levels)


def _cut_off(site: Site, robot: Robot, levels: frozenset[LevelId]) -> Iterator[Finding]:
    """Yield places on the robot's levels that it could only get to by others."""
    path, start = f"robots.{robot.id}", site.node_of(robot.charger).id
    ways = forward_ways(site, without_nodes={node.id for node in site.nodes.values() if node.level not in levels})
    within = reach(ways, start) & reach(turned(ways), start)
    places = [place for place in site.places.values() if place.node in ways and place.node not in within]
    names = listed([place.id for place in places])
    mend = "Join them by lanes, or add the level between to its 'levels'"
    if any(place.id == robot.park for place in places):
        yield error(path, f"gets from its charger to its waiting spot '{robot.park}' only by way of other levels", mend)
    elif places:
        text = f"gets to {names} only by way of levels where it never goes; tasks there are planned for it all the same"
        yield warning(path, text, mend)


def _model(model: RobotModel) -> Iterator[Finding]:
    path = f"robot_models.{model.id}"
    if not 0.1 <= model.radius <= 1.5:
        yield error(path, f"a radius of {model.radius:g} m is no service robot's", "Give meters")
    if model.max_speed > 3:
        yield error(path, f"{model.max_speed:g} m/s is too fast among people", "Give meters per second")
    if model.charge_w <= model.idle_w:
        text = f"the charger gives {model.charge_w:g} W, resting takes {model.idle_w:g} W: it never fills the battery"
        yield error(path, text, "Correct charge_w or idle_w")
    hours = model.battery_wh / (model.idle_w + model.drive_w)
    if hours < 0.5:
        yield error(path, f"the battery lasts for {hours * 60:.0f} minutes of driving", "Correct the battery's numbers")
    elif hours < 2:
        yield warning(path, f"the battery lasts for {hours:.1f} hours of driving", "Plan for many charges")
    if model.kind is RobotKind.COURIER and not model.compartments:
        yield error(path, "a courier needs a compartment", "Add 'compartments: [compartment_1]'")
    if model.kind is RobotKind.GUIDE and model.compartments:
        yield error(path, "a guide carries nothing", "Remove 'compartments' or make it a courier")


def _staff(site: Site) -> Iterator[Finding]:
    for member in site.staff.values():
        place = site.places[member.place]
        if place.kind not in (PlaceKind.COUNTER, PlaceKind.DESK, PlaceKind.ARCHIVE):
            text = f"nobody works at a {place.kind.value} ('{place.id}')"
            yield error(f"staff.{member.id}", text, "Name a counter, desk or archive")


def _world(site: Site) -> Iterator[Finding]:
    if site.world_file is not None and not site.world_file.is_file():
        yield warning("world", f"there is no file {site.world_file.name}", "Correct the path; without it no simulation")

"""Checks how the parts of a site fit each other.

What is an error would make robots collide, block each other for good or wait forever; a warning costs time; a note says
where robots will wait for each other.
"""

import math
from collections.abc import Iterator
from typing import Final

from robot_ops.core.ids import NodeId, PlaceId
from robot_ops.site.exchange_checks import check_exchanges
from robot_ops.site.findings import Finding, Severity, error, finding
from robot_ops.site.lane_checks import check_lanes, clear_distance
from robot_ops.site.model import Site
from robot_ops.site.narrow_sections import describe, is_bottleneck, narrow_sections
from robot_ops.site.place_checks import check_places
from robot_ops.site.robot_checks import check_robots

__all__ = ["DEFAULT_RADIUS", "Finding", "Severity", "check_site"]

DEFAULT_RADIUS: Final = 0.35
"""Meters, of robots that a site does not name."""
_ORDER: Final = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def check_site(site: Site, *, radius: float = DEFAULT_RADIUS) -> list[Finding]:
    """Return all findings, errors first and notes last.

    Args:
        radius: of the robots, meters, where the site names none.
    """
    broken = list(_references(site))
    if broken:
        return broken
    widest = max((robot.model.radius for robot in site.robots.values()), default=radius)
    findings = [*check_lanes(site, widest), *check_places(site, widest), *check_robots(site), *check_exchanges(site)]
    findings += _sections(site, widest)
    return sorted(findings, key=lambda found: _ORDER.index(found.severity))


def _references(site: Site) -> Iterator[Finding]:
    """Find names of things that do not exist, and positions that are no numbers, in a site that was made by code."""
    for node in site.nodes.values():
        if not (math.isfinite(node.x) and math.isfinite(node.y)):
            yield error(f"nodes.{node.id}", f"the position ({node.x:g}, {node.y:g}) is not a number", "Give meters")
        if node.level not in site.levels:
            yield error(f"nodes.{node.id}", f"there is no level '{node.level}'", "Name a level of the site")
    named: list[tuple[str, tuple[NodeId, ...]]] = [
        (f"lanes.{lane.id}", (lane.start, lane.end)) for lane in site.lanes.values()
    ]
    named += [(f"places.{place.id}", (place.node,)) for place in site.places.values()]
    named += [(f"lifts.{lift.id}", (*lift.stops.values(), *lift.lobbies.values())) for lift in site.lifts.values()]
    for path, nodes in named:
        for node_id in nodes:
            if node_id not in site.nodes:
                yield error(path, f"there is no node '{node_id}'", "Name a node of the site")
    placed: list[tuple[str, tuple[PlaceId, ...]]] = [
        (f"robots.{robot.id}", (robot.charger, robot.park)) for robot in site.robots.values()
    ]
    placed += [(f"staff.{member.id}", (member.place,)) for member in site.staff.values()]
    for exchange in site.exchanges.values():
        placed.append((f"exchanges.{exchange.id}", (exchange.drop, exchange.pickup)))
        if exchange.keeper is not None and exchange.keeper not in site.staff:
            text = f"there is no member of staff '{exchange.keeper}'"
            yield error(f"exchanges.{exchange.id}", text, "Name a member of staff")
    for path, places in placed:
        for place_id in places:
            if place_id not in site.places:
                yield error(path, f"there is no place '{place_id}'", "Name a place of the site")


def _sections(site: Site, radius: float) -> Iterator[Finding]:
    for section in narrow_sections(site, clear_distance(radius)):
        if is_bottleneck(section, site):
            text = f"{describe(section)}; no other way leads to {len(section.behind)} places"
            mend = "Where many robots pass, add a second lane or a bay"
            yield finding(Severity.NOTE, f"lanes.{section.lanes[0]}", text, mend, site.nodes[section.nodes[0]])

"""Checks exchanges: whether robots can leave and find visitors and documents there."""

import math
from collections.abc import Iterator

from robot_ops.site.findings import Finding, error, warning
from robot_ops.site.model import Exchange, PlaceKind, Robot, RobotKind, Site


def check_exchanges(site: Site) -> Iterator[Finding]:
    """Yield what is wrong with the exchanges."""
    for exchange in site.exchanges.values():
        yield from _places(site, exchange)
        yield from _robots(site, exchange)


def _places(site: Site, exchange: Exchange) -> Iterator[Finding]:
    path = f"exchanges.{exchange.id}"
    if not math.isfinite(exchange.seconds) or exchange.seconds < 0.0:
        yield error(path, f"{exchange.seconds:g} seconds is no time", "Give 0 or more")
    parks = {robot.park: robot for robot in site.robots.values()}
    for place_id in dict.fromkeys((exchange.drop, exchange.pickup)):
        place, node = site.places[place_id], site.node_of(place_id)
        if place.kind is PlaceKind.CHARGER:
            yield error(path, f"'{place_id}' is a charger", "Name a place where people can wait", node)
        elif place_id in parks:
            text = f"'{place_id}' is the waiting spot of '{parks[place_id].id}'"
            yield error(path, text, "Name a place that belongs to no robot", node)
    drop, pickup = site.node_of(exchange.drop), site.node_of(exchange.pickup)
    if drop.level != pickup.level and exchange.seconds == 0.0:
        text = f"'{exchange.drop}' and '{exchange.pickup}' are on two levels, and it takes no time to get there"
        yield error(path, text, "Give 'seconds'", drop)


def _robots(site: Site, exchange: Exchange) -> Iterator[Finding]:
    if not site.robots:
        return
    for place_id, what in ((exchange.drop, "leaves anybody"), (exchange.pickup, "takes anybody on")):
        level = site.node_of(place_id).level
        kinds = {robot.model.kind for robot in site.robots.values() if _serves(robot, exchange)}
        missing = [
            kind.value
            for kind in sorted(kinds, key=lambda kind: kind.value)
            if not any(robot.model.kind is kind and robot.may_go_to(level) for robot in site.robots.values())
        ]
        for kind in missing:
            text = f"no {kind} {what} at '{place_id}': none goes to '{level}'"
            yield warning(f"exchanges.{exchange.id}", text, "Correct the place or the robots' 'levels'")


def _serves(robot: Robot, exchange: Exchange) -> bool:
    """Return whether robots of this build change their tasks there."""
    return robot.model.kind is RobotKind.GUIDE or exchange.keeper is not None

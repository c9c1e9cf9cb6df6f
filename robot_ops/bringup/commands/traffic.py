"""`robot-ops traffic`: who waits for whom and why; close lanes, limit speeds, take robots out, declare an emergency."""

import argparse
import difflib
import getpass
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robot_ops.bringup.output import add_json, say, show_json
from robot_ops.core.clock import seconds_between
from robot_ops.core.errors import RequestError
from robot_ops.core.ids import LaneId, RobotId, ZoneId
from robot_ops.core.resources import shared_folder
from robot_ops.tasks.rule_changes import (
    RuleChange,
    bring_back,
    close_lanes,
    limit_zone,
    open_lanes,
    set_emergency,
    take_out,
    unlimit_zone,
)
from robot_ops.tasks.traffic_rules import TrafficRules

if TYPE_CHECKING:
    from robot_ops.ros_nodes.traffic_messages import TrafficPicture


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    explain = actions.add_parser("explain", help="tell who is where, who waits for whom and why")
    explain.add_argument("robot", nargs="?", default=None, metavar="ROBOT", help="only this one, as guide_1")
    actions.add_parser("show", help="show the rules in force: closed lanes, speed limits, robots taken out, emergency")
    close = actions.add_parser("close", help="close lanes: no robot enters them any more")
    reopen = actions.add_parser("open", help="open closed lanes")
    for lanes in (close, reopen):
        lanes.add_argument("lanes", nargs="+", metavar="LANE", help="as in the site file")
    limit = actions.add_parser("limit", help="limit the robots' speed in a zone")
    unlimit = actions.add_parser("unlimit", help="lift a zone's speed limit")
    for zone in (limit, unlimit):
        zone.add_argument("zone", metavar="ZONE", help="as in the site file")
    limit.add_argument("speed", type=float, metavar="SPEED", help="m/s; lower limits of lanes stay")
    emergency = actions.add_parser(
        "emergency", help="on: all robots clear fire lanes and lift lobbies and stay in a refuge; off: they go on"
    )
    emergency.add_argument("state", choices=("on", "off"), metavar="STATE", help="on or off")
    absent = actions.add_parser("absent", help="robots were taken out of the hall: silent ones take up nothing more")
    present = actions.add_parser("present", help="robots are in the hall again")
    for robots in (absent, present):
        robots.add_argument("robots", nargs="+", metavar="ROBOT", help="as guide_1")
    for change in (close, reopen, limit, unlimit, absent, present):
        change.add_argument("--site", type=Path, default=None, help="site file (default: the immigration hall)")
    for action in actions.choices.values():
        add_json(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask."""
    if arguments.action in ("explain", "show"):
        _look(arguments)
        return 0
    change = _change(arguments)
    from robot_ops.ros_nodes.fleet_client import FleetClient

    with FleetClient() as fleet:
        rules = fleet.change_traffic_rules(change, operator=getpass.getuser())
    _show_rules(rules, is_json=arguments.json)
    return 0


def _look(arguments: argparse.Namespace) -> None:
    from robot_ops.ros_nodes.fleet_client import FleetClient

    robot = RobotId(arguments.robot) if arguments.action == "explain" and arguments.robot else None
    with FleetClient() as fleet:
        picture, lines = fleet.traffic(robot)
    if arguments.action == "show":
        _show_rules(picture.rules, is_json=arguments.json)
    elif arguments.json:
        show_json({"lines": list(lines), **_record(picture, robot)})
    else:
        say("\n".join(lines) if lines else "the fleet has not heard of any robot yet")


def _change(arguments: argparse.Namespace) -> RuleChange:
    """Return the change that the arguments ask for.

    Raises:
        RequestError: the site has not such a lane, zone or robot, or a speed cannot be.
        SiteError: the site file is wrong.
    """
    if arguments.action == "emergency":
        return set_emergency(is_on=arguments.state == "on")
    from robot_ops.site.files import load_site

    site = load_site(arguments.site or shared_folder("sites") / "immigration_hall.yaml")
    if arguments.action in ("close", "open"):
        _check_names(arguments.lanes, site.lanes, "lane", "LANE")
        lanes = [LaneId(lane) for lane in arguments.lanes]
        return close_lanes(lanes) if arguments.action == "close" else open_lanes(lanes)
    if arguments.action in ("absent", "present"):
        _check_names(arguments.robots, site.robots, "robot", "ROBOT")
        robots = [RobotId(robot) for robot in arguments.robots]
        return take_out(robots) if arguments.action == "absent" else bring_back(robots)
    _check_names([arguments.zone], site.zones, "zone", "ZONE")
    if arguments.action == "unlimit":
        return unlimit_zone(ZoneId(arguments.zone))
    try:
        return limit_zone(ZoneId(arguments.zone), arguments.speed)
    except RequestError as error:
        raise RequestError(error.what, where="argument SPEED", mend=error.mend) from error


def _check_names(names: Iterable[str], known: Mapping[Any, object], what: str, argument: str) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
            mend = f"Did you mean {' or '.join(near)}?" if near else f"Use one of {', '.join(list(known)[:8])}, ..."
            raise RequestError(f"the site has no {what} {name!r}", where=f"argument {argument}", mend=mend)


def _show_rules(rules: TrafficRules, *, is_json: bool) -> None:
    if is_json:
        show_json(_rules_record(rules))
        return
    lanes = ", ".join(sorted(rules.closed_lanes))
    limits = ", ".join(f"{zone} {limit:g} m/s" for zone, limit in sorted(rules.speed_limits.items()))
    say(f"emergency: {'ON' if rules.is_emergency else 'off'}")
    say(f"closed lanes: {lanes or 'none'}")
    say(f"speed limits: {limits or 'none'}")
    say(f"robots taken out of the hall: {', '.join(sorted(rules.absent_robots)) or 'none'}")


def _rules_record(rules: TrafficRules) -> dict[str, object]:
    return {
        "is_emergency": rules.is_emergency,
        "closed_lanes": sorted(rules.closed_lanes),
        "speed_limits": dict(sorted(rules.speed_limits.items())),
        "absent_robots": sorted(rules.absent_robots),
    }


def _record(picture: "TrafficPicture", robot: RobotId | None) -> dict[str, object]:
    return {
        "rules": _rules_record(picture.rules),
        "waits": [
            {
                "robot": wait.robot,
                "waits_for": list(wait.waits_for),
                "blocks": list(wait.blocks),
                "text": wait.text,
                "seconds": seconds_between(wait.since_ns, picture.stamp_ns),
            }
            for wait in picture.waits
            if robot in (None, wait.robot)
        ],
        "itineraries": [
            {
                "robot": clearance.robot,
                "nodes": [waypoint.node for waypoint in clearance.waypoints],
                "cleared_to": clearance.waypoints[clearance.cleared].node,
                "waiting_for": clearance.waiting_for,
            }
            for clearance in picture.clearances
            if robot in (None, clearance.robot)
        ],
    }

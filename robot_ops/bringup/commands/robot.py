"""`robot-ops robot`: list robots, stop them and release the stop."""

import argparse
import getpass
import math
from pathlib import Path
from typing import TYPE_CHECKING

from robot_ops.bringup.output import add_json, say, show_json, show_table
from robot_ops.core.errors import LinkError, RequestError
from robot_ops.core.ids import RobotId
from robot_ops.core.resources import shared_folder

if TYPE_CHECKING:
    from robot_ops.ros_nodes.fleet_messages import ListedRobot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="show where the robots are and what they do")
    stop = actions.add_parser("stop", help="latch the software stop")
    release = actions.add_parser("release", help="release the software stop; nothing starts to move by that alone")
    for change in (stop, release):
        change.add_argument("robots", nargs="*", metavar="ROBOT", help="as guide_1")
        change.add_argument("--all", action="store_true", help="all robots of the site")
        change.add_argument("--site", type=Path, default=None, help="site file (default: the immigration hall)")
    for action in (listing, stop, release):
        add_json(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask."""
    if arguments.action == "list":
        return _list(is_json=arguments.json)
    from robot_ops.site.files import load_site

    site = load_site(arguments.site or shared_folder("sites") / "immigration_hall.yaml")
    names = tuple(site.robots) if arguments.all else tuple(RobotId(name) for name in arguments.robots)
    if not names:
        raise RequestError("no robot is named", where="argument ROBOT", mend="name robots or give --all")
    for name in names:
        if name not in site.robots:
            raise RequestError(
                f"there is no robot {name!r}", where="argument ROBOT", mend=f"choose from {', '.join(site.robots)}"
            )
    return _set_stop(names, is_engaged=arguments.action == "stop", arguments=arguments)


def _list(*, is_json: bool) -> int:
    from robot_ops.ros_nodes.fleet_client import FleetClient

    with FleetClient() as fleet:
        robots = fleet.robots()
    if is_json:
        show_json([_record(robot) for robot in robots])
    else:
        show_table("Robots", ["robot", "where", "battery", "state", "mission"], [_row(robot) for robot in robots])
    return 0


def _row(listed: "ListedRobot") -> tuple[str, ...]:
    status = listed.status
    if status is None:
        silence = "never heard" if math.isnan(listed.silent_for) else f"not heard for {listed.silent_for:.0f} s"
        return (listed.robot, "-", "-", silence, "-")
    return (
        listed.robot,
        f"{status.at.level} ({status.at.pose.x:.1f}, {status.at.pose.y:.1f})" if status.at else "not localized",
        "-" if math.isnan(status.battery_soc) else f"{100 * status.battery_soc:.0f} %",
        "stopped" if status.is_stopped else "charging" if status.is_charging else "ready",
        status.mission_id or "-",
    )


def _record(listed: "ListedRobot") -> dict[str, object]:
    status = listed.status
    at = status.at if status else None
    return {
        "robot": listed.robot,
        "is_online": status is not None,
        "silent_for_s": listed.silent_for,
        "level": at.level if at else None,
        "x": at.pose.x if at else None,
        "y": at.pose.y if at else None,
        "yaw": at.pose.yaw if at else None,
        "battery_soc": status.battery_soc if status else None,
        "is_charging": status.is_charging if status else None,
        "is_stopped": status.is_stopped if status else None,
        "mission_id": status.mission_id if status else None,
    }


def _set_stop(robots: tuple[RobotId, ...], *, is_engaged: bool, arguments: argparse.Namespace) -> int:
    from robot_ops.ros_nodes.fleet_client import FleetClient

    with FleetClient() as fleet:
        failures = fleet.set_stops(robots, is_engaged=is_engaged, operator=getpass.getuser())
    if arguments.json:
        show_json({robot: failures.get(robot, "ok") for robot in robots})
    else:
        for robot in robots:
            say(f"{robot}: {failures.get(robot, 'stopped' if is_engaged else 'released')}")
    if failures:
        raise LinkError(f"{len(failures)} of {len(robots)} robots did not answer")
    return 0

"""`robot-ops robot`: list robots, stop them and release the stop."""

import argparse
import getpass
import math
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from robot_ops.bringup.output import add_json, say, show_json, show_table
from robot_ops.core.errors import LinkError, RequestError
from robot_ops.core.ids import RobotId
from robot_ops.core.resources import shared_folder
from robot_ops.dispatch.ports import RobotStatus

if TYPE_CHECKING:
    from robot_ops.ros_nodes.fleet_client import FleetClient

_LISTEN: Final = 15.0  # s at most
_QUIET: Final = 5.0  # s without a new robot; they report twice a second
_LOOK_EVERY: Final = 0.25  # s


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="show where the robots are and what they do")
    stop = actions.add_parser("stop", help="latch the software stop")
    release = actions.add_parser("release", help="release the software stop; nothing starts to move by that alone")
    for change in (stop, release):
        change.add_argument("robots", nargs="*", metavar="ROBOT", help="as guide_1")
        change.add_argument("--all", action="store_true", help="all robots of the site")
    for action in (listing, stop, release):
        action.add_argument("--site", type=Path, default=None, help="site file (default: the immigration hall)")
        add_json(action)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments ask."""
    from robot_ops.site.files import load_site

    site = load_site(arguments.site or shared_folder("sites") / "immigration_hall.yaml")
    if arguments.action == "list":
        return _list(tuple(site.robots), is_json=arguments.json)
    names = tuple(site.robots) if arguments.all else tuple(RobotId(name) for name in arguments.robots)
    if not names:
        raise RequestError("no robot is named", where="argument ROBOT", mend="name robots or give --all")
    for name in names:
        if name not in site.robots:
            raise RequestError(
                f"there is no robot {name!r}", where="argument ROBOT", mend=f"choose from {', '.join(site.robots)}"
            )
    return _set_stop(names, is_engaged=arguments.action == "stop", arguments=arguments)


def _list(robots: tuple[RobotId, ...], *, is_json: bool) -> int:
    from robot_ops.ros_nodes.fleet_client import FleetClient

    with FleetClient() as fleet:
        fleet.watch(robots)
        statuses = _listen(fleet)
    if not statuses:
        raise LinkError("no robot was heard: is the system running, on this ROS_DOMAIN_ID?")
    if is_json:
        show_json([_record(status) for status in statuses.values()])
        return 0
    rows = [
        (
            status.robot,
            f"{status.at.level} ({status.at.pose.x:.1f}, {status.at.pose.y:.1f})" if status.at else "not localized",
            "-" if math.isnan(status.battery_soc) else f"{100 * status.battery_soc:.0f} %",
            "stopped" if status.is_stopped else "charging" if status.is_charging else "ready",
            status.mission_id or "-",
        )
        for _, status in sorted(statuses.items())
    ]
    show_table("Robots", ["robot", "where", "battery", "state", "mission"], rows)
    return 0


def _listen(fleet: "FleetClient") -> dict[RobotId, RobotStatus]:
    """Return what robots say, once nobody new has been heard for a while."""
    pause, quiet, heard = threading.Event(), 0.0, 0
    for _ in range(round(_LISTEN / _LOOK_EVERY)):
        pause.wait(_LOOK_EVERY)
        count = len(fleet.statuses)
        quiet = quiet + _LOOK_EVERY if count == heard else 0.0
        heard = count
        if heard and quiet >= _QUIET:
            break
    return fleet.statuses


def _record(status: RobotStatus) -> dict[str, object]:
    return {
        "robot": status.robot,
        "level": status.at.level if status.at else None,
        "x": status.at.pose.x if status.at else None,
        "y": status.at.pose.y if status.at else None,
        "yaw": status.at.pose.yaw if status.at else None,
        "battery_soc": status.battery_soc,
        "is_charging": status.is_charging,
        "is_stopped": status.is_stopped,
        "mission_id": status.mission_id,
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

"""The missions, navigation and perception of one robot, or of several that share a small machine."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import cv2
from rclpy.node import Node
from rclpy.parameter import Parameter

from robot_ops.bringup.processes.entry import (
    clock_parameter,
    known_robots,
    parse_arguments,
    process_parser,
    run_process,
)
from robot_ops.core.ids import LevelId, RobotId
from robot_ops.core.poses import LevelPose
from robot_ops.core.resources import shared_folder
from robot_ops.ledger.custody_log import SqliteCustodyLog
from robot_ops.navigation.grid import LevelMap
from robot_ops.navigation.maps import load_maps
from robot_ops.perception.camera_people import HogPersonDetector
from robot_ops.perception.lidar_people import IsStatic
from robot_ops.ros_nodes import navigation_parameters, perception_node
from robot_ops.ros_nodes.attention import Attention
from robot_ops.ros_nodes.last_pose import LastPoseKeeper, read_last_pose
from robot_ops.ros_nodes.mission_node import MissionNode
from robot_ops.ros_nodes.navigation_node import NavigationNode
from robot_ops.ros_nodes.navigator_client import ActionNavigator
from robot_ops.ros_nodes.perception_node import PerceptionNode
from robot_ops.ros_nodes.runtime import ros, spin
from robot_ops.simulation.scenario import load_scenario
from robot_ops.site.model import RobotKind, Site

_WALL = 0.25  # m; what lies this near to something on the map is taken for a part of it


def main() -> None:
    """Run the robots named on the command line."""
    parser = process_parser(__doc__)
    parser.add_argument("--robots", nargs="+", required=True)
    arguments = parse_arguments(parser)
    cv2.setNumThreads(1)  # robots share their machine
    site = load_scenario(arguments.scenario).site
    robots = known_robots(arguments.robots, site)
    maps = load_maps(site.levels.values())
    with ExitStack() as stack:
        stack.enter_context(ros())
        nodes = [
            node
            for robot in robots
            for node in _robot_nodes(robot, site, maps, arguments.folder, clock_parameter(arguments), stack)
        ]
        spin(*nodes)


def _robot_nodes(
    name: RobotId,
    site: Site,
    maps: dict[LevelId, LevelMap],
    folder: Path,
    clock: Parameter,
    stack: ExitStack,
) -> tuple[Node, ...]:
    robot = site.robots[name]
    last_pose = folder / f"{name}.pose.json"
    sees_people = robot.model.kind is RobotKind.GUIDE
    perception = PerceptionNode(
        name,
        pose_at=lambda stamp_ns: navigation.pose_at(stamp_ns),  # noqa: PLW0108  each needs the other: bound late
        static_map_of=partial(_static_map, maps),
        detector=HogPersonDetector() if sees_people else None,
        overrides=[*perception_node.parameters_of(robot.model), clock],
    )
    navigation = NavigationNode(
        name,
        site=site,
        maps=maps,
        start=read_last_pose(last_pose) or _at_charger(site, name),
        tags=perception,
        overrides=[*navigation_parameters.parameters_of(robot.model), clock],
    )
    missions = MissionNode(
        robot=robot,
        site=site,
        navigator=ActionNavigator(navigation, navigation),
        people=perception,
        custody=stack.enter_context(SqliteCustodyLog(name, folder / f"{name}.custody.sqlite")),
        behaviors=shared_folder("behaviors"),
        overrides=[clock],
    )
    return (
        perception,
        navigation,
        missions,
        Attention(name, missions=missions, navigation=navigation, perception=perception),
        LastPoseKeeper(name, navigation=navigation, path=last_pose),
    )


def _static_map(maps: dict[LevelId, LevelMap], level: LevelId) -> IsStatic | None:
    level_map = maps.get(level)
    return None if level_map is None else lambda points: level_map.distances(points) < _WALL


def _at_charger(site: Site, robot: RobotId) -> LevelPose:
    """Return where a robot is switched on for the first time: docked at its charger."""
    charger = site.places[site.robots[robot].charger]
    at = site.pose_at(charger.id)
    return at if charger.dock is None else LevelPose(level=at.level, pose=charger.dock)


if __name__ == "__main__":
    run_process(main)

"""Writes launch/bridge/, which tells ros_gz_bridge what passes between Gazebo and ROS: tools/make_bridge.py [--check].

One file per robot of the world and one for the clock, read from the world's plugins and sensors. ROS names are the
world's own, except those that Gazebo chooses itself (battery) and the shared /tf.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parents[1]
WORLD = ROOT / "sim" / "worlds" / "immigration_hall.sdf"
FOLDER = ROOT / "launch" / "bridge"
PARAMS = "{http://sdformat.org/schemas/experimental}params"
HEADER = "# Written by tools/make_bridge.py from sim/worlds/{world}.\n"


def main() -> int:
    """Write the files; with --check only say whether they are what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when a file is not up to date")
    parser.add_argument("--world", type=Path, default=WORLD, help="SDF world")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for the files")
    arguments = parser.parse_args()
    stale = [
        path
        for path, text in bridge_files(arguments.world, arguments.folder).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if arguments.check:
        for path in stale:
            sys.stdout.write(f"{path} is not up to date\n")
        return int(bool(stale))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for path, text in bridge_files(arguments.world, arguments.folder).items():
        path.write_text(text, encoding="utf-8")
    return 0


def bridge_files(world: Path, folder: Path) -> dict[Path, str]:
    """Return the text of every file."""
    root = ET.parse(world).getroot()
    header = HEADER.format(world=world.name)
    clock = _topic("/clock", "/clock", "rosgraph_msgs/msg/Clock", "gz.msgs.Clock", "GZ_TO_ROS")
    files = {folder / "clock.yaml": header + clock}
    for include in root.iter("include"):
        drive = _plugin(include, "DiffDrive")
        if drive is not None:
            robot = include.findtext("name", "")
            files[folder / f"{robot}.yaml"] = header + "".join(_robot(robot, include, drive))
    return files


def _robot(robot: str, include: ET.Element, drive: ET.Element) -> Iterator[str]:
    commands, odometry = drive.findtext("topic", ""), drive.findtext("odom_topic", "")
    yield _topic(commands, commands, "geometry_msgs/msg/Twist", "gz.msgs.Twist", "ROS_TO_GZ")
    yield _topic(odometry, odometry, "nav_msgs/msg/Odometry", "gz.msgs.Odometry", "GZ_TO_ROS")
    yield _topic("/tf", drive.findtext("tf_topic", ""), "tf2_msgs/msg/TFMessage", "gz.msgs.Pose_V", "GZ_TO_ROS")
    for sensor in include.iterfind(f"{PARAMS}/sensor"):
        topic = sensor.findtext("topic", "")
        if sensor.get("element_id", "").endswith("::lidar"):
            yield _topic(topic, topic, "sensor_msgs/msg/LaserScan", "gz.msgs.LaserScan", "GZ_TO_ROS")
            continue
        info = f"{topic.rpartition('/')[0]}/camera_info"
        yield _topic(topic, topic, "sensor_msgs/msg/Image", "gz.msgs.Image", "GZ_TO_ROS", is_lazy=True)
        yield _topic(info, info, "sensor_msgs/msg/CameraInfo", "gz.msgs.CameraInfo", "GZ_TO_ROS", is_lazy=True)
    battery = _plugin(include, "LinearBatteryPlugin")
    if battery is not None:
        topic = f"/model/{robot}/battery/{battery.findtext('battery_name')}/state"  # Gazebo's own, it cannot be chosen
        ros_topic = f"/{robot}/battery_state"
        yield _topic(ros_topic, topic, "sensor_msgs/msg/BatteryState", "gz.msgs.BatteryState", "GZ_TO_ROS")


def _plugin(include: ET.Element, name: str) -> ET.Element | None:
    return next((each for each in include.iterfind("plugin") if each.get("name") == f"gz::sim::systems::{name}"), None)


def _topic(ros: str, gz: str, ros_type: str, gz_type: str, direction: str, *, is_lazy: bool = False) -> str:
    """Return one entry; a lazy one passes pictures on only while somebody listens."""
    lines = [
        f"- ros_topic_name: {ros}",
        f"  gz_topic_name: {gz}",
        f"  ros_type_name: {ros_type}",
        f"  gz_type_name: {gz_type}",
        f"  direction: {direction}",
        *(["  lazy: true"] if is_lazy else []),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())

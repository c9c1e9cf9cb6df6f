"""What the bridge files name is there: in the world on Gazebo's side, in the nodes on ROS' side."""

import ast
import runpy
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from robot_ops.site.files import load_site

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "launch" / "bridge"
WORLD = ROOT / "sim" / "worlds" / "immigration_hall.sdf"
ROBOTS = tuple(load_site(ROOT / "sites" / "immigration_hall.yaml").robots)
TYPES = {
    "rosgraph_msgs/msg/Clock": "gz.msgs.Clock",
    "geometry_msgs/msg/Twist": "gz.msgs.Twist",
    "nav_msgs/msg/Odometry": "gz.msgs.Odometry",
    "tf2_msgs/msg/TFMessage": "gz.msgs.Pose_V",
    "sensor_msgs/msg/LaserScan": "gz.msgs.LaserScan",
    "sensor_msgs/msg/Image": "gz.msgs.Image",
    "sensor_msgs/msg/CameraInfo": "gz.msgs.CameraInfo",
    "sensor_msgs/msg/BatteryState": "gz.msgs.BatteryState",
}
KEYS = {"ros_topic_name", "gz_topic_name", "ros_type_name", "gz_type_name", "direction", "lazy"}


def entries(name: str) -> list[dict[str, Any]]:
    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(content, list)
    return content


def gazebo_topics() -> set[str]:
    """Return the topics of the world's models: those it names, and those that Gazebo derives from them."""
    root = ET.parse(WORLD).getroot()
    tags = ("topic", "odom_topic", "tf_topic")
    topics = {element.text or "" for tag in tags for element in root.iter(tag)}
    topics |= {f"{topic.removesuffix('/image')}/camera_info" for topic in topics if topic.endswith("/image")}
    for include in root.iter("include"):
        topics |= {
            f"/model/{include.findtext('name')}/battery/{plugin.findtext('battery_name')}/state"
            for plugin in include.iter("plugin")
            if plugin.get("name") == "gz::sim::systems::LinearBatteryPlugin"
        }
    return topics


def test_files_are_what_the_generator_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["make_bridge.py", "--check"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "tools" / "make_bridge.py"), run_name="__main__")

    assert ended.value.code == 0


def test_there_is_a_bridge_for_the_clock_and_for_every_robot() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == {"clock", *ROBOTS}


@pytest.mark.parametrize("robot", ROBOTS)
def test_every_topic_is_in_the_world_and_has_the_name_that_nodes_use(robot: str) -> None:
    topics = gazebo_topics()
    cameras = ("front", "rear") if robot.startswith("guide") else ("front", "compartment")
    wanted = {f"/{robot}/{name}" for name in ("cmd_vel", "odom", "scan", "battery_state")} | {"/tf"}
    wanted |= {f"/{robot}/camera/{camera}/{name}" for camera in cameras for name in ("image", "camera_info")}

    bridged = entries(robot)

    assert {entry["ros_topic_name"] for entry in bridged} == wanted
    assert len(bridged) == len(wanted)
    for entry in bridged:
        assert entry["gz_topic_name"] in topics


@pytest.mark.parametrize("name", ["clock", *ROBOTS])
def test_entries_are_well_formed_and_only_commands_go_to_gazebo(name: str) -> None:
    for entry in entries(name):
        assert set(entry) <= KEYS
        assert TYPES[entry["ros_type_name"]] == entry["gz_type_name"]
        is_command = entry["ros_topic_name"].endswith("/cmd_vel")
        assert entry["direction"] == ("ROS_TO_GZ" if is_command else "GZ_TO_ROS")


def test_sensors_send_in_the_frames_that_the_launch_file_publishes() -> None:
    constants = constants_of(ROOT / "launch" / "gazebo.launch.py")
    for model in ("guide_robot", "courier_robot"):
        root = ET.parse(ROOT / "sim" / "models" / model / "model.sdf").getroot()
        (lidar,) = (sensor for sensor in root.iter("sensor") if sensor.get("name") == "lidar")
        x, y, z, *rotation = (float(value) for value in lidar.findtext("pose", "").split())
        assert (x, y, z, *rotation) == (0.0, 0.0, constants["LIDAR_HEIGHT"], 0.0, 0.0, 0.0)
    frames = {element.text for element in ET.parse(WORLD).getroot().iter("gz_frame_id")}
    assert {f"{robot}/lidar_link" for robot in ROBOTS} <= frames


def constants_of(file: Path) -> dict[str, float]:
    """Return the numbers that a file names at its top, without running it: it imports what only ROS has."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }

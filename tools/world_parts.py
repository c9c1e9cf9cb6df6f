"""Parts of a Gazebo world (SDF 1.9) as XML elements: boxes, includes, tags, doors, lifts, robots."""

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from robot_ops.core.poses import Pose
from robot_ops.site.model import Door, Lift, Robot, RobotKind, Site

PARAMS = "experimental:params"
TAG_EDGE = 0.18  # meters, of the black square
TAG_MODULES = 8  # modules along the black square of 36h11; the picture has one white module more on each side
WALL = 0.15
DOOR_HEIGHT = 2.1
LEAF = 0.05
SHAFT = 2.0  # meters inside
LIFT_OPENING = 1.2
MATERIALS = {
    "wall": "0.88 0.87 0.83 1",
    "inner_wall": "0.80 0.84 0.86 1",
    "floor": "0.62 0.62 0.60 1",
    "slab": "0.72 0.70 0.66 1",
    "glass": "0.65 0.82 0.88 0.35",
    "metal": "0.55 0.57 0.60 1",
    "door": "0.35 0.52 0.62 1",
}
CAMERAS = {RobotKind.GUIDE: ("front", "rear"), RobotKind.COURIER: ("front", "compartment")}


def add_text(parent: ET.Element, tag: str, text: object, **attributes: str) -> ET.Element:
    """Add <tag>text</tag>."""
    element = ET.SubElement(parent, tag, attributes)
    element.text = str(text)
    return element


def numbers(values: Sequence[float]) -> str:
    """Return numbers as SDF writes them, to a tenth of a millimeter."""
    return " ".join(f"{round(value, 4) + 0.0:g}" for value in values)


def new_world(name: str, *, center: Sequence[float], size: Sequence[float]) -> tuple[ET.Element, ET.Element]:
    """Return the <sdf> element and its empty world with systems, physics, light and ground.

    Args:
        center, size: of the ground that is seen, [x, y], meters.
    """
    root = ET.Element("sdf", {"version": "1.9", "xmlns:experimental": "http://sdformat.org/schemas/experimental"})
    world = ET.SubElement(root, "world", name=name)
    physics = ET.SubElement(world, "physics", name="4ms", type="ignored")
    add_text(physics, "max_step_size", 0.004)
    add_text(physics, "real_time_factor", 1.0)
    for system, kind in (
        ("physics", "Physics"),
        ("user-commands", "UserCommands"),
        ("scene-broadcaster", "SceneBroadcaster"),
        ("contact", "Contact"),
    ):
        ET.SubElement(world, "plugin", filename=f"gz-sim-{system}-system", name=f"gz::sim::systems::{kind}")
    sensors = ET.SubElement(world, "plugin", filename="gz-sim-sensors-system", name="gz::sim::systems::Sensors")
    add_text(sensors, "render_engine", "ogre2")
    scene = ET.SubElement(world, "scene")
    add_text(scene, "ambient", "0.6 0.6 0.6 1")
    add_text(scene, "background", "0.75 0.80 0.85 1")
    add_text(scene, "shadows", "false")
    light = ET.SubElement(world, "light", name="daylight", type="directional")
    add_text(light, "pose", numbers([*center, 20, 0, 0, 0]))
    add_text(light, "cast_shadows", "false")
    add_text(light, "diffuse", "0.7 0.7 0.7 1")
    add_text(light, "specular", "0.1 0.1 0.1 1")
    add_text(light, "direction", "-0.3 0.4 -0.9")
    ground = ET.SubElement(world, "model", name="ground")
    add_text(ground, "static", "true")
    link = ET.SubElement(ground, "link", name="link")
    for tag in ("collision", "visual"):
        shape = ET.SubElement(link, tag, name=tag)
        if tag == "visual":
            add_text(shape, "pose", numbers([*center, 0, 0, 0, 0]))
        plane = ET.SubElement(ET.SubElement(shape, "geometry"), "plane")
        add_text(plane, "normal", "0 0 1")
        add_text(plane, "size", numbers(size))
        if tag == "visual":
            add_material(shape, "floor")
    return root, world


def add_material(shape: ET.Element, name: str) -> None:
    """Add one of the building's materials."""
    material = ET.SubElement(shape, "material")
    for kind in ("ambient", "diffuse"):
        add_text(material, kind, MATERIALS[name])


def add_box(
    link: ET.Element, name: str, *, low: Sequence[float], high: Sequence[float], material: str = "wall"
) -> None:
    """Add a box between two corners, as collision and visual."""
    size = [b - a for a, b in zip(low, high, strict=True)]
    center = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    for tag in ("collision", "visual"):
        shape = ET.SubElement(link, tag, name=f"{name}_{tag}")
        add_text(shape, "pose", numbers([*center, 0, 0, 0]))
        add_text(ET.SubElement(ET.SubElement(shape, "geometry"), "box"), "size", numbers(size))
        if tag == "visual":
            add_material(shape, material)


def add_include(
    world: ET.Element, name: str, model: str, pose: Sequence[float], *, is_static: bool = False
) -> ET.Element:
    """Add a model from sim/models."""
    include = ET.SubElement(world, "include")
    add_text(include, "uri", f"model://{model}")
    add_text(include, "name", name)
    add_text(include, "pose", numbers(pose))
    if is_static:
        add_text(include, "static", "true")
    return include


def add_tag(world: ET.Element, tag: int, at: Pose, height: float) -> None:
    """Add a tag plate; `at` is the point below its center, heading away from the robot that looks at it."""
    model = ET.SubElement(world, "model", name=f"tag_{tag}")
    add_text(model, "static", "true")
    add_text(model, "pose", numbers([at.x, at.y, height, 0, 0, at.yaw]))
    visual = ET.SubElement(ET.SubElement(model, "link", name="link"), "visual", name="plate")
    mesh = ET.SubElement(ET.SubElement(visual, "geometry"), "mesh")
    add_text(mesh, "uri", "model://april_tags/meshes/plate.obj")
    edge = TAG_EDGE * (TAG_MODULES + 2) / TAG_MODULES
    add_text(mesh, "scale", numbers([edge, edge, edge]))
    material = ET.SubElement(visual, "material")
    for kind in ("ambient", "diffuse"):
        add_text(material, kind, "1 1 1 1")
    metal = ET.SubElement(ET.SubElement(material, "pbr"), "metal")
    add_text(metal, "albedo_map", f"model://april_tags/materials/textures/tag36h11_{tag:05d}.png")
    add_text(metal, "metalness", "0")
    add_text(metal, "roughness", "1")


def _add_sliding(
    model: ET.Element, *, joint: str, link: str, axis: Sequence[float], upper: float, topic: str, gain: float = 4000
) -> None:
    element = ET.SubElement(model, "joint", name=joint, type="prismatic")
    add_text(element, "parent", "frame")
    add_text(element, "child", link)
    axis_element = ET.SubElement(element, "axis")
    add_text(axis_element, "xyz", numbers(axis), expressed_in="__model__")
    limit = ET.SubElement(axis_element, "limit")
    add_text(limit, "lower", 0)
    add_text(limit, "upper", numbers([upper]))
    add_text(ET.SubElement(axis_element, "dynamics"), "damping", 50)
    plugin = ET.SubElement(
        model,
        "plugin",
        filename="gz-sim-joint-position-controller-system",
        name="gz::sim::systems::JointPositionController",
    )
    add_text(plugin, "joint_name", joint)
    add_text(plugin, "topic", topic)
    add_text(plugin, "p_gain", gain)
    add_text(plugin, "d_gain", gain / 4)
    add_text(plugin, "cmd_max", gain)
    add_text(plugin, "cmd_min", -gain)


def _add_frame(model: ET.Element) -> ET.Element:
    """Add the part of a door or lift that stands still, and fix it to the world."""
    joint = ET.SubElement(model, "joint", name="frame_joint", type="fixed")
    add_text(joint, "parent", "world")
    add_text(joint, "child", "frame")
    return ET.SubElement(model, "link", name="frame")


def _add_moving_link(model: ET.Element, name: str, mass: float) -> ET.Element:
    link = ET.SubElement(model, "link", name=name)
    add_text(link, "gravity", "false")
    inertial = ET.SubElement(link, "inertial")
    add_text(inertial, "mass", mass)
    inertia = ET.SubElement(inertial, "inertia")
    for name_of, value in (("ixx", mass), ("iyy", mass), ("izz", mass), ("ixy", 0), ("ixz", 0), ("iyz", 0)):
        add_text(inertia, name_of, value)
    return link


def add_door(world: ET.Element, door: Door, elevation: float) -> None:
    """Add a sliding door: `leaf_joint` is 0 closed and the leaf's width open, sliding from start towards end."""
    (x0, y0), (x1, y1) = door.start, door.end
    width = math.hypot(x1 - x0, y1 - y0)
    model = ET.SubElement(world, "model", name=door.id)
    add_text(model, "pose", numbers([x0, y0, elevation, 0, 0, math.atan2(y1 - y0, x1 - x0)]))
    frame = _add_frame(model)
    half = WALL / 2
    add_box(frame, "lintel", low=(0, -half, DOOR_HEIGHT), high=(width, half, 3.0), material="inner_wall")
    leaf = _add_moving_link(model, "leaf", 30)
    aside = half + 0.02  # the leaf runs along the wall's outer face
    add_box(leaf, "leaf", low=(0, -aside - LEAF, 0.01), high=(width, -aside, DOOR_HEIGHT), material="door")
    _add_sliding(model, joint="leaf_joint", link="leaf", axis=(1, 0, 0), upper=width, topic=f"/{door.id}/leaf")


def add_lift(world: ET.Element, lift: Lift, site: Site) -> None:
    """Add a lift: `cabin_joint` is the cabin's height above the lowest stop, `door_<level>_joint` 0 closed."""
    levels = sorted(lift.stops, key=lambda level: site.levels[level].elevation)
    low, high = (site.levels[level].elevation for level in (levels[0], levels[-1]))
    stop = site.nodes[lift.stops[levels[0]]]
    lobby = site.nodes[lift.lobbies[levels[0]]]
    model = ET.SubElement(world, "model", name=lift.id)
    add_text(model, "pose", numbers([stop.x, stop.y, low, 0, 0, math.atan2(lobby.y - stop.y, lobby.x - stop.x)]))
    frame = _add_frame(model)
    half, outer, opening, top = SHAFT / 2, SHAFT / 2 + 0.1, LIFT_OPENING / 2, high - low + 2.6
    add_box(frame, "back", low=(-outer, -outer, 0), high=(-half, outer, top), material="metal")
    add_box(frame, "right", low=(-half, -outer, 0), high=(outer, -half, top), material="glass")
    add_box(frame, "left", low=(-half, half, 0), high=(outer, outer, top), material="glass")
    add_box(frame, "front_right", low=(half, -half, 0), high=(outer, -opening, top), material="metal")
    add_box(frame, "front_left", low=(half, opening, 0), high=(outer, half, top), material="metal")
    cabin = _add_moving_link(model, "cabin", 300)
    wall = half - 0.05
    add_box(cabin, "floor", low=(-wall, -wall, -0.1), high=(wall + 0.1, wall, 0.0), material="slab")
    add_box(cabin, "back", low=(-wall, -wall, 0), high=(0.04 - wall, wall, 2.2), material="metal")
    for side, sign in (("right", -1), ("left", 1)):
        inner, face = sorted((sign * (wall - 0.04), sign * wall))
        add_box(cabin, side, low=(0.04 - wall, inner, 0), high=(wall, face, 2.2), material="glass")
    _add_sliding(
        model,
        joint="cabin_joint",
        link="cabin",
        axis=(0, 0, 1),
        upper=high - low,
        topic=f"/{lift.id}/cabin",
        gain=40000,
    )
    for level in levels:
        base = site.levels[level].elevation - low
        leaf = _add_moving_link(model, f"door_{level}", 30)
        near, far = (
            (outer + 0.02, -opening - 0.02, base + 0.01),
            (outer + 0.02 + LEAF, opening + 0.02, base + DOOR_HEIGHT),
        )
        add_box(leaf, "leaf", low=near, high=far, material="door")
        _add_sliding(
            model,
            joint=f"door_{level}_joint",
            link=f"door_{level}",
            axis=(0, 1, 0),
            upper=LIFT_OPENING + 0.04,
            topic=f"/{lift.id}/door_{level}",
        )


def add_robot(world: ET.Element, robot: Robot, start: Pose, elevation: float) -> None:
    """Add a robot with topics and frames of its own."""
    model = "guide_robot" if robot.model.kind is RobotKind.GUIDE else "courier_robot"
    include = add_include(world, robot.id, model, (start.x, start.y, elevation, 0, 0, start.yaw))
    drive = ET.SubElement(include, "plugin", filename="gz-sim-diff-drive-system", name="gz::sim::systems::DiffDrive")
    for tag, text in (
        ("left_joint", "left_wheel_joint"),
        ("right_joint", "right_wheel_joint"),
        ("wheel_separation", 0.4),
        ("wheel_radius", 0.08),
        ("max_linear_velocity", robot.model.max_speed),
        ("max_linear_acceleration", robot.model.max_acceleration),
        ("min_linear_acceleration", -robot.model.max_deceleration),
        ("max_angular_velocity", robot.model.max_yaw_rate),
        ("topic", f"/{robot.id}/cmd_vel"),
        ("odom_topic", f"/{robot.id}/odom"),
        ("tf_topic", f"/{robot.id}/tf"),
        ("frame_id", f"{robot.id}/odom"),
        ("child_frame_id", f"{robot.id}/base_link"),
        ("odom_publish_frequency", 20),
    ):
        add_text(drive, tag, text)
    voltage = 24
    battery = ET.SubElement(
        include, "plugin", filename="gz-sim-linearbatteryplugin-system", name="gz::sim::systems::LinearBatteryPlugin"
    )
    capacity = robot.model.battery_wh / voltage
    for tag, text in (
        ("battery_name", "battery"),
        ("voltage", voltage),
        ("open_circuit_voltage_constant_coef", voltage),
        ("initial_charge", numbers([capacity])),
        ("capacity", numbers([capacity])),
        ("resistance", 0.07),
        ("power_load", numbers([robot.model.idle_w])),
    ):
        add_text(battery, tag, text)
    for compartment in robot.model.compartments:
        lid = ET.SubElement(
            include,
            "plugin",
            filename="gz-sim-joint-position-controller-system",
            name="gz::sim::systems::JointPositionController",
        )
        for tag, text in (("joint_name", f"{compartment}_lid"), ("topic", f"/{robot.id}/{compartment}/lid")):
            add_text(lid, tag, text)
        for tag, text in (("p_gain", 4), ("d_gain", 0.4), ("cmd_max", 4), ("cmd_min", -4)):
            add_text(lid, tag, text)
    params = ET.SubElement(include, PARAMS)
    _add_topics(params, "lidar", f"/{robot.id}/scan", f"{robot.id}/lidar_link")
    for camera in CAMERAS[robot.model.kind]:
        _add_topics(params, camera, f"/{robot.id}/camera/{camera}/image", f"{robot.id}/{camera}_camera_optical_frame")


def _add_topics(params: ET.Element, sensor: str, topic: str, frame: str) -> None:
    element = ET.SubElement(params, "sensor", element_id=f"base_link::{sensor}", action="modify")
    add_text(element, "topic", topic)
    add_text(element, "gz_frame_id", frame)

"""Reads what hangs on SDF links: shapes, materials, sensors; and plugins."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from robot_ops.simulation import sdf
from robot_ops.simulation.sdf_frames import Scope
from robot_ops.simulation.sdf_xml import Element, read_pose
from robot_ops.simulation.transforms import Transform

FindFile = Callable[[str, Element], Path]

_LIDARS = ("gpu_lidar", "lidar", "ray", "gpu_ray")


def read_link(element: Element, prefix: str, pose: Transform, scope: Scope, find: FindFile) -> sdf.Link:
    """Return a link whose pose in its model is known.

    Raises:
        WorldError: something in it is wrong.
    """

    def place(child: Element) -> Transform:
        relative_to, pose_there = read_pose(child)
        if not relative_to or relative_to == element.name:
            return pose_there
        link = scope.pose_of(element.name, element)
        return link.inverse().compose(scope.pose_of(relative_to, child)).compose(pose_there)

    return sdf.Link(
        name=prefix + element.name,
        pose_in_model=pose,
        mass=element.number("inertial", "mass", default=math.nan),
        visuals=tuple(_read_shape(child, place(child), find) for child in element.all("visual")),
        collisions=tuple(_read_shape(child, place(child), find) for child in element.all("collision")),
        sensors=tuple(_read_sensor(child, place(child)) for child in element.all("sensor")),
    )


def _read_shape(element: Element, pose: Transform, find: FindFile) -> sdf.Shape:
    material = element.child("material")
    return sdf.Shape(
        name=element.name,
        pose_in_link=pose,
        geometry=_read_geometry(element.need("geometry"), find),
        material=_read_material(material, element, find) if material is not None else None,
        where=element.where,
    )


def _positive(element: Element, *path: str) -> float:
    found = element.need(*path)
    value = found.floats(1)[0]
    if value <= 0:
        raise found.error(f"must be above 0, is {value}")
    return value


def _read_geometry(element: Element, find: FindFile) -> sdf.Geometry:
    if not element.children:
        raise element.error("is empty", "add a box, cylinder, capsule, sphere, plane or mesh")
    shape = element.children[0]
    match shape.tag:
        case "box":
            size = shape.need("size").vector()
            if min(size) <= 0:
                raise shape.error(f"sides must be above 0, are {size}")
            return sdf.Box(size=size)
        case "cylinder":
            return sdf.Cylinder(radius=_positive(shape, "radius"), length=_positive(shape, "length"))
        case "capsule":
            return sdf.Capsule(radius=_positive(shape, "radius"), length=_positive(shape, "length"))
        case "sphere":
            return sdf.Sphere(radius=_positive(shape, "radius"))
        case "plane":
            normal, size_of = shape.child("normal"), shape.child("size")
            x, y = size_of.floats(2) if size_of is not None else (1.0, 1.0)
            return sdf.Plane(normal=normal.vector() if normal is not None else (0.0, 0.0, 1.0), size=(x, y))
        case "mesh":
            return _read_mesh(shape, find)
        case other:
            raise shape.error(
                f"the geometry <{other}> is not understood", "use box, cylinder, capsule, sphere, plane or mesh"
            )


def _read_mesh(element: Element, find: FindFile) -> sdf.Mesh:
    uri = element.need("uri")
    file = find(uri.text, uri)
    if file.suffix.lower() != ".obj":
        raise uri.error(f"a mesh of kind {file.suffix!r} is not understood", "convert it to Wavefront OBJ")
    scale = element.child("scale")
    return sdf.Mesh(file=file, scale=scale.vector() if scale is not None else (1.0, 1.0, 1.0))


def _read_color(element: Element) -> tuple[float, float, float, float]:
    words = element.text.split()
    r, g, b, a = element.floats(4) if len(words) != 3 else [*element.floats(3), 1.0]
    return (r, g, b, a)


def _read_material(element: Element, visual: Element, find: FindFile) -> sdf.Material:
    diffuse = element.child("diffuse") or element.child("ambient")
    rgba = _read_color(diffuse) if diffuse is not None else (0.7, 0.7, 0.7, 1.0)
    albedo = element.child("pbr", "metal", "albedo_map") or element.child("pbr", "specular", "albedo_map")
    texture = find(albedo.text, albedo) if albedo is not None else None
    if texture is not None and diffuse is None:
        rgba = (1.0, 1.0, 1.0, 1.0)
    transparency = visual.number("transparency", default=0.0)
    emissive = element.child("emissive")
    return sdf.Material(
        rgba=(rgba[0], rgba[1], rgba[2], rgba[3] * (1.0 - transparency)),
        emissive=max(_read_color(emissive)[:3]) if emissive is not None else 0.0,
        texture=texture,
    )


def _read_sensor(element: Element, pose: Transform) -> sdf.Sensor:
    kind = element.attributes.get("type", "")
    rate = element.number("update_rate", default=0.0)
    device: sdf.Camera | sdf.Lidar | None = None
    if kind == "camera":
        camera = element.need("camera")
        _, camera_pose = read_pose(camera)
        pose = pose.compose(camera_pose)
        device = sdf.Camera(
            width_px=round(camera.number("image", "width", default=320)),
            height_px=round(camera.number("image", "height", default=240)),
            horizontal_fov=camera.number("horizontal_fov", default=1.047),
            near=camera.number("clip", "near", default=0.1),
            far=camera.number("clip", "far", default=100.0),
            update_rate=rate,
        )
        if not 0 < device.horizontal_fov < math.pi or device.width_px < 1 or device.height_px < 1:
            raise camera.error("the camera's picture or angle of view is not above 0 (and below pi)")
    elif kind in _LIDARS:
        device = _read_lidar(element.child("lidar") or element.need("ray"), rate)
    return sdf.Sensor(name=element.name, kind=kind, pose_in_link=pose, device=device, where=element.where)


def _read_lidar(element: Element, rate: float) -> sdf.Lidar:
    scan = element.need("scan", "horizontal")
    lidar = sdf.Lidar(
        samples=round(_positive(scan, "samples")),
        min_angle=scan.number("min_angle", default=-math.pi),
        max_angle=scan.number("max_angle", default=math.pi),
        range_min=element.number("range", "min", default=0.05),
        range_max=_positive(element, "range", "max"),
        noise=element.number("noise", "stddev", default=0.0),
        update_rate=rate,
    )
    if lidar.samples < 2 or lidar.max_angle <= lidar.min_angle or lidar.range_max <= lidar.range_min:
        raise element.error("the lidar needs 2 samples or more, max_angle above min_angle and range max above min")
    return lidar


def read_plugin(element: Element) -> sdf.Plugin:
    """Return a plugin element."""
    return sdf.Plugin(
        filename=element.attributes.get("filename", ""), name=element.attributes.get("name", ""), parameters=element
    )


def read_diff_drive(plugins: Sequence[sdf.Plugin]) -> sdf.DiffDrive | None:
    """Return the parameters of the first DiffDrive plugin, or None.

    Raises:
        WorldError: they are wrong.
    """
    for plugin in plugins:
        if plugin.name.endswith("::DiffDrive") or "diff-drive" in plugin.filename:
            return sdf.DiffDrive(
                left_joints=tuple(e.text for e in plugin.parameters.all("left_joint")),
                right_joints=tuple(e.text for e in plugin.parameters.all("right_joint")),
                wheel_separation=_positive(plugin.parameters, "wheel_separation"),
                wheel_radius=_positive(plugin.parameters, "wheel_radius"),
            )
    return None

"""A world as an SDF file describes it, with includes followed and every pose resolved.

Poses are numbers here: of links and joints in the frame of the model that stands in the world, of shapes and sensors
in their link. Names of nested models' parts are scoped ("arm::hand").
"""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from robot_ops.simulation.sdf_xml import Element
from robot_ops.simulation.transforms import Transform

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A box around its origin; full side lengths in meters."""

    size: Vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Cylinder:
    """A cylinder along z around its origin, meters."""

    radius: float
    length: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Capsule:
    """A capsule along z around its origin; `length` is that of the cylindrical part, meters."""

    radius: float
    length: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sphere:
    """A sphere around its origin, meters."""

    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A plane through its origin, without end for physics; visible over `size` (x, y) meters."""

    normal: Vector
    size: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """A Wavefront OBJ file, scaled."""

    file: Path
    scale: Vector = (1.0, 1.0, 1.0)


Geometry = Box | Cylinder | Capsule | Sphere | Plane | Mesh


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """How a surface looks: color as (r, g, b, a) in 0-1, and a picture (PNG) laid over it or None."""

    rgba: tuple[float, float, float, float] = (0.7, 0.7, 0.7, 1.0)
    emissive: float = 0.0
    texture: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A visual or a collision; `material` is None for collisions and plain visuals."""

    name: str
    pose_in_link: Transform
    geometry: Geometry
    material: Material | None
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """What a camera sees: picture size in pixels, horizontal angle of view in radians, clipping in meters."""

    width_px: int
    height_px: int
    horizontal_fov: float
    near: float
    far: float
    update_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lidar:
    """A planar lidar: rays from min_angle through max_angle in radians, ranges in meters."""

    samples: int
    min_angle: float
    max_angle: float
    range_min: float
    range_max: float
    noise: float
    update_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A sensor on a link; `device` is None for kinds that are not understood."""

    name: str
    kind: str
    pose_in_link: Transform
    device: Camera | Lidar | None
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A rigid part. `mass` is NaN where the file says nothing."""

    name: str
    pose_in_model: Transform
    mass: float
    visuals: tuple[Shape, ...]
    collisions: tuple[Shape, ...]
    sensors: tuple[Sensor, ...]


class JointKind(Enum):
    """How a joint lets its child move."""

    FIXED = "fixed"
    REVOLUTE = "revolute"
    CONTINUOUS = "continuous"
    PRISMATIC = "prismatic"
    BALL = "ball"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """A joint between two links ("world" may be the parent).

    Attributes:
        pose_in_model: at its zero position.
        axis_in_model: unit vector; (0, 0, 0) for fixed and ball joints.
        lower, upper: meters or radians; infinite where the file sets no limit.
    """

    name: str
    kind: JointKind
    parent: str
    child: str
    pose_in_model: Transform
    axis_in_model: Vector
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A plugin with its parameters as they stand in the file."""

    filename: str
    name: str
    parameters: Element


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffDrive:
    """What gz-sim's DiffDrive plugin is told; meters."""

    left_joints: tuple[str, ...]
    right_joints: tuple[str, ...]
    wheel_separation: float
    wheel_radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that stands in the world, with all that is nested in it.

    Attributes:
        source: name of the included model ("guide_robot" of model://guide_robot), empty when written in place.
    """

    name: str
    source: str
    is_static: bool
    pose_in_world: Transform
    links: dict[str, Link]
    joints: dict[str, Joint]
    plugins: tuple[Plugin, ...]
    where: str
    diff_drive: DiffDrive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All models of a world file, in the file's order."""

    name: str
    file: Path
    models: dict[str, Model] = field(default_factory=dict)

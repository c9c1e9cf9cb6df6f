"""Who is who in a world file: which models are robots, doors and lifts of a site, and what merely stands there.

Conventions: a robot is an included model named by its id; a door is a model named by its id with a prismatic joint
`leaf_joint`; a lift is a model named by its id with a prismatic `cabin_joint` (zero at its lowest stop) and one
prismatic `door_<level>_joint` per level; a courier's lids hang on revolute joints `<compartment>_lid`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from robot_ops.core.errors import WorldError
from robot_ops.core.ids import DoorId, LevelId, LiftId, RobotId
from robot_ops.simulation import sdf
from robot_ops.simulation.transforms import Transform
from robot_ops.site.model import Site

LEAF_JOINT: Final = "leaf_joint"
CABIN_JOINT: Final = "cabin_joint"
LIDAR: Final = "lidar"
"""Name of the sensor that every robot has."""
LIDAR_HEIGHT: Final = 0.30
"""Height of the robots' lidar plane above the floor, in meters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedShape:
    """A visual or collision and its pose: in the world, or in the frame of the mover or robot that carries it."""

    shape: sdf.Shape
    pose: Transform
    is_collision: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Something that slides along a straight line: a door's leaf or a lift's cabin.

    Attributes:
        pose_in_world: of the frame that its shapes are placed in, at joint position 0.
        axis_in_world: unit vector.
        open_at: joint position, in meters, of the end of its way (the limit that is farther from 0).
    """

    pose_in_world: Transform
    axis_in_world: sdf.Vector
    open_at: float
    shapes: tuple[PlacedShape, ...]

    def pose_at(self, position: float) -> Transform:
        """Return the pose in the world at a joint position in meters."""
        x, y, z = self.pose_in_world.position
        ax, ay, az = self.axis_in_world
        return Transform((x + ax * position, y + ay * position, z + az * position), self.pose_in_world.quaternion)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftLayout:
    """A lift's cabin and the door of each level."""

    cabin: Mover
    doors: dict[LevelId, Mover]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hinge:
    """A lid's hinge, in the robot's base frame; `open_at` in radians."""

    pose_in_base: Transform
    axis_in_base: sdf.Vector
    open_at: float
    shapes: tuple[PlacedShape, ...]

    def pose_at(self, angle: float) -> Transform:
        """Return the pose, in the base frame, of the frame that the shapes are placed in."""
        turn = Transform.from_axis_angle(self.axis_in_base, angle)
        turned = Transform(
            (0.0, 0.0, 0.0), turn.compose(Transform((0.0, 0.0, 0.0), self.pose_in_base.quaternion)).quaternion
        )
        return Transform(self.pose_in_base.position, turned.quaternion)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedSensor:
    """A sensor and its pose in the robot's base frame."""

    sensor: sdf.Sensor
    pose_in_base: Transform


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotLayout:
    """A robot's body: shapes in its base frame, lids by compartment, sensors by name; mass in kg."""

    mass: float
    shapes: tuple[PlacedShape, ...]
    lids: dict[str, Hinge]
    sensors: dict[str, PlacedSensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A world file as one site's simulation needs it."""

    statics: tuple[PlacedShape, ...]
    robots: dict[RobotId, RobotLayout]
    doors: dict[DoorId, Mover]
    lifts: dict[LiftId, LiftLayout]


def lay_out(world: sdf.World, site: Site) -> Layout:
    """Return who is who.

    Raises:
        WorldError: a robot, door or lift of the site is missing or not built as the conventions ask.
    """
    statics: list[PlacedShape] = []
    robots: dict[RobotId, RobotLayout] = {}
    doors: dict[DoorId, Mover] = {}
    lifts: dict[LiftId, LiftLayout] = {}
    for name, model in world.models.items():
        if name in site.robots:
            robot = RobotId(name)
            robots[robot] = _robot_layout(model, site.robots[robot].model.compartments)
        elif name in site.doors:
            groups = _groups(model, {LEAF_JOINT})
            doors[DoorId(name)] = _mover(model, LEAF_JOINT, groups)
            statics += _in_world(model, groups[""])
        elif name in site.lifts:
            lift = LiftId(name)
            joints = {level: f"door_{level}_joint" for level in site.lifts[lift].stops}
            groups = _groups(model, {CABIN_JOINT, *joints.values()})
            lifts[lift] = LiftLayout(
                cabin=_mover(model, CABIN_JOINT, groups),
                doors={level: _mover(model, joint, groups) for level, joint in joints.items()},
            )
            statics += _in_world(model, groups[""])
        else:
            statics += _in_world(model, _groups(model, set())[""])
    for kind, wanted, found in (
        ("robot", site.robots, robots),
        ("door", site.doors, doors),
        ("lift", site.lifts, lifts),
    ):
        missing = [str(name) for name in wanted if name not in found]
        if missing:
            raise WorldError(
                f"has no model for the {kind} {missing[0]!r} of site {site.name}",
                where=str(world.file),
                mend=f"add a model with the {kind}'s id as its name",
            )
    return Layout(statics=tuple(statics), robots=robots, doors=doors, lifts=lifts)


def _groups(model: sdf.Model, moving: set[str]) -> dict[str, list[PlacedShape]]:
    """Return the shapes by the joint that moves them ("" for none); poses are in the model's frame."""
    parent_joint = {joint.child: joint for joint in model.joints.values()}
    groups: dict[str, list[PlacedShape]] = {"": [], **{name: [] for name in moving}}
    for link in model.links.values():
        mover, name, seen = "", link.name, {link.name}
        while name in parent_joint:
            joint = parent_joint[name]
            if joint.name in moving:
                mover = joint.name
                break
            name = joint.parent
            if name in seen:
                raise WorldError(f"the joints of {model.name} form a circle at {name}", where=model.where)
            seen.add(name)
        for shapes, is_collision in ((link.visuals, False), (link.collisions, True)):
            groups[mover] += [
                PlacedShape(shape=s, pose=link.pose_in_model.compose(s.pose_in_link), is_collision=is_collision)
                for s in shapes
            ]
    return groups


def _in_world(model: sdf.Model, shapes: list[PlacedShape]) -> list[PlacedShape]:
    return [
        PlacedShape(shape=s.shape, pose=model.pose_in_world.compose(s.pose), is_collision=s.is_collision)
        for s in shapes
    ]


def _joint(model: sdf.Model, name: str, kinds: tuple[sdf.JointKind, ...]) -> sdf.Joint:
    joint = model.joints.get(name)
    if joint is None or joint.kind not in kinds:
        wanted = " or ".join(kind.value for kind in kinds)
        raise WorldError(f"{model.name} has no {wanted} joint {name!r}", where=model.where, mend="add it")
    return joint


def _open_at(model: sdf.Model, joint: sdf.Joint) -> float:
    open_at = joint.upper if abs(joint.upper) >= abs(joint.lower) else joint.lower
    if not abs(open_at) < 1e6:
        raise WorldError(f"joint {joint.name!r} of {model.name} has no limits", where=model.where, mend="add them")
    return open_at


def _mover(model: sdf.Model, name: str, groups: Mapping[str, list[PlacedShape]]) -> Mover:
    joint = _joint(model, name, (sdf.JointKind.PRISMATIC,))
    return Mover(
        pose_in_world=model.pose_in_world,
        axis_in_world=model.pose_in_world.rotate(joint.axis_in_model),
        open_at=_open_at(model, joint),
        shapes=tuple(groups[name]),
    )


def _robot_layout(model: sdf.Model, compartments: tuple[str, ...]) -> RobotLayout:
    names = {compartment: f"{compartment}_lid" for compartment in compartments}
    groups = _groups(model, set(names.values()))
    drive = model.diff_drive
    wheels = {
        model.joints[j].child for j in (drive.left_joints + drive.right_joints if drive else ()) if j in model.joints
    }
    lids = {}
    for compartment, name in names.items():
        joint = _joint(model, name, (sdf.JointKind.REVOLUTE,))
        back = joint.pose_in_model.inverse()
        lids[compartment] = Hinge(
            pose_in_base=joint.pose_in_model,
            axis_in_base=joint.axis_in_model,
            open_at=_open_at(model, joint),
            shapes=tuple(
                PlacedShape(shape=s.shape, pose=back.compose(s.pose), is_collision=False)
                for s in groups[name]
                if not s.is_collision
            ),
        )
    wheel_shapes = {id(s) for name in wheels for s in model.links[name].collisions}
    masses = [link.mass for link in model.links.values() if link.mass == link.mass]
    return RobotLayout(
        mass=sum(masses) or 60.0,
        shapes=tuple(s for s in groups[""] if id(s.shape) not in wheel_shapes),
        lids=lids,
        sensors={
            sensor.name: PlacedSensor(sensor=sensor, pose_in_base=link.pose_in_model.compose(sensor.pose_in_link))
            for link in model.links.values()
            for sensor in link.sensors
        },
    )

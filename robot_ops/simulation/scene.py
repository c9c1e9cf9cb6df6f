"""Builds the MuJoCo model of a world: static shapes, planar robots, moving doors and lifts, and a stock of people.

There is no gravity and no floor contact: a robot is a body that slides and turns in the plane of a carrier whose height
is set from outside (the level's floor, or the lift's cabin).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import mujoco
import numpy as np
from numpy.typing import NDArray

from robot_ops.core.errors import WorldError
from robot_ops.core.ids import DoorId, LevelId, LiftId, RobotId
from robot_ops.simulation import sdf
from robot_ops.simulation.layout import Hinge, Layout, Mover, PlacedShape, RobotLayout
from robot_ops.simulation.shapes import height_range
from robot_ops.simulation.transforms import IDENTITY, Transform
from robot_ops.site.model import RobotModel, Site

STEP: Final = 0.004
"""Length of a physics step, in seconds."""

GROUP_VISIBLE: Final = 0
GROUP_SOLID: Final = 1  # static and device collision shapes
GROUP_PEOPLE: Final = 2
GROUP_ROBOTS: Final = 3
GROUP_MASKED: Final = 4  # a robot's own shapes while it scans
GROUP_HIDDEN: Final = 5

_WORLD_BITS, _ROBOT_BITS, _PERSON_BITS = 1, 2, 4
_CLEARANCE: Final = 0.03  # m: what ends below this above a floor is floor
_REACH: Final = 1.5  # m: what begins above this above a floor cannot touch a robot
_TRAY_DEPTH: Final = 0.205  # m from a lid down to what lies in its compartment (sim/models/courier_robot)
_PARKED: Final = (0.0, 0.0, -50.0)  # m, where people are who are not there


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotParts:
    """Where a robot is in the model's arrays."""

    carrier: int  # mocap index
    body: int
    q: int  # first of three in qpos: x, y, yaw
    v: int  # first of three in qvel
    actuators: tuple[int, int, int]  # forward, sideways, turning
    solid_geoms: NDArray[np.int32]
    lids: dict[str, tuple[int, Hinge]]  # body
    documents: dict[str, int]  # geom, shown while something lies in the compartment
    cameras: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonParts:
    """One body of the stock of people."""

    kind: str
    mocap: int
    body: int
    visual_geoms: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A compiled model and who is where in it."""

    model: Any
    robots: dict[RobotId, RobotParts]
    people: tuple[PersonParts, ...]
    doors: dict[DoorId, int]  # mocap index
    cabins: dict[LiftId, int]
    lift_doors: dict[tuple[LiftId, LevelId], int]
    lift_bodies: frozenset[int]


def build_scene(
    layout: Layout, site: Site, *, robots: Sequence[RobotId], people: Sequence[tuple[str, sdf.Model | None]]
) -> Scene:
    """Return the compiled scene.

    Args:
        layout: of the world file.
        site: whose levels tell where floors are.
        robots: those that take part.
        people: kind and body of each person in stock; None for a plain figure.

    Raises:
        WorldError: MuJoCo cannot make a model of it (a broken mesh or picture, as a rule).
    """
    builder = _Builder([level.elevation for level in site.levels.values()])
    builder.add_statics(layout.statics)
    for robot in robots:
        builder.add_robot(robot, layout.robots[robot], site.robots[robot].model)
    for door, leaf in layout.doors.items():
        builder.add_mover(f"door {door}", leaf)
    for lift, parts in layout.lifts.items():
        builder.add_mover(f"cabin {lift}", parts.cabin)
        for level, leaf in parts.doors.items():
            builder.add_mover(f"lift door {lift} {level}", leaf)
    for index, (_, body) in enumerate(people):
        builder.add_person(f"person {index}", body)
    try:
        model = builder.spec.compile()
    except (ValueError, mujoco.FatalError) as error:
        raise WorldError(f"cannot be simulated: {error}", mend="check meshes and pictures of the models") from error
    return _index(model, layout, robots, [kind for kind, _ in people])


class _Builder:
    def __init__(self, elevations: Sequence[float]) -> None:
        self._elevations = list(elevations)
        self._meshes: dict[tuple[Path, sdf.Vector], str] = {}
        self._materials: dict[sdf.Material, str] = {}
        self._textures: dict[Path, str] = {}
        self.spec = mujoco.MjSpec()
        self._set_options()

    def _set_options(self) -> None:
        spec = self.spec
        spec.option.timestep = STEP
        spec.option.gravity = [0, 0, 0]
        spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        spec.option.iterations = 20
        spec.stat.extent = 1.0
        visual = spec.visual
        visual.map.znear, visual.map.zfar = 0.03, 70.0
        visual.quality.numslices, visual.quality.numstacks, visual.quality.numquads = 12, 8, 1
        visual.quality.offsamples, visual.quality.shadowsize = 0, 0
        visual.headlight.ambient, visual.headlight.diffuse, visual.headlight.specular = [0.45] * 3, [0.3] * 3, [0] * 3
        # people detectors expect a ceiling or sky that is lighter than hair
        sky = spec.add_texture(name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, width=16, height=96)
        sky.builtin = mujoco.mjtBuiltin.mjBUILTIN_FLAT
        sky.rgb1 = sky.rgb2 = [0.78, 0.80, 0.82]
        light = spec.worldbody.add_light(name="sun", dir=[0.3, 0.5, -0.8], castshadow=False)
        light.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
        light.diffuse, light.specular, light.ambient = [0.4] * 3, [0] * 3, [0] * 3

    def add_statics(self, shapes: Sequence[PlacedShape]) -> None:
        for placed in shapes:
            if not placed.is_collision:
                self._add_geom(self.spec.worldbody, placed, group=GROUP_VISIBLE)
            elif self._is_in_the_way(placed, self._elevations):
                self._add_geom(self.spec.worldbody, placed, group=GROUP_SOLID, bits=(_WORLD_BITS, 0))

    def add_mover(self, name: str, mover: Mover) -> None:
        body = self._add_carrier(name, mover.pose_in_world)
        floor = mover.pose_in_world.position[2]
        for placed in mover.shapes:
            if not placed.is_collision:
                self._add_geom(body, placed, group=GROUP_VISIBLE)
                continue
            in_world = PlacedShape(shape=placed.shape, pose=mover.pose_in_world.compose(placed.pose), is_collision=True)
            if self._is_in_the_way(in_world, [floor, *self._elevations]):
                self._add_geom(body, placed, group=GROUP_SOLID, bits=(_WORLD_BITS, 0))

    def add_robot(self, robot: RobotId, layout: RobotLayout, model: RobotModel) -> None:
        carrier = self._add_carrier(f"carrier {robot}", IDENTITY)
        body = carrier.add_body(name=f"robot {robot}", mass=layout.mass, explicitinertial=True)
        turning = layout.mass * model.radius**2 / 2
        body.inertia = [turning, turning, turning]
        for axis, kind, name in (
            ((1, 0, 0), mujoco.mjtJoint.mjJNT_SLIDE, "x"),
            ((0, 1, 0), mujoco.mjtJoint.mjJNT_SLIDE, "y"),
            ((0, 0, 1), mujoco.mjtJoint.mjJNT_HINGE, "yaw"),
        ):
            body.add_joint(name=f"{name} {robot}", type=kind, axis=axis)
        body.add_site(name=f"base {robot}", group=GROUP_HIDDEN)
        response = 0.02  # s, of the motors' speed control
        drive_force = 2 * layout.mass * max(model.max_acceleration, model.max_deceleration)
        for name, gear, limit in (("forward", 0, drive_force), ("sideways", 1, 5 * drive_force)):
            actuator = self.spec.add_actuator(
                name=f"{name} {robot}", trntype=mujoco.mjtTrn.mjTRN_SITE, target=f"base {robot}"
            )
            actuator.gear = [float(i == gear) for i in range(6)]
            actuator.set_to_velocity(kv=layout.mass / response)
            actuator.forcelimited, actuator.forcerange = True, [-limit, limit]
        actuator = self.spec.add_actuator(
            name=f"turning {robot}", trntype=mujoco.mjtTrn.mjTRN_JOINT, target=f"yaw {robot}"
        )
        actuator.set_to_velocity(kv=turning / response)
        actuator.forcelimited, actuator.forcerange = True, [-100 * turning, 100 * turning]
        for placed in layout.shapes:
            if placed.is_collision:
                self._add_geom(body, placed, group=GROUP_ROBOTS, bits=(_ROBOT_BITS, 7))
            else:
                self._add_geom(body, placed, group=GROUP_VISIBLE)
        for compartment, hinge in layout.lids.items():
            at = hinge.pose_at(0.0)
            lid = body.add_body(name=f"lid {robot} {compartment}", pos=at.position, quat=at.quaternion)
            for placed in hinge.shapes:
                self._add_geom(lid, placed, group=GROUP_VISIBLE)
            self._add_document(body, f"document {robot} {compartment}", hinge)
        for name, placed_sensor in layout.sensors.items():
            if isinstance(placed_sensor.sensor.device, sdf.Camera):
                self._add_camera(
                    body, f"camera {robot} {name}", placed_sensor.pose_in_base, placed_sensor.sensor.device
                )

    def _add_document(self, body: Any, name: str, hinge: Hinge) -> None:
        """Lay an envelope, hidden at first, under the middle of a lid."""
        lid = hinge.pose_at(0.0).compose(hinge.shapes[0].pose if hinge.shapes else IDENTITY)
        x, y, z = lid.position
        geom = body.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_BOX, group=GROUP_HIDDEN, contype=0, conaffinity=0)
        geom.pos, geom.size, geom.rgba = [x, y, z - _TRAY_DEPTH], [0.08, 0.055, 0.004], [0.97, 0.96, 0.90, 1]

    def add_person(self, name: str, model: sdf.Model | None) -> None:
        body = self._add_carrier(name, Transform(_PARKED))
        shapes = _plain_figure() if model is None else _model_shapes(model)
        for placed in shapes:
            if placed.is_collision:
                self._add_geom(body, placed, group=GROUP_PEOPLE, bits=(_PERSON_BITS, 0))
            else:
                self._add_geom(body, placed, group=GROUP_HIDDEN)

    def _add_carrier(self, name: str, pose: Transform) -> Any:
        return self.spec.worldbody.add_body(name=name, mocap=True, pos=pose.position, quat=pose.quaternion)

    @staticmethod
    def _add_camera(body: Any, name: str, pose: Transform, camera: sdf.Camera) -> None:
        # SDF cameras look along +x with z up, MuJoCo's along -z with y up.
        turned = pose.compose(Transform((0.0, 0.0, 0.0), (0.5, 0.5, -0.5, -0.5)))
        height_over_width = camera.height_px / camera.width_px
        fovy = 2 * np.degrees(np.arctan(np.tan(camera.horizontal_fov / 2) * height_over_width))
        body.add_camera(name=name, pos=turned.position, quat=turned.quaternion, fovy=fovy)

    @staticmethod
    def _is_in_the_way(placed: PlacedShape, floors: Sequence[float]) -> bool:
        lowest, highest = height_range(placed.shape.geometry, placed.pose)
        return any(highest > floor + _CLEARANCE and lowest < floor + _REACH for floor in floors)

    def _add_geom(self, body: Any, placed: PlacedShape, *, group: int, bits: tuple[int, int] = (0, 0)) -> None:
        geom = body.add_geom(group=group, contype=bits[0], conaffinity=bits[1], friction=[0.3, 0.005, 0.0001])
        pose = placed.pose
        geometry = placed.shape.geometry
        match geometry:
            case sdf.Box():
                geom.type = mujoco.mjtGeom.mjGEOM_BOX
                geom.size = [side / 2 for side in geometry.size]
            case sdf.Cylinder():
                geom.type = mujoco.mjtGeom.mjGEOM_CYLINDER
                geom.size = [geometry.radius, geometry.length / 2, 0]
            case sdf.Capsule():
                geom.type = mujoco.mjtGeom.mjGEOM_CAPSULE
                geom.size = [geometry.radius, geometry.length / 2, 0]
            case sdf.Sphere():
                geom.type = mujoco.mjtGeom.mjGEOM_SPHERE
                geom.size = [geometry.radius, 0, 0]
            case sdf.Plane():
                geom.type = mujoco.mjtGeom.mjGEOM_PLANE
                geom.size = [geometry.size[0] / 2, geometry.size[1] / 2, 1]
                pose = pose.compose(_turn_z_to(geometry.normal))
            case sdf.Mesh():
                geom.type = mujoco.mjtGeom.mjGEOM_MESH
                geom.meshname = self._mesh(geometry)
        geom.pos, geom.quat = pose.position, pose.quaternion
        if placed.is_collision:
            geom.rgba = [1, 0, 1, 1]
        else:
            geom.material = self._material(placed.shape.material or sdf.Material())

    def _mesh(self, mesh: sdf.Mesh) -> str:
        key = (mesh.file, mesh.scale)
        if key not in self._meshes:
            name = f"mesh {len(self._meshes)} {mesh.file.stem}"
            asset = self.spec.add_mesh(name=name, file=str(mesh.file.resolve()), scale=mesh.scale)
            asset.inertia = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL  # open surfaces have no volume
            self._meshes[key] = name
        return self._meshes[key]

    def _material(self, material: sdf.Material) -> str:
        if material not in self._materials:
            name = f"material {len(self._materials)}"
            asset = self.spec.add_material(name=name, rgba=material.rgba, specular=0.0, emission=material.emissive)
            if material.texture is not None:
                textures = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
                textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = self._texture(material.texture)
                asset.textures = textures
            self._materials[material] = name
        return self._materials[material]

    def _texture(self, file: Path) -> str:
        if file not in self._textures:
            name = f"texture {len(self._textures)} {file.stem}"
            self.spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D, file=str(file.resolve()))
            self._textures[file] = name
        return self._textures[file]


def _turn_z_to(normal: sdf.Vector) -> Transform:
    """Return the shortest rotation that turns z to a direction."""
    nx, ny, nz = np.asarray(normal) / np.linalg.norm(normal)
    if nz < -1 + 1e-9:
        return Transform((0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0))
    return Transform((0.0, 0.0, 0.0), (1 + nz, -ny, nx, 0.0))


def _model_shapes(model: sdf.Model) -> list[PlacedShape]:
    return [
        PlacedShape(shape=shape, pose=link.pose_in_model.compose(shape.pose_in_link), is_collision=is_collision)
        for link in model.links.values()
        for shapes, is_collision in ((link.visuals, False), (link.collisions, True))
        for shape in shapes
    ]


def _plain_figure() -> list[PlacedShape]:
    """Return a person for worlds that have no model of one."""
    cloth = sdf.Material(rgba=(0.25, 0.35, 0.55, 1.0))
    parts = (
        (sdf.Cylinder(radius=0.22, length=1.4), 0.7, cloth, False),
        (sdf.Sphere(radius=0.13), 1.57, sdf.Material(rgba=(0.85, 0.65, 0.5, 1.0)), False),
        (sdf.Cylinder(radius=0.22, length=1.7), 0.85, None, True),
    )
    return [
        PlacedShape(
            shape=sdf.Shape(name="figure", pose_in_link=IDENTITY, geometry=geometry, material=material, where=""),
            pose=Transform((0.0, 0.0, height)),
            is_collision=is_collision,
        )
        for geometry, height, material, is_collision in parts
    ]


def _index(model: Any, layout: Layout, robots: Sequence[RobotId], people: Sequence[str]) -> Scene:
    def mocap(name: str) -> int:
        return int(model.body(name).mocapid[0])

    def geoms_of(body: int, keep: Callable[[int], bool]) -> NDArray[np.int32]:
        ids = np.flatnonzero(model.geom_bodyid == body)
        return np.array([i for i in ids if keep(int(model.geom_contype[i]))], dtype=np.int32)

    found: dict[RobotId, RobotParts] = {}
    for robot in robots:
        body = int(model.body(f"robot {robot}").id)
        joint = model.joint(f"x {robot}")
        found[robot] = RobotParts(
            carrier=mocap(f"carrier {robot}"),
            body=body,
            q=int(joint.qposadr[0]),
            v=int(joint.dofadr[0]),
            actuators=(
                int(model.actuator(f"forward {robot}").id),
                int(model.actuator(f"sideways {robot}").id),
                int(model.actuator(f"turning {robot}").id),
            ),
            solid_geoms=geoms_of(body, bool),
            lids={
                name: (int(model.body(f"lid {robot} {name}").id), hinge)
                for name, hinge in layout.robots[robot].lids.items()
            },
            documents={name: int(model.geom(f"document {robot} {name}").id) for name in layout.robots[robot].lids},
            cameras={
                name: int(model.camera(f"camera {robot} {name}").id)
                for name, sensor in layout.robots[robot].sensors.items()
                if isinstance(sensor.sensor.device, sdf.Camera)
            },
        )
    bodies = [int(model.body(f"person {i}").id) for i in range(len(people))]
    cabins: Mapping[LiftId, int] = {lift: mocap(f"cabin {lift}") for lift in layout.lifts}
    lift_doors = {(lift, level): f"lift door {lift} {level}" for lift, p in layout.lifts.items() for level in p.doors}
    lift_names = [f"cabin {lift}" for lift in layout.lifts] + list(lift_doors.values())
    return Scene(
        model=model,
        robots=found,
        people=tuple(
            PersonParts(
                kind=kind,
                mocap=mocap(f"person {i}"),
                body=body,
                visual_geoms=geoms_of(body, lambda contype: contype == 0),
            )
            for i, (kind, body) in enumerate(zip(people, bodies, strict=True))
        ),
        doors={door: mocap(f"door {door}") for door in layout.doors},
        cabins=dict(cabins),
        lift_doors={key: mocap(name) for key, name in lift_doors.items()},
        lift_bodies=frozenset(int(model.body(name).id) for name in lift_names),
    )

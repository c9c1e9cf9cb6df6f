"""The embedded simulation of one site's world: physics, sensors and devices (MuJoCo)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import mujoco
import numpy as np

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import StateError, WorldError
from robot_ops.core.ids import DoorId, LevelId, LiftId, PlaceId, RobotId
from robot_ops.core.poses import LevelPose, Pose, Twist, wrap_angle
from robot_ops.core.sensors import CameraModel, Image, LaserScan, Odometry
from robot_ops.core.world import (
    BatteryReading,
    CompartmentReading,
    DoorPosition,
    LiftReading,
    PersonPose,
    WorldStatistics,
)
from robot_ops.simulation import sdf
from robot_ops.simulation.building import Building, Footprint, heights
from robot_ops.simulation.compartments import CompartmentBanks
from robot_ops.simulation.devices import DOCKED_DISTANCE, Battery
from robot_ops.simulation.drives import Drives
from robot_ops.simulation.encounters import PERSON_RADIUS, STANDING_SPEED, Encounters, Hit
from robot_ops.simulation.layout import LIDAR, PlacedSensor, lay_out
from robot_ops.simulation.lidar import RayLidar
from robot_ops.simulation.lids import Lids
from robot_ops.simulation.people_stock import PeopleStock, people_models
from robot_ops.simulation.pictures import Pictures, camera_model
from robot_ops.simulation.scene import STEP, RobotParts, build_scene
from robot_ops.simulation.sdf_reader import read_world
from robot_ops.simulation.touches import Touches
from robot_ops.site.model import Site

_STEP_NS: Final = to_ns(STEP)
_CONTROL_STEPS: Final = 5  # physics steps between two decisions of drives and devices: 20 ms


@dataclass(slots=True)
class _Robot:
    """What a world keeps about a robot."""

    row: int
    parts: RobotParts
    level: LevelId
    radius: float
    battery: Battery
    lidar: RayLidar | None
    cameras: dict[str, tuple[PlacedSensor, sdf.Camera]]
    lids: Lids


class World:
    """One site's world with some of its robots, stepped by its owner. Use it in one thread, as a context manager.

    Args:
        site: its `world_file` is the SDF world.
        robots: those that take part; they start docked at their chargers. The others are left out.
        rng: for sensor noise.
        people_capacity: the most people at one time.
        initial_soc: state of charge at the start, 0-1; 1 for robots that are not named.
    """

    def __init__(
        self,
        site: Site,
        *,
        robots: Sequence[RobotId],
        rng: np.random.Generator,
        people_capacity: int = 60,
        initial_soc: Mapping[RobotId, float] | None = None,
    ) -> None:
        unknown = [robot for robot in robots if robot not in site.robots]
        if unknown:
            raise StateError(f"site {site.name} has no robot {unknown[0]!r}")
        self._site = site
        self._names = tuple(robots)
        self._people_capacity = people_capacity
        self._soc = dict(initial_soc or {})
        drive_rng, self._rng = rng.spawn(2)
        self._drives = Drives([site.robots[r].model for r in robots], drive_rng)
        self._banks = CompartmentBanks({r: site.robots[r].model.compartments for r in robots})
        self._encounters = Encounters()
        self._elevations = heights(site)
        self._level_index = {level: i for i, level in enumerate(self._elevations)}
        self._robots: dict[RobotId, _Robot] = {}
        self._now_ns = 0
        self._goal_ns = 0
        self._is_settled = False
        self._model: Any = None
        self._data: Any = None

    def __enter__(self) -> Self:
        """Load the world file and build the scene.

        Raises:
            WorldError: the world file is wrong or does not fit the site.
        """
        site = self._site
        if site.world_file is None:
            raise WorldError(f"site {site.name} names no world file", mend="add `world: FILE.sdf` to the site file")
        layout = lay_out(read_world(site.world_file), site)
        stock = people_models(site.world_file)
        people = [stock[i % len(stock)] for i in range(self._people_capacity)]
        self._scene = build_scene(layout, site, robots=self._names, people=people)
        self._model = self._scene.model
        self._data = mujoco.MjData(self._model)
        self._pictures = Pictures(self._model)
        self._building = Building(site, layout, self._scene, self._data)
        self._people = PeopleStock(self._scene, self._data, self._elevations)
        self._touches = Touches(self._scene, site)
        for row, name in enumerate(self._names):
            parts = self._scene.robots[name]
            self._robots[name] = self._make_robot(row, name, parts, layout.robots[name].sensors)
        self._radii = np.array([r.radius for r in self._robots.values()])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the OpenGL context back."""
        self._pictures.close()

    def _make_robot(self, row: int, name: RobotId, parts: RobotParts, sensors: Mapping[str, PlacedSensor]) -> _Robot:
        model = self._site.robots[name].model
        at = self.spawn(name)
        self._data.qpos[parts.q : parts.q + 3] = at.pose.x, at.pose.y, at.pose.yaw
        self._data.mocap_pos[parts.carrier] = 0.0, 0.0, self._elevations[at.level]
        placed = sensors.get(LIDAR)
        lidar = None
        if placed is not None and isinstance(placed.sensor.device, sdf.Lidar):
            lidar = RayLidar(placed, placed.sensor.device, parts.solid_geoms)
        return _Robot(
            row=row,
            parts=parts,
            level=at.level,
            radius=model.radius,
            battery=Battery(model, self._soc.get(name, 1.0)),
            lidar=lidar,
            cameras={n: (s, s.sensor.device) for n, s in sensors.items() if isinstance(s.sensor.device, sdf.Camera)},
            lids=Lids(self._model, parts, self._banks.of(name)),
        )

    @property
    def robots(self) -> tuple[RobotId, ...]:
        """Return the robots that take part."""
        return self._names

    @property
    def now_ns(self) -> int:
        """Return the simulated time since the start, in nanoseconds."""
        return self._now_ns

    def spawn(self, robot: RobotId) -> LevelPose:
        """Return where a robot starts: docked at its charger, or on the charger's node where there is no dock."""
        charger: PlaceId = self._site.robots[robot].charger
        at = self._site.pose_at(charger)
        dock = self._site.places[charger].dock
        return at if dock is None else LevelPose(level=at.level, pose=dock)

    def step(self, duration: float) -> None:
        """Let time pass, in seconds; what is left below one physics step is added to the next call."""
        self._goal_ns += to_ns(duration)
        while (steps := (self._goal_ns - self._now_ns) // _STEP_NS) > 0:
            self._advance(min(int(steps), _CONTROL_STEPS))

    def _advance(self, steps: int) -> None:
        duration = steps * STEP
        speeds = self._drives.advance(self._now_ns, duration)
        control = self._data.ctrl
        for robot in self._robots.values():
            forward, _, turning = robot.parts.actuators
            control[forward], control[turning] = speeds[robot.row]
        mujoco.mj_step(self._model, self._data, steps)
        self._now_ns += steps * _STEP_NS
        self._is_settled = False
        truths = {name: self.truth(name) for name in self._names}
        self._move_devices(duration, truths)
        self._record(truths)

    def _move_devices(self, duration: float, truths: Mapping[RobotId, LevelPose]) -> None:
        footprints = [Footprint(at=at, radius=self._robots[name].radius) for name, at in truths.items()]
        footprints += [Footprint(at=person.at, radius=PERSON_RADIUS) for person in self._people.people]
        riders = {name: lift for name, at in truths.items() if (lift := self._building.cabin_at(at)) is not None}
        moved = self._building.advance(self._now_ns, duration, footprints)
        for name, lift in riders.items():
            if lift in moved:
                robot = self._robots[name]
                self._data.mocap_pos[robot.parts.carrier, 2] = moved[lift]
                robot.level = self._building.lift_reading(lift).level
        for name, robot in self._robots.items():
            effort = self._drives.effort(robot.row)
            robot.battery.advance(duration, drive=effort, is_docked=self._is_docked(name, truths[name]))
            robot.lids.advance(duration)

    def _is_docked(self, name: RobotId, at: LevelPose) -> bool:
        spawn = self.spawn(name)
        return spawn.level == at.level and spawn.pose.distance_to(at.pose) <= DOCKED_DISTANCE

    def _record(self, truths: Mapping[RobotId, LevelPose]) -> None:
        positions = np.array([[at.pose.x, at.pose.y] for at in truths.values()]).reshape(-1, 2)
        levels = np.array([self._level_index[at.level] for at in truths.values()], dtype=np.int64)
        self._encounters.measure(positions, self._radii, levels, self._people.positions, self._people.levels)
        if self._data.ncon:
            touches = self._touches.read(self._data, list(truths.values()))
            # somebody who brushes against a standing robot has not been run into
            driving = np.abs(self._drives.speeds[:, 0]) > STANDING_SPEED
            self._encounters.touch({t for t in touches if t[0] is not Hit.PERSON or driving[t[1]]}, self._now_ns)

    def set_velocity(self, robot: RobotId, twist: Twist) -> None:
        """Set the velocity a robot's motors aim at; forgotten after half a second, as by a motor driver's watchdog."""
        self._drives.command(self._robot(robot).row, twist, self._now_ns)

    def odometry(self, robot: RobotId) -> Odometry:
        """Return a robot's wheel odometry: zero at the start, drifting."""
        return self._drives.odometry(self._robot(robot).row, self._now_ns)

    def truth(self, robot: RobotId) -> LevelPose:
        """Return where a robot really is."""
        state = self._robot(robot)
        x, y, yaw = (float(v) for v in self._data.qpos[state.parts.q : state.parts.q + 3])
        return LevelPose(level=state.level, pose=Pose(x=x, y=y, yaw=wrap_angle(yaw)))

    def lidar_height(self, robot: RobotId) -> float:
        """Return the height of a robot's lidar above the floor, in meters."""
        return self._lidar(robot).height

    def scan(self, robot: RobotId) -> LaserScan:
        """Return what a robot's lidar sees now.

        Raises:
            StateError: the robot has none, or is not in this world.
        """
        lidar, state = self._lidar(robot), self._robot(robot)
        self._settle()
        floor = float(self._data.mocap_pos[state.parts.carrier, 2])
        return lidar.scan(self._model, self._data, self.truth(robot).pose, floor, self._rng, self._now_ns)

    def cameras(self, robot: RobotId) -> tuple[str, ...]:
        """Return the names of a robot's cameras."""
        return tuple(self._robot(robot).cameras)

    def camera_model(self, robot: RobotId, camera: str) -> CameraModel:
        """Return the pinhole model of a robot's camera.

        Raises:
            StateError: no such camera.
        """
        return camera_model(*self._camera(robot, camera))

    def image(self, robot: RobotId, camera: str) -> Image:
        """Return what a robot's camera sees now.

        Raises:
            StateError: no such camera.
            SetupError: there is no OpenGL here.
        """
        _, device = self._camera(robot, camera)
        self._settle()
        pixels = self._pictures.render_fixed(
            self._data,
            self._robot(robot).parts.cameras[camera],
            (device.width_px, device.height_px),
            min(device.far, 40.0),
        )
        return Image(stamp_ns=self._now_ns, pixels=pixels)

    def battery(self, robot: RobotId) -> BatteryReading:
        """Return what a robot's battery gauge tells."""
        return self._robot(robot).battery.reading

    def compartments(self, robot: RobotId) -> dict[str, CompartmentReading]:
        """Return what the sensors of a robot's compartments tell; empty for guides."""
        return self._banks.of(robot).readings

    def set_lock(self, robot: RobotId, compartment: str, *, is_locked: bool) -> None:
        """Command a compartment's lock: unlocked, its lid springs open; locking takes effect when it is closed.

        Raises:
            StateError: no such compartment.
        """
        self._banks.of(robot).set_lock(compartment, is_locked=is_locked)

    def open_compartments(self, robot: RobotId) -> tuple[str, ...]:
        """Return the compartments whose lids stand open."""
        return self._banks.open_compartments(robot)

    def put_document(self, robot: RobotId, compartment: str, document: str) -> bool:
        """Lay a document in by hand; False where the lid is closed or something lies there."""
        return self._banks.put_document(robot, compartment, document)

    def take_document(self, robot: RobotId, compartment: str) -> str | None:
        """Take the document out by hand; None where the lid is closed or nothing lies there."""
        return self._banks.take_document(robot, compartment)

    def close_lid(self, robot: RobotId, compartment: str) -> None:
        """Press a lid down by hand."""
        self._banks.close_lid(robot, compartment)

    def request_door(self, door: DoorId, requester: str, is_needed: bool) -> None:
        """Ask for a door to be open, or no longer; to be repeated while it is needed.

        Raises:
            StateError: no such door.
        """
        self._building.request_door(door, requester, is_needed=is_needed, now_ns=self._now_ns)

    def door_state(self, door: DoorId) -> DoorPosition:
        """Return where a door's leaf is."""
        return self._building.door_position(door)

    def request_lift(self, lift: LiftId, session: str, level: LevelId, is_needed: bool) -> None:
        """Ask for a lift at a level, or end the session; ignored while another session lasts.

        Raises:
            StateError: no such lift or level.
        """
        self._building.request_lift(lift, session, level, is_needed=is_needed, now_ns=self._now_ns)

    def lift_state(self, lift: LiftId) -> LiftReading:
        """Return where a lift is and who holds it."""
        return self._building.lift_reading(lift)

    @property
    def people(self) -> tuple[PersonPose, ...]:
        """Return the people set last."""
        return self._people.people

    def set_people(self, people: Sequence[PersonPose]) -> None:
        """Put these people, and nobody else, where they are.

        Raises:
            StateError: more people than `people_capacity`, or an unknown level; nobody was moved.
        """
        self._people.set(people)
        self._is_settled = False

    def statistics(self) -> WorldStatistics:
        """Return what has happened since the start."""
        return WorldStatistics(
            robot_robot_collisions=self._encounters.begun[Hit.ROBOT],
            robot_person_collisions=self._encounters.begun[Hit.PERSON],
            robot_world_collisions=self._encounters.begun[Hit.WORLD],
            least_robot_robot=self._encounters.least_robot_robot,
            least_robot_person=self._encounters.least_robot_person,
            distances={name: float(d) for name, d in zip(self._names, self._drives.distances, strict=True)},
        )

    def _settle(self) -> None:
        """Bring shapes and cameras to where the joints are."""
        if not self._is_settled:
            mujoco.mj_kinematics(self._model, self._data)
            mujoco.mj_comPos(self._model, self._data)
            mujoco.mj_camlight(self._model, self._data)
            self._is_settled = True

    def _robot(self, robot: RobotId) -> _Robot:
        if robot not in self._robots:
            raise StateError(f"there is no robot {robot!r} in this world")
        return self._robots[robot]

    def _lidar(self, robot: RobotId) -> RayLidar:
        lidar = self._robot(robot).lidar
        if lidar is None:
            raise StateError(f"robot {robot!r} has no sensor named {LIDAR!r}")
        return lidar

    def _camera(self, robot: RobotId, camera: str) -> tuple[PlacedSensor, sdf.Camera]:
        cameras = self._robot(robot).cameras
        if camera not in cameras:
            raise StateError(f"robot {robot!r} has no camera {camera!r}, only {', '.join(cameras) or 'none'}")
        return cameras[camera]

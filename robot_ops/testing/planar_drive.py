"""A pilot that drives a robot through a planar world, with a record of what happened."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from robot_ops.core.clock import NS_PER_S, seconds_between
from robot_ops.core.ids import LevelId
from robot_ops.core.poses import LevelPose, Pose, Twist, wrap_angle
from robot_ops.navigation.docking import TagSighting
from robot_ops.navigation.pilot import Pilot
from robot_ops.testing.planar_world import PlanarRobot, PlanarWorld

HALL = LevelId("hall")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One moment of a drive: seconds since the start, true pose and speed, distance to anything, navigator's state."""

    time: float
    pose: Pose
    speed: float
    clearance: float
    state: str
    reason: str


class PlanarDrive:
    """Steps pilot and robot at 10 Hz, odometry at 20 Hz.

    Args:
        pilot: its pose is set to the robot's.
    """

    def __init__(self, world: PlanarWorld, robot: PlanarRobot, pilot: Pilot) -> None:
        self.world, self.robot, self.pilot = world, robot, pilot
        self.samples: list[Sample] = []
        self.is_held = False
        """While True the base stands whatever is commanded, as under a latched stop."""
        pilot.set_pose(LevelPose(level=HALL, pose=robot.pose))
        for _ in range(12):
            self._sense(Twist())
        self._start_ns = robot.now_ns

    @property
    def time(self) -> float:
        """Return seconds since the start."""
        return seconds_between(self._start_ns, self.robot.now_ns)

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Drive for a duration, or until a condition holds."""
        end = self.robot.now_ns + round(seconds * NS_PER_S)
        while self.robot.now_ns < end and not (until is not None and until()):
            self.step()

    def step(self) -> Twist:
        """Drive for 0.1 s and return what was commanded."""
        command = self.pilot.step(self.robot.now_ns).twist
        self._sense(Twist() if self.is_held else command)
        pose = self.robot.pose
        self.samples.append(
            Sample(
                time=self.time,
                pose=pose,
                speed=self.robot.twist.linear,
                clearance=self.world.clearance(pose.x, pose.y),
                state=self.pilot.navigator.state.value,
                reason=self.pilot.navigator.reason,
            )
        )
        return command

    def _sense(self, command: Twist) -> None:
        for _ in range(2):
            self.robot.advance(command, 0.05)
            self.pilot.add_odometry(self.robot.odometry())
        self.pilot.add_scan(self.robot.scan())


class PlanarTags:
    """Measures tags of a world from a robot, within 3 m and 35 degrees of its heading.

    Args:
        plates: by id, the plate's pose in the map; yaw is the direction into the plate.
    """

    def __init__(self, plates: dict[int, Pose]) -> None:
        self._plates = plates
        self.robot: PlanarRobot | None = None

    def sightings(self) -> tuple[TagSighting, ...]:
        """Return what is seen now."""
        if self.robot is None:
            return ()
        seen = []
        for tag, plate in self._plates.items():
            local = self.robot.pose.inverse().compose(plate)
            is_in_view = math.hypot(local.x, local.y) < 3.0 and abs(math.atan2(local.y, local.x)) < math.radians(35)
            if is_in_view and abs(wrap_angle(local.yaw)) < 1.0:
                seen.append(TagSighting(tag=tag, stamp_ns=self.robot.now_ns, pose_in_base=local))
        return tuple(seen)

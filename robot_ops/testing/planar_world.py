"""A flat world of boxes and discs with a kinematic robot, its lidar and its drifting odometry."""

import math
from dataclasses import dataclass

import numpy as np

from robot_ops.core.clock import to_ns
from robot_ops.core.poses import FloatArray, Pose, Twist
from robot_ops.core.sensors import LaserScan, Odometry
from robot_ops.navigation.grid import FREE, OCCUPIED, OccupancyGrid

RAYS = 360
RANGE_MAX = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An upright box; x, y is its center, edges are parallel to the axes unless turned by yaw."""

    x: float
    y: float
    width: float
    depth: float
    yaw: float = 0.0

    def corners(self) -> FloatArray:
        """Return (4, 2) corners, counter-clockwise."""
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (self.width / 2, self.depth / 2)
        return Pose(x=self.x, y=self.y, yaw=self.yaw).transform(half)


class PlanarWorld:
    """Boxes that the map knows, and movable boxes and discs (people's legs) that it does not.

    Args:
        walls: what the map shows.
    """

    def __init__(self, walls: list[Box]) -> None:
        self._walls = walls
        self.boxes: list[Box] = []
        self.discs: FloatArray = np.empty((0, 3))
        """Rows of x, y, radius."""

    def grid(self, resolution: float = 0.05) -> OccupancyGrid:
        """Return the map of the walls."""
        corners = np.vstack([wall.corners() for wall in self._walls])
        low, high = corners.min(axis=0) - 0.5, corners.max(axis=0) + 0.5
        shape = np.ceil((high - low) / resolution).astype(int)
        xs, ys = np.meshgrid(*(low[i] + (np.arange(shape[i]) + 0.5) * resolution for i in range(2)))
        points = np.column_stack((xs.ravel(), ys.ravel()))
        solid = np.zeros(len(points), dtype=np.bool_)
        for wall in self._walls:
            local = Pose(x=wall.x, y=wall.y, yaw=wall.yaw).inverse().transform(points)
            solid |= (np.abs(local[:, 0]) <= wall.width / 2) & (np.abs(local[:, 1]) <= wall.depth / 2)
        cells = np.where(solid, OCCUPIED, FREE).astype(np.int8).reshape(shape[1], shape[0])
        return OccupancyGrid(cells=cells, resolution=resolution, origin_x=float(low[0]), origin_y=float(low[1]))

    def ranges(self, pose: Pose, count: int = RAYS) -> FloatArray:
        """Return (count,) exact distances around a pose, inf beyond RANGE_MAX."""
        angles = pose.yaw + np.arange(count) * (math.tau / count)
        direction = np.column_stack((np.cos(angles), np.sin(angles)))
        start, edge = self._edges()
        offset = start - (pose.x, pose.y)
        cross = direction[:, 0, None] * edge[:, 1] - direction[:, 1, None] * edge[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            along = (offset[:, 0] * edge[:, 1] - offset[:, 1] * edge[:, 0]) / cross
            across = (offset[:, 0] * direction[:, 1, None] - offset[:, 1] * direction[:, 0, None]) / cross
        hit = (across >= 0.0) & (across <= 1.0) & (along > 0.0)
        nearest = np.where(hit, along, np.inf).min(axis=1)
        if len(self.discs):
            to_disc = self.discs[:, :2] - (pose.x, pose.y)
            middle = direction @ to_disc.T
            root = self.discs[:, 2] ** 2 - ((to_disc**2).sum(axis=1) - middle**2)
            entry = middle - np.sqrt(np.maximum(root, 0.0))
            nearest = np.minimum(nearest, np.where((root > 0.0) & (entry > 0.0), entry, np.inf).min(axis=1))
        return np.asarray(np.where(nearest > RANGE_MAX, np.inf, nearest))

    def clearance(self, x: float, y: float) -> float:
        """Return the distance from a point to the nearest surface of anything, in meters."""
        start, edge = self._edges()
        offset = np.array([x, y]) - start
        ratio = np.clip((offset * edge).sum(axis=1) / np.maximum((edge**2).sum(axis=1), 1e-12), 0.0, 1.0)
        best = float(np.hypot(*(offset - ratio[:, None] * edge).T).min())
        if len(self.discs):
            best = min(best, float((np.hypot(self.discs[:, 0] - x, self.discs[:, 1] - y) - self.discs[:, 2]).min()))
        return best

    def _edges(self) -> tuple[FloatArray, FloatArray]:
        corners = [box.corners() for box in (*self._walls, *self.boxes)]
        start = np.vstack(corners)
        end = np.vstack([np.roll(square, -1, axis=0) for square in corners])
        return start, end - start


class PlanarRobot:
    """A differential drive that follows commands within its accelerations.

    Args:
        odometry_scale: measured over true distance and angle; odometry_turn: false turn in rad per meter.
        lidar_sigma: standard deviation of a range in meters.
    """

    def __init__(
        self,
        world: PlanarWorld,
        pose: Pose,
        rng: np.random.Generator,
        *,
        odometry_scale: float = 1.02,
        odometry_turn: float = 0.01,
        lidar_sigma: float = 0.01,
    ) -> None:
        self._world = world
        self._rng = rng
        self._scale, self._turn, self._sigma = odometry_scale, odometry_turn, lidar_sigma
        self.pose = pose
        self.twist = Twist()
        self.odometry_pose = Pose(x=0.0, y=0.0)
        self.now_ns = 0

    def advance(self, command: Twist, seconds: float) -> None:
        """Drive for a duration."""
        self.twist = Twist(
            linear=self.twist.linear + max(-1.5 * seconds, min(1.5 * seconds, command.linear - self.twist.linear)),
            angular=self.twist.angular + max(-6 * seconds, min(6 * seconds, command.angular - self.twist.angular)),
        )
        distance, angle = self.twist.linear * seconds, self.twist.angular * seconds
        self.pose = self.pose.compose(_arc(distance, angle))
        slip, turn_slip = self._rng.normal(0.0, 0.02, 2).tolist()
        turned = angle * (self._scale + turn_slip) + self._turn * distance
        self.odometry_pose = self.odometry_pose.compose(_arc(distance * (self._scale + slip), turned))
        self.now_ns += to_ns(seconds)

    def odometry(self) -> Odometry:
        """Return what the wheels tell."""
        return Odometry(stamp_ns=self.now_ns, pose=self.odometry_pose, twist=self.twist)

    def scan(self) -> LaserScan:
        """Return what the lidar tells."""
        ranges = self._world.ranges(self.pose) + self._rng.normal(0.0, self._sigma, RAYS)
        return LaserScan(
            stamp_ns=self.now_ns,
            pose_in_base=Pose(x=0.0, y=0.0),
            angle_min=0.0,
            angle_increment=math.tau / RAYS,
            range_min=0.1,
            range_max=RANGE_MAX,
            ranges=ranges.astype(np.float32),
        )


def _arc(distance: float, angle: float) -> Pose:
    return Pose(x=distance * math.cos(angle / 2), y=distance * math.sin(angle / 2), yaw=angle)


def hall() -> PlanarWorld:
    """Return a hall of 30 x 20 m with columns, a counter and a side room behind a door 1.2 m wide."""
    walls = [
        Box(x=15.0, y=-0.1, width=30.4, depth=0.2),
        Box(x=15.0, y=20.1, width=30.4, depth=0.2),
        Box(x=-0.1, y=10.0, width=0.2, depth=20.4),
        Box(x=30.1, y=10.0, width=0.2, depth=20.4),
        Box(x=22.0, y=4.7, width=0.2, depth=9.4),
        Box(x=22.0, y=15.3, width=0.2, depth=9.4),
        Box(x=8.0, y=18.0, width=8.0, depth=1.0),
        Box(x=2.5, y=9.0, width=0.4, depth=3.0),
    ]
    columns = [Box(x=x, y=y, width=0.6, depth=0.6) for x in (6.0, 12.0, 18.0) for y in (5.0, 14.0)]
    return PlanarWorld(walls + columns)

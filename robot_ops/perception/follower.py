"""Whether the visitor a guide leads is still behind it.

Pure and clock-free: every call says what time it is. Missions use it like this, at their tick:

    monitor = FollowerMonitor()
    if monitor.lock(now_ns, robot_pose, people.tracks):          # at the kiosk, after the greeting
        ...
    state = monitor.update(now_ns, robot_pose, people.tracks)    # 2-10 Hz while guiding
    match state.status:
        case FollowStatus.FOLLOWING | FollowStatus.RETURNED: ...  # drive on
        case FollowStatus.LAGGING | FollowStatus.STOPPED: ...     # wait, state.distance tells how far behind
        case FollowStatus.LOST: ...                               # wait where they were last seen, (state.x, state.y)
    monitor.unlock()                                              # arrived

All positions are in the map frame of the robot's level. Tracks already fuse lidar and camera, so a track without a
fresh measurement is one that both have missed. The visitor is recognized again by place and motion only: after a long
loss that is a guess, and nothing here claims more (perception never knows who somebody is).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from robot_ops.core.clock import seconds_between
from robot_ops.core.poses import Pose, wrap_angle


class TrackPoint(Protocol):
    """A tracked person; `robot_ops.missions.ports.PersonTrack` is one.

    Position in meters and velocity in m/s in the map frame; `stamp_ns` is the latest measurement's capture instant.
    """

    @property
    def track_id(self) -> int: ...  # noqa: D102
    @property
    def x(self) -> float: ...  # noqa: D102
    @property
    def y(self) -> float: ...  # noqa: D102
    @property
    def vx(self) -> float: ...  # noqa: D102
    @property
    def vy(self) -> float: ...  # noqa: D102
    @property
    def stamp_ns(self) -> int: ...  # noqa: D102
    @property
    def is_confirmed(self) -> bool: ...  # noqa: D102


class FollowStatus(Enum):
    """What the visitor does."""

    UNLOCKED = "unlocked"  # nobody is being led
    FOLLOWING = "following"
    LAGGING = "lagging"  # further behind than is comfortable, and walking
    STOPPED = "stopped"  # behind, and standing
    LOST = "lost"  # neither lidar nor camera has seen them for the timeout
    RETURNED = "returned"  # seen again after a loss; turns into FOLLOWING by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowState:
    """What is known of the visitor.

    Attributes:
        distance: between robot and visitor, at the last sight of them; meters, NaN while unlocked.
        x, y: where they were last seen, map frame, meters, NaN while unlocked.
        unseen: since the last sight, seconds, NaN while unlocked.
        track_id: of the visitor's track, None while unlocked.
    """

    status: FollowStatus
    distance: float = math.nan
    x: float = math.nan
    y: float = math.nan
    unseen: float = math.nan
    track_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowerLimits:
    """When somebody counts as what.

    Attributes:
        lock_distance: the visitor stands at most this far from the robot when it locks on, meters.
        lock_speed: who walks faster than this passes by, m/s.
        sector: half width of the sectors ahead of and behind the robot where the visitor is looked for, radians.
        lag_distance: further behind than this is lagging; closer than `near_distance` is following again, meters.
        stop_time: standing (within `stop_radius` meters) for so long is stopped, seconds.
        max_age: a track measured longer ago does not count as seen, seconds.
        lost_timeout: unseen for so long is lost, seconds.
        search_speed: how fast the area grows in which an unseen visitor may turn up again, m/s, from
            `search_radius` up to `max_search_radius`, meters.
        returned_time: how long RETURNED is told, seconds.
    """

    lock_distance: float = 2.0
    lock_speed: float = 0.5
    sector: float = math.radians(75.0)
    lag_distance: float = 3.0
    near_distance: float = 2.2
    stop_time: float = 3.0
    stop_radius: float = 0.4
    max_age: float = 0.6
    lost_timeout: float = 3.0
    search_speed: float = 1.2
    search_radius: float = 0.8
    max_search_radius: float = 4.0
    returned_time: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.near_distance <= self.lag_distance:
            raise ValueError(f"near_distance {self.near_distance} must be in (0, lag_distance {self.lag_distance}]")
        if not 0.0 < self.search_radius <= self.max_search_radius:
            raise ValueError(f"search_radius {self.search_radius} must be in (0, {self.max_search_radius}]")
        if not 0.0 <= self.max_age <= self.lost_timeout:
            raise ValueError(f"max_age {self.max_age} must be in [0, lost_timeout {self.lost_timeout}]")


@dataclass(slots=True)
class _Visitor:
    """The person being led, at the last sight of them."""

    track_id: int
    x: float
    y: float
    vx: float
    vy: float
    seen_ns: int
    distance: float
    anchor_x: float  # where they began to stand
    anchor_y: float
    anchor_ns: int
    is_lagging: bool = False
    is_lost: bool = False
    returned_ns: int | None = None


_PREDICTION_HORIZON = 1.5  # s; people change their walking direction within about two steps


class FollowerMonitor:
    """Watches one visitor."""

    def __init__(self, limits: FollowerLimits | None = None) -> None:
        self._limits = limits or FollowerLimits()
        self._visitor: _Visitor | None = None
        self._others: set[int] = set()

    @property
    def is_locked(self) -> bool:
        """Return whether somebody is being led."""
        return self._visitor is not None

    def lock(
        self,
        now_ns: int,
        robot_pose: Pose,
        tracks: Sequence[TrackPoint],
        *,
        near: tuple[float, float] | None = None,
    ) -> bool:
        """Take the standing person nearest to the robot, ahead of or behind it, for the visitor.

        Confirmed tracks come first: an unconfirmed one is taken only where there is no other.

        Args:
            now_ns: the present instant.
            robot_pose: in the map frame.
            tracks: the people around, map frame.
            near: where the visitor is expected, map frame, meters; the nearest to it is taken instead of the
                nearest to the robot.

        Returns:
            Whether there was somebody; without, a former lock stays as it was.
        """
        limits = self._limits
        candidates = [
            track
            for track in tracks
            if self._is_fresh(track, now_ns)
            and math.hypot(track.x - robot_pose.x, track.y - robot_pose.y) <= limits.lock_distance
            and math.hypot(track.vx, track.vy) <= limits.lock_speed
            and _off_axis(robot_pose, track) <= limits.sector
        ]
        if not candidates:
            return False
        center = near or (robot_pose.x, robot_pose.y)
        chosen = min(
            candidates,
            key=lambda track: (not track.is_confirmed, math.hypot(track.x - center[0], track.y - center[1])),
        )
        self._visitor = _Visitor(
            track_id=chosen.track_id,
            x=chosen.x,
            y=chosen.y,
            vx=chosen.vx,
            vy=chosen.vy,
            seen_ns=chosen.stamp_ns,
            distance=math.hypot(chosen.x - robot_pose.x, chosen.y - robot_pose.y),
            anchor_x=chosen.x,
            anchor_y=chosen.y,
            anchor_ns=now_ns,
        )
        self._others = {track.track_id for track in tracks} - {chosen.track_id}
        return True

    def unlock(self) -> None:
        """Forget the visitor."""
        self._visitor = None
        self._others = set()

    def update(self, now_ns: int, robot_pose: Pose, tracks: Sequence[TrackPoint]) -> FollowState:
        """Find the visitor among the tracks and say what they do.

        Args:
            now_ns: the present instant.
            robot_pose: in the map frame.
            tracks: the people around, map frame.
        """
        visitor = self._visitor
        if visitor is None:
            return FollowState(status=FollowStatus.UNLOCKED)
        fresh = [track for track in tracks if self._is_fresh(track, now_ns)]
        seen = next((track for track in fresh if track.track_id == visitor.track_id), None)
        if seen is None:
            seen = self._find_again(visitor, now_ns, fresh)
        if seen is None:
            # Whoever leaves the tracks may be given a new id, and the visitor cannot be told from them by id alone.
            self._others &= {track.track_id for track in tracks}
        else:
            self._others = {track.track_id for track in tracks} - {seen.track_id}
            self._see(visitor, seen, now_ns, robot_pose)
        unseen = seconds_between(visitor.seen_ns, now_ns)
        visitor.is_lost = unseen >= self._limits.lost_timeout
        return FollowState(
            status=self._status(visitor, now_ns),
            distance=visitor.distance,
            x=visitor.x,
            y=visitor.y,
            unseen=unseen,
            track_id=visitor.track_id,
        )

    def _is_fresh(self, track: TrackPoint, now_ns: int) -> bool:
        return seconds_between(track.stamp_ns, now_ns) <= self._limits.max_age

    def _find_again(self, visitor: _Visitor, now_ns: int, fresh: Sequence[TrackPoint]) -> TrackPoint | None:
        """Return the track that the visitor, whose own track ended, most likely goes on with."""
        limits = self._limits
        unseen = max(0.0, seconds_between(visitor.seen_ns, now_ns))
        horizon = min(unseen, _PREDICTION_HORIZON)
        x, y = visitor.x + visitor.vx * horizon, visitor.y + visitor.vy * horizon
        radius = min(limits.search_radius + limits.search_speed * unseen, limits.max_search_radius)
        candidates = [
            (math.hypot(track.x - x, track.y - y), track)
            for track in fresh
            # Somebody who was tracked beside the visitor is somebody else.
            if track.track_id not in self._others
        ]
        distance, track = min(candidates, key=lambda pair: pair[0], default=(math.inf, None))
        return track if distance <= radius else None

    def _see(self, visitor: _Visitor, track: TrackPoint, now_ns: int, robot_pose: Pose) -> None:
        limits = self._limits
        if visitor.is_lost:
            visitor.returned_ns = now_ns
        visitor.track_id = track.track_id
        visitor.x, visitor.y, visitor.vx, visitor.vy = track.x, track.y, track.vx, track.vy
        visitor.seen_ns = track.stamp_ns
        visitor.distance = math.hypot(track.x - robot_pose.x, track.y - robot_pose.y)
        if math.hypot(track.x - visitor.anchor_x, track.y - visitor.anchor_y) > limits.stop_radius:
            visitor.anchor_x, visitor.anchor_y, visitor.anchor_ns = track.x, track.y, now_ns
        if visitor.distance > limits.lag_distance:
            visitor.is_lagging = True
        elif visitor.distance < limits.near_distance:
            visitor.is_lagging = False

    def _status(self, visitor: _Visitor, now_ns: int) -> FollowStatus:
        limits = self._limits
        if visitor.is_lost:
            return FollowStatus.LOST
        if visitor.distance > limits.near_distance and (seconds_between(visitor.anchor_ns, now_ns) >= limits.stop_time):
            return FollowStatus.STOPPED
        if visitor.is_lagging:
            return FollowStatus.LAGGING
        if visitor.returned_ns is not None and (seconds_between(visitor.returned_ns, now_ns) < limits.returned_time):
            return FollowStatus.RETURNED
        return FollowStatus.FOLLOWING


def _off_axis(robot_pose: Pose, track: TrackPoint) -> float:
    """Return the angle between the track's bearing and the robot's long axis (ahead or behind), radians."""
    bearing = wrap_angle(math.atan2(track.y - robot_pose.y, track.x - robot_pose.x) - robot_pose.yaw)
    return min(abs(bearing), math.pi - abs(bearing))

"""People around one robot: lidar and camera fused into tracks on the map."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from robot_ops.core.clock import seconds_between
from robot_ops.core.poses import FloatArray, Pose
from robot_ops.core.sensors import LaserScan
from robot_ops.perception.camera_people import PersonSighting
from robot_ops.perception.lidar_people import IsStatic, find_people
from robot_ops.perception.tracks import Track, Tracker, TrackerSettings

_GATE: Final = 3.0  # standard deviations between a sighting and the track it confirms
_TRACK_SIGMA: Final = 0.2  # m, of a track's own position when it is compared with a sighting
_LIDAR_GAP: Final = 0.3  # s; a track that the lidar has missed for so long lives on by the camera


class PeopleTracker:
    """Who is near. The lidar makes the tracks, the camera confirms them and bridges the lidar's gaps.

    A camera alone begins no track: pictures on walls never move either.
    """

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._tracker = Tracker(settings)

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Return the people tracked now, in order of their ids."""
        return self._tracker.tracks

    def clear(self) -> None:
        """Forget everybody, as when a lift has carried the robot to another level."""
        self._tracker.clear()

    def update_scan(self, scan: LaserScan, robot_pose: Pose, is_static: IsStatic) -> None:
        """Take a scan.

        Args:
            scan: see LaserScan.
            robot_pose: base_link in the map frame at the scan's instant.
            is_static: tells which points, map frame, are on the map.
        """
        self._tracker.update(find_people(scan, robot_pose, is_static), scan.stamp_ns)

    def update_camera(self, sightings: Sequence[PersonSighting], robot_pose: Pose, stamp_ns: int) -> None:
        """Take what a camera saw.

        Args:
            sightings: of one picture.
            robot_pose: base_link in the map frame at the picture's instant.
            stamp_ns: the picture's instant.
        """
        rotation = _rotation(robot_pose.yaw)
        open_tracks = {track.track_id: track for track in self._tracker.tracks}
        for sighting in sorted(sightings, key=lambda one: -one.score):
            position = robot_pose.transform(sighting.position_in_base[np.newaxis])[0]
            covariance = rotation @ sighting.covariance @ rotation.T
            track = _nearest(position, covariance, open_tracks.values())
            if track is None:
                continue
            del open_tracks[track.track_id]
            self._tracker.confirm(track.track_id)
            if seconds_between(track.stamp_ns, stamp_ns) > _LIDAR_GAP:
                self._tracker.measure(track.track_id, position, covariance, stamp_ns)


def _rotation(yaw: float) -> FloatArray:
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, -sin], [sin, cos]])


def _nearest(position: FloatArray, covariance: FloatArray, tracks: Iterable[Track]) -> Track | None:
    """Return the track that a sighting fits best by Mahalanobis distance, None where it fits none."""
    precision = np.linalg.inv(covariance + np.eye(2) * _TRACK_SIGMA**2)
    best, least = None, _GATE**2
    for track in tracks:
        offset = np.array([track.x, track.y]) - position
        distance = float(offset @ precision @ offset)
        if distance < least:
            best, least = track, distance
    return best

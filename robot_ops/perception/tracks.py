"""Tracks of people: constant-velocity Kalman filters and two-threshold association with gates in meters.

Association follows BYTE (Zhang et al., ECCV 2022, section 3): strong candidates are matched first, weak ones then keep
tracks alive that would be lost, and only strong ones begin tracks. All is in the map frame, so the robot's own motion
needs no compensation.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from robot_ops.core.clock import seconds_between
from robot_ops.core.poses import FloatArray
from robot_ops.perception.lidar_people import Candidates

_TAKEN: Final = np.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A person near the robot, map frame; what `robot_ops.missions.ports.PersonTrack` tells.

    Attributes:
        stamp_ns: capture instant of the latest measurement.
        is_confirmed: it has walked, or a camera has seen it, too.
    """

    track_id: int
    x: float
    y: float
    vx: float
    vy: float
    stamp_ns: int
    is_confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackerSettings:
    """How tracks are made and ended.

    Attributes:
        strong_score: candidates from here on begin tracks.
        acceleration: standard deviation of people's acceleration, m/s².
        gate: a candidate belongs to a track at most this far from its prediction, meters.
        sigmas: ... and at most so many standard deviations.
        min_hits: a track is told after so many measurements.
        max_age: a confirmed track ends after so long without one, seconds.
        max_young_age: any other one ends after so long, seconds.
        walk: an unconfirmed track that is so far from where it began is a person, meters.
        walk_speed: ... if it moves at least so fast, m/s.
    """

    strong_score: float = 0.6
    acceleration: float = 1.5
    gate: float = 0.9
    sigmas: float = 3.5
    min_hits: int = 3
    max_age: float = 2.0
    max_young_age: float = 0.5
    walk: float = 0.6
    walk_speed: float = 0.25


class _Filter:
    """One track's Kalman filter; state (x, y, vx, vy)."""

    def __init__(self, track_id: int, position: FloatArray, sigma: float, stamp_ns: int) -> None:
        self.track_id = track_id
        self.state = np.array([position[0], position[1], 0.0, 0.0])
        self.covariance = np.diag([sigma**2, sigma**2, 1.0, 1.0])
        self.start = self.state[:2].copy()
        self.stamp_ns = stamp_ns
        self.measured_ns = stamp_ns
        self.hits = 1
        self.is_confirmed = False


class Tracker:
    """Follows people through candidates.

    Args:
        settings: see there.
        first_id: of the first track; ids count up and are never used again.
    """

    def __init__(self, settings: TrackerSettings | None = None, *, first_id: int = 1) -> None:
        self._settings = settings or TrackerSettings()
        self._next_id = first_id
        self._filters: list[_Filter] = []

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Return the tracks that have enough measurements, in order of their ids."""
        return tuple(
            Track(
                track_id=one.track_id,
                x=float(one.state[0]),
                y=float(one.state[1]),
                vx=float(one.state[2]),
                vy=float(one.state[3]),
                stamp_ns=one.measured_ns,
                is_confirmed=one.is_confirmed,
            )
            for one in self._filters
            if one.hits >= self._settings.min_hits
        )

    def clear(self) -> None:
        """End all tracks, as when the robot has been carried to another level."""
        self._filters.clear()

    def update(self, candidates: Candidates, stamp_ns: int) -> None:
        """Take the candidates of one scan, captured at `stamp_ns`. Scans from the past are left out."""
        if any(one.stamp_ns > stamp_ns for one in self._filters):
            return
        for one in self._filters:
            self._predict(one, stamp_ns)
        is_strong = candidates.scores >= self._settings.strong_score
        strong, weak = np.flatnonzero(is_strong), np.flatnonzero(~is_strong)
        used, left = self._associate(self._filters, candidates, strong, stamp_ns)
        self._associate(left, candidates, weak, stamp_ns)
        for index in strong:
            if index not in used:
                self._begin(candidates, int(index), stamp_ns)
        self._filters = [one for one in self._filters if not self._is_over(one, stamp_ns)]

    def confirm(self, track_id: int) -> None:
        """Confirm a track of which another sensor says that it is a person; nothing happens where it has ended."""
        for one in self._filters:
            if one.track_id == track_id:
                one.is_confirmed = True

    def measure(self, track_id: int, position: FloatArray, covariance: FloatArray, stamp_ns: int) -> None:
        """Take another sensor's measurement of a track.

        Args:
            track_id: whose; nothing happens where it has ended.
            position: (2,), map frame, meters.
            covariance: (2, 2), of the position, m².
            stamp_ns: capture instant.
        """
        for one in self._filters:
            if one.track_id == track_id:
                # At walking speed a picture's age of 0.2 s is far within its measurement's own spread.
                _correct(one, position, covariance)
                one.measured_ns = max(one.measured_ns, stamp_ns)

    def _associate(
        self, filters: list[_Filter], candidates: Candidates, indices: "np.typing.NDArray[np.intp]", stamp_ns: int
    ) -> tuple[set[int], list[_Filter]]:
        """Match candidates to filters, nearest first; return the matched indices and the filters left over."""
        if not filters or len(indices) == 0:
            return set(), list(filters)
        predicted = np.array([one.state[:2] for one in filters])
        spreads = np.array([np.trace(one.covariance[:2, :2]) / 2.0 for one in filters])
        offsets = predicted[:, np.newaxis] - candidates.positions[indices]
        distances = np.hypot(offsets[..., 0], offsets[..., 1])
        deviations = np.sqrt(spreads[:, np.newaxis] + candidates.sigmas[indices] ** 2)
        costs = np.where(
            (distances <= self._settings.gate) & (distances <= self._settings.sigmas * deviations), distances, _TAKEN
        )
        used: set[int] = set()
        matched: set[int] = set()
        while True:
            row, column = np.unravel_index(int(np.argmin(costs)), costs.shape)
            if costs[row, column] == _TAKEN:
                break
            index = int(indices[column])
            self._hit(filters[row], candidates, index, stamp_ns)
            used.add(index)
            matched.add(int(row))
            costs[row, :] = _TAKEN
            costs[:, column] = _TAKEN
        return used, [one for number, one in enumerate(filters) if number not in matched]

    def _hit(self, one: _Filter, candidates: Candidates, index: int, stamp_ns: int) -> None:
        settings = self._settings
        _correct(one, candidates.positions[index], np.eye(2) * candidates.sigmas[index] ** 2)
        one.hits += 1
        one.measured_ns = stamp_ns
        way = np.hypot(*(one.state[:2] - one.start))
        if way >= settings.walk and np.hypot(*one.state[2:]) >= settings.walk_speed and one.hits > settings.min_hits:
            one.is_confirmed = True

    def _begin(self, candidates: Candidates, index: int, stamp_ns: int) -> None:
        sigma = float(candidates.sigmas[index])
        self._filters.append(_Filter(self._next_id, candidates.positions[index], sigma, stamp_ns))
        self._next_id += 1

    def _predict(self, one: _Filter, stamp_ns: int) -> None:
        passed = seconds_between(one.stamp_ns, stamp_ns)
        if passed <= 0.0:
            return
        transition = np.eye(4)
        transition[0, 2] = transition[1, 3] = passed
        # White acceleration (Bar-Shalom, Estimation with Applications to Tracking and Navigation, 6.3.2).
        noise = self._settings.acceleration**2
        a, b, c = noise * passed**4 / 4.0, noise * passed**3 / 2.0, noise * passed**2
        process = np.array([[a, 0, b, 0], [0, a, 0, b], [b, 0, c, 0], [0, b, 0, c]])
        one.state = transition @ one.state
        one.covariance = transition @ one.covariance @ transition.T + process
        one.stamp_ns = stamp_ns

    def _is_over(self, one: _Filter, stamp_ns: int) -> bool:
        limit = self._settings.max_age if one.is_confirmed else self._settings.max_young_age
        return seconds_between(one.measured_ns, stamp_ns) > limit


def _correct(one: _Filter, position: FloatArray, covariance: FloatArray) -> None:
    innovation = one.covariance[:2, :2] + covariance
    gain = one.covariance[:, :2] @ np.linalg.inv(innovation)
    one.state = one.state + gain @ (position - one.state[:2])
    one.covariance = one.covariance - gain @ one.covariance[:2, :]

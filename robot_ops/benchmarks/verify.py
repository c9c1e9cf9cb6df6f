"""Checks plans. Shares no code with the planners, so that their mistakes are not repeated here.

Grids are checked square by square and step by step. Lane graphs are checked by geometry: robots are disks that move
along their lanes by the times of the plan, and no two disks may ever overlap; cells and zones are not looked at.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from robot_ops.benchmarks.grids import GridCase, Squares
from robot_ops.core.ids import NodeId
from robot_ops.site.model import Site

_EVERYWHERE: Final = -1
"""Level of a robot that rides in a lift."""
_SLACK: Final = 1e-6
_Floats = NDArray[np.float64]


def grid_fault(case: GridCase, paths: Squares) -> str:
    """Return what is wrong with a plan, an empty text if nothing.

    Args:
        paths: (steps + 1, robots, 2) row and column of every robot after every step; all stay where they end.
    """
    if paths.ndim != 3 or paths.shape[1:] != case.starts.shape or not len(paths):
        return f"the plan has the shape {paths.shape}, not (steps + 1, {len(case.starts)}, 2)"
    for robot, (start, goal) in enumerate(zip(case.starts.tolist(), case.goals.tolist(), strict=True)):
        if paths[0, robot].tolist() != start:
            return f"robot {robot} starts at {paths[0, robot].tolist()}, not at {start}"
        if paths[-1, robot].tolist() != goal:
            return f"robot {robot} ends at {paths[-1, robot].tolist()}, not at {goal}"
    rows, columns = case.is_free.shape
    for step, squares in enumerate(paths.tolist()):
        standing: dict[tuple[int, int], int] = {}
        for robot, (row, column) in enumerate(squares):
            if not (0 <= row < rows and 0 <= column < columns) or not case.is_free[row, column]:
                return f"robot {robot} is on the blocked square {(row, column)} after step {step}"
            other = standing.setdefault((row, column), robot)
            if other != robot:
                return f"robots {other} and {robot} are both on {(row, column)} after step {step}"
        if step == 0:
            continue
        before: list[list[int]] = paths[step - 1].tolist()
        for robot, (old, new) in enumerate(zip(before, squares, strict=True)):
            if abs(old[0] - new[0]) + abs(old[1] - new[1]) > 1:
                return f"robot {robot} jumps from {tuple(old)} to {tuple(new)} in step {step}"
            came = standing.get((old[0], old[1]), robot)
            if came != robot and before[came] == new:
                return f"robots {robot} and {came} swap {tuple(old)} and {tuple(new)} in step {step}"
    return ""


def sum_of_costs(paths: Squares, goals: Squares) -> int:
    """Return the steps until each robot is at its goal for good, added up."""
    is_off = (paths != goals[None]).any(axis=2)
    last_off = np.where(is_off.any(axis=0), len(paths) - np.argmax(is_off[::-1], axis=0), 0)
    return int(last_off.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """One robot drives from node to node; it sets out at `begin` and is there at `end`, in seconds."""

    start: NodeId
    stop: NodeId
    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A robot with its plan.

    Attributes:
        goal: None where it may end anywhere.
        radius: meters; max_speed: m/s.
    """

    name: str
    start: NodeId
    goal: NodeId | None
    radius: float
    max_speed: float
    drives: tuple[Drive, ...]


def lane_fault(site: Site, runners: Sequence[Runner]) -> str:
    """Return what is wrong with a timed plan on a lane graph, an empty text if nothing.

    Robots drive a lane at constant speed over its time.
    """
    for runner in runners:
        found = _way_fault(site, runner)
        if found:
            return found
    tracks = [_track(site, runner) for runner in runners]
    for (a, first), (b, second) in itertools.combinations(zip(runners, tracks, strict=True), 2):
        distance, time = _least_distance(first, second)
        if distance < a.radius + b.radius - _SLACK:
            return f"{a.name} and {b.name} are {distance:.3f} m apart after {time:.2f} s and touch"
    return _lift_fault(site, runners)


def least_gap(site: Site, runners: Sequence[Runner]) -> float:
    """Return the least distance between two footprints at any time, in meters; inf for less than two robots."""
    tracks = [_track(site, runner) for runner in runners]
    pairs = itertools.combinations(zip(runners, tracks, strict=True), 2)
    return min((_least_distance(x, y)[0] - a.radius - b.radius for (a, x), (b, y) in pairs), default=math.inf)


def _way_fault(site: Site, runner: Runner) -> str:
    ways = {(lane.start, lane.end): lane for lane in site.lanes.values()}
    ways |= {(lane.end, lane.start): lane for lane in site.lanes.values() if not lane.is_one_way}
    lift_of = {node: lift.id for lift in site.lifts.values() for node in lift.stops.values()}
    at, now = runner.start, 0.0
    for drive in runner.drives:
        if drive.start != at:
            return f"{runner.name} is at {at}, but its next drive starts at {drive.start}"
        if not (now - _SLACK <= drive.begin <= drive.end < math.inf):
            return f"{runner.name} drives to {drive.stop} from {drive.begin} to {drive.end} s, but is ready at {now} s"
        lane = ways.get((drive.start, drive.stop))
        if lane is not None:
            a, b = site.nodes[lane.start], site.nodes[lane.end]
            least = math.hypot(a.x - b.x, a.y - b.y) / min(lane.speed_limit, runner.max_speed)
            if drive.end - drive.begin < least - _SLACK:
                return f"{runner.name} drives to {drive.stop} in {drive.end - drive.begin:.3f} s, faster than it may"
        elif lift_of.get(drive.start) is None or lift_of.get(drive.start) != lift_of.get(drive.stop):
            return f"{runner.name} drives from {drive.start} to {drive.stop}, where no lane leads"
        at, now = drive.stop, drive.end
    if runner.goal is not None and at != runner.goal:
        return f"{runner.name} ends at {at}, not at its goal {runner.goal}"
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class _Track:
    """Position over time: straight between times (N), standing after the last; level of each stretch (N)."""

    times: _Floats
    x: _Floats
    y: _Floats
    level: NDArray[np.int64]


def _track(site: Site, runner: Runner) -> _Track:
    levels = {level: index for index, level in enumerate(site.levels)}
    node = site.nodes[runner.start]
    points, after = [(0.0, node.x, node.y)], [levels[node.level]]
    for drive in runner.drives:
        a, b = site.nodes[drive.start], site.nodes[drive.stop]
        points += [(drive.begin, a.x, a.y), (drive.end, b.x, b.y)]
        after += [levels[a.level] if a.level == b.level else _EVERYWHERE, levels[b.level]]
    array = np.array(points)
    return _Track(array[:, 0], array[:, 1], array[:, 2], np.array(after))


def _least_distance(first: _Track, second: _Track) -> tuple[float, float]:
    """Return the least distance of two robots' centers on one level, and when that is (start of the stretch)."""
    times = np.union1d(first.times, second.times)
    dx = np.interp(times, first.times, first.x) - np.interp(times, second.times, second.x)
    dy = np.interp(times, first.times, first.y) - np.interp(times, second.times, second.y)
    dx, dy = np.append(dx, dx[-1]), np.append(dy, dy[-1])
    vx, vy = np.diff(dx), np.diff(dy)
    squared = np.maximum(vx**2 + vy**2, 1e-18)
    fraction = np.clip(-(dx[:-1] * vx + dy[:-1] * vy) / squared, 0.0, 1.0)
    distances = np.hypot(dx[:-1] + fraction * vx, dy[:-1] + fraction * vy)
    a = first.level[np.searchsorted(first.times, times, side="right") - 1]
    b = second.level[np.searchsorted(second.times, times, side="right") - 1]
    distances[(a != b) & (a != _EVERYWHERE) & (b != _EVERYWHERE)] = math.inf
    index = int(np.argmin(distances))
    return float(distances[index]), float(times[index])


def _lift_fault(site: Site, runners: Sequence[Runner]) -> str:
    """Return which two robots are in one lift at a time."""
    for lift in site.lifts.values():
        cabins = set(lift.stops.values())
        stays: list[tuple[float, float, str]] = []
        for runner in runners:
            since = 0.0 if runner.start in cabins else None
            for drive in runner.drives:
                if drive.stop in cabins and since is None:
                    since = drive.end
                if drive.stop not in cabins and since is not None:
                    stays.append((since, drive.begin, runner.name))
                    since = None
            if since is not None:
                stays.append((since, math.inf, runner.name))
        for (_, until, a), (since, _, b) in itertools.pairwise(sorted(stays)):
            if since < until:
                return f"{a} and {b} are both in the lift {lift.id} after {since:.2f} s"
    return ""

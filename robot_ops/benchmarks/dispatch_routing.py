"""Benchmark instances as work for the compiled search, and the search on them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from robot_ops.allocation.kernels.arrays import EFFORT, JOB, NONE, ROBOT, RULE, STOP, Floats, Work, records
from robot_ops.allocation.routing import Routing, Tuning
from robot_ops.benchmarks.pdptw import Instance

_DROP: Final = 1e7
FLEET_SHARE: Final = 0.4
"""Share of the time for making the fleet smaller; the rest is for the distance."""
PATIENT: Final = Tuning(blink=0.03, hot=1.0, cold=0.01)
"""For seconds and tight windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Routes as numbers of nodes, and how they came about."""

    routes: list[list[int]]
    left_out: int
    iterations: int


def work_of(instance: Instance) -> Work:
    """Return the work that an instance of Li and Lim is; place k is node k, stop k is node k + 1."""
    nodes, depot = instance.nodes[1:], instance.nodes[0]
    at = np.array([(node.x, node.y) for node in instance.nodes])
    stop, robot = records(len(nodes), STOP), records(instance.vehicles, ROBOT)
    pickups = [node for node in nodes if node.is_pickup]
    job, rule, effort = records(len(pickups), JOB), records(1, RULE), records((1, len(nodes)), EFFORT)
    stop["opens"], stop["closes"] = [node.ready for node in nodes], [node.due for node in nodes]
    stop["load"], stop["due"] = [node.demand for node in nodes], np.inf
    stop["enter"] = stop["leave"] = [node.number for node in nodes]
    job["first"] = [node.number - 1 for node in pickups]
    job["second"] = [node.partner - 1 for node in pickups]
    job["planned"], job["drop"] = NONE, _DROP
    stop["job"][job["first"]] = stop["job"][job["second"]] = np.arange(len(pickups))
    effort["duration"][0] = [node.service for node in nodes]
    robot["free"], robot["until"], robot["capacity"] = depot.ready, depot.due, instance.capacity
    robot["charger"] = NONE
    rule["travel_weight"] = 1.0
    meters = distances(at)
    depot_way = meters[0, job["first"] + 1] + meters[0, job["second"] + 1]
    window = stop["closes"] - stop["opens"]
    order = np.stack(
        [
            -stop["load"][job["first"]],
            -depot_way,
            depot_way,
            window[job["first"]] + window[job["second"]],
            stop["opens"][job["first"]],
            -stop["closes"][job["second"]],
        ],
        axis=1,
    )
    allowed = np.ones((len(pickups), instance.vehicles), dtype=np.bool_)
    return Work(stop, job, robot, rule, effort, meters[None], allowed, np.ascontiguousarray(order))


def distances(at: Floats) -> Floats:
    """Return (points, points) straight distances of (points, 2)."""
    apart = at[:, None, :] - at[None, :, :]
    return np.hypot(apart[:, :, 0], apart[:, :, 1])


def solve(instance: Instance, share_used: Callable[[], float], *, seed: int, tuning: Tuning | None = None) -> Answer:
    """Search for routes, vehicles first, until the share of the time that is used up reaches 1."""
    routing = Routing(work_of(instance), seed=seed, tuning=PATIENT if tuning is None else tuning)
    routing.construct()
    iterations = routing.reduce_fleet_while(lambda: share_used() / FLEET_SHARE)
    start = min(share_used(), 1.0)
    while (used := share_used()) < 1.0:
        # in tenths, since a robot that became idle on the way is left idle from then on
        aim = min(1.0, used + 0.1 * (1.0 - start))
        iterations += routing.improve_while(share_used, until=aim, since=start)
        routing.close_unused()
    routes = [[stop + 1 for stop in route] for route in routing.best() if route]
    return Answer(routes=routes, left_out=len(routing.left_out), iterations=iterations)


def random_work(jobs: int, robots: int, seed: int, *, is_timed: bool) -> Work:
    """Return pickups and deliveries, and robots, random on a square of 100 m; open routes, three compartments.

    Args:
        is_timed: cost is the sum of the instants of delivery, not the way; at 1 m/s.
    """
    chance = np.random.default_rng(seed)
    stops = 2 * jobs
    meters = distances(chance.uniform(0.0, 100.0, (stops + robots, 2)))
    stop, job, robot, rule = records(stops, STOP), records(jobs, JOB), records(robots, ROBOT), records(1, RULE)
    stop["closes"], stop["due"], stop["job"] = np.inf, np.inf, np.arange(stops) // 2
    stop["enter"] = stop["leave"] = np.arange(stops)
    stop["load"][0::2], stop["load"][1::2] = 1.0, -1.0
    stop["weight"][1::2] = 1.0 if is_timed else 0.0
    job["first"], job["second"] = np.arange(0, stops, 2), np.arange(1, stops, 2)
    job["planned"], job["drop"] = NONE, _DROP
    robot["until"], robot["capacity"], robot["start"] = np.inf, 3.0, stops + np.arange(robots)
    robot["end"], robot["charger"] = NONE, NONE
    rule["travel_weight"], rule["is_timed"] = 0.0 if is_timed else 1.0, is_timed
    way = meters[job["first"], job["second"]]
    order = np.stack([-way, way], axis=1)
    allowed = np.ones((jobs, robots), dtype=np.bool_)
    return Work(stop, job, robot, rule, records((1, stops), EFFORT), meters[None], allowed, order)

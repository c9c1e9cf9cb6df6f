"""Pickup and delivery by ruin and recreate: always a valid answer, better the longer it is improved.

Regret-2 insertion first, then slack induction by string removals (SISR; Christiaens and Vanden Berghe 2020) under
simulated annealing. The answer depends on the work, the seed and the iterations alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from robot_ops.allocation.kernels import search as kernels
from robot_ops.allocation.kernels.alternatives import alternatives
from robot_ops.allocation.kernels.arrays import (
    AT,
    EDGE,
    MEMORY,
    NONE,
    OFFER,
    ROUTE,
    STATE,
    Floats,
    Grains,
    Ints,
    Routes,
    Search,
    Work,
    records,
)
from robot_ops.allocation.kernels.routes import refresh

_NEAR: Final = 40
"""Stops around a seed that a ruin looks at."""
_FEW_JOBS: Final = 100
_SOME_JOBS: Final = 400
"""See `construct` of the kernels."""
_MOST_GRAINS: Final = 65_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How the search goes about it.

    Attributes:
        mean_removed: stops taken out in an iteration, on average; max_string: at most so many of one route.
        blink: chance that a route is overlooked for a job.
        hot, cold: temperature at the beginning and the end, as a share of the first answer's cost per job.
        reduce_heat: temperature while the fleet is made smaller, likewise.
    """

    mean_removed: float = 10.0
    max_string: float = 10.0
    blink: float = 0.01
    hot: float = 0.1
    cold: float = 0.001
    reduce_heat: float = 0.1


class Routing:
    """Routes for all jobs of some work.

    Args:
        work: see `Work`.
        seed: of the random numbers.
    """

    def __init__(self, work: Work, *, seed: int = 1, tuning: Tuning | None = None) -> None:
        work = self._work = _with_rule(work)
        self._tuning = Tuning() if tuning is None else tuning
        self._routes = _no_routes(work)
        self._search = _no_search(work, self._routes, seed)
        self._scale = 1.0

    @property
    def cost(self) -> float:
        """Return what the best routes cost, jobs left out included."""
        return float(self._search.state[0]["best"])

    @property
    def left_out(self) -> list[int]:
        """Return the jobs that the best routes leave out, ascending."""
        return sorted(self._search.best_absent[: self._search.state[0]["best_absent"]].tolist())

    def best(self) -> list[list[int]]:
        """Return the stops of each robot's best route, in order."""
        lengths = self._search.best_route["length"].tolist()
        return [self._search.best_stops[robot, :length].tolist() for robot, length in enumerate(lengths)]

    def keep(self, robot: int, stops: list[int]) -> None:
        """Begin with this route of a robot, as much of its beginning as is possible; before `construct`."""
        work, routes = self._work, self._routes
        routes.at["stop"][robot, : len(stops)] = stops
        for length in range(len(stops), -1, -1):
            routes.route["length"][robot] = length
            if refresh(work, routes, robot, 0):
                break
        routes.robot_of[work.stop["job"][stops[length:]]] = NONE

    def settle(self) -> None:
        """Go back to the best routes."""
        kernels.restore_best(self._work, self._routes, self._search)

    def times(self, robot: int) -> tuple[list[int], list[float], list[float]]:
        """Return the stops of a robot's route as it stands (see `settle`), and begin and finish of each."""
        row = self._routes.at[robot, : self._routes.route[robot]["length"]]
        return row["stop"].tolist(), row["begin"].tolist(), row["finish"].tolist()

    def alternatives(self, jobs: list[int], *, is_next_best: bool = False) -> tuple[Floats, Floats]:
        """Return (jobs, robots) what each costs in each route, all else as it stands, and when it is finished.

        Args:
            is_next_best: only the best of the other routes is of interest; costs above it may be infinite.
        """
        wanted = np.array(jobs, dtype=np.int64)
        return alternatives(self._work, self._routes, self._search, wanted, is_next_best)

    def construct(self, order: list[int] | None = None) -> None:
        """Insert all jobs that have no robot yet.

        Args:
            order: of jobs, if there are so many that they are inserted one after another.
        """
        search, jobs = self._search, len(self._work.job)
        wanted = range(jobs) if order is None else order
        absent = [job for job in wanted if self._routes.robot_of[job] == NONE]
        search.absent[: len(absent)] = absent
        search.state[0]["absent"] = len(absent)
        kernels.construct(self._work, self._routes, search, _FEW_JOBS, _SOME_JOBS)
        cost = float(self._routes.route["cost"].sum())
        self._scale = cost / max(1, jobs - int(search.state[0]["absent"]))

    def improve(self, iterations: int, *, done: float = 0.0, after: float = 1.0) -> None:
        """Go on for some iterations.

        Args:
            done, after: share of the whole budget that is used up before and after them; sets the temperature.
        """
        tuning = self._tuning
        if len(self._work.job) == 0 or iterations < 1:
            return
        hot, cold = (self._scale * tuning.hot * (tuning.cold / tuning.hot) ** share for share in (done, after))
        kernels.improve(
            self._work,
            self._routes,
            self._search,
            iterations,
            hot,
            cold,
            tuning.mean_removed,
            tuning.max_string,
            tuning.blink,
        )

    def improve_while(
        self, share_used: Callable[[], float], *, since: float = 0.0, until: float = 1.0, first_chunk: int = 20
    ) -> int:
        """Improve until the share of the budget that is used up reaches `until`; return the iterations.

        Args:
            share_used: tells that share; a clock of the caller.
            since: share at which improving began, hot; it ends cold at 1.
            first_chunk: iterations before it is asked for the first time.
        """
        used, chunk, iterations = share_used(), first_chunk, 0
        span = max(1e-9, 1.0 - since)
        while used < until and len(self._work.job) > 0:
            done = max(0.0, (used - since) / span)
            self.improve(chunk, done=done, after=done)
            iterations += chunk
            before, used = used, share_used()
            pace = max(1e-9, used - before)
            aim = min(0.01, max(0.001, 0.5 * (until - used)))
            chunk = max(1, min(4 * chunk, int(chunk * aim / pace)))
        return iterations

    def reduce_fleet_while(self, share_used: Callable[[], float], *, chunk: int = 100) -> int:
        """Find routes for as few robots as possible, all alike, that leave nothing out; return the iterations.

        The best routes are those of the smallest fleet that was found; only its robots are used from then on.
        """
        work, routes, search, tuning = self._work, self._routes, self._search, self._tuning
        iterations = 0
        while len(work.job) > 0 and share_used() < 1.0:
            heat = self._scale * tuning.reduce_heat
            if kernels.reduce_fleet(
                work, routes, search, chunk, heat, tuning.mean_removed, tuning.max_string, tuning.blink
            ):
                if kernels.close_route(work, routes, search) == NONE:
                    break
            else:
                iterations += chunk
        if len(work.job) > 0:
            kernels.restore_best(work, routes, search)
        return iterations

    def close_unused(self) -> None:
        """Go on from the best routes without the robots that have nothing to do in them."""
        search = self._search
        is_unused = (search.best_route["length"] == 0) & (search.best_route["is_closed"] == 0)
        if is_unused.any():
            search.best_route["is_closed"][is_unused] = 1
            kernels.restore_best(self._work, self._routes, search)


def _with_rule(work: Work) -> Work:
    """Return the work with its rule complete."""
    rule = work.rule.copy()
    is_bound = any(np.isfinite(times).any() for times in (work.stop["closes"], work.robot["until"]))
    is_bound = is_bound or bool((work.stop["opens"] > 0.0).any() or not np.isfinite(work.effort["duration"]).all())
    has_wholes = bool((work.job["second"] == NONE).any())
    rule["is_free"] = not (is_bound or has_wholes or rule["is_timed"][0] or rule["has_energy"][0])
    return work._replace(rule=rule)


def _no_routes(work: Work) -> Routes:
    jobs, robots = work.is_allowed.shape
    stops = len(work.stop)
    return Routes(
        route=records(robots, ROUTE),
        at=records((robots, stops + 1), AT),
        edge=records((robots, 0 if work.rule["is_timed"][0] else stops + 2), EDGE),
        grain=_grain(work),
        robot_of=np.full(jobs, NONE, dtype=np.int64),
        position=np.zeros(stops, dtype=np.int64),
    )


def _no_search(work: Work, routes: Routes, seed: int) -> Search:
    jobs, robots = work.is_allowed.shape
    stops = len(work.stop)
    state = records(1, STATE)
    near = max(1, min(_NEAR, stops - 1))
    state["seed"] = (seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64 or 1
    return Search(
        toward=np.ascontiguousarray(work.travel.transpose(0, 2, 1)),
        coarse=_coarse(work, routes.grain),
        nearest=_nearest(work),
        offer=records((jobs, robots), OFFER),
        memory=records(jobs, MEMORY),
        state=state,
        near=np.empty((stops, near), dtype=np.int64),
        near_count=np.full(stops, NONE, dtype=np.int64),
        near_away=np.empty(near),
        absent=np.zeros(jobs, dtype=np.int64),
        saved_robots=np.zeros(robots, dtype=np.int64),
        saved_route=records(robots, ROUTE),
        saved_at=records(routes.at.shape, AT),
        saved_edge=records(routes.edge.shape, EDGE),
        saved_absent=np.zeros(jobs, dtype=np.int64),
        best_route=records(robots, ROUTE),
        best_stops=np.zeros(routes.at.shape, dtype=np.int64),
        best_absent=np.zeros(jobs, dtype=np.int64),
    )


def _coarse(work: Work, grain: Floats) -> Grains:
    """See `Search`."""
    groups, places, _ = work.travel.shape
    if work.rule["is_timed"][0]:
        return np.zeros((groups, 0, 0), dtype=np.uint32)
    coarse = np.zeros((groups, places + 1, places + 1), dtype=np.uint32)
    grains = np.minimum(work.travel / grain[:, None, None], _MOST_GRAINS).astype(np.uint32)
    coarse[:, :places, :places] = grains | (grains.transpose(0, 2, 1) << np.uint32(16))
    return coarse


def _grain(work: Work) -> Floats:
    """Return (groups,) such that the longest way is of `_MOST_GRAINS`."""
    longest = np.max(work.travel, axis=(1, 2), initial=1e-9 * _MOST_GRAINS, where=np.isfinite(work.travel))
    return np.asarray(longest / _MOST_GRAINS)


def _nearest(work: Work) -> Ints:
    """See `Search`."""
    if not work.rule["is_free"][0]:
        return np.zeros((0, 0), dtype=np.int64)
    places = work.stop["enter"][work.job["first"]]
    ways = work.travel[work.robot["group"], work.robot["start"]][:, places]
    return np.ascontiguousarray(np.argsort(ways, axis=0, kind="stable").T)

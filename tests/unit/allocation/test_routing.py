"""The compiled search: whatever the work, its routes can be driven, cost what it says, and it always says the same."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.allocation.kernels.arrays import EFFORT, JOB, NONE, ROBOT, RULE, STOP, Work, records
from robot_ops.allocation.kernels.recreate import touch
from robot_ops.allocation.kernels.search import begin_trial
from robot_ops.allocation.kernels.tails import exchange_tails
from robot_ops.allocation.routing import Routing
from robot_ops.allocation.routing_check import cost_of

_POWER = 0.02  # Wh a second


def random_work(seed: int, jobs: int, robots: int, *, is_timed: bool, has_windows: bool) -> Work:
    """Jobs of both kinds on a square of 100 m, robots of two classes."""
    chance = np.random.default_rng(seed)
    stops = 2 * jobs
    at = chance.uniform(0.0, 100.0, (stops + 2 * robots, 2))
    meters = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    travel = np.stack([meters, meters / 0.7])
    stop, job, robot, rule = records(stops, STOP), records(jobs, JOB), records(robots, ROBOT), records(1, RULE)
    effort = records((2, stops), EFFORT)
    stop["job"] = np.arange(stops) // 2
    stop["enter"] = stop["leave"] = np.arange(stops)
    stop["due"], stop["closes"] = np.inf, np.inf
    if has_windows:
        stop["opens"] = chance.choice([0.0, 50.0, 150.0], stops)
        stop["closes"] = stop["opens"] + chance.uniform(100.0, 400.0, stops)
    stop["load"][0::2], stop["load"][1::2] = 1.0, -1.0
    if is_timed:
        stop["weight"][1::2] = chance.uniform(0.5, 2.0, jobs)
        stop["late"][1::2] = chance.choice([0.0, 3.0], jobs)
        stop["due"][1::2] = chance.uniform(0.0, 300.0, jobs)
    job["first"], job["second"] = np.arange(0, stops, 2), np.arange(1, stops, 2)
    is_whole = chance.random(jobs) < 0.3
    stop["leave"][0::2] = np.where(is_whole, stop["leave"][1::2], stop["leave"][0::2])
    for name in ("weight", "late", "due"):
        stop[name][0::2] = np.where(is_whole, stop[name][1::2], stop[name][0::2])
    stop["load"][0::2][is_whole] = 0.0
    job["second"][is_whole] = NONE
    effort["duration"] = chance.uniform(0.0, 10.0, stops)
    effort["energy"] = chance.uniform(0.0, 1.0, stops)
    # without a job no way takes longer, nor more energy, than with it
    own_way = np.where(is_whole, travel[:, np.arange(0, stops, 2), np.arange(1, stops, 2)], 0.0)
    effort["duration"][:, 0::2] += own_way
    effort["energy"][:, 0::2] += _POWER * own_way
    job["planned"], job["move"], job["drop"] = chance.integers(-1, robots, jobs), 5.0, 1e6
    robot["capacity"], robot["energy"] = chance.integers(1, 4, robots), chance.uniform(5.0, 40.0, robots)
    robot["until"], robot["power"], robot["group"] = 700.0, _POWER, chance.integers(0, 2, robots)
    robot["start"], robot["charger"] = stops + np.arange(robots), stops + robots + np.arange(robots)
    robot["end"] = np.where(chance.random(robots) < 0.5, robot["charger"], NONE)
    rule["travel_weight"], rule["is_timed"], rule["has_energy"] = 0.1 if is_timed else 1.0, is_timed, 1
    is_allowed = chance.random((jobs, robots)) < 0.8
    order = np.stack([-stop["weight"][1::2], travel[0][job["first"], job["first"] + 1]], axis=1)
    return Work(stop, job, robot, rule, effort, travel, is_allowed, np.ascontiguousarray(order))


def free_work(seed: int, jobs: int, robots: int) -> Work:
    """Pickups and deliveries of which the way alone counts, and loads alone bind."""
    work = random_work(seed, jobs, robots, is_timed=False, has_windows=False)
    work.job["second"] = np.arange(1, 2 * jobs, 2)
    work.stop["leave"], work.stop["load"] = work.stop["enter"], np.resize([1.0, -1.0], 2 * jobs)
    work.rule["has_energy"], work.robot["until"] = 0, np.inf
    return work


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    jobs=st.integers(1, 14),
    robots=st.integers(1, 5),
    is_timed=st.booleans(),
    has_windows=st.booleans(),
)
def test_routes_can_be_driven_and_cost_what_they_say(
    seed: int, jobs: int, robots: int, is_timed: bool, has_windows: bool
) -> None:
    _check_routes(random_work(seed, jobs, robots, is_timed=is_timed, has_windows=has_windows), seed)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), jobs=st.integers(1, 20), robots=st.integers(1, 5))
def test_so_can_routes_where_the_way_alone_counts(seed: int, jobs: int, robots: int) -> None:
    _check_routes(free_work(seed, jobs, robots), seed)


def _check_routes(work: Work, seed: int) -> None:
    routing, again = Routing(work, seed=seed), Routing(work, seed=seed)
    for search in (routing, again):
        search.construct()
    first = routing.cost
    assert cost_of(work, routing.best()) == pytest.approx(first)
    for search in (routing, again):
        search.improve(60)
    assert routing.cost <= first + 1e-6
    assert cost_of(work, routing.best()) == pytest.approx(routing.cost)
    done = {int(work.stop[stop]["job"]) for route in routing.best() for stop in route}
    assert sorted(done | set(routing.left_out)) == list(range(len(work.job)))
    assert (again.best(), again.cost) == (routing.best(), routing.cost)


@pytest.mark.parametrize("is_timed", [False, True])
@pytest.mark.parametrize("has_windows", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_three_jobs_of_one_robot_are_driven_in_the_best_of_all_orders(
    seed: int, has_windows: bool, is_timed: bool
) -> None:
    _check_orders(random_work(seed, 3, 1, is_timed=is_timed, has_windows=has_windows))


@pytest.mark.parametrize("seed", range(6))
def test_so_are_they_where_the_way_alone_counts(seed: int) -> None:
    _check_orders(free_work(seed, 3, 1))


def _check_orders(work: Work) -> None:
    stops = [int(work.job[job][name]) for job in range(3) for name in ("first", "second")]
    stops = [stop for stop in stops if stop != NONE]
    least = cost_of(work, [[]])
    for size in range(1, len(stops) + 1):
        for order in permutations(stops, size):
            try:
                least = min(least, cost_of(work, [list(order)]))
            except ValueError:
                continue
    routing = Routing(work)
    routing.construct()
    routing.improve(300)
    assert routing.cost == pytest.approx(least)


def test_a_route_that_is_kept_is_where_the_search_begins() -> None:
    work = random_work(1, 8, 3, is_timed=True, has_windows=False)
    before = Routing(work)
    before.construct()
    before.improve(100)
    after = Routing(work)
    for robot, stops in enumerate(before.best()):
        after.keep(robot, stops)
    after.construct()
    assert after.cost <= before.cost + 1e-6


@pytest.mark.parametrize("is_timed", [False, True])
@pytest.mark.parametrize("has_windows", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_a_job_costs_in_each_route_what_its_best_two_positions_cost(
    seed: int, has_windows: bool, is_timed: bool
) -> None:
    _check_costs(random_work(seed, 9, 3, is_timed=is_timed, has_windows=has_windows), tolerance=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_so_does_it_where_the_way_alone_counts_but_for_the_grain(seed: int) -> None:
    work = free_work(seed, 9, 3)
    _check_costs(work, tolerance=4.0 * float(work.travel.max()) / 65_000)


def _check_costs(work: Work, *, tolerance: float) -> None:
    routing = Routing(work)
    routing.construct()
    routing.settle()
    routes = routing.best()
    costs, _ = routing.alternatives(list(range(9)))
    for job in range(9):
        own = {int(work.job[job]["first"]), int(work.job[job]["second"])}
        rest = [[stop for stop in route if stop not in own] for route in routes]
        for robot in range(3):
            least = _least_insertion(work, rest, job, robot)
            if least == np.inf:
                assert costs[job, robot] == np.inf
            else:
                assert costs[job, robot] == pytest.approx(least, abs=tolerance)


def _least_insertion(work: Work, routes: list[list[int]], job: int, robot: int) -> float:
    """Return what a job adds to the cost at the best of all positions of a route, infinite where none is possible."""
    first, second = int(work.job[job]["first"]), int(work.job[job]["second"])
    without = cost_of(work, routes) - float(work.job[job]["drop"])
    least = np.inf
    for at in range(len(routes[robot]) + 1):
        begun = [*routes[robot][:at], first, *routes[robot][at:]]
        ends = [len(begun)] if second == NONE else range(at + 1, len(begun) + 1)
        for end in ends:
            route = begun if second == NONE else [*begun[:end], second, *begun[end:]]
            try:
                least = min(least, cost_of(work, [*routes[:robot], route, *routes[robot + 1 :]]) - without)
            except ValueError:
                continue
    return float(least)


def _with_tails_exchanged(work: Work, routes: list[list[int]]) -> list[list[list[int]]]:
    """Return the routes with each two tails exchanged that can be driven."""
    found = []
    for one in range(len(routes)):
        for other in range(one):
            for cut in range(len(routes[one]) + 1):
                for far in range(len(routes[other]) + 1):
                    changed = list(routes)
                    changed[one] = routes[one][:cut] + routes[other][far:]
                    changed[other] = routes[other][:far] + routes[one][cut:]
                    try:
                        cost_of(work, changed)
                    except ValueError:
                        continue
                    found.append(changed)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_after_tails_were_exchanged_no_exchange_makes_the_way_shorter(seed: int) -> None:
    work = random_work(seed, 8, 3, is_timed=False, has_windows=False)
    # all alike, so that each exchange is possible that splits no job, and ends nowhere in particular
    work.is_allowed[:], work.job["planned"], work.robot["end"] = True, NONE, NONE
    work.rule["has_energy"], work.robot["until"], work.robot["group"] = 0, np.inf, 0
    work.robot["capacity"] = 3.0
    routing = Routing(work)
    routing.construct()
    before = routing.cost
    routes, search = routing._routes, routing._search
    begin_trial(search)
    for robot in range(3):
        touch(routes, search, robot)
    change = exchange_tails(work, routes, search)
    after = [routing.times(robot)[0] for robot in range(3)]
    assert cost_of(work, after) == pytest.approx(before + change)
    assert all(cost_of(work, other) >= before + change - 1e-6 for other in _with_tails_exchanged(work, after))

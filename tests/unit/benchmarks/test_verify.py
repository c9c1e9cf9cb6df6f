"""The checker of plans finds every kind of fault, and none in a plan that has none."""

import math

import numpy as np
import pytest

from robot_ops.benchmarks.generated import site_of
from robot_ops.benchmarks.grids import GridCase, Squares, lower_bound
from robot_ops.benchmarks.verify import Drive, Runner, grid_fault, lane_fault, least_gap, sum_of_costs
from robot_ops.core.ids import NodeId

GRID = np.ones((3, 3), dtype=np.bool_)
GRID[1, 1] = False


def case(*ways: tuple[tuple[int, int], tuple[int, int]]) -> GridCase:
    array = np.array(ways, dtype=np.int32)
    return GridCase(name="", is_free=GRID, starts=array[:, 0], goals=array[:, 1])


def paths(*ways: str) -> Squares:
    """Return the paths from rows and columns like "00 01 02"; shorter ones stay where they end."""
    lists = [[[int(a), int(b)] for a, b in way.split()] for way in ways]
    longest = max(map(len, lists))
    padded = [[*way, *[way[-1]] * (longest - len(way))] for way in lists]
    return np.array(padded, dtype=np.int32).transpose(1, 0, 2)


def test_a_good_plan_has_no_fault() -> None:
    two = case(((0, 0), (0, 2)), ((1, 0), (0, 1)))
    plan = paths("00 01 02", "10 00 01")
    assert grid_fault(two, plan) == ""
    assert sum_of_costs(plan, two.goals) == 4 == lower_bound(two)


def test_who_leaves_its_goal_again_pays_until_it_is_back() -> None:
    assert sum_of_costs(paths("00 01 00 01"), np.array([[0, 1]])) == 3
    assert sum_of_costs(paths("01 01 01"), np.array([[0, 1]])) == 0


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ("01 02", "10 00 01", "starts at"),
        ("00 01", "10 00 01", "ends at"),
        ("00 01 02", "10 00 00 01 02", "ends at"),
        ("00 02", "10 00 01", "jumps"),
        ("00 01 11 01 02", "10 00 00 00 01", "blocked"),
        ("00 01 01 02", "10 00 01 01", "are both on"),
    ],
)
def test_faults_of_plans_on_grids(first: str, second: str, what: str) -> None:
    assert what in grid_fault(case(((0, 0), (0, 2)), ((1, 0), (0, 1))), paths(first, second))


def test_robots_do_not_swap() -> None:
    swap = case(((0, 0), (0, 1)), ((0, 1), (0, 0)))
    assert "swap" in grid_fault(swap, paths("00 01", "01 00"))


def test_robots_may_go_round() -> None:
    ring = ["00", "01", "02", "12", "22", "21", "20", "10"]
    ways = [f"{a} {b}" for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
    ends = [(tuple(map(int, a)), tuple(map(int, b))) for a, b in (way.split() for way in ways)]
    array = np.array(ends, dtype=np.int32)
    assert grid_fault(GridCase(name="", is_free=GRID, starts=array[:, 0], goals=array[:, 1]), paths(*ways)) == ""


def test_nobody_runs_over_one_at_its_goal() -> None:
    both = case(((0, 0), (0, 2)), ((1, 0), (0, 1)))
    assert "are both on" in grid_fault(both, paths("00 00 01 02", "10 00 01"))


SITE = site_of(
    "cross",
    {"w": (0.0, 0.0), "m": (4.0, 0.0), "e": (8.0, 0.0), "s": (4.0, -4.0), "n": (4.0, 4.0)},
    [("w", "m"), ("m", "e"), ("s", "m"), ("m", "n")],
)


def runner(name: str, way: str, *times: tuple[float, float], goal: str | None = None) -> Runner:
    nodes = [NodeId(node) for node in way]
    drives = [
        Drive(start=a, stop=b, begin=begin, end=end)
        for a, b, (begin, end) in zip(nodes, nodes[1:], times, strict=False)
    ]
    return Runner(
        name=name,
        start=nodes[0],
        goal=nodes[-1] if goal is None else NodeId(goal),
        radius=0.35,
        max_speed=1.0,
        drives=tuple(drives),
    )


def test_robots_that_cross_one_after_the_other_do_not_touch() -> None:
    a = runner("a", "wme", (0.0, 4.0), (4.0, 8.0))
    b = runner("b", "smn", (0.0, 4.0), (6.0, 10.0))
    assert "a and b are" in lane_fault(SITE, [a, b])
    b = runner("b", "smn", (2.0, 6.0), (6.0, 10.0))
    assert lane_fault(SITE, [a, b]) == ""
    assert least_gap(SITE, [a, b]) == pytest.approx(math.sqrt(2) - 0.7)


def test_who_stands_still_is_run_into_as_well() -> None:
    parked = runner("p", "m", goal="m")
    assert "touch" in lane_fault(SITE, [runner("a", "wme", (0.0, 4.0), (4.0, 8.0)), parked])


@pytest.mark.parametrize(
    ("robot", "what"),
    [
        (runner("a", "wm", (0.0, 4.0), goal="e"), "not at its goal"),
        (runner("a", "we", (0.0, 8.0)), "no lane leads"),
        (runner("a", "wm", (0.0, 3.9)), "faster than it may"),
        (runner("a", "wme", (0.0, 4.0), (3.0, 8.0)), "is ready at"),
        (runner("a", "wm", (0.0, math.inf)), "but is ready"),
        (runner("a", "wm", (math.nan, 4.0)), "but is ready"),
    ],
)
def test_faults_of_one_robots_way(robot: Runner, what: str) -> None:
    assert what in lane_fault(SITE, [robot])

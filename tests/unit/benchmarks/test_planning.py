"""Cases are planned by the product's planners, and what comes of it is valid by the independent checker."""

import json

import numpy as np
import pytest

from robot_ops.benchmarks import generated, planning, planning_cases, traffic
from robot_ops.benchmarks.execution_cases import Execution
from robot_ops.benchmarks.measures import Measure


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_grids_are_planned(seed: int) -> None:
    case = generated.grid_case("", generated.random_grid(seed, side=10), 12, seed)
    planned, plan = planning.plan_grid(case, time_limit=0.0, seed=seed)
    assert planned.is_solved
    assert planned.lower_bound <= planned.cost <= planned.first_cost
    plan.improve(50)
    paths, fault = planning.grid_paths(case, planning.grid_problem(case), plan)
    assert fault == ""
    assert paths.shape[1:] == (12, 2)


@pytest.mark.parametrize("robots", [2, 8])
def test_lane_graphs_are_planned(robots: int) -> None:
    site = generated.airport_site(1)
    starts, goals = generated.lane_pairs(site, robots, 3, clearance=planning.clearance(site, generated.COURIER))
    planned, _, gap = planning.plan_lanes(planning.lane_case(site, starts, goals), time_limit=0.0, seed=0)
    assert planned.is_solved
    assert gap > 0.0


def test_a_case_without_a_plan_is_told() -> None:
    site = generated.site_of("pair", {"a": (0.0, 0.0), "b": (3.0, 0.0)}, [("a", "b")])
    nodes = tuple(site.nodes)
    planned, _, _ = planning.plan_lanes(planning.lane_case(site, nodes, nodes[::-1]), time_limit=0.0, seed=0)
    assert not planned.is_solved
    assert planned.fault == "no plan was found"


def test_the_order_of_a_plan_can_be_driven_one_at_a_time() -> None:
    case = generated.grid_case("", generated.random_grid(4, side=8), 14, 4)
    execution = Execution(case, 0, seconds=0.0)
    graph, at = execution.graph, execution.starts.copy()
    for robot, arc in zip(execution.order.robot.tolist(), execution.order.arc.tolist(), strict=True):
        assert at[robot] == graph.arc_start[arc]
        assert graph.arc_end[arc] not in at
        at[robot] = graph.arc_end[arc]
    goals = planning.grid_problem(case).goals
    assert at.tolist() == goals.tolist()


def test_robots_that_go_round_have_no_order() -> None:
    ring = [(0, 0), (0, 1), (1, 1), (1, 0)]
    starts = np.array(ring, dtype=np.int32)
    case = generated.GridCase(name="", is_free=np.ones((2, 2), np.bool_), starts=starts, goals=np.roll(starts, -1, 0))
    problem = planning.grid_problem(case)

    graph = problem.graph
    ways = {(int(graph.arc_start[arc]), int(graph.arc_end[arc])): arc for arc in range(len(graph.arc_end))}
    arcs = np.array([ways[pair] for pair in zip(problem.starts.tolist(), problem.goals.tolist(), strict=True)])
    robots = np.arange(4, dtype=np.int32)
    assert planning.order_of(graph, (robots, arcs, np.zeros(4))) is None
    first_three = planning.order_of(graph, (robots[:3], arcs[:3], np.zeros(3)))
    assert first_three is not None
    assert first_three.robot.tolist() == [2, 1, 0]


@pytest.mark.parametrize(("value", "is_floor", "is_met"), [(1.0, False, True), (3.0, False, False), (3.0, True, True)])
def test_goals(value: float, is_floor: bool, is_met: bool) -> None:
    measure = Measure(what="", value=value, unit="", goal=2.0, anchor=4.0, anchor_text="", is_floor=is_floor)
    assert measure.is_met is is_met
    assert measure.ratio == value / 4.0
    nothing = Measure(what="", value=float("nan"), unit="", goal=2.0, anchor=None, anchor_text="", is_floor=is_floor)
    assert not nothing.is_met
    assert nothing.ratio is None


def test_the_table_runs_cases_by_name() -> None:
    said: list[str] = []
    outcomes = list(traffic.run_cases(["corridor-4"], is_quick=True, progress=said.append))
    assert [outcome.name for outcome in outcomes] == ["corridor-4"]
    assert outcomes[0].faults == ()
    assert json.loads(json.dumps(outcomes[0].record()))["case"] == "corridor-4"
    assert said
    assert list(traffic.run_cases([], progress=said.append)) == []


def test_generated_cases_stand_in_for_files() -> None:
    for kind in (planning_cases.RANDOM, planning_cases.WAREHOUSE):
        cases = planning_cases.grid_cases(kind, robots=20, instances=2, maps=None)
        assert [len(case.starts) for case in cases] == [20, 20]

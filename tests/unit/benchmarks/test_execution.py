"""Plans that are carried out while robots are late, by all ways to adapt them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_ops.benchmarks import generated
from robot_ops.benchmarks.execution import ExecutionResult, Policy, run_execution
from robot_ops.benchmarks.planning import grid_problem, order_of, plan_grid


def carried_out(seed: int, policies: tuple[Policy, ...], *, side: int = 9, robots: int = 16) -> list[ExecutionResult]:
    """Plan a small grid, and carry the plan out by each policy under the same chances."""
    case = generated.grid_case("small", generated.random_grid(seed, side=side), robots, seed)
    problem = grid_problem(case)
    _, plan = plan_grid(case, time_limit=0.0, seed=seed)
    order = order_of(problem.graph, plan.moves())
    while order is None:
        plan.improve(5)
        order = order_of(problem.graph, plan.moves())
    return [
        run_execution(problem.graph, order, problem.starts, delay_probability=0.05, seed=seed, policy=policy)
        for policy in policies
    ]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), policy=st.sampled_from(["fixed", "switchable", "adaptive"]))
def test_everybody_arrives_whatever_is_late(seed: int, policy: Policy) -> None:
    (result,) = carried_out(seed, (policy,))
    assert not result.is_deadlocked
    assert result.collisions == 0


def test_who_adapts_more_arrives_earlier() -> None:
    costs = [
        [result.sum_of_costs for result in carried_out(seed, ("fixed", "switchable", "adaptive"))] for seed in range(8)
    ]
    fixed, switched, adapted = np.sum(costs, axis=0)
    assert adapted < switched < fixed


@pytest.mark.parametrize("policy", ["switchable", "adaptive"])
def test_the_same_seed_gives_the_same_run(policy: Policy) -> None:
    one, two = (carried_out(3, (policy,))[0] for _ in range(2))
    assert (one.steps, one.sum_of_costs) == (two.steps, two.sum_of_costs)
    assert len(one.reorder_seconds) == len(two.reorder_seconds)

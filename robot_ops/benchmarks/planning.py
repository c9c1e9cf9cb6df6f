"""Plans cases with the product's planners, measures process CPU time, and has every plan checked.

The first plan is prioritized planning where that succeeds, and joint planning (LaCAM) where it does not; then it is
improved until the time is up.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from robot_ops.benchmarks.generated import COURIER
from robot_ops.benchmarks.grids import GridCase, Squares, lower_bound
from robot_ops.benchmarks.verify import Drive, Runner, grid_fault, lane_fault, least_gap, sum_of_costs
from robot_ops.core.ids import NodeId
from robot_ops.site.model import RobotModel, Site
from robot_ops.traffic.array_graph import of_grid, of_lanes
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.dependencies import MoveOrder
from robot_ops.traffic.graph import LaneGraph
from robot_ops.traffic.joint import solve_arrays
from robot_ops.traffic.kernels.arrays import ArrayGraph, Floats, Ints
from robot_ops.traffic.timed_plan import TimedPlan

JOINT_STEPS: Final = 100_000
"""After so many joint steps a case counts as not solved."""
_CHUNK_SECONDS: Final = 0.1
"""How often the clock is looked at while a plan is improved, more often near the end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planned:
    """What came of planning a case. All times are process CPU time in seconds, costs are sums of arrivals in seconds.

    Attributes:
        first_seconds: until the first plan, distances to goals included; total_seconds: improvement included.
        first_cost, cost: of the first and the improved plan, inf where there is none.
        fault, first_fault: what the checker says of the improved and the first plan; empty where they are valid.
        is_joint: whether prioritized planning failed and joint planning was needed.
    """

    robots: int
    first_seconds: float
    total_seconds: float
    first_cost: float
    cost: float
    lower_bound: float
    fault: str
    first_fault: str
    is_joint: bool

    @property
    def is_solved(self) -> bool:
        """Return whether there is a plan and it is valid."""
        return self.cost < np.inf and not self.fault and not self.first_fault

    @property
    def ratio(self) -> float:
        """Return the cost by the lower bound; 1 where nobody has to move."""
        return self.cost / self.lower_bound if self.lower_bound > 0.0 else 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """A case as the planners take it: starts and goals are node numbers."""

    graph: ArrayGraph
    starts: Ints
    goals: Ints
    speeds: tuple[float, ...]


Check = Callable[[TimedPlan], str]


def plan_problem(
    problem: Problem, *, time_limit: float, seed: int, check: Check, clock: Callable[[], float] = time.process_time
) -> tuple[Planned, TimedPlan]:
    """Plan a case, improve the plan until the time limit, and check both plans.

    Args:
        time_limit: seconds of process CPU time from the start on; the first plan is made in any case.
        check: says what is wrong with a plan; its time does not count.
    """
    began = clock()
    plan = TimedPlan(problem.graph, problem.starts.tolist(), problem.goals.tolist(), problem.speeds, seed)
    is_joint = not plan.prioritize()
    if is_joint:
        speeds = np.array(problem.speeds, dtype=np.float64)
        found = solve_arrays(problem.graph, problem.starts, problem.goals, speeds, JOINT_STEPS, seed)
        if found is not None:
            plan.load_order(found.robots, found.arcs)
    first_seconds = clock() - began
    first_cost, first_fault = plan.cost, check(plan) if plan.has_plan else ""
    improved_seconds = _improve(plan, time_limit - first_seconds, clock)
    planned = Planned(
        robots=len(problem.starts),
        first_seconds=first_seconds,
        total_seconds=first_seconds + improved_seconds,
        first_cost=first_cost,
        cost=plan.cost,
        lower_bound=plan.lower_bound,
        fault=check(plan) if plan.has_plan else "no plan was found",
        first_fault=first_fault,
        is_joint=is_joint,
    )
    return planned, plan


def _improve(plan: TimedPlan, seconds: float, clock: Callable[[], float]) -> float:
    """Improve until the time is up; return the seconds it took. How much is done at once follows from its speed."""
    began, tries = clock(), 1
    while plan.has_plan and plan.cost > plan.lower_bound + 1e-6:
        spent = clock() - began
        if spent >= seconds:
            break
        plan.improve(tries)
        took = clock() - began - spent
        chunk = min(_CHUNK_SECONDS, seconds - spent - took)
        tries = max(1, min(2 * tries, int(tries * chunk / max(took, 1e-6))))
    return clock() - began


def grid_problem(case: GridCase) -> Problem:
    """Return the case as planners take it."""
    graph, numbers = of_grid(case.is_free)
    starts, goals = (numbers[at[:, 0], at[:, 1]] for at in (case.starts, case.goals))
    return Problem(graph=graph, starts=starts, goals=goals, speeds=(1.0,) * len(starts))


def plan_grid(case: GridCase, *, time_limit: float, seed: int) -> tuple[Planned, TimedPlan]:
    """Plan and check a case on a grid."""
    problem = grid_problem(case)
    bound = lower_bound(case)

    def check(plan: TimedPlan) -> str:
        paths, fault = grid_paths(case, problem, plan)
        fault = fault or grid_fault(case, paths)
        if not fault and abs(sum_of_costs(paths, case.goals) - plan.cost) > 1e-6:
            fault = f"the plan says that it costs {plan.cost}, but it costs {sum_of_costs(paths, case.goals)}"
        if not fault and abs(bound - plan.lower_bound) > 1e-6:
            fault = f"the lower bound is {bound}, not {plan.lower_bound}"
        return fault

    return plan_problem(problem, time_limit=time_limit, seed=seed, check=check)


def grid_paths(case: GridCase, problem: Problem, plan: TimedPlan) -> tuple[Squares, str]:
    """Return (steps + 1, robots, 2) the squares of all robots after every step, and what is wrong with the times."""
    robots, arcs, starts = plan.moves()
    steps = np.rint(starts).astype(np.int64)
    if len(steps) and np.abs(steps - starts).max() > 1e-6:
        return case.starts[None], "a move does not start with a step"
    squares = np.argwhere(case.is_free).astype(np.int32)
    paths = np.repeat(case.starts[None], int(steps.max(initial=-1)) + 2, axis=0)
    for robot, arc, step in zip(robots.tolist(), arcs.tolist(), steps.tolist(), strict=True):
        if paths[step, robot].tolist() != squares[problem.graph.arc_start[arc]].tolist():
            return paths, f"robot {robot} is not where its move in step {step} starts"
        paths[step + 1 :, robot] = squares[problem.graph.arc_end[arc]]
    return paths, ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LaneCase:
    """Robots on a lane graph, prepared: what a fleet process has made once when it starts."""

    site: Site
    starts: tuple[NodeId, ...]
    goals: tuple[NodeId, ...]
    model: RobotModel
    nodes: tuple[NodeId, ...]
    problem: Problem


def clearance(site: Site, model: RobotModel) -> float:
    """Return how far apart robots of this model stand at least, in meters."""
    return max(ConflictMap(LaneGraph(site)).distance, 2.0 * model.radius)


def lane_case(site: Site, starts: Sequence[NodeId], goals: Sequence[NodeId], model: RobotModel = COURIER) -> LaneCase:
    """Prepare a case.

    Raises:
        SiteError: the lanes are wrong.
    """
    graph = LaneGraph(site)
    arrays, _ = of_lanes(graph, ConflictMap(graph))
    problem = Problem(
        graph=arrays,
        starts=np.array([graph.number[node] for node in starts], dtype=np.int32),
        goals=np.array([graph.number[node] for node in goals], dtype=np.int32),
        speeds=(model.max_speed,) * len(starts),
    )
    return LaneCase(
        site=site, starts=tuple(starts), goals=tuple(goals), model=model, nodes=graph.nodes, problem=problem
    )


def plan_lanes(case: LaneCase, *, time_limit: float, seed: int) -> tuple[Planned, TimedPlan, float]:
    """Plan and check a case on a lane graph; return the least distance between two footprints, too, in meters."""

    def check(plan: TimedPlan) -> str:
        return lane_fault(case.site, runners(case, plan))

    planned, plan = plan_problem(case.problem, time_limit=time_limit, seed=seed, check=check)
    return planned, plan, least_gap(case.site, runners(case, plan)) if plan.has_plan else np.inf


def runners(case: LaneCase, plan: TimedPlan) -> list[Runner]:
    """Return the robots with their drives as the plan has them."""
    graph, speed = case.problem.graph, case.model.max_speed
    drives: list[list[Drive]] = [[] for _ in case.starts]
    for robot, arc, begin in zip(*(values.tolist() for values in plan.moves()), strict=True):
        seconds = graph.arc_length[arc] / min(graph.arc_speed[arc], speed) + graph.arc_extra[arc]
        start, stop = case.nodes[graph.arc_start[arc]], case.nodes[graph.arc_end[arc]]
        drives[robot].append(Drive(start=start, stop=stop, begin=begin, end=begin + float(seconds)))
    return [
        Runner(
            name=f"robot {robot}",
            start=case.starts[robot],
            goal=case.goals[robot],
            radius=case.model.radius,
            max_speed=speed,
            drives=tuple(drives[robot]),
        )
        for robot in range(len(case.starts))
    ]


def order_of(graph: ArrayGraph, moves: tuple[Ints, Ints, Floats]) -> MoveOrder | None:
    """Return the moves of a plan on a grid in an order in which they can be made one at a time.

    Of moves that start together, who leaves a square comes before who enters it. None where robots go round, each
    entering as the next leaves: then nobody could be the first.

    Args:
        moves: robots, arcs and starts in seconds, ascending, as `TimedPlan.moves` gives them.
    """
    robots, arcs, starts = moves
    order: list[int] = []
    for same in np.split(np.arange(len(starts)), np.flatnonzero(np.diff(starts) > 1e-9) + 1):
        leaving = {int(graph.arc_start[arcs[move]]): move for move in same.tolist()}
        for move in same.tolist():
            chain, node = [move], int(graph.arc_end[arcs[move]])
            while leaving.get(node) is not None and len(chain) <= len(same):
                chain.append(leaving[node])
                node = int(graph.arc_end[arcs[chain[-1]]])
            if len(chain) > len(same):
                return None
            fresh = [each for each in reversed(chain) if int(graph.arc_start[arcs[each]]) in leaving]
            for each in fresh:
                del leaving[int(graph.arc_start[arcs[each]])]
            order += fresh
    kept = np.array(order, dtype=np.int64)
    return MoveOrder(robot=robots[kept], arc=arcs[kept])

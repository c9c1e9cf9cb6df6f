"""Has all kernels of traffic planning compiled, so that no robot waits for the compiler."""

import numpy as np

from robot_ops.core.ids import RobotId
from robot_ops.site.model import Site
from robot_ops.traffic import joint
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.dependencies import DependencyGraph, walks_of_bodies
from robot_ops.traffic.graph import DEFAULT_SPEED, LaneGraph
from robot_ops.traffic.planner import Planner
from robot_ops.traffic.schedule import Body


def compile_kernels(site: Site) -> None:
    """Plan a little on a site: seconds where the compiled code is on disk, a minute or two where it is not.

    Args:
        site: any with at least one lane; two robots are imagined on it.

    Raises:
        SiteError: the lanes are wrong.
    """
    graph = LaneGraph(site)
    conflicts = ConflictMap(graph)
    bodies = _imagined(graph)
    planner = Planner(graph, conflicts)
    arrangement = planner.arrange(bodies, planner.obstacles(bodies))
    moves = arrangement.moves if arrangement is not None else []
    for body in bodies.values():
        goal = body.node if body.goal is None else body.goal
        planner.insert(bodies, moves, body.robot, goal)
        planner.insert(bodies, moves, body.robot, None)
        planner.approach(bodies, moves, body.robot, goal)
    planner.improve(bodies, moves, {robot: body.goal for robot, body in bodies.items()})
    joint.compile_kernels()
    walks, ready = walks_of_bodies(bodies, moves, planner.tables)
    dependencies = DependencyGraph(planner.tables.graph, walks)
    dependencies.set_progress(np.zeros(len(bodies), dtype=np.int32), ready)
    dependencies.improve(10)
    dependencies.order()


def _imagined(graph: LaneGraph) -> dict[RobotId, Body]:
    """Return two robots at the ends of a lane who want to be where the other is."""
    lane = next(arc for leaving in graph.leaving for arc in leaving)
    ends = ((RobotId("there"), lane.start, lane.end), (RobotId("back"), lane.end, lane.start))
    return {
        robot: Body(robot=robot, node=start, max_speed=DEFAULT_SPEED, priority=(0, robot), goal=goal)
        for robot, start, goal in ends
    }

"""The embedded simulator as a process: MuJoCo world, pedestrians, and the people who ask for tasks."""

import json
from pathlib import Path

import numpy as np
from rclpy.parameter import Parameter

from robot_ops.bringup.processes.entry import parse_arguments, process_parser, run_process
from robot_ops.ros_nodes.population_node import PopulationNode
from robot_ops.ros_nodes.runtime import ros, spin
from robot_ops.ros_nodes.world_node import WorldNode
from robot_ops.simulation.crowd import PedestrianCrowd
from robot_ops.simulation.population import Population
from robot_ops.simulation.scenario import load_scenario
from robot_ops.simulation.walkable import walkable_area
from robot_ops.simulation.world import World


def main() -> None:
    """Run the world of a scenario until it is told to end; leaves population.json in the folder."""
    parser = process_parser(__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0)
    arguments = parse_arguments(parser)
    scenario = load_scenario(arguments.scenario)
    world_rng, population_rng, soc_rng = np.random.default_rng(arguments.seed).spawn(3)
    soc = {robot: float(soc_rng.uniform(*scenario.initial_soc)) for robot in scenario.robots}
    level = scenario.site.node_of(scenario.site.robots[scenario.robots[0]].charger).level
    crowd = PedestrianCrowd(walkable_area(scenario.site, level))
    others = {
        other: PedestrianCrowd(walkable_area(scenario.site, other)) for other in scenario.visited_levels - {level}
    }
    with World(scenario.site, robots=scenario.robots, rng=world_rng, initial_soc=soc) as world:
        _try_to_draw(world)
        population = Population(
            scenario,
            crowd=crowd,
            other_crowds=others,
            hands=world,
            level=level,
            robots=scenario.robots,
            rng=population_rng,
        )
        try:
            with ros():
                people = PopulationNode(population, scenario.robots, has_keepers=bool(scenario.site.exchanges))
                overrides = [Parameter("speed", value=arguments.speed)]
                spin(WorldNode(world, site=scenario.site, people=people, overrides=overrides), people)
        finally:
            _record(population, arguments.folder / "population.json")


def _try_to_draw(world: World) -> None:
    """Find out before anybody is at work whether cameras work here.

    Raises:
        SetupError: there is no OpenGL.
    """
    for robot in world.robots:
        for camera in world.cameras(robot)[:1]:
            world.image(robot, camera)
            return


def _record(population: Population, path: Path) -> None:
    """Write which final statuses would be right for every request, for the demo's report."""
    expected = {
        request_id: sorted(status.value for status in population.expected(request_id))
        for request_id in population.requests
    }
    path.write_text(json.dumps({"expected": expected}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_process(main)

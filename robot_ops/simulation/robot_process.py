"""What a simulated robot's process is made of when it starts."""

from typing import TYPE_CHECKING

from robot_ops.core.world import PersonPose
from robot_ops.missions.agent import RobotAgent
from robot_ops.simulation.bodies import SimulatedSight
from robot_ops.simulation.hall import Hall

if TYPE_CHECKING:
    from robot_ops.simulation.station import Station


def make_agent(station: "Station", hall: Hall) -> RobotAgent:
    """Return the agent of a process that has just begun."""

    def seen() -> tuple[PersonPose, ...]:
        return hall.people() if station.has_sight else ()

    return RobotAgent(
        robot=station.record,
        site=hall.site,
        clock=hall.scheduler,
        navigator=station.body,
        people=SimulatedSight(seen, lambda: station.body.true_pose, hall.scheduler),
        panel=station.panel,
        compartments=station.compartments,
        building=station.building,
        battery=station.body,
        fleet=station,
        custody=station.custody,
        behaviors=hall.behaviors,
    )

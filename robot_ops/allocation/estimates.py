"""How long a task takes a robot, and what it costs its battery."""

import math
from dataclasses import dataclass
from typing import Final

from robot_ops.allocation.model import Candidate, OpenTask, Travel
from robot_ops.core.ids import NodeId
from robot_ops.site.model import RobotModel
from robot_ops.tasks.requests import TaskKind

VISITOR_PACE: Final = 0.7
"""m/s; a guide leads no faster. Below the 1.2-1.4 m/s that people walk alone: it slows in turns and waits."""
MEETING_S: Final = 15.0
FAREWELL_S: Final = 6.0
LOADING_S: Final = 40.0
UNLOADING_S: Final = 40.0
TRAFFIC_FACTOR: Final = 1.15
"""What waiting for others adds to driving alone, as a ratio."""
RESERVE_SOC: Final = 0.10
"""State of charge that must be left on arrival at the charger."""
WORKING_SOC: Final = 0.4
"""A robot that had to charge goes on from this state of charge."""
FULL_SOC: Final = 0.9
"""Charging beyond that takes too long to wait for."""
_J_PER_WH: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What one task takes; seconds and watt hours.

    Attributes:
        approach: to the pickup; trip: from there to the destination; service: standing at both ends.
    """

    approach: float
    trip: float
    service: float
    energy_wh: float

    @property
    def duration(self) -> float:
        """Return the whole duration in seconds."""
        return self.approach + self.trip + self.service


def service_times(kind: TaskKind) -> tuple[float, float]:
    """Return the seconds that people take at the pickup and at the destination."""
    match kind:
        case TaskKind.GUIDE:
            return MEETING_S, FAREWELL_S
        case TaskKind.DELIVER:
            return LOADING_S, UNLOADING_S


def trip_speed(kind: TaskKind, model: RobotModel) -> float:
    """Return the top speed with the visitor or document, in m/s."""
    match kind:
        case TaskKind.GUIDE:
            return min(VISITOR_PACE, model.max_speed)
        case TaskKind.DELIVER:
            return model.max_speed


def effort_of(task: OpenTask, model: RobotModel, start: NodeId, travel: Travel) -> Effort:
    """Return what the task takes a robot of the model that sets out from a node."""
    approach = TRAFFIC_FACTOR * travel(start, task.pickup, model.max_speed)
    trip = TRAFFIC_FACTOR * travel(task.pickup, task.destination, trip_speed(task.kind, model))
    service = sum(service_times(task.kind))
    return Effort(approach=approach, trip=trip, service=service, energy_wh=energy(model, approach + trip, service))


def energy(model: RobotModel, driving: float, standing: float) -> float:
    """Return watt hours for seconds of driving and of standing."""
    return ((model.idle_w + model.drive_w) * driving + model.idle_w * standing) / _J_PER_WH


def can_return(candidate: Candidate, node: NodeId, soc: float, travel: Travel) -> bool:
    """Return whether a robot at the node with that state of charge reaches its charger with the reserve left."""
    model = candidate.model
    way = TRAFFIC_FACTOR * travel(node, candidate.charger, model.max_speed)
    return math.isfinite(way) and soc - energy(model, way, 0.0) / model.battery_wh >= RESERVE_SOC


def charged_soc(model: RobotModel, soc: float, duration: float) -> float:
    """Return the state of charge after some seconds at a charger; it stops at `FULL_SOC`."""
    net_w = max(1.0, model.charge_w - model.idle_w)
    return max(soc, min(FULL_SOC, soc + net_w * duration / _J_PER_WH / model.battery_wh))


def charging_time(model: RobotModel, soc: float, target: float) -> float:
    """Return the seconds at a charger from one state of charge to another, 0 where it is there already."""
    missing_wh = max(0.0, target - soc) * model.battery_wh
    net_w = max(1.0, model.charge_w - model.idle_w)
    return missing_wh * _J_PER_WH / net_w

"""How often a simulated robot's agent ticks: as often as a live one while it works, and hardly ever while it rests."""

from typing import TYPE_CHECKING, Final

from robot_ops.missions.ports import NavigationStatus
from robot_ops.simulation.network import Network
from robot_ops.simulation.rest_round import HEARTBEAT
from robot_ops.tasks.orders import MissionPhase, MissionReport
from robot_ops.tasks.routes import RouteProgress

if TYPE_CHECKING:
    from robot_ops.simulation.station import Station

DRIVING_TICK: Final = 2.0
"""s between two ticks of a robot that drives, at most; the next point of its way is met exactly."""
WORKING_TICK: Final = 0.2
"""s between two ticks of a robot that works at a place, leads a visitor or waits: as live, since every step of its tree
and every look around costs a tick. While nothing comes of its ticks they become rarer."""
VISITOR_TICK: Final = 0.5
"""s at most while a visitor is with it: people make a step so often."""
HANDOVER_TICK: Final = 1.0
"""s at most while somebody loads or unloads it, or while its link is bad: it repeats what may have been lost."""
WAITING_TICK: Final = 2.0
"""s at most while it waits for something else; messages and persons that come to it have it tick at once."""
CALM_TICK: Final = 8.0
"""s while nothing but a message can change anything; traffic control misses a robot after 10 s."""
RESTING_TICK: Final = 300.0
"""s while it has nothing to do and stands where it wants to: it repeats what it has said with each heartbeat."""
_LEAST_TICK: Final = 0.05  # s
_RARER: Final = 1.5  # times as long, after each tick of which nothing came
_WITH_VISITOR: Final = frozenset(
    {
        MissionPhase.MEETING,
        MissionPhase.LEADING,
        MissionPhase.WAITING_FOR_VISITOR,
        MissionPhase.SEARCHING_VISITOR,
        MissionPhase.FAREWELL,
    }
)
HANDOVER: Final = frozenset({MissionPhase.LOADING, MissionPhase.UNLOADING})
_CALM: Final = frozenset({MissionPhase.CHARGING})


class TickRate:
    """Of the agent of one station."""

    def __init__(self, station: "Station", network: Network) -> None:
        self._station = station
        self._network = network
        self._doing: tuple[object, ...] = ()
        self._working_tick = WORKING_TICK

    def wake(self) -> None:
        """Note that something has come or happened to it."""
        self._working_tick = WORKING_TICK

    def next_tick(self) -> float:
        """Return the seconds until the next tick."""
        agent, body = self._station.agent, self._station.body
        if agent is None:
            return CALM_TICK
        phase = agent.report.phase if agent.report is not None and agent.is_busy else None
        is_good = self._network.is_good(self._station.robot)
        if phase in _WITH_VISITOR:
            return min(self._rarer(VISITOR_TICK), max(body.time_to_change, _LEAST_TICK))
        if body.status is NavigationStatus.ACTIVE:
            return min(DRIVING_TICK, max(body.time_to_change, _LEAST_TICK))
        if self._station.is_resting and is_good:
            return RESTING_TICK
        if phase is None or phase in _CALM:
            return CALM_TICK if is_good else HEARTBEAT
        return self._rarer(HANDOVER_TICK if phase in HANDOVER or not is_good else WAITING_TICK)

    def _rarer(self, most: float) -> float:
        """Return the seconds to the next tick: few after one of which something came, else more than before."""
        before, self._doing = self._doing, self._what_others_see()
        if before != self._doing or self._station.building.is_in_use:
            self._working_tick = WORKING_TICK
        else:
            self._working_tick = min(self._working_tick * _RARER, most)
        return self._working_tick

    def _what_others_see(self) -> tuple[object, ...]:
        station = self._station
        report, progress = station.sent_report, station.sent_progress
        locks = tuple(station.compartments.state(name) for name in station.record.model.compartments)
        return (
            None if report is None else state_of(report),
            None if progress is None else place_of(progress),
            station.body.status,
            station.panel.shown,
            locks,
        )


def place_of(progress: RouteProgress) -> tuple[object, ...]:
    """Return what is news of it."""
    return (progress.route_id, progress.reached, progress.held, progress.goal_seq, progress.tail, progress.free)


def state_of(report: MissionReport) -> tuple[object, ...]:
    """Return what is news of it."""
    return (report.mission_id, report.phase, report.outcome, report.reason, report.has_cargo)

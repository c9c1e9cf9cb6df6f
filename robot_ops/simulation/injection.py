"""Makes faults happen in a run, and ends them."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from robot_ops.core.clock import to_ns
from robot_ops.core.errors import LedgerError, LinkError, RequestError
from robot_ops.core.ids import DoorId, LaneId, LiftId, PersonId, RobotId
from robot_ops.simulation.deterministic import START_NS, DeterministicRun
from robot_ops.simulation.faults import Fault, FaultKind
from robot_ops.simulation.hand_driving import HandDriver
from robot_ops.simulation.kinematic import Barrier
from robot_ops.simulation.network import Disturbance
from robot_ops.simulation.removal import Removal
from robot_ops.simulation.station import Station
from robot_ops.tasks.rule_changes import RuleChange, close_lanes, open_lanes, set_emergency

_AGAIN: Final = 5.0  # s until an operator who got no answer tries again
_SILENT_GAUGE: Final = 0.9  # amounts above it mean that a gauge tells nothing


@dataclass(frozen=True, slots=True)
class _Effect:
    begin: Callable[[Fault], object]
    end: Callable[[Fault], object] | None = None


class Injector:
    """Injects a list of faults.

    Args:
        seed: with a fault's number, it gives what the fault itself draws.

    Attributes:
        injected: the faults that have begun, in order.
    """

    def __init__(self, run: DeterministicRun, faults: Iterable[Fault], *, seed: int) -> None:
        self._run = run
        self._seed = seed
        self._barriers: dict[int, Barrier] = {}
        self._drivers: dict[int, HandDriver] = {}
        self._removals: dict[int, Removal] = {}
        self._effects = self._table()
        self.injected: list[Fault] = []
        for fault in faults:
            run.scheduler.at(START_NS + to_ns(fault.at), partial(self._begin, fault))

    def mend(self) -> None:
        """End what would still happen at some later instant: a crash at the next write."""
        self._run.disk.kills.clear()
        for station in self._run.stations.values():
            station.disk.kills.clear()

    def _begin(self, fault: Fault) -> None:
        effect = self._effects[fault.kind]
        self.injected.append(fault)
        effect.begin(fault)
        if effect.end is not None:
            end = effect.end
            self._run.scheduler.after(fault.duration, lambda: end(fault))

    def _table(self) -> Mapping[FaultKind, _Effect]:
        network = _Effect(self._disturb, self._restore)
        return {
            FaultKind.LOSS: network,
            FaultKind.DELAY: network,
            FaultKind.DUPLICATION: network,
            FaultKind.CUT: network,
            FaultKind.CUT_FROM_ROBOT: network,
            FaultKind.CUT_TO_ROBOT: network,
            FaultKind.FLEET_CRASH: _Effect(lambda fault: self._run.fleet.kill(fault.duration)),
            FaultKind.FLEET_CRASH_AT_WRITE: _Effect(self._kill_fleet_at_write),
            FaultKind.LEDGER_FAILS: _Effect(self._fail_ledger, self._restore_ledger),
            FaultKind.ROBOT_CRASH: _Effect(lambda fault: self._station(fault).kill(fault.duration)),
            FaultKind.ROBOT_CRASH_AT_WRITE: _Effect(self._kill_robot_at_write),
            FaultKind.CUSTODY_FAILS: _Effect(self._fail_custody, self._restore_custody),
            FaultKind.ROBOT_DIES: _Effect(
                lambda fault: self._station(fault).break_down(), lambda fault: self._station(fault).repair()
            ),
            FaultKind.ROBOT_STUCK: _Effect(
                lambda fault: self._station(fault).set_brake("stuck", is_on=True),
                lambda fault: self._station(fault).set_brake("stuck", is_on=False),
            ),
            FaultKind.LOCALIZATION_LOST: _Effect(
                lambda fault: self._station(fault).set_lost(is_lost=True),
                lambda fault: self._station(fault).set_lost(is_lost=False),
            ),
            FaultKind.BATTERY_LIES: _Effect(self._lie, self._tell_truth),
            FaultKind.SIGHT_SILENT: _Effect(
                lambda fault: setattr(self._station(fault), "has_sight", False),
                lambda fault: setattr(self._station(fault), "has_sight", True),
            ),
            FaultKind.LIDAR_SILENT: _Effect(
                lambda fault: self._station(fault).safety.set_lidar(is_silent=True),
                lambda fault: self._station(fault).safety.set_lidar(is_silent=False),
            ),
            FaultKind.LOCKS_SILENT: _Effect(
                lambda fault: setattr(self._station(fault), "has_locks", False),
                lambda fault: setattr(self._station(fault), "has_locks", True),
            ),
            FaultKind.DOOR_STUCK: _Effect(
                lambda fault: self._run.building.stuck.add(DoorId(fault.target)),
                lambda fault: self._run.building.stuck.discard(DoorId(fault.target)),
            ),
            FaultKind.LIFT_STUCK: _Effect(
                lambda fault: self._run.building.stuck.add(LiftId(fault.target)),
                lambda fault: self._run.building.stuck.discard(LiftId(fault.target)),
            ),
            FaultKind.LANE_BARRED: _Effect(self._bar, self._unbar),
            FaultKind.VISITOR_LEAVES: _Effect(self._leave),
            FaultKind.STAFF_AWAY: _Effect(self._send_away),
            FaultKind.TASK_CANCELED: _Effect(self._cancel),
            FaultKind.ROBOT_STOPPED: _Effect(
                lambda fault: self._station(fault).safety.engage("operator"),
                lambda fault: self._station(fault).safety.release(),
            ),
            FaultKind.ROBOT_BY_HAND: _Effect(self._take_over, self._give_back),
            FaultKind.ROBOT_TAKEN_OUT: _Effect(self._take_out, self._bring_back),
            FaultKind.LANE_CLOSED: _Effect(
                lambda fault: self._change(close_lanes([LaneId(fault.target)])),
                lambda fault: self._change(open_lanes([LaneId(fault.target)])),
            ),
            FaultKind.EMERGENCY: _Effect(
                lambda _fault: self._change(set_emergency(is_on=True)),
                lambda _fault: self._change(set_emergency(is_on=False)),
            ),
        }

    def _station(self, fault: Fault) -> Station:
        return self._run.stations[RobotId(fault.target)]

    def _rng(self, fault: Fault) -> np.random.Generator:
        return np.random.default_rng([self._seed, fault.number, 1])

    def _disturb(self, fault: Fault) -> None:
        kind = fault.kind
        disturbance = Disturbance(
            rng=self._rng(fault),
            loss=fault.amount if kind is FaultKind.LOSS else 0.0,
            duplication=fault.amount if kind is FaultKind.DUPLICATION else 0.0,
            delay=fault.amount if kind is FaultKind.DELAY else 0.0,
            cuts_up=kind in (FaultKind.CUT, FaultKind.CUT_FROM_ROBOT),
            cuts_down=kind in (FaultKind.CUT, FaultKind.CUT_TO_ROBOT),
        )
        self._run.network.disturb(RobotId(fault.target), fault.number, disturbance)

    def _restore(self, fault: Fault) -> None:
        self._run.network.restore(RobotId(fault.target), fault.number)

    def _kill_fleet_at_write(self, fault: Fault) -> None:
        self._run.disk.kills[fault.number] = fault.amount >= 0.5

    def _kill_robot_at_write(self, fault: Fault) -> None:
        self._station(fault).disk.kills[fault.number] = fault.amount >= 0.5

    def _fail_ledger(self, fault: Fault) -> None:
        self._run.disk.failing[fault.number] = (fault.amount, self._rng(fault))

    def _restore_ledger(self, fault: Fault) -> None:
        self._run.disk.failing.pop(fault.number, None)

    def _fail_custody(self, fault: Fault) -> None:
        self._station(fault).disk.failing[fault.number] = (fault.amount, self._rng(fault))

    def _restore_custody(self, fault: Fault) -> None:
        self._station(fault).disk.failing.pop(fault.number, None)

    def _lie(self, fault: Fault) -> None:
        self._station(fault).body.false_soc = math.nan if fault.amount > _SILENT_GAUGE else fault.amount

    def _tell_truth(self, fault: Fault) -> None:
        self._station(fault).body.false_soc = None

    def _bar(self, fault: Fault) -> None:
        lane = self._run.site.lanes[LaneId(fault.target)]
        start, end = self._run.site.nodes[lane.start], self._run.site.nodes[lane.end]
        self._barriers[fault.number] = (start.level, (start.x + end.x) / 2, (start.y + end.y) / 2)
        self._set_barriers()

    def _unbar(self, fault: Fault) -> None:
        self._barriers.pop(fault.number, None)
        self._set_barriers()

    def _set_barriers(self) -> None:
        barriers = tuple(self._barriers.values())
        for station in self._run.stations.values():
            station.advance()
            station.body.barriers = barriers

    def _leave(self, fault: Fault) -> None:
        self._run.population.leave(self._rng(fault))
        self._run.wake_people()

    def _send_away(self, fault: Fault) -> None:
        until_ns = self._run.scheduler.now_ns() + to_ns(fault.duration)
        self._run.population.send_away(PersonId(fault.target), until_ns)

    def _cancel(self, fault: Fault) -> None:
        dispatcher = self._run.fleet.dispatcher
        tasks = () if dispatcher is None else dispatcher.tasks(with_finished=False)
        if not tasks:
            return
        task = tasks[int(self._rng(fault).integers(len(tasks)))]
        try:
            self._run.fleet.call(lambda fleet: fleet.cancel(task.task_id, "an operator has changed their mind"))
        except (LinkError, LedgerError, RequestError):
            return  # the operator sees an error and lets it be

    def _take_over(self, fault: Fault) -> None:
        driver = HandDriver(self._run, RobotId(fault.target), self._rng(fault))
        self._drivers[fault.number] = driver
        driver.begin()

    def _give_back(self, fault: Fault) -> None:
        self._drivers.pop(fault.number).finish()

    def _take_out(self, fault: Fault) -> None:
        robot, rng = RobotId(fault.target), self._rng(fault)
        self._removals[fault.number] = Removal(self._run, robot, rng, arrival=fault.amount, tell=self._change)
        self._removals[fault.number].begin()

    def _bring_back(self, fault: Fault) -> None:
        self._removals.pop(fault.number).finish()

    def _change(self, change: RuleChange) -> None:
        try:
            self._run.fleet.call(lambda fleet: fleet.set_traffic_rules(change(fleet.traffic_rules)))
        except (LinkError, LedgerError):
            self._run.scheduler.after(_AGAIN, lambda: self._change(change))

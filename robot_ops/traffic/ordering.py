"""Keeps the order of moves of the whole fleet valid and complete: plans what has no way, repairs what was disturbed.

Where robots are late, the order adapts: who passes first is switched where that lets the fleet arrive earlier
(`dependencies`), and other ways are looked for; a robot that waits for long for another that does not move is planned
once more, around it.
"""

import logging
from collections.abc import Mapping
from typing import Final

import numpy as np

from robot_ops.core.clock import seconds_between, to_ns
from robot_ops.core.ids import RobotId
from robot_ops.traffic.clearing import clear_moves
from robot_ops.traffic.conflicts import ConflictMap
from robot_ops.traffic.dependencies import DependencyGraph, walks_of_bodies
from robot_ops.traffic.graph import Arc, LaneGraph
from robot_ops.traffic.planner import Obstacle, Planner
from robot_ops.traffic.schedule import Body, Move, fault
from robot_ops.traffic.track import Track

_RETRY_SECONDS: Final = (1.0, 2.0, 4.0, 8.0)
"""Pauses between attempts to plan those that could not be planned, while nobody's goal changes."""
_LATE_SECONDS: Final = 4.0
"""A robot that waits so long for one that does not move is planned once more."""
_RELIEF_SECONDS: Final = 6.0
"""Pause between two such attempts for one robot."""
_RELIEF_GAIN: Final = 3.0
"""Seconds that it must gain."""
_DETOUR_SECONDS: Final = 5.0
"""Pause between two attempts to find other ways for all, while anybody waits for another."""
_DETOUR_GAIN: Final = 5.0
"""Weighted seconds that all together must gain by other ways."""
_SWITCH_SECONDS: Final = 1.0
"""Pause between two attempts to switch who passes first, while anybody waits for another."""
_SWITCH_GAIN: Final = 2.0
"""Seconds of all robots' travel together that a switch must gain: expected times are no better than that."""
_SWITCH_BUDGET: Final = 20_000
"""How often moves may be looked at in one attempt: some milliseconds."""
_log = logging.getLogger(__name__)


class FleetOrder:
    """The moves of all robots in order, and who has none yet.

    Attributes:
        moves: not cleared yet, in order; always free of faults once `plan` has run.
        blocked: per robot whose next move must wait, that move's arc and the robots it waits for.
        obstacles: per robot that cannot be planned now, who is in the way of its goal.
        unplanned: robots whose moves do not lead to their goals.
        alarm: what is wrong with planning itself, for people; empty where nothing is. The last valid order is carried
            out meanwhile.
    """

    def __init__(self, graph: LaneGraph, conflicts: ConflictMap) -> None:
        self.moves: list[Move] = []
        self.blocked: dict[RobotId, tuple[Arc, tuple[RobotId, ...]]] = {}
        self.obstacles: dict[RobotId, Obstacle] = {}
        self.unplanned: set[RobotId] = set()
        self.alarm = ""
        self._graph = graph
        self._conflicts = conflicts
        self._planner = Planner(graph, conflicts)
        self._new: set[RobotId] = set()
        self._silent: frozenset[RobotId] = frozenset()
        self._is_disturbed = False
        self._attempts = 0
        self._retry_ns = 0
        self._blocked_ns: dict[RobotId, int] = {}
        self._relief_ns: dict[RobotId, int] = {}
        self._switch_ns = 0
        self._detour_ns = 0

    @property
    def is_settled(self) -> bool:
        """Return whether all have a way and none must wait: it stays so until somebody is heard."""
        is_planned = not (self.unplanned or self._new or self._is_disturbed or self.alarm)
        return is_planned and not self.blocked

    @property
    def concerned(self) -> set[RobotId]:
        """Return the robots that have moves, or should have."""
        return {move.robot for move in self.moves} | self.unplanned | self.obstacles.keys()

    def want(self, robot: RobotId) -> None:
        """Note that the robot's goal has changed."""
        self._new.add(robot)
        self._attempts = 0

    def disturb(self, robot: RobotId) -> None:
        """Note that the robot is not where the order has it; what does not fit any more is dropped."""
        self.drop(robot)
        self._is_disturbed = True
        self.want(robot)

    def check(self) -> None:
        """Note that somebody takes up more or less room than before."""
        self._is_disturbed = True
        self._attempts = 0

    def drop(self, robot: RobotId) -> None:
        """Take all the robot's moves out."""
        self.moves = [move for move in self.moves if move.robot != robot]
        self._is_disturbed = True

    def give_back(self, moves: list[Move]) -> None:
        """Put moves that a robot was cleared for, and does not hold, in front of the order."""
        self.moves = [*moves, *self.moves]

    def plan(self, tracks: Mapping[RobotId, Track], goals: Mapping[RobotId, int | None], now_ns: int) -> None:
        """Plan whoever needs it; afterward the order is valid.

        Where planning fails or gives an order with a fault, what was valid of the old order stands, and `alarm` says
        so until planning succeeds again.
        """
        self._note_silence(tracks, now_ns)
        if self.alarm and now_ns < self._retry_ns:
            self._keep(tracks, goals, now_ns)
            return
        before, new, unplanned = self.moves, set(self._new), set(self.unplanned)
        was_disturbed = self._is_disturbed
        failure: Exception | None = None
        try:
            self._plan(tracks, goals, now_ns)
            wrong = "" if self.moves is before else self._fault(tracks, goals, now_ns)
        except Exception as error:  # noqa: BLE001 - whatever planning gets wrong, robots go on by the valid order
            wrong, failure = f"{type(error).__name__}: {error}", error
        if not wrong:
            self.alarm = ""
            return
        if not self.alarm:
            _log.error("Planning failed; the robots go on by the last valid order: %s", wrong, exc_info=failure)
        self.alarm = f"planning fails and is tried again; the robots go on as planned before ({wrong})"
        self.moves, self._new, self.unplanned = before, new, unplanned
        self._is_disturbed = was_disturbed
        self._pause(now_ns)
        self._keep(tracks, goals, now_ns)

    def _plan(self, tracks: Mapping[RobotId, Track], goals: Mapping[RobotId, int | None], now_ns: int) -> None:
        is_retry = bool(self.unplanned) and now_ns >= self._retry_ns
        if not (self._is_disturbed or self._new or is_retry):
            self._adapt(tracks, goals, now_ns)
            return
        bodies = self._bodies(tracks, goals, now_ns)
        if self._is_disturbed:
            self._repair(bodies, goals)
        for robot in sorted(self._new | self.unplanned, key=lambda r: bodies[r].rank if r in bodies else (0, 0, "")):
            if robot in bodies:
                self._plan_one(bodies, robot, goals[robot])
        self._new.clear()
        self.unplanned &= bodies.keys()
        if self.unplanned:
            self._plan_all(self._bodies(tracks, goals, now_ns), now_ns)
            self._pause(now_ns)
        else:
            self.obstacles = {}
            self._attempts = 0

    def _pause(self, now_ns: int) -> None:
        """Put the next attempt off, longer each time."""
        self._retry_ns = now_ns + to_ns(_RETRY_SECONDS[min(self._attempts, len(_RETRY_SECONDS) - 1)])
        self._attempts += 1

    def _keep(self, tracks: Mapping[RobotId, Track], goals: Mapping[RobotId, int | None], now_ns: int) -> None:
        """Take out of the order what cannot be driven as robots stand now; an empty one always can."""
        if self._is_disturbed and self._fault(tracks, goals, now_ns):
            self.moves = []
            self._new |= {robot for robot, goal in goals.items() if goal is not None}

    def _fault(self, tracks: Mapping[RobotId, Track], goals: Mapping[RobotId, int | None], now_ns: int) -> str:
        return fault(self._bodies(tracks, goals, now_ns), self.moves, self._conflicts)

    def clear(self, tracks: Mapping[RobotId, Track], now_ns: int) -> bool:
        """Clear what can be cleared now; return whether that was anything."""
        cleared = clear_moves(tracks, self.moves, graph=self._graph, conflicts=self._conflicts, now_ns=now_ns)
        is_any = len(cleared.moves) < len(self.moves)
        self.moves, self.blocked = cleared.moves, cleared.blocked
        self._blocked_ns = {robot: self._blocked_ns.get(robot, now_ns) for robot in self.blocked}
        return is_any

    def moves_by_robot(self) -> dict[RobotId, list[Arc]]:
        """Return, per robot that has any, the arcs it is still to be cleared for."""
        arcs: dict[RobotId, list[Arc]] = {}
        for move in self.moves:
            arcs.setdefault(move.robot, []).append(move.arc)
        return arcs

    def is_reachable(self, track: Track, goal: int) -> bool:
        """Return whether lanes that it may drive lead from the end of its clearance to the node, others aside."""
        return self._planner.is_reachable(track.robot, track.node, goal)

    def _bodies(
        self, tracks: Mapping[RobotId, Track], goals: Mapping[RobotId, int | None], now_ns: int
    ) -> dict[RobotId, Body]:
        movers = {move.robot for move in self.moves}
        return {
            robot: track.body(now_ns, goals[robot], is_staying=robot not in movers)
            for robot, track in tracks.items()
            if track.path or track.taken
        }

    def _note_silence(self, tracks: Mapping[RobotId, Track], now_ns: int) -> None:
        silent = frozenset(robot for robot, track in tracks.items() if track.is_silent(now_ns))
        if silent == self._silent:
            return
        for robot in sorted(silent - self._silent):
            self.drop(robot)
            self.unplanned.discard(robot)
        for robot in sorted(self._silent - silent):
            self.want(robot)
        self._silent = silent
        self.check()

    def _repair(self, bodies: Mapping[RobotId, Body], goals: Mapping[RobotId, int | None]) -> None:
        self._is_disturbed = False
        if fault(bodies, self.moves, self._conflicts):
            self.moves = []
            self._new |= {robot for robot, goal in goals.items() if goal is not None}

    def _plan_one(self, bodies: dict[RobotId, Body], robot: RobotId, goal: int | None) -> None:
        """Plan a robot to its goal; else to where it can wait; else its old moves stand, which are valid at least."""
        if bodies[robot].is_firm:
            self.unplanned.discard(robot)
            return
        moves = self._planner.insert(bodies, self.moves, robot, goal)
        if moves is not None:
            self.moves = moves
            self.unplanned.discard(robot)
            return
        self.unplanned.add(robot)
        if goal is not None and robot in self._new:
            aside = self._planner.approach(bodies, self.moves, robot, goal)
            if aside is None:
                aside = self._planner.insert(bodies, self.moves, robot, None)
            self.moves = aside if aside is not None else self.moves

    def _plan_all(self, bodies: dict[RobotId, Body], now_ns: int) -> None:
        self.obstacles = self._planner.obstacles(bodies)
        waiting = sorted(self.unplanned - self.obstacles.keys(), key=lambda r: bodies[r].rank)
        if not waiting:
            return
        arrangement = self._planner.arrange(bodies, self.obstacles, now_ns)
        if arrangement is None or waiting[0] not in arrangement.planned:
            return
        self.moves = arrangement.moves
        wanted = {body.robot for body in bodies.values() if body.goal is not None and not body.is_firm}
        self.unplanned = wanted - arrangement.planned

    def _adapt(self, tracks: Mapping[RobotId, Track], goals: Mapping[RobotId, int | None], now_ns: int) -> None:
        """Change the order to what is late."""
        waiting = [robot for robot in self._blocked_ns if tracks[robot].reached == len(tracks[robot].path) - 1]
        if not waiting:
            return
        if now_ns - self._switch_ns >= to_ns(_SWITCH_SECONDS):
            self._switch_ns = now_ns
            if self._switch(self._bodies(tracks, goals, now_ns)):
                return
        if now_ns - self._detour_ns >= to_ns(_DETOUR_SECONDS):
            self._detour_ns = now_ns
            if self._detour(self._bodies(tracks, goals, now_ns), goals):
                return
        for robot in waiting:
            is_due = now_ns - self._relief_ns.get(robot, -to_ns(_RELIEF_SECONDS)) >= to_ns(_RELIEF_SECONDS)
            is_long = seconds_between(self._blocked_ns[robot], now_ns) >= _LATE_SECONDS
            if is_due and is_long and robot not in self.unplanned and goals[robot] is not None:
                self._relief_ns[robot] = now_ns
                self._relieve(self._bodies(tracks, goals, now_ns), robot, goals[robot])
                return

    def _switch(self, bodies: dict[RobotId, Body]) -> bool:
        """Let others pass first where the fleet gains by it; return whether that was anywhere."""
        walks, ready = walks_of_bodies(bodies, self.moves, self._planner.tables)
        graph = DependencyGraph(self._planner.tables.graph, walks, np.array([body.weight for body in bodies.values()]))
        graph.set_progress(np.zeros(len(bodies), dtype=np.int32), ready)
        if graph.improve(_SWITCH_BUDGET, _SWITCH_GAIN) <= 0.0:
            return False
        self.moves = [self.moves[k] for k in graph.order().tolist()]
        return True

    def _detour(self, bodies: dict[RobotId, Body], goals: Mapping[RobotId, int | None]) -> bool:
        """Let robots take other ways where all gain by it; return whether any does."""
        movable = {robot: goals[robot] for robot, body in bodies.items() if not body.is_firm}
        before, self.moves = self.moves, self._planner.improve(bodies, self.moves, movable, gain=_DETOUR_GAIN)
        return self.moves is not before

    def _relieve(self, bodies: dict[RobotId, Body], robot: RobotId, goal: int | None) -> None:
        """Plan one robot once more that waits for others that do not move."""
        moves = self._planner.insert(bodies, self.moves, robot, goal)
        if moves is not None:
            before = self._planner.arrival(bodies, self.moves, robot)
            if self._planner.arrival(bodies, moves, robot) < before - _RELIEF_GAIN:
                self.moves = moves
